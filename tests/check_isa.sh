#!/bin/sh
# Only kernels/host may hold wide-vector code: anything else would crash an older CPU at start-up.
# There, k_avx2 may hold no 512-bit and no mask register either, and only k_amx may name tiles: these
# it must, or the compiler was asked for something else.
set -eu
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
if [ "$(uname -m)" != x86_64 ]; then
    echo "skip isa: the check knows x86-64 only"
    exit 0
fi
list=$(mktemp)
trap 'rm -f "$list"' EXIT
# Other variants live below build/ too: not ours.
find "$O" -name '*.o' ! -path "$O/asan/*" ! -path "$O/tsan/*" ! -path "$O/fuzz/*" \
    ! -path "$O/tests/*" >"$list"
tile='%tmm|ldtilecfg|sttilecfg|tilerelease'
bad=0
said() { objdump -d --no-show-raw-insn "$1" 2>/dev/null | grep -cE "$2" || true; }
while read -r o; do
    case $o in
    */kernels/host/k_amx.o)
        for i in ldtilecfg tileloadd tdpbsud tdpbusd tilestored tilerelease; do
            [ "$(said "$o" "$i")" != 0 ] || { echo "$o has no $i"; bad=1; }
        done
        continue
        ;;
    */kernels/host/k_avx2.o | */kernels/host/k_amx_model.o) regs="%zmm|%k[0-7]|$tile" ;;
    */kernels/host/*) regs=$tile ;;
    *) regs="%[yz]mm|$tile" ;;
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
