# Slurm's part of a step.

# far_ask ID: submits; sets job. A reply that is no number means that nobody knows: look later.
far_ask() {
  local name=batch-%A_%a.out
  far_find_program sbatch
  grep -q '^#SBATCH --array=' "$far_place/batch.sh" || name=batch-%j.out
  job=$(cd -- "$far_place" && far_about_to_ask && exec sbatch --parsable --job-name="$1" \
    --comment="glidein $1" --output="$far_place/$name" --chdir="$far_place" \
    "$far_place/batch.sh" "$1" 2>"$far_place/.said") || far_ask_failed "$(<"$far_place/.said")"
  rm -f -- "$far_place/.said"
  [[ $job =~ ^[0-9]+ ]] || far_end "$FAR_SYSTEM" "sbatch answered '$job', which is no batch job"
  job=${BASH_REMATCH[0]}
}

# far_ask_failed SAID: ends the step. Where there are no words, or they are about the way to the
# controller, it may have taken the batch job all the same; otherwise it looked at it and said no.
far_ask_failed() {
  case $1 in
    *'nable to contact'* | *'imed out'* | *onnection* | *'Zero Bytes'* | *[Mm]'essage '* | \
      *slurm_receive* | *'temporarily'*) ;;
    *'sbatch: error: '*) far_refused "$1" ;;
  esac
  far_end "$FAR_SYSTEM" "$1"
}

# far_lookup ID: prints the id of the batch job of that name, if there is or was one.
far_lookup() {
  local found
  far_find_program squeue
  found=$(squeue --noheader --user="$(id -un)" --name="$1" --states=all --format=%F) || return 1
  if [[ -z $found ]] && command -v sacct >/dev/null; then
    found=$(sacct --noheader --parsable2 --allocations --user="$(id -un)" --name="$1" \
      --starttime=now-30days --format=JobID 2>/dev/null) || found=''
  fi
  found=${found%%$'\n'*}
  printf '%s' "${found%%[_.+[]*}"
}

# far_queue: one squeue and one sacct, however many batch jobs there are. Before 23.02 squeue's JSON
# takes no heed of whose batch jobs were asked for, so text is taken there.
far_queue() {
  local user
  user=$(id -un)
  far_find_program squeue
  export SLURM_TIME_FORMAT=%s
  if [[ $(squeue --version) =~ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 23)); then
    far_section squeue-json
    far_say squeue --user="$user" --states=all --json
    far_sacct json --json
    return 0
  fi
  far_section squeue-text
  far_say squeue --noheader --user="$user" --states=all --format='%i|%F|%K|%T|%r|%V|%S|%e|%N|%j'
  far_sacct text --noheader --parsable2 \
    --format=JobID,State,ExitCode,Submit,Start,End,NodeList,JobName
}

# far_sacct FORM OPTION...: asks accounting, unless there is no request to ask about.
far_sacct() {
  far_section "sacct-$1"
  [[ -n $far_since ]] || return 0
  far_say sacct --allocations --user="$user" --starttime="$far_since" "${@:2}"
}

# far_say PROGRAM OPTION...: prints what it says, then how it ended and its complaints.
far_say() {
  local complaints status
  { complaints=$("$@" 2>&1 >&3); } 3>&1
  status=$?
  far_section "$1-status"
  printf '%s\n' "$status" "$complaints"
}

# far_ids ID: prints what is to be ended: what was submitted, and whatever has the request's name.
far_ids() {
  [[ ! -s $far_place/submitted ]] || cat -- "$far_place/submitted"
  squeue --noheader --user="$(id -un)" --name="$1" --format=%F
}

# far_end_jobs ID GRACE FAST: lets pilots that run leave within their grace, then ends the batch
# jobs, and waits until Slurm has taken their nodes back.
far_end_jobs() {
  local ids until
  far_find_program scancel
  ids=$(far_ids "$1") || far_end "$FAR_SYSTEM" "squeue did not answer"
  mapfile -t ids < <(printf '%s\n' "$ids" | sort -u | sed '/^$/d')
  ((${#ids[@]} > 0)) || return 0
  scancel --state=PENDING -- "${ids[@]}" 2>/dev/null
  if (($3 == 0)); then
    scancel --batch --signal=USR1 -- "${ids[@]}" 2>/dev/null
    far_await "$2" "${ids[@]}" && return 0
  fi
  scancel -- "${ids[@]}" # it fails for those that ended since; what counts is the queue
  far_await 120 "${ids[@]}" ||
    far_end "$FAR_SYSTEM" "Slurm has not ended batch job ${ids[*]} within two minutes; see squeue"
}

# far_await SECONDS JOB...: waits until none of them is in the queue any more. A queue that cannot be
# read proves nothing.
far_await() {
  local until=$((SECONDS + $1)) queue job left
  while :; do
    if queue=$(squeue --noheader --user="$(id -un)" --format=' %F ' 2>/dev/null); then
      left=0
      for job in "${@:2}"; do [[ $queue != *" $job "* ]] || left=1; done
      ((left)) || return 0
    fi
    ((SECONDS < until)) || return 1
    sleep 0.5
  done
}

# far_withdraw JOB: takes back what was submitted a moment ago.
far_withdraw() { scancel -- "$1"; }

# far_nodes: prints each partition with its kinds of nodes.
far_nodes() {
  far_find_program sinfo
  far_section sinfo
  sinfo --noheader --format='%R|%a|%l|%D|%c|%m|%G|%s' ||
    far_end "$FAR_SYSTEM" "sinfo did not answer"
}

# far_queues: prints partitions, QOS and the user's associations; the last two only with accounting.
far_queues() {
  far_section partitions
  scontrol --oneliner show partition || far_end "$FAR_SYSTEM" "scontrol did not answer"
  command -v sacctmgr >/dev/null || return 0
  far_section qos
  sacctmgr --noheader --parsable2 show qos \
    format=Name,MaxWall,MaxTRESPerJob,MaxSubmitJobsPerUser 2>/dev/null
  far_section associations
  sacctmgr --noheader --parsable2 show associations user="$(id -un)" \
    format=Account,Partition,QOS 2>/dev/null
}

# far_check_system: prints what Slurm is here, and whether it answers.
far_check_system() {
  local program
  for program in sbatch squeue scancel scontrol sinfo srun sacct; do
    far_section "program $program"
    command -v "$program"
  done
  far_section version
  sinfo --version 2>&1
  far_section ping
  scontrol ping 2>&1
  far_section accounting
  sacct --allocations --noheader --parsable2 --format=JobID --starttime=now 2>&1 | head -n 3
}
