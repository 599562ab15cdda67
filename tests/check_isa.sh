#!/bin/sh
# Only kernels/host may hold wide-vector code: anything else would crash an older CPU at start-up.
# There, k_avx2 may hold no 512-bit and no mask register either.
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
bad=0
while read -r o; do
    case $o in
    */kernels/host/k_avx2.o | */kernels/host/k_amx_model.o) regs='%zmm|%k[0-7]' ;;
    */kernels/host/*) continue ;;
    *) regs='%[yz]mm' ;;
    esac
    n=$(objdump -d --no-show-raw-insn "$o" 2>/dev/null | grep -cE "$regs" || true)
    if [ "$n" != 0 ]; then
        echo "$o has $n operands with $regs"
        bad=1
    fi
done <"$list"
[ -s "$list" ] || { echo "no objects in $O"; bad=1; }
[ $bad = 0 ] && echo "ok isa" || echo "not ok isa"
exit $bad
