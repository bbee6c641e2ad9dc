# What Glidein runs where batch jobs are submitted: a login node, an access node, this machine. It
# comes on bash's standard input, so that no login shell and no command line has to carry it. What
# it answers stands between two marks: a noisy profile cannot be taken for an answer.

# far_find_program NAME: sees to it that the batch system's commands are found; some sites put them
# on the PATH in the login profile only.
far_find_program() {
  command -v "$1" >/dev/null && return 0
  # shellcheck disable=SC1091
  [[ ! -r /etc/profile ]] || . /etc/profile >/dev/null 2>&1
  command -v "$1" >/dev/null && return 0
  far_end "$FAR_NO_PROGRAM" "there is no $1 on ${HOSTNAME-this machine}"
}

# How a step ends, told apart from whatever else may end it.
readonly FAR_NO_PROGRAM=91 FAR_CANCELLED=92 FAR_BUSY=93 FAR_SYSTEM=94 FAR_DISK=95

# far_end STATUS TEXT...: ends this step; the text goes to standard error.
far_end() {
  printf '%s\n' "${*:2}" >&2
  exit "$1"
}

# far_section NAME: begins a part of the answer.
far_section() { printf '%s section %s\n' "$far_mark" "$1"; }

# far_root: sets far_root to where requests lie; the batch script has the same rule.
far_find_root() { far_root=${XDG_STATE_HOME:-$HOME/.local/state}/glidein/batch; }

# far_place ID: sets far_place.
far_find_place() { far_place=$far_root/$1; }

# far_file NAME MODE: puts standard input, base64, into a file of the place, whole or not at all.
far_file() {
  local draft=$far_place/.$1.$$
  base64 -d >"$draft" && chmod "$2" "$draft" && mv -f -- "$draft" "$far_place/$1" && return 0
  rm -f -- "$draft"
  far_end "$FAR_DISK" "$far_place/$1 cannot be written; is the disk or the quota full?"
}

# far_find_runtimes: sets far_runtimes to where runtimes lie that requests share, each under the name
# of its checksum.
far_find_runtimes() { far_runtimes=${XDG_CACHE_HOME:-$HOME/.cache}/glidein/packed; }

# far_is FILE SHA256: whether a file is what it should be.
far_is() { printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null; }

# far_blob SHA256: puts what came with this step, on descriptor 9, among the runtimes: whole or not at
# all. Those that nobody asked for in 90 days go.
far_blob() {
  local draft
  far_find_runtimes
  mkdir -p -- "$far_runtimes" 2>/dev/null
  draft=$(mktemp "$far_runtimes/.draft.XXXXXXXX") ||
    far_end "$FAR_DISK" "$far_runtimes cannot be written; is the disk or the quota full?"
  find "$far_runtimes" -type f \( -name '.draft.*' -mmin +120 -o -mtime +90 \) -delete 2>/dev/null
  if ! cat <&9 >"$draft"; then
    rm -f -- "$draft"
    far_end "$FAR_DISK" "$far_runtimes cannot hold the runtime; is the disk or the quota full?"
  fi
  if far_is "$draft" "$1" && mv -f -- "$draft" "$far_runtimes/$1.tar.gz"; then return 0; fi
  rm -f -- "$draft"
  far_end "$FAR_BUSY" "the runtime did not arrive as it was sent"
}

# far_prepare SHA256: prints what a client has to know before it sends a request: what the batch system
# says of its queues, whether the runtime of that checksum is here, and what room there is.
far_prepare() {
  local place
  umask 077
  far_find_root
  far_find_runtimes
  far_section runtimes
  printf '%s\n' "$far_runtimes"
  far_section runtime
  if [[ -n $1 && -f $far_runtimes/$1.tar.gz ]] && far_is "$far_runtimes/$1.tar.gz" "$1"; then
    touch -- "$far_runtimes/$1.tar.gz" # not to be taken for one that nobody asks for
    echo here
  fi
  place=$far_root
  while [[ ! -d $place && $place == */* ]]; do place=${place%/*}; done
  far_section room
  df -Pk -- "${place:-/}" 2>/dev/null | sed -n 2p
  df -Pi -- "${place:-/}" 2>/dev/null | sed -n 2p
  far_facts
}

# far_lock: lets one client at a time submit this request. The link says who holds it, so that a
# lock whose holder was killed is taken over.
far_lock() {
  local holder tries
  far_mine=${HOSTNAME-host}:$$
  for ((tries = 0; tries < 300; tries++)); do
    ln -s -- "$far_mine" "$far_place/lock" 2>/dev/null && trap far_leave EXIT && return 0
    holder=$(readlink -- "$far_place/lock") || continue
    if [[ ${holder%%:*} == "${HOSTNAME-host}" ]] && ! kill -0 "${holder##*:}" 2>/dev/null; then
      far_break_lock "$holder"
    elif [[ -n $(find "$far_place/lock" -prune -mmin +5 2>/dev/null) ]]; then
      far_break_lock "$holder"
    fi
    sleep 0.2
  done
  far_end "$FAR_BUSY" "another client (${holder-?}) is submitting this request"
}

# far_leave: gives the lock back. A request that was cancelled while it was submitted keeps nothing.
far_leave() {
  [[ ! -e $far_place/cancelled ]] || far_sweep
  rm -f -- "$far_place/lock"
}

# far_about_to_ask: says who asks, just before it does. One whose client was killed in that moment
# finds the lock gone and asks nothing; whoever took the lock in time finds it here, and waits.
far_about_to_ask() {
  printf '%s\n' "${HOSTNAME-host}:$BASHPID" >"$far_place/asking" &&
    [[ $(readlink -- "$far_place/lock") == "$far_mine" ]]
}

# far_await_asker: waits until nobody asks any more: one whose client is dead may be on its way yet.
far_await_asker() {
  local asker tries
  for ((tries = 0; tries < 600; tries++)); do
    asker=$(cat -- "$far_place/asking" 2>/dev/null)
    [[ $asker == "${HOSTNAME-host}":* ]] && kill -0 "${asker##*:}" 2>/dev/null || return 0
    sleep 0.2
  done
  far_end "$FAR_BUSY" "process ${asker##*:} on ${asker%:*} is still submitting this request"
}

# far_break_lock HOLDER: removes that holder's lock, but never one that came in its place.
far_break_lock() {
  local grave=$far_place/.lock.$$
  mv -- "$far_place/lock" "$grave" 2>/dev/null || return 0
  [[ $(readlink -- "$grave") == "$1" ]] || ln -s -- "$(readlink -- "$grave")" "$far_place/lock"
  rm -f -- "$grave"
}

# far_open ID: makes the place of a request, and refuses one that was cancelled.
far_open() {
  umask 077
  far_find_root
  far_find_place "$1"
  mkdir -p -- "$far_place" || far_end "$FAR_DISK" "$far_place cannot be made"
  [[ ! -e $far_place/cancelled ]] || far_end "$FAR_CANCELLED" "request $1 was cancelled"
}

# far_submit ID: submits unless that was done already, and prints the batch job's id. The files are
# laid by far_files, which the client appends. That a submission may have gone through is written
# down before it is asked for, so that a reply that never came leads to looking, not to asking twice.
far_submit() {
  local job
  far_open "$1"
  far_forget_old
  far_lock
  if [[ ! -s $far_place/submitted ]]; then
    job=''
    [[ ! -e $far_place/asking ]] || far_adopt "$1" || exit
    if [[ -z $job ]]; then
      rm -f -- "$far_place/refused"
      far_files || exit
      : >"$far_place/asking" || far_end "$FAR_DISK" "$far_place cannot be written"
      far_ask "$1" || exit
    fi
    far_note_submitted "$job"
    # A cancel that came in between has not seen this batch job; ours to see its mark.
    if [[ -e $far_place/cancelled ]]; then
      far_withdraw "$job"
      far_end "$FAR_CANCELLED" "request $1 was cancelled"
    fi
  fi
  far_section submitted
  cat -- "$far_place/submitted"
}

# far_refused SAID: keeps the batch system's words on why it did not take a request, and nothing
# that the request would have needed.
far_refused() {
  printf '%s\n' "$1" >"$far_place/refused"
  rm -f -- "$far_place/asking"
  far_sweep
}

far_note_submitted() {
  printf '%s\n' "$1" >"$far_place/.submitted.$$" || far_end "$FAR_DISK" \
    "$far_place cannot be written; batch job $1 was submitted all the same"
  mv -f -- "$far_place/.submitted.$$" "$far_place/submitted"
}

# far_adopt ID: sets job to the batch job that an earlier attempt submitted, if it did.
far_adopt() {
  far_await_asker
  job=$(readlink -- "$far_place/claim") && return 0
  job=$(far_lookup "$1") && return 0
  far_end "$FAR_SYSTEM" "whether request $1 was submitted before cannot be seen now"
}

# far_find_since: sets far_since to when the oldest request here was made; empty if there is none.
far_find_since() {
  local oldest
  oldest=$(find "$far_root" -mindepth 2 -maxdepth 2 -name request -printf '%T@\n' 2>/dev/null |
    sort -n | sed -n '1s/[.].*//p')
  far_since=${oldest:+$(date -d "@$oldest" +%Y-%m-%dT%H:%M:%S)}
}

# far_check: prints what a person should know about this place.
far_check() {
  umask 077
  far_find_root
  far_section root
  mkdir -p -- "$far_root" 2>/dev/null
  printf '%s\n' "$far_root"
  far_section room
  df -Pk -- "$far_root" 2>/dev/null | sed -n 2p
  far_section writable
  if (: >"$far_root/.check.$$") 2>/dev/null; then echo yes; fi
  rm -f -- "$far_root/.check.$$"
  far_check_system
  far_section end
}

# far_facts: prints what the batch system says of its queues.
far_facts() {
  far_nodes
  far_queues
  far_section end
}

# far_offer: prints what the batch system could start.
far_offer() {
  far_nodes
  far_section end
}

# far_look: prints all there is to know about requests here, in few commands whatever their number.
far_look() {
  local place silent
  far_find_root
  far_find_since
  far_queue
  far_section places
  for place in "$far_root"/*/; do
    place=${place%/}
    [[ -d $place ]] || continue
    far_line place "${place##*/}"
    [[ -r $place && -x $place ]] || far_line unreadable yes
    [[ ! -s $place/submitted ]] || far_line submitted "$(<"$place/submitted")"
    [[ ! -e $place/cancelled ]] || far_line cancelled yes
    [[ ! -e $place/asking ]] || far_line asking yes
    [[ ! -s $place/refused ]] || far_line refused "$(head -c 400 -- "$place/refused")"
    for silent in "$place"/run.*/silent; do
      [[ ! -s $silent ]] || far_line silent "$(<"$silent")"
    done
    [[ ! -r $place/request ]] || far_line request "$(<"$place/request")"
  done
  far_section pilots
  [[ ! -d $far_root ]] || find "$far_root" -name 'pilot.*.log' -exec \
    grep -aHE '^GLIDEIN(-REPORT \{| [^ ]+ [^ ]+ (STATE|CHECK (FAIL|WARN)) )' {} + 2>/dev/null
  far_section end
}

far_line() { printf '%s %s\n' "$1" "${2//[[:cntrl:]]/ }"; }

# far_logs ID: prints what each pilot and the batch job itself printed; of very long logs the ends.
far_logs() {
  local log size
  far_find_root
  far_find_place "$1"
  [[ -d $far_place ]] || far_end 0
  far_section found
  for log in "$far_place"/run.*/pilot.*.log "$far_place"/batch*.out; do
    [[ -f $log ]] || continue
    far_section "log ${log#"$far_place"/}"
    size=$(stat -c %s -- "$log")
    if ((size > 2 * FAR_MOST)); then
      { head -c "$FAR_MOST" && printf '\n[...]\n' && tail -c "$FAR_MOST"; } <"$log" | base64
    else
      base64 <"$log"
    fi
  done
  far_section end
}
readonly FAR_MOST=524288

# far_cancel ID FAST: ends the request and removes what it left but its logs. It is marked first, so
# that nothing starts under it any more. How long its pilots may take to leave, its place remembers.
far_cancel() {
  local grace=0
  umask 077
  far_find_root
  far_find_place "$1"
  # Of what never was here nothing is kept; a launch that comes now finds no place and makes one.
  if [[ ! -d $far_place && -z $(far_lookup "$1" || echo unknown) ]]; then
    far_section end
    return 0
  fi
  mkdir -p -- "$far_place"
  : >"$far_place/cancelled" || far_end "$FAR_DISK" "$far_place cannot be written"
  far_await_asker
  if (($2 == 0)) && [[ -r $far_place/request && $(<"$far_place/request") =~ \"grace\":([0-9]+) ]]; then
    grace=${BASH_REMATCH[1]}
  fi
  far_end_jobs "$1" "$grace" "$2" || exit
  far_sweep
  far_section end
}

# far_sweep: removes what a request that is over needs no more: all but its logs and its marks.
far_sweep() {
  rm -rf -- "$far_place"/{token,runtime.*,pilot.sh,batch.sh,pilot.sub} "$far_place"/.[a-z]*
  rm -f -- "$far_place"/pilot.*.conf "$far_place"/run.*/{pilot.sh,pilot.*.conf,beat}
}

# far_forget_old: removes places of requests that ended and in which nothing changed for 30 days.
far_forget_old() {
  local place
  find "$far_root" -mindepth 2 -maxdepth 2 \( -name 'done.*' -o -name cancelled -o -name refused \) \
    -mtime +30 -printf '%h\n' 2>/dev/null | sort -u | while IFS= read -r place; do
    [[ -n $(find "$place" -maxdepth 2 -type f -mtime -31 -print -quit) ]] || rm -rf -- "$place"
  done
}

# far_forget ID: removes a request's place wholly.
far_forget() {
  far_find_root
  far_find_place "$1"
  rm -rf -- "$far_place"
  far_section end
}
