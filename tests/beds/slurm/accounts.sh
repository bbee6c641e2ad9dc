#!/usr/bin/env bash
# Gives standard input to sacctmgr, one command a line, and fails where one of them was refused.
set -uo pipefail
said=$(sacctmgr -i 2>&1) || code=$?
case $said in *[Ee]rror* | *"not allowed"* | *[Uu]nknown*) code=1 ;; esac
[ "${code:-0}" -eq 0 ] || printf '%s\n' "$said" >&2
exit "${code:-0}"
