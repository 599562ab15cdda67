#!/bin/sh
# Builds a small program that terminal tests need into $O (default build) and says where it is:
#     _tool.sh tests/ui/demo.c ui      an invented session on the real screen
#     _tool.sh tests/tui/raw.c audio   a sound file as raw samples
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
src=$1 room=$2
case ${VARIANT:-rel} in
asan) san=-fsanitize=address,undefined ;;
tsan) san=-fsanitize=thread ;;
*) san= ;;
esac
case $room in
ui) libs='ncursesw libutf8proc' ;;
*) libs='sndfile samplerate fftw3f alsa' ;;
esac
# Built already where make runs the tests: make inside of make would see other flags and build all anew.
[ -e "$O/lib$room.a" ] && [ -e "$O/libbase.a" ] ||
    make -s O="$O" VARIANT="${VARIANT:-rel}" "$O/lib$room.a" "$O/libbase.a" >&2
name=$(basename "$src" .c)
# shellcheck disable=SC2046,SC2086 # flags are words
${CC:-gcc} $san -std=c11 -Wall -Wextra -g -O1 -D_GNU_SOURCE -I. "$src" "$O/lib$room.a" "$O/libbase.a" \
    $(pkg-config --cflags --libs $libs) -lm -lpthread -o "$O/$name"
case $O in /*) echo "$O/$name" ;; *) echo "$PWD/$O/$name" ;; esac
