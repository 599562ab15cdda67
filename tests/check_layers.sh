#!/bin/sh
# Who may include whom.  A line: room, then the rooms its files may include (itself is implied).
set -eu
cd "$(dirname "$0")/.." || exit 1
rules='
app/base
kernels
audio      app/base kernels
npu/dev    app/base kernels
npu/rt     app/base kernels npu/dev
npu/asr    app/base kernels npu/rt
npu/plan   app/base kernels
app/text   app/base
ui         app/base
app        app/base kernels app/text audio npu/rt npu/asr npu/plan ui
'

room() {
    case $1 in
    app/base/* | app/text/* | npu/dev/* | npu/rt/* | npu/asr/* | npu/plan/*) printf %s "$1" | cut -d/ -f1,2 ;;
    */*) printf %s "${1%%/*}" ;;
    *) printf - ;;
    esac
}

may() { printf '%s\n' "$rules" | awk -v a="$1" -v b="$2" \
    '$1 == a {for (i = 2; i <= NF; i++) if ($i == b) ok = 1} END {exit !ok}'; }

tab=$(printf '\t')
bad=0
list=$(find app audio npu ui kernels -name '*.[ch]' | sort)
for f in $list; do
    from=$(room "$f")
    # shellcheck disable=SC2013 # no header has a space in its name
    for inc in $(sed -n "s/^[ $tab]*#[ $tab]*include[ $tab]*\"\([^\"]*\)\".*/\1/p" "$f"); do
        to=$(room "$inc")
        if [ "$to" != - ] && [ "$to" != "$from" ] && ! may "$from" "$to"; then
            echo "$f includes $inc: $from may not see $to"
            bad=1
        fi
    done
done
# One library, one room: who else may include its header.
only() {
    # shellcheck disable=SC2086 # a list of folders
    hits=$(grep -rlE "#[ $tab]*include[ $tab]*<$1>" app audio npu ui kernels --include='*.[ch]' |
        grep -Ev "^($2)/" || true)
    if [ -n "$hits" ]; then
        echo "<$1> belongs in $2 only, not in: $hits"
        bad=1
    fi
}
only 'alsa/.*' 'audio'
only 'sndfile\.h' 'audio'
only 'samplerate\.h' 'audio'
only '(ncursesw/)?(n?curses)\.h' 'ui'
only '(lib)?drm.*' 'npu/dev'
[ $bad = 0 ] && echo "ok layers" || echo "not ok layers"
exit $bad
