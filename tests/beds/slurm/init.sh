#!/usr/bin/env bash
# PID 1 of the bed, in namespaces of its own: lays the network, starts every host, reaps orphans.
#   world  10.78.0.0/24: cm .10, ap .11, login .20 (as login-wan), gw .30
#   site   10.77.0.0/24: gw .1, login .2, head .3, c0..c9 .10 to .19; its way out is gw
# Nothing leads from here to the machine's own network. $GLIDEIN_BED is the bed's folder.
set -euo pipefail
# The bed's maker looks for this file; the logs stay until it has.
trap 'touch "$GLIDEIN_BED/failed"; sleep infinity' EXIT
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns
while read -r folder; do
  controller=$(basename "$(dirname "$folder")")
  if [ ! -d "/sys/fs/cgroup/$controller" ]; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir "/sys/fs/cgroup/$controller"
  fi
  mount --bind "$folder" "/sys/fs/cgroup/$controller"
done <"$GLIDEIN_BED/controllers"
hostname bed
ip link set lo up

bridge() {
  ip link add "$1" type bridge
  ip link set "$1" up
}
host() {
  ip netns add "$1"
  ip -n "$1" link set lo up
}
# One leg of a host: its name there, the bridge it hangs on, its address.
leg() {
  ip link add "$1-$2" type veth peer name "$2" netns "$1"
  ip link set "$1-$2" master "$3" up
  ip -n "$1" addr add "$4/24" dev "$2"
  ip -n "$1" link set "$2" up
}

# The world is two bridges and a plain link between them, which tests swap for one with delay.
bridge site
bridge campus
bridge world
ip addr add 10.78.0.1/24 dev world
ip link add plain type veth peer name plain-far
ip link set plain master campus up
ip link set plain-far master world up
for name in cm ap gw login head c{0..9}; do host "$name"; done
leg cm wan world 10.78.0.10
leg ap wan world 10.78.0.11
leg login wan campus 10.78.0.20
leg gw wan campus 10.78.0.30
leg gw site site 10.77.0.1
leg login site site 10.77.0.2
leg head site site 10.77.0.3
for n in {0..9}; do leg "c$n" site site "10.77.0.1$n"; done
# Slurm's older daemons write small pieces and wait: acknowledged at once, an account is added in a
# tenth of the time.
for name in login head c{0..9}; do
  ip -n "$name" route change 10.77.0.0/24 dev site quickack 1
done
ip -n head route change local 10.77.0.3 dev site table local proto kernel scope host quickack 1
nsenter --net=/run/netns/gw sysctl -qw net.ipv4.ip_forward=1
# Each refusal is told at once, not one in a second.
nsenter --net=/run/netns/gw sysctl -qw net.ipv4.icmp_ratelimit=0
nsenter --net=/run/netns/gw nft -f "$GLIDEIN_BED/gateway.nft"

for name in head cm ap gw login c{0..9}; do
  bash "$GLIDEIN_BED/bin/host.sh" "$name" >"$GLIDEIN_BED/logs/host.$name" 2>&1 </dev/null &
done
trap : TERM INT
while :; do
  sleep 3600 &
  wait $! || :
done
