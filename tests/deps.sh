#!/bin/sh
# What the build, the tests and the fuzzers need.   deps.sh missing|install [build] [test] [fuzz] [train] [neon]
#
# missing: prints the Debian packages of what is not there, on one line; nothing when all is there.
# install: says what it will do, then runs apt-get, through sudo when not root.
# From the Makefile: CC, PKG, LIBS (pkg-config names).
set -eu
CC=${CC:-gcc}
PKG=${PKG:-pkg-config}
LIBS=${LIBS:-}

# Debian 12 package of a pkg-config name.
package() {
    case $1 in
    sndfile) echo libsndfile1-dev ;;
    samplerate) echo libsamplerate0-dev ;;
    fftw3f) echo libfftw3-dev ;;
    alsa) echo libasound2-dev ;;
    libdrm) echo libdrm-dev ;;
    ncursesw) echo libncurses-dev ;;
    libutf8proc) echo libutf8proc-dev ;;
    *) echo "lib$1-dev" ;;
    esac
}

have() { command -v "$1" >/dev/null 2>&1; }

# A compiler without a C library to compile against (gcc without libc6-dev) is no compiler.
has_header() { printf '#include <%s>\n' "$2" | "$1" -E -x c - >/dev/null 2>&1; }

build() {
    if ! have "$CC"; then
        case $CC in *clang*) echo clang ;; *) echo gcc ;; esac
    fi
    { have "$CC" && has_header "$CC" stdio.h; } || echo libc6-dev
    have ar || echo binutils
    have "$PKG" || echo pkg-config
    for lib in $LIBS; do
        { have "$PKG" && "$PKG" --exists "$lib" 2>/dev/null; } || package "$lib"
    done
}

tests() {
    { have "$CC" && printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <cmocka.h>\n' |
        "$CC" -E -x c - >/dev/null 2>&1; } || echo libcmocka-dev
    have tmux || echo tmux
    # The device sources are C++, tested under an emulation.
    [ ! -e kernels/aie2/build.mk ] || have g++ || echo g++
    have python3 || echo python3
    have objdump || echo binutils
    # Only the comparison with the golden files needs it, and they are not in the repository.
    if [ -d "${SHARED:-../shared}/golden" ]; then
        sh tests/python.sh numpy >/dev/null || echo python3-numpy
    fi
}

fuzz() {
    have clang || echo clang
    { have clang && [ -e "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")" ]; } ||
        echo libclang-rt-14-dev
}

# To make the bundled model anew, and to test that; nothing of it is needed to use or to build the program.
train() {
    sh tests/python.sh torch numpy soundfile >/dev/null || echo python3-torch python3-numpy python3-soundfile libopenblas0-pthread
    have flite || echo flite
    have espeak-ng || echo espeak-ng
}

# To try the NEON kernels on another machine (tests/neon_sysroot.sh fetches the libraries for that).
neon() {
    { have aarch64-linux-gnu-gcc && have aarch64-linux-gnu-objdump; } || echo gcc-aarch64-linux-gnu
    { have aarch64-linux-gnu-gcc && has_header aarch64-linux-gnu-gcc stdio.h; } || echo libc6-dev-arm64-cross
    have qemu-aarch64 || echo qemu-user
}

missing() {
    for kind in "$@"; do
        case $kind in
        build) build ;;
        test) tests ;;
        fuzz) fuzz ;;
        train) train ;;
        neon) neon ;;
        esac
    done | sort -u | tr '\n' ' ' | sed 's/ *$//'
}

install() {
    want=$(missing "$@")
    if [ -z "$want" ]; then
        echo "deps: everything is there"
        return 0
    fi
    if ! have apt-get; then
        echo "deps: missing here (Debian package names): $want" >&2
        echo "deps: there is no apt-get; please install them with this system's own tool" >&2
        return 1
    fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        if ! have sudo; then
            echo "deps: missing here: $want; as root, run: apt-get install -y $want" >&2
            return 1
        fi
    fi
    echo "deps: missing here: $want"
    echo "deps: running: ${sudo:+sudo }apt-get update && ${sudo:+sudo }apt-get install -y --no-install-recommends $want"
    # shellcheck disable=SC2086 # both are lists of words
    $sudo apt-get update -q &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $want
    left=$(missing "$@")
    if [ -n "$left" ]; then
        echo "deps: still missing after that: $left" >&2
        return 1
    fi
}

what=${1:-missing}
[ $# -gt 0 ] && shift
case $what in
missing) missing "$@" ;;
install) install "$@" ;;
*) echo "deps.sh missing|install [build] [test] [fuzz] [train] [neon]" >&2; exit 2 ;;
esac
