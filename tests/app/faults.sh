#!/bin/sh
# The whole program with a microphone that fails by a script (--mic fault:SCRIPT), in simulated time: every
# lost sample is counted and stands in the text, and the text before and after is what it is without the
# fault.  One test a fault.  With the bundled model and its sample.
set -u
cd "$(dirname "$0")/../.." || exit 1
DICTATE=${DICTATE:-$PWD/build/dictate}
DICTATE_MODEL=$PWD/npu/models/dictate-small.bin
clip=$PWD/npu/models/samples/dialogue.flac
export DICTATE DICTATE_MODEL
if [ ! -e "$DICTATE_MODEL" ] || [ ! -e "$clip" ]; then
    echo "skip faults: no bundled model or sample"
    exit 0
fi
if ! python=$(sh tests/python.sh); then
    echo "skip faults: no python3"
    exit 0
fi
exec "$python" tests/app/faults.py "$clip"
