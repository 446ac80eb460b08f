#!/usr/bin/env bash
# Policy routing: the way to a server, and that of replies, stand in tables that `ip rule` leads to; changes count at once.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test nat
topology_build
# A client beyond the wire, and a server with an address of another network.
far=198.51.100.7 behind=203.0.113.33
address client lo $far/32
address rs1 lo $behind/32
cat >>"$scratch/services" <<SERVICES
-A -t $vip:81 -s rr
-a -t $vip:81 -r $behind:8080 -m
SERVICES
# Where the main table leads, nobody is.
route director $far via 172.16.29.99
topology_start

# from_afar PORT, near PORT: what the far client gets, or one on the wire.
from_afar() { q client curl -gsS --interface $far --connect-timeout 3 --max-time 4 "http://$vip:$1/" 2>&1; }
near() { q client curl -gsS --connect-timeout 3 --max-time 4 "http://$vip:$1/" 2>&1; }
server() { [[ $("$1" "$2") =~ ^rs[12]$ ]]; }
nobody() { ! server "$@"; }
unreachable() { [[ $(q client timeout 4 bash -c "exec 9<>/dev/tcp/$vip/81" 2>&1) == *"No route to host"* ]]; }

check "by the main table, replies to the far client are lost" nobody from_afar 80
route director $far via 172.16.29.1 table 200
q director ip rule add priority 101 from $vip lookup 200
check "a rule for the virtual address leads them" wait_for 20 "the reply" server from_afar 80

check "a server that nobody knows a way to is told as unreachable" unreachable
route director $behind via 192.168.95.2 table 300
q director ip rule add priority 102 to $behind lookup 300
check "a rule for the server leads to it" wait_for 20 "the server" server near 81
q director ip rule add priority 50 to $behind prohibit
check "a rule that prohibits it is told as unreachable too" wait_for 20 "the error" unreachable
q director ip rule del priority 50
check "… and no longer once it is gone" wait_for 20 "the server" server near 81
q director ip route replace unreachable $behind table 300
check "so is a route that says so" wait_for 20 "the error" unreachable

if q director ip rule add priority 2000 l3mdev; then
  check "a rule that cannot be followed is named" wait_for 20 "the warning" grep -q 'rule priority 2000 .*l3mdev' "$scratch/svs.log"
fi
exit $((failures > 0))
