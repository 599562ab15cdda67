#!/bin/sh
# Builds tests/ui/demo.c, an invented session on the real screen, into $O (default build) and says
# where it is:   DICTATE=$(sh tests/tui/_demo.sh) sh tests/tui/exits.sh
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
case ${VARIANT:-rel} in
asan) san=-fsanitize=address,undefined ;;
tsan) san=-fsanitize=thread ;;
*) san= ;;
esac
make -s O="$O" VARIANT="${VARIANT:-rel}" "$O/libui.a" "$O/libbase.a" >&2
# shellcheck disable=SC2046,SC2086 # flags are words
${CC:-gcc} $san -std=c11 -Wall -Wextra -g -O1 -D_GNU_SOURCE -I. \
    tests/ui/demo.c "$O/libui.a" "$O/libbase.a" \
    $(pkg-config --cflags --libs ncursesw libutf8proc) -lm -o "$O/demo"
case $O in /*) echo "$O/demo" ;; *) echo "$PWD/$O/demo" ;; esac
