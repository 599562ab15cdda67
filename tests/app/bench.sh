#!/bin/sh
# `dictate bench --json`: every name that others read is there, and the figures agree with one another.
set -u
cd "$(dirname "$0")/../.." || exit 1
DICTATE=${DICTATE:-$PWD/build/dictate}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if ! python=$(sh tests/python.sh); then
    echo "skip bench: no python3"
    exit 0
fi
model=npu/models/dictate-small.bin
[ -e "$model" ] || { echo "skip bench: no bundled model"; exit 0; }

if ! "$DICTATE" bench --json --seconds 1 --model "$model" --columns 2,1 -o "$dir/bench.json" 2>"$dir/err" </dev/null; then
    echo "not ok bench --json: $(head -c 300 "$dir/err")"
    exit 1
fi
"$python" - "$dir/bench.json" "${VARIANT:-rel}" <<'END'
import json, math, sys
j = json.load(open(sys.argv[1]))
bad = 0
def check(what, ok):
    global bad
    bad += not ok
    print(("ok " if ok else "not ok ") + "bench: " + what)

for key in ("cpu isa model precision columns limits mel_ms encode token draft16_ms clip rss_mb "
            "threads foreign_cpus cpu_s_per_audio_s runs").split():
    check("has " + key, key in j)
check("int8 unless something else is asked for", j["precision"] == "int8" and j["model"] == "dictate-small")
for key in "int8_gops f32_gflops l2_gbs dram_gbs".split():
    check("limit " + key + " was measured", j["limits"][key] > 0)
check("an L3 limit, or none that is large enough", j["limits"]["l3_gbs"] is None or j["limits"]["l3_gbs"] > 0)
trip = j["limits"]["trip_ns"]
check("a word between threads and back", trip is None or trip > 0)
by = j["limits"]["by_threads"]
check("limits from 1 thread to all", by[0]["threads"] == 1 and by[-1]["threads"] == j["threads"])
e = j["encode"]
check("encoder at 1500 and 512", [x["audio_ctx"] for x in e] == [1500, 512])
check("an encoder pass is slower than its limit", all(x["ms"] > x["limit_ms"] > 0 for x in e))
check("a shorter pass is faster", e[1]["ms"] < e[0]["ms"] and e[1]["limit_ms"] < e[0]["limit_ms"] / 2.9)
check("limits are work over rate", all(abs(x["gop"] / j["limits"]["int8_gops"] * 1e3 / x["limit_ms"] - 1) < .01 for x in e))
t = j["token"]
check("a step is slower than reading its bytes", t["ms"] > t["engine_limit_ms"] > 0)
check("the step's limit is bytes over rate", abs(t["mb"] / t["limit_gbs"] / t["limit_ms"] - 1) < .02)
check("so is that of what the engine reads", abs(t["engine_mb"] / t["engine_gbs"] / t["engine_limit_ms"] - 1) < .02)
check("16 tokens cost more than one", j["draft16_ms"] > t["ms"])
c = j["clip"]
check("a clip of 30 s with 80 tokens", c["seconds"] == 30 and c["tokens"] == 80)
check("its factor is seconds over time", abs(c["x_realtime"] * c["ms"] / 30e3 - 1) < .01)
check("it takes at least its encoder pass", c["ms"] > e[0]["lo"])
check("its CPU seconds are not less than one core's share", c["cpu_s_per_audio_s"] > 0)
check("memory holds the weights", j["rss_mb"] > j["weights_mb"] > 0)
if sys.argv[2] == "rel":  # sanitizers have memory of their own
    check("memory stays below 1.5 times the weights and 60 MB", j["rss_mb"] <= 1.5 * j["weights_mb"] + 60)
figs = [j["mel"], t, c, j["prefill"], j["offline_10s"]] + e
check("medians lie inside their spread",
      all(f["lo"] <= f["q1"] <= f["ms"] <= f["q3"] <= f["hi"] and f["n"] >= 3 for f in figs))
check("where the time goes adds up", 0 < sum(o["ms"] for o in j["encode_ops"]) < 3 * e[0]["hi"])
check("passes allocate nothing", j["allocations_after_first_pass"] == 0)
check("a run for each number of columns", [r["columns"] for r in j["runs"]] == [2, 1]
      and j["columns"] == 2 and all(not math.isnan(r["clip"]["ms"]) for r in j["runs"]))
sys.exit(bad > 0)
END
exit $?
