#!/bin/sh
# Screens as tmux shows them, against tests/gold/tmux-*.txt: what in-process golden screens cannot see is
# whether the terminal arrives at the same cells.  GENERATE=1 rewrites the files.
DICTATE=$(O=${O:-build} sh "$(dirname "$0")/_demo.sh") || exit 1
DICTATE_ARGS=--still
export DICTATE DICTATE_ARGS
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need captured

same() { # NAME
    gold=tests/gold/tmux-$1.txt
    if [ -n "${GENERATE:-}" ]; then
        screen >"$gold"
    fi
    n=0
    while ! screen | cmp -s - "$gold"; do # the terminal may not have drawn the last line yet
        n=$((n + 1))
        if [ "$n" -gt 40 ]; then
            not_ok "screen $1" "differs from $gold"
            screen | diff "$gold" - | head -20
            return
        fi
        sleep 0.05
    done
    ok "screen $1"
}

for size in 80x24 120x40; do
    begin "${size%x*}" "${size#*x}"
    wait_for 'q quit'
    same "dictation-$size"
    t send-keys -t w p
    wait_for 'STAGE.*calls'
    same "profile-$size"
    t send-keys -t w '?'
    wait_for 'EVERYWHERE'
    same "help-$size"
    t send-keys -t w Escape
    t send-keys -t w q
done
exit $failed
