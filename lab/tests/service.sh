#!/usr/bin/env bash
# svs run as a service of a supervisor that plays systemd's part: what it says and when; the keeper killed and restarted under
# load, for a VIP of the host, while the descriptor store holds rings and suppression: no reset, and not one byte lost.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test nat
state_folder=/dev/shm/svs-lab-$run
topology_build
numbers_to nat
large
silence=$(noise)
mkdir "$scratch/supervisor"
: >"$scratch/supervisor/said"
start director svs "$lab/tools/supervisor" "$scratch/supervisor" 2 svs run --services "$scratch/services" --control "$SVS_CONTROL" \
  --state "$state_folder" --interface eth0 --interface eth1

said=$scratch/supervisor/said
# count PATTERN: how often it was said.
count() { grep -cE "^[0-9.]+ $1" "$said" 2>/dev/null || true; }
said_often() { (( $(count "$1") >= $2 )); }
keeper() { cat "$scratch/supervisor/main"; }
director_process() { pgrep -P "$(keeper)" -f 'svs director'; }
tables() { q director nft list tables | grep -c 'netdev svs_'; }
one_table() { [[ $(tables) == 1 ]]; }

check "it says when it directs" wait_for 20 "READY=1" said_often READY=1 1
# signed: the last READY=1 came with a sign of life.
signed() { awk '$2 == "READY=1" { ready = $1 } $2 == "WATCHDOG=1" { sign = $1 } END { exit !(ready && sign - ready < 0.01 && ready - sign < 0.01) }' "$said"; }
check "… with a sign of life" signed
check "… in words, too" wait_for 5 "a status" said_often 'STATUS=director [0-9]+ directs eth0, eth1' 1
check "rings, their positions and the suppression are stored" wait_for 5 "the store" eval \
  'said_often FDNAME=positions 1 && said_often FDNAME=link-ring-[01]-.*-eth0 1 && said_often FDNAME=link-ring-[01]-.*-eth1 1 &&
   said_often FDNAME=suppression-0 1'
ready=$(count READY=1)
kill -HUP "$(keeper)"
check "SIGHUP is said with its time, and its end" wait_for 10 "RELOADING=1, READY=1" eval \
  'said_often RELOADING=1 1 && said_often MONOTONIC_USEC=[0-9]+ 1 && said_often READY=1 $((ready + 1))'
check "it gives signs of life" wait_for 10 "WATCHDOG=1" said_often WATCHDOG=1 2
# silent: no sign of life came for four seconds, by the clock of the one before.
silent() { awk -v now="$(cut -d ' ' -f 1 /proc/uptime)" '$2 == "WATCHDOG=1" { last = $1 } END { exit now - last < 4 }' "$said"; }
stopped=$(director_process)
kill -STOP "$stopped"
check "… but not for a director that does nothing" wait_for 20 "silence" silent
signs=$(count WATCHDOG=1)
kill -CONT "$stopped"
check "… and again when it goes on" wait_for 10 "WATCHDOG=1" said_often WATCHDOG=1 $((signs + 1))

start client down curl -gfsS --limit-rate 2M -o "$scratch/down" "http://$vip/files/large"
start client up curl -gfsS --limit-rate 2M -T "$scratch/files/large" "http://$vip/store/"
start client numbers /usr/bin/python3 "$lab/tools/udp" stream 172.16.29.1 $vip 7 5000 400
wait_for 10 "the download" test -s "$scratch/down"
for turn in 1 2 3; do
  ready=$(count READY=1)
  kill -9 "$(keeper)"
  check "the keeper is killed ($turn): the next one directs" wait_for 20 "READY=1" said_often READY=1 $((ready + 1))
  [[ $(ask 1 "http://$vip/" 3>/dev/null) == rs? ]]
  check "… and new connections are answered" same $? 0
  check "… the suppression of the one before has gone when its own stood" wait_for 5 "one table" one_table
done
ready=$(count READY=1)
kill -USR1 "$(pid_of svs)"
check "the service is restarted: the next one directs" wait_for 20 "READY=1" said_often READY=1 $((ready + 1))
check "… and the one before has said that it ends" said_often STOPPING=1 1
for one in down up; do
  check "$one: the load lost no connection" wait_for 60 "$one to end" eval '! alive '$one' && stop '$one
done
check "what came is what was sent" equal "$scratch/down"
wait_for 60 "the numbers" eval '! alive numbers'
read -r sent lost doubled <"$scratch/numbers.log"
echo "  of $sent numbered datagrams $lost were lost and $doubled came twice"
check "no datagram came twice" same "$doubled" 0
check "datagrams were lost at most where frames were in hand" test "$lost" -le $((64 * 2 * 4))
check "the host stack said nothing: 0 resets" same "$(noise)" "$silence"
stop svs TERM
check "it ends with 0" same $? 0
check "… and nothing is left of it on the host" wait_for 3 "the table to vanish" eval '[[ -z $(q director nft list tables) ]]'

exit $((failures > 0))
