# --- the same in every batch script of Glidein ---------------------------------------------------

# gl_say TEXT...: prints one line of this batch job; control characters become blanks.
gl_say() {
  local text="$*"
  TZ=UTC0 printf 'GLIDEIN-BATCH %(%Y-%m-%dT%H:%M:%SZ)T %s\n' -1 "${text//[[:cntrl:]]/ }"
}

# gl_fail CODE TEXT: ends the batch job before any pilot was started.
gl_fail() {
  gl_say "$2"
  exit "$1"
}

# gl_conf KEY VALUE: prints one line of pilot.conf.
gl_conf() {
  local value=${2//\\/\\\\}
  value=${value//\'/\\\'}
  printf "%s='%s'\n" "$1" "${value//$'\n'/\\n}"
}

# gl_name: decides under which request this batch job runs. Submitted by Glidein it is told; a
# script that somebody submits by hand is a request of its own each time.
gl_name() {
  local cluster=${SLURM_CLUSTER_NAME-}
  cluster=${cluster//[^A-Za-z0-9]/}
  gl_batch_job=${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:-$$}}
  gl_request=${1:-gs${cluster:+-${cluster:0:16}}-$gl_batch_job}
  gl_request=${gl_request,,}
  gl_place=${XDG_STATE_HOME:-$HOME/.local/state}/glidein/batch/$gl_request
  gl_restart=${SLURM_RESTART_COUNT:-0}
  gl_first=${SLURM_ARRAY_TASK_ID:-0}
  gl_run=$gl_place/run.$gl_batch_job.$gl_first.$gl_restart
}

# gl_claim: makes the request this batch job's own. A symbolic link is made at once with what it
# says, on any file system; a second batch job for the same request finds it and ends.
gl_claim() {
  local holder
  mkdir -p -- "$gl_place" || gl_fail 19 "$gl_place cannot be made; is the home folder full?"
  ln -s -- "$gl_batch_job" "$gl_place/claim" 2>/dev/null && return 0
  holder=$(readlink -- "$gl_place/claim") || gl_fail 19 "$gl_place cannot be written"
  [[ $holder == "$gl_batch_job" ]] ||
    gl_fail 20 "request $gl_request runs as batch job $holder already; this one does nothing"
}

# gl_refuse_cancelled: a request may be cancelled while its batch job is on its way.
gl_refuse_cancelled() {
  [[ ! -e $gl_place/cancelled ]] || gl_fail 0 "request $gl_request was cancelled; nothing starts"
}

# gl_stage: lays out what the pilots need, once for the whole batch job.
gl_stage() {
  mkdir -p -- "$gl_run" || gl_fail 19 "$gl_run cannot be made; is the home folder full?"
  gl_payload >"$gl_run/pilot.sh" || gl_fail 19 "$gl_run is full"
  [[ ! -e $gl_place/token ]] || gl_token=$gl_place/token
  [[ -f $gl_token && -r $gl_token && -s $gl_token ]] ||
    gl_fail 14 "the token ${gl_token:-(none named)} cannot be read on ${HOSTNAME-this node}"
  gl_find_work_dir
  case $gl_runtime in
    http://* | https://* | ftp://*) gl_fetch ;;
  esac
}

# gl_find_work_dir: sets gl_work_dir to the first of the system's node-local folders that can be
# written to; the pilot finds one by itself where there is none.
gl_find_work_dir() {
  for gl_work_dir in "${gl_work_dirs[@]}" ''; do
    [[ ! -d $gl_work_dir || ! -w $gl_work_dir ]] || return 0
  done
}

# gl_fetch: gets the runtime once, so that N nodes do not fetch it N times.
gl_fetch() {
  local name=${gl_runtime%%[?#]*} file tries=--retry\ 3
  # Whatever its name, it is none of the files that already lie there.
  file=$gl_run/runtime.${name##*/}
  gl_say "fetching $gl_runtime"
  if command -v curl >/dev/null; then
    # shellcheck disable=SC2086 # two words
    curl --fail --location --silent --show-error $tries -o "$file" -- "$gl_runtime" &
  else
    wget --quiet --tries=3 -O "$file" -- "$gl_runtime" &
  fi
  gl_wait $! || gl_fail 10 "$gl_runtime could not be fetched; stage it and name the file instead"
  if [[ -n $gl_runtime_sha256 ]]; then
    printf '%s  %s\n' "$gl_runtime_sha256" "$file" | sha256sum --check --status ||
      gl_fail 10 "$gl_runtime has not the SHA-256 that was expected"
    # Checked once for all: what gzip or xz tells of a damaged copy is enough for each node.
    gl_runtime_sha256=''
  fi
  gl_runtime=$file
}

# gl_wait PID: waits for a child whatever signals come; returns its status.
gl_wait() {
  local status=0
  while kill -0 "$1" 2>/dev/null; do
    ((gl_told == 0)) || kill -TERM "$1" 2>/dev/null
    wait "$1"
    status=$?
  done
  wait "$1" 2>/dev/null || status=$?
  return "$status"
}

# gl_find_end: sets gl_end to when Slurm ends this batch job, in seconds since the epoch.
gl_find_end() {
  gl_end=${SLURM_JOB_END_TIME-}
  [[ $gl_end =~ ^[0-9]+$ ]] || gl_end=$(($(date +%s) + gl_seconds))
}

# gl_warn: says what Slurm's warning means. One that comes when it was to come, Slurm is up to a
# minute early, is no news: pilots know their end and leave before it. An earlier one they are told.
gl_warn() {
  local now
  gl_warned=0
  printf -v now '%(%s)T' -1
  if ((now + gl_lead + 90 >= gl_end)); then
    gl_say 'the time limit is near: the pilots leave by themselves'
  else
    gl_told=$((gl_told + 1))
  fi
}

# gl_pilot_conf INDEX: writes pilot.INDEX.conf.
gl_pilot_conf() {
  {
    gl_common_conf
    gl_conf REQUEST_ID "$gl_request"
    gl_conf PILOT_INDEX "$1"
    gl_conf PILOT_RESTART "$gl_restart"
    gl_conf TOKEN_FILE "$gl_token"
    gl_conf DEADLINE $((gl_end - gl_margin))
    gl_conf CLAIM_DIR "$gl_place/claims"
    [[ -z $gl_runtime ]] || gl_conf RUNTIME "$gl_runtime"
    [[ -z $gl_runtime_sha256 ]] || gl_conf RUNTIME_SHA256 "$gl_runtime_sha256"
    [[ -z $gl_work_dir ]] || gl_conf WORK_DIR "$gl_work_dir"
  } >"$gl_run/pilot.$1.conf" || gl_fail 19 "$gl_run is full"
}

# gl_find_memory: sees to it that the environment tells what memory was granted, as it does only
# where some was asked for; a queue's default is told by scontrol alone.
gl_find_memory() {
  local said
  [[ -z ${SLURM_MEM_PER_NODE-}${SLURM_MEM_PER_CPU-}${SLURM_MEM_PER_GPU-} ]] || return 0
  said=$(scontrol --oneliner show job "${SLURM_JOB_ID-}" 2>/dev/null) || return 0
  [[ $said =~ \ MinMemory(CPU|Node)=([0-9]+)([KMGT]?) ]] || return 0
  local -A factor=([K]=0 [M]=1 [G]=1024 [T]=1048576)
  local mib=$((BASH_REMATCH[2] * ${factor[${BASH_REMATCH[3]:-M}]}))
  ((mib > 0)) || return 0
  if [[ ${BASH_REMATCH[1]} == CPU ]]; then
    export SLURM_MEM_PER_CPU=$mib
  else
    export SLURM_MEM_PER_NODE=$mib
  fi
}

# gl_measure: sets gl_memory to the MiB granted on each node; empty where Slurm says nothing of it.
# SLURM_JOB_CPUS_PER_NODE reads 48(x3),24.
gl_measure() {
  local part cores times
  gl_memory=()
  for part in ${SLURM_JOB_CPUS_PER_NODE//,/ }; do
    cores=${part%%(*} times=1
    [[ $part != *'(x'* ]] || times=${part##*(x} times=${times%)}
    while ((times-- > 0)); do
      if ((${SLURM_MEM_PER_NODE:-0} > 0)); then
        gl_memory+=("$SLURM_MEM_PER_NODE")
      elif ((${SLURM_MEM_PER_CPU:-0} > 0)); then
        gl_memory+=($((SLURM_MEM_PER_CPU * cores)))
      fi
    done
  done
}

# gl_node_program: prints what srun runs on each of several nodes: the pilot, and beside it a watch
# over the batch host. When that one dies, Slurm lets the other nodes run on and nobody ends the batch
# job. The watch compares what the batch host writes, never the clocks of two machines. The log is
# the node's own to write, so it is whole whatever becomes of srun.
gl_node_program() {
  cat <<'GLIDEIN_NODE_ENDS'
run=$1 index=$2 batch_host=$3
exec >"$run/pilot.$index.log" 2>&1
watch_batch_host() {
  local beat='' now since=$SECONDS limit=${GLIDEIN_SILENCE:-300}
  while sleep $((limit / 30 + 1)); do
    now=$(cat -- "$run/beat" 2>/dev/null) || since=$SECONDS
    [[ $now == "$beat" ]] || beat=$now since=$SECONDS
    ((SECONDS - since >= limit)) || continue
    printf '%s\n' "the batch host $batch_host gave no sign for $limit s" >"$run/silent"
    scancel "$SLURM_JOB_ID" 2>/dev/null || kill -TERM "$1"
    return
  done
}
(watch_batch_host $$ </dev/null &)
exec bash "$run/pilot.sh" --conf "$run/pilot.$index.conf"
GLIDEIN_NODE_ENDS
}

# gl_beat: tells the watches on the nodes that this script goes on.
gl_beat() {
  ((gl_several && SECONDS >= gl_next_beat)) || return 0
  gl_next_beat=$((SECONDS + 5))
  printf '%s\n' "$SECONDS" >"$gl_run/beat"
}

# gl_start INDEX NODE PLACE: starts one pilot, as a step of its own where there are several nodes, so
# that one node's death ends one pilot. Slurm's warning reaches only what srun executed: pilot.sh.
gl_start() {
  local argv=(bash "$gl_run/pilot.sh" --conf "$gl_run/pilot.$1.conf")
  gl_pilot_conf "$1"
  : >"$gl_run/pilot.$1.log"
  if ((gl_several)); then
    argv=(srun --nodes=1 --ntasks=1 --nodelist="$2" --mem="${gl_memory[$3]:-0}" --cpu-bind=none
      --kill-on-bad-exit=0 --job-name="$gl_request.$1" ${gl_gpus:+--gres=gpu:"$gl_gpus"}
      bash -c "$(gl_node_program)" pilot "$gl_run" "$1" "${SLURMD_NODENAME-}")
  fi
  (
    # A step is not told its memory; the pilot reads it where a batch job would.
    [[ -z ${gl_memory[$3]-} ]] || export SLURM_MEM_PER_NODE=${gl_memory[$3]}
    ((gl_several)) || exec >"$gl_run/pilot.$1.log" 2>&1
    exec "${argv[@]}" </dev/null
  ) &
  gl_index[$!]=$1
  gl_node[$1]=$2
  gl_say "pilot $1 starts on $2"
}

gl_start_all() {
  local place nodes=("${SLURMD_NODENAME:-${HOSTNAME-here}}")
  local -a gl_memory=()
  gl_find_memory
  if ((${SLURM_JOB_NUM_NODES:-${SLURM_NNODES:-1}} > 1)); then
    mapfile -t nodes < <(scontrol show hostnames "${SLURM_JOB_NODELIST-}")
    gl_several=1
    gl_measure
    # Each says something about the whole batch job that would be wrong for a step on one node.
    unset SLURM_GPUS SLURM_GPUS_PER_NODE SLURM_GPUS_PER_TASK SLURM_CPUS_PER_TASK \
      SLURM_NTASKS_PER_NODE SLURM_TRES_PER_TASK SLURM_NTASKS SLURM_NPROCS SLURM_NNODES \
      SLURM_MEM_PER_NODE SLURM_MEM_PER_CPU SLURM_MEM_PER_GPU SLURM_DISTRIBUTION SLURM_HINT
  fi
  gl_beat
  for place in "${!nodes[@]}"; do
    gl_start $((gl_first + place)) "${nodes[place]}" "$place"
  done
}

# gl_tell: passes a warning on to every pilot that runs.
gl_tell() {
  gl_passed=$gl_told
  gl_say "told to leave: ${#gl_index[@]} pilots are told"
  if ((gl_several)); then
    scancel --signal=TERM "$SLURM_JOB_ID" 2>/dev/null && return 0
  fi
  kill -TERM "${!gl_index[@]}" 2>/dev/null
}

# gl_give_back: hands nodes back whose pilots have left, but never the one this script runs on.
gl_give_back() {
  local index said kept=${SLURMD_NODENAME-}
  ((gl_several)) && [[ -n $kept ]] && ((${#gl_index[@]} > 0 && gl_told == 0)) || return 0
  for index in "${gl_index[@]}"; do
    [[ ${gl_node[$index]} == "${SLURMD_NODENAME-}" ]] || kept+=,${gl_node[$index]}
  done
  # Slurm writes helper files where this is called. Where it does not allow it, all stay to the end.
  if said=$(cd -- "$gl_run" && scontrol update JobId="$SLURM_JOB_ID" NodeList="$kept" 2>&1); then
    gl_say "gave back all nodes but $kept"
  else
    gl_say "nodes could not be given back: $said"
  fi
}

gl_follow() {
  local pid index left
  while ((${#gl_index[@]} > 0)); do
    ((gl_warned == 0)) || gl_warn
    ((gl_told == gl_passed)) || gl_tell
    gl_beat
    left=0
    for pid in "${!gl_index[@]}"; do
      kill -0 "$pid" 2>/dev/null && continue
      index=${gl_index[$pid]}
      wait "$pid"
      gl_status[index]=$?
      unset "gl_index[$pid]"
      left=1
      gl_describe "$index"
    done
    ((left == 0)) || gl_give_back
    ((${#gl_index[@]} == 0)) || gl_pause
  done
}

# gl_pause: two seconds, at first a tenth of that, or less when a signal comes or a child ends.
gl_pause() {
  trap : CHLD
  gl_looks=$((gl_looks + 1))
  if ((gl_looks > 20)); then sleep 2; else sleep 0.2; fi &
  wait $! 2>/dev/null
  trap - CHLD
  kill $! 2>/dev/null
}

# gl_field NAME REPORT: prints one plain value of a report.
gl_field() {
  local text='"'$1'":("(([^"\\]|\\.)*)"|-?[0-9]+)'
  [[ $2 =~ $text ]] || return 0
  if [[ ${BASH_REMATCH[1]} == \"* ]]; then echo "${BASH_REMATCH[2]}"; else echo "${BASH_REMATCH[1]}"; fi
}

# gl_describe INDEX: says in one line what became of a pilot, and keeps its report.
gl_describe() {
  local log=$gl_run/pilot.$1.log report joined='did not join' jobs
  report=$(grep -a '^GLIDEIN-REPORT ' -- "$log" | tail -n 1)
  gl_report[$1]=$report
  ! grep -aq '^GLIDEIN [^ ]* [^ ]* STATE joined' -- "$log" || joined=joined gl_joined=$((gl_joined + 1))
  if [[ -z $report ]]; then
    # Of a step whose node died, srun may say nothing but success.
    ((gl_status[$1] != 0)) || gl_status[$1]=1
    gl_say "pilot $1 on ${gl_node[$1]}: $joined, ended without a report, status ${gl_status[$1]}"
    return 0
  fi
  jobs=$(gl_field jobs_run "$report")
  gl_jobs=$((gl_jobs + ${jobs:-0}))
  gl_say "pilot $1 on ${gl_node[$1]}: $joined, ran ${jobs:-0} jobs," \
    "$(gl_field reason "$report"): $(gl_field message "$report")"
}

# gl_tidy: removes what the pilots needed; the logs stay. The token goes with the last of an array,
# and so does the copy of this script.
gl_tidy() {
  local done_marks
  rm -f -- "$gl_run/pilot.sh" "$gl_run"/pilot.*.conf "$gl_run"/slurm_job_*_resize.* \
    "$gl_run/beat"
  [[ $gl_runtime != "$gl_run"/* ]] || rm -f -- "$gl_runtime"
  mkdir -p -- "$gl_place/done.$gl_first"
  done_marks=("$gl_place"/done.*)
  ((${#done_marks[@]} < ${SLURM_ARRAY_TASK_COUNT:-1})) ||
    rm -f -- "$gl_place/token" "$gl_place/batch.sh"
}

gl_main() {
  local index code=0
  local -A gl_index=()
  local -a gl_node=() gl_status=() gl_report=()
  local gl_told=0 gl_passed=0 gl_looks=0 gl_several=0 gl_joined=0 gl_jobs=0 gl_next_beat=0 gl_warned=0 gl_end=0
  umask 077
  trap 'gl_told=$((gl_told + 1))' TERM INT HUP
  trap gl_warned=1 USR1
  gl_name "$@"
  gl_say "request $gl_request, batch job ${SLURM_JOB_ID-}, ${SLURM_JOB_NUM_NODES:-1} nodes"
  gl_find_end
  gl_claim
  gl_refuse_cancelled
  gl_setup
  gl_stage
  ((gl_told == 0)) || gl_fail 0 "told to leave before a pilot was started"
  gl_start_all
  gl_follow
  for index in "${!gl_status[@]}"; do
    [[ -z ${gl_report[$index]} ]] || printf '%s\n' "${gl_report[$index]}"
    ((code != 0)) || code=${gl_status[$index]}
  done
  gl_tidy
  gl_say "$gl_joined of ${#gl_status[@]} pilots joined, $gl_jobs jobs run; exit code $code"
  exit "$code"
}
