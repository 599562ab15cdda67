#!/bin/sh
# Results do not depend on how many columns there are, on how many threads serve them, or on what ran
# before: the same bytes each time.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
DICTATE=${DICTATE:-$PWD/build/dictate}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

set -- npu/models/samples/*.flac
if [ ! -e "$1" ]; then
    echo "skip columns: no sample in npu/models/samples"
    exit 0
fi
clip=$1

# Events that tell times or the number of columns are not compared.
text() { # COLUMNS THREADS FORMAT
    "$DICTATE" "--$3" --fast --columns "$1" --threads "$2" "$clip" </dev/null 2>"$dir/err" |
        if [ "$3" = json ]; then grep '"segment"'; else cat; fi
}

for format in txt json; do
    text 8 1 $format >"$dir/want"
    if [ ! -s "$dir/want" ]; then
        echo "not ok columns --$format: nothing came out: $(cat "$dir/err")"
        continue
    fi
    for threads in 1 2; do
        for columns in 1 2 3 4 5 6 7 8; do
            # Sanitizers are slow: the corners will do.
            case ${VARIANT:-rel}$columns in asan[2-7] | tsan[2-7]) continue ;; esac
            text $columns $threads $format >"$dir/got"
            if cmp -s "$dir/want" "$dir/got"; then
                echo "ok columns --$format --columns $columns --threads $threads"
            else
                echo "not ok columns --$format --columns $columns --threads $threads: other bytes"
                diff "$dir/want" "$dir/got" | head -4
            fi
        done
    done
done

# Kernels that are forced by hand: INT8 is exact on every one of them.  Plain C takes a quarter of an hour under
# ThreadSanitizer, which looks for races and not for sums: there the narrow kernels stand for it.
case $(uname -m) in
aarch64) kinds="neon neon-i8mm" narrow=neon ;;
*) kinds="avx2 avxvnni avx512 amx" narrow=avx2 ;;
esac
law=c
[ "${VARIANT:-rel}" = tsan ] && law=$narrow
DICTATE_CPU=$law "$DICTATE" --txt --fast "$clip" </dev/null >"$dir/c" 2>"$dir/err"
for cpu in $kinds; do
    if DICTATE_CPU=$cpu "$DICTATE" --txt --fast "$clip" </dev/null >"$dir/got" 2>"$dir/err"; then
        if cmp -s "$dir/c" "$dir/got"; then
            echo "ok kernels DICTATE_CPU=$cpu writes what DICTATE_CPU=$law writes"
        else
            echo "not ok kernels DICTATE_CPU=$cpu writes something else than DICTATE_CPU=$law"
        fi
    else
        echo "skip kernels DICTATE_CPU=$cpu: $(head -c 200 "$dir/err")"
    fi
done
