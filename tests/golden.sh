#!/bin/sh
# The numbers against the golden files beside the repository: f32 has to be equal within their bounds,
# int8 is reported, and has to agree on forced decodes.  The models are made from their arguments, into
# a cache outside the repository: $DICTATE_MODELS, or dictate/golden below the user's cache folder.
set -u
cd "$(dirname "$0")/.." || exit 1
SHARED=${SHARED:-../shared}
O=${O:-build}
DICTATE=${DICTATE:-$PWD/build/dictate}
gold=$SHARED/golden
models=${DICTATE_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/dictate/golden}

if [ ! -e "$gold/cases.tsv" ]; then
    echo "skip golden: $gold is not there (it is no part of the repository)"
    exit 0
fi
if ! python=$(sh tests/python.sh numpy); then
    echo "skip golden: no python3 with numpy"
    exit 0
fi

# Models: made when missing, and checked every time.
mkdir -p "$models" "$O/golden" || exit 1
tab=$(printf '\t')
grep -v '^#' "$gold/models.tsv" >"$O/golden-models"
while IFS=$tab read -r id file args bytes sum; do
    path=$models/$file
    if [ ! -e "$path" ] || [ "$(wc -c <"$path")" != "$bytes" ]; then
        echo "making $path"
        # shellcheck disable=SC2086 # arguments in words
        "$python" "$SHARED/tools/make_synthetic_model.py" $args -o "$models" >/dev/null || exit 1
    fi
    if [ "$(sha256sum "$path" | cut -d' ' -f1)" != "$sum" ]; then
        echo "not ok golden model $id: $path is not the one that the golden files were made with"
        exit 1
    fi
done <"$O/golden-models"
rm -f "$O/golden-models"

# A set is a folder with cases.tsv and everything else of the golden folder by links.  Sanitizers are
# ten times slower: small models and a choice of cases will do there.
choose() { # SET AWK-PROGRAM
    rm -rf "$O/golden/$1"
    mkdir -p "$O/golden/$1"
    ln -s "$(cd "$gold" && pwd)"/* "$O/golden/$1/"
    # some clips are named relative to the golden folder
    [ -e "$O/golden/data" ] || ln -s "$(cd "$SHARED/data" && pwd)" "$O/golden/data"
    rm "$O/golden/$1/cases.tsv"
    awk -F'\t' "/^#/ {print; next} $2" "$gold/cases.tsv" >"$O/golden/$1/cases.tsv"
}
case ${VARIANT:-rel} in
rel)
    # shellcheck disable=SC2016 # awk fields
    choose set-f32 '{print}'
    # shellcheck disable=SC2016 # awk fields
    choose set-int8 '$2 ~ /^(enc|logits|forced)$/'
    ;;
*)
    # shellcheck disable=SC2016 # awk fields
    choose set-f32 '$2 ~ /^(mel|blocks|gelu|special|tokenizer|detokenizer)$/ || ($3 ~ /micro/ && n[$2]++ < 2)'
    # shellcheck disable=SC2016 # awk fields
    choose set-int8 '$2 ~ /^(logits|forced)$/ && $3 ~ /micro/ && n[$2]++ < 2'
    ;;
esac

dump() { # PRECISION
    rm -rf "$O/golden/$1"
    mkdir -p "$O/golden/$1"
    start=$(date +%s)
    "$DICTATE" --dump "$O/golden/$1" --cases "$O/golden/set-$1/cases.tsv" --models "$models" \
        --precision "$1" -q </dev/null
    rc=$?
    echo "# $1: written in $(($(date +%s) - start)) s"
    if [ $rc != 0 ]; then
        echo "not ok golden $1: the program ended with $rc"
        return 1
    fi
}

# The comparison says "ok   ID ..." or "FAIL ID ...".
if dump f32; then
    "$python" "$SHARED/tools/compare_golden.py" --exact --missing "$O/golden/f32" "$gold" >"$O/golden/f32.txt"
    sed -n 's/^ok   */ok golden /p; s/^FAIL  */not ok golden /p' "$O/golden/f32.txt"
    sed -n '/^$/,/ outputs missing$/p' "$O/golden/f32.txt" | sed 's/^/# /'
    if [ "${VARIANT:-rel}" = rel ]; then
        # x of gelu is an input, though the manifest does not say so.
        lack=$(sed '1,/ outputs missing$/d' "$O/golden/f32.txt" | grep -cv '^ops/gelu\.x\.f32$')
        if [ "$lack" = 0 ] && grep -q ' outputs missing$' "$O/golden/f32.txt"; then
            echo "ok golden f32: no output is missing"
        else
            echo "not ok golden f32: $lack outputs are missing"
        fi
    fi
fi

# INT8: the same arrays, reported; forced decodes have to agree.
if dump int8; then
    "$python" tests/golden_int8.py "$O/golden/int8" "$gold"
fi
