#!/usr/bin/env bash
# The director dies, again and again, under load: what it was told stands, connections live on, clients are answered, and
# what parses frames has no rights. lab/tests/keeper.sh [DEATHS], 5 if it is not said; deaths.sh has more load and more ways.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
deaths=${1:-5}
begin_test nat
state_folder=/dev/shm/svs-lab-$run
topology_build
udp_echo rs1 7007 192.168.95.2 fd95::2
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 192.168.95.2:7007 -m
SERVICES
silence=$(noise)
topology_start
large

director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }
# another PROCESS: there is a director, it is another one, and it answers.
another() { local now; now=$(director_process) && [[ -n $now && $now != "$1" ]] && adm -Ln >/dev/null 2>&1; }
field() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$(director_process)/status"; }

check "the director is not root" test "$(field Uid)" != 0
check "… has no capabilities" same "$(field CapEff) $(field CapBnd)" "0000000000000000 0000000000000000"
check "… gets no new ones, and asks the kernel for little" same "$(field NoNewPrivs) $(field Seccomp)" "1 2"

adm -A -t "$vip:81" -s rr
adm -a -t "$vip:81" -r 192.168.95.9:8080 -m -w 0
adm --set 700 70 70
# Two downloads and an upload that outlast the deaths, and numbered datagrams.
start client down curl -gfsS --limit-rate 2M -o "$scratch/down" "http://$vip/files/large"
start client down6 curl -gfsS --limit-rate 2M -o "$scratch/down6" "http://[$vip6]/files/large"
start client up curl -gfsS --limit-rate 2M -T "$scratch/files/large" "http://$vip/store/"
start client numbers /usr/bin/python3 "$lab/tools/udp" stream 172.16.29.1 $vip 7 $((deaths * 400)) 400
wait_for 10 "the downloads" test -s "$scratch/down" -a -s "$scratch/down6"

unanswered=0 slow=0
for ((turn = 1; turn <= deaths; turn++)); do
  victim=$(director_process)
  kill -9 "$victim"
  adm -e -t "$vip:81" -r 192.168.95.9:8080 -m -w "$turn" || unanswered=$((unanswered + 1))
  wait_for 5 "the next director" another "$victim" || slow=$((slow + 1))
  [[ $(ask 1 "http://$vip/" 3>/dev/null) == rs? ]] || unanswered=$((unanswered + 1))
  # One that lives shorter counts as broken.
  wait_for 2 "the director to be old enough" eval '(( $(ps -o etimes= -p "$(director_process)") >= 1 ))' >/dev/null
done
check "after $deaths deaths another director was there each time" same "$slow" 0
check "every command and every connection since was answered" same "$unanswered" 0
check "what adm did while nobody was there stands" same "$(adm -Ln | awk '$2 == "192.168.95.9:8080" { print $4 }')" "$deaths"
check "timeouts stand" same "$(adm -L --timeout | tr -dc '0-9 ' | xargs)" "700 70 70"
finished() { ! alive "$1"; }
for one in down down6 up; do
  wait_for 60 "$one to end" finished $one
  check "$one: not one byte was lost" stop $one
done
check "… and what came is what was sent" same "$(sha256sum <"$scratch/down") $(sha256sum <"$scratch/down6")" \
  "$(sha256sum <"$scratch/files/large") $(sha256sum <"$scratch/files/large")"
wait_for 60 "the numbers" finished numbers
read -r sent lost doubled <"$scratch/numbers.log"
echo "  of $sent numbered datagrams $lost were lost and $doubled came twice"
check "of the datagrams at most a batch was lost with each director" test "$lost" -le $((64 * deaths))
check "… and none came twice" same "$doubled" 0
check "the host stack said nothing" same "$(noise)" "$silence"
check "the log counts the deaths" same "$(grep -c 'ended (killed by signal 9)' "$scratch/svs.log")" "$deaths"

# -- what a director had in hand --
# As fast as it goes, so that it is in the middle of a batch.
start client flood curl -gfsS -o /dev/null "http://$vip/files/large" -o /dev/null "http://$vip/files/large"
kept() { grep -o '/[^ ]*/crash-[0-9]*\.pcap' "$scratch/svs.log" | tail -n 1; }
for ((turn = 0; turn < 20; turn++)); do
  [[ -z $(kept) ]] || break
  alive flood || start client flood curl -gfsS -o /dev/null "http://$vip/files/large" -o /dev/null "http://$vip/files/large"
  victim=$(director_process)
  kill -9 "$victim"
  wait_for 5 "the next director" another "$victim"
  wait_for 3 "the director to be old enough" eval '(( $(ps -o etimes= -p "$(director_process)") >= 1 ))' >/dev/null
done
check "a director that dies in the middle of a batch leaves it as a pcap" test -s "$(kept)"
cat >"$scratch/network" <<NETWORK
link set dev eth0 address 02:00:00:00:00:03 mtu 1500
link set dev eth0 up
addr add 172.16.29.3/24 dev eth0
NETWORK
svs replay --services "$scratch/services" --network "$scratch/network" --in "eth0=$(kept)" >"$scratch/replayed" 2>&1
check "… which svs replay reads" same $? 0 || cat "$scratch/replayed"
stop flood

# -- the keeper --
victim=$(director_process)
stop svs KILL
gone() { ! kill -0 "$victim" 2>/dev/null; }
check "the director ends with its keeper" wait_for 3 "the director to end" gone
check "nothing is left of them on the host" wait_for 3 "the table to vanish" eval '[[ -z $(q director nft list tables) ]]'
topology_start
check "it starts over what is left" test "$(ask 1 "http://$vip/")" != nobody
stop svs TERM
check "it ends with 0" same $? 0

exit $((failures > 0))
