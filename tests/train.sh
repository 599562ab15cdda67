#!/bin/sh
# The whole training pipeline on a few minutes of speech: data, voices, a vocabulary, twelve steps, exports that the
# program loads and hears with; and the carried form of the data.  Skipped where PyTorch or a voice is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
DICTATE=${DICTATE:-$PWD/build/dictate}
case ${VARIANT:-rel} in
rel) ;;
*) echo "skip train: Python alone, the same in every variant"; exit 0 ;;
esac
python=$(sh tests/python.sh torch numpy soundfile) && command -v flite >/dev/null && command -v espeak-ng >/dev/null || {
    echo "skip train: PyTorch, flite or espeak-ng is not installed (make train-deps)"
    exit 0
}
PYTHON=$python
export PYTHON
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if npu/train/run --smoke --keep "$work/smoke" >"$work/log" 2>&1 && grep -q '^smoke: the pipeline runs' "$work/log"; then
    echo "ok train: npu/train/run --smoke"
else
    tail -n 20 "$work/log"
    echo "not ok train: npu/train/run --smoke"
    exit 1
fi
for kind in smoke smoke-q8_0; do
    if "$DICTATE" --txt --fast --model "$work/smoke/$kind.bin" npu/models/samples/numbers.flac >"$work/out" 2>"$work/err"; then
        echo "ok train: the program hears with $kind.bin"
    else
        echo "not ok train: the program and $kind.bin: $(head -n 1 "$work/err")"
    fi
done
# Opus and back: as many samples, in their places (correlation with the original), the index to the letter
cat >"$work/same.py" <<'EOF'
import sys
import numpy as np
a, b = (np.fromfile(p, '<i2').astype(float) for p in sys.argv[1:])
assert len(a) == len(b), (len(a), len(b))
print(np.corrcoef(a, b)[0, 1])
assert np.corrcoef(a, b)[0, 1] > 0.95
EOF
pack=$work/smoke/packs/synth-1
if ldconfig -p 2>/dev/null | grep -q 'libopus\.so\.0' &&
    "$python" npu/train/codec.py encode "$pack" "$work/carried" 24000 &&
    "$python" npu/train/codec.py decode "$work/carried" "$work/back" &&
    cmp "$pack.jsonl" "$work/back/synth-1.jsonl" &&
    "$python" "$work/same.py" "$pack.pcm" "$work/back/synth-1.pcm"; then
    echo "ok train: packed speech to Opus and back"
else
    echo "not ok train: packed speech to Opus and back"
fi
