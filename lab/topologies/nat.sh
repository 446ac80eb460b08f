# Masquerading (NAT): the director rewrites addresses and ports in both directions, so every packet passes through it.
#
#      client                 director                      rs1                 rs2
#   172.16.29.1       172.16.29.3 | 192.168.95.1        192.168.95.2        192.168.95.3
#     fd00::1             fd00::3 | fd95::1               fd95::2             fd95::3
#        |        VIP 172.16.29.4 |    |                port 8080           port 8080
#        |        VIP fd00::4     |    |                weight 1            weight 2
#        |                |            |                    |                   |
#   -----+----------------+---         +--------------------+-------------------+----
#           outer wire                               inner wire
#
#   request   client → VIP:80, rewritten to server:8080
#   answer    server:8080 → client by way of the director (the servers' gateway), rewritten to VIP:80

vip=172.16.29.4 vip6=fd00::4

topology_build() {
  wire outside
  wire inside
  host client rs1 rs2
  router director
  plug client eth0 outside 02:00:00:00:00:01 172.16.29.1/24 fd00::1/64
  plug director eth0 outside 02:00:00:00:00:03 172.16.29.3/24 fd00::3/64
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32 $vip6/128
  plug director eth1 inside 02:00:00:00:95:01 192.168.95.1/24 fd95::1/64
  plug rs1 eth0 inside 02:00:00:00:95:02 192.168.95.2/24 fd95::2/64
  plug rs2 eth0 inside 02:00:00:00:95:03 192.168.95.3/24 fd95::3/64
  for name in rs1 rs2; do
    route $name default via 192.168.95.1
    route $name default via fd95::1
    web $name 8080
  done
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s wrr
-a -t $vip:80 -r 192.168.95.2:8080 -m -w 1
-a -t $vip:80 -r 192.168.95.3:8080 -m -w 2
-A -t [$vip6]:80 -s wrr
-a -t [$vip6]:80 -r [fd95::2]:8080 -m -w 1
-a -t [$vip6]:80 -r [fd95::3]:8080 -m -w 2
SERVICES
}

topology_start() { director --interface eth0 --interface eth1 $(owning); }

topology_play() {
  echo "client curl http://$vip/peer"
  echo "director svs adm -Lnc"
  echo "rs1 tcpdump -ni eth0 port 8080"
}

topology_demo() {
  local answers
  for address in $vip "[$vip6]"; do
    say "30 requests to http://$address/, weights 1 and 2, port 80 outside and 8080 inside"
    capture client untranslated eth0 'src net 192.168.95.0/24 or src net fd95::/64'
    answers=$(ask 30 "http://$address/" | tally)
    tell "$answers"
    check "rs1 answered 10 of 30, rs2 20" same "$answers" "rs1=10 rs2=20"
    check "nothing reached the client untranslated" same "$(captured untranslated | wc -l)" 0
  done
  say "Whom does the server see?"
  answers=$(ask 1 http://$vip/peer)
  check "the server sees the client itself" same "$answers" 172.16.29.1
  say "Every packet of both directions is counted"
  check "all 31 connections are counted" wait_for 10 "the counters" counted 31
  n director svs adm -Ln --stats
  check "OutPkts is counted for every server" same "$(adm -Ln --stats | awk '$1 == "->" && $5 == 0' | grep -c :8080)" 0
  n director svs adm -Lnc | head -n 6
}
