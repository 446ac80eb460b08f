#!/usr/bin/env bash
# Real servers that are the director's own host: direct routing, and NAT whose answers are led back through the director.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test nat
vip_dr=172.16.29.5
topology_build
address director eth0 $vip_dr/32
web director 80 8080
udp_echo director 7007 172.16.29.3 fd00::3
cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s rr
-a -t $vip:80 -r 172.16.29.3:8080 -m
-a -t $vip:80 -r 192.168.95.2:8080 -m
-A -t [$vip6]:80 -s rr
-a -t [$vip6]:80 -r [fd00::3]:8080 -m
-a -t [$vip6]:80 -r [fd95::2]:8080 -m
-A -t $vip:81 -s rr
-a -t $vip:81 -r 172.16.29.3:8080 -m
-A -t [$vip6]:81 -s rr
-a -t [$vip6]:81 -r [fd00::3]:8080 -m
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.3:7007 -m
-A -u [$vip6]:7 -s rr
-a -u [$vip6]:7 -r [fd00::3]:7007 -m
-A -t $vip:82 -s rr --local-address 192.168.95.1
-a -t $vip:82 -r 192.168.95.1:8080 --fullnat
-A -t $vip:83 -s rr
-a -t $vip:83 -r 172.16.29.3:9999 -m
-A -t $vip_dr:80 -s rr
-a -t $vip_dr:80 -r 172.16.29.3:80 -g
SERVICES

rules() { q director ip rule; q director ip -6 rule; }
led() { rules | grep 'proto 213' | grep -c '^21334:.*from [0-9a-f]*[.:]'; }
routes() { q director ip route show table all dev svs0 2>/dev/null | grep -c '^default'; }
stats_of() { adm -Ln --stats --exact | awk -v server="$1" '$1 == "->" && $2 == server { print ($4 > 0 && $5 > 0 && $6 > 0 && $7 > 0) ? "both" : "not both"; exit }'; }
both_ways() { [[ $(stats_of "$1") == both ]]; }
refused() { local status=0; q client curl -gsS --max-time 10 "$1" >/dev/null 2>&1 || status=$?; same $status 7; }

before=$(rules) silence=$(noise)
topology_start
check "a rule for each local server that is translated" same "$(led)" 6
capture client strange eth0 '(ip or tcp) and (src host 172.16.29.3 or src net 192.168.95.0/24 or src host fd00::3 or src net fd95::/64)'

for pair in "$vip 172.16.29.1 172.16.29.3" "$vip6 fd00::1 [fd00::3]"; do
  read -r address own self <<<"$pair"
  url=http://$address; [[ $address != *:* ]] || url="http://[$address]"
  check "$address: the host and another server take turns" same "$(ask 20 "$url/" | tally)" "director=10 rs1=10"
  check "$address: the local server sees the client itself" same "$(ask 1 "$url:81/peer")" "$own"
  check "$address: 50 MB up arrived intact" upload "$url:81/store/" director
  check "$address: 50 MB down arrived intact" download "$url:81/files/large"
  check "$address: 200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst "$own" "$address" 7 200 1200)" 200
  check "$address: a datagram of 4000 bytes, in fragments, comes back whole" same "$(udp burst "$own" "$address" 7 3 4000)" 3
  check "$address: both directions are counted" wait_for 10 "the counters" both_ways "$self:8080"
done
check "FULLNAT to the host itself becomes NAT" same "$(ask 2 http://$vip:82/peer | tally)" 172.16.29.1=2
check "a closed port of the host refuses at once" refused http://$vip:83/
check "direct routing to the host itself" same "$(ask 4 http://$vip_dr/ | tally)" director=4
check "nothing of these reached the client untranslated" same "$(captured strange | wc -l)" 0
captured strange | head -3
check "clients that ask the host itself are answered, too" same "$(ask 2 http://172.16.29.3:8080/ | tally)" director=2
check "… over IPv6" same "$(ask 2 'http://[fd00::3]:8080/' | tally)" director=2

adm -D -t $vip:83
check "a rule goes with its server" wait_for 10 "the rule to go" eval '[[ $(led) == 5 ]]'
stop svs TERM
check "SIGTERM leaves no rule" same "$(rules)" "$before"

topology_start
stop svs KILL
check "after kill -9 clients that ask the host itself are answered" same "$(ask 2 http://172.16.29.3:8080/ | tally)" director=2
check "… over IPv6" same "$(ask 2 'http://[fd00::3]:8080/' | tally)" director=2
check "what is left of it leads nowhere" same "$(routes)" 0
topology_start
check "the next director removes what was left" same "$(led)" 6
check "… and translates" same "$(ask 2 http://$vip/ | tally)" "director=1 rs1=1"
stop svs TERM
check "nothing is left in the end" same "$(rules)" "$before"
exit $((failures > 0))
