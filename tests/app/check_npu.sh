#!/bin/sh
# make check-npu on virtual devices, with a short soak; and where there is no NPU.
set -u
cd "$(dirname "$0")/../.." || exit 1
O=${O:-build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# `make check` and `make hostile` build it before; make inside of make would see other flags and build all anew.
[ -x "$O/tests/npu/check_npu" ] || {
    echo "not ok check-npu: $O/tests/npu/check_npu is not built (make $O/tests/npu/check_npu)"
    exit 1
}
for device in virtual:npu1 virtual:npu4; do
    "$O/tests/npu/check_npu" $device 2 "$dir/report" >"$dir/out" 2>"$dir/err" </dev/null
    rc=$?
    if [ $rc = 0 ] && [ ! -s "$dir/err" ]; then
        echo "ok check-npu $device: exit code 0"
    else
        echo "not ok check-npu $device: exit code $rc: $(grep '^not ok' "$dir/out" | head -n 3 | tr '\n' '|')$(head -c 200 "$dir/err")"
    fi
    for part in 'not on silicon yet' '^ok discovery: npu' '^ok interface: code memory before the heap' \
        '^ok buffers: ' '^ok driver: heap, context, program, test run' \
        '^ok lists: an encoder block, bit for bit' '^ok timing: ' '^#   gemm i8 +[0-9.]+ +[0-9.]+  (compute|DDR|stream)' \
        '^# soak of 2 s: [0-9]+ blocks' '^ok soak: the right bits each time: 0 of' \
        '^[0-9]+ passed, 0 failed, 1 skipped$'; do
        if grep -Eq -- "$part" "$dir/report"; then
            echo "ok check-npu $device: report has /$part/"
        else
            echo "not ok check-npu $device: report has no /$part/"
        fi
    done
done
if ls /dev/accel/accel* >/dev/null 2>&1; then
    echo "skip check-npu npu: there is an accelerator here"
else
    "$O/tests/npu/check_npu" npu 1 "$dir/report" >"$dir/out" 2>"$dir/err" </dev/null
    rc=$?
    if [ $rc = 4 ] && grep -q 'no AMD NPU found' "$dir/out"; then
        echo "ok check-npu without an NPU: exit code 4 and a sentence"
    else
        echo "not ok check-npu without an NPU: exit code $rc: $(tail -n 2 "$dir/out" | tr '\n' '|')"
    fi
fi
