#!/usr/bin/env bash
# What a director costs the frames of its host: each packet socket that receives is one more copy of every frame on its
# interface, so there is one for each interface of the director and none for all of them (interface 0), read or unread.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build

# sockets CONDITION: those of the director's packet sockets that awk's condition is true of, as "PROTOCOL INTERFACE".
sockets() { q director cat /proc/net/packet | awk "NR > 1 && ($1) { print \$4, \$5 }" | sort; }

for link in ring socket; do
  director --interface eth0 --link "$link" --own all
  check "$link: a service answers" test "$(ask 1 http://$vip/)" != nobody
  eth0=$(ip -n "svs-$run-director" -o link show eth0 | cut -d: -f1)
  check "$link: one socket receives, from the director's interface" same "$(sockets '$4 != "0000"')" "0003 $eth0"
  check "$link: no socket receives from every interface" same "$(sockets '$5 == 0')" ""
  check "$link: the others only send" same "$(sockets '$4 == "0000"' | sort -u)" "0000 $eth0"
  stop svs TERM
done

check "without the director no socket is left" same "$(sockets 1)" ""

exit $((failures > 0))
