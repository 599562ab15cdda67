#!/bin/sh
# Nothing of one machine in the files: no paths of it, no package registry hosts; models and sounds
# only in npu/models, nothing else that is not text (programs, objects) but the fuzzers' seeds; at the
# top the rooms alone; the repository stays under 60 MB.
set -eu
cd "$(dirname "$0")/.." || exit 1
bad=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard >"$list"
else
    find . -type f ! -path './build/*' ! -path './.git/*' | sed 's|^\./||' >"$list"
fi

# The patterns are written in two pieces so that this file does not hold them.
paths='(^|[^A-Za-z0-9_.])/(wo''rk|ro''ot|ho''me/[a-z]|Us''ers)/'
hosts='py''pi\.org|pythonho''sted|registry\.np''mjs|crates\.i''o|proxy\.go''lang|artifac''tory|/nex''us/'
while read -r f; do
    [ -f "$f" ] || continue
    # -I: text files only
    if grep -InE "$paths" "$f" >/dev/null; then
        grep -InE "$paths" "$f" | head -3 | sed "s|^|$f:|"
        echo "not ok $f names a path of one machine"
        bad=1
    fi
    if grep -IniE "$hosts" "$f" >/dev/null; then
        echo "not ok $f names a package registry"
        bad=1
    fi
    case $f in
    npu/models/*) ;;
    *.bin | *.gguf | *.onnx | *.pt | *.npy | *.npz | *.wav | *.flac | *.mp3 | *.ogg | *.aiff | *.raw)
        echo "not ok $f: models and sounds live in npu/models"
        bad=1
        ;;
    tests/fuzz/*.seeds/*) ;;
    *)
        # -I takes a file that is not text for one without a match; an empty one has none either.
        if [ -s "$f" ] && ! grep -Iq '' "$f"; then
            echo "not ok $f is not text: built things stay in build/"
            bad=1
        fi
        ;;
    esac
    case $f in
    .*/* | app/* | audio/* | npu/* | ui/* | kernels/* | tests/*) ;;
    Makefile | README.md | LICENSE | .gitignore | .clang-format) ;;
    *)
        echo "not ok $f: which room does it belong to?"
        bad=1
        ;;
    esac
done <"$list"
kb=$(tr '\n' '\0' <"$list" | du -ck --files0-from=- 2>/dev/null | tail -1 | cut -f1)
if [ "$kb" -ge 61440 ]; then
    echo "not ok the files are $((kb / 1024)) MB, 60 is the limit"
    bad=1
fi
[ $bad = 0 ] && echo "ok names: $(wc -l <"$list") files, $((kb / 1024)) MB"
exit $bad
