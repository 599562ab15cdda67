#!/bin/sh
# Prints the screen of the bundled sample after SECONDS (13), for the README.   _screen.sh [SECONDS]
set -eu
cd "$(dirname "$0")/../.."
DICTATE=${DICTATE:-$PWD/build/dictate}
sock=dictate-screen-$$
trap 'tmux -L "$sock" kill-server' EXIT
LC_ALL=C.UTF-8 tmux -u -L "$sock" -f /dev/null new-session -d -x 80 -y 24 -s w \
    "'$DICTATE' npu/models/samples/paragraph.flac"
sleep "${1:-13}"
tmux -u -L "$sock" capture-pane -p -t w
