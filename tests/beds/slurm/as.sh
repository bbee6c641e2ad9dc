#!/usr/bin/env bash
# as.sh USER COMMAND...: runs a command as a user who has just logged in.
set -eu
user=$1
shift
home=$(getent passwd "$user" | cut -d: -f6)
cd "$home" 2>/dev/null || cd /
path=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
case $(hostname) in cm | ap) path=$GLIDEIN_BED/runtime/bin:$GLIDEIN_BED/runtime/sbin:$path ;; esac
exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --reset-env -- \
  env HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 GLIDEIN_BED="$GLIDEIN_BED" \
  PATH="$path" "$@"
