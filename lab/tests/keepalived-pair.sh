#!/usr/bin/env bash
# Two directors under an unmodified keepalived: VRRP gives one of them the virtual addresses, its checkers fill both through the
# preload library. The wire is watched: at any time exactly one answers for them and forwards, however the master changes.
# lab/tests/keepalived-pair.sh [CHANGES]: so many changes of master, 10 without a number; after ten they begin anew.

source "$(dirname "$(realpath "$0")")/../lib.sh"
source "$lab/pair.sh"
changes=${1:-10} interval=0.3
begin_test dr
preload_library
topology_build
: >"$scratch/services" # keepalived brings them
host backup
mac_of[backup]=02:00:00:00:00:05
plug backup eth0 wire "${mac_of[backup]}" 172.16.29.5/24 fd00::5/64
declare -A priority_of=([director]=110 [backup]=100)

tcp_check='TCP_CHECK {
      connect_timeout 3
      retry 20
      delay_before_retry 1
    }'

# configure HOST PRIORITY: its keepalived.conf. What stands in the file HOST.weight is added to the priority.
configure() {
  cat >"$scratch/$1.conf" <<CONF
global_defs {
  router_id $1
  vrrp_version 3
  vrrp_priority -20
}
vrrp_track_file weight {
  file $scratch/$1.weight
}
vrrp_instance lab {
  state BACKUP
  interface eth0
  virtual_router_id 29
  priority $2
  advert_int $interval
  track_file {
    weight weight 1
  }
  virtual_ipaddress {
    $vip/32 dev eth0
  }
  virtual_ipaddress_excluded {
    $vip6/128 dev eth0
  }
}
$(virtual_server $vip 2 "$tcp_check" 172.16.29.10 172.16.29.20)
$(virtual_server $vip6 2 "$tcp_check" fd00::10 fd00::20)
CONF
}

# -- the ways of a change --
terminate() { stop "$1-keepalived" TERM; wait_for 10 "keepalived of $1 to end" no_keepalived "$1"; }
murder() { stop "$1-keepalived" KILL; wait_for 10 "keepalived of $1 to end" no_keepalived "$1"; }
unplug() { q wire ip link set "$1-eth0" down; }
plug_in() { q wire ip link set "$1-eth0" up; }
link_down() { q "$1" ip link set eth0 down; }
link_up() { q "$1" ip link set eth0 up; }
weigh() { echo "$2" >"$scratch/$1.weight"; }
reload() { configure "$1" "$2"; kill -HUP "$(pid_of "$1-keepalived")"; }
ways=(
  "backup|keepalived ends by SIGTERM|terminate director"
  "director|it is started again|keepalived_on director"
  "backup|its cable is pulled|unplug director"
  "director|its cable is plugged in again|plug_in director"
  "backup|keepalived is killed|murder director"
  "director|it is started again|keepalived_on director"
  "backup|a tracked file lowers its priority|weigh director -50"
  "director|a reload raises its priority|reload director 180"
  "backup|its interface is set down|link_down director"
  "director|its interface is set up again|link_up director"
)

# answers: how many requests over IPv4 and over IPv6 were answered so far, and whether each is more than 20 above such numbers.
answers() { awk '$4 ~ /^rs/ { n[$3]++ } END { print n[4] + 0, n[6] + 0 }' "$scratch/asking.log"; }
more_than() { local now; read -ra now <<<"$(answers)"; (( now[0] > $1 + 20 && now[1] > $2 + 20 )); }

capture wire seen br0 "vrrp or arp or icmp6 or host $vip or host $vip6" -B 16384
for name in director backup; do
  echo 0 >"$scratch/$name.weight"
  configure $name "${priority_of[$name]}"
  svs_on $name --services "$scratch/services"
  # An interface that is down keeps its addresses, as over IPv4.
  q $name sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1
  keepalived_on $name
done
for name in director backup; do check "keepalived fills the $name" wait_for 15 "four servers" has_routes $name 4; done
check "VRRP makes the director the master" wait_for 15 "its addresses" has_addresses director
start client asking /usr/bin/python3 "$lab/tools/mastership" ask 80 $vip $vip6
check "the client is answered" wait_for 15 "answers" more_than 0 0

for ((i = 0; i < changes; i++)); do
  IFS='|' read -r master what how <<<"${ways[i % 10]}"
  (( i % 10 != 0 || i == 0 )) || { weigh director 0; reload director "${priority_of[director]}"; }
  printf '%s %s %s: %s\n' "${EPOCHREALTIME/,/.}" "$master" $((i + 1)) "$what" >>"$scratch/changes"
  $how
  wait_for 15 "the $master to have the addresses" has_addresses "$master"
  check "change $((i + 1)): $what: the $master answers" wait_for 15 "answers" more_than $(answers)
done
stop asking
stop_capture seen

check "who answers is who VRRP says, every frame of the run" /usr/bin/python3 "$lab/tools/mastership" judge "$scratch/seen.pcap" \
  "$scratch/asking.log" "$scratch/changes" $interval $vip $vip6 "director=${mac_of[director]}" "backup=${mac_of[backup]}"
for name in director backup; do
  stop $name-keepalived
  wait_for 10 "keepalived of $name to end" no_keepalived $name
  check "keepalived takes its services along: $name" same "$(routes $name)" 0
  check "… and neither address is left" same "$(ip -n "svs-$run-$name" -br address show dev eth0 | grep -c " $vip/\| $vip6/")" 0
done
exit $((failures > 0))
