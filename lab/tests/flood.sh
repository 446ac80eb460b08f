#!/usr/bin/env bash
# flood.sh [udp|syn] [CONNECTIONS]: a flood from random sources fills the connection table three times over, at half the rate that
# the director is able to direct. Those who come meanwhile and afterwards are served, and those who were there before stay.
# The whole of it, at the default size: lab/tests/flood.sh udp 1048576; lab/tests/flood.sh syn 1048576

kind=${1:-udp} entries=${2:-65536}
source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build
case $kind in
  udp) port=53; printf '%s\n' "-A -u $vip:53 -s rr" "-a -u $vip:53 -r 172.16.29.10:53 -g" >>"$scratch/services" ;;
  syn) port=81; printf '%s\n' "-A -t $vip:81 -s rr" "-a -t $vip:81 -r 172.16.29.10:81 -g" >>"$scratch/services" ;;
  *) refuse "flood.sh [udp|syn] [CONNECTIONS]" ;;
esac
# The server drops the flood without an answer, or its machine would be what is measured.
q rs1 nft -f - <<NFT
table netdev lab {
  chain flood {
    type filter hook ingress device eth0 priority 0
    ip saddr 198.18.0.0/15 drop
  }
}
NFT
gcc -O2 -o "$scratch/flood" "$lab/tools/flood.c" || refuse "lab/tools/flood.c does not compile"

flood() { q client "$scratch/flood" eth0 "${mac_of[client]}" "${mac_of[director]}" $vip $port $kind "$1" "$2"; }
arrived() { q rs1 cat /sys/class/net/eth0/statistics/rx_packets; }
table() { adm -Lnc | grep -c '^\(TCP\|UDP\)'; }
said() { grep -q "$1" "$scratch/svs.log"; }

# The director's capacity for this flood: what reaches the server while more is sent than goes through, in a table that is full, so
# that for each connection another one goes.
director --interface eth0 $(owning) --connections "$entries"
start client filler "$scratch/flood" eth0 "${mac_of[client]}" "${mac_of[director]}" $vip $port $kind 0 1000000000
check "the table fills" wait_for 200 "the log" said "the connection table is nearly full"
before=$(arrived) began=${EPOCHREALTIME/[.,]/}
sleep 2 # what is measured
rate=$((($(arrived) - before) * 1000000 / (${EPOCHREALTIME/[.,]/} - began)))
stop filler TERM
stop svs TERM
echo "  the director directs $rate new connections a second of this flood"
check "its capacity was measured" test "$rate" -gt 100

director --interface eth0 $(owning) --connections "$entries"
# What opening takes on this machine without a flood.
start client calm /usr/bin/python3 "$lab/tools/tcp" opens 172.16.29.1 $vip 80 4 50
wait_for 30 "the clients" grep -qs '^opened' "$scratch/calm.log"
calm=$(awk '{ print $5 }' "$scratch/calm.log")
start client held /usr/bin/python3 "$lab/tools/tcp" hold 172.16.29.1 $vip 80 50
wait_for 20 "50 connections" grep -qs '^held 50' "$scratch/held.log"
seconds=$((3 * entries / (rate / 2) + 1))
start client opens /usr/bin/python3 "$lab/tools/tcp" opens 172.16.29.1 $vip 80 $((seconds + 4)) 50
read -r sent milliseconds <<<"$(flood $((rate / 2)) $((3 * entries)))"
echo "  $sent packets from as many sources in $milliseconds ms"
check "the log says that entries give way" wait_for 5 "the log" said "the connection table is nearly full"
wait_for $((seconds + 20)) "the clients" grep -qs '^opened' "$scratch/opens.log"
read -r _ opened asked median p99 <<<"$(cat "$scratch/opens.log")"
echo "  $opened of $asked connections opened; median $median ms, p99 $p99 ms"
check "99 of 100 new connections are served during and after the flood" test $((opened * 100)) -ge $((asked * 99))
check "… opened in less than 250 ms at the 99th percentile ($calm ms without a flood)" test "$p99" -lt 250
kill -USR1 "$(pid_of held)"
check "50 of 50 connections from before live" wait_for 10 "their answers" grep -qs '^alive 50' "$scratch/held.log"
check "the table holds no more than it may" test "$(table)" -le "$entries"
check "the log says when it is over" wait_for 30 "the log" said "no entries give way any more"
note_refused "$scratch/svs.log"
stop svs TERM
check "… and how many gave way by the end" grep -q "entries that gave way: .*$([[ $kind == udp ]] && echo one-way || echo half-open)" "$scratch/svs.log"
check "not one was refused for want of a place" test "$(grep -c 'table-full' "$scratch/svs.log")" -eq 0

exit $((failures > 0))
