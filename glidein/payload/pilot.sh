#!/usr/bin/env bash
# A Glidein pilot: checks the machine, joins an HTCondor pool as one partitionable slot, runs the
# jobs of its owners, and leaves by itself. One constant file: what differs from pilot to pilot
# stands in the options or in pilot.conf. Needs bash 4.2, coreutils, tar, gzip, sed, grep and awk.

# Whoever types `sh pilot.sh` means bash, and bash as itself.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
set +o posix

# --- constants -----------------------------------------------------------------------------------

readonly GLIDEIN_VERSION=0.1.0
readonly CONF_FORMAT=1
readonly TOO_EARLY='a signal came before the pilot had joined'
readonly CONF_KEYS=" FORMAT REQUEST_ID PILOT_INDEX PILOT_RESTART POOL TOKEN_FILE TOKEN_REMOVE OWNERS\
 START LIFETIME DEADLINE RETIRE GRACE IDLE LOST_WAIT WORK_DIR CLAIM_DIR RUNTIME\
 RUNTIME_SHA256 CPUS MEMORY_MB DISK_MB GPUS NAME ATTACH_SCHEDD ATTACH_POOL ATTACH_SUBMITTER\
 CONTAINERS CONTAINER_SETUP KNOBS "
readonly NUMBERS="PILOT_INDEX PILOT_RESTART TOKEN_REMOVE LIFETIME DEADLINE RETIRE GRACE IDLE\
 LOST_WAIT CPUS MEMORY_MB DISK_MB GPUS"

# Seconds within which the pool must show us.
readonly JOIN_WAIT=45

# Where HTCondor is had when there is none: glidein/runtime/official.py says who vouches for it.
readonly OFFICIAL_URL=https://htcss-downloads.chtc.wisc.edu/tarball/25.x/25.7.2/release/condor-25.7.2-x86_64_AlmaLinux8-stripped.tar.gz
readonly OFFICIAL_SHA256=c980c168dbd2e8a1b77e9a8ebccfe85e74ccf7dcc4777d711eeb2ed625a9d9cd

# Each way to end and its exit code; glidein/report.py holds the same table with remedies.
declare -rA EXIT_CODE=(
  [idle]=0 [lifetime]=0 [told]=0 [internal]=1 [usage]=2 [runtime]=10 [name]=11 [connect]=12
  [pool]=13 [token]=14 ["token-time"]=15 ["token-refused"]=16 ["token-scope"]=17 [clock]=18 [scratch]=19
  [double]=20 [daemons]=21 ["never-joined"]=22 ["pool-lost"]=23 ["dead-man"]=24 [resources]=25
  [killed]=137
)

# An ELF program that ends with 37, and a squashfs image of a folder with nothing else in it.
readonly EXIT_37="H4sIAAAAAAACA6t39XFjYmRkgAEmBjsGEK+CwQHMd2DABA4MFgwwHSCaFU0WmW6B8mA0gwCE2q8KJHbYAAl+VgBAtudyhAAA\
AA=="
readonly EXIT_37_IMAGE="H4sIAAAAAAACA8soLixmZ4ABJgZGIMnIIMhwgImRgQXIPgCVSWeE0PFQ+j8UzIXKX4fSOlD5QChdcWt1+dfC5KSUlAZGNTZr\
NoH1TQcZz5QnHGDh4xHjMZBVmCXqKzYzr/FTgkkzQ8ut9VwqZTcYOOvCGJZWs023AGpPTqk4fYKB1YBNWMCY2dA6gkfxfIvr\
PE7PeTMZRbcseJmumGCnzVhpxvTpjUeJhEAxgyHDkib2M84gnakNDG4WZ49MmBS1jCGlYcZK1ZN8Dl2djb2KW5U2q9y7YdPY\
KKlx+ExAwJT5dw4cYAoLjYnc09AoekbnpC4DQ8pM7gI+oCHeCQ0M0Rq8DOw/GObJQP0kDTIcKM6q8ZZhqfCCEuYpcQxL+R0y\
GSwsmBaaQBWxNIDISEaGUTAKRsEoGAWjYBSMglEwCkbBKBgFo2DgAQB2bEXYABAAAA=="

usage() {
  cat <<'EOF'
Usage: pilot.sh -c HOST[:PORT][?sock=NAME] [-t TOKEN | -T FILE] [options]
       pilot.sh --conf pilot.conf

Joins an HTCondor pool with what this machine was given, runs jobs, and leaves.

  -c HOST    the pool's central manager; port 9618 unless you name another
  -T FILE    the file that holds the token; without -T and -t it is read from standard input
  -t TOKEN   the token itself: others on this machine can see it while pilot.sh starts
  -o OWNERS  whose jobs may run, separated by commas; without it the token's subject
  -s START   a further expression that a job must satisfy
  -r HOURS   hours during which new jobs are taken (12); -H means the same
  -i IDLE    seconds without a job after which the pilot leaves (1200)
  -w DIR     where its work folder is made; the best of TMP, TMPDIR, /tmp, /var/tmp otherwise
  -u URL     the HTCondor to use: a folder, a tarball, or a tarball's URL
  -h         this help
EOF
}

# --- saying --------------------------------------------------------------------------------------

declare -A CONF=() OPTION=() FROM=() PHASE=()
declare -a RELAUNCH=() CHECKS=()
WORK='' PLACE='' NAME='' MASTER='' OUTER='' WATCHDOG='' STATE='' REASON='' MESSAGE='' CONDOR=''
DRAINING=False SIGNALS=0 JOBS=0 FETCHED=0 BUSY_CORE_S=0 STARTED=0 BEGAN=0 JOINED_AT=0 HIDDEN=false
VERSION='' SECRET='' CONTAINER='' IMAGES=''

# uptime: sets UPTIME to hundredths of a second since boot. No process is started.
uptime() {
  local seconds
  read -r seconds _ </proc/uptime
  UPTIME=$((10#${seconds/./}))
}

# epoch: sets NOW to the seconds since 1970.
epoch() { printf -v NOW '%(%s)T' -1; }

# say KIND TEXT...: prints one progress line; control characters become blanks.
say() {
  local stamp text="${*:2}" tenths
  uptime
  tenths=$(((UPTIME - BEGAN) / 10))
  printf -v stamp '%(%Y-%m-%dT%H:%M:%SZ)T' -1
  printf 'GLIDEIN %s +%d.%ds %s %s\n' "$stamp" $((tenths / 10)) $((tenths % 10)) "$1" \
    "${text//[[:cntrl:]]/ }" || :
}

# verdict PASS|WARN|FAIL SUBJECT MESSAGE [REMEDY]: prints the line of one check.
verdict() { say CHECK "$1 $2: ${3//|//}${4:+ | $4}"; }

# state WORD: prints a state once, when it changes.
state() {
  [[ $STATE != "$1" ]] || return 0
  STATE=$1
  say STATE "$1"
}

# phase NAME SINCE: notes how long something took, SINCE in hundredths as uptime gives them.
phase() {
  uptime
  local took=$((UPTIME - $2))
  printf -v "PHASE[$1]" '%d.%02d' $((took / 100)) $((took % 100))
  note
}

# json TEXT: sets JSON to the text as a JSON string.
json() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  JSON="\"${text//[[:cntrl:]]/ }\""
}

report() {
  local name phases='' line fields
  epoch
  mention_oom
  for name in "${!PHASE[@]}"; do phases+=",\"$name\":${PHASE[$name]}"; done
  line="\"format\":1"
  for fields in "request=${CONF[REQUEST_ID]-}" "name=$NAME" "host=${HOST-}" "reason=$REASON" \
    "message=$MESSAGE" "runtime=$VERSION"; do
    json "${fields#*=}"
    line+=",\"${fields%%=*}\":$JSON"
  done
  line+=",\"pilot\":${CONF[PILOT_INDEX]:-0},\"restart\":${CONF[PILOT_RESTART]:-0}"
  line+=",\"exit_code\":${EXIT_CODE[$REASON]},\"started\":$STARTED,\"ended\":$NOW"
  line+=",\"phases\":{${phases#,}},\"bytes_fetched\":$FETCHED,\"jobs_run\":$JOBS"
  line+=",\"busy_core_s\":$BUSY_CORE_S,\"idle_core_s\":$(idle_core_seconds)"
  line+=",\"cores\":${CPUS:-0},\"memory_mb\":${MEMORY:-0},\"gpus\":${GPU_COUNT:-0}"
  printf 'GLIDEIN-REPORT {%s,"token_hidden":%s}\n' "$line" "$HIDDEN" || :
}

# oom_kills: prints how many processes the kernel killed in our cgroup because memory ran out.
oom_kills() {
  local line file
  while IFS= read -r line; do
    case $line in
      0::*) beneath "$CGROUP_ROOT" "${line#*:*:}" && file=$CGROUP_ROOT$GROUP/memory.events ;;
      *:memory:*)
        beneath "$CGROUP_ROOT/memory" "${line#*:*:}"
        file=$CGROUP_ROOT/memory$GROUP/memory.oom_control
        ;;
      *) continue ;;
    esac
    [[ -r $file ]] || continue
    awk '$1 == "oom_kill" {print $2}' "$file"
    return 0
  done <"$CGROUP_SELF"
}

# mention_oom: adds to MESSAGE what the batch system's memory limit did.
mention_oom() {
  local now
  now=$(oom_kills 2>/dev/null) || :
  [[ -n $now && -n ${OOM_BEFORE-} ]] && ((now > OOM_BEFORE)) || return 0
  MESSAGE+="; the memory limit from outside killed $((now - OOM_BEFORE)) processes"
}

idle_core_seconds() {
  local idle=0
  ((JOINED_AT == 0)) || idle=$((${CPUS:-0} * (NOW - JOINED_AT) - BUSY_CORE_S))
  echo $((idle > 0 ? idle : 0))
}

# give_up REASON MESSAGE: ends the pilot for that reason; on_exit prints the report.
give_up() {
  REASON=$1 MESSAGE=$2
  exit "${EXIT_CODE[$1]}"
}

# refuse MESSAGE: ends the pilot because of what it was asked.
refuse() {
  say WARN "$1"
  give_up usage "$1"
}

# --- options and pilot.conf ----------------------------------------------------------------------

read_options() {
  local option
  while (($# > 0)); do
    case $1 in
      -h | --help) usage && trap - EXIT && exit 0 ;;
      --conf) OPTION[conf]=${2-} option=--conf ;;
      -[ctTosrHiwu]) option=$1 && OPTION[${1#-}]=${2-} ;;
      -[ctTosrHiwu]?*) set -- "${1:0:2}" "${1:2}" "${@:2}" && continue ;;
      *) refuse "there is no option $1; see pilot.sh -h" ;;
    esac
    (($# > 1)) || refuse "$option needs a value; see pilot.sh -h"
    [[ $option == -t ]] || RELAUNCH+=("$option" "$2")
    shift 2
  done
}

# unquote TEXT: sets VALUE to what a quoted value of pilot.conf says; fails on anything else.
unquote() {
  local rest=$1 plain
  VALUE=''
  [[ $rest == \'*\' && ${#rest} -ge 2 ]] || return 1
  rest=${rest:1:${#rest}-2}
  while [[ -n $rest ]]; do
    plain=${rest%%[\\\']*}
    VALUE+=$plain
    rest=${rest:${#plain}}
    case $rest in
      '') ;;
      '\n'*) VALUE+=$'\n' ;;
      \\\\* | \\\'*) VALUE+=${rest:1:1} ;;
      *) return 1 ;;
    esac
    rest=${rest:2}
  done
}

read_conf() {
  local line number=0
  [[ -r $1 && ! -d $1 ]] || refuse "$1 cannot be read; name a pilot.conf with --conf"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ -n $line && $line != '#'* ]] || continue
    [[ $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]] || refuse "$1 line $number is no KEY='value'"
    local key=${BASH_REMATCH[1]}
    unquote "${BASH_REMATCH[2]}" || refuse "$1 line $number: the value of $key is not well quoted"
    [[ $CONF_KEYS == *" $key "* ]] || refuse "$1 has $key, which this pilot.sh does not know;\
 take the pilot.sh that came with it"
    CONF[$key]=$VALUE
  done <"$1"
  [[ ${CONF[FORMAT]-} =~ ^[0-9]{1,6}$ && ${CONF[FORMAT]} -le $CONF_FORMAT ]] ||
    refuse "$1 has FORMAT '${CONF[FORMAT]-}'; this pilot.sh reads format $CONF_FORMAT"
}

# hours TEXT OPTION: sets VALUE to seconds; a fraction is understood.
hours() {
  [[ $1 =~ ^([0-9]{1,5})(\.([0-9]{1,3})[0-9]*)?$ ]] || refuse "$2: '$1' is no number of hours"
  local thousandths=${BASH_REMATCH[3]}000
  VALUE=$((10#${BASH_REMATCH[1]} * 3600 + 10#${thousandths:0:3} * 3600 / 1000))
}

# apply_options: what was given by an option counts before pilot.conf; FROM says by which.
apply_options() {
  local pair
  [[ -z ${OPTION[conf]+x} ]] || read_conf "${OPTION[conf]}"
  for pair in c=POOL T=TOKEN_FILE o=OWNERS s=START i=IDLE w=WORK_DIR u=RUNTIME; do
    [[ -n ${OPTION[${pair%%=*}]+x} ]] || continue
    CONF[${pair#*=}]=${OPTION[${pair%%=*}]} FROM[${pair#*=}]=-${pair%%=*}
  done
  for pair in r H; do
    [[ -n ${OPTION[$pair]+x} ]] || continue
    hours "${OPTION[$pair]}" "-$pair"
    FROM[LIFETIME]=-$pair
    CONF[RETIRE]=$((VALUE / 10 < 1800 ? VALUE / 10 : 1800))
    CONF[LIFETIME]=$((VALUE + CONF[RETIRE]))
  done
}

check_numbers() {
  local key
  for key in $NUMBERS; do
    [[ -n ${CONF[$key]-} ]] || continue
    [[ ${CONF[$key]} =~ ^[0-9]{1,12}$ ]] ||
      refuse "${FROM[$key]-$key}: '${CONF[$key]}' is no whole number"
    CONF[$key]=$((10#${CONF[$key]}))
  done
}

# default KEY VALUE: fills in what was left out.
default() { [[ -n ${CONF[$1]-} ]] || CONF[$1]=$2; }

fill_in() {
  local life
  default REQUEST_ID "$(fresh_id)"
  default PILOT_INDEX 0
  default PILOT_RESTART 0
  default LIFETIME $((12 * 3600))
  default IDLE 1200
  default GRACE 30
  default LOST_WAIT 1800
  default CONTAINERS auto
  DEADLINE=$((STARTED + CONF[LIFETIME]))
  for life in "${CONF[DEADLINE]-}" "${SLURM_JOB_END_TIME-}"; do
    [[ $life =~ ^[0-9]+$ ]] && ((life > 0 && life < DEADLINE)) && DEADLINE=$life
  done
  life=$((DEADLINE - STARTED))
  default RETIRE $((life / 10 < 1800 ? life / 10 : 1800))
  RETIRE_AT=$((DEADLINE - CONF[RETIRE]))
  NAME=${CONF[REQUEST_ID]}.${CONF[PILOT_INDEX]}.${CONF[PILOT_RESTART]}
}

# fresh_id: prints a request id for a pilot started by hand.
fresh_id() {
  local id digit
  printf -v id 'g%(%Y%m%d-%H%M%S)T-' "$STARTED"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    printf -v digit '%x' $((RANDOM % 16))
    id+=$digit
  done
  echo "$id"
}

check_values() {
  local start=${FROM[START]-START} owners=${FROM[OWNERS]-OWNERS}
  [[ ${CONF[REQUEST_ID]} =~ ^[a-z][a-z0-9-]{2,47}$ ]] ||
    refuse "REQUEST_ID: '${CONF[REQUEST_ID]}' is no request id"
  [[ -n ${CONF[POOL]-} ]] || refuse "no pool was named; give -c HOST[:PORT]"
  [[ ${CONF[POOL]} =~ ^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(:([0-9]{1,5}))?(\?sock=([A-Za-z0-9._-]+))?$ ]] ||
    refuse "${FROM[POOL]-POOL}: '${CONF[POOL]}' is no HOST[:PORT][?sock=NAME]"
  POOL_HOST=${BASH_REMATCH[1]} POOL_PORT=$((10#${BASH_REMATCH[3]:-9618}))
  POOL_SOCK=${BASH_REMATCH[5]}
  POOL_HOST=${POOL_HOST#[} POOL_HOST=${POOL_HOST%]}
  ((POOL_PORT > 0 && POOL_PORT < 65536)) || refuse "${FROM[POOL]-POOL}: $POOL_PORT is no port"
  ((CONF[LIFETIME] > 5)) ||
    refuse "${FROM[LIFETIME]-LIFETIME}: the pilot's life ends before it begins; give it longer"
  ((DEADLINE > STARTED + 5)) ||
    refuse "the batch job ends before the pilot's life begins; give the batch job longer"
  one_expression "${CONF[START]-}" || refuse "$start: '${CONF[START]:0:200}' is not one ClassAd\
 expression; correct it: join conditions by &&, close what is open"
  [[ ${CONF[START]-} != *\\ ]] || refuse "$start ends in a backslash, which HTCondor cannot keep"
  [[ ${CONF[NAME]-} != *[[:cntrl:]]* ]] || refuse "NAME holds a control character"
  [[ ${CONF[OWNERS]-} != *[[:cntrl:]]* ]] || refuse "$owners holds a control character"
  # A name may hold blanks where a program wrote pilot.conf; typed, they are a slip.
  [[ -z ${FROM[OWNERS]-} || ! ${CONF[OWNERS]-} =~ [^,[:blank:]][[:blank:]]+[^,[:blank:]] ]] ||
    refuse "$owners: '${CONF[OWNERS]}' has blanks between owners: separate them by commas"
  # shellcheck disable=SC2016 # HTCondor's macro, not bash's
  [[ ${CONF[START]-} != *'$$'* && ${CONF[START]-} != *'$(DOLLAR)'* ]] ||
    refuse "$start holds \$\$ or \$(DOLLAR), which HTCondor cannot keep"
  check_knobs
}

# check_knobs: KNOBS are lines of HTCondor's configuration; each must be a setting of its own.
check_knobs() {
  local line
  while IFS= read -r line; do
    [[ $line =~ ^[A-Za-z_][A-Za-z0-9_.]*\ =\ [^[:cntrl:]]+$ && $line != *\\ ]] ||
      refuse "KNOBS: '${line:0:200}' is no NAME = VALUE; correct the system's knobs"
  done < <(printf '%s' "${CONF[KNOBS]-}${CONF[KNOBS]:+$'\n'}")
}

# --- owners and START ----------------------------------------------------------------------------

# classad TEXT: sets CLASSAD to an expression for the text as a string, fit for HTCondor's
# configuration. There a backslash escapes nothing but a quote, and two dollars side by side, or
# one before (DOLLAR), cannot be written: such characters become pieces of their own.
classad() {
  local rest=$1 plain pieces=''
  while :; do
    plain=${rest%%[\\\$]*}
    pieces+=", \"${plain//\"/\\\"}\""
    rest=${rest:${#plain}}
    case $rest in
      '') break ;;
      \\*) pieces+=', substr("\\.", 0, 1)' ;;
      *) pieces+=", \"\$(DOLLAR)\"" ;;
    esac
    rest=${rest:1}
  done
  CLASSAD=${pieces#, }
  [[ $1 != *[\\\$]* ]] || CLASSAD="strcat($CLASSAD)"
}

# split_top TEXT MARK: sets PIECES to what stands between the MARKs outside of quotes and brackets,
# and BARE to the text without what is in double quotes. Fails where the brackets or quotes do not
# close, or where a condition (?:), which binds less than any MARK, stands outside of brackets.
split_top() {
  local text=$1 depth=0 at from=0 quote='' char condition=''
  PIECES=() BARE=''
  for ((at = 0; at < ${#text}; at++)); do
    char=${text:at:1}
    [[ $quote == \" ]] || BARE+=$char
    if [[ -n $quote ]]; then
      # In HTCondor's configuration a backslash escapes nothing but a quote.
      [[ ${text:at:2} != "\\$quote" ]] || at=$((at + 1))
      [[ $char != "$quote" ]] || quote=''
      continue
    fi
    case $char in
      \" | \') quote=$char ;;
      '(' | '[' | '{') depth=$((depth + 1)) ;;
      ')' | ']' | '}') depth=$((depth > 0 ? depth - 1 : 9999)) ;;
      '?') ((depth)) || [[ ${text:at-(at > 0):3} == '=?=' ]] || condition=1 ;;
    esac
    if ((depth == 0)) && [[ ${text:at:${#2}} == "$2" ]]; then
      PIECES+=("${text:from:at-from}")
      at=$((at + ${#2} - 1)) from=$((at + 1))
    fi
  done
  PIECES+=("${text:from}")
  [[ $depth == 0 && -z $quote ]] || return 1
  [[ -z $condition ]] || return 2
}

# one_expression TEXT: whether it can be one expression, as far as brackets, quotes and commas tell;
# HTCondor's own parser tells the rest, but takes "true, true" for two.
one_expression() {
  local code=0
  split_top "$1" ',' || code=$?
  [[ $code != 1 && ${#PIECES[@]} == 1 ]]
}

# unwrap TEXT: sets VALUE to the text without blanks and parentheses around the whole of it.
unwrap() {
  VALUE=$1
  while :; do
    VALUE=${VALUE#"${VALUE%%[![:space:]]*}"}
    VALUE=${VALUE%"${VALUE##*[![:space:]]}"}
    [[ $VALUE == '('*')' ]] && split_top "${VALUE:1:${#VALUE}-2}" '&&' || return 0
    VALUE=${VALUE:1:${#VALUE}-2}
  done
}

readonly REMOTE='[Rr][Ee][Mm][Oo][Tt][Ee][Oo][Ww][Nn][Ee][Rr]'

# owners_meant TEXT: adds to FOUND the owners of RemoteOwner == "NAME", or of several such joined
# by ||; fails on anything else.
owners_meant() {
  local blank='[[:space:]]*' is='(==|=\?=)' text='"([^"\\,[:space:]]+)"' one piece pieces
  one="([Tt][Aa][Rr][Gg][Ee][Tt]\.|[Mm][Yy]\.)?$REMOTE"
  unwrap "$1"
  if [[ $VALUE =~ ^$one$blank$is$blank$text$ ]]; then
    FOUND+=${FOUND:+,}${BASH_REMATCH[3]%%@*}
  elif [[ $VALUE =~ ^$text$blank$is$blank$one$ ]]; then
    FOUND+=${FOUND:+,}${BASH_REMATCH[1]%%@*}
  else
    split_top "$VALUE" '||' && ((${#PIECES[@]} > 1)) || return 1
    pieces=("${PIECES[@]}")
    for piece in "${pieces[@]}"; do owners_meant "$piece" || return 1; done
  fi
}

# remote_owners: RemoteOwner can never match on an unclaimed slot; where it stands beside the rest
# of START, the owners it means are used instead, and the rest stays.
remote_owners() {
  local pieces piece rest='' named="(^|[^A-Za-z0-9_])$REMOTE([^A-Za-z0-9_]|$)"
  local start=${FROM[START]-START} why='names RemoteOwner, which an unclaimed slot does not have'
  split_top "${CONF[START]-}" '&&' || :
  [[ $BARE =~ $named ]] || return 0
  ! [[ $BARE =~ ${REMOTE}[[:space:]]*[=?!]+[[:space:]]*\' ]] ||
    refuse "$start: RemoteOwner is compared with a name in single quotes: write double quotes"
  FOUND=''
  unwrap "${CONF[START]}"
  split_top "$VALUE" '||' || refuse "$start $why: use -o OWNERS"
  pieces=("$VALUE")
  ((${#PIECES[@]} > 1)) || { split_top "$VALUE" '&&' && pieces=("${PIECES[@]}"); }
  for piece in "${pieces[@]}"; do
    split_top "$piece" '&&' || :
    if ! [[ $BARE =~ $named ]]; then
      rest+="${rest:+ && }$piece"
    elif [[ -n $FOUND ]] || ! owners_meant "$piece"; then
      refuse "$start $why: use -o OWNERS"
    fi
  done
  same_owners "$FOUND" "${CONF[OWNERS]:-$FOUND}" ||
    refuse "${FROM[OWNERS]-OWNERS} names ${CONF[OWNERS]}, RemoteOwner in $start means $FOUND:\
 name the same owners in both, or leave one out"
  say WARN "RemoteOwner can never match on an unclaimed slot; running jobs of $FOUND instead"
  CONF[OWNERS]=$FOUND
  unwrap "$rest"
  CONF[START]=$VALUE
}

# same_owners OWNERS OWNERS: whether both lists name the same, in whatever order.
same_owners() {
  [[ $(tr ', \t' '\n' <<<"$1" | sort -u | sed '/^$/d') == $(tr ', \t' '\n' <<<"$2" | sort -u | sed '/^$/d') ]]
}

# owners_clause: sets CLAUSE to the condition that a job's owner is one of ours.
owners_clause() {
  local owner owners
  CLAUSE=''
  IFS=, read -r -d '' -a owners < <(printf '%s,\0' "${CONF[OWNERS]}") || :
  for owner in "${owners[@]}"; do
    owner=${owner#"${owner%%[![:space:]]*}"}
    owner=${owner%"${owner##*[![:space:]]}"}
    [[ -n $owner ]] || continue
    classad "$owner"
    CLAUSE+="${CLAUSE:+ || }TARGET.Owner =?= $CLASSAD"
  done
  [[ -n $CLAUSE ]] || refuse "nobody's jobs may run: give -o OWNERS"
}

# --- token ---------------------------------------------------------------------------------------

# read_all FD: sets TEXT to what comes there within 30 s; a signal ends the pilot meanwhile.
read_all() {
  local part='' code until
  TEXT=''
  uptime
  until=$((UPTIME + 3000))
  while :; do
    code=0
    # Bash keeps a trap waiting as long as it reads, so it reads by slices of time.
    IFS= read -r -d '' -t 0.2 part 2>/dev/null <&"$1" || code=$?
    TEXT+=$part
    ((SIGNALS == 0)) || give_up told "$TOO_EARLY"
    uptime
    ((code > 128 && UPTIME < until)) || return 0
  done
}

# read_token: sets TOKEN; never printed, never in an argument or the environment of a program.
read_token() {
  local file=${CONF[TOKEN_FILE]-} input
  if [[ -n ${GLIDEIN_TOKEN_FD-} ]]; then
    read_all "$GLIDEIN_TOKEN_FD"
    exec {GLIDEIN_TOKEN_FD}<&-
    verdict WARN token "-t shows the token to others on this machine" "use -T FILE"
  elif [[ -n $file ]]; then
    [[ -r $file && ! -d $file ]] || token_fails token "$file cannot be read"
    [[ ! -f $file || $(stat -Lc %a -- "$file") == *00 ]] ||
      verdict WARN token-file "others on this machine may read $file" "chmod 600 $file"
    # No signal would end the opening of a pipe that has a name and nobody who writes.
    [[ ! -p $file || $(readlink -f -- "$file") == *pipe:* ]] ||
      refuse "${FROM[TOKEN_FILE]-TOKEN_FILE}: $file is a named pipe: give the token in a file, or on\
 standard input"
    exec {input}<"$file"
    read_all "$input"
    exec {input}<&-
  else
    read_all 0
    [[ -n $TEXT ]] || token_fails token "none was given: use -T FILE or standard input"
  fi
  TOKEN=${TEXT#"${TEXT%%[![:space:]]*}"}
  TOKEN=${TOKEN%"${TOKEN##*[![:space:]]}"}
  [[ $TOKEN =~ ^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$ ]] ||
    token_fails token "it is no IDTOKEN: three parts joined by dots were expected"
}

# token_fails REASON MESSAGE
token_fails() {
  verdict FAIL token "$2" 'make a new one: glidein token create'
  give_up "$1" "token: $2"
}

# claim KEY TEXT: prints a plain string or number out of flat JSON.
claim() {
  local text='"'$1'"[[:space:]]*:[[:space:]]*("([^"]*)"|-?[0-9]+)'
  [[ $2 =~ $text ]] || return 0
  local found=${BASH_REMATCH[1]}
  [[ $found == \"* ]] && found=${BASH_REMATCH[2]}
  printf '%s' "$found"
}

inspect_token() {
  local part=${TOKEN#*.} body
  part=${part%%.*}
  part=${part//-/+}
  part=${part//_//}
  while ((${#part} % 4)); do part+='='; done
  body=$(base64 -d <<<"$part" 2>/dev/null | tr -d '\0') || token_fails token "it is damaged"
  [[ $body == '{'*'}' ]] || token_fails token "it is damaged"
  SUBJECT=$(claim sub "$body") ISSUER=$(claim iss "$body") SCOPE=$(claim scope "$body")
  EXPIRES=$(claim exp "$body")
  local begins
  begins=$(claim nbf "$body")
  # Both go into arithmetic, which would run what a hostile token puts there.
  [[ $EXPIRES =~ ^[0-9]{0,12}$ && $begins =~ ^[0-9]{0,12}$ ]] || token_fails token "it is damaged"
  EXPIRES=${EXPIRES:+$((10#$EXPIRES))} begins=${begins:+$((10#$begins))}
  epoch
  [[ -n $SUBJECT ]] || token_fails token "it names no subject"
  if [[ -n $EXPIRES ]] && ((EXPIRES <= NOW)); then
    token_fails token-time "it expired $((NOW - EXPIRES)) s ago"
  fi
  if [[ -n $begins ]] && ((begins > NOW + 60)); then
    token_fails token-time "it begins in $((begins - NOW)) s"
  fi
  [[ -z $SCOPE || $SCOPE == *ADVERTISE_STARTD* || $SCOPE == *'/DAEMON'* ]] ||
    token_fails token-scope "its scope ($SCOPE) does not let it advertise a slot"
  if [[ -n $EXPIRES ]]; then
    verdict PASS token "of $SUBJECT, good for $(((EXPIRES - NOW) / 60)) min"
    ((EXPIRES >= DEADLINE)) ||
      verdict WARN token-life "it ends before the pilot's life does" "make a longer one"
  else
    verdict PASS token "of $SUBJECT, without an end"
  fi
}

# --- a clean start -------------------------------------------------------------------------------

readonly UNSHARE=(unshare --user --map-current-user --keep-caps --mount --propagation slave --)
readonly PLAIN=(setpriv --ambient-caps=-all --inh-caps=-all --)

# These end with their parent, however it ends; a PID namespace takes all that is inside with it.
readonly TIED=(setpriv --pdeathsig KILL --)
readonly CAGE=(unshare --pid --fork --kill-child --mount-proc --)

# can_hide: sets HIDES to 0; to 1 if this kernel lets us, and a job inside us, have a mount
# namespace of our own; to 2 if it lets us have a PID namespace too, in which the daemons live.
can_hide() {
  # shellcheck disable=SC2016 # the inner shells expand it
  local try='mount -t tmpfs none /tmp && exec "$@"'
  HIDES=0
  "${UNSHARE[@]}" "$BASH" -c "$try" probe "${TIED[@]}" "${CAGE[@]}" "${PLAIN[@]}" \
    "${UNSHARE[@]}" "$BASH" -c "$try" probe "${PLAIN[@]}" true 2>/dev/null && HIDES=2 && return
  "${UNSHARE[@]}" "$BASH" -c "$try" probe "${PLAIN[@]}" \
    "${UNSHARE[@]}" "$BASH" -c "$try" probe "${PLAIN[@]}" true 2>/dev/null && HIDES=1
  return 0
}

# relaunch: starts this file again under the same pid, with a clean environment, without the token
# among its arguments, and where the kernel allows in namespaces that hide the token from jobs.
relaunch() {
  local name fd keep=() lead=()
  for name in $(compgen -e); do
    case $name in
      HOME | USER | LOGNAME | TMP | TMPDIR | XDG_CACHE_HOME | SLURM_* | CUDA_VISIBLE_DEVICES | \
        NVIDIA_VISIBLE_DEVICES | ROCR_VISIBLE_DEVICES | APPTAINER_* | SINGULARITY_* | \
        http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | \
        SSL_CERT_FILE | SSL_CERT_DIR) keep+=("$name=${!name}") ;;
      TZ) keep+=("GLIDEIN_JOB_TZ=$TZ") ;;
    esac
  done
  if [[ -n ${OPTION[t]+x} ]]; then
    exec {fd}< <(printf '%s' "${OPTION[t]}")
    keep+=("GLIDEIN_TOKEN_FD=$fd")
  fi
  can_hide
  if ((HIDES)); then
    lead=("${UNSHARE[@]}")
    keep+=("GLIDEIN_HIDES=$HIDES")
  fi
  exec env -i "${keep[@]}" "PATH=$PATH" LC_ALL=C TZ=UTC0 "GLIDEIN_STAGE=$STARTED $BEGAN $$" \
    "${lead[@]}" "$BASH" "$SELF" "${RELAUNCH[@]}"
}

# --- work folder ---------------------------------------------------------------------------------

# birth PID: sets BIRTH to when a process started, in clock ticks since boot; fails if it is gone.
birth() {
  local stat
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  stat=${stat##*) }
  # shellcheck disable=SC2206 # split on blanks on purpose
  local fields=($stat)
  [[ ${fields[0]} != [ZX] ]] || return 1
  BIRTH=${fields[19]}
}

# boot: sets BOOT to what tells this boot and PID namespace from any other.
boot() {
  read -r BOOT </proc/sys/kernel/random/boot_id
  BOOT+=" ${HOST// /_} $(readlink /proc/self/ns/pid)"
}

choose_folder() {
  local folder free best=-1 chosen=''
  if [[ -n ${CONF[WORK_DIR]-} ]]; then
    echo "${CONF[WORK_DIR]}"
    return 0
  fi
  for folder in "${TMP-}" "${TMPDIR-}" /tmp /var/tmp; do
    [[ $folder == /* && -d $folder && -w $folder ]] || continue
    free=$(df -Pk "$folder" 2>/dev/null | awk 'NR == 2 {print $4}')
    if [[ $folder == "${TMP-}" ]] || ((${free:-0} > best * 2)); then
      best=${free:-0} chosen=$folder
    fi
    [[ $folder != "${TMP-}" ]] || break
  done
  echo "${chosen:-/tmp}"
}

# scratch_fails MESSAGE
scratch_fails() {
  verdict FAIL scratch "$1" 'give -w a folder with room'
  give_up scratch "$1"
}

# plain_name FOLDER: sets LINK to a path of few sorts of characters by which HTCondor's
# configuration can name our folder. Only where its own path has others, LINK is not the folder.
plain_name() {
  LINK=$1
  [[ $1 =~ ^[A-Za-z0-9_./@%+=:~-]+$ ]] || LINK=/tmp/glidein-link-$UID.${1##*.}/work
}

# make_folder: sets PLACE to a new folder of our own, and WORK to the path by which it is used.
make_folder() {
  local base
  base=$(choose_folder)
  [[ $base == /* ]] || base=$PWD/$base
  PLACE=$(mktemp -d "$base/glidein-$UID.XXXXXXXX" 2>/dev/null) ||
    scratch_fails "no folder can be made in $base"
  WORK=$PLACE
  plain_name "$PLACE"
  if [[ $LINK != "$PLACE" ]]; then
    { mkdir "${LINK%/work}" && ln -s -- "$PLACE" "$LINK"; } 2>/dev/null ||
      refuse "${FROM[WORK_DIR]-WORK_DIR}: '$base' holds characters that HTCondor's configuration\
 cannot keep, and no link to it can be made in /tmp; name a folder without blanks"
    WORK=$LINK
  fi
  boot
  birth $$
  # What the checks themselves write must fit: a full disk is found here, not by a stumble there.
  {
    mkdir "$WORK"/{log,lock,spool,execute,secret,checks,home} &&
      printf '%s\n%s\n' "$BOOT" "$$ $BIRTH" >"$WORK/owner" &&
      head -c 4194304 /dev/zero >"$WORK/log/probe" && rm "$WORK/log/probe"
  } 2>/dev/null || scratch_fails "$base is full"
  SECRET=$WORK/secret
}

# sweep FOLDER: removes what pilots of ours that are dead left in FOLDER, and nothing else.
sweep() {
  local old boot pid born
  for old in "$1/glidein-$UID".????????; do
    [[ -O $old && -d $old && ! -L $old && $old != "$PLACE" ]] || continue
    boot='' pid='' born=''
    if [[ -s $old/owner ]]; then
      { read -r boot && read -r pid born; } <"$old/owner" || continue
      [[ ${boot#* } == "${BOOT#* }" && $pid =~ ^[0-9]+$ ]] || continue
    else
      # It was killed between making its folder and writing its name there, an instant's work.
      epoch
      ((NOW - $(stat -c %Y "$old" 2>/dev/null || echo "$NOW") > 60)) || continue
    fi
    if [[ $boot == "$BOOT" ]]; then
      ! birth "$pid" || [[ $BIRTH != "$born" ]] || continue
      plain_name "$old"
      kill_marked "$LINK"
    fi
    remove_place "$old"
    [[ -e $old ]] || say INFO "removed $old, which a dead pilot left"
  done
  for old in "/tmp/glidein-link-$UID".????????; do
    [[ ! -O $old || ! -L $old/work || -e $old/work ]] || remove_tree "$old"
  done
}

# sweep_all: sweeps where we work, and wherever else a pilot may have chosen to, by the room there was.
sweep_all() {
  local folder swept=:
  for folder in "${PLACE%/*}" "${TMP-}" "${TMPDIR-}" /tmp /var/tmp; do
    [[ $folder == /* && -d $folder && $swept != *:"$folder":* ]] || continue
    swept+=$folder:
    sweep "$folder"
  done
}

# kill_inside FOLDER: kills every process of ours that works in a folder, runs a program there or
# has a file open there, deleted ones too: a job's that left its session and its environment.
kill_inside() {
  local folder entry held found round
  folder=$(readlink -f -- "$1") || return 0
  for round in 1 2 3 4 5; do
    found=0
    for entry in /proc/[0-9]*; do
      [[ -O $entry && ${entry#/proc/} != "$$" && ${entry#/proc/} != "$BASHPID" ]] || continue
      held=$(readlink -- "$entry"/{cwd,root,exe} "$entry"/fd/* 2>/dev/null) || :
      [[ $'\n'$held/ == *$'\n'"$folder"[/$'\n']* ]] || continue
      kill -9 "${entry#/proc/}" 2>/dev/null && found=1
    done
    ((found)) || return 0
    nap 0.1
  done
}

# remove_place FOLDER: ends what a pilot's jobs left running in its folder, removes that, and the
# link to it where one was needed.
remove_place() {
  kill_inside "$1/execute"
  remove_tree "$1"
  plain_name "$1"
  [[ $LINK == "$1" || ! -O ${LINK%/work} ]] || remove_tree "${LINK%/work}"
}

remove_tree() {
  chmod -R u+rwX "$1" 2>/dev/null || :
  rm -rf --one-file-system -- "$1" 2>/dev/null || :
}

# kill_marked FOLDER [STAGE]: kills every process of ours that the pilot of that folder started. Its
# subshells bear no mark, but the stage with which the pilot itself was started again.
kill_marked() {
  local entry pid found round marks=(-e "GLIDEIN_PILOT=$1" ${2:+-e "GLIDEIN_STAGE=$2"})
  for round in 1 2 3 4 5; do
    found=0
    while IFS= read -r entry; do
      pid=${entry#/proc/}
      pid=${pid%/environ}
      [[ $pid != "$$" && $pid != "$BASHPID" && $pid != "$WATCHDOG" ]] || continue
      kill -9 "$pid" 2>/dev/null && found=1
    done < <(exec env -u GLIDEIN_STAGE grep -lzxF "${marks[@]}" /proc/[0-9]*/environ 2>/dev/null)
    ((found)) || return 0
    nap 0.1
  done
}

# nap SECONDS: sleeps without starting a process; a signal that is trapped is seen at its end.
nap() { read -r -t "$1" -u "$NAP" || :; }

claim_name() {
  [[ -n ${CONF[CLAIM_DIR]-} ]] || return 0
  mkdir -p "${CONF[CLAIM_DIR]}" 2>/dev/null || :
  ! mkdir "${CONF[CLAIM_DIR]}/$NAME" 2>/dev/null || return 0
  [[ ! -e ${CONF[CLAIM_DIR]}/$NAME ]] ||
    give_up double "$NAME was claimed already in ${CONF[CLAIM_DIR]}"
  verdict FAIL scratch "nothing can be made in CLAIM_DIR ${CONF[CLAIM_DIR]}" \
    'set CLAIM_DIR to a folder that this user may write'
  give_up scratch "CLAIM_DIR ${CONF[CLAIM_DIR]} cannot be written"
}

# hide_token: puts the token where only we and the daemons can read it.
hide_token() {
  local file=${CONF[TOKEN_FILE]-}
  if [[ -n ${GLIDEIN_HIDES-} ]] &&
    mount -t tmpfs -o size=1m,mode=0700 none "$SECRET" 2>/dev/null; then
    HIDDEN=true
    verdict PASS token-hidden "jobs cannot read the token"
  else
    verdict WARN token-hidden "jobs of the same user can read the token here" \
      "use a short-lived token of least scope"
  fi
  (umask 077 && printf '%s\n' "$TOKEN" >"$SECRET/token")
  [[ -z $file || ${CONF[TOKEN_REMOVE]:-0} != 1 ]] || rm -f -- "$file"
  TOKEN=''
}

# --- runtime -------------------------------------------------------------------------------------

# runtime_fails MESSAGE
runtime_fails() {
  verdict FAIL runtime "$1" 'give -u a folder, tarball or URL of HTCondor for this machine'
  give_up runtime "$1"
}

find_runtime() {
  local since=$UPTIME where=${CONF[RUNTIME]-} cache kept=''
  cache=${XDG_CACHE_HOME:-${HOME-}/.cache}/glidein/runtimes
  if [[ -n $where ]]; then
    take_runtime "$where"
  elif command -v condor_master >/dev/null && command -v condor_startd >/dev/null; then
    CONDOR=$(command -v condor_master)
    CONDOR=${CONDOR%/*/condor_master}
  elif [[ -x $cache/default/sbin/condor_master ]]; then
    CONDOR=$(readlink -f "$cache/default") kept=true
  elif CONDOR=$(newest_runtime "$cache"); then
    kept=true
  elif [[ -n $OFFICIAL_URL && -n $OFFICIAL_SHA256 && $(uname -m) == x86_64 ]]; then
    CONF[RUNTIME_SHA256]=$OFFICIAL_SHA256
    take_runtime "$OFFICIAL_URL"
  else
    runtime_fails "there is no HTCondor on this host, nor in $cache"
  fi
  [[ $CONDOR == "$WORK"/* || ! -f $CONDOR/about ]] || kept=true
  [[ -z $kept ]] || beside holds_manifest "$CONDOR" ||
    runtime_fails "$CONDOR is damaged (${SAID:0:150}); glidein runtime remove it, then get it again"
  settle_runtime
  phase runtime "$since"
}

# holds_manifest FOLDER: whether each file of a runtime is what it was when it was placed there.
holds_manifest() {
  cd -- "$1" || return 1
  # The list is sorted: one that was cut off lacks what stands near its end.
  if ! grep -q '^[0-9a-f]\{64\}  sbin/condor_startd$' manifest; then
    echo 'its manifest is not whole'
    return 1
  fi
  sha256sum --quiet --strict -c manifest
}

newest_runtime() {
  local candidate
  while IFS= read -r candidate; do
    [[ -x $1/$candidate/sbin/condor_master ]] || continue
    echo "$1/$candidate"
    return 0
  done < <(ls -t "$1" 2>/dev/null)
  return 1
}

# beside COMMAND...: runs what may be slow while a signal can still end the pilot at once. Sets SAID
# to how its words began; returns its code.
beside() {
  local code=0
  GLIDEIN_PILOT=$WORK "$@" >"$WORK/checks/said" 2>&1 </dev/null {NAP}<&- {OUT}>&- &
  CHECKS=($!)
  wait_for $! || code=$?
  CHECKS=()
  SAID=$(head -c 300 "$WORK/checks/said")
  return $code
}

# take_runtime WHERE: a folder is used where it lies; a tarball is fetched, checked and unpacked.
take_runtime() {
  local file=$WORK/runtime.tar sum
  case $1 in
    http://* | https://* | ftp://*) fetch "$1" "$file" ;;
    file://*) file=${1#file://} ;;
    *) file=$1 ;;
  esac
  if [[ -d $file ]]; then
    CONDOR=$(cd -- "$file" && pwd -P)
    return 0
  fi
  [[ -r $file ]] || runtime_fails "$1 is not there"
  if [[ -n ${CONF[RUNTIME_SHA256]-} ]]; then
    beside sha256sum -- "$file" || runtime_fails "$1 cannot be read: ${SAID:0:200}"
    sum=${SAID#\\} # stands before the sum where the name has odd characters
    [[ ${sum%% *} == "${CONF[RUNTIME_SHA256],,}" ]] ||
      runtime_fails "$1 has the SHA-256 ${sum%% *}, not ${CONF[RUNTIME_SHA256]}"
  fi
  unpack "$file"
  [[ ! -f $CONDOR/RELOCATE ]] || relocate
  rm -f "$WORK/runtime.tar"
}

# fetch URL FILE: no longer than the pilot lives.
fetch() {
  local left
  epoch
  left=$((DEADLINE - NOW > 1 ? DEADLINE - NOW : 1))
  if command -v curl >/dev/null; then
    beside curl -fsSL --connect-timeout 20 --max-time "$left" --speed-limit 1000 --speed-time 30 \
      -o "$2" "$1" || runtime_fails "$1 could not be fetched: ${SAID:0:200}"
  elif command -v wget >/dev/null; then
    beside timeout -k 1 "$left" wget -nv -T $((left < 30 ? left : 30)) -t 2 -O "$2" "$1" ||
      runtime_fails "$1 could not be fetched: ${SAID:0:200}"
  else
    runtime_fails "neither curl nor wget is here to fetch $1"
  fi
  FETCHED=$(stat -c %s "$2")
}

# unpack FILE: sets CONDOR to the runtime that the tarball holds.
unpack() {
  local found
  CONDOR=$WORK/condor
  mkdir "$CONDOR"
  beside untar "$1" "$CONDOR" || runtime_fails "$1 cannot be unpacked: ${SAID:0:200}"
  if [[ ! -d $CONDOR/sbin ]]; then
    found=("$CONDOR"/*/sbin)
    CONDOR=${found[0]%/sbin}
  fi
}

untar() {
  local magic
  magic=$(od -An -tx1 -N6 "$1" | tr -d ' \n')
  case $magic in
    1f8b*) gzip -dc "$1" | tar -xf - -C "$2" ;;
    fd377a585a00) xz -dc "$1" | tar -xf - -C "$2" ;;
    *) tar -xf "$1" -C "$2" ;;
  esac
}

# relocate: writes the path of the runtime's own loader into each of its programs.
relocate() {
  local offset length name loader=$CONDOR/lib/ld-linux-x86-64.so.2
  while read -r offset length name; do
    ((${#loader} < length)) || runtime_fails "$CONDOR is too long a path"
    printf '%s\0' "$loader" |
      dd of="$CONDOR/$name" bs=1 seek="$offset" conv=notrunc status=none
  done <"$CONDOR/RELOCATE"
}

settle_runtime() {
  local said
  [[ -x $CONDOR/sbin/condor_master ]] || runtime_fails "$CONDOR holds no condor_master"
  LIBEXEC=$CONDOR/libexec
  [[ ! -d $LIBEXEC/condor ]] || LIBEXEC=$LIBEXEC/condor
  JOB_PATH=$PATH:$CONDOR/bin PATH=$CONDOR/bin:$CONDOR/sbin:$PATH
  said=$("$CONDOR/sbin/condor_master" -version 2>&1) ||
    runtime_fails "$CONDOR does not run on this $(uname -m) machine: ${said:0:120}"
  said=${said#*CondorVersion: }
  VERSION=${said%% *}
}

# --- what was given ------------------------------------------------------------------------------

CGROUP_ROOT=/sys/fs/cgroup CGROUP_SELF=/proc/self/cgroup CGROUP_MOUNTS=/proc/self/mountinfo

# lower NAME VALUE: sets the variable to VALUE if that is a number and lower, or nothing was set.
lower() {
  [[ $2 =~ ^[0-9]{1,15}$ ]] || return 0
  local now=${!1}
  [[ -n $now ]] && ((now <= $2)) || printf -v "$1" '%s' "$2"
}

# tasks_here: prints how many tasks of this Slurm step share this node; 1 outside of a step.
tasks_here() {
  local tasks=${SLURM_STEP_TASKS_PER_NODE-}
  [[ $tasks =~ ^([0-9]+) ]] && ((BASH_REMATCH[1] > 0)) && echo "${BASH_REMATCH[1]}" || echo 1
}

# beneath FOLDER PATH: sets GROUP to where below the folder the cgroup of that path lies. Containers
# often have only a part of the tree mounted there: then the path of that part comes off.
beneath() {
  local folder root='' fields
  GROUP=$2
  [[ -r $CGROUP_MOUNTS ]] || return 0
  folder=$(readlink -f "$1") || return 0
  while read -r -a fields; do
    [[ ${fields[4]-} == "$folder" && ${fields[*]} == *' - cgroup'* ]] || continue
    root=${fields[3]%/}
  done <"$CGROUP_MOUNTS"
  [[ $2/ != "$root"/* ]] || GROUP=${2#"$root"}
}

cgroup_limits() {
  local line group folder value period
  while IFS= read -r line; do
    group=${line#*:*:}
    case $line in
      0::*) folder=$CGROUP_ROOT ;;
      *:memory:* | *:*,memory:* | *:memory,*) folder=$CGROUP_ROOT/memory ;;
      *:cpu:* | *:cpu,* | *:*,cpu:*) folder=$CGROUP_ROOT/cpu ;;
      *) continue ;;
    esac
    beneath "$folder" "$group"
    group=$GROUP
    while :; do
      if read -r value 2>/dev/null <"$folder$group/memory.max" ||
        read -r value 2>/dev/null <"$folder$group/memory.limit_in_bytes"; then
        [[ $value =~ ^[0-9]+$ ]] && lower MEMORY_GIVEN $((value / 1048576))
      fi
      if read -r value period 2>/dev/null <"$folder$group/cpu.max"; then
        quota "$value" "$period"
      elif read -r value 2>/dev/null <"$folder$group/cpu.cfs_quota_us" &&
        read -r period 2>/dev/null <"$folder$group/cpu.cfs_period_us"; then
        quota "$value" "$period"
      fi
      [[ $group == */* && $group != / ]] || break
      group=${group%/*}
    done
  done <"$CGROUP_SELF"
}

# quota MICROSECONDS PERIOD: a quota of less than a core still makes one.
quota() {
  [[ $1 =~ ^[0-9]+$ && $2 =~ ^[0-9]+$ ]] && (($2 > 0)) || return 0
  local cores=$(($1 / $2))
  lower CPUS_GIVEN $((cores > 0 ? cores : 1))
}

slurm_limits() {
  local tasks
  [[ -n ${SLURM_JOB_ID-} ]] || return 0
  tasks=$(tasks_here)
  if [[ ${SLURM_CPUS_ON_NODE-} =~ ^[0-9]+$ ]]; then
    lower CPUS_GIVEN $((SLURM_CPUS_ON_NODE / tasks > 0 ? SLURM_CPUS_ON_NODE / tasks : 1))
  fi
  if ((tasks > 1)) || [[ -z ${SLURM_CPUS_ON_NODE-} ]]; then
    lower CPUS_GIVEN "${SLURM_CPUS_PER_TASK-}"
  fi
  if [[ ${SLURM_MEM_PER_NODE-} =~ ^[1-9][0-9]*$ ]]; then
    lower MEMORY_GIVEN $((SLURM_MEM_PER_NODE / tasks))
  elif [[ ${SLURM_MEM_PER_CPU-} =~ ^[1-9][0-9]*$ ]]; then
    lower MEMORY_GIVEN $((SLURM_MEM_PER_CPU * ${CPUS_GIVEN:-1}))
  elif [[ ${SLURM_MEM_PER_GPU-} =~ ^[1-9][0-9]*$ && -n $GPUS_GIVEN ]] && ((GPUS_GIVEN > 0)); then
    lower MEMORY_GIVEN $((SLURM_MEM_PER_GPU * GPUS_GIVEN))
  fi
}

# gpus_given: sets GPUS_GIVEN; empty means that nobody said, and all that are found are offered.
gpus_given() {
  GPUS_GIVEN=''
  local list=${CUDA_VISIBLE_DEVICES-}
  if [[ -n ${CUDA_VISIBLE_DEVICES+x} ]]; then
    list=${list//[^,]/}
    case $CUDA_VISIBLE_DEVICES in
      '' | -1 | NoDevFiles | none) GPUS_GIVEN=0 ;;
      *) GPUS_GIVEN=$((${#list} + 1)) ;;
    esac
  elif [[ ${SLURM_GPUS_ON_NODE-} =~ ^[0-9]+$ ]]; then
    GPUS_GIVEN=$SLURM_GPUS_ON_NODE
  elif [[ -n ${SLURM_JOB_ID-} ]]; then
    GPUS_GIVEN=0
  fi
}

size_up() {
  local total
  CPUS_GIVEN=$(nproc) MEMORY_GIVEN=''
  total=$(awk '$1 == "MemTotal:" {print int($2 / 1024)}' /proc/meminfo)
  lower MEMORY_GIVEN "$total"
  gpus_given
  slurm_limits
  cgroup_limits
  # The daemons keep a twentieth, at least 128 MiB and at most 1 GiB.
  KEPT=$((MEMORY_GIVEN / 20))
  ((KEPT >= 128)) || KEPT=128
  ((KEPT <= 1024)) || KEPT=1024
  CPUS=${CONF[CPUS]:-$CPUS_GIVEN} MEMORY=${CONF[MEMORY_MB]:-$((MEMORY_GIVEN - KEPT))}
  GPU_COUNT=${CONF[GPUS]:-$GPUS_GIVEN}
  ((CPUS >= 1 && MEMORY >= 64)) ||
    give_up resources "$CPUS cores and $MEMORY_GIVEN MiB were given; $KEPT MiB are the daemons'"
  if ((MEMORY + KEPT > MEMORY_GIVEN || CPUS > CPUS_GIVEN)); then
    verdict WARN size "$CPUS cores, $MEMORY MiB asked; $CPUS_GIVEN cores, $MEMORY_GIVEN MiB given" \
      "jobs may be killed from outside; leave $KEPT MiB for the daemons"
  else
    verdict PASS size "$CPUS cores, $MEMORY MiB, $KEPT MiB more for the daemons"
  fi
}

# --- HTCondor's configuration --------------------------------------------------------------------

# knob TEXT: prints a value for HTCondor's configuration, dollars and newlines made safe.
knob() {
  local text=${1//[$'\n\r\t']/ }
  printf '%s' "${text//\$/\$(DOLLAR)}"
}

# client_config: what HTCondor's commands and daemons need to speak to the pool. The system's own
# knobs come first, so that none of them overrules what makes this a pilot.
client_config() {
  local host=$POOL_HOST
  [[ $POOL_ADDRESS != *:* ]] || POOL_ADDRESS="[$POOL_ADDRESS]"
  COLLECTOR="<$POOL_ADDRESS:$POOL_PORT?alias=$host${POOL_SOCK:+&sock=$POOL_SOCK}>"
  [[ $host != *:* ]] || COLLECTOR="<$POOL_ADDRESS:$POOL_PORT${POOL_SOCK:+?sock=$POOL_SOCK}>"
  [[ -z ${CONF[KNOBS]-} ]] || printf '%s\n' "${CONF[KNOBS]}"
  cat <<EOF
RELEASE_DIR = $(knob "$CONDOR")
LOCAL_DIR = $(knob "$WORK")
BIN = \$(RELEASE_DIR)/bin
SBIN = \$(RELEASE_DIR)/sbin
LIBEXEC = $(knob "$LIBEXEC")
LIB = \$(RELEASE_DIR)/lib
LOG = \$(LOCAL_DIR)/log
LOCK = \$(LOCAL_DIR)/lock
RUN = \$(LOCAL_DIR)/lock
SPOOL = \$(LOCAL_DIR)/spool
EXECUTE = \$(LOCAL_DIR)/execute
COLLECTOR_HOST = $COLLECTOR
NETWORK_HOSTNAME = $HOST
NO_DNS = True
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS
SEC_TOKEN_DIRECTORY = $(knob "$SECRET")
SEC_TOKEN_SYSTEM_DIRECTORY = $(knob "$SECRET")
SEC_PASSWORD_DIRECTORY = \$(LOCAL_DIR)/lock
EOF
}

# start_layers: the conditions of START, each an attribute of the slot's ad that explain can show.
start_layers() {
  local extra=${CONF[START]-} name=''
  owners_clause
  if [[ -n ${CONF[NAME]-} ]]; then
    classad "${CONF[NAME]}"
    name=" && (TARGET.TargetAnnexName =?= $CLASSAD)"
  fi
  [[ -n ${extra//[[:space:]]/} ]] || extra=true
  cat <<EOF
GlideinStartOwners = $CLAUSE
GlideinStartExtra = $(knob "$extra")
GlideinStartLife = time() < GlideinRetire && time() + (TARGET.AllowedJobDuration ?: 0) <= \
GlideinDeadline && time() + (TARGET.AllowedExecuteDuration ?: 0) <= GlideinDeadline && \
time() + 60 * (TARGET.MaxWallTime ?: 0) <= GlideinDeadline
START = (MY.GlideinStartOwners =?= true) && (MY.GlideinStartExtra =?= true) && \
(MY.GlideinStartLife =?= true) && (MY.GlideinDraining =?= false)$name
EOF
}

identity() {
  local attributes='GlideinRequest GlideinPilot GlideinRestart GlideinStart GlideinRetire'
  attributes+=' GlideinDeadline GlideinVersion GlideinTokenHidden GlideinContainers'
  attributes+=' GlideinDaemonMemory ClassAdLifetime'
  cat <<EOF
GlideinRequest = "${CONF[REQUEST_ID]}"
GlideinPilot = ${CONF[PILOT_INDEX]}
GlideinRestart = ${CONF[PILOT_RESTART]}
GlideinStart = $STARTED
GlideinRetire = $RETIRE_AT
GlideinDeadline = $DEADLINE
GlideinVersion = "$GLIDEIN_VERSION"
GlideinTokenHidden = $HIDDEN
GlideinDaemonMemory = $KEPT
ClassAdLifetime = 210
EOF
  if [[ -n ${CONF[NAME]-} ]]; then
    classad "${CONF[NAME]}"
    printf 'AnnexName = %s\nIsAnnex = True\n' "$CLASSAD"
    attributes+=' AnnexName IsAnnex'
  fi
  echo "MASTER_ATTRS = \$(MASTER_ATTRS) $attributes"
  echo "STARTD_ATTRS = \$(STARTD_ATTRS) $attributes GlideinDraining GlideinStartOwners" \
    "GlideinStartExtra GlideinStartLife"
}

slot_config() {
  local reserved
  cat <<EOF
NUM_CPUS = $CPUS
MEMORY = $MEMORY
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
EOF
  if [[ -n ${CONF[DISK_MB]-} ]]; then
    reserved=$((FREE_MB - CONF[DISK_MB]))
    echo "RESERVED_DISK = $((reserved > 0 ? reserved : 0))"
  fi
  if [[ $GPU_COUNT == 0 ]]; then
    echo "MACHINE_RESOURCE_GPUs = 0"
  else
    echo "use feature:GPUs"
    [[ -z $GPU_COUNT ]] || echo "SLOT_TYPE_1 = cpus=100%, memory=100%, disk=100%, GPUs=$GPU_COUNT"
  fi
}

# container_script: prints the program that HTCondor starts for containers: $1 with the settings for
# it that this pilot was started with, which HTCondor does not hand on, a cache that leaves with the
# pilot, and what the system wants to be done first. HTCondor reads the program's output, so none of
# that may print there.
container_script() {
  local name
  printf '#!/usr/bin/env bash\nexport PATH=%q\n' "$JOB_PATH"
  for name in $(compgen -e); do
    case $name in
      APPTAINER_* | SINGULARITY_* | http_proxy | https_proxy | no_proxy | HTTP_PROXY | \
        HTTPS_PROXY | NO_PROXY | SSL_CERT_FILE | SSL_CERT_DIR)
        printf 'export %s=%q\n' "$name" "${!name}"
        ;;
    esac
  done
  [[ -n ${APPTAINER_CACHEDIR-} ]] || printf 'export APPTAINER_CACHEDIR=%q\n' "$WORK/images"
  [[ -z ${CONF[CONTAINER_SETUP]-} ]] ||
    printf 'exec 3>&1 >&2\n%s\nexec >&3 3>&-\n' "${CONF[CONTAINER_SETUP]}"
  printf 'exec %q "$@"\n' "$1"
}

# container_config: prints what changes when the container runtime is known.
container_config() {
  local program=${CONTAINER#'?'}
  echo "GlideinContainers = \"${program##*/}\""
  if [[ -n $program ]]; then
    echo "SINGULARITY = $(knob "$WORK/container")"
  else
    echo 'SINGULARITY = /nonexistent'
  fi
  echo "SINGULARITY_TEST_SANDBOX = $(knob "$WORK/checks/image")"
  # Work folders often lie in /tmp, which HTCondor gives a container anew, over the job's own folder.
  echo "SINGULARITY_TARGET_DIR = /srv"
  [[ $IMAGES != *files ]] || printf "HasSIF = True\nSTARTD_ATTRS = \$(STARTD_ATTRS) HasSIF\n"
}

# reconfigure: writes what may change and makes the daemons read it.
reconfigure() {
  {
    echo "GlideinDraining = $DRAINING"
    # A schedd may go on using a claim without asking START again; a claim that is over it may not.
    [[ $DRAINING == False ]] || echo 'CLAIM_WORKLIFE = 0'
    # Drained through the pool, jobs may finish; the pilot itself ends them by its own clock.
    [[ $DRAINING == True ]] || echo "GlideinPatience = ${CONF[LIFETIME]}"
    container_config
  } >"$WORK/change.conf"
  [[ -z $MASTER ]] || kill -HUP "$MASTER" 2>/dev/null || :
}

attach_config() {
  [[ -n ${CONF[ATTACH_SCHEDD]-} ]] || return 0
  cat <<EOF
STARTD_DIRECT_ATTACH_SCHEDD_NAME = $(knob "${CONF[ATTACH_SCHEDD]}")
STARTD_DIRECT_ATTACH_SCHEDD_POOL = $(knob "${CONF[ATTACH_POOL]-}")
STARTD_DIRECT_ATTACH_SUBMITTER_NAME = $(knob "${CONF[ATTACH_SUBMITTER]-}")
STARTD_DIRECT_ATTACH_INTERVAL = 5
EOF
}

# daemon_config: what the daemons do. A collector that was killed comes back knowing nobody, and
# refuses security sessions of its former life: a session older than its update is not offered
# again, else the first update, and with it a whole interval, is lost. A gateway that forgets a
# connection tells nobody: the broker's heartbeat notices after three to four intervals, and until
# then nobody can reach the pilot. A heartbeat is far smaller than the ads sent every minute. A
# starter that gives its connection up in a long cut loses the job: a shadow that goes on living
# takes no output after a reconnect. One that waits goes on where it was.
daemon_config() {
  cat <<EOF
DAEMON_LIST = MASTER, STARTD
MASTER_NAME = $NAME
STARTD_NAME = $NAME
USE_SHARED_PORT = True
SHARED_PORT_PORT = 0
CCB_ADDRESS = \$(COLLECTOR_HOST)
CCB_HEARTBEAT_INTERVAL = 30
CCB_RECONNECT_TIME = 15
PRIVATE_NETWORK_NAME = $NAME
UID_DOMAIN = $NAME
FILESYSTEM_DOMAIN = $NAME
UPDATE_COLLECTOR_WITH_TCP = True
WANT_UDP_COMMAND_SOCKET = False
ALLOW_READ = *
ALLOW_WRITE = *
ALLOW_DAEMON = *
ALLOW_NEGOTIATOR = *
ALLOW_ADMINISTRATOR = condor_pool@*, */$POOL_ADDRESS
UPDATE_INTERVAL = 60
MASTER_UPDATE_INTERVAL = 60
SEC_CLIENT_SESSION_DURATION = 30
UPDATE_OFFSET = 0
STARTD_SENDS_ALIVES = True
RUNBENCHMARKS = False
STARTD_HAS_BAD_UTMP = True
JAVA =
DOCKER =
CREATE_CGROUP_WITHOUT_ROOT = True
PREEN =
CATALOG_SPACE = 0
MASTER_CHECK_NEW_EXEC_INTERVAL = 31536000
MASTER_BACKOFF_CEILING = 60
MAX_STARTD_LOG = 10000000
CLAIM_WORKLIFE = 3600
SUSPEND = False
CONTINUE = True
PREEMPT = False
KILL = False
WANT_SUSPEND = False
WANT_VACATE = True
RANK = 0
GlideinPatience = 0
MAXJOBRETIREMENTTIME = \$(GlideinPatience)
STARTER_INITIAL_UPDATE_INTERVAL = 2
STARTER_UPDATE_INTERVAL = 5
STARTER_UPLOAD_TIMEOUT = 1200
POLLING_INTERVAL = 2
PID_SNAPSHOT_INTERVAL = 5
use policy:Hold_If_Memory_Exceeded
HOLD_REASON_MEMORY_EXCEEDED = The job used more memory than it had requested (request_memory)
USER_JOB_WRAPPER = \$(LOCAL_DIR)/job
SHUTDOWN_GRACEFUL_TIMEOUT = 20
STARTER_JOB_ENVIRONMENT = "$(job_environment)"
LOCAL_CONFIG_FILE = \$(LOCAL_DIR)/change.conf
REQUIRE_LOCAL_CONFIG_FILE = False
STARTER = \$(LOCAL_DIR)/starter
EOF
}

# job_environment: what every job finds; in HTCondor's form, a value in single quotes, a quote twice.
job_environment() {
  local pair
  for pair in "PATH=$JOB_PATH" "GLIDEIN_PILOT=$WORK" \
    "TZ=${GLIDEIN_JOB_TZ-}" "http_proxy=${http_proxy-}" \
    "https_proxy=${https_proxy-}" "no_proxy=${no_proxy-}"; do
    [[ -n ${pair#*=} ]] || continue
    pair=${pair//\'/\'\'}
    knob "${pair%%=*}='${pair#*=}' " | sed 's/"/""/g'
  done
}

# starter_script: prints the program that HTCondor starts for each job. Where the token is hidden,
# it runs the real starter in a mount namespace in which the token's folder is empty: a process
# there has no power over the daemons, which live in the namespace outside, though the user is one.
starter_script() {
  local file=${CONF[TOKEN_FILE]-}
  echo '#!/usr/bin/env bash'
  printf 'PATH=%q\n' "$PATH"
  if [[ $HIDDEN != true ]]; then
    printf 'exec %q "$@"\n' "$CONDOR/sbin/condor_starter"
    return 0
  fi
  # shellcheck disable=SC2016 # the script expands it
  printf 'if [[ ${1-} != --inside ]]; then exec %s %q %q --inside "$@"; fi\nshift\n' \
    "${UNSHARE[*]}" "$BASH" "$WORK/starter"
  printf 'mount -t tmpfs -o ro,size=4k,mode=0500 none %q || exit 1\n' "$SECRET"
  if [[ -f $file ]]; then
    printf 'mount --bind /dev/null %q || exit 1\n' "$(readlink -f "$file")"
  fi
  printf 'exec %s %q "$@"\n' "${PLAIN[*]}" "$CONDOR/sbin/condor_starter"
}

# job_script: prints the program that HTCondor starts each job through. Jobs, not daemons, are to be
# the kernel's first choice when memory runs out; and a user namespace of its own keeps a job from
# looking into the starter, which holds the keys of its claim.
job_script() {
  # shellcheck disable=SC2016 # the script expands it
  printf '%s\n' '#!/usr/bin/env bash' 'echo 1000 2>/dev/null >/proc/self/oom_score_adj'
  if [[ $HIDDEN == true ]]; then
    printf 'exec %q --user --map-current-user -- "$@"\n' "$(command -v unshare)"
  else
    # shellcheck disable=SC2016 # the script expands it
    echo 'exec "$@"'
  fi
}

write_config() {
  local config=$WORK/condor_config
  {
    client_config
    daemon_config
    slot_config
    start_layers
    identity
    attach_config
  } >"$config"
  reconfigure
  starter_script >"$WORK/starter"
  job_script >"$WORK/job"
  chmod 700 "$WORK"/{starter,job}
}

# --- checks --------------------------------------------------------------------------------------

# Each check runs beside the others and writes its verdicts to a file of its own, as lines
# VERDICT<tab>SUBJECT<tab>MESSAGE<tab>REMEDY<tab>REASON; a FAIL's REASON is how the pilot ends.
found() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${3//[[:cntrl:]]/ }" "${4:--}" "${5:-}"; }

# resolve_pool: sets POOL_ADDRESS; a name server that never answers costs ten seconds and no more.
resolve_pool() {
  local said code=0
  if [[ $POOL_HOST =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ || $POOL_HOST == *:* ]]; then
    POOL_ADDRESS=$POOL_HOST
    return 0
  fi
  beside timeout -k 1 10 getent ahosts "$POOL_HOST" || code=$?
  said=$(<"$WORK/checks/said")
  POOL_ADDRESS=$(awk '$1 !~ /:/ {print $1; exit}' <<<"$said")
  [[ -n $POOL_ADDRESS ]] || POOL_ADDRESS=${said%%[[:space:]]*}
  if [[ -z $POOL_ADDRESS ]]; then
    ((code != 124)) || said='the name server does not answer'
    verdict FAIL name "$POOL_HOST cannot be resolved${said:+: $said}" 'check -c, and the name server'
    give_up name "$POOL_HOST cannot be resolved"
  fi
  verdict PASS name "$POOL_HOST is $POOL_ADDRESS"
}

check_tcp() {
  local said code=0 address=$POOL_ADDRESS
  # shellcheck disable=SC2016 # the inner shell expands it
  said=$(timeout -k 1 10 "$BASH" -c 'exec 3<>"/dev/tcp/$1/$2"' tcp "$address" "$POOL_PORT" 2>&1) ||
    code=$?
  case $code in
    0) found PASS connect "the collector's port answers at $address:$POOL_PORT" ;;
    124 | 137) found FAIL connect "no answer from $address:$POOL_PORT in 10 s" \
      'a firewall drops the packets: ask for this host to be let out' connect ;;
    *) found FAIL connect "$address:$POOL_PORT: ${said##*: }" 'check host and port of -c' connect ;;
  esac
}

# check_ping: asks the pool itself what the token may do.
check_ping() {
  local said code=0 allowed='ALLOW[[:space:]]+([^[:space:]]+)'
  said=$(timeout -k 1 12 condor_ping -type COLLECTOR -table ADVERTISE_STARTD ADVERTISE_MASTER) ||
    code=$?
  if [[ $said =~ ADVERTISE_STARTD[^$'\n']*$allowed.*ADVERTISE_MASTER[^$'\n']*$allowed ]]; then
    found PASS advertise "the pool takes slots from ${BASH_REMATCH[1]}"
  elif ((code > 1)); then
    found FAIL pool "what answers at $POOL_HOST:$POOL_PORT does not speak HTCondor" \
      'check host and port of -c' pool
  else
    said=$(_CONDOR_TOOL_DEBUG=D_SECURITY:2 timeout -k 1 10 condor_ping -debug -verbose \
      -type COLLECTOR ADVERTISE_STARTD ADVERTISE_MASTER 2>&1) || :
    explain_ping "$said"
  fi
}

# explain_ping TEXT: says why the pool refused, out of what condor_ping tells.
explain_ping() {
  local line issuer='' remedy='take a token that this pool made: glidein token create'
  line=$(grep -m1 -oE '(AUTHENTICATE|SECMAN|CEDAR):[0-9]+:[^|]*' <<<"$1") || :
  line=${line#*:*:}
  issuer=$(sed -n 's/^TrustDomain = "\(.*\)"$/\1/p' <<<"$1" | tail -n 1)
  case $1 in
    *'Received "DENIED"'*) found FAIL token-scope "the pool does not let $SUBJECT advertise a slot" \
      'the token needs ADVERTISE_STARTD and ADVERTISE_MASTER, and the pool must allow them' \
      token-scope ;;
    *AUTHENTICATE:*)
      if [[ -n $issuer && -n $ISSUER && $issuer != "$ISSUER" ]]; then
        line="$ISSUER issued it, the pool trusts $issuer"
      fi
      found FAIL token-refused "the pool does not accept the token: ${line:0:200}" "$remedy" \
        token-refused
      ;;
    *) found FAIL pool "what answers is no collector: ${line:0:200}" 'check host and port of -c' pool ;;
  esac
}

# pool_within BEFORE AFTER: prints the collector's version if its clock differs from ours by no
# more than that many seconds; the constraint is judged by the collector's clock.
pool_within() {
  epoch
  timeout -k 1 14 condor_status -collector -constraint \
    "time() > $((NOW - $1)) && time() < $((NOW + $2))" -af CondorVersion 2>/dev/null
}

# check_start: lets HTCondor's own parser read START; an expression that is none never matches. The
# braces keep one that closes a parenthesis it never opened from being completed by condor_status.
check_start() {
  local said
  [[ -n ${CONF[START]-} ]] || return 0
  said=$(timeout -k 1 10 condor_status -limit 1 -af Name -constraint "size({${CONF[START]}}) == 1" 2>&1) || :
  if [[ $said == *'invalid constraint'* ]]; then
    found FAIL start "'${CONF[START]:0:200}' is no ClassAd expression" "correct ${FROM[START]-START}" usage
  fi
}

# check_pool: one query tells version and clock: the constraint is judged by the collector's clock.
check_pool() {
  local said newer
  said=$(pool_within 30 45) || {
    : >"$WORK/checks/unreadable"
    return 0
  }
  if [[ -z $said ]]; then
    said=$(timeout -k 1 10 condor_status -collector -af CondorVersion 2>/dev/null) || return 0
    # A collector that has just started is not in its own list yet: that says nothing of clocks.
    [[ -n $said ]] || return 0
    [[ -n $(pool_within 30 45) ]] || check_clock
  else
    found PASS clock "within 30 s of the pool's"
  fi
  [[ $said =~ CondorVersion:\ ([0-9.]+) ]] || return 0
  newer=$(printf '%s\n%s\n' "${BASH_REMATCH[1]}" "$VERSION" | sort -V | tail -n 1)
  if [[ $newer == "$VERSION" && $VERSION != "${BASH_REMATCH[1]}" ]]; then
    found WARN version "this HTCondor is $VERSION, the pool's is ${BASH_REMATCH[1]}, older" \
      'should no job match, take a runtime of the version of the pool'
  else
    found PASS version "HTCondor $VERSION here, ${BASH_REMATCH[1]} in the pool"
  fi
}

# check_clock: the clocks differ; finds by how much, by asking again.
check_clock() {
  local limit side=0 said
  for limit in 30 120 600 3600 86400; do
    epoch
    said=$(timeout -k 1 5 condor_status -collector -constraint \
      "time() > $((NOW - limit)) && time() < $((NOW + limit))" -af MyType 2>/dev/null) || return 0
    [[ -z $said ]] || break
    side=$limit
  done
  if ((side == 0)); then
    found PASS clock "within 30 s of the pool's"
  elif [[ -n $said && $side == 30 ]]; then
    found WARN clock "differs from the pool's by 30 to 120 s" 'set the clock'
  elif [[ -n $said && $side == 120 ]]; then
    found WARN clock "differs from the pool's by 2 to 10 min" 'set the clock'
  else
    found FAIL clock "differs from the pool's by more than $((side / 60)) min" 'set the clock' clock
  fi
}

check_scratch() {
  local kilobytes inodes folder=$WORK/execute
  kilobytes=$(df -Pk "$folder" 2>/dev/null | awk 'NR == 2 {print $4}') || :
  inodes=$(df -Pi "$folder" 2>/dev/null | awk 'NR == 2 {print $4}') || :
  if ! printf '#!/bin/sh\nexit 0\n' >"$folder/probe" ||
    ! head -c 1048576 /dev/zero >"$folder/megabyte"; then
    found FAIL scratch "$folder cannot be written" 'give -w a folder with room' scratch
    return 0
  fi
  chmod 700 "$folder/probe"
  if ! "$folder/probe" 2>/dev/null; then
    found FAIL scratch "$folder lets no program run (noexec)" 'give -w another folder' scratch
  elif [[ $kilobytes =~ ^[0-9]+$ ]] && ((kilobytes < 102400)); then
    found FAIL scratch "only $((kilobytes / 1024)) MiB are free in $WORK" \
      'give -w a folder with room' scratch
  elif [[ $inodes =~ ^[0-9]+$ ]] && ((inodes > 0 && inodes < 1000)); then
    found FAIL scratch "only $inodes files more fit in $WORK" 'give -w a folder with room' scratch
  else
    found PASS scratch "$((${kilobytes:-0} / 1024)) MiB free in ${PLACE%/*}"
  fi
  rm -f "$folder/probe" "$folder/megabyte"
}

check_tools() {
  local tool
  for tool in python3 curl; do
    if command -v "$tool" >/dev/null; then
      found PASS "$tool" 'is here for workflow tools'
    else
      found WARN "$tool" 'is missing; workflow tools may want it' "bring $tool in a container"
    fi
  done
  if [[ ${CONF[CONTAINERS]} == auto && -z $(find_containers) ]]; then
    found WARN containers 'there is no apptainer and no singularity here' \
      'jobs in containers go elsewhere; ask the administrator, or set CONTAINERS to no'
  fi
  if unshare --user true 2>/dev/null; then
    found PASS user-namespaces 'can be made'
  else
    found WARN user-namespaces 'cannot be made here' \
      'containers need a setuid apptainer; ask the administrator'
  fi
}

# find_containers: prints the container runtime to use; nothing if there is none. Where the one that
# the system is known by has gone, any other will do.
find_containers() {
  local named=${CONF[CONTAINERS]} program
  case $named in
    no) return 0 ;;
    auto) named='' ;;
  esac
  if [[ -z $named || -z ${CONF[CONTAINER_SETUP]-} ]]; then
    for program in ${named:+"$named"} apptainer singularity; do
      command -v "$program" && return 0
    done
  fi
  echo "$named"
}

# container_images: makes in $1 what HTCondor tries container runtimes with, since few runtimes bring
# it: a folder, and an image file, that hold /exit_37, a program of three instructions for x86_64.
container_images() {
  [[ ! -e $1/exit_37 && $HOSTTYPE == x86_64 ]] || return 0
  base64 -d <<<"$EXIT_37" | gzip -dc >"$1/exit_37"
  base64 -d <<<"$EXIT_37_IMAGE" | gzip -dc >"$1.img"
  chmod 755 "$1/exit_37"
}

# check_containers: runs a program in a container made of this host's own folders. Its last line
# names the runtime that works.
check_containers() {
  local program image=$WORK/checks/image said folder binds=()
  program=$(find_containers)
  [[ -n $program ]] || return 0
  for folder in /bin /lib /lib64 /usr; do
    [[ ! -d $folder ]] || { mkdir -p "$image$folder" && binds+=(--bind "$folder"); }
  done
  mkdir -p "$image"/{proc,sys,dev,tmp,etc}
  container_script "$program" >"$WORK/container" && chmod 755 "$WORK/container"
  if said=$(timeout -k 1 20 "$WORK/container" exec --contain "${binds[@]}" "$image" /bin/echo works 2>&1) &&
    [[ $said == *works ]]; then
    container_images "$image"
    said='folders only'
    timeout -k 1 20 "$WORK/container" exec --contain "$image.img" /exit_37 >/dev/null 2>&1 ||
      [[ $? != 37 ]] || said='folders and image files'
    found PASS containers "${program##*/} ran a program: $said"
    printf '%s\n%s\n' "$program" "$said" >"$WORK/checks/container"
  else
    found WARN containers "$program does not run here: ${said:(-120)}" \
      'jobs in containers go elsewhere; ask the administrator'
  fi
  : >"$WORK/checks/containers.done"
}

# take_containers: once the container check has ended, prints it and sets CONTAINER. Slow runtimes
# are waited for beside the work: the slot then learns of them by a reconfiguration.
take_containers() {
  [[ $CONTAINER == '?' && -e $WORK/checks/containers.done ]] || return 1
  CONTAINER=''
  [[ ! -r $WORK/checks/container ]] ||
    { read -r CONTAINER && read -r IMAGES; } <"$WORK/checks/container" || :
  print_checks containers
}

check_gpus() {
  local said program=$LIBEXEC/condor_gpu_discovery list='' count=0
  [[ $GPU_COUNT != 0 ]] || return 0
  [[ -x $program ]] || program=$CONDOR/bin/condor_gpu_discovery
  said=$(timeout -k 1 10 "$program" -extra 2>/dev/null) || said=''
  if [[ $said =~ DetectedGPUs=\"([^\"]+)\" ]]; then
    list=${BASH_REMATCH[1]//[^,]/}
    count=$((${#list} + 1)) list=${BASH_REMATCH[1]}
  fi
  # The startd takes no slot of more than it finds, so asking for more would never join.
  if [[ -n ${CONF[GPUS]-} ]] && ((CONF[GPUS] > count)); then
    found FAIL gpus "${CONF[GPUS]} were asked for, $count are found" \
      'ask for fewer, or check the driver with nvidia-smi' resources
  elif ((count > 0)); then
    found PASS gpus "$list"
  elif [[ -n $GPU_COUNT ]]; then
    found WARN gpus "$GPU_COUNT were given, none is found" 'check the driver with nvidia-smi'
  else
    found PASS gpus 'none'
  fi
}

# run_checks: starts every check at once, waits for all, prints their lines in a fixed order.
run_checks() {
  local check since
  uptime && since=$UPTIME
  for check in start tcp ping pool scratch tools gpus; do
    GLIDEIN_PILOT=$WORK "check_$check" >"$WORK/checks/$check" 2>/dev/null </dev/null &
    CHECKS+=($!)
  done
  CONTAINER=''
  if [[ -n $(find_containers) ]]; then
    CONTAINER='?'
    GLIDEIN_PILOT=$WORK check_containers >"$WORK/checks/containers" 2>/dev/null </dev/null {NAP}<&- {OUT}>&- &
  fi
  for check in "${CHECKS[@]}"; do wait_for "$check" || :; done
  CHECKS=()
  print_checks start tcp ping pool scratch tools gpus
  for check in 1 2 3 4 5; do
    [[ $CONTAINER == '?' ]] || break
    take_containers || nap 0.1
  done
  phase checks "$since"
}

# wait_for PID: waits for a child, but no longer than until a signal tells us to leave; returns the
# child's code.
wait_for() {
  local code=0
  # A signal between looking and waiting would be slept over, so its handler ends the pilot itself.
  EARLY=1
  ((SIGNALS == 0)) || give_up told "$TOO_EARLY"
  while :; do
    code=0
    wait "$1" 2>/dev/null || code=$?
    kill -0 "$1" 2>/dev/null || break
  done
  EARLY=''
  return $code
}

print_checks() {
  local check verdict subject message remedy reason failed='' why=''
  for check in "$@"; do
    while IFS=$'\t' read -r verdict subject message remedy reason; do
      # What fails only because there is no connection says nothing new.
      [[ -z $failed || $verdict != FAIL ]] || continue
      [[ $remedy != - ]] || remedy=''
      verdict "$verdict" "$subject" "$message" "$remedy"
      [[ $verdict == FAIL ]] && failed=$reason why=$subject:\ $message
    done <"$WORK/checks/$check"
  done
  [[ -z $failed ]] || give_up "$failed" "$why"
}

# --- daemons -------------------------------------------------------------------------------------

start_daemons() {
  local lead=()
  case ${GLIDEIN_HIDES-} in
    2) lead=("${TIED[@]}" "${CAGE[@]}" "${PLAIN[@]}") ;;
    1) lead=("${TIED[@]}" "${PLAIN[@]}") ;;
    *) ! "${TIED[@]}" true 2>/dev/null || lead=("${TIED[@]}") ;;
  esac
  CONDOR_CONFIG=$WORK/condor_config GLIDEIN_PILOT=$WORK \
    "${lead[@]}" "$CONDOR/sbin/condor_master" -f </dev/null >"$WORK/log/master.out" 2>&1 \
    {NAP}<&- {OUT}>&- &
  MASTER=$! OUTER=$!
  [[ ${GLIDEIN_HIDES-} == 2 ]] || return 0
  inner_master
}

# inner_master: sets MASTER to the master itself, which signals are for: the child of the program
# that made its PID namespace. Where that ends early, whoever waits for the pool sees it.
inner_master() {
  local until=$((SECONDS + 6)) # whole seconds: at least five
  CHILD=''
  while ((SECONDS < until)); do
    birth "$OUTER" || return 0
    ! child_of "$OUTER" || break
    nap 0.05
  done
  [[ -n $CHILD ]] || give_up daemons "HTCondor's master did not start within 5 s"
  MASTER=$CHILD
}

# child_of PID: sets CHILD to a process that the other started. Not each kernel lists children.
child_of() {
  local file stat
  CHILD=''
  for file in /proc/[0-9]*/stat; do
    read -r stat 2>/dev/null <"$file" || continue
    stat=${stat##*) }
    stat=${stat#* }
    [[ ${stat%% *} == "$1" ]] || continue
    file=${file%/stat}
    CHILD=${file#/proc/}
    return 0
  done
  return 1
}

# start_watchdog: a process of its own that ends everything when the pilot is killed or past its
# end, whatever HTCondor, the network and the pool do.
start_watchdog() {
  local pilot=$$ born
  birth $$ && born=$BIRTH
  set -m
  watch "$pilot" "$born" &
  WATCHDOG=$!
  disown "$WATCHDOG"
  set +m
}

watch() {
  trap '' INT TERM HUP
  trap - EXIT
  TOKEN=''
  while birth "$1" && [[ $BIRTH == "$2" ]]; do
    epoch
    if ((NOW >= DEADLINE)); then
      kill_marked "$WORK"
      if ((NOW >= DEADLINE + 10)); then
        kill -9 "$1" 2>/dev/null || :
        REASON=dead-man MESSAGE='the pilot did not end in its time'
        break
      fi
    fi
    nap 1
  done
  : "${REASON:=killed}" "${MESSAGE:=pilot.sh was killed}"
  kill_marked "$WORK" "${GLIDEIN_STAGE-}"
  recall
  sweep_own
  report
}

# note: writes down what a report tells, for the watchdog, which has to make it if we cannot.
note() {
  local key
  {
    for key in VERSION HIDDEN FETCHED JOBS BUSY_CORE_S JOINED_AT CPUS MEMORY GPU_COUNT; do
      echo "$key ${!key-}"
    done
    for key in "${!PHASE[@]}"; do echo "PHASE $key ${PHASE[$key]}"; done
    for key in "${!SINCE[@]}"; do
      echo "SINCE $key ${SINCE[$key]}"
      echo "CORES $key ${CORES[$key]:-1}"
    done
  } 2>/dev/null >"$WORK/counters.new" && mv -f "$WORK/counters.new" "$WORK/counters" || :
}

# recall: takes in what note wrote. A job of the same user could write there too: only plain
# numbers and words are taken.
recall() {
  local line slot number='(0|[1-9][0-9]{0,14})'
  local counts='FETCHED|JOBS|BUSY_CORE_S|JOINED_AT|CPUS|MEMORY|GPU_COUNT'
  [[ -r $WORK/counters ]] || return 0
  while IFS= read -r line; do
    if [[ $line =~ ^($counts)\ $number$ || $line =~ ^(HIDDEN)\ (true|false)$ ||
      $line =~ ^(VERSION)\ ([A-Za-z0-9.]{1,30})$ ]]; then
      printf -v "${BASH_REMATCH[1]}" '%s' "${BASH_REMATCH[2]}"
    elif [[ $line =~ ^PHASE\ ([a-z]+)\ ($number\.[0-9]{2})$ ]]; then
      PHASE[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    elif [[ $line =~ ^SINCE\ (slot[0-9_]+)\ $number$ ]]; then
      SINCE[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    elif [[ $line =~ ^CORES\ (slot[0-9_]+)\ ([1-9][0-9]{0,4})$ ]]; then
      CORES[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    fi
  done <"$WORK/counters"
  for slot in "${!SINCE[@]}"; do slot_changes "$slot" '-> Gone'; done
}

# --- the life of the pilot -----------------------------------------------------------------------

declare -A CORES=() SINCE=()
BUSY=0 HALF='' DRAINED=0

# read_log: takes in what the startd wrote since; sets BUSY, JOBS and the core-seconds.
read_log() {
  local line
  while IFS= read -r line <&"$LOG_FD" || { HALF+=$line && false; }; do
    line=$HALF$line HALF=''
    [[ $line != *'slot1: '*'-> Drained'* ]] || DRAINED=1
    # A new slot tells its size; one of less than a core counts as one.
    if [[ $line =~ (slot[0-9_]+):[[:space:]]+Cpus:\ ([0-9]{1,5})[.,] ]]; then
      CORES[${BASH_REMATCH[1]}]=$((10#${BASH_REMATCH[2]} > 0 ? 10#${BASH_REMATCH[2]} : 1))
    fi
    [[ $line =~ (slot[0-9_]+).*Changing\ .*activity:\ ?(.*)$ ||
      $line =~ (slot[0-9_]+)(.*Changing\ state\ and\ activity.*)$ ]] || continue
    slot_changes "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  done
  # HTCondor moves a log that has grown long out of the way.
  if [[ -e $WORK/log/StartLog && ! $WORK/log/StartLog -ef /dev/fd/$LOG_FD ]]; then
    exec {LOG_FD}<&-
    exec {LOG_FD}<"$WORK/log/StartLog"
  fi
}

# slot_changes SLOT CHANGE: CHANGE ends in "-> Busy", "-> Claimed/Idle" and so on.
slot_changes() {
  epoch
  case $2 in
    *'-> Busy' | *'/Busy')
      [[ -z ${SINCE[$1]-} ]] || return 0
      SINCE[$1]=$NOW JOBS=$((JOBS + 1)) BUSY=$((BUSY + 1))
      ;;
    *Retiring) ;; # the job goes on, to its end or to the end of its time
    *)
      [[ -n ${SINCE[$1]-} ]] || return 0
      BUSY_CORE_S=$((BUSY_CORE_S + (NOW - SINCE[$1]) * ${CORES[$1]:-1})) BUSY=$((BUSY - 1))
      unset "SINCE[$1]"
      ;;
  esac
  note
}

# in_pool: whether the collector shows our slot.
in_pool() {
  if [[ -e $WORK/checks/unreadable ]]; then
    # The token may not read: what the pool takes from us has to do.
    grep -q 'Initial update sent' "$WORK/log/StartLog" &&
      timeout -k 1 10 condor_ping -type COLLECTOR ADVERTISE_STARTD >/dev/null 2>&1
    return
  fi
  [[ -n $(timeout -k 1 10 condor_status -limit 1 -af Name -constraint \
    "GlideinRequest =?= \"${CONF[REQUEST_ID]}\" && GlideinPilot =?= ${CONF[PILOT_INDEX]} &&
     GlideinRestart =?= ${CONF[PILOT_RESTART]}" 2>/dev/null) ]]
}

# announced SINCE: whether HTCondor says that it told the pool of its slot; in doubt, after 10 s. To ask
# the pool before is in vain, and many pilots that start at once would ask it many times.
announced() {
  [[ -e $WORK/log/StartLog ]] || return 1
  grep -q 'Initial update sent' "$WORK/log/StartLog" || ((UPTIME - $1 > 1000))
}

wait_to_join() {
  local since patience
  uptime && since=$UPTIME
  patience=$((since + JOIN_WAIT * 100))
  until announced "$since" && in_pool; do
    uptime
    daemons_live
    ((SIGNALS == 0)) || { leave told "$TOO_EARLY" && return 0; }
    if ((UPTIME > patience)); then
      tell_logs
      leave never-joined "the pool did not show it within $JOIN_WAIT s"
      return 0
    fi
    nap 0.1
  done
  epoch
  JOINED_AT=$NOW
  phase join "$since"
  state joined
}

daemons_live() {
  birth "$MASTER" && return 0
  tell_logs
  give_up daemons "HTCondor's master ended"
}

# tell_logs: prints the lines of HTCondor's logs that tell what went wrong.
tell_logs() {
  local log line
  for log in "$WORK"/log/{master.out,MasterLog,StartLog,SharedPortLog}; do
    [[ -r $log ]] || continue
    while IFS= read -r line; do
      say INFO "${log##*/}: ${line:0:300}"
    done < <(grep -E 'ERROR|[Ff]ailed|denied|DENIED|cannot|EXCEPT' "$log" | tail -n 4)
  done
}

live() {
  local idle_since pool_seen looking='' every
  exec {LOG_FD}<"$WORK/log/StartLog"
  epoch
  idle_since=$NOW pool_seen=$NOW
  every=$((CONF[LOST_WAIT] / 5 < 120 ? CONF[LOST_WAIT] / 5 + 1 : 120))
  local next_look=$((NOW + every))
  while [[ -z $REASON ]]; do
    read_log
    epoch
    if ((BUSY > 0)); then
      state busy
      idle_since=$NOW
    else
      state idle
      ((NOW - idle_since < CONF[IDLE])) || leave idle "no job for ${CONF[IDLE]} s"
    fi
    ((NOW < RETIRE_AT)) || leave lifetime 'its life is over'
    ((SIGNALS == 0)) || leave told 'a signal told it to leave'
    ((DRAINED == 0 || BUSY > 0)) || leave told 'the pool drained it'
    birth "$MASTER" || master_ended
    ! take_containers || reconfigure
    if [[ -n $looking ]] && ! kill -0 "$looking" 2>/dev/null; then
      if wait "$looking"; then pool_seen=$NOW; fi
      looking='' next_look=$((NOW + every))
    elif [[ -z $looking ]] && ((NOW >= next_look)); then
      GLIDEIN_PILOT=$WORK in_pool &
      looking=$!
    fi
    ((NOW - pool_seen < CONF[LOST_WAIT])) || leave pool-lost 'the pool was away for too long'
    [[ -n $REASON ]] || nap 0.5
  done
}

master_ended() {
  local code=0
  wait "$OUTER" || code=$?
  MASTER=''
  if ((code == 0)); then
    leave told 'the pool told it to leave'
  else
    tell_logs
    leave daemons "HTCondor's master ended with $code"
  fi
}

# leave REASON MESSAGE: notes why the pilot ends; the first reason stands.
leave() { [[ -n $REASON ]] || REASON=$1 MESSAGE=$2; }

# drain: takes no new job, lets running ones go on for the time there is, then ends the daemons.
drain() {
  # The first signal asks to drain; any further one, already there or yet to come, ends that.
  local until signals=$((SIGNALS > 0 ? 1 : 0))
  state draining
  epoch
  until=$((NOW + CONF[GRACE]))
  [[ $REASON != lifetime && $REASON != pool-lost ]] || until=$((DEADLINE - 15))
  ((until <= DEADLINE - 10)) || until=$((DEADLINE - 10))
  if [[ -n $MASTER && -n ${LOG_FD-} ]]; then
    DRAINING=True
    reconfigure
    nap 0.2
    read_log
  fi
  while [[ -n $MASTER ]] && ((BUSY > 0 && NOW < until)) && birth "$MASTER"; do
    nap 0.5
    read_log
    epoch
    ((SIGNALS == signals)) || break
  done
}

# end_daemons: asks HTCondor to end, then makes it.
end_daemons() {
  local wait_s=6 code=0 killed=0 signal round
  [[ -n $MASTER ]] || return 0
  for signal in TERM QUIT; do
    kill -"$signal" "$MASTER" 2>/dev/null || :
    for ((round = 0; round < wait_s * 20; round++)); do
      birth "$MASTER" || break 2
      nap 0.05
    done
  done
  [[ -z ${LOG_FD-} ]] || read_log
  if birth "$MASTER" && kill -9 "$MASTER" 2>/dev/null; then killed=1; fi
  wait "$OUTER" 2>/dev/null || code=$?
  epoch
  # Killed here, or by the watchdog at the very end. The program that made the PID namespace cannot
  # end by SIGKILL as the master inside did: it ends with 1.
  if ((killed || code == 137 || (code == 1 && NOW >= DEADLINE))) && [[ $REASON == lifetime ]]; then
    REASON=dead-man MESSAGE='the daemons did not end when they had to'
  fi
  MASTER=''
}

# --- the end -------------------------------------------------------------------------------------

sweep_own() {
  [[ -n $WORK && -d $WORK ]] || return 0
  [[ -z ${GLIDEIN_HIDES-} ]] || umount -l "$SECRET" 2>/dev/null || :
  remove_place "$PLACE"
}

on_exit() {
  local code=$? slot
  trap - EXIT
  trap '' INT TERM HUP
  # An error inside of a redirection brings us here with that as standard output.
  [[ -z ${OUT-} ]] || exec 1>&"$OUT" || :
  if [[ -z $REASON ]]; then
    REASON=internal MESSAGE="pilot.sh stopped on an error of its own ($code)"
  fi
  # Where the pilot ended before it took the token in, nobody else will remove it.
  [[ ${CONF[TOKEN_REMOVE]:-0} != 1 || -z ${CONF[TOKEN_FILE]-} ]] || rm -f -- "${CONF[TOKEN_FILE]}"
  if [[ -n $WORK ]]; then
    # Bash would say "Killed" of each that it still counts among its own.
    ((${#CHECKS[@]} == 0)) || { disown "${CHECKS[@]}" && kill -9 "${CHECKS[@]}"; } 2>/dev/null || :
    end_daemons
    for slot in "${!SINCE[@]}"; do slot_changes "$slot" '-> Gone'; done
    kill_marked "$WORK" "${GLIDEIN_STAGE-}"
    [[ -z $WATCHDOG ]] || kill -9 "$WATCHDOG" 2>/dev/null || :
    sweep_own
  fi
  report
  exit "${EXIT_CODE[$REASON]}"
}

on_signal() {
  SIGNALS=$((SIGNALS + 1))
  [[ -z ${EARLY-} ]] || give_up told "$TOO_EARLY"
}

begin() {
  local stage=${GLIDEIN_STAGE-}
  if [[ -z $stage ]]; then
    PATH="${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
  fi
  export PATH
  epoch && STARTED=$NOW
  uptime && BEGAN=$UPTIME
  SELF=${BASH_SOURCE[0]}
  [[ $SELF == */* ]] || SELF=./$SELF
  HOST=$(uname -n)
  HOST=${HOST//[^A-Za-z0-9.-]/-}
  [[ -z $stage ]] || read -r STARTED BEGAN _ <<<"$stage"
  umask 077
  if [[ -z $stage ]]; then
    # Until it is started anew nothing runs that could hear of a signal: it ends at once. Before the
    # other trap: a signal that kills us with only that one set would be told as an error of our own.
    EARLY=1
    trap on_signal INT TERM HUP
  fi
  trap on_exit EXIT
}

main() {
  set -euo pipefail
  begin
  read_options "$@"
  [[ -n ${GLIDEIN_STAGE-} ]] || relaunch
  trap on_signal INT TERM HUP
  exec {NAP}<> <(:) {OUT}>&1
  apply_options
  check_numbers
  fill_in
  check_values
  ((UID)) || refuse "a pilot does not run as root, nor do the jobs of others: start it as an\
 ordinary user, with setpriv or su"
  remote_owners
  state starting
  claim_name
  read_token
  inspect_token
  default OWNERS "${SUBJECT%%@*}"
  owners_clause
  uptime
  OOM_BEFORE=$(oom_kills 2>/dev/null) || :
  make_folder
  start_watchdog
  sweep_all
  hide_token
  note
  find_runtime
  size_up
  note
  resolve_pool
  client_config >"$WORK/condor_config"
  export CONDOR_CONFIG=$WORK/condor_config
  run_checks
  FREE_MB=$(df -Pk "$WORK" | awk 'NR == 2 {print int($4 / 1024)}')
  write_config
  start_daemons
  wait_to_join
  [[ -n $REASON ]] || live
  drain
  end_daemons
  exit "${EXIT_CODE[$REASON]}"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
