#!/bin/sh
# Every header compiles alone.  Templates (kernels/host/vec_*.h and *_template.h) are bodies, not
# headers, and are left out.
set -eu
cd "$(dirname "$0")/.." || exit 1
CC=${CC:-gcc}
CPPFLAGS=${CPPFLAGS:--D_GNU_SOURCE -I.}
bad=0
n=0
for h in $(find app audio npu ui kernels -name '*.h' | sort); do
    case $h in kernels/host/*) continue ;; esac
    n=$((n + 1))
    # shellcheck disable=SC2086 # CPPFLAGS is a list
    if ! "$CC" $CPPFLAGS -std=c11 -Wall -Wextra -Wundef -Werror -Wno-unused-function -fsyntax-only \
        -x c "$h" 2>/tmp/headers.$$; then
        sed 's/^/    /' /tmp/headers.$$
        echo "not ok header $h"
        bad=1
    fi
done
rm -f /tmp/headers.$$
[ $bad = 0 ] && echo "ok headers: $n compile alone"
exit $bad
