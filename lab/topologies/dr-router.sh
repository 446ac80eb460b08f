# Direct routing with one public address: only the VIP is public, the servers have private addresses on the same wire.
#
#      client                       router
#   203.0.113.10 ---- client wire -- 203.0.113.1
#                                   10.0.0.1          the VIP 192.168.95.20 is routed to the inner wire
#                                      |
#   -----+-----------------------------+---------------+-----------------------+-----  inner wire
#        |                                             |                       |
#     director                                        rs1                     rs2
#     10.0.0.2                                     10.0.0.10               10.0.0.20
#   VIP 192.168.95.20                            lo: VIP, silent         lo: VIP, silent
#                                                weight 2                weight 2
#
#   request   client → router → director → server
#   answer    server → router (its default gateway) → client, past the director

vip=192.168.95.20

topology_build() {
  wire outside
  wire inside
  host client director rs1 rs2
  router router
  plug client eth0 outside 02:00:00:00:01:10 203.0.113.10/24
  plug router eth0 outside 02:00:00:00:01:01 203.0.113.1/24
  plug router eth1 inside 02:00:00:00:00:01 10.0.0.1/24
  plug director eth0 inside 02:00:00:00:00:02 10.0.0.2/24
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32
  plug rs1 eth0 inside 02:00:00:00:00:10 10.0.0.10/24
  plug rs2 eth0 inside 02:00:00:00:00:20 10.0.0.20/24
  route client default via 203.0.113.1
  route router $vip/32 dev eth1
  for name in director rs1 rs2; do route $name default via 10.0.0.1; done
  own_quietly rs1 $vip
  own_quietly rs2 $vip
  web rs1
  web rs2
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s wrr
-a -t $vip:80 -r 10.0.0.10:80 -g -w 2
-a -t $vip:80 -r 10.0.0.20:80 -g -w 2
SERVICES
}

topology_start() { director --interface eth0 $(owning); }

topology_play() {
  echo "client curl http://$vip/"
  echo "router ip neigh show dev eth1"
  echo "director svs adm -Ln --stats"
}

topology_demo() {
  local answers
  say "30 requests through the router to http://$vip/, weights 2 and 2"
  capture director past eth0 'tcp src port 80'
  answers=$(ask 30 http://$vip/ | tally)
  tell "$answers"
  check "rs1 answered 15 of 30, rs2 15" same "$answers" "rs1=15 rs2=15"
  check "no answer passed through the director's interface" same "$(captured past | wc -l)" 0
  say "The router knows the VIP by the director's MAC address, and the servers by their own"
  n router ip neigh show dev eth1
  check "the VIP is at the director's MAC address" same \
    "$(q router ip neigh show $vip | grep -o 'lladdr [0-9a-f:]*')" "lladdr 02:00:00:00:00:02"
  check "all 30 connections are counted" wait_for 10 "the counters" counted 30
  n director svs adm -Ln --stats
}
