#!/bin/sh
# Minutes of looped sound through a session in simulated time (tests/bench/soak.py does hours): no
# sample lost, no text missing, memory and speed as at the start.  So short a run sees what leaks with
# every frame or word, not what leaks with every hour.
set -u
cd "$(dirname "$0")/../.." || exit 1
DICTATE=${DICTATE:-build/dictate}
DICTATE_MODEL=${DICTATE_MODEL:-npu/models/dictate-small.bin}
export DICTATE_MODEL
clip=$(find npu/models/samples -name 'dialogue.flac' | head -1)
python=$(sh tests/python.sh) || { echo "skip soak: no python3"; exit 0; }
[ -e "$DICTATE_MODEL" ] && [ -n "$clip" ] || { echo "skip soak: no bundled model or sample"; exit 0; }
# Sanitizers keep freed memory back, and a machine that does other things is slower now and then.
case ${VARIANT:-rel} in asan | tsan) hours=0.03 mb=100000 ;; *) hours=0.15 mb=8 ;; esac
"$python" tests/bench/soak.py --hours "$hours" --every 8 --mb "$mb" --slower 2 \
    --dictate "$DICTATE" "$clip"
