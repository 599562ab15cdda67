#!/bin/sh
# The whole program on AMX kernels writes what it writes on the vector kernels: text, times, probabilities.
# Where the CPU has no tiles, their instructions are caught and done in C (kernels/amx_trap.h), which takes
# half a minute of CPU time for a clip.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
DICTATE=${DICTATE:-$PWD/build/dictate}
AMX=$O/tests/kernels/dictate_amx
DICTATE_MODEL=${DICTATE_MODEL:-$PWD/npu/models/dictate-small.bin}
export DICTATE_MODEL
clip=npu/models/samples/numbers.flac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

case ${VARIANT:-rel} in
asan | tsan)
    echo "skip amx: under sanitizers unit_kernels_equal alone runs these kernels"
    exit 0
    ;;
esac
if [ ! -e "$clip" ]; then
    echo "skip amx: no $clip"
    exit 0
fi
if ! DICTATE_CPU=avx512 "$DICTATE" --json --fast "$clip" </dev/null >"$dir/want" 2>"$dir/err"; then
    echo "skip amx: $(head -c 200 "$dir/err")"
    exit 0
fi
if ! "$AMX" --json --fast "$clip" </dev/null >"$dir/got" 2>"$dir/err"; then
    echo "not ok amx: $AMX failed: $(head -c 200 "$dir/err")"
    exit 1
fi
if grep -q '"isa":"avx512-vnni"' "$dir/want" && grep -q '"isa":"amx-int8"' "$dir/got"; then
    echo "ok amx: each ran on the kernels it was asked for"
else
    echo "not ok amx: the same kernels ran twice, or others"
fi
# Events that tell times are not compared.
grep '"segment"' "$dir/want" >"$dir/a"
grep '"segment"' "$dir/got" >"$dir/b"
if [ -s "$dir/a" ] && cmp -s "$dir/a" "$dir/b"; then
    echo "ok amx: the same bytes"
else
    echo "not ok amx: other bytes"
    diff "$dir/a" "$dir/b" | head -4
fi
