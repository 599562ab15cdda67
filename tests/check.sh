#!/bin/sh
# Runs suites and counts.   check.sh SUITE...     (called by the Makefile, which sets the variables)
#
# A suite prints lines `ok WHAT`, `not ok WHAT`, `skip WHAT: WHY`; cmocka programs print the same in
# TAP.  A suite that ends badly without a `not ok` counts as one failure.  Logs: $O/log/SUITE.log.
# Last line: N passed, N failed, N skipped.  Exit status 1 when something failed.
set -u
O=${O:-build}
SHARED=${SHARED:-../shared}
UNIT=${UNIT:-}
export O SHARED
logs=$O/log
mkdir -p "$logs"
passed=0 failed=0 skipped=0
start=$(date +%s)

# count NAME STATUS: adds what $logs/NAME.log says, prints one line, and the lines that matter.
count() {
    log=$logs/$1.log
    # cmocka 1.1 writes a skipped test as "not ok 3 # SKIP name".
    s=$(grep -Ec '^(skip |(not )?ok [0-9]+ # SKIP)' "$log")
    p=$(grep -E '^ok ' "$log" | grep -Evc '^ok [0-9]+ # SKIP')
    f=$(grep -E '^not ok ' "$log" | grep -Evc '^not ok [0-9]+ # SKIP')
    # A cmocka program that died half way has run fewer tests than its plan said.
    plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
    done=$(grep -Ec '^(not )?ok [0-9]+ ' "$log")
    if [ "$done" -lt "$plan" ]; then
        f=$((f + plan - done))
    elif [ "$2" -ne 0 ] && [ "$f" = 0 ]; then
        f=1
    elif [ "$((p + f + s))" = 0 ]; then
        p=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '  %-28s %4d passed  %3d failed  %3d skipped\n' "$1" "$p" "$f" "$s"
    # cmocka gives no reason; what the test printed before is taken for it.
    awk '/^skip / {print "      " $0; said = ""; next}
        /^(not )?ok [0-9]+ # SKIP/ {
            sub(/^.*# SKIP /, "")
            print "      skip " $0 ": " (said == "" ? "no reason given" : said)
        }
        {said = /^((not )?ok |1\.\.|# )/ ? "" : $0}' "$log"
    if [ "$f" -gt 0 ]; then
        case $2 in 124 | 137) echo "      took longer than its limit, stopped" ;; esac
        grep -E '^not ok ' "$log" | grep -Ev '# SKIP' | head -40 | sed 's/^/      /'
        echo "      -- last lines of $log"
        tail -n 25 "$log" | sed 's/^/      | /'
    fi
}

# suite NAME SECONDS COMMAND...
suite() {
    name=$1 limit=$2
    shift 2
    timeout -k 10 "$limit" "$@" >"$logs/$name.log" 2>&1 </dev/null
    count "$name" $?
}

# A build folder elsewhere does not have the bundled model beside it.
case $O in
build | build/*) ;;
*) export DICTATE_MODEL="${DICTATE_MODEL:-$PWD/npu/models/dictate-small.bin}" ;;
esac

# What sanitizers do on a finding: say so and end with a status of their own.
ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99:detect_leaks=1:abort_on_error=0}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=98:halt_on_error=1:second_deadlock_stack=1}
CMOCKA_MESSAGE_OUTPUT=TAP
# Tests leave nothing in anybody's cache; those of the packs set this for themselves.
DICTATE_PACKS=off
LC_ALL=C.UTF-8
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS DICTATE_PACKS CMOCKA_MESSAGE_OUTPUT LC_ALL

slow=1
case ${VARIANT:-rel} in asan) slow=6 ;; tsan) slow=12 ;; esac

for what in "$@"; do
    case $what in
    unit)
        for prog in $UNIT; do
            suite "unit_$(echo "${prog##*/tests/}" | sed 's|/t_|_|')" $((180 * slow)) "$prog"
        done
        ;;
    tui)
        for src in tests/tui/*.sh tests/ui/*.sh; do
            [ -e "$src" ] || continue
            case $src in */lib*.sh | */_*.sh) continue ;; esac
            name=$(basename "$src" .sh)
            suite "tui_$name" $((180 * slow)) sh "$src"
        done
        ;;
    fuzz)
        for src in ${FUZZ_SRC:-tests/fuzz/f_*.c}; do
            [ -e "$src" ] || continue
            suite "$(basename "$src" .c)" $((FUZZ_SECONDS + 120)) sh tests/fuzz.sh "$src"
        done
        ;;
    layers | names) suite "$what" 60 sh "tests/check_$what.sh" ;;
    designs) suite designs 120 make -s designs O="$O" ;;
    headers | isa) suite "$what" 300 sh "tests/check_$what.sh" ;;
    train) suite train $((400 * slow)) sh tests/train.sh ;;
    neon) suite neon 600 sh tests/neon.sh ;;
    golden) suite golden $((900 + 60 * slow)) sh tests/golden.sh ;;
    hostile) suite hostile $((120 * slow)) sh tests/hostile.sh
        for src in tests/app/*.sh; do
            [ -e "$src" ] && suite "app_$(basename "$src" .sh)" $((240 * slow)) sh "$src"
        done
        ;;
    *) suite "$what" $((240 * slow)) sh "tests/$what.sh" ;;
    esac
done

echo "took $(($(date +%s) - start)) s; logs in $logs"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
