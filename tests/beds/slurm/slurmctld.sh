#!/usr/bin/env bash
# slurmctld.sh start|stop: the controller, on head; stopped as an operator stops it, or killed.
set -euo pipefail
case $1 in
  start) slurmctld ;;
  stop | kill)
    pid=$(cat /run/slurmctld.pid)
    if [ "$1" = kill ]; then kill -KILL "$pid"; else kill -TERM "$pid"; fi
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    ;;
esac
