#!/usr/bin/env bash
# host.sh NAME: starts one host of the bed (as a child of init.sh), or starts it again. The host has
# its own network, processes, mounts and name; its files are $ROOT with a layer of its own on top.
set -euo pipefail
name=$1
# shellcheck source=/dev/null
. "$GLIDEIN_BED/settings"

if [ "${2:-}" = "" ]; then
  rm -f "$GLIDEIN_BED/up/$name"
  exec nsenter --net="/run/netns/$name" unshare --mount --uts --ipc --pid --fork --kill-child \
    --mount-proc bash "$GLIDEIN_BED/bin/host.sh" "$name" inside
fi

trap 'touch "$GLIDEIN_BED/failed"' EXIT

lay_out() {
  local tree=/run/hosts/$name
  mkdir -p "$tree"
  mount -t tmpfs -o size=2g,mode=755 tmpfs "$tree"
  mkdir "$tree/upper" "$tree/work" "$tree/root"
  cp -a "$GLIDEIN_BED/tree/." "$tree/upper/"
  mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$tree/upper,workdir=$tree/work" "$tree/root"
  cd "$tree/root"
  mount --rbind /dev dev
  mount --rbind /sys sys
  mount -t proc proc proc
  mount -t tmpfs -o size=2g,mode=1777 tmpfs tmp
  mount -t tmpfs -o mode=1777 tmpfs var/tmp
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  mount -t tmpfs -o mode=755 tmpfs run
  mkdir -p run/lock run/sshd run/munge run/gpu run/slurm ".$GLIDEIN_BED" small home scratch opt/glidein mnt/old
  mount -t tmpfs -o size=48m,mode=1777 tmpfs small
  mount --bind "$GLIDEIN_BED" ".$GLIDEIN_BED"
  mount --bind "$GLIDEIN_BED/$HOMES" home
  mount --bind "$GLIDEIN_BED/scratch" scratch
  for pair in $BINDS; do
    mkdir -p ".${pair#*:}"
    mount --bind -o ro "${pair%%:*}" ".${pair#*:}"
  done
  pivot_root . mnt/old
  umount -l /mnt/old
  hostname "$name"
}

start_munge() {
  chown munge:munge /run/munge
  setpriv --reuid=munge --regid=munge --clear-groups munged --key-file=/etc/munge/munge.key \
    --log-file=/run/munge/munged.log --seed-file=/run/munge/seed --pid-file=/run/munge/munged.pid
}

start_database() {
  local dir=/run/mysql me=(setpriv --reuid=mysql --regid=mysql --clear-groups)
  install -d -o mysql -g mysql "$dir"
  "${me[@]}" mariadb-install-db --no-defaults --user=mysql --datadir="$dir/data" --skip-test-db \
    --auth-root-authentication-method=socket >"$GLIDEIN_BED/logs/mariadb-install" 2>&1
  "${me[@]}" mariadbd --no-defaults --datadir="$dir/data" --socket="$dir/s" --skip-networking \
    --pid-file="$dir/pid" --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=2 \
    --innodb-log-file-size=16M >"$GLIDEIN_BED/logs/mariadbd" 2>&1 &
  until mariadb-admin --no-defaults -S "$dir/s" ping >/dev/null 2>&1; do sleep 0.05; done
  # slurmdbd would make its database, on a connection that newer client libraries spoil by that.
  mariadb --no-defaults -S "$dir/s" -e "create database slurm_acct_db;
    create user slurm@localhost identified via unix_socket;
    grant all on slurm_acct_db.* to slurm@localhost;"
  MYSQL_UNIX_PORT="$dir/s" slurmdbd
  until sacctmgr -n show cluster >/dev/null 2>&1; do sleep 0.05; done
  grep -v gres/gpu "$GLIDEIN_BED/slurm/accounts.first" | bash "$GLIDEIN_BED/bin/accounts.sh"
}

# Partitions need their QOS before the controller starts; limits on GPUs can be set only after it
# has told the database that there are GPUs.
limit_gpus() {
  until sacctmgr -n show tres type=gres | grep -q gpu; do sleep 0.05; done
  { grep gres/gpu "$GLIDEIN_BED/slurm/accounts.first" || :; } | bash "$GLIDEIN_BED/bin/accounts.sh"
}

HOMES=home
case $name in cm | ap) HOMES=far-home ;; esac
lay_out
if [ -e /proc/sys/net/ipv4/conf/site ] && [ "$name" != gw ]; then
  ip link set site up
  [ "$name" = login ] || ip route replace default via 10.77.0.1
fi
case $name in
  login)
    start_munge
    /usr/sbin/sshd -f /etc/ssh/sshd_config_bed -E "$GLIDEIN_BED/logs/sshd"
    ;;
  head)
    start_munge
    install -d -o slurm "$GLIDEIN_BED/state/slurmctld"
    [ "$ACCOUNTING" = no ] || start_database
    slurmctld
    [ "$ACCOUNTING" = no ] || limit_gpus
    ;;
  c[0-9])
    start_munge
    # Slurm wants devices, whatever they are: these swallow all and give nothing.
    for n in {0..15}; do mknod -m 666 "/run/gpu/nvidia$n" c 1 3; done
    slurmd
    ;;
  cm | ap)
    bash "$GLIDEIN_BED/bin/condor.sh" start
    ;;
esac
touch "$GLIDEIN_BED/up/$name"
trap : TERM INT
while :; do
  sleep 3600 &
  wait $! || :
done
