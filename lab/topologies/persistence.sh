# Persistence: how long and how widely a client stays on its server, side by side on four VIPs.
#
#     clients               director                rs1                     rs2
#   172.16.29.1           172.16.29.3            172.16.29.10            172.16.29.20
#   172.16.29.101–104    the five VIPs           lo: VIPs, silent        lo: VIPs, silent
#        |                     |                 ports 80, 443, 8080     ports 80, 443, 8080
#        |                     |                     |                       |
#   -----+---------------------+---------------------+-----------------------+-----  one wire
#
#   172.16.29.4   none         -A -t VIP:80 -s rr                         each request its own server
#   172.16.29.5   per port     -A -t VIP:80 -s rr -p 60, and :443         a server for each port
#   172.16.29.6   per mark     -A -f 1 -s rr -p 60; 80 and 443 marked 1   one server for the marked ports
#   172.16.29.7   per client   -A -t VIP:0 -s rr -p 60                    one server for all ports
#   172.16.29.8   short        -A -u VIP:53 -s rr -p 2                    what happens when the time is up

none=172.16.29.4 per_port=172.16.29.5 per_mark=172.16.29.6 per_client=172.16.29.7 short=172.16.29.8
vips=($none $per_port $per_mark $per_client $short)
clients=(172.16.29.101 172.16.29.102 172.16.29.103 172.16.29.104)

topology_build() {
  wire wire
  host client director rs1 rs2
  plug client eth0 wire 02:00:00:00:00:01 172.16.29.1/24
  address client eth0 "${clients[@]/%//24}"
  plug director eth0 wire 02:00:00:00:00:03 172.16.29.3/24
  [[ -z ${vip_on_host:-} ]] || address director eth0 "${vips[@]/%//32}"
  plug rs1 eth0 wire 02:00:00:00:00:10 172.16.29.10/24
  plug rs2 eth0 wire 02:00:00:00:00:20 172.16.29.20/24
  for name in rs1 rs2; do
    own_quietly $name "${vips[@]}"
    web $name 80 443 8080
    udp_echo $name 53 $short
  done
  cat >"$scratch/marks" <<MARKS
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d $per_mark/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -d $per_mark/32 -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
MARKS
  # Each service with its two servers; a mark and port 0 keep the port the client asked for.
  local service
  for service in "-t $none:80 -s rr" "-t $none:443 -s rr" "-t $per_port:80 -s rr -p 60" "-t $per_port:443 -s rr -p 60" \
    "-f 1 -s rr -p 60" "-t $per_client:0 -s rr -p 60" "-u $short:53 -s rr -p 2"; do
    set -- $service
    local port=${2##*:}
    [[ $1 != -f ]] || port=0
    echo "-A $service"
    echo "-a $1 $2 -r 172.16.29.10:$port -g -w 1"
    echo "-a $1 $2 -r 172.16.29.20:$port -g -w 1"
  done >"$scratch/services"
}

topology_start() { director --marks "$scratch/marks" --interface eth0 $(owning); }

topology_play() {
  echo "client curl --interface ${clients[0]} http://$per_client/"
  echo "director svs adm -Lnc"
  echo "director svs adm -Ln --persistent-conn"
}

# homes VIP SCHEME[:PORT] CLIENT: which servers answered two requests, as "rs1" or "rs1+rs2".
homes() { ask 2 "${2%%:*}://$1$([[ $2 == *:* ]] && echo ":${2#*:}")/" --interface "$3" 3>/dev/null | sort -u | paste -sd +; }

topology_demo() {
  local client
  say "Two requests over http and two over https from each of four clients"
  printf '  %-15s %-17s %-17s %-17s %-17s\n' client none 'per port' 'per mark' 'per client'
  declare -A home
  # https in the opposite order of clients: two services that merely count alike must not look like one.
  for client in "${clients[@]}"; do for vip in "${vips[@]:0:4}"; do home[$vip,http,$client]=$(homes $vip http "$client"); done; done
  for client in $(printf '%s\n' "${clients[@]}" | tac); do
    for vip in "${vips[@]:0:4}"; do home[$vip,https,$client]=$(homes $vip https "$client"); done
  done
  for client in "${clients[@]}"; do
    printf '  %-15s' "$client"
    for vip in "${vips[@]:0:4}"; do printf ' %-17s' "${home[$vip,http,$client]} ${home[$vip,https,$client]}"; done
    echo
  done
  for client in "${clients[@]}"; do
    check "$client: without persistence both servers" same "${home[$none,http,$client]}" rs1+rs2
    check "$client: per port, one server for each port" [ "${#home[$per_port,http,$client]}${#home[$per_port,https,$client]}" = 33 ]
    check "$client: per mark, one server over both ports" one_home "${home[$per_mark,http,$client]}" "${home[$per_mark,https,$client]}"
    check "$client: per client, one server over both ports" one_home "${home[$per_client,http,$client]}" "${home[$per_client,https,$client]}"
    check "$client: … and on port 8080 too" one_home "${home[$per_client,http,$client]}" "$(homes $per_client http:8080 "$client")"
  done
  check "per port: the ports of one client need not share a server" test "${home[$per_port,http,${clients[0]}]}" != "${home[$per_port,https,${clients[0]}]}"

  say "What it costs: one busy client, 10 requests"
  before=$(ask 10 http://$none/ | tally)
  after=$(ask 10 http://$per_client/ | tally)
  echo "  without persistence: $before"
  echo "  per client:          $after"
  check "without persistence the servers share evenly" same "$before" "rs1=5 rs2=5"
  check "with it one server has all of it" test "${after#*=}" = 10
  n director svs adm -Ln --persistent-conn

  say "When the time is up: UDP, -p 2, and UDP connections that live 1 second"
  n director svs adm --set 0 0 1
  first=$(udp ask "${clients[0]}" $short 53 3 | tally)
  echo "  three datagrams: $first"
  check "all three went to one server" test "${first#*=}" = 3
  n director svs adm -Lnc | grep -E 'UDP|source' || true
  wait_for 30 "the template to expire" expired
  second=$(udp ask "${clients[0]}" $short 53 3 | tally)
  echo "  three datagrams after it expired: $second"
  check "the next server has its turn" test "${second%%=*}" != "${first%%=*}" -a "${second#*=}" = 3
  echo "  (A TCP client keeps its template longer: as long as one of its connections is still remembered, in steps of 60 s.)"
}

one_home() { same "$1" "$2" && [[ $1 == rs[12] ]]; }
expired() { ! adm -Lnc | grep -q "$short"; }
