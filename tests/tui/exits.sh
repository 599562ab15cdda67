#!/bin/sh
# Whatever ends the program, the terminal is as it was and the status says why.
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need exits

# A crash under a sanitiser ends with the sanitiser's status.
crash=139 abort=134
case ${VARIANT:-rel} in asan | tsan) crash='139|1|66|98|99' abort='134|1|66|98|99' ;; esac

for size in "80 24" "120 40"; do
    # shellcheck disable=SC2086 # two words
    set -- $size
    at="at $1x$2"

    begin "$1" "$2"
    t send-keys -t w q
    ended "q $at" 0

    begin "$1" "$2"
    t send-keys -t w C-c
    if wait_for 'STOPPED|C again'; then
        t send-keys -t w C-c
        ended "^C twice $at" '0|130'
    else
        not_ok "^C twice $at" "the first ^C shows nothing"
    fi
    for sig in TERM:143 HUP:129 "SEGV:$crash" "ABRT:$abort"; do
        begin "$1" "$2"
        kill -"${sig%%:*}" "$(pid)"
        ended "SIG${sig%%:*} $at" "${sig#*:}"
    done
done

# The terminal disappears: the program must notice and end, not spin.
begin 80 24
p=$(pid)
t kill-server
if wait_gone "$p"; then
    ok "terminal gone"
else
    not_ok "terminal gone" "process $p is still there"
fi
exit "$failed"
