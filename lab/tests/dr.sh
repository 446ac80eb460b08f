#!/usr/bin/env bash
# Direct routing with real offloads, over IPv4 and IPv6: whole superframes arrive intact, and the host stack stays silent.
# --vip-on-host: the same with the VIP on the director's interface.

source "$(dirname "$(realpath "$0")")/../lib.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test dr

topology_build
for name in rs1 rs2; do udp_echo $name 7 $vip $vip6; done
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.10:7 -g
-a -u $vip:7 -r 172.16.29.20:7 -g
-A -u [$vip6]:7 -s rr
-a -u [$vip6]:7 -r [fd00::10]:7 -g
-a -u [$vip6]:7 -r [fd00::20]:7 -g
SERVICES

# Said by the director itself, whoever's address it uses: a reset, or ICMP other than neighbour discovery.
own_words="(ip and tcp[13] & 4 != 0 and not src host 172.16.29.1)
  or (ip6 proto 6 and ip6[53] & 4 != 0 and not src host fd00::1) or icmp or (icmp6 and ip6[40] < 128)"

silence=$(noise)
topology_start
capture director said eth0 "$own_words" -Q out

for feature in tcp-segmentation-offload generic-segmentation-offload tx-checksumming; do
  for name in client director; do
    check "$feature is on at the $name" grep -q "^$feature: on" <(q $name ethtool -k eth0)
  done
done

for pair in "$vip 172.16.29.1" "$vip6 fd00::1"; do
  read -r address own <<<"$pair"
  url=http://$address; [[ $address != *:* ]] || url="http://[$address]"
  check "$address: 30 requests are shared 10 to 20" same "$(ask 30 "$url/" | tally)" "rs1=10 rs2=20"
  check "$address: 50 MB up arrived intact" upload "$url/store/" rs1 rs2
  check "$address: 50 MB down arrived intact" download "$url/files/large"
  check "$address: 200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst "$own" "$address" 7 200 1200)" 200
  check "$address: 4 clients over UDP are shared 2 to 2" same "$(udp ask "$own" "$address" 7 4 | tally)" "rs1=2 rs2=2"
  check "$address: a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst "$own" "$address" 7 3 4000)" 3
done

captured said >"$scratch/said.txt"
check "the director itself said nothing on the wire" same "$(wc -l <"$scratch/said.txt")" 0
head -5 "$scratch/said.txt"
check "its host stack counted no reset and no ICMP error" same "$(noise)" "$silence"

refused() { curl_status=0; q client curl -gsS --max-time 10 "$1" >/dev/null 2>&1 || curl_status=$?; same $curl_status 7; }
check "a port of the VIP without a service refuses at once" refused http://$vip:81/
check "… over IPv6 too" refused "http://[$vip6]:81/"

exit $((failures > 0))
