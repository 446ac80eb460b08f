# FULLNAT: source and destination are both rewritten, so the servers may be anywhere and need no route to the clients.
#
#      client                 director                 r1              r2               rs1           rs2
#   172.16.29.1       172.16.29.3 | 10.1.0.5        10.1.0.1        10.2.0.2         10.3.0.10     10.3.0.20
#        |        VIP 172.16.29.4 |    |            10.2.0.1        10.3.0.1         port 8080     port 8080
#        |                |            |              |  |            |  |           weight 1      weight 2
#   -----+----------------+---      ---+--------------+  +------------+  +---------------+-------------+---
#           client wire               director wire        middle wire          server wire
#
#   request   client → VIP:80, rewritten to 10.1.0.5:port → server:8080, by way of two routers
#   answer    server:8080 → 10.1.0.5:port, rewritten to VIP:80 → client
#
# Neither the routers nor the servers know a way to the client network.

vip=172.16.29.4

topology_build() {
  wire outside
  wire first
  wire middle
  wire last
  host client director rs1 rs2
  router r1 r2
  plug client eth0 outside 02:00:00:00:00:01 172.16.29.1/24
  plug director eth0 outside 02:00:00:00:00:03 172.16.29.3/24
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32
  plug director eth1 first 02:00:00:00:01:05 10.1.0.5/24
  plug r1 eth0 first 02:00:00:00:01:01 10.1.0.1/24
  plug r1 eth1 middle 02:00:00:00:02:01 10.2.0.1/24
  plug r2 eth0 middle 02:00:00:00:02:02 10.2.0.2/24
  plug r2 eth1 last 02:00:00:00:03:01 10.3.0.1/24
  plug rs1 eth0 last 02:00:00:00:03:10 10.3.0.10/24
  plug rs2 eth0 last 02:00:00:00:03:20 10.3.0.20/24
  route director 10.0.0.0/8 via 10.1.0.1
  route r1 10.3.0.0/24 via 10.2.0.2
  route r2 10.1.0.0/24 via 10.2.0.1
  for name in rs1 rs2; do
    route $name 10.0.0.0/8 via 10.3.0.1
    web $name 8080
  done
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s wrr --local-address 10.1.0.5
-a -t $vip:80 -r 10.3.0.10:8080 --fullnat -w 1
-a -t $vip:80 -r 10.3.0.20:8080 --fullnat -w 2
SERVICES
}

# The local address is svs's own, whoever has the VIP.
topology_start() { director --interface eth0 --interface eth1 --own all; }

topology_play() {
  echo "client curl http://$vip/peer"
  echo "director svs adm -Lnc"
  echo "rs1 ip route get 172.16.29.1"
}

no_way_back() { ! q "$1" ip route get 172.16.29.1 >/dev/null 2>&1; }

topology_demo() {
  local answers
  say "The servers have no way to the client"
  for name in rs1 rs2 r2; do check "$name has no route to 172.16.29.1" no_way_back $name; done
  say "30 requests to http://$vip/, weights 1 and 2"
  answers=$(ask 30 http://$vip/ | tally)
  tell "$answers"
  check "rs1 answered 10 of 30, rs2 20" same "$answers" "rs1=10 rs2=20"
  say "Whom does the server see?"
  answers=$(ask 1 http://$vip/peer)
  check "the server sees the director's local address" same "$answers" 10.1.0.5
  check "all 31 connections are counted" wait_for 10 "the counters" counted 31
  n director svs adm -Ln --stats
  n director svs adm -Lnc | head -n 6
}
