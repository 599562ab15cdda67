#!/bin/sh
# The profile page with a real session on a device behind a driver: who it is, what goes through it, the
# model beside what was measured; and what it says when the driver fails.
_d=$(cd "$(dirname "$0")/../.." && pwd)
DICTATE=${DICTATE:-$_d/build/dictate}
DICTATE_ARGS="--device virtual:npu1"
export DICTATE DICTATE_ARGS
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
need device
[ -e npu/models/samples/dialogue.flac ] || skip_all device "no sample in npu/models/samples"
cp npu/models/samples/dialogue.flac "$work/sound.wav" # whatever its name, it is read by its contents

expect() { # NAME PATTERN
    if wait_for "$2"; then ok "$1"; else not_ok "$1" "no /$2/ on the screen"; fi
}

begin 80 24
expect "words come" '[a-z]+ [a-z]+ [a-z]+'
t send-keys -t w p
expect "device line" 'DEV virtual npu1 amdxdna 0\.8 +1600 MHz +contexts 1 of 6 +shim [0-9.]+/[0-9.]+ [GM]B/s'
expect "the model's time and its bound" 'gemm i8 +[0-9]+ +[0-9.]+ +[0-9]+ +[0-9]+ (compute|DDR|stream|call) .* array'
expect "cores of each column" '^  c0 +[0-9]+% +[^ ]{4} '
expect "nothing went wrong" 'errors 0 .*repeated 0 +fall-backs 0'
t send-keys -t w q
t send-keys -t w q

DICTATE_NPU_FAULTS='job@6=error*0'
export DICTATE_NPU_FAULTS
begin 120 40
t send-keys -t w p
expect "a driver that fails: state" 'NPU RESET'
expect "a driver that fails: sentence" 'the virtual NPU goes on'
expect "a driver that fails: device line" 'DEV virtual npu1 amdxdna 0\.8 given up'
expect "a driver that fails: counted" 'fall-backs 1'
expect "and columns work on" 'gemm i8 .* columns'
t send-keys -t w q
t send-keys -t w q
unset DICTATE_NPU_FAULTS

DICTATE_ARGS="--device virtual"
begin 80 24
t send-keys -t w p
expect "without a driver: not known" 'DEV virtual npu4, no driver +- MHz +contexts - of -'
expect "eight columns and their cores" 'COLUMNS x 4 rows'
t send-keys -t w q
t send-keys -t w q
exit $failed
