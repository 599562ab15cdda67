#!/bin/sh
# Only kernels/host may hold code beyond the architecture's baseline: anything else would crash an older
# CPU at start-up.
# x86-64: no vectors wider than SSE's.  k_avx2 and k_avxvnni may hold no 512-bit and no mask register either, and
# only k_amx may name tiles.
# aarch64: NEON is the baseline; no products of bytes (ARMv8.2 and 8.6), half floats, SVE or single
# atomics.  k_neon may hold no products of mixed sign either.
# Tiles and products must be where they belong, or the compiler was asked for something else.
set -eu
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
OBJDUMP=${OBJDUMP:-objdump}
arch=$(${CC:-gcc} -dumpmachine)
arch=${arch%%-*}
tile='%tmm|ldtilecfg|sttilecfg|tilerelease'
mixed='\b[su]*mmla\b|\b(us|su)dot\b|\bbf(dot|mmla|mlal|cvt)'
dot='\b[su]dot\b|\bfml[as]l|\bsqrdml[as]h\b'
half='\bf(add|sub|mul|div|ml[as]|max|min|sqrt)[a-z]*[[:space:]]+(h[0-9]|v[0-9]+\.[48]h)'
other='\b[zp][0-9]+\.[bhsd]\b|\b(cas|swp|ld(add|clr|eor|set))a?l?[bh]?\b'
case $arch in
x86_64) base="%[yz]mm|$tile" ;;
aarch64) base="$mixed|$dot|$half|$other" ;;
*)
    echo "skip isa: the check knows x86-64 and aarch64 only"
    exit 0
    ;;
esac
command -v "$OBJDUMP" >/dev/null || { echo "not ok isa: no $OBJDUMP here"; exit 1; }
list=$(mktemp)
trap 'rm -f "$list"' EXIT
# Other variants live below build/ too: not ours.
find "$O" -name '*.o' ! -path "$O/asan/*" ! -path "$O/tsan/*" ! -path "$O/fuzz/*" ! -path "$O/neon/*" \
    ! -path "$O/tests/*" >"$list"
bad=0
said() { "$OBJDUMP" -d --no-show-raw-insn "$1" 2>/dev/null | grep -cE "$2" || true; }
# must OBJECT INSTRUCTION...
must() {
    in=$1
    shift
    for i in "$@"; do
        [ "$(said "$in" "\b$i\b")" != 0 ] || { echo "$in has no $i"; bad=1; }
    done
}
while read -r o; do
    case $o in
    */kernels/host/k_amx.o)
        must "$o" ldtilecfg tileloadd tdpbsud tdpbusd tilestored tilerelease
        continue
        ;;
    */kernels/host/k_avx2.o | */kernels/host/k_amx_model.o) regs="%zmm|%k[0-7]|vpdpbusd|$tile" ;;
    */kernels/host/k_avxvnni.o)
        must "$o" 'vex. vpdpbusd'
        regs="%zmm|%k[0-7]|$tile"
        ;;
    */kernels/host/k_neon.o)
        must "$o" sdot udot
        regs=$mixed
        ;;
    */kernels/host/k_neon_i8mm.o)
        must "$o" usdot
        continue
        ;;
    */kernels/host/*) regs=$tile ;;
    *) regs=$base ;;
    esac
    n=$(said "$o" "$regs")
    if [ "$n" != 0 ]; then
        echo "$o has $n operands with $regs"
        bad=1
    fi
done <"$list"
[ -s "$list" ] || { echo "no objects in $O"; bad=1; }
[ $bad = 0 ] && echo "ok isa" || echo "not ok isa"
exit $bad
