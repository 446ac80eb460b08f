#!/usr/bin/env bash
# Neighbours: the first packets wait for an unknown MAC address, a changed one is followed, a new director is announced.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build
for name in rs1 rs2; do udp_echo $name 7 $vip; done
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.10:7 -g
-a -u $vip:7 -r 172.16.29.20:7 -g
SERVICES
retransmitted() { q client nstat -asz TcpRetransSegs | awk '$1 == "TcpRetransSegs" { print $2 }'; }
# A neighbour that falls silent is doubted after seconds, not after half a minute.
q director sysctl -qw net.ipv4.neigh.eth0.{base_reachable_time_ms=1000,delay_first_probe_time=1,retrans_time_ms=200,gc_stale_time=5}

# The client holds the MAC address of some earlier owner of the VIP.
q client ip neigh replace $vip lladdr 02:00:00:00:00:99 dev eth0 nud stale
topology_start
moved() { [[ $(q client ip neigh show $vip) == *"${mac_of[director]}"* ]]; }
check "starting announces the VIP: the client's old entry moves at once" wait_for 10 "the announcement" moved

for address in $vip "[$vip6]"; do
  # A machine that is too busy may send something twice: once in three times it does not.
  for turn in 1 2 3; do
    q director ip neigh flush dev eth0
    before=$(retransmitted)
    answers=$(ask 6 "http://$address/" | tally) again=$(($(retransmitted) - before))
    (( again > 0 )) || break
  done
  check "$address: with no neighbour known, the first requests are answered" same "$answers" "rs1=2 rs2=4"
  check "$address: … and nothing had to be sent twice" same "$again" 0
done
q director ip neigh flush dev eth0
check "ten datagrams in a burst to an unknown neighbour all come back" same "$(udp burst 172.16.29.1 $vip 7 10 500)" 10

# Of this one nobody is to be asked.
q director ip neigh replace 172.16.29.20 lladdr "${mac_of[rs2]}" dev eth0 nud permanent

shared() { [[ $(ask 6 http://$vip/ 3>/dev/null | tally) == "rs1=2 rs2=4" ]]; }
renumber() { ip -n "svs-$run-rs1" link set eth0 address "$1"; }

q rs1 sysctl -qw net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.ndisc_notify=1
renumber 02:00:00:00:00:11
check "a server announces a new MAC address: it is followed" wait_for 20 "the new address" shared
check "… over IPv6 too" wait_for 20 "the new address" eval '[[ $(ask 6 "http://[$vip6]/" 3>/dev/null | tally) == "rs1=2 rs2=4" ]]'

q rs1 sysctl -qw net.ipv4.conf.eth0.arp_notify=0 net.ipv6.conf.eth0.ndisc_notify=0
renumber 02:00:00:00:00:12
# Whatever rs1 says would give its new address away, so only the director's own doubts can find it.
check "a server changes its MAC address silently: it is found again" wait_for 40 "the new address" shared
check "a MAC address that was set by hand stays" grep -q PERMANENT <<<"$(q director ip neigh show 172.16.29.20)"

exit $((failures > 0))
