#!/usr/bin/env bash
# Tunnels with real offloads, and svs decap as the servers' end: superframes, bursts and fragments arrive whole, no host
# stack complains about the outer packets, and decap comes and goes without a trace.
# lab/tests/tun.sh [ipip|gue|gre]

source "$(dirname "$(realpath "$0")")/../lib.sh"
type=${1:-ipip}
begin_test tun
kernel_end() { false; } # decap is what is tested here

topology_build
for name in rs1 rs2; do udp_echo $name 7 $vip; done
how="--tun-type $type"; [[ $type != gue ]] || how+=" --tun-port 6080"
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 10.9.0.10:7 -i $how
-a -u $vip:7 -r 10.9.0.20:7 -i $how
SERVICES

unreachables() { q "$1" nstat -asz IcmpOutDestUnreachs IcmpOutErrors | awk 'NR > 1 { n += $2 } END { print n + 0 }'; }
unwrapping() { grep -q unwrapping "$scratch/$1-decap.log"; }

for name in rs1 rs2; do wait_for 5 "svs decap on $name" unwrapping $name; done
topology_start

check "30 requests are shared 10 to 20" same "$(ask 30 "http://$vip/" | tally)" "rs1=10 rs2=20"
check "50 MB down arrived intact" download "http://$vip/files/large"
check "50 MB up arrived intact" upload "http://$vip/store/" rs1 rs2
check "200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst 172.16.29.1 $vip 7 200 1200)" 200
check "4 clients over UDP are shared 2 to 2" same "$(udp ask 172.16.29.1 $vip 7 4 | tally)" "rs1=2 rs2=2"
check "a datagram of 4000 bytes, fragmented outside as well, comes back whole" same "$(udp burst 172.16.29.1 $vip 7 3 4000)" 3
for name in rs1 rs2; do check "the host stack of $name complained about nothing" same "$(unreachables $name)" 0; done

say "The director's host as a client, which gets the VIP besides"
host_way() { q director ip route get $vip ipproto tcp dport 80; }
leads() { host_way | grep -q "dev svs0 .*src 172.16.29.3"; }
narrow() { host_way | grep -q "mtu $((1400 - overhead[$type])) "; }
for owner in svs host; do
  [[ $owner == svs ]] || address director eth0 $vip/32
  check "VIP of $owner: requests are led, from the host's own address" wait_for 3 "the way" leads
  check "VIP of $owner: both servers answer" same "$(from=director ask 6 "http://$vip/" | tally)" "rs1=2 rs2=4"
  check "VIP of $owner: 50 MB up arrived intact" eval 'from=director upload "http://$vip/store/" rs1 rs2'
  check "VIP of $owner: 50 MB down arrived intact" eval 'from=director download "http://$vip/files/large"'
  check "VIP of $owner: a datagram of 4000 bytes comes back whole" same "$(from=director udp burst 0.0.0.0 $vip 7 3 4000)" 3
  check "VIP of $owner: the host knows what fits into the tunnel" wait_for 3 "the MTU" narrow
done
ip -n "svs-$run-director" address del $vip/32 dev eth0

q rs1 sysctl -qw net.ipv4.conf.all.rp_filter=2
check "a loose reverse path filter of all interfaces does no harm" same "$(ask 6 "http://$vip/" | sort -u | paste -sd ' ')" "rs1 rs2"
q rs1 sysctl -qw net.ipv4.conf.all.rp_filter=0

say "decap ends"
table() { q "$1" nft list tables | grep -c svs_; }
device() { q "$1" ip -br link | grep -c svs-decap; }
check "while it runs there are one device and one table" same "$(device rs1) $(table rs1)" "1 1"
stop rs1-decap; status=$?
check "SIGTERM ends it with status 0" same $status 0
check "its last words say what it did" grep -q 'ended: unwrapped [1-9]' "$scratch/rs1-decap.log"
check "device and table are gone" same "$(device rs1) $(table rs1)" "0 0"
stop rs2-decap KILL
check "after kill -9 as well" same "$(device rs2) $(table rs2)" "0 0"

say "decap where it cannot work"
port=(); [[ $type != gue ]] || port=(--port 6080)
q rs1 sysctl -qw net.ipv4.conf.all.rp_filter=1
q rs1 svs decap --interface eth0 --type "$type" "${port[@]}" 2>"$scratch/strict"; status=$?
check "a strict reverse path filter is refused with status 2" same $status 2
check "… and in words" grep -q 'rp_filter' "$scratch/strict"
q rs1 sysctl -qw net.ipv4.conf.all.rp_filter=0

for name in rs1 rs2; do start $name $name-decap svs decap --interface eth0 --type "$type" "${port[@]}" --source 192.0.2.0/24; done
for name in rs1 rs2; do wait_for 5 "svs decap on $name" unwrapping $name; done
check "nobody answers where the director is no allowed source" same "$(ask 3 "http://$vip/" --max-time 1 | tally)" "nobody=3"
stop rs1-decap; stop rs2-decap
check "… and it is counted" grep -q 'strange-source [1-9]' <(cat "$scratch"/rs?-decap.log)

exit $((failures > 0))
