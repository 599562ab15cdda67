#!/bin/sh
# ^Z gives the shell a usable terminal, fg brings the screen back, twice; profile page included.
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need suspend

begin 80 24
for round in 1 2; do
    t send-keys -t w C-z
    if ! wait_for '(Stopped|Suspended)'; then
        not_ok "^Z, round $round" "the shell did not come back"
        exit 1
    fi
    why=$(insane)
    if [ -n "$why" ]; then
        not_ok "^Z, round $round" "$(echo "$why" | tr '\n' ';')"
    else
        ok "^Z, round $round"
    fi
    type_line fg
    if wait_for 'q quit' && wait_for 'RTF'; then
        ok "fg, round $round"
    else
        not_ok "fg, round $round" "no screen"
    fi
    if [ "$(t display-message -p -t w '#{alternate_on}')" = 1 ]; then
        ok "alternate screen, round $round"
    else
        not_ok "alternate screen, round $round" "off"
    fi
    t send-keys -t w p
    wait_for 'STAGE|p profile' >/dev/null
done
t send-keys -t w q
# The line with status= went with the first ^Z, and the prompts of both still stand there: the shell has the
# terminal once the program is gone.
if wait_gone "$(pid)" && wait_for '^READY:'; then
    why=$(insane)
    if [ -z "$why" ]; then ok "q after fg"; else not_ok "q after fg" "$why"; fi
else
    not_ok "q after fg" "did not end"
fi
exit "$failed"
