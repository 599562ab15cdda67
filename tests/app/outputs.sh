#!/bin/sh
# dictate FILE in every format, from files, pipes and standard input, to good and bad outputs, with the
# bundled model: exit codes, shapes, and that text does not depend on columns.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
DICTATE=${DICTATE:-$top/build/dictate}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
HOME=$dir XDG_STATE_HOME=$dir/state XDG_DATA_HOME=$dir/data
DICTATE_MODEL=$top/npu/models/dictate-small.bin
export HOME XDG_STATE_HOME XDG_DATA_HOME DICTATE_MODEL
clip=$top/npu/models/samples/dialogue.flac
if [ ! -e "$DICTATE_MODEL" ] || [ ! -e "$clip" ]; then
    echo "skip outputs: no bundled model or sample"
    exit 0
fi
if ! python=$(sh tests/python.sh); then
    echo "skip outputs: no python3"
    exit 0
fi

say() { if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2: $(head -c 300 "$dir/err" | tr '\n' '|')"; fi; }

# run WHAT CODE ARGS...: exit code, output in $dir/out, complaints in $dir/err, never two of them
run() {
    what=$1 code=$2
    shift 2
    "$DICTATE" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    rc=$?
    n=$(grep -c '^dictate: ' "$dir/err")
    want=1
    [ "$code" = 0 ] && want=0
    if [ $rc = "$code" ] && [ "$n" = $want ]; then
        echo "ok $what"
    else
        echo "not ok $what: exit code $rc, not $code: $(head -c 300 "$dir/err" | tr '\n' '|')"
    fi
}

# -- formats ---------------------------------------------------------------------------------------
run "txt" 0 --txt "$clip"
cp "$dir/out" "$dir/txt"
[ -s "$dir/txt" ] && ! grep -q '^\[' "$dir/txt"
say $? "txt is text alone"
run "plain is the default without a terminal" 0 "$clip"
grep -q '^\[00:0[0-9]\] ' "$dir/out" && grep -q '^note: ' "$dir/err"
say $? "plain has times, notes go to standard error"
sed 's/^\[[0-9:]*\] //' "$dir/out" | cmp -s - "$dir/txt"
say $? "plain and txt say the same"
run "quiet" 0 -q "$clip"
[ ! -s "$dir/err" ]
say $? "quiet says nothing beside the text"
for c in 1 3 8; do
    run "columns $c" 0 --txt --columns $c "$clip"
    cmp -s "$dir/out" "$dir/txt"
    say $? "$c columns give the same text"
done

run "json" 0 --json "$clip"
"$python" - "$dir/out" <<'PY' >"$dir/err" 2>&1
import json, sys
ev = [json.loads(l) for l in open(sys.argv[1], encoding='utf-8')]
assert ev[0]['event'] == 'start' and ev[-1]['event'] == 'end', 'first and last'
seg = [e for e in ev if e['event'] == 'segment']
assert seg and ev[-1]['segments'] == len(seg), 'segments'
assert ev[-1]['exit'] == 0 and 13 < ev[-1]['audio_s'] < 14 and ev[-1]['rtf'] > 0, 'end'
last = 0
for s in seg:
    assert s['t0'] >= last and s['t1'] > s['t0'] and s['text'].strip(), 'times'
    last = s['t0']
    assert s['text'].split() == ''.join(('' if w.get('glue') else ' ') + w['text'] for w in s['words']).split(), 'words'
    for w in s['words']:
        assert w['p'] is None or 0 <= w['p'] <= 1, 'p'
PY
say $? "json: events, times, words"

run "srt" 0 --srt "$clip"
"$python" - "$dir/out" <<'PY' >"$dir/err" 2>&1
import re, sys
cues = open(sys.argv[1], encoding='utf-8').read().strip().split('\n\n')
last = ''
for i, c in enumerate(cues):
    n, t, text = c.split('\n')
    m = re.fullmatch(r'(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})', t)
    assert int(n) == i + 1 and m and last <= m[1] < m[2] and text.strip()
    last = m[2]
PY
say $? "srt: numbers, times in order"
run "vtt" 0 --vtt "$clip"
[ "$(head -n 1 "$dir/out")" = WEBVTT ] && grep -q ' --> ' "$dir/out"
say $? "vtt begins with its name"

# -- outputs ---------------------------------------------------------------------------------------
run "-o chooses the format" 0 "$clip" -o "$dir/a.srt"
grep -q ' --> ' "$dir/a.srt" && [ ! -s "$dir/out" ]
say $? "the file holds it, standard output nothing"
run "-o starts files anew" 0 "$clip" --txt -o "$dir/a.srt"
cmp -s "$dir/a.srt" "$dir/txt"
say $? "the second text replaced the first"
run "a folder that is not there" 8 "$clip" -o "$dir/none/x.txt"
if [ -w /dev/full ]; then
    run "a full disk" 8 "$clip" --txt -o /dev/full
    cmp -s "$dir"/state/dictate/unsaved-*.txt "$dir/txt"
    say $? "what could not be written is kept elsewhere"
    rm -rf "$dir/state"
fi
"$DICTATE" --json "$clip" 2>"$dir/err" | head -n 1 | grep -q '"event":"start"'
say $? "a reader that leaves early"
[ ! -s "$dir/err" ]
say $? "is no fault"

# -- standard input ---------------------------------------------------------------------------------
"$python" - "$dir" <<'PY'
import math, random, struct, sys, wave
d = sys.argv[1]
random.seed(1)
x = [int(3000 * math.sin(i / 9) * (1 + math.sin(i / 700)) + random.gauss(0, 30)) for i in range(24000)]
raw = struct.pack('<24000h', *x)
open(d + '/n.raw', 'wb').write(raw)
w = wave.open(d + '/n.wav', 'wb')
w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
w.writeframes(raw)
w.close()
PY
"$DICTATE" - --json -q <"$dir/n.wav" >"$dir/out" 2>"$dir/err"
tail -n 1 "$dir/out" | grep -q '"audio_s":1.5,.*"exit":0'
say $? "standard input: a file"
for f in n.wav n.raw; do
    # shellcheck disable=SC2002 # it has to be a pipe
    cat "$dir/$f" | "$DICTATE" - --json -q >"$dir/out" 2>"$dir/err"
    tail -n 1 "$dir/out" | grep -q '"audio_s":1.5,.*"exit":0'
    say $? "standard input: $f through a pipe"
done
# shellcheck disable=SC2002
cat "$dir/n.raw" | "$DICTATE" - --paced --json >"$dir/out" 2>"$dir/err"
tail -n 1 "$dir/out" | grep -q '"audio_s":1.5,'
say $? "standard input, live"
: | "$DICTATE" - >"$dir/out" 2>"$dir/err"
[ $? = 9 ]
say $? "empty standard input"

# -- live ------------------------------------------------------------------------------------------
"$DICTATE" --fast --paced "$clip" 2>/dev/null
[ $? = 2 ]
say $? "fast and paced exclude each other"
timeout -s INT 3 "$DICTATE" --paced --json "$clip" >"$dir/out" 2>"$dir/err"
"$python" - "$dir/out" <<'PY' >"$dir/err" 2>&1
import json, sys
ev = [json.loads(l) for l in open(sys.argv[1], encoding='utf-8')]
end, up = ev[-1], [e for e in ev if e['event'] == 'update']
assert end['event'] == 'end' and end['exit'] == 0 and 2 < end['audio_s'] < 4, end
assert up, 'no updates'
said = {}
for u in up:  # what settled stays
    now = [w['text'] for w in u['words'][:u['settled']]]
    old = said.get(u['utt'], [])
    assert now[:len(old)] == old, (old, now)
    said[u['utt']] = now
    assert u['at_s'] >= u['t1'] - 0.2, 'heard before it was said'
    # how late everything is
    assert u['heard_s'] >= u['t1'] - 0.011 and u['backlog_s'] >= 0, u
    assert set(u['stage_ms']) == {'front', 'encode', 'prefill', 'decode'}, u
    assert (u['age_s'] is None) == (not u['words']), u
    for i, w in enumerate(u['words']):
        assert w['t0'] - 0.2 <= w['shown_s'] <= u['at_s'] + 0.002, (w, u['at_s'])
        assert (w['settled_s'] is None) == (i >= u['settled']), w
        assert w['settled_s'] is None or w['shown_s'] <= w['settled_s'] <= u['at_s'] + 0.002, w
assert sum(u['stage_ms']['encode'] for u in up) > 0 and sum(u['stage_ms']['prefill'] for u in up) > 0
for s in ev:
    if s['event'] == 'segment':
        assert all(w['settled_s'] <= s['at_s'] + 0.002 for w in s['words']), s
text = ' '.join(s['text'] for s in ev if s['event'] == 'segment').split()
assert text == [w for u in sorted(said) for w in said[u]], 'segments are what settled'
PY
say $? "^C: what was heard is finished; settled words stay"
timeout -s TERM --preserve-status 2 "$DICTATE" --paced --plain "$clip" >"$dir/out" 2>"$dir/err"
[ $? = 143 ]
say $? "TERM ends with 128 + 15"

# -- refusals --------------------------------------------------------------------------------------
run "no such file" 9 "$dir/none.wav"
run "no such model" 6 -m "$dir/none.bin" "$clip"
run "a sound is no model" 6 -m "$clip" "$clip"
run "a model is no sound" 9 "$DICTATE_MODEL"
run "no such device" 2 --device nonsense "$clip"
run "a language it does not know" 2 --language de "$clip"
run "no microphone of that name" 3 --mic no-such-thing --plain
