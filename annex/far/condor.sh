# HTCondor's part of a step. Its batch jobs are known by an attribute of ours, GlideinRequest, which
# the submit description gives them; whatever else the user runs there is not looked at.

far_asked=ClusterId,ProcId,GlideinRequest,JobStatus,HoldReason,HoldReasonCode,RemoveReason,ExitCode
far_asked+=,ExitBySignal,ExitSignal,QDate,JobCurrentStartDate,CompletionDate,EnteredCurrentStatus
far_asked+=,RemoteHost,LastRemoteHost,NumJobStarts,LastRejMatchReason,TransferringInput
far_asked+=,TransferringOutput

# far_ask ID: submits; sets job to the cluster's number. What pilots print needs its folder before.
far_ask() {
  far_find_program condor_submit
  mkdir -p -- "$far_place/run.condor.0" || far_end "$FAR_DISK" "$far_place cannot be written"
  job=$(cd -- "$far_place" && far_about_to_ask && exec condor_submit -terse pilot.sub) ||
    far_end "$FAR_SYSTEM" "condor_submit refused it"
  [[ $job =~ ^([0-9]+)\.0\ -\ [0-9]+\.[0-9]+$ ]] ||
    far_end "$FAR_SYSTEM" "condor_submit answered '$job', which is no batch job"
  job=${BASH_REMATCH[1]}
}

# far_find_ours ID: sets far_ours to the constraint for this user's batch jobs of that request; of every
# request where ID is empty.
far_find_ours() {
  far_ours="Owner == \"$(id -un)\" && GlideinRequest =!= undefined"
  [[ -z $1 ]] || far_ours+=" && GlideinRequest == \"$1\""
}

# far_lookup ID: prints the number of the cluster of that request, if there is or was one. One that
# left the queue is in the history, and in the log that HTCondor keeps in the request's place.
far_lookup() {
  local far_ours found place=$far_root/$1
  far_find_program condor_q
  far_find_ours "$1"
  far_find_place "$1"
  far_await_asker
  found=$(condor_q -constraint "$far_ours" -af ClusterId) || return 1
  if [[ -z $found && -r $place/batch.log ]]; then
    found=$(sed -n 's/^000 (0*\([0-9]\{1,\}\)[.].*/\1/p' "$place/batch.log")
  fi
  if [[ -z $found ]] && far_has_history; then
    found=$(condor_history -constraint "$far_ours" -limit 1 -af ClusterId) || return 1
  fi
  printf '%s' "${found%%$'\n'*}"
}

# far_has_history: whether this access point remembers what left its queue.
far_has_history() { [[ -n $(condor_config_val HISTORY 2>/dev/null) ]]; }

# far_queue: one condor_q and one condor_history, however many batch jobs there are.
far_queue() {
  local far_ours
  far_find_program condor_q
  far_find_ours ''
  far_tell condor_q -constraint "$far_ours"
  [[ -n $far_since ]] || return 0
  if ! far_has_history; then
    far_section condor_history-none
    return 0
  fi
  # It reads backwards and stops at what ended before the oldest request was made.
  far_tell condor_history -constraint "$far_ours" \
    -since "EnteredCurrentStatus < $(($(date -d "$far_since" +%s) - 3600))"
}

# far_tell PROGRAM OPTION...: prints its batch jobs as JSON, its status, and what it complained of.
far_tell() {
  local complaint status
  far_section "$1"
  { complaint=$("$@" -json -attributes "$far_asked" 2>&1 >&3); } 3>&1
  status=$?
  far_section "$1-status"
  printf '%s\n' "$status"
  far_section "$1-complaint"
  printf '%s\n' "$complaint"
}

# far_end_jobs ID GRACE FAST: lets pilots that run leave within their grace, which their own jobs
# have been told as well, and waits until HTCondor has their end. What does not end by then is taken
# out of the queue by force: the machine it may run on does not answer, and ends it by its lease.
far_end_jobs() {
  local far_ours
  far_find_program condor_rm
  far_find_ours "$1"
  condor_q -constraint "$far_ours" -af ClusterId >/dev/null ||
    far_end "$FAR_SYSTEM" "condor_q did not answer"
  far_gone && return 0
  if (($3)); then
    condor_vacate_job -fast -constraint "$far_ours && JobStatus == 2" >/dev/null 2>&1
  fi
  condor_rm -constraint "$far_ours" >/dev/null 2>&1 # some ended since; what counts is the queue
  far_await $(($3 ? 30 : $2 + 60)) && return 0
  condor_rm -forcex -constraint "$far_ours && JobStatus == 3" >/dev/null 2>&1
  far_await 60 ||
    far_end "$FAR_SYSTEM" "HTCondor has not ended the batch jobs of $1; see condor_q -constraint '$far_ours'"
}

# far_gone: whether none of them is in the queue. A queue that cannot be read proves nothing.
far_gone() {
  local queue
  queue=$(condor_q -constraint "$far_ours" -af ClusterId 2>/dev/null) && [[ -z $queue ]]
}

far_await() {
  local until=$((SECONDS + $1))
  until far_gone; do
    ((SECONDS < until)) || return 1
    sleep 0.3
  done
}

# far_withdraw JOB: takes back what was submitted a moment ago.
far_withdraw() { condor_rm "$1" >/dev/null; }

# far_nodes: prints each machine's size; a slot that was cut from a larger one is part of that.
far_nodes() {
  far_find_program condor_status
  far_section machines
  condor_status -constraint 'DynamicSlot =!= true' -af:t TotalSlotCpus TotalSlotMemory \
    TotalSlotGPUs Machine ||
    far_end "$FAR_SYSTEM" "condor_status did not answer"
}

# far_check_system: prints what HTCondor is here, and whether its queue answers.
far_check_system() {
  local program
  for program in condor_submit condor_q condor_rm condor_history condor_status condor_vacate_job; do
    far_section "program $program"
    command -v "$program"
  done
  far_section version
  condor_version 2>&1 | head -n 1
  far_section queue
  condor_q -totals 2>&1
  far_section queue-status
  condor_q -totals >/dev/null 2>&1
  printf '%s\n' "$?"
  far_section history
  condor_config_val HISTORY 2>&1
}

# far_queues: an HTCondor pool has none; what it gives, its machines say.
far_queues() { :; }
