#!/usr/bin/env bash
# A pilot that joins no pool: it behaves towards its provider as the payload does, and no more.
# What it is to do beyond that stands in OWNERS of its pilot.conf, where tests put it.
set -u
conf=$2
get() {
  local raw
  raw=$(sed -n "s/^$1='\\(.*\\)'\$/\\1/p" "$conf")
  printf '%b' "${raw//\\\'/\'}"
}
token=$(get TOKEN_FILE)
name=$(get REQUEST_ID).$(get PILOT_INDEX).$(get PILOT_RESTART)
wish=$(get OWNERS)
base=$(get WORK_DIR)
say() { printf 'GLIDEIN %s +0.1s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
leave() {
  rm -rf "$work"
  [ -z "${child-}" ] || kill "$child"
  printf 'GLIDEIN-REPORT {"format":1,"request":"%s","pilot":%s,"reason":"%s","code":%s}\n' \
    "$(get REQUEST_ID)" "$(get PILOT_INDEX)" "$1" "$2"
  exit "$2"
}
work=$(mktemp -d "${base:-${TMPDIR:-/tmp}}/glidein-$name.XXXXXX")
cp "$token" "$work/token" || leave token 14
rm -f "$token"
say STATE starting
say CHECK PASS stand-in: this is no real pilot
case $wish in
  *fails*) leave token-refused 16 ;;
  *deaf*)
    trap '' TERM INT
    (
      trap '' TERM
      exec sleep 300
    ) &
    setsid sleep 300 &
    ;;
  *) trap 'say STATE draining; leave told 0' TERM INT HUP ;;
esac
say STATE joined
say STATE idle
case $wish in *brief*) leave idle 0 ;; esac
for _ in $(seq 3000); do
  sleep 0.1 &
  wait $!
done
leave lifetime 0
