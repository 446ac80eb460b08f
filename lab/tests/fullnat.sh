#!/usr/bin/env bash
# FULLNAT with real offloads, across two routers: large transfers, UDP, and a host stack that stays out of it.

source "$(dirname "$(realpath "$0")")/../lib.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test fullnat
topology_build
udp_echo rs1 7007 10.3.0.10
udp_echo rs2 7007 10.3.0.20
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr --local-address 10.1.0.5
-a -u $vip:7 -r 10.3.0.10:7007 --fullnat
-a -u $vip:7 -r 10.3.0.20:7007 --fullnat
SERVICES
silence=$(noise)
topology_start

check "30 requests are shared 10 to 20" same "$(ask 30 http://$vip/ | tally)" "rs1=10 rs2=20"
check "50 MB up arrived intact" upload http://$vip/store/ rs1 rs2
check "50 MB down arrived intact" download http://$vip/files/large
check "200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst 172.16.29.1 $vip 7 200 1200)" 200
check "a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst 172.16.29.1 $vip 7 3 4000)" 3
check "20 datagrams from 20 ports are shared 10 to 10" same "$(udp ask 172.16.29.1 $vip 7 20 | tally)" "rs1=10 rs2=10"
check "the host stack counted no reset and no ICMP error" same "$(noise)" "$silence"
exit $((failures > 0))
