# Helpers for tests in a real terminal (tmux).  Sourced, not run.
#
# DICTATE is the program (default build/dictate), DICTATE_ARGS what else it gets before the file.
# Each script prints lines `ok NAME`, `not ok NAME: why`, `skip NAME: why`.  Waiting is always for
# something on the screen, with a limit (LIMIT seconds), never for a fixed time.
# shellcheck shell=sh disable=SC2034
set -u
cd "$(dirname "$0")/../.." || exit 1
DICTATE=${DICTATE:-build/dictate}
LIMIT=${LIMIT:-30}
case ${VARIANT:-rel} in asan | tsan) LIMIT=$((LIMIT * 4)) ;; esac
failed=0
work=$(mktemp -d) || exit 1
sock=none windows=0
LC_ALL=C.UTF-8
export LC_ALL
unset TMUX NO_COLOR ACCESSIBLE

t() { tmux -u -L "$sock" -f /dev/null "$@"; }

finish() {
    [ $sock = none ] || t kill-server 2>/dev/null
    [ -s "$work/pid" ] && kill -9 "$(cat "$work/pid")" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

skip_all() {
    echo "skip $1: $2"
    exit 0
}

ok() { echo "ok $1"; }
not_ok() {
    echo "not ok $1: $2"
    t capture-pane -p -t w 2>/dev/null | sed '/^$/d; s/^/  | /'
    failed=1
}

# 60 s of silence, 16 kHz mono s16: long enough for any test, so that nothing ends by itself.
make_sound() {
    {
        printf 'RIFF\044\114\035\000WAVEfmt \020\000\000\000\001\000\001\000'
        printf '\200\076\000\000\000\175\000\000\002\000\020\000data\000\114\035\000'
        head -c 1920000 /dev/zero
    } >"$work/sound.wav"
}

need() { # NAME: what every script needs
    command -v tmux >/dev/null || skip_all "$1" "tmux is not installed"
    [ -x "$DICTATE" ] || skip_all "$1" "$DICTATE is not built"
    make_sound
}

# A shell in a window of COLS x ROWS; the program is started from it, so that what it leaves behind
# can be looked at.
window() { # COLS ROWS
    [ $sock = none ] || t kill-server 2>/dev/null
    windows=$((windows + 1))
    sock=dictate-test-$$-$windows # a server that is ending must not be asked for the next window
    rm -f "$work/pid"
    t new-session -d -s w -x "$1" -y "$2" "env PS1='READY: ' ENV= sh -i" || return 1
    wait_for '^READY:'
}

screen() { t capture-pane -p -t w 2>/dev/null; }

wait_for() { # PATTERN: until the screen shows it
    n=0
    while ! screen | grep -Eq -- "$1"; do
        n=$((n + 1))
        [ "$n" -gt $((LIMIT * 20)) ] && return 1
        sleep 0.05
    done
}

wait_gone() { # PID
    n=0
    while kill -0 "$1" 2>/dev/null; do
        n=$((n + 1))
        [ "$n" -gt $((LIMIT * 20)) ] && return 1
        sleep 0.05
    done
}

type_line() {
    t send-keys -t w -l "$1"
    t send-keys -t w Enter
}

# Starts the program and waits for its first full screen.
start() { # [ARGS]
    cat >"$work/go" <<END
echo \$\$ >$work/pid
exec $DICTATE ${DICTATE_ARGS:-} ${1:-} $work/sound.wav
END
    type_line "clear; echo MAIN SCREEN; sh $work/go; echo status=\$?"
    wait_for 'q quit' && [ -s "$work/pid" ]
}

# Where nothing starts, nothing else can be tested.
begin() { # COLS ROWS [ARGS]
    if ! window "$1" "$2" || ! start "${3:-}"; then
        not_ok "starts at $1x$2" "no full screen"
        exit 1
    fi
}

pid() { cat "$work/pid"; }

# The terminal as a shell needs it; says what is not.
insane() {
    # An earlier LOOKED may still stand there, and an earlier answer: only a whole new one counts.
    rm -f "$work/stty"
    type_line "stty -a >$work/stty.new; mv $work/stty.new $work/stty; clear; echo LOOKED"
    n=0
    while [ ! -s "$work/stty" ]; do
        n=$((n + 1))
        [ "$n" -gt $((LIMIT * 20)) ] && {
            echo "the shell does not answer"
            return
        }
        sleep 0.05
    done
    wait_for '^LOOKED'
    for mode in icanon echo isig icrnl opost; do
        grep -Eq "(^|[ ;])$mode([ ;]|\$)" "$work/stty" || echo "$mode is off"
    done
    [ "$(t display-message -p -t w '#{cursor_flag}')" = 1 ] || echo "cursor is hidden"
    [ "$(t display-message -p -t w '#{alternate_on}')" = 0 ] || echo "alternate screen is on"
    [ "$(t display-message -p -t w '#{keypad_cursor_flag}')" = 0 ] ||
        echo "cursor keys are in application mode"
}

# After the program has been told to end: its status, and what it left.
ended() { # NAME, STATUS as a pattern
    if ! wait_for '^status=[0-9]'; then
        not_ok "$1" "did not end"
        return
    fi
    got=$(screen | sed -n 's/^status=//p' | tail -n 1)
    # a sanitizer's report may be longer than the window: what has scrolled up counts too
    main=$(t capture-pane -p -S - -t w 2>/dev/null | grep -c '^MAIN SCREEN')
    why=$(insane)
    if ! echo "$got" | grep -Eq "^($2)\$"; then
        not_ok "$1" "status $got, not $2"
    elif [ "$main" = 0 ]; then
        not_ok "$1" "what stood on the main screen is gone"
    elif [ -n "$why" ]; then
        not_ok "$1" "$(echo "$why" | tr '\n' ';')"
    else
        ok "$1"
    fi
}
