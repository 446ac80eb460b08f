# Words shared by lab/demo, lab/test and the scripts under lab/topologies and lab/tests. To be sourced: it runs nothing.
#
# A *host* is a network namespace svs-RUN-NAME, RUN being unique to this run; a *wire* is a bridge in a namespace of
# its own. Everything else (server files, logs, the control socket) lies in the folder $scratch.
#
#   n rs1 ip route        runs a command in the host rs1 and shows what it runs
#   q rs1 ip route        the same, silently
#   start rs1 echo cmd…   leaves cmd running in rs1 under the label "echo": its log is $scratch/echo.log
#   wait_for 5 "…" cmd…   returns as soon as cmd succeeds; nothing here sleeps a while and hopes
#   check "…" cmd…        one judged sentence: "ok: …" or "not ok: …"

set -u -o pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$lab")
failures=0
exec 3>&1 # what is shown while a function's own output is being collected

source "$lab/needs.sh"

# ---- words ----

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' plain=$'\e[0m' red=$'\e[31m' green=$'\e[32m'
else bold='' plain='' red='' green=''; fi

say() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }

# refuse TEXT: the run cannot start; exit status 2 as everywhere in SVS.
refuse() { printf '%s: %s\n' "lab/$(basename "$0")" "$*" >&2; exit 2; }

colour_of() {
  [[ -n $plain ]] || return 0
  case $1 in
    client*) printf '\e[36m' ;; director) printf '\e[35m' ;; rs1) printf '\e[32m' ;; rs2) printf '\e[33m' ;; *) printf '\e[34m' ;;
  esac
}

n() { printf '%s[%s]%s $ %s\n' "$(colour_of "$1")" "$1" "$plain" "${*:2}"; q "$@"; }
q() { ip netns exec "svs-$run-$1" "${@:2}"; }

check() {
  local sentence=$1; shift
  if "$@"; then printf '%sok:%s %s\n' "$green" "$plain" "$sentence"
  else printf '%snot ok:%s %s\n' "$red" "$plain" "$sentence"; failures=$((failures + 1)); fi
}

same() { [[ $1 == "$2" ]] || { printf '  expected %s\n  but got  %s\n' "$2" "$1"; return 1; }; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local limit=$1 what=$2 began=${EPOCHREALTIME/[.,]/}; shift 2
  until "$@"; do
    (( ${EPOCHREALTIME/[.,]/} - began < limit * 1000000 )) || { printf '  waited %s s in vain for %s\n' "$limit" "$what"; return 1; }
    sleep 0.05
  done
}

# ---- before and after ----

# open_lab: a scratch folder and a name for this run, both removed again by close_lab when the script ends.
open_lab() {
  run=$$
  while compgen -G "/run/netns/svs-$run-*" >/dev/null; do run=$$x$RANDOM; done
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/svs-lab.XXXXXX")
  mkdir "$scratch/bin"
  if [[ -z ${SVS_IO_THREADS:-} ]]; then ln -s "$svs" "$scratch/bin/svs"
  else
    printf '#!/bin/bash\n[[ $1 != run ]] || set -- run --io-threads %q "${@:2}"\nexec %q "$@"\n' "$SVS_IO_THREADS" "$svs" >"$scratch/bin/svs"
    chmod +x "$scratch/bin/svs"
  fi
  enter_lab
  touch "$scratch/hosts"
  trap 'status=$?; nothing_refused || status=1; close_lab; exit $status' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# enter_lab: `svs` in the PATH is the one of this run, and `svs adm` speaks to the director of this run.
enter_lab() { export PATH=$scratch/bin:$PATH SVS_CONTROL=$scratch/control; }

# note_refused LOG...: keeps what a director was refused, before its log is that of another one.
note_refused() { grep -hs '^svs: refused: ' "$@" >>"$scratch/refused"; }

# nothing_refused: a director that works asks the kernel for nothing that its filter forbids (docs/security.md).
nothing_refused() {
  local lines
  note_refused "$scratch"/*.log
  lines=$(sort "$scratch/refused" | uniq -c)
  [[ -n $lines ]] || return 0
  check "no director was refused a system call" same "$lines" ""
  return 1
}

# close_lab: ends what runs in the hosts of this run (and nothing else), then removes them.
close_lab() {
  local host pids
  trap - EXIT
  while read -r host; do
    pids=$(ip netns pids "svs-$run-$host" 2>/dev/null)
    [[ -z $pids ]] || kill $pids 2>/dev/null
  done <"$scratch/hosts"
  while read -r host; do
    wait_for 3 "the processes of $host to end" idle "$host" >/dev/null ||
      ip netns pids "svs-$run-$host" 2>/dev/null | xargs -r kill -9 2>/dev/null
    ip netns del "svs-$run-$host" 2>/dev/null
  done <"$scratch/hosts"
  rm -rf "$scratch" ${state_folder:+"$state_folder"}
}

idle() { [[ -z $(ip netns pids "svs-$run-$1" 2>/dev/null) ]]; }

# ---- hosts and wires ----

host() {
  local name
  for name; do
    ip netns add "svs-$run-$name" || exit 1
    echo "$name" >>"$scratch/hosts"
    q "$name" sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.{all,default}.{rp_filter,arp_ignore,arp_announce}=0 \
      net.ipv6.conf.{all,default}.accept_dad=0 net.ipv6.conf.default.accept_ra=0
    ip -n "svs-$run-$name" link set lo up
  done
}

router() { host "$@"; local name; for name; do q "$name" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done; }

wire() { host "$1"; ip -n "svs-$run-$1" link add br0 type bridge; ip -n "svs-$run-$1" link set br0 up; }

# plug HOST INTERFACE WIRE MAC [ADDRESS...]
plug() {
  local name=$1 interface=$2 wire=$3 mac=$4; shift 4
  ip link add "$interface" netns "svs-$run-$name" address "$mac" type veth peer name "$name-$interface" netns "svs-$run-$wire" || exit 1
  ip -n "svs-$run-$wire" link set "$name-$interface" master br0 up
  ip -n "svs-$run-$name" link set "$interface" up
  address "$name" "$interface" "$@"
}

address() {
  local name=$1 interface=$2 one; shift 2
  for one; do ip -n "svs-$run-$name" address add "$one" dev "$interface" $([[ $one == *:* ]] && echo nodad); done
}

route() { ip -n "svs-$run-$1" route add "${@:2}"; }

# own_quietly HOST VIP...: the address is the host's own, yet it neither answers ARP for it nor asks ARP in its name.
own_quietly() {
  local name=$1; shift
  q "$name" sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=2
  local vip; for vip; do address "$name" lo "$vip/$([[ $vip == *:* ]] && echo 128 || echo 32)"; done
}

# ---- processes ----

start() {
  local name=$1 label=$2; shift 2
  note_refused "$scratch/$label.log"
  # Now, not when the process has come so far: nobody shall read what one of the same label has said before.
  : >"$scratch/$label.log"
  # A session of its own: Ctrl-C reaches the script, which then cleans up; and it outlives "lab/demo up", whose output
  # it must not hold open.
  setsid ip netns exec "svs-$run-$name" "$@" >"$scratch/$label.log" 2>&1 </dev/null 3>&- &
  echo $! >"$scratch/$label.pid"
}

pid_of() { cat "$scratch/$1.pid"; }
alive() { kill -0 "$(pid_of "$1")" 2>/dev/null; }

# stop LABEL [SIGNAL]: ends it; the exit status is that of the process.
stop() { local pid; pid=$(pid_of "$1"); kill "-${2:-TERM}" "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; }

# web HOST [PORT...]: an nginx that says the host's name on /, offers files under /files/ and stores PUTs under /store/.
# PORT+proxy_protocol: there it expects a PROXY header, and /introduced says whom it named.
web() {
  local name=$1 dir=$scratch/$1 port listen=''; shift
  mkdir -p "$dir/store" "$scratch/files"
  for port in "${@:-80}"; do
    [[ $port == 443 ]] && { certificate; listen+="listen 443 ssl; listen [::]:443 ssl; "; continue; }
    listen+="listen ${port/+/ }; listen [::]:${port/+/ }; "
  done
  cat >"$dir/nginx.conf" <<NGINX
user root; worker_processes 1; daemon off; pid nginx.pid; error_log error.log;
events { worker_connections 2048; }
http {
  access_log off; default_type text/plain; keepalive_timeout 0; client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    $listen
    $([[ $listen == *ssl* ]] && echo "ssl_certificate $scratch/tls.crt; ssl_certificate_key $scratch/tls.key;")
    location = / { return 200 "$name\n"; }
    location = /peer { return 200 "\$remote_addr\n"; }
    location = /introduced { return 200 "\$proxy_protocol_addr:\$proxy_protocol_port\n"; }
    location /files/ { root $scratch; }
    location /store/ { root $dir; dav_methods PUT; }
  }
}
NGINX
  start "$name" "$name-web" nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"
  for port in "${@:-80}"; do wait_for 5 "nginx of $name on port $port" listening "$name" "${port%+*}" || { cat "$dir/error.log"; exit 1; }; done
}

certificate() {
  [[ -e $scratch/tls.crt ]] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=svs.lab \
    -keyout "$scratch/tls.key" -out "$scratch/tls.crt" 2>/dev/null
}

listening() { [[ -n $(q "$1" ss -Hltn "sport = :$2") ]]; }

# director [OPTION...]: svs run on the host "director" with $scratch/services; returns when it answers. What it knows ends with it,
# unless state_folder names where it is to be kept.
director() {
  start director svs svs run --services "$scratch/services" --control "$SVS_CONTROL" --state "${state_folder:-none}" "$@"
  wait_for 10 "svs to answer" answers_or_dead && alive svs || { echo "svs run $* did not start:"; cat "$scratch/svs.log"; exit 1; }
}
# owning: the option for a VIP that svs has instead of the host.
owning() { [[ -n ${vip_on_host:-} ]] || echo --own all; }
answers_or_dead() { adm -Ln >/dev/null 2>&1 || ! alive svs; }
adm() { q director svs adm "$@"; }

# ---- traffic ----

# ask COUNT URL [curl option...]: requests from $from (client), each on a connection of its own; one answer a line. After
# three unanswered ones in a row it gives up on the rest.
ask() {
  local times=''; (( $1 == 1 )) || times="   ($1 times)"
  printf '%s[%s]%s $ curl %s%s\n' "$(colour_of "${from:-client}")" "${from:-client}" "$plain" "${*:2}" "$times" >&3
  q "${from:-client}" bash -c 'for ((i = 0, silent = 0; i < $1; i++)); do
    if ((silent < 3)) && curl -gskS --max-time 4 "${@:3}" "$2" 2>/dev/null; then silent=0; else echo nobody; silent=$((silent + 1)); fi
  done' - "$@"
}

# counted CONNS [SERVICE]: whether --stats has come to that many connections (its counters follow every two seconds, as the kernel's).
counted() { [[ $(conns_of "${2:-$vip:80}") == "$1" ]]; }
conns_of() { adm -Ln --stats | awk -v service="$1" '$2 == service { print $3 }'; }

# tally: answers, one a line → "rs1=10 rs2=20".
tally() { sort | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd ' '; }

# tell "rs1=10 rs2=20" → rs1 answered 10 times, …
tell() { local one; for one in $1; do echo "  ${one%=*} answered ${one#*=} times"; done; }

# udp_echo HOST PORT ADDRESS...: a server that answers each datagram with the host's name and the datagram.
udp_echo() { udp_server echo "$@"; }
# udp_stray: the same, but its answers come from the port above.
udp_stray() { udp_server stray "$@"; }
udp_server() { start "$2" "$2-udp$3" /usr/bin/python3 "$lab/tools/udp" "$@"; wait_for 5 "the UDP server of $2" grep -qs ready "$scratch/$2-udp$3.log"; }

# numbers_to WAY: a UDP service on port 7, forwarded by dr, tun, nat or fullnat, whose server sends every datagram back.
numbers_to() {
  local server local_address=''
  case $1 in
    dr) udp_echo rs1 7 $vip; server="172.16.29.10:7 -g" ;;
    tun) udp_echo rs1 7 $vip; server="10.9.0.10:7 -i --tun-type ipip" ;;
    nat) udp_echo rs1 7007 192.168.95.2; server="192.168.95.2:7007 -m" ;;
    fullnat) udp_echo rs1 7007 10.3.0.10; server="10.3.0.10:7007 --fullnat" local_address='--local-address 10.1.0.5' ;;
  esac
  printf '%s\n' "-A -u $vip:7 -s rr $local_address" "-a -u $vip:7 -r $server" >>"$scratch/services"
}

# udp ask FROM TO PORT COUNT, udp burst FROM TO PORT COUNT SIZE: see lab/tools/udp; on $from (client), as all of these.
udp() { q "${from:-client}" /usr/bin/python3 "$lab/tools/udp" "$@"; }

# capture HOST LABEL INTERFACE FILTER [tcpdump option...]; captured LABEL ends it and prints the frames, one a line.
capture() {
  local name=$1 label=$2 interface=$3 filter=$4; shift 4
  start "$name" "$label" tcpdump -Z root -nn -e -U --immediate-mode -i "$interface" -w "$scratch/$label.pcap" "$@" "$filter"
  wait_for 5 "tcpdump on $name" grep -qs 'listening on' "$scratch/$label.log"
}
# Ended by a signal, tcpdump leaves unread what it has not come to; where nothing is left to read, it sleeps.
stop_capture() { wait_for 5 "tcpdump to come to an end" asleep "$1"; stop "$1"; }
asleep() { [[ $(cut -d ' ' -f 3 "/proc/$(pid_of "$1")/stat" 2>/dev/null) != [RD] ]]; }
captured() { stop_capture "$1" >&3; tcpdump -nn -e -r "$scratch/$1.pcap" 2>/dev/null; }

# upload URL HOST...: 50 MB to URL, equal to what one of the hosts has stored. download URL: the same back.
upload() {
  large
  q "${from:-client}" curl -gsS --connect-timeout 10 --max-time 60 -T "$scratch/files/large" "$1" || return 1
  local host
  for host in "${@:2}"; do
    [[ ! -e $scratch/$host/store/large ]] || { equal "$scratch/$host/store/large"; local status=$?; rm -f "$scratch/$host/store/large"; return $status; }
  done
  echo "  no server has stored it"; return 1
}
download() { large; q "${from:-client}" curl -gsS --connect-timeout 10 --max-time 60 -o "$scratch/back" "$1" && equal "$scratch/back"; }
large() { [[ -s $scratch/files/large ]] || head -c 50000000 /dev/urandom >"$scratch/files/large"; }
equal() { same "$(sha256sum <"$1")" "$(sha256sum <"$scratch/files/large")"; }

# noise: what the director's host stack itself has said so far: resets, and ICMP errors and redirects.
noise() {
  q director nstat -asz TcpOutRsts IcmpOutDestUnreachs IcmpOutTimeExcds IcmpOutRedirects Icmp6OutDestUnreachs Icmp6OutTimeExcds Icmp6OutRedirects |
    awk 'NR > 1 { print $1 "=" $2 }' | paste -sd ' '
}

# begin_test TOPOLOGY: what every script under lab/tests begins with.
begin_test() {
  need_root
  build_svs
  open_lab
  source "$lab/topologies/$1.sh"
}
