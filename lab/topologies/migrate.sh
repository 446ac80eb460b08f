# From a kernel director to svs and back, under connections that live on (direct routing).
#
#      client              kernel                svs                rs1                rs2
#   172.16.29.1         172.16.29.3         172.16.29.5        172.16.29.10       172.16.29.20
#        |              VIP 172.16.29.4     then here        lo: VIP, silent    lo: VIP, silent
#        |                   |                   |                  |                  |
#   -----+-------------------+-------------------+------------------+------------------+-----  one wire
#
#   kernel   a Linux kernel in User-Mode Linux with IPVS and ipvsadm: the director that is to be replaced
#   svs      has the same rules and hears what the kernel's master daemon says of its connections; then the address moves, and the
#            daemons change their roles; then everything moves back

vip=172.16.29.4
first=20 second=10
declare -gA mac_of=([client]=02:00:00:00:00:01 [kernel]=02:00:00:00:00:03 [svs]=02:00:00:00:00:05 [rs1]=02:00:00:00:00:10 [rs2]=02:00:00:00:00:20)

topology_build() {
  local name
  command -v "${SVS_KERNEL:-linux.uml}" >/dev/null || { say "skipped: User-Mode Linux is not installed (apt-get install user-mode-linux)"; exit 0; }
  wire wire
  host client kernel svs rs1 rs2
  # The guest's stack is its own: of its host's nothing may be on the wire.
  q kernel sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24
  plug kernel eth0 wire "${mac_of[kernel]}"
  plug svs eth0 wire "${mac_of[svs]}" 172.16.29.5/24
  plug rs1 eth0 wire "${mac_of[rs1]}" 172.16.29.10/24
  plug rs2 eth0 wire "${mac_of[rs2]}" 172.16.29.20/24
  for name in client kernel svs rs1 rs2; do q $name ethtool -K eth0 tx off tso off gso off gro off >/dev/null 2>&1; done
  # A client's buffer must not swallow what is on its way for seconds.
  q client sysctl -qw net.ipv4.tcp_rmem="4096 65536 65536"
  own_quietly rs1 $vip
  own_quietly rs2 $vip
  for name in rs1 rs2; do web $name 80 8080; done
  cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s rr
-a -t $vip:80 -r 172.16.29.10:80 -g
-a -t $vip:80 -r 172.16.29.20:80 -g
-A -t $vip:8080 -s rr -p 300
-a -t $vip:8080 -r 172.16.29.10:8080 -g
-a -t $vip:8080 -r 172.16.29.20:8080 -g
SERVICES
}

in_kernel() { "$lab/tools/kernel" run "$scratch/guest" "$@"; }
kernel_answers() { [[ -e $scratch/guest/guest.log ]] && timeout 20 "$lab/tools/kernel" run "$scratch/guest" "ip link show eth0" | grep -q "${mac_of[kernel]}"; }

topology_start() {
  mkdir "$scratch/guest"
  start kernel guest "$lab/tools/kernel" boot "$scratch/guest" eth0 "${mac_of[kernel]}" ip_vs ip_vs_rr
  wait_for 60 "the kernel to be up" kernel_answers || { cat "$scratch/guest.log" "$scratch/guest/guest.log"; exit 1; }
  in_kernel "ip address add 172.16.29.3/24 dev eth0"
  in_kernel "ipvsadm -R < $scratch/services && ipvsadm --set 0 120 300" || exit 1
  start svs svs svs run --interface eth0 --services "$scratch/services" --state none --control "$SVS_CONTROL"
  wait_for 10 "svs to answer" director_answers || { cat "$scratch/svs.log"; exit 1; }
  in_kernel "ip address add $vip/32 dev eth0; ipvsadm --start-daemon master --mcast-interface eth0 --syncid 7" || exit 1
  adm_of_svs --start-daemon backup --mcast-interface eth0 --syncid 7
}
adm_of_svs() { q svs svs adm "$@"; }
director_answers() { adm_of_svs -Ln >/dev/null 2>&1; }

topology_play() {
  echo "svs svs adm -Lnc"
  echo "client curl http://$vip/"
}

# connections_of: "STATE CLIENT VIRTUAL SERVER" of each connection and template of the address, sorted, from ipvsadm's listing.
connections_of() { "$@" -Lnc | awk -v vip="$vip" '$5 ~ "^" vip ":" { print $3, $4, $5, $6 }' | sort; }
of_kernel() { connections_of in_kernel ipvsadm; }
of_svs() { connections_of adm_of_svs; }
downloads_at() { "$1" | grep -c "ESTABLISHED .*:200[0-9][0-9] $vip:80 "; }
has_downloads() { (( $(downloads_at "$1") >= $2 )); }
same_downloads() { [[ $(of_kernel | grep ":80 ") == "$(of_svs | grep ":80 ")" ]]; }

# begin_downloads LABEL FIRST COUNT
begin_downloads() {
  start client "$1" /usr/bin/python3 "$lab/tools/tcp" downloads $vip /files/part $((20000 + $2)) "$3" 20 "$scratch"
}
whole() {
  local one count=0
  for one in "$scratch"/part[0-9]*; do cmp -s "$one" "$scratch/files/part" && count=$((count + 1)); done
  echo $count
}
sticky() { q client curl -gsS --max-time 5 "http://$vip:8080/"; }
finished() { ! alive "$1"; }

# The client asks anew who has the address, as VRRP would make it.
asks_anew() { q client ip neigh flush to $vip dev eth0; }

topology_demo() {
  local sticks
  head -c 2000000 /dev/urandom >"$scratch/files/part"
  say "$first downloads by way of the kernel"
  begin_downloads early 0 $first
  check "the client is served by the kernel" wait_for 10 "that" has_downloads of_kernel $first
  sticks=$(sticky)
  check "svs hears of all of them" wait_for 20 "them" has_downloads of_svs $first
  check "… with the states and servers that the kernel has" wait_for 10 "that" same_downloads
  say "The address moves to svs, and the roles change"
  in_kernel "ip address del $vip/32 dev eth0; ipvsadm --stop-daemon master; ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 7"
  address svs eth0 $vip/32
  asks_anew
  adm_of_svs --stop-daemon backup
  adm_of_svs --start-daemon master --mcast-interface eth0 --syncid 7
  check "the persistent client meets the server that the kernel gave it" same "$(sticky)" "$sticks"
  begin_downloads late $first $second
  check "$second more downloads by way of svs: the kernel hears of all $((first + second))" wait_for 20 "them" has_downloads of_kernel $((first + second))
  n svs svs adm -Ln --stats
  say "And back to the kernel"
  ip -n "svs-$run-svs" address del $vip/32 dev eth0
  in_kernel "ip address add $vip/32 dev eth0; ipvsadm --stop-daemon backup; ipvsadm --start-daemon master --mcast-interface eth0 --syncid 7"
  asks_anew
  adm_of_svs --stop-daemon master
  check "the persistent client still meets it" same "$(sticky)" "$sticks"
  check "all downloads end" wait_for 90 "the first" finished early
  wait_for 90 "the others" finished late
  check "$((first + second)) of $((first + second)) are whole" same "$(whole)" $((first + second))
  in_kernel ipvsadm -Ln --stats
}
