#!/usr/bin/env bash
# Flows that the kernel carries (svs run --carry tc): each frame arrives once and in its flow's order however often flows are handed
# over and taken back; what is forbidden is carried no more when the command answers; directors may die, and what was counted stands.
# lab/tests/carry.sh [DATAGRAMS [EDITS]]

source "$(dirname "$(realpath "$0")")/../lib.sh"
count=${1:-60000} edits=${2:-40} flows=60
begin_test dr
state_folder=/dev/shm/svs-lab-$run
topology_build
udp=(/usr/bin/python3 "$lab/tools/udp")
for name in rs1 rs2; do
  start $name $name-order "${udp[@]}" order 7 $vip
  start $name $name-order6 "${udp[@]}" order 7 $vip6
  for log in order order6; do wait_for 5 "udp order on $name" grep -qx ready "$scratch/$name-$log.log"; done
done
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.10:7 -g
-a -u $vip:7 -r 172.16.29.20:7 -g
-A -u [$vip6]:7 -s rr
-a -u [$vip6]:7 -r [fd00::10]:7 -g
-a -u [$vip6]:7 -r [fd00::20]:7 -g
SERVICES
director --interface eth0 $(owning) --carry tc

# sum_of PLACE LOG: of what both servers have heard.
sum_of() { cat "$scratch"/rs[12]-"$2".log | awk -v place="$1" '$1 != "ready" { n += $place } END { print n + 0 }'; }
# What has come to the director itself.
received() { q director svs status | awk '$1 == "eth0" { print $3 }'; }
packets_of() { adm -Ln --stats --exact | awk -v service="$1" '$2 == service { print $4 }'; }
counted_packets() { [[ $(packets_of "$1") == "$2" ]]; }
director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }

# The burst is not to wait for a server's MAC.
for pair in "172.16.29.1 $vip order" "fd00::1 $vip6 order6"; do
  read -r own address log <<<"$pair"
  service=$address:7; [[ $address != *:* ]] || service="[$address]:7"
  q client "${udp[@]}" number "$own" $address 7 4 4 0
  first_came() { [[ $(sum_of 1 $log) == 4 ]]; }
  wait_for 10 "the first datagrams" first_came

  before=$(received)
  start client "numbers-$log" "${udp[@]}" number "$own" $address 7 $flows $count 40
  done_edits=0
  servers=$(adm -Ln | awk -v service="$service" '$2 == service { found = 1; next } found && $1 == "->" { print $2 } found && $1 != "->" { exit }')
  while alive "numbers-$log" && (( done_edits < edits )); do
    for server in $servers; do adm -e -u $service -r $server -g -w $((1 + done_edits % 2)); done
    done_edits=$((done_edits + 1))
  done
  ended() { ! alive "numbers-$log"; }
  wait_for 120 "the numbers" ended
  all=$((count + 4))
  heard() { (( $(sum_of 1 $log) >= all )); }
  wait_for 10 "all of $count datagrams" heard
  check "$address: $count datagrams of $flows flows while $done_edits times all were taken back: all arrive" same "$(sum_of 1 $log)" "$all"
  check "… none behind a later one of its flow" same "$(sum_of 3 $log)" 0
  check "… none twice" same "$(sum_of 4 $log)" 0
  seen=$(($(received) - before))
  check "… most passed the director by ($seen came to it)" test $((seen * 2)) -lt "$count"
  wait_for 5 "the counters" counted_packets $service $all
  check "… all of them are counted" same "$(packets_of $service)" $all
done

# What is forbidden: frames to a server between a command's answer and the next command.
capture director toward eth0 "ether dst ${mac_of[rs1]} and udp dst port 7" -Q out
start client flood "${udp[@]}" number 172.16.29.1 $vip 7 20 1000000 5
pauses=()
for turn in {1..20}; do
  flows_go() { (( $(packets_of $vip:7) > ${1:-0} )); }
  wait_for 5 "traffic" flows_go "$(packets_of $vip:7)"
  adm -d -u $vip:7 -r 172.16.29.10:7
  answered=$EPOCHREALTIME
  sleep 0.05
  pauses+=("$answered-$EPOCHREALTIME")
  adm -a -u $vip:7 -r 172.16.29.10:7 -g
done
stop_capture toward
frames_between() {
  tcpdump -tt -nn -r "$scratch/toward.pcap" 2>/dev/null | awk -v pauses="${pauses[*]}" '
    BEGIN { count = split(pauses, one, " "); for (i = 1; i <= count; i++) { split(one[i], ends, "-"); from[i] = ends[1]; to[i] = ends[2] } }
    { for (i = 1; i <= count; i++) if ($1 > from[i] && $1 < to[i]) found++ }
    END { print found + 0, (NR > 1000) }'
}
check "20 times a server is removed under load: no frame goes to it after the answer" same "$(frames_between)" "0 1"

# Directors die.
number_of_packets=$(packets_of $vip:7)
victim=$(director_process)
kill -9 "$victim"
another() { local now; now=$(director_process) && [[ -n $now && $now != "$victim" ]] && adm -Ln >/dev/null 2>&1; }
wait_for 5 "the next director" another
check "the next director knows what was counted" test "$(packets_of $vip:7)" -ge "$number_of_packets"
wait_for 5 "traffic again" flows_go "$(packets_of $vip:7)"

# … and no other comes, because a file is wrong: what is carried goes on for five seconds.
stop flood
start client flood "${udp[@]}" number 172.16.29.1 $vip 7 20 1000000 100
# mostly_carried: of a thousand packets and more fewer than a tenth come to the director.
mostly_carried() {
  local packets came
  came=$(received) packets=$(packets_of $vip:7)
  sleep 1
  came=$(($(received) - came)) packets=$(($(packets_of $vip:7) - packets))
  (( packets > 1000 && came * 10 < packets ))
}
wait_for 20 "flows to be carried again" mostly_carried
cp "$scratch/services" "$scratch/services.right"
echo nonsense >>"$scratch/services"
capture director alone eth0 "(ether dst ${mac_of[rs1]} or ether dst ${mac_of[rs2]}) and udp dst port 7" -Q out
kill -9 "$(director_process)"
died=$EPOCHREALTIME
sleep 8
stop_capture alone
# seconds: the last frame behind the death.
seconds() { tcpdump -tt -nn -r "$scratch/alone.pcap" 2>/dev/null | awk -v died="$died" '{ last = $1 } END { printf "%d\n", last - died }'; }
check "without a director flows are carried for five seconds, and no longer" same "$(seconds)" 5
mv "$scratch/services.right" "$scratch/services"
wait_for 15 "the next director" another
wait_for 5 "traffic again" flows_go "$(packets_of $vip:7)"
stop flood
stop svs

# Without the right to load a program.
start director svs setpriv --bounding-set -bpf,-sys_admin svs run --services "$scratch/services" --control "$SVS_CONTROL" --state none \
  --interface eth0 $(owning) --carry tc
wait_for 10 "svs to answer" answers_or_dead
check "without CAP_BPF one line says so" same "$(grep -c -- '--carry: cannot carry flows in the kernel: CAP_BPF is missing; the director sees every frame' "$scratch/svs.log")" 1
check "… and everything else works" same "$(ask 3 http://$vip/ | tally)" "rs1=1 rs2=2"
exit $((failures > 0))
