#!/usr/bin/env bash
# The smallest pilot that works, written by hand: what pilot.sh is measured against. It checks
# nothing, protects nothing and takes the whole machine.
# minimal_pilot.sh RUNTIME_FOLDER_OR_TARBALL POOL TOKEN_FILE OWNER IDLE_SECONDS
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runtime=$1
if [ -f "$runtime" ]; then
  mkdir "$work/runtime"
  tar -x -f "$runtime" -C "$work/runtime" --strip-components=1
  runtime=$work/runtime
  while read -r offset length path; do
    { printf '%s' "$runtime/lib/ld-linux-x86-64.so.2"; head -c "$length" /dev/zero; } |
      head -c "$length" | dd of="$runtime/$path" bs=4k seek="$offset" oflag=seek_bytes conv=notrunc status=none
  done <"$runtime/RELOCATE"
fi
mkdir "$work/log" "$work/execute" "$work/lock" "$work/spool" "$work/tokens.d"
install -m 600 "$3" "$work/tokens.d/token"
cat >"$work/condor_config" <<CONFIG
RELEASE_DIR = $runtime
LOCAL_DIR = $work
SBIN = \$(RELEASE_DIR)/sbin
BIN = \$(RELEASE_DIR)/bin
LIB = \$(RELEASE_DIR)/lib
LIBEXEC = \$(RELEASE_DIR)/libexec
LOG = \$(LOCAL_DIR)/log
EXECUTE = \$(LOCAL_DIR)/execute
LOCK = \$(LOCAL_DIR)/lock
SPOOL = \$(LOCAL_DIR)/spool
DAEMON_LIST = MASTER, STARTD
COLLECTOR_HOST = $2
CCB_ADDRESS = \$(COLLECTOR_HOST)
SHARED_PORT_PORT = 0
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_TOKEN_DIRECTORY = \$(LOCAL_DIR)/tokens.d
SEC_TOKEN_SYSTEM_DIRECTORY = \$(LOCAL_DIR)/tokens.d
ALLOW_READ = *
ALLOW_WRITE = *
ALLOW_DAEMON = *
ALLOW_ADMINISTRATOR = *
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
START = TARGET.Owner == "$4"
STARTD_NOCLAIM_SHUTDOWN = $5
MASTER.DAEMON_SHUTDOWN_FAST = (STARTD_StartTime =?= 0) && ((CurrentTime - DaemonStartTime) > 10)
MASTER_UPDATE_INTERVAL = 5
CONFIG
CONDOR_CONFIG=$work/condor_config "$runtime/sbin/condor_master" -f
