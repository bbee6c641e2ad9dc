#!/usr/bin/env bash
# condor.sh start|stop: this host's HTCondor; stop ends the master, which ends the rest.
set -euo pipefail
state=$GLIDEIN_BED/state/$(hostname)
case $1 in
  start)
    mkdir -p /etc/condor/passwords.d
    install -m 600 "$GLIDEIN_BED/condor/POOL" /etc/condor/passwords.d/POOL
    cp "$GLIDEIN_BED/condor/$(hostname).config" /etc/condor/condor_config.local
    for part in '' /log /spool /lock /run /execute; do install -d -o condor -g condor "$state$part"; done
    install -d -m 700 "$state/tokens.d"
    "$GLIDEIN_BED/runtime/sbin/condor_master" -pidfile "$state/run/master.pid"
    ;;
  stop)
    pid=$(cat "$state/run/master.pid")
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    ;;
esac
