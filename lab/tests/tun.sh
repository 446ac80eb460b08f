#!/usr/bin/env bash
# tun.sh [ipip|gue|gre]: tunnels beyond TCP, silent host stacks at both ends, and a svs decap that leaves nothing behind.

source "$(dirname "$(realpath "$0")")/../lib.sh"
type=${1:-ipip}
begin_test tun
topology_build
tun_port=''; [[ $type != gue ]] || tun_port="--tun-port 6080"
for name in rs1 rs2; do udp_echo $name 7 $vip; done
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 10.9.0.10:7 -i --tun-type $type $tun_port
-a -u $vip:7 -r 10.9.0.20:7 -i --tun-type $type $tun_port
SERVICES
silence=$(noise)
topology_start
# What the servers' stacks say about tunnel packets that they do not know themselves.
capture r2 said eth1 'icmp and (src host 10.9.0.10 or src host 10.9.0.20)'

check "30 requests are shared 10 to 20" same "$(ask 30 http://$vip/ | tally)" "rs1=10 rs2=20"
check "100 datagrams of 1200 bytes in one burst all came back" same "$(udp burst 172.16.29.1 $vip 7 100 1200)" 100
check "20 datagrams from 20 ports are shared 10 to 10" same "$(udp ask 172.16.29.1 $vip 7 20 | tally)" "rs1=10 rs2=10"
check "a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst 172.16.29.1 $vip 7 3 4000)" 3
check "the servers' stacks said nothing" same "$(captured said | wc -l)" 0
check "the director's stack said nothing" same "$(noise)" "$silence"
check "a server's own address is reached as ever" same "$(ask 1 http://10.9.0.10/)" rs1

# -- the server's end --
if [[ -e $scratch/rs1-decap.pid ]]; then
  stop rs1-decap TERM
  check "svs decap ends with status 0 on SIGTERM" same $? 0
  check "… and leaves no device" eval '! has_tun rs1'
  check "… and no table" same "$(q rs1 nft list tables)" ""
  server_end rs1 >/dev/null
  check "it starts again and answers" wait_for 5 "rs1" eval '[[ $(ask 3 http://$vip/ 3>/dev/null | tally) == "rs1=1 rs2=2" ]]'
  stop rs1-decap KILL
  check "kill -9 leaves no device" wait_for 3 "the device to vanish" eval '! has_tun rs1'
  check "… and no table" wait_for 3 "the table to vanish" eval '[[ -z $(q rs1 nft list tables) ]]'
fi
exit $((failures > 0))
