#!/bin/sh
# Replays the bundled sample: on the screen when there is a terminal, as plain text when not.
#   run.sh PROGRAM
set -eu
cd "$(dirname "$0")/.." || exit 1
sample=npu/models/samples/paragraph.flac
if [ ! -e "$sample" ]; then
    set -- "$1" npu/models/samples/*.flac
    sample=$2
fi
if [ -t 0 ] && [ -t 1 ]; then
    exec "$1" "$sample"
fi
exec "$1" --plain "$sample" </dev/null
