#!/bin/sh
# Pages, keys and resizing in a real terminal.
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need pages

expect() { # NAME PATTERN
    if wait_for "$2"; then ok "$1"; else not_ok "$1" "no /$2/ on the screen"; fi
}

begin 80 24
expect "dictation page" '^ .*RTF'
expect "key bar" 'p profile'
t send-keys -t w p
expect "profile page" 'STAGE.*calls.*p50'
expect "RTF bar" '0 .*RTF'
t send-keys -t w Space
expect "frozen" 'FROZEN'
t send-keys -t w Space
t send-keys -t w '?'
expect "help page" 'EVERYWHERE'
t send-keys -t w Escape
expect "Esc goes back" 'STAGE.*calls'
t send-keys -t w F2
expect "F2 leaves the profile" 'p profile'
t send-keys -t w /
expect "search line" '^ /'
t send-keys -t w -l 'zzqz'
expect "nothing found" 'not found'
t send-keys -t w Escape
expect "Esc leaves the search" 'q quit'

for size in 120x40 40x10 60x12 200x50 20x4 10x2 80x24; do
    t resize-window -t w -x "${size%x*}" -y "${size#*x}"
    case $size in
    10x2) expect "resize to $size" '[A-Z]' ;;
    20x4 | 40x10) expect "resize to $size" 'RTF' ;;
    *) expect "resize to $size" 'q quit' ;;
    esac
done
# A storm: the last size must win, with its picture whole.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    t resize-window -t w -x $((40 + i * 7)) -y $((8 + i * 2))
done
t resize-window -t w -x 80 -y 24
expect "after a storm of sizes" 'q quit'
if kill -0 "$(pid)" 2>/dev/null; then ok "still running"; else not_ok "still running" "it is gone"; fi
rows=$(screen | grep -c 'q quit')
if [ "$rows" = 1 ]; then ok "one key bar"; else not_ok "one key bar" "$rows of them"; fi
t send-keys -t w q
ended "q at the end" 0

begin 80 24 "--glyphs ascii"
if screen | LC_ALL=C grep -q '[^ -~]'; then
    not_ok "ASCII only" "other bytes on the screen"
else
    ok "ASCII only"
fi
t send-keys -t w q
ended "q in ASCII" 0
exit "$failed"
