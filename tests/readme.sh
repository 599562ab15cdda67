#!/bin/sh
# Every command of the README that needs no microphone runs, and every file that a README points to is
# there.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
DICTATE=${DICTATE:-$top/build/dictate}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Links: ](path) without a scheme.
find . -name '*.md' ! -path './build/*' ! -path './.git/*' >"$dir/pages"
bad=0
while read -r page; do
    grep -o ']([^)#]*)' "$page" | sed 's/^](//; s/)$//' | grep -v '://' | while read -r to; do
        [ -e "$(dirname "$page")/$to" ] || echo "$page points to $to, which is not there"
    done
done <"$dir/pages" >"$dir/dead"
if [ -s "$dir/dead" ]; then
    cat "$dir/dead"
    echo "not ok readme links: $(wc -l <"$dir/dead") are dead"
    bad=1
else
    echo "ok readme links"
fi

# Commands: lines of code blocks that begin with build/dictate, up to the remark.
sed -n 's/^\(build\/dictate .*\)$/\1/p' README.md | sed 's/[[:space:]]*#.*//' | sort -u >"$dir/commands"
ln -s "$top/npu" "$dir/npu"
cd "$dir" || exit 1
while read -r _ args; do
    if [ -z "$args" ]; then
        echo "skip readme build/dictate: it needs a microphone"
        continue
    fi
    # shellcheck disable=SC2086 # arguments in words
    if "$DICTATE" $args </dev/null >out 2>err; then
        echo "ok readme build/dictate $args"
    else
        echo "not ok readme build/dictate $args: ended with $?: $(head -c 300 err)"
        bad=1
    fi
done <commands
exit $bad
