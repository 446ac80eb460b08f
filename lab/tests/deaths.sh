#!/usr/bin/env bash
# The director dies, again and again, under load, and nobody notices: long downloads and uploads, numbered datagrams and new
# connections through every way of forwarding, for VIPs of the host and of svs.
# lab/tests/deaths.sh [DEATHS] [WAY...]: that many deaths in all, 20 if it is not said, shared among the ways: dr, tun, nat and
# fullnat, each also as WAY+host, with the VIP on the host; all eight if none is named.

source "$(dirname "$(realpath "$0")")/../lib.sh"
deaths=${1:-20}
shift $(($# > 0))
ways=("$@")
(( ${#ways[@]} )) || ways=(dr dr+host tun tun+host nat nat+host fullnat fullnat+host)
each=$(((deaths + ${#ways[@]} - 1) / ${#ways[@]}))
need_root
build_svs

director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }
# another PROCESS: there is a director, another one, and it directs.
another() { local now; now=$(director_process) && [[ -n $now && $now != "$1" ]] && grep -q "^svs: director $now directs" "$scratch/svs.log"; }
old_enough() { (( $(ps -o etimes= -p "$(director_process)") >= 1 )); }
finished() { ! alive "$1"; }
# given_back: frames that directors had in hand when they died.
given_back() { sed -n 's/.* frames in hand were given back, \([0-9]*\) since.*/\1/p' "$scratch/svs.log" | tail -n 1 | grep . || echo 0; }
# ring_full: frames that came while the rings were full.
ring_full() { sed -n 's/^svs: eth[0-9]*: frames lost:.*missed \([0-9]*\).*/\1/p' "$scratch/svs.log" | awk '{ n += $1 } END { print n + 0 }'; }
# standing: services, servers, counters and connections, without what time changes.
standing() { adm -Ln --stats --exact; adm -Ln | sed 's/  */ /g'; adm -Lnc | awk '{ print $1, $3, $4, $5, $6 }' | sort; }
# Counters follow every two seconds.
steady() { standing >"$scratch/earlier"; sleep 2.2; standing >"$scratch/before"; cmp -s "$scratch/earlier" "$scratch/before"; }
as_before() { standing >"$scratch/after"; cmp -s "$scratch/before" "$scratch/after"; }

# die_under_load WAY DEATHS
die_under_load() {
  local way=${1%+host} deaths=$2 turn victim unanswered=0 slow=0 one sent lost doubled stored host
  vip_on_host=''
  [[ $1 != *+host ]] || vip_on_host=yes
  open_lab
  state_folder=/dev/shm/svs-lab-$run
  source "$lab/topologies/$way.sh"
  say "$1: $deaths deaths"
  topology_build >/dev/null
  numbers_to "$way"
  local silence; silence=$(noise)
  topology_start
  # What lasts a little longer than all the deaths.
  local seconds=$((deaths * 14 / 10 + 4)); local rate=$((50000000 / seconds))
  large
  start client down curl -gfsS --limit-rate $rate -o "$scratch/down" "http://$vip/files/large"
  start client up curl -gfsS --limit-rate $rate -T "$scratch/files/large" "http://$vip/store/"
  start client numbers /usr/bin/python3 "$lab/tools/udp" stream 172.16.29.1 $vip 7 $((seconds * 500)) 500
  wait_for 10 "the download" test -s "$scratch/down"
  for ((turn = 1; turn <= deaths; turn++)); do
    victim=$(director_process)
    kill -9 "$victim"
    [[ $(ask 1 "http://$vip/" 3>/dev/null) == rs? ]] || unanswered=$((unanswered + 1))
    wait_for 5 "the next director" another "$victim" || slow=$((slow + 1))
    # One that lives shorter counts as broken.
    wait_for 3 "the director to be old enough" old_enough >/dev/null
  done
  check "$1: after each of $deaths deaths another director directed" same "$slow" 0
  check "$1: every connection that began since was answered" same "$unanswered" 0
  for one in down up; do
    wait_for 120 "$one to end" finished $one
    check "$1: the $one load lost no connection" stop $one
  done
  check "$1: what came is what was sent" equal "$scratch/down"
  for host in rs1 rs2; do [[ ! -e $scratch/$host/store/large ]] || stored=$scratch/$host/store/large; done
  check "$1: … and what was stored" equal "${stored:-/dev/null}"
  wait_for 60 "the numbers" finished numbers
  read -r sent lost doubled <"$scratch/numbers.log"
  check "$1: no datagram came twice" same "$doubled" 0
  check "$1: the host stack said nothing" same "$(noise)" "$silence"
  check "$1: each connection was counted once" wait_for 5 "the counters" counted $((deaths + 2))
  # Connections that ended in the middle of it stay for the two minutes of FIN_WAIT.
  wait_for 150 "the counters to rest" steady
  victim=$(director_process)
  kill -9 "$victim"
  wait_for 5 "the last director" another "$victim"
  check "$1: listings and counters are what they were" wait_for 3 "the same listing" as_before
  diff "$scratch/before" "$scratch/after"
  stop svs TERM
  check "$1: svs ends with 0" same $? 0
  echo "  of $sent numbered datagrams $lost were lost; in hand were $(given_back) frames, no room was for $(ring_full)"
  check "$1: no datagram was lost but what was in hand or had no room" test "$lost" -le $(($(given_back) + $(ring_full)))
  gaps "$1"
  nothing_refused || failures=$((failures + 1))
  close_lab
}

# gaps WAY: how long nobody directed, as the keeper counted it.
gaps() {
  local worst
  worst=$(sed -n 's/^svs: director [0-9]* directs, \([0-9]*\) ms after.*/\1/p' "$scratch/svs.log" | sort -n | tail -n 1)
  echo "  nobody directed for at most $worst ms"
}

for way in "${ways[@]}"; do die_under_load "$way" "$each"; done
exit $((failures > 0))
