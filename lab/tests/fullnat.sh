#!/usr/bin/env bash
# FULLNAT with real offloads, across two routers: large transfers, UDP, and a host stack that stays out of it; how servers
# learn the client's address; connections that rest; answers that belong to nobody.

source "$(dirname "$(realpath "$0")")/../lib.sh"
source "$lab/translation.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test fullnat
topology_build
host rs3
plug rs3 eth0 last 02:00:00:00:03:30 10.3.0.30/24
route rs3 10.0.0.0/8 via 10.3.0.1
udp_echo rs1 7007 10.3.0.10
udp_echo rs2 7007 10.3.0.20
udp_stray rs1 7009 10.3.0.10
web rs3 8080 8090+proxy_protocol
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr --local-address 10.1.0.5
-a -u $vip:7 -r 10.3.0.10:7007 --fullnat
-a -u $vip:7 -r 10.3.0.20:7007 --fullnat
-A -u $vip:9 -s rr --local-address 10.1.0.5
-a -u $vip:9 -r 10.3.0.10:7009 --fullnat
-A -t $vip:81 -s rr --local-address 10.1.0.5
-a -t $vip:81 -r 10.3.0.30:8080 --fullnat
-A -t $vip:82 -s rr --local-address 10.1.0.5 --no-toa
-a -t $vip:82 -r 10.3.0.30:8080 --fullnat
-A -t $vip:83 -s rr --local-address 10.1.0.5 --proxy-protocol
-a -t $vip:83 -r 10.3.0.30:8090 --fullnat
SERVICES
silence=$(noise)
topology_start

offloads_on client director rs1
check "30 requests are shared 10 to 20" same "$(ask 30 http://$vip/ | tally)" "rs1=10 rs2=20"
check "50 MB up arrived intact" upload http://$vip/store/ rs1 rs2
check "50 MB down arrived intact" download http://$vip/files/large
check "200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst 172.16.29.1 $vip 7 200 1200)" 200
check "a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst 172.16.29.1 $vip 7 3 4000)" 3
check "20 datagrams from 20 ports are shared 10 to 10" same "$(udp ask 172.16.29.1 $vip 7 20 | tally)" "rs1=10 rs2=10"
check "the host stack counted no reset and no ICMP error" same "$(noise)" "$silence"

# -- whom the server learns of: option 254 of 8 bytes, client port 40123, address 172.16.29.1 --
introduced='tcp[20:2] = 0xfe08 and tcp[22:2] = 40123 and tcp[24:4] = 0xac101d01'
# meet PORT [FILTER]: one request; how many segments that the filter accepts rs3 got.
meet() {
  capture rs3 toa eth0 'dst port 8080'
  ask 1 "http://$vip:$1/" --local-port 40123 >"$scratch/answer"
  stop_capture toa
  read_back "$2"
}
# A segment that was sent twice counts once.
read_back() { tcpdump -nn -S -r "$scratch/toa.pcap" "$1" 2>/dev/null | grep -o 'Flags .*' | sed 's/options .*length/length/' | sort -u | wc -l; }
check "the client's address stands in all segments until the answer: the handshake's last and the request" same "$(meet 81 "$introduced")" 2
check "… and in no SYN" same "$(read_back 'tcp[13] & 2 != 0') $(read_back 'tcp[13] & 2 != 0 and tcp[20] = 254')" "1 0"
check "… and the answer came" same "$(cat "$scratch/answer")" rs3
check "--no-toa: in none" same "$(meet 82 'tcp[20] = 254')" 0
check "--proxy-protocol: nginx reads it from the PROXY header" same "$(ask 1 http://$vip:83/introduced --local-port 40124)" 172.16.29.1:40124
check "… large transfers stay intact behind it" download http://$vip:83/files/large
check "… and upwards" upload http://$vip:83/store/ rs3

resting_connections
check "a server that answers from the wrong port answers nobody" same "$(stray_answers)" ""
exit $((failures > 0))
