#!/bin/sh
# Damaged models, sounds and tables, impossible arguments: each has to give one sentence that names the
# file, a documented exit code, no crash, and stay within limits of time and memory.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
DICTATE=${DICTATE:-$top/build/dictate}
dir=$(mktemp -d)
trap 'chmod -R u+rwx "$dir"; rm -rf "$dir"' EXIT

if ! python=$(sh tests/python.sh); then
    echo "skip hostile: no python3 to make the files"
    exit 0
fi
"$python" tests/hostile_gen.py cases "$dir" || exit 1
cd "$dir" || exit 1
HOME=$dir/home
XDG_DATA_HOME=$dir/home/data
export HOME XDG_DATA_HOME
unset DICTATE_MODEL

# Address space in kB; sanitizers need terabytes of it, so there only time is limited.
limit=4000000
seconds=20
case ${VARIANT:-rel} in
asan | tsan)
    limit=unlimited
    seconds=120
    ;;
esac

# run ID CODES TEXT < input: the arguments are in "$@" after the first three.
run() {
    id=$1 codes=$2 text=$3
    shift 3
    # shellcheck disable=SC3045 # dash knows ulimit -v
    (
        ulimit -v "$limit"
        exec timeout -k 5 "$seconds" "$DICTATE" "$@"
    ) >out 2>err
    rc=$?
    lines=$(wc -l <err)
    fault=
    case ,$codes, in
    *,$rc,*) ;;
    *) fault="exit code $rc, not $codes" ;;
    esac
    if [ $rc = 124 ] || [ $rc = 137 ]; then
        fault="more than $seconds s"
    elif grep -q 'Sanitizer\|runtime error' err; then
        fault="sanitizer: $(grep -m1 'Sanitizer\|runtime error' err)"
    elif [ $rc != 0 ] && [ "$lines" != 1 ]; then
        fault="${fault:+$fault; }$lines lines on standard error, not 1"
    elif [ $rc != 0 ] && ! grep -q '^dictate: ' err; then
        fault="${fault:+$fault; }no sentence"
    elif [ $rc != 0 ] && ! grep -qF -e "$text" err; then
        fault="${fault:+$fault; }the sentence does not name $text"
    elif [ "$(tr -d '\n\t -~\200-\377' <err | wc -c)" != 0 ]; then
        fault="${fault:+$fault; }control characters on standard error"
    fi
    if [ -z "$fault" ]; then
        echo "ok hostile $id"
    else
        echo "not ok hostile $id: $fault: $(head -c 300 err | tr '\n' '|')"
    fi
}

tab=$(printf '\t')
while IFS=$tab read -r id codes text args; do
    # shellcheck disable=SC2086 # arguments in words
    run "$id" "$codes" "$text" $args </dev/null
done <cases.tsv

good='--txt -q --model ./m-good.bin'
# shellcheck disable=SC2086 # arguments in words
{
    run "standard input empty" 0,9 "standard input" $good - </dev/null
    run "standard input closed" 9 "standard input" $good - <&-
    run "standard input folder" 9 "standard input" $good - <folder
    run "standard input garbage after RIFF" 0,9 "standard input" $good - <rate-0.wav
    run "standard input odd bytes" 0,9 "standard input" $good - <one-byte.wav
    cp m-good.bin m-cut.bin
    truncate -s -1 m-cut.bin
    mv m-cut.bin "$(printf 'm\033[31m\a\nx.bin')"
    run "model with escapes in its name" 6 "x.bin" --txt --model "./$(printf 'm\033[31m\a\nx.bin')" \
        good.wav </dev/null
    cp garbage.wav "$(printf 's\033[31m\a\nx.wav')"
    run "sound with escapes in its name" 9 "x.wav" $good "$(printf 's\033[31m\a\nx.wav')" </dev/null
    DICTATE_CPU=mmx run "DICTATE_CPU unknown" 2 "mmx" $good good.wav </dev/null
    long=$(printf '%05000d' 0)
    run "name of 5000 bytes" 9 "000" $good "./$long.wav" </dev/null
    run "model name of 5000 bytes" 6 "000" --txt --model "./$long" good.wav </dev/null
    if [ "$(id -u)" = 0 ]; then
        echo "skip hostile unreadable files: root may read everything"
    else
        cp good.wav locked.wav
        cp m-good.bin m-locked.bin
        chmod 000 locked.wav m-locked.bin
        run "sound unreadable" 9 "locked.wav" $good locked.wav </dev/null
        run "model unreadable" 6 "m-locked.bin" --txt --model ./m-locked.bin good.wav </dev/null
    fi
}
