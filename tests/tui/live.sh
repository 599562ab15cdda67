#!/bin/sh
# Dictation from a microphone, live: ALSA's file plug-in plays speech as the default device.  Words stand
# on the screen while the "speaker" still speaks; pause, stop and quit work on it.
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need live
model=$PWD/npu/models/dictate-small.bin
clip=$PWD/npu/models/samples/dialogue.flac
[ -e "$model" ] && [ -e "$clip" ] || skip_all live "no bundled model or sample"
raw=$(O=${O:-build} sh tests/tui/_tool.sh tests/tui/raw.c audio) || exit 1
"$raw" "$clip" 48000 >"$work/speech.raw" || exit 1
ms=$(($(wc -c <"$work/speech.raw") / 96)) # of speech
cat >"$work/asound.conf" <<END
pcm.null { type null }
pcm.!default {
    type file
    slave.pcm "null"
    file "/dev/null"
    infile "$work/speech.raw"
    format "raw"
    hint { show on description "Speech from a file" }
}
END

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Starts the program on the microphone; $began is a moment before its first sample.
listen() { # COLS ROWS [ARGS]
    window "$1" "$2" || return 1
    cat >"$work/go" <<END
echo \$\$ >$work/pid
exec env ALSA_CONFIG_PATH=$work/asound.conf DICTATE_MODEL=$model $DICTATE ${3:-}
END
    type_line "clear; echo MAIN SCREEN; sh $work/go; echo status=\$?"
    wait_for 'LISTENING' && began=$(now_ms)
}

for size in "80 24" "120 40"; do
    # shellcheck disable=SC2086 # two words
    set -- $size
    at="at $1x$2"
    if ! listen "$1" "$2"; then
        not_ok "listens $at" "no full screen"
        continue
    fi
    ok "listens $at"
    if wait_for 'brother'; then
        took=$(($(now_ms) - began))
        clock=$(screen | sed -n 's/.* 00:00:\([0-9][0-9]\).*/\1/p' | head -n 1)
        if [ "$took" -lt "$ms" ] && [ "${clock#0}" -lt $((ms / 1000)) ]; then
            ok "words while the speaker still speaks $at ($took of $ms ms, clock $clock)"
        else
            not_ok "words while the speaker still speaks $at" "after $took of $ms ms, clock $clock"
        fi
    else
        not_ok "words $at" "none"
    fi
    if screen | grep -q 'MIC\|MICROPHONE'; then ok "meters $at"; else not_ok "meters $at" "no MIC"; fi
    t send-keys -t w Space
    if wait_for 'PAUSED'; then ok "paused $at"; else not_ok "paused $at" "no PAUSED"; fi
    t send-keys -t w Space
    if wait_for 'LISTENING' && wait_for 'paused here' && wait_for 'office|flying|forget'; then
        ok "goes on after a pause $at"
    else
        not_ok "goes on after a pause $at" "no more words"
    fi
    t send-keys -t w C-c
    if wait_for 'STOPPED'; then ok "^C stops $at"; else not_ok "^C stops $at" "no STOPPED"; fi
    t send-keys -t w q
    ended "q $at" 0
done
exit $failed
