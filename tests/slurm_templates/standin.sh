#!/usr/bin/env bash
# A pilot that joins nothing, for the launcher's tests: what it is to do stands in OWNERS.
set -u
get() { sed -n "s/^$1='\\(.*\\)'\$/\\1/p" "$conf"; }
conf=$2
say() { printf 'GLIDEIN %s +0.1s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
leave() {
  printf 'GLIDEIN-REPORT {"format":1,"request":"%s","reason":"%s","message":"%s","exit_code":%s,"jobs_run":3}\n' \
    "$(get REQUEST_ID)" "$1" "by \\\"itself\\\"" "$2"
  exit "$2"
}
trap 'leave told 0' TERM
say STATE starting
[[ $(get TOKEN_FILE) != "" && -r $(get TOKEN_FILE) ]] || leave token 14
cp "$conf" "${GL_TEST_CONFS:?}/$(get PILOT_INDEX).conf"
case $(get OWNERS) in
  refused) leave token-refused 16 ;;
  dies) kill -9 $$ ;;
  stays)
    say STATE joined
    : >"$GL_TEST_CONFS/joined"
    while :; do
      sleep 0.1 &
      wait $!
    done
    ;;
esac
say STATE joined
leave idle 0
