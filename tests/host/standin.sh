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
id=$(get REQUEST_ID)
index=$(get PILOT_INDEX)
# No command is substituted where a trap may run: inside `read -t` such a child never ends.
say() { TZ=UTC0 printf 'GLIDEIN %(%Y-%m-%dT%H:%M:%SZ)T +0.1s %s\n' -1 "$*"; }
leave() {
  trap '' TERM INT HUP
  rm -rf "${work:?}"
  printf 'GLIDEIN-REPORT {"format":1,"request":"%s","pilot":%s,"reason":"%s","exit_code":%s}\n' \
    "$id" "$index" "$1" "$2"
  exit "$2"
}
# As in the payload, whatever signal comes once there is a folder, it is removed.
trap 'say STATE draining; leave told 0' TERM INT HUP
work=$(mktemp -d "${base:-${TMPDIR:-/tmp}}/glidein-$UID.XXXXXXXX")
read -r stat <"/proc/$$/stat"
# shellcheck disable=SC2086
set -- ${stat##*) }
printf '%s\n%s\n' "$(cat /proc/sys/kernel/random/boot_id) $name" "$$ ${20}" >"$work/owner"
export GLIDEIN_PILOT=$work
cp "$token" "$work/token" || leave token 14
[[ $(get TOKEN_REMOVE) != 1 ]] || rm -f "$token"
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
esac
say STATE joined
say STATE idle
case $wish in *brief*) leave idle 0 ;; esac
exec {nap}<> <(:)
for _ in $(seq 3000); do
  read -r -t 0.1 -u "$nap"
done
leave lifetime 0
