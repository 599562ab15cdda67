#!/bin/sh
# The NEON kernels: built with a cross compiler into $O/neon, run under qemu's user emulation.  Every table
# against the reference, bit for bit; the whole program against the native one, byte for byte.  Emulation
# says nothing about speed.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
DICTATE=${DICTATE:-$PWD/$O/dictate}
case ${VARIANT:-rel} in
rel) ;;
*) echo "skip neon: emulated, without sanitizers: the same in every variant"; exit 0 ;;
esac
if [ "$(uname -m)" = aarch64 ]; then
    echo "skip neon: this machine has them itself, and every other suite runs them"
    exit 0
fi
sysroot=$(mkdir -p "$O/neon" && cd "$O/neon" && pwd)/sysroot
lacks=$(sh tests/deps.sh missing neon)
[ -e "$sysroot/complete" ] || lacks="${lacks:+$lacks }arm64-libraries"
if [ -n "$lacks" ]; then
    echo "skip neon: missing here: $lacks (make neon-deps installs it)"
    exit 0
fi
rm -f "$O"/neon/rc.* "$O"/neon/log.* "$O"/neon/got.*
cross=aarch64-linux-gnu
emulated="qemu-aarch64 -L $sysroot"
tests="kernels/t_equal kernels/t_aie2_manifest base/t_floor base/t_text"
built=$O/neon
if ! env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CPPFLAGS -u UNIT CFLAGS="--sysroot=$sysroot" \
    PKG_CONFIG_SYSROOT_DIR="$sysroot" \
    PKG_CONFIG_LIBDIR="$sysroot/usr/lib/$cross/pkgconfig:$sysroot/usr/share/pkgconfig" \
    make -s CC=$cross-gcc PKG=pkg-config O="$built" VARIANT=rel all $(printf "$built/tests/%s " $tests); then
    echo "not ok neon: it does not build"
    exit 1
fi
bad=0
# try TEST: its log is $built/log.NAME, its status $built/rc.NAME
try() {
    # shellcheck disable=SC2086 # a command and its options
    $emulated "$built/tests/$1" >"$built/log.${1#*/}" 2>&1
    echo $? >"$built/rc.${1#*/}"
}
clip=npu/models/samples/numbers.flac
# hear KIND: what the program writes on those kernels is $built/got.KIND, its status $built/rc.KIND
hear() {
    DICTATE_CPU=$1 $emulated "$built/dictate" --txt --fast --threads 1 --model npu/models/dictate-small.bin "$clip" \
        </dev/null >"$built/got.$1" 2>"$built/log.$1"
    echo $? >"$built/rc.$1"
}
# The long ones beside each other, with one thread each.
for kind in neon neon-i8mm; do
    hear $kind &
done
try kernels/t_equal
wait
"$DICTATE" --txt --fast "$clip" </dev/null >"$built/want" 2>"$built/err" || cat "$built/err"
for kind in neon neon-i8mm; do
    if [ "$(cat "$built/rc.$kind")" = 0 ] && [ -s "$built/want" ] && cmp "$built/want" "$built/got.$kind"; then
        echo "ok neon: DICTATE_CPU=$kind writes what this machine writes"
    else
        cat "$built/log.$kind"
        echo "not ok neon: DICTATE_CPU=$kind writes something else than this machine"
        bad=1
    fi
done

for t in $tests; do
    name=${t#*/}
    [ "$name" = t_equal ] || try "$t"
    cat "$built/log.$name"
    rc=$(cat "$built/rc.$name")
    [ "$rc" = 0 ] || { echo "not ok neon: $t ended with status $rc"; bad=1; }
done
# A machine without these products would have compared nothing.
for table in neon-dotprod neon-i8mm; do
    if grep -q "^compared: $table\$" "$built/log.t_equal"; then
        echo "ok neon: $table was compared with the reference"
    else
        echo "not ok neon: $table was not compared"
        bad=1
    fi
done
O=$built CC=$cross-gcc OBJDUMP=$cross-objdump sh tests/check_isa.sh || bad=1
exit $bad
