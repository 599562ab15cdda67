#!/bin/sh
# Fills a folder with what the program needs to be built and run for arm64: libraries, headers, cmocka.
#    neon_sysroot.sh FOLDER      (17 MB fetched, 92 MB on disk)
#
# apt-get resolves and fetches with lists, cache and status of its own, as if for an empty arm64 system, and
# dpkg-deb unpacks: nothing is installed here, no foreign architecture is added, root is not needed.
set -eu
to=$1
packages="libcmocka-dev libsndfile1-dev libsamplerate0-dev libfftw3-dev libasound2-dev libdrm-dev libncurses-dev libutf8proc-dev"
fail() {
    echo "neon-deps: $1" >&2
    exit 1
}
[ -e "$to/complete" ] && exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    fail "there is no apt-get and dpkg-deb here; put arm64 builds of $packages below $to and make $to/complete"
mkdir -p "$to"
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
chmod 755 "$apt" # apt-get fetches as a user of its own when it is started by root
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
get() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" "$@" >"$apt/log" 2>&1 || {
        tail -n 5 "$apt/log" >&2
        return 1
    }
}
echo "neon-deps: fetching arm64 libraries into $to"
get update || fail "no lists of arm64 packages where this system gets its packages from"
# shellcheck disable=SC2086 # a list
get -y --no-install-recommends --download-only install $packages || fail "the arm64 packages did not come"
for deb in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$deb" "$to"
done
[ -e "$to/usr/include/cmocka.h" ] || fail "the arm64 packages hold no cmocka.h"
: >"$to/complete"
