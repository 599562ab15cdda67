#!/bin/sh
# Builds the invented session:   DICTATE=$(sh tests/tui/_demo.sh) sh tests/tui/exits.sh
exec sh "$(dirname "$0")/_tool.sh" tests/ui/demo.c ui
