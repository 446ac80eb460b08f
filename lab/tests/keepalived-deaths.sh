#!/usr/bin/env bash
# An unmodified keepalived fills the director through the preload library, and the director dies again and again: its services
# stand, whatever keepalived changes meanwhile and afterwards is done, and it never notices.
# lab/tests/keepalived-deaths.sh [DEATHS], 5 if it is not said.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
deaths=${1:-5}
begin_test dr
preload_library
topology_build
: >"$scratch/services" # keepalived brings them

# server ADDRESS WEIGHT: a real server that a file may take out of service.
server() {
  printf '  real_server %s 80 {\n    weight %s\n    MISC_CHECK {\n      misc_path "/usr/bin/test -e %s/%s.up"\n      misc_timeout 3\n    }\n  }\n' \
    "$1" "$2" "$scratch" "$1"
}
# configure WEIGHT...: keepalived.conf with these weights of rs1 and rs2.
configure() {
  cat >"$scratch/keepalived.conf" <<CONF
global_defs {
  router_id lab
  script_user root
  enable_script_security
}
virtual_server $vip 80 {
  delay_loop 1
  lvs_sched wrr
  lvs_method DR
  protocol TCP
$(server 172.16.29.10 "$1")
$(server 172.16.29.20 "$2")
}
CONF
}
touch "$scratch/172.16.29.10.up" "$scratch/172.16.29.20.up"
chmod 755 "$scratch"
configure 1 2
topology_start
start director keepalived env LD_PRELOAD="$preload" SVS_CONTROL="$SVS_CONTROL" keepalived -n -l -D -C -f "$scratch/keepalived.conf" \
  -p "$scratch/daemon.pid" -r "$scratch/vrrp.pid" -c "$scratch/checkers.pid"

director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }
another() { local now; now=$(director_process) && [[ -n $now && $now != "$1" ]] && grep -q "^svs: director $now directs" "$scratch/svs.log"; }
old_enough() { (( $(ps -o etimes= -p "$(director_process)") >= 1 )); }
servers() { adm -Ln | awk '$1 == "->" && $2 ~ /:80$/ { print $2 "=" $4 }' | sort | paste -sd ' '; }
filled() { [[ $(servers) == "$1" ]]; }

check "keepalived fills the director" wait_for 15 "two servers" filled "172.16.29.10:80=1 172.16.29.20:80=2"
large
start client down curl -gfsS --limit-rate $((50000000 / (deaths * 2 + 4))) -o "$scratch/down" "http://$vip/files/large"
wait_for 10 "the download" test -s "$scratch/down"
unanswered=0 slow=0 changed=0
for ((turn = 1; turn <= deaths; turn++)); do
  victim=$(director_process)
  kill -9 "$victim"
  [[ $(ask 1 "http://$vip/" 3>/dev/null) == rs? ]] || unanswered=$((unanswered + 1))
  wait_for 5 "the next director" another "$victim" || slow=$((slow + 1))
  # Every other time a server goes, then it comes back: keepalived's own change.
  if ((turn % 2)); then rm "$scratch/172.16.29.20.up"; wanted="172.16.29.10:80=1"
  else touch "$scratch/172.16.29.20.up"; wanted="172.16.29.10:80=1 172.16.29.20:80=2"; fi
  wait_for 15 "keepalived's change" filled "$wanted" || changed=$((changed + 1))
  wait_for 3 "the director to be old enough" old_enough >/dev/null
done
check "after each of $deaths deaths another director directed" same "$slow" 0
check "every connection that began since was answered" same "$unanswered" 0
check "keepalived's changes were carried out each time" same "$changed" 0
touch "$scratch/172.16.29.20.up"
check "all servers are back" wait_for 15 "two servers" filled "172.16.29.10:80=1 172.16.29.20:80=2"
configure 5 3
kill -HUP "$(cat "$scratch/daemon.pid")"
check "a new configuration of keepalived is carried out" wait_for 15 "the weights" filled "172.16.29.10:80=5 172.16.29.20:80=3"
finished() { ! alive "$1"; }
wait_for 120 "the download to end" finished down
check "a download through all of it lost no connection" stop down
check "keepalived was never told of an error" same "$(grep -ciE 'ipvs.*(error|fail)|broken|refused|netlink: error' "$scratch/keepalived.log")" 0
check "keepalived lives" alive keepalived
check "the log counts the deaths" same "$(grep -c 'ended (killed by signal 9)' "$scratch/svs.log")" "$deaths"

exit $((failures > 0))
