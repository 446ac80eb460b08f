#!/usr/bin/env bash
# svs record: what happens in the lab becomes a case that replays like it happened, and svs explain --live agrees.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build
topology_start

# Recording begins before the traffic: old connections are not part of a case.
case=$scratch/case
start director record svs record --output "$case" --interface eth0 --seconds 60
wait_for 5 "the recording to begin" test -e "$case/in.eth0.vnet"
check "10 requests are answered" same "$(ask 10 "http://$vip/" | wc -l)" 10
check "4 over IPv6 too" same "$(ask 4 "http://[$vip6]/" | wc -l)" 4
stop record INT
wait_for 5 "the recording to end" test -e "$case/run"

for file in services network run in.eth0.pcap in.eth0.vnet; do check "the case has $file" test -s "$case/$file"; done
sent=$(svs replay "$case" --json | grep -c '"reason":"direct-routing"')
check "in the replay, too, the clients' frames go to the servers: 4 or more of each connection" test "$sent" -ge 56
check "none is refused" same "$(svs replay "$case" --json | grep -cE '"reason":"(reset|no-server|no-route|neighbor-pending|malformed)"')" 0
check "svs verify takes it as a test" svs verify --regenerate "$case"
check "… which passes" svs verify "$case"

told() { q director svs explain --live "tcp 198.51.100.7:5555 > $vip:80 SYN"; }
check "the running director explains a packet" grep -q 'direct-routing' <(told)
before=$(q director svs adm -Ln --stats)
told >/dev/null
check "… and nothing in it changes" same "$(q director svs adm -Ln --stats)" "$before"
check "an unclear packet is refused" grep -q "the packet in words" <(q director svs explain --live "tcp nonsense" 2>&1)

exit $((failures > 0))
