#!/bin/sh
# Prints the first Python 3 that has the modules named (several may be installed); fails when none.
set -eu
for p in python3 /usr/bin/python3; do
    if command -v "$p" >/dev/null 2>&1; then
        ok=1
        for m in "$@"; do
            "$p" -c "import $m" 2>/dev/null || ok=0
        done
        if [ $ok = 1 ]; then
            echo "$p"
            exit 0
        fi
    fi
done
exit 1
