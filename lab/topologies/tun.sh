# Tunnelling: the director wraps each packet in an outer one, so the servers may stand behind routers.
#
#      client          director                   r1                 r2                    rs1           rs2
#   172.16.29.1      172.16.29.3            172.16.29.254         10.8.0.2              10.9.0.10     10.9.0.20
#        |         VIP 172.16.29.4            10.8.0.1           10.9.0.254              lo: VIP       lo: VIP
#        |                |                    |    |   MTU 1400  |    |                 weight 1      weight 2
#   -----+----------------+--------------------+    +=============+    +-------------------+-------------+----
#                   outer wire                          middle                      server wire
#
#   request   client → director (VIP), then IPIP, GUE or GRE from 172.16.29.3 to the server, which unwraps it
#   answer    server → r2 → r1 → client with the VIP as its source, past the director
#
# The server's end is the kernel's own tunnel device where the kernel has one, else `svs decap`.

vip=172.16.29.4
type=${type:-ipip}
declare -gA overhead=([ipip]=20 [gue]=32 [gre]=24) # outer IPv4 20; UDP 8 and GUE 4; GRE 4

topology_build() {
  wire outside
  wire middle
  wire inside
  host client director rs1 rs2
  router r1 r2
  plug client eth0 outside 02:00:00:00:00:01 172.16.29.1/24
  plug director eth0 outside 02:00:00:00:00:03 172.16.29.3/24
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32
  plug r1 eth0 outside 02:00:00:00:00:fe 172.16.29.254/24
  plug r1 eth1 middle 02:00:00:00:08:01 10.8.0.1/24
  plug r2 eth0 middle 02:00:00:00:08:02 10.8.0.2/24
  plug r2 eth1 inside 02:00:00:00:09:fe 10.9.0.254/24
  plug rs1 eth0 inside 02:00:00:00:09:10 10.9.0.10/24
  plug rs2 eth0 inside 02:00:00:00:09:20 10.9.0.20/24
  ip -n "svs-$run-r1" link set eth1 mtu 1400
  ip -n "svs-$run-r2" link set eth0 mtu 1400
  for name in client director; do route $name default via 172.16.29.254; done
  route r1 10.9.0.0/24 via 10.8.0.2
  route r2 172.16.29.0/24 via 10.8.0.1
  for name in rs1 rs2; do
    route $name default via 10.9.0.254
    own_quietly $name $vip
    web $name
    server_end $name
  done
  local how="--tun-type $type"
  [[ $type != gue ]] || how+=" --tun-port 6080"
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s wrr
-a -t $vip:80 -r 10.9.0.10:80 -i $how -w 1
-a -t $vip:80 -r 10.9.0.20:80 -i $how -w 2
SERVICES
}

# server_end HOST: the kernel's tunnel device, or svs in its place.
server_end() {
  local name=$1
  if kernel_end "$name" 2>/dev/null; then
    say "$name unwraps $type with its kernel"
    return
  fi
  say "$name unwraps $type with svs decap (its kernel has no such device)"
  start "$name" "$name-decap" svs decap --interface eth0 --type "$type" $([[ $type == gue ]] && echo --port 6080)
  wait_for 10 "svs decap on $name" has_tun "$name" || { cat "$scratch/$name-decap.log"; exit 1; }
}
has_tun() { [[ -n $(q "$1" ip -o link show type tun) ]]; }

kernel_end() {
  local own; own=$(q "$1" ip -4 -o address show dev eth0 | awk '{ sub("/.*", "", $4); print $4 }')
  case $type in
    gue) q "$1" ip fou add port 6080 gue && q "$1" ip link add svs0 type ipip local "$own" remote any ;;
    *) q "$1" ip link add svs0 type "$type" local "$own" remote any ;;
  esac && q "$1" sysctl -qw net.ipv4.conf.svs0.rp_filter=0 && q "$1" ip link set svs0 up
}

topology_start() { director --interface eth0 $(owning); }

topology_play() {
  echo "client curl http://$vip/"
  echo "r1 tcpdump -ni eth1"
  echo "client ip route get $vip"
}

# learned HOST DESTINATION [from SOURCE]: the path MTU a host has learned by ICMP.
learned() { q "$1" ip route get "${@:2}" | grep -o 'mtu [0-9]*'; }

down_and_up() {
  check "50 MB down arrived intact" download http://$vip/files/large
  check "50 MB up arrived intact" upload http://$vip/store/ rs1 rs2
}

topology_demo() {
  local answers inner=$((1400 - overhead[$type]))
  say "30 requests to http://$vip/, weights 1 and 2, wrapped in $type"
  capture director past eth0 'tcp src port 80'
  answers=$(ask 30 http://$vip/ | tally)
  tell "$answers"
  check "rs1 answered 10 of 30, rs2 20" same "$answers" "rs1=10 rs2=20"
  check "no answer passed through the director's interface" same "$(captured past | wc -l)" 0

  say "Large transfers over the middle link of MTU 1400: the routers complain by ICMP, the ends learn"
  # Down first: once the client has learned, its SYNs ask for small segments and the server has nothing to learn.
  down_and_up
  n client ip route get $vip
  check "the client learned that $inner bytes fit into $type on the way" same "$(learned client $vip)" "mtu $inner"
  check "a server learned 1400 for its answers" learned_by_server
  check "all 32 connections are counted" wait_for 10 "the counters" counted 32
  n director svs adm -Ln --stats

  say "The same with every such ICMP message lost in r1 and r2"
  for name in r1 r2; do
    q $name nft 'add table ip lost; add chain ip lost out { type filter hook output priority 0; }
      add rule ip lost out icmp type destination-unreachable drop'
  done
  for name in client director rs1 rs2; do q $name ip route flush cache; done
  check "without a clamp, a download starves" starves
  say "The director is told the MTU of its route, and --mss-clamp auto: each client's SYN offers what the tunnel can carry"
  n director ip route add 10.9.0.0/24 via 172.16.29.254 mtu 1400
  n director svs adm -E -t $vip:80 -s wrr --mss-clamp auto
  down_and_up
}

learned_by_server() {
  local name
  for name in rs1 rs2; do [[ $(learned $name 172.16.29.1 from $vip) != "mtu 1400" ]] || return 0; done
  n rs1 ip route get 172.16.29.1 from $vip
  return 1
}

starves() { ! q client curl -sS --max-time 3 -o "$scratch/starved" http://$vip/files/large 2>/dev/null; }
