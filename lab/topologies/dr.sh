# Direct routing, every machine in one network ("all public addresses").
#
#      client                director                rs1                     rs2
#   172.16.29.1           172.16.29.3            172.16.29.10            172.16.29.20
#     fd00::1               fd00::3                fd00::10                fd00::20
#        |               VIP 172.16.29.4         lo: VIP, silent         lo: VIP, silent
#        |               VIP fd00::4             weight 1                weight 2
#        |                     |                     |                       |
#   -----+---------------------+---------------------+-----------------------+-----  one wire
#
#   request   client → director, director → server: only the MAC address changes
#   answer    server → client, past the director
#
# --vip-on-host: the VIP stands on the director's eth0, as in the classic guides; else svs itself answers for it (--own all).

vip=172.16.29.4 vip6=fd00::4
declare -gA mac_of=([client]=02:00:00:00:00:01 [director]=02:00:00:00:00:03 [rs1]=02:00:00:00:00:10 [rs2]=02:00:00:00:00:20)

topology_build() {
  wire wire
  host client director rs1 rs2
  plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24 fd00::1/64
  plug director eth0 wire "${mac_of[director]}" 172.16.29.3/24 fd00::3/64
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32 $vip6/128
  plug rs1 eth0 wire "${mac_of[rs1]}" 172.16.29.10/24 fd00::10/64
  plug rs2 eth0 wire "${mac_of[rs2]}" 172.16.29.20/24 fd00::20/64
  own_quietly rs1 $vip $vip6
  own_quietly rs2 $vip $vip6
  web rs1
  web rs2
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s wrr
-a -t $vip:80 -r 172.16.29.10:80 -g -w 1
-a -t $vip:80 -r 172.16.29.20:80 -g -w 2
-A -t [$vip6]:80 -s wrr
-a -t [$vip6]:80 -r [fd00::10]:80 -g -w 1
-a -t [$vip6]:80 -r [fd00::20]:80 -g -w 2
SERVICES
}

topology_start() { director --interface eth0 $(owning); }

topology_play() {
  echo "client curl http://$vip/"
  echo "director svs adm -Ln --stats"
  echo "director tcpdump -ni eth0 -e"
}

topology_demo() {
  local answers
  for address in $vip "[$vip6]"; do
    say "30 requests to http://$address/, weights 1 and 2"
    capture director past eth0 'tcp src port 80'
    answers=$(ask 30 "http://$address/" | tally)
    tell "$answers"
    check "rs1 answered 10 of 30, rs2 20" same "$answers" "rs1=10 rs2=20"
    check "no answer passed through the director's interface" same "$(captured past | wc -l)" 0
  done
  say "What the director counted: packets in, none out"
  check "all 30 connections are counted" wait_for 10 "the counters" counted 30 "[$vip6]:80"
  n director svs adm -Ln --stats
  check "OutPkts is 0 everywhere" same "$(adm -Ln --stats | awk 'NR > 3 && $(NF - 2) != 0' | wc -l)" 0
  arp_pitfall
}

# What the client's question "who has the VIP" brings, when the servers answer it too, and when they ask in the VIP's name.
arp_pitfall() {
  say "The ARP pitfall, first half: arp_ignore=0, the servers answer for every address they have, on lo too"
  for name in rs1 rs2; do n $name sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0; done
  who_has_vip
  check "several machines claim the VIP" test "$(wc -w <<<"$claims")" -gt 1

  say "The ARP pitfall, second half: arp_ignore=1 but arp_announce=0, the servers ask ARP in the VIP's name"
  for name in rs1 rs2; do
    n $name sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=0
  done
  check "the client's entry for the VIP moves to a server" wait_for 10 "a server to claim the VIP" vip_stolen
  n client ip neigh show $vip

  say "Set right again: arp_ignore=1, arp_announce=2"
  for name in rs1 rs2; do n $name sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=2; done
  who_has_vip
  check "only the director claims the VIP" same "$claims" "${mac_of[director]}"
}

# who_has_vip: forgets the VIP and asks anew, six times; $claims = the MAC addresses that claimed it.
who_has_vip() {
  local i answer
  capture client claims eth0 "arp[6:2] = 2 and arp[14:4] = 0x$(printf '%02x' ${vip//./ })"
  for i in 1 2 3 4 5 6; do
    # On a real wire luck decides who is first; a bridge asks the cable plugged last.
    q wire ip link set "rs$((i % 2 + 1))-eth0" nomaster
    q wire ip link set "rs$((i % 2 + 1))-eth0" master br0
    q client ip neigh flush to $vip dev eth0
    answer=$(ask 1 http://$vip/ 3>/dev/null)
    printf '  question %d: the client believes %s, and %s answers\n' $i "$(believed)" "$answer"
  done
  claims=$(captured claims | grep -o 'is-at [0-9a-f:]*' | cut -d ' ' -f 2 | sort | uniq -c |
    tee >(awk '{ print "  " $2 " claimed the VIP " $1 " times" }' >&3) | awk '{ print $2 }' | paste -sd ' ')
}

believed() { q client ip neigh show $vip | grep -o 'lladdr [0-9a-f:]*' | cut -d ' ' -f 2; }

vip_stolen() {
  for name in rs1 rs2; do q $name ip neigh flush to 172.16.29.1 dev eth0; done
  ask 2 http://$vip/ 3>/dev/null >&3
  [[ $(believed) != "${mac_of[director]}" ]]
}
