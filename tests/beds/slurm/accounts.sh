#!/usr/bin/env bash
# Gives standard input to sacctmgr, one command a line, and fails where one of them was refused.
set -euo pipefail
said=$(sacctmgr -i 2>&1)
printf '%s\n' "$said"
case $said in *[Ee]rror* | *"not allowed"*) exit 1 ;; esac
