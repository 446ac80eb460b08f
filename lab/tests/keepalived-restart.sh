#!/usr/bin/env bash
# Keepalived, unmodified and behind the preload library, runs on while svs run is killed, and while it is started anew: its services
# stand as it made them, and what it finds out afterwards is done.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
preload_library
state_folder=/dev/shm/svs-lab-$run
topology_build
# The checks must not come from the address that the servers have, too.
ip -n "svs-$run-director" address change $vip6/128 dev eth0 preferred_lft 0
: >"$scratch/services" # keepalived brings them

# configure WEIGHT: keepalived.conf; the first server of each service has the weight.
configure() {
  local address server
  {
    printf 'global_defs {\n  router_id director\n}\n'
    for address in "$vip 172.16.29.10 172.16.29.20" "$vip6 fd00::10 fd00::20"; do
      set -- $address "$1"
      printf 'virtual_server %s 80 {\n  delay_loop 1\n  lvs_sched wrr\n  lvs_method DR\n  protocol TCP\n' "$1"
      for server in "$2 $4" "$3 1"; do
        printf '  real_server %s 80 {\n    weight %s\n    TCP_CHECK {\n      connect_timeout 3\n      retry 3\n      delay_before_retry 1\n    }\n  }\n' $server
      done
      echo '}'
      shift 3
    done
  } >"$scratch/keepalived.conf"
}

start_svs() { director --interface eth0 --name lab; }
listed() { adm -Ln | awk '$1 == "->" && $3 ~ /Route/ { print $2, $4 }' | sort | xargs; }
is_listed() { [[ $(listed) == "$1" ]]; }
keepalived_processes() { ip netns pids "svs-$run-director" | xargs -I{} sh -c 'grep -qx keepalived /proc/{}/comm 2>/dev/null && echo {}' | sort | xargs; }

start_svs
configure 3
start director keepalived env LD_PRELOAD="$preload" SVS_CONTROL="$SVS_CONTROL" keepalived -n -l -D -C -f "$scratch/keepalived.conf" \
  -p "$scratch/parent.pid" -c "$scratch/checkers.pid"
all="172.16.29.10:80 3 172.16.29.20:80 1 [fd00::10]:80 3 [fd00::20]:80 1"
check "keepalived fills the director" wait_for 15 "four servers" is_listed "$all"; [[ -n $(listed) ]] || { head -20 "$scratch/keepalived.log"; exit 1; }
processes=$(keepalived_processes)

for signal in KILL TERM; do
  stop svs $signal
  start_svs
  check "$signal and a new start: its services stand" same "$(listed)" "$all"
  check "… they answer" test "$(ask 1 "http://$vip/")" != nobody
  stop rs1-web
  check "… a server that fails afterwards is taken out" wait_for 20 "keepalived" is_listed "172.16.29.20:80 1 [fd00::20]:80 1"
  web rs1
  check "… and comes back" wait_for 20 "keepalived" is_listed "$all"
done
configure 5
kill -HUP "$(pid_of keepalived)"
check "a reload changes the weights" wait_for 20 "keepalived" is_listed "${all// 3/ 5}"
check "keepalived was never started anew" same "$(keepalived_processes)" "$processes"

# -- it changes its mind while nobody is there --
stop svs KILL
configure 7
kill -HUP "$(pid_of keepalived)"
start_svs
check "a reload while svs is away is made up for" wait_for 20 "keepalived" is_listed "${all// 3/ 7}"
stop keepalived
check "keepalived takes its services along" wait_for 10 "an empty table" is_listed ""
stop svs TERM
check "svs ends with 0" same $? 0

# -- nothing outlives svs run: keepalived is started anew with it, as packaging/systemd/keepalived.conf has systemd do (PartOf=) --
rm -r "$state_folder"
unset state_folder
start_svs() { director --interface eth0; }
start_keepalived() {
  start director keepalived env LD_PRELOAD="$preload" SVS_CONTROL="$SVS_CONTROL" keepalived -n -l -D -C -f "$scratch/keepalived.conf" \
    -p "$scratch/parent.pid" -c "$scratch/checkers.pid"
}
check "the unit ties keepalived to svs" grep -qx 'PartOf=svs.service' "$root/packaging/systemd/keepalived.conf"
start_svs
start_keepalived
check "--state none: keepalived fills the director" wait_for 20 "four servers" is_listed "${all// 3/ 7}"
stop svs KILL
stop keepalived
start_svs
check "… which comes back empty" same "$(listed)" ""
start_keepalived
check "… and is filled again" wait_for 20 "four servers" is_listed "${all// 3/ 7}"
check "… they answer" test "$(ask 1 "http://$vip/")" != nobody
stop keepalived
stop svs TERM
exit $((failures > 0))
