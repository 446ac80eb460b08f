# Two directors under an unmodified keepalived, which tell each other of their connections (direct routing).
#
#      client             d1 and d2                      rs1                rs2
#   172.16.29.1     172.16.29.3  172.16.29.5        172.16.29.10       172.16.29.20
#     fd00::1         fd00::3      fd00::5            fd00::10           fd00::20
#        |            VIP 172.16.29.4 and fd00::4    lo: VIP, silent    lo: VIP, silent
#        |            with whom VRRP makes master       |                  |
#   -----+---------------+------------+-----------------+------------------+-----  one wire
#                    sync0 |          | sync0
#                       ---+----------+---  a wire of their own
#
#   keepalived   VRRP between the directors, HTTP_GET (IPv4) and TCP_CHECK (IPv6) for the servers, lvs_sync_daemon on sync0;
#                it speaks to svs through the preload library and believes svs to be the kernel
#   one dies     loses its power (every process by kill -9, its cables at the same moment), or the cable of eth0 alone
#   it returns   as the backup (nopreempt), and hears of what is under way

source "$lab/pair.sh"
vip=172.16.29.4 vip6=fd00::4
interval=${interval:-1} # seconds between adverts
downloads=20
declare -gA mac_of=([client]=02:00:00:00:00:01 [d1]=02:00:00:00:00:03 [d2]=02:00:00:00:00:05 [rs1]=02:00:00:00:00:10 [rs2]=02:00:00:00:00:20)
declare -gA priority_of=([d1]=110 [d2]=100)

http_get='weight 1
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      connect_timeout 1
      retry 1
      delay_before_retry 1
    }'
tcp_check='weight 1
    TCP_CHECK {
      connect_timeout 1
      retry 1
      delay_before_retry 1
    }'

topology_build() {
  local number
  wire wire
  wire between
  host client d1 d2 rs1 rs2
  plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24 fd00::1/64
  # A client's buffer must not swallow what is on its way for seconds.
  q client sysctl -qw net.ipv4.tcp_rmem="4096 65536 65536"
  for number in 1 2; do
    plug d$number eth0 wire "${mac_of[d$number]}" 172.16.29.$((2 * number + 1))/24 fd00::$((2 * number + 1))/64
    plug d$number sync0 between 02:00:00:00:01:0$number 10.9.9.$number/24
    plug rs$number eth0 wire "${mac_of[rs$number]}" 172.16.29.${number}0/24 fd00::${number}0/64
    own_quietly rs$number $vip $vip6
    web rs$number
    q d$number sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1
    configure d$number
  done
  : >"$scratch/services" # keepalived brings them
}

# configure DIRECTOR: its keepalived.conf.
configure() {
  cat >"$scratch/$1.conf" <<CONF
global_defs {
  router_id $1
  vrrp_version 3
  lvs_sync_daemon sync0 lab id 29
  script_user root
}
vrrp_script director {
  script "$svs status --control $scratch/$1.control"
  interval 1
  timeout 2
  fall 2
  rise 2
}
vrrp_instance lab {
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 29
  priority ${priority_of[$1]}
  advert_int $interval
  track_script {
    director
  }
  virtual_ipaddress {
    $vip/32 dev eth0
  }
  virtual_ipaddress_excluded {
    $vip6/128 dev eth0
  }
}
$(virtual_server $vip 1 "$http_get" 172.16.29.10 172.16.29.20)
$(virtual_server $vip6 1 "$tcp_check" fd00::10 fd00::20)
CONF
}

topology_start() {
  preload_library
  capture wire seen br0 "vrrp or arp or icmp6 or host $vip or host $vip6" -B 16384 -s 128
  local name
  : >"$scratch/changes"
  for name in d1 d2; do power_on $name; done
  wait_for 20 "a master" has_addresses d1 || has_addresses d2 || exit 1
  if has_addresses d1; then master=d1 backup=d2; else master=d2 backup=d1; fi
  start client asking /usr/bin/python3 "$lab/tools/mastership" ask 80 $vip $vip6
  for name in d1 d2; do check "keepalived fills $name" wait_for 20 "four servers" has_routes $name 4; done
  check "lvs_sync_daemon has started the daemons" wait_for 10 "both" daemons_are
  check "the client is answered" wait_for 10 "an answer" answered_since 0
}

topology_play() {
  echo "client curl http://$vip/"
  echo "d1 ip address show dev eth0"
  echo "d2 svs adm --control $scratch/d2.control -Lnc"
}

# ---- deaths and returns ----

power_on() {
  svs_on "$1" --services "$scratch/services"
  keepalived_on "$1"
}
# Cables first: a machine without power does not reset connections any more.
power_off() {
  cable_out "$1"
  q between ip link set "$1-sync0" down
  disown "$(pid_of "$1-svs")" "$(pid_of "$1-keepalived")"
  ip netns pids "svs-$run-$1" | xargs -r kill -9
  wait_for 10 "everything on $1 to be dead" idle "$1"
}
boot() {
  ip -n "svs-$run-$1" address del $vip/32 dev eth0 2>/dev/null
  ip -n "svs-$run-$1" address del $vip6/128 dev eth0 2>/dev/null
  rm -f "$scratch/$1.control" "$scratch/$1"*.pid
  q between ip link set "$1-sync0" up
  cable_in "$1"
  power_on "$1"
}
cable_out() { q wire ip link set "$1-eth0" down; died=$(now); }
cable_in() { q wire ip link set "$1-eth0" up; }

daemons_are() { [[ $(daemons_of $master) == master* && $(daemons_of $backup) == backup* ]]; }
daemons_of() { adm_of "$1" -L --daemon 2>/dev/null; }
hears() { has_routes "$1" 4 && [[ $(daemons_of "$1") == backup* ]]; }

# ---- what is seen ----

now() { echo "${EPOCHREALTIME/,/.}"; }
# first_answer TIME: when the first request that began after it was answered, in seconds behind it.
first_answer() { awk -v since="$1" '$3 == 4 && $1 > since && $4 ~ /^rs/ { print $2 - since; exit }' "$scratch/asking.log"; }
answered_since() { [[ -n $(first_answer "$1") ]]; }
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }' || { printf '  expected at most %s s\n  but got          %s s\n' "$2" "$1"; return 1; }; }
# The longest that VRRP needs: three adverts that do not come, and the skew of the backup's priority; one second is ours.
longest() { awk -v i="$interval" -v p="${priority_of[$backup]}" 'BEGIN { print 3 * i + (256 - p) / 256 * i + 1 }'; }
# known HOST: downloads that a director knows as established.
known() {
  adm_of "$1" -Lnc 2>/dev/null | awk -v first="$ports" -v count="$downloads" -v virtual="$vip:80" \
    '$3 == "ESTABLISHED" && $5 == virtual { split($4, client, ":"); n += client[2] >= first && client[2] < first + count } END { print n + 0 }'
}
knows() { (( $(known "$1") >= $2 )); }
# servers_are COUNT: whether both directors have so many, of both families together.
servers_are() { has_routes $master "$1" && has_routes $backup "$1"; }

# begin_downloads SECONDS: $downloads of them, which take that long, from ports of their own.
ports=20000
begin_downloads() {
  ports=$((ports + downloads))
  head -c $(($1 * 100000)) /dev/urandom >"$scratch/files/part"
  rm -f "$scratch"/part[0-9]*
  start client downloads /usr/bin/python3 "$lab/tools/tcp" downloads $vip /files/part $ports $downloads "$1" "$scratch"
}
whole() {
  local one count=0
  for one in "$scratch"/part[0-9]*; do cmp -s "$one" "$scratch/files/part" && count=$((count + 1)); done
  echo $count
}

# takeover HOW BACK: the master dies, the backup takes over under running downloads, the dead one returns.
takeover() {
  local die=$1 back=$2 died took
  begin_downloads 9
  check "$master dies ($die): $backup has heard of all $downloads downloads" wait_for 15 "them" knows $backup $downloads
  $die $master
  echo "$died $backup $master dies ($die)" >>"$scratch/changes"
  check "  $backup has the addresses" wait_for 15 "them" has_addresses $backup
  wait_for 15 "an answer" answered_since "$died"
  took=$(first_answer "$died")
  check "  its first answer comes within $(longest) s: after ${took:-never} s" below "${took:-999}" "$(longest)"
  check "  the downloads end" wait_for 60 "their end" finished
  check "  $downloads of $downloads are whole" same "$(whole)" $downloads
  $back $master
  if [[ $master == d1 ]]; then master=d2 backup=d1; else master=d1 backup=d2; fi
  check "  $backup returns as the backup" wait_for 30 "four servers and the daemon" hears $backup
}
finished() { ! alive downloads; }

# svs_dies: nothing else of the master does.
svs_dies() {
  disown "$(pid_of $master-svs)"
  pkill -9 -P "$(pid_of $master-svs)" -f 'svs director'
  kill -9 "$(pid_of $master-svs)"
  echo "$(now) $backup svs of $master is killed" >>"$scratch/changes"
  check "svs of $master is killed: keepalived gives its addresses up" wait_for 15 "$backup to have them" has_addresses $backup
  check "  $backup answers" wait_for 10 "answers" answered_since "$(awk -v t="$(now)" 'BEGIN { printf "%.3f", t + 1.2 }')"
}

# judged: what was on the wire all along.
judged() {
  stop asking
  stop_capture seen
  check "nobody but the master ever answered for the addresses" /usr/bin/python3 "$lab/tools/mastership" judge "$scratch/seen.pcap" \
    "$scratch/asking.log" "$scratch/changes" "$interval" $vip $vip6 "d1=${mac_of[d1]}" "d2=${mac_of[d2]}"
  local name
  for name in d1 d2; do
    stop $name-keepalived
    wait_for 10 "keepalived of $name to end" no_keepalived $name
  done
}

topology_demo() {
  local began
  say "A server dies, and comes back"
  began=$(now)
  stop rs1-web
  check "keepalived takes rs1 out, on both" wait_for 15 "rs2 alone" servers_are 2
  check "rs2 answers all" same "$(ask 10 "http://$vip/" | tally)" rs2=10
  web rs1
  check "… and back in" wait_for 15 "both" servers_are 4
  check "both answer" same "$(ask 10 "http://$vip/" | sort -u | paste -sd ' ')" "rs1 rs2"
  view "$began"
  say "The master loses its power under $downloads downloads, and returns"
  began=$(now)
  takeover power_off boot
  view "$began"
  say "The cable of the master is pulled, and plugged in again"
  began=$(now)
  takeover cable_out cable_in
  view "$began"
  say "On the master svs alone is killed, and stays dead"
  began=$(now)
  svs_dies
  view "$began"
  judged
}

# view TIME: what a client saw since.
view() {
  echo "  What a client saw that asked twenty times a second, seconds from the beginning:"
  /usr/bin/python3 "$lab/tools/mastership" view "$scratch/asking.log" "$1"
}
