#!/usr/bin/env bash
# Masquerading with real offloads: large transfers over IPv4 and IPv6, UDP, and not one untranslated or stray packet;
# connections that rest, and answers that belong to nobody.

source "$(dirname "$(realpath "$0")")/../lib.sh"
source "$lab/translation.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test nat
topology_build
udp_echo rs1 7007 192.168.95.2 fd95::2
udp_echo rs2 7007 192.168.95.3 fd95::3
udp_stray rs1 7009 192.168.95.2
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 192.168.95.2:7007 -m
-a -u $vip:7 -r 192.168.95.3:7007 -m
-A -u $vip:9 -s rr
-a -u $vip:9 -r 192.168.95.2:7009 -m
-A -u [$vip6]:7 -s rr
-a -u [$vip6]:7 -r [fd95::2]:7007 -m
-a -u [$vip6]:7 -r [fd95::3]:7007 -m
SERVICES
silence=$(noise)
topology_start
capture client untranslated eth0 'src net 192.168.95.0/24 or src net fd95::/64'

offloads_on client director rs1
for pair in "$vip 172.16.29.1" "$vip6 fd00::1"; do
  read -r address own <<<"$pair"
  url=http://$address; [[ $address != *:* ]] || url="http://[$address]"
  check "$address: 30 requests are shared 10 to 20" same "$(ask 30 "$url/" | tally)" "rs1=10 rs2=20"
  check "$address: 50 MB up arrived intact" upload "$url/store/" rs1 rs2
  check "$address: 50 MB down arrived intact" download "$url/files/large"
  check "$address: 200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst "$own" "$address" 7 200 1200)" 200
  check "$address: a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst "$own" "$address" 7 3 4000)" 3
done
for url in http://192.168.95.2:8080/ "http://[fd95::2]:8080/"; do
  check "the director's host itself reaches a server's port, as a check of its health does" same "$(from=director ask 1 "$url")" rs1
done
check "nothing reached the client untranslated" same "$(captured untranslated | wc -l)" 0
check "the host stack counted no reset and no ICMP error" same "$(noise)" "$silence"

resting_connections
check "a server that answers from the wrong port is routed, not translated" same "$(stray_answers)" 192.168.95.2.7010=2

# Servers go while they send, and come back: what they sent meanwhile was translated as before (IPVS drops what clients send to a
# server that is gone, until it is back).
download_outlives_servers() {
  local server pid
  q client curl -sS --limit-rate 8M --max-time 60 -o "$scratch/outlived" "http://$vip/files/large" &
  pid=$!
  wait_for 20 "a part of it" test -s "$scratch/outlived" || return 1
  for server in 192.168.95.2:8080 192.168.95.3:8080; do adm -d -t $vip:80 -r $server || return 1; done
  sleep 2
  adm -a -t $vip:80 -r 192.168.95.2:8080 -m -w 1 && adm -a -t $vip:80 -r 192.168.95.3:8080 -m -w 2 || return 1
  wait $pid && equal "$scratch/outlived"
}
capture client afterwards eth0 'src net 192.168.95.0/24 and tcp src port 8080'
check "a download goes on when its server was removed for two seconds" download_outlives_servers
check "… and nothing reached the client untranslated" same "$(captured afterwards | wc -l)" 0

# The director is still a router for everything that is no service.
route client 192.168.95.0/24 via 172.16.29.3
check "what is no service is routed as ever" same "$(ask 1 http://192.168.95.2:8080/)" rs1
exit $((failures > 0))
