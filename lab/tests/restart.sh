#!/usr/bin/env bash
# svs run ends, by a signal or killed with no warning, and is started again: what it was told stands, connections live on, and
# what of its state is not its own is set aside. lab/tests/restart.sh [--vip-on-host]

source "$(dirname "$(realpath "$0")")/../lib.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test nat
state_folder=/dev/shm/svs-lab-$run
topology_build
echo "--set 600 60 60" >>"$scratch/services"
large
folder=$state_folder/lab
start_svs() { topology_start --name lab "$@"; }
director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }
gone() { ! kill -0 "$1" 2>/dev/null; }
weight_of() { adm -Ln | awk -v server="$1" '$1 == "->" && $2 == server { print $4; exit }'; }
timeouts() { adm -L --timeout | tr -dc '0-9 ' | xargs; }
said() { grep -q -- "$1" "$scratch/svs.log"; }
# left: what is on the host of the director that a director brings.
left() {
  q director nft list tables
  q director ip -o link show type tun
  q director ip rule | grep -v 'lookup \(local\|main\|default\)'
  q director ip -6 rule | grep -v 'lookup \(local\|main\|default\)'
  [[ ! -e $SVS_CONTROL ]] || echo "$SVS_CONTROL"
}
end_held() { touch "$scratch/ask-$1"; wait_for 30 "the connections that were held" eval '! alive '"$1"; tail -n 1 "$scratch/$1.log"; }
held() { start client "$1" "$lab/tools/held" "$2" $vip 80 "$scratch/ask-$1"; wait_for 10 "connections" grep -qs open "$scratch/$1.log"; }

start_svs
adm -A -t $vip:81 -s rr
adm -a -t $vip:81 -r 192.168.95.9:8080 -m -w 7
adm -e -t $vip:80 -r 192.168.95.2:8080 -m -w 5
adm --set 700 70 70
standing() { adm -Sn; timeouts; }
before=$(standing)

# -- kill -9 of the keeper --
held waiting 40
start client down curl -gfsS --limit-rate 4M -o "$scratch/down" "http://$vip/files/large"
wait_for 10 "the download" test -s "$scratch/down"
victim=$(director_process)
stop svs KILL
check "the director ends with its keeper" wait_for 3 "the director to end" gone "$victim"
check "nothing is left of them on the host" wait_for 3 "the host as it was" eval '[[ -z $(left) ]]'
left
start_svs
check "services, weights and timeouts stand as adm had made them" same "$(standing)" "$before"
check "the log says how many connections go on" said ' connections and 0 templates go on'
read -r answered lost <<<"$(end_held waiting)"
check "connections that sent nothing meanwhile are as before" same "$answered $lost" "40 0"
wait_for 60 "the download to end" eval '! alive down'
if stop down; then check "a download goes on" equal "$scratch/down"
elif [[ -n ${vip_on_host:-} ]]; then echo "  the download, which sent in the gap, was reset by the host"
else check "a download goes on" false; fi
stop svs TERM
exit $((failures > 0))
