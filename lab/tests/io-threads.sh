#!/usr/bin/env bash
# I/O threads: the datagrams of each flow keep their order, and each arrives once, whoever sends them; and what other scripts say of
# frames is true with such threads as well.
# lab/tests/io-threads.sh THREADS [SCRIPT[+WORD]...]: so many threads; the scripts are those of lab/tests.

source "$(dirname "$(realpath "$0")")/../lib.sh"
export SVS_IO_THREADS=${1:-2}
shift
for script in "$@"; do
  while IFS= read -r line; do
    case $line in
      ok:*) echo "ok: $script: ${line#ok: }" ;;
      "not ok:"*) echo "not ok: $script: ${line#not ok: }"; failures=$((failures + 1)) ;;
      *) echo "$line" ;;
    esac
  done < <(NO_COLOR=1 "$lab"/tests/${script//+/ } 2>&1)
done

flows=60 count=20000
# sum_of PLACE: of what both servers have heard.
sum_of() { cat "$scratch"/rs[12]-order.log | awk -v place="$1" '$1 != "ready" { n += $place } END { print n + 0 }'; }
begin_test dr
topology_build
for name in rs1 rs2; do
  start $name $name-order /usr/bin/python3 "$lab/tools/udp" order 7 $vip
  wait_for 5 "udp order on $name" grep -qx ready "$scratch/$name-order.log"
done
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.10:7 -g
-a -u $vip:7 -r 172.16.29.20:7 -g
SERVICES
topology_start
check "the director says how many threads it has" grep -q ", $SVS_IO_THREADS I/O thread" "$scratch/svs.log"
# The burst is not to wait for a server's MAC: of that many the director keeps a hundred only.
q client /usr/bin/python3 "$lab/tools/udp" number 172.16.29.1 $vip 7 4 4 0
known() { [[ $(q director ip neigh show) == *172.16.29.10*lladdr* && $(q director ip neigh show) == *172.16.29.20*lladdr* ]]; }
wait_for 5 "the servers' MACs" known
first_came() { [[ $(sum_of 1) == 4 ]]; }
wait_for 5 "the first datagrams" first_came
# busy: I/O threads, by their name, that have run for a millisecond.
busy() {
  local task
  for task in /proc/"$(pgrep -f 'svs director' -P "$(pid_of svs)")"/task/*; do
    [[ $(<"$task/comm") != svs-io-* ]] || awk '$1 > 1000000' "$task/schedstat"
  done | wc -l
}
q client /usr/bin/python3 "$lab/tools/udp" number 172.16.29.1 $vip 7 $flows $count 100
all=$((count + 4))
heard() { (( $(sum_of 1) >= all )); }
wait_for 10 "all of $count datagrams" heard
check "$count datagrams of $flows flows: all arrive" same "$(sum_of 1) $(sum_of 2)" "$all $((flows + 4))"
check "none behind a later one of its flow" same "$(sum_of 3)" 0
check "each of the threads has sent" same "$(busy)" "$SVS_IO_THREADS"
check "none twice" same "$(sum_of 4)" 0
sent() { q director svs status | awk '$1 == "eth0" { print ($4 >= '$count') }'; }
check "what they sent is counted" same "$(sent)" 1

# As many as the director keeps for each server.
q director ip neigh flush dev eth0
q client /usr/bin/python3 "$lab/tools/udp" number 172.16.29.1 $vip 7 4 160 0
all=$((count + 4 + 160))
wait_for 10 "160 more" heard
check "160 that come while the servers' MACs are unknown: none behind a later one of its flow" same "$(sum_of 1) $(sum_of 3)" "$all 0"
exit $((failures > 0))
