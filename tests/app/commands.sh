#!/bin/sh
# doctor, models and score as somebody types them: exit codes, sentences, the shape of their JSON.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
DICTATE=${DICTATE:-$top/build/dictate}
dir=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill "$server"; rm -rf "$dir"' EXIT
HOME=$dir/home
XDG_DATA_HOME=$dir/data
no_proxy=127.0.0.1
export HOME XDG_DATA_HOME no_proxy

if ! python=$(sh tests/python.sh); then
    echo "skip commands: no python3"
    exit 0
fi
model=$top/npu/models/dictate-small.bin
[ -e "$model" ] || { echo "skip commands: no bundled model"; exit 0; }
DICTATE_MODEL=$model
export DICTATE_MODEL

# expect WHAT CODE TEXT COMMAND...: exit code, and TEXT somewhere in what it says.
expect() {
    what=$1 code=$2 text=$3
    shift 3
    "$@" >"$dir/out" 2>"$dir/err" </dev/null
    rc=$?
    if [ $rc != "$code" ]; then
        echo "not ok $what: exit code $rc, not $code: $(head -c 300 "$dir/err")"
    elif [ -n "$text" ] && ! cat "$dir/out" "$dir/err" | grep -qF -e "$text"; then
        echo "not ok $what: does not say $text: $(head -c 300 "$dir/out" "$dir/err" | tr '\n' '|')"
    elif [ $rc != 0 ] && [ -s "$dir/err" ] && [ "$(wc -l <"$dir/err")" != 1 ]; then
        echo "not ok $what: more than one sentence: $(tr '\n' '|' <"$dir/err")"
    else
        echo "ok $what"
    fi
}

# json WHAT EXPRESSION: of what was printed last, as `j`.
json() {
    if "$python" -c "import json,sys; j = json.load(open(sys.argv[1])); sys.exit(not ($2))" "$dir/out" 2>/dev/null; then
        echo "ok $1"
    else
        echo "not ok $1: $(head -c 300 "$dir/out")"
    fi
}

expect "doctor" 0 "model" "$DICTATE" doctor
expect "doctor --json" 0 '"usable":true' "$DICTATE" doctor --json
json "doctor --json has every check" \
    "{'microphone','NPU','model','device','CPU','terminal'} <= {c['what'] for c in j['checks']}"
json "doctor: what is not ok has a remedy" \
    "all(c['remedy'] for c in j['checks'] if c['state'] != 'ok')"
expect "doctor without its model" 6 "models get" "$DICTATE" doctor --model nonesuch
expect "doctor --mic nonesuch" 3 "nonesuch" "$DICTATE" doctor --mic nonesuch
expect "doctor with plain C kernels" 0 "c kernels" env DICTATE_CPU=c "$DICTATE" doctor
[ -e /dev/accel ] || expect "doctor --device npu" 4 "NPU" "$DICTATE" doctor --device npu
expect "doctor --glyphs ascii" 0 "* ok" "$DICTATE" doctor --glyphs ascii

expect "models info" 0 "mel bands" "$DICTATE" models info "$model"
expect "models info --json" 0 '"n_vocab"' "$DICTATE" models info "$model" --json
json "models info --json adds up" "sum(t['bytes'] for t in j['tensors'].values()) < j['bytes']"
expect "models list" 0 "tiny.en" "$DICTATE" models list
expect "models list --json" 0 '"known"' "$DICTATE" models list --json
expect "models nonsense" 2 "info FILE" "$DICTATE" models nonsense

expect "plan --here" 0 "placement" "$DICTATE" plan --here --audio-ctx 512
expect "plan --here --json" 0 '"run here"' "$DICTATE" plan --here --audio-ctx 512 --columns 3 --json
json "plan --here: rows add up to the commands, tiles cover the result" \
    "j['columns'] == 3 and j['audio_ctx'] == 512 and all(l['commands'] == sum(k['times'] for k in l['kinds']) \
for l in (j['encoder'], j['decoder'])) and any('gelu' in k['fused'] and k['m'] == 512 and \
k['tiles'] == -(-k['m'] // k['tile_m']) * -(-k['n'] // k['tile_n']) for k in j['encoder']['kinds'])"
expect "plan --here beyond the model" 1 "1 to 1500" "$DICTATE" plan --here --audio-ctx 2000

clip=$(find npu/models/samples -name '*.flac' | sort | head -1)
{
    printf 'source\tother\tfile\ttext\n'
    printf 'here\tx\t%s\t%s\n' "$top/$clip" "$(tr '\n' ' ' <"${clip%.flac}.txt")"
    printf 'there\tx\t%s\t%s\n' "$top/$clip" "nothing of the kind was said"
} >"$dir/list.tsv"
expect "score" 0 "total" "$DICTATE" score "$dir/list.tsv"
expect "score --json" 0 '"total"' "$DICTATE" score "$dir/list.tsv" --json
json "score --json adds up" "j['total']['words'] == sum(s['words'] for s in j['sources'].values()) and \
j['total']['errors'] == sum(s['errors'] for s in j['sources'].values()) and \
abs(j['total']['wer'] - j['total']['errors'] / j['total']['words']) < 1e-5 and \
j['sources']['there']['words'] == 6 and set(j['sources']) == {'here', 'there'} and 'cer' in j['total']"
cut -f3,4 "$dir/list.tsv" >"$dir/plain.tsv"
expect "score without sources" 0 '"sources":{}' "$DICTATE" score "$dir/plain.tsv" --json
expect "score -o" 0 "" "$DICTATE" score "$dir/plain.tsv" --json -o "$dir/score.json"
cp "$dir/score.json" "$dir/out" && json "score -o writes the same" "j['total']['words'] > 6"

# Live text on a simulated clock: the contract's names, the same figures every time.
{
    printf 'file\ttext\n'
    printf '%s\t%s\n' "$top/$clip" "$(tr '\n' ' ' <"${clip%.flac}.txt")"
    printf '%s\t\n' "$dir/quiet.wav"
} >"$dir/live.tsv"
"$python" -c "
import wave, sys
w = wave.open(sys.argv[1], 'wb')
w.setparams((1, 2, 16000, 0, 'NONE', ''))
w.writeframes(bytes(2 * 16000 * 6))" "$dir/quiet.wav"
expect "score --stream" 0 "word ends to settled" "$DICTATE" score "$dir/live.tsv" --stream
expect "score --stream --wall" 0 '"clock":"measured"' \
    "$DICTATE" score "$dir/live.tsv" --stream --wall --json
json "score --stream --wall measures" "0 < j['rtf'] < 20"
expect "score --stream --json" 0 '"clock":"simulated"' \
    "$DICTATE" score "$dir/live.tsv" --stream --json -vv
json "score --stream --json has the promised names" "all(set(j[k]) == {'p50', 'p95'} for k in \
('first_word_ms', 'word_to_tentative_ms', 'word_to_settled_ms', 'final_ms')) and j['erasure'] >= 0 \
and j['settled_retractions'] == 0 and j['hallucinated_per_min'] == 0 and 0 < j['rtf'] < 1 and \
j['cpu_per_audio_s'] > 0 and 0 <= j['final_ms']['p50'] < 1000 and 'offline' in j"
cp "$dir/out" "$dir/out.1"
grep ' utt ' "$dir/err" >"$dir/events.1"
"$DICTATE" score "$dir/live.tsv" --stream --json -vv --threads 1 --columns 3 >"$dir/out" 2>"$dir/err"
grep ' utt ' "$dir/err" >"$dir/events.2"
if [ -s "$dir/events.1" ] && cmp -s "$dir/events.1" "$dir/events.2"; then
    echo "ok score --stream: the same file gives the same events at the same times"
else
    echo "not ok score --stream: events differ: $(diff "$dir/events.1" "$dir/events.2" | head -5)"
fi
cp "$dir/out" "$dir/out.2"
"$python" -c "
import json, sys
j = [json.load(open(f)) for f in sys.argv[1:3]]
for k in j:
    for measured in 'wall_s', 'cpu_per_audio_s', 'device':
        del k[measured]
sys.exit(j[0] != j[1])" "$dir/out.1" "$dir/out.2" &&
    echo "ok score --stream: the same figures" || echo "not ok score --stream: figures differ"
expect "score --wall alone" 2 "belongs to --stream" "$DICTATE" score "$dir/live.tsv" --wall

if ! command -v curl >/dev/null && ! command -v wget >/dev/null; then
    echo "skip models get: neither curl nor wget"
    exit 0
fi
mkdir "$dir/hub" "$dir/gen"
"$python" tests/hostile_gen.py cases "$dir/gen"
cp "$dir/gen/m-good.bin" "$dir/hub/ggml-small-test.bin"
cp "$dir/gen/m-good.bin" "$dir/hub/ggml-tiny.en.bin"
cp "$dir/gen/m-cut-in-tensor.bin" "$dir/hub/ggml-cut.bin"
"$python" -u -c "
import functools, http.server
h = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(
    http.server.SimpleHTTPRequestHandler, directory='$dir/hub'))
print(h.server_port, flush=True)
h.serve_forever()" >"$dir/port" 2>/dev/null &
server=$!
n=0
while [ ! -s "$dir/port" ] && [ $n -lt 100 ]; do
    sleep 0.1
    n=$((n + 1))
done
DICTATE_HUB=http://127.0.0.1:$(cat "$dir/port")
export DICTATE_HUB
data=$XDG_DATA_HOME/dictate
expect "models get" 0 "no checksum of it is known" "$DICTATE" models get small-test
expect "models get again" 0 "there already" "$DICTATE" models get small-test
expect "a fetched model is found by name" 0 "mel bands" "$DICTATE" models info small-test
expect "models get, wrong checksum" 6 "published is" "$DICTATE" models get tiny.en
expect "models get, damaged" 6 "cut short" "$DICTATE" models get cut
expect "models get, not there" 1 "does not exist" "$DICTATE" models get nonesuch
if [ "$(find "$data" -type f)" = "$data/ggml-small-test.bin" ]; then
    echo "ok models get leaves nothing that is wrong"
else
    echo "not ok models get leaves $(find "$data" -type f | tr "\n" " ")"
fi
DICTATE_HUB=http://127.0.0.1:1
expect "models get without a network" 1 "no way to" "$DICTATE" models get base.en
DICTATE_HUB=http://nowhere.invalid
expect "models get without names" 1 "no way to" "$DICTATE" models get base.en
