#!/bin/sh
# The whole program on devices behind a driver: the same text on each, with caches modelled too, and
# whatever goes wrong; the sentence; the exit code where there is no NPU.
set -u
cd "$(dirname "$0")/../.." || exit 1
DICTATE=${DICTATE:-$PWD/build/dictate}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
clip=npu/models/samples/dialogue.flac
if [ ! -e "$clip" ]; then
    echo "skip device: no sample in npu/models/samples"
    exit 0
fi
"$DICTATE" --txt "$clip" >"$dir/want" 2>/dev/null </dev/null
[ -s "$dir/want" ] || echo "not ok device: no text at all"

# same NAME DEVICE [PART]: the text must be right, and PART on standard error.
same() {
    timeout 100 "$DICTATE" --txt --device "$2" "$clip" >"$dir/got" 2>"$dir/err" </dev/null
    rc=$?
    if [ $rc != 0 ]; then
        echo "not ok device $1: exit code $rc: $(head -c 200 "$dir/err")"
    elif ! cmp -s "$dir/want" "$dir/got"; then
        echo "not ok device $1: other text"
    elif [ -n "${3:-}" ] && ! grep -q "warning: .*$3" "$dir/err"; then
        echo "not ok device $1: not said: $3: $(head -c 200 "$dir/err")"
    elif [ -z "${3:-}" ] && [ -s "$dir/err" ]; then
        echo "not ok device $1: said without a reason: $(head -c 200 "$dir/err")"
    else
        echo "ok device $1"
    fi
}

for d in virtual virtual:npu1 virtual:npu4; do same "$d" $d; done
export DICTATE_NPU_STRICT DICTATE_NPU_LINUX DICTATE_NPU_FAULTS
DICTATE_NPU_STRICT=1 same "caches modelled" virtual:npu1
DICTATE_NPU_LINUX=6.18 DICTATE_NPU_STRICT=1 same "caches modelled, the older driver" virtual:npu4

while IFS='|' read -r faults part; do
    DICTATE_NPU_FAULTS=$faults same "with $faults" virtual:npu1 "$part"
done <<'EOF'
job@5=error|failed a command list; context kept, list repeated
job@5=hang|did not finish a command list in time
exec@4=EIO|new context, list repeated
job@3=lost*0|the virtual NPU goes on
job@3=error*0|the virtual NPU goes on
job@4=wedge|the virtual NPU goes on
job@4=gone|the NPU is gone .*; the virtual NPU goes on
exec@4=EAGAIN*0|too busy
exec@4=EIO;destroy=ENODEV|the virtual NPU goes on
open=EACCES|usermod -aG render .*the columns go on
mmap=EAGAIN*0|ulimit -l unlimited
create_ctx=EINVAL|no more contexts
EOF
unset DICTATE_NPU_FAULTS DICTATE_NPU_STRICT DICTATE_NPU_LINUX

# JSON says it too.
DICTATE_NPU_FAULTS='job@5=error*0' "$DICTATE" --json --device virtual:npu4 "$clip" \
    >"$dir/got" 2>/dev/null </dev/null
if grep -q '"npu-reset"' "$dir/got"; then
    echo "ok device a note in --json"
else
    echo "not ok device a note in --json: none"
fi
DICTATE_NPU_FAULTS='job@5=error*0' "$DICTATE" --plain --paced --device virtual:npu4 "$clip" \
    >"$dir/got" 2>"$dir/err" </dev/null
if grep -q 'warning: .*the virtual NPU goes on' "$dir/err"; then
    echo "ok device a note while it is heard"
else
    echo "not ok device a note while it is heard: $(head -c 200 "$dir/err")"
fi

if ls /dev/accel/accel* >/dev/null 2>&1; then
    echo "skip device --device npu: there is an accelerator here"
else
    "$DICTATE" --txt --device npu "$clip" >"$dir/got" 2>"$dir/err" </dev/null
    rc=$?
    if [ $rc = 4 ] && [ ! -s "$dir/got" ] && grep -q 'no AMD NPU found.*leave out --device npu' "$dir/err"; then
        echo "ok device npu, where there is none: exit code 4"
    else
        echo "not ok device npu: exit code $rc: $(head -c 200 "$dir/err")"
    fi
fi
