#!/usr/bin/env bash
# Claims a pilot's folder for this very process, then becomes the pilot. The host provider calls it:
#
#     start-pilot.sh DRAFT PLACE CANCELLED <TOKEN
#
# DRAFT holds pilot.sh and pilot.conf. Who this process is goes into DRAFT before DRAFT becomes
# PLACE in one rename, so a claimed place always says which process it belongs to. The token comes
# on standard input and is written only once the place is ours.

start_pilot() {
  local draft=$1 place=$2 cancelled=$3 stat boot node
  set -f
  umask 077
  read -r stat <"/proc/$$/stat"
  read -r boot </proc/sys/kernel/random/boot_id
  read -r node </proc/sys/kernel/hostname
  # After the program's name, which may hold anything, the 20th field is the start time.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  printf '%s %s %s %s\n' "$$" "${20}" "$boot" "$node" >"$draft/process" || exit 19
  # A rename onto a folder that has something in it fails: of two starters one wins, whole.
  mv -T -- "$draft" "$place" 2>/dev/null || {
    rm -rf -- "$draft"
    exit 20
  }
  [ ! -e "$cancelled" ] || exit 20
  cat >"$place/token" || {
    rm -f -- "$place/token"
    exit 19
  }
  exec bash "$place/pilot.sh" --conf "$place/pilot.conf" </dev/null
}

start_pilot "$@"
