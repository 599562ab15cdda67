#!/bin/sh
# One fuzzer for FUZZ_SECONDS: fuzz.sh tests/fuzz/f_NAME.c
#
# Its corpus grows in $O/corpus/f_NAME; seeds come from tests/hostile_gen.py (kinds model, sound
# and table, by the fuzzer's name) and from tests/fuzz/f_NAME.seeds/ if there is one.  A finding is kept in
# $O/findings.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build/fuzz}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
src=$1
name=$(basename "$src" .c)
corpus=$O/corpus/$name
mkdir -p "$corpus" "$O/findings"

if [ ! -d "$O/seeds/model" ]; then
    mkdir -p "$O/seeds"
    python=$(sh tests/python.sh) && "$python" tests/hostile_gen.py seeds "$O/seeds"
fi
set -- "$corpus"
case $name in
*model* | *engine* | *tok*) set -- "$@" "$O/seeds/model" ;;
*wav* | *sound* | *src*) set -- "$@" "$O/seeds/sound" ;;
*table* | *score*) set -- "$@" "$O/seeds/table" ;;
esac
[ -d "tests/fuzz/$name.seeds" ] && set -- "$@" "tests/fuzz/$name.seeds"
[ -e "tests/fuzz/$name.dict" ] && set -- "$@" "-dict=tests/fuzz/$name.dict"

"$O/tests/fuzz/$name" "$@" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -artifact_prefix="$O/findings/$name-" -print_final_stats=1 2>&1
rc=$?
if [ $rc = 0 ]; then
    echo "ok fuzz $name for $FUZZ_SECONDS s"
else
    echo "not ok fuzz $name: a finding, kept in $O/findings"
fi
exit $rc
