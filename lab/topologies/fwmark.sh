# A firewall mark joins two ports into one service: a client stays on its server over http and https.
#
#     clients               director                rs1                     rs2
#   172.16.29.1           172.16.29.3            172.16.29.10            172.16.29.20
#   172.16.29.101–104    VIP 172.16.29.4         lo: VIP, silent         lo: VIP, silent
#        |                     |                 ports 80 and 443        ports 80 and 443
#        |                     |                     |                       |
#   -----+---------------------+---------------------+-----------------------+-----  one wire
#
#   marks     VIP:80 → 1, VIP:443 → 1     (a file in the form of iptables-save: svs run --marks FILE)
#   service   -A -f 1 -s rr -p 60

vip=172.16.29.4
clients=(172.16.29.101 172.16.29.102 172.16.29.103 172.16.29.104)

topology_build() {
  wire wire
  host client director rs1 rs2
  plug client eth0 wire 02:00:00:00:00:01 172.16.29.1/24
  address client eth0 "${clients[@]/%//24}"
  plug director eth0 wire 02:00:00:00:00:03 172.16.29.3/24
  [[ -z ${vip_on_host:-} ]] || address director eth0 $vip/32
  plug rs1 eth0 wire 02:00:00:00:00:10 172.16.29.10/24
  plug rs2 eth0 wire 02:00:00:00:00:20 172.16.29.20/24
  for name in rs1 rs2; do
    own_quietly $name $vip
    web $name 80 443
  done
  cat >"$scratch/marks" <<MARKS
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d $vip/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -d $vip/32 -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
MARKS
  cat >"$scratch/services" <<SERVICES
-A -f 1 -s rr -p 60
-a -f 1 -r 172.16.29.10:0 -g -w 1
-a -f 1 -r 172.16.29.20:0 -g -w 1
SERVICES
}

topology_start() { director --marks "$scratch/marks" --interface eth0 $(owning); }

topology_play() {
  echo "client curl --interface ${clients[0]} http://$vip/"
  echo "client curl -k --interface ${clients[0]} https://$vip/"
  echo "director svs adm -Lnc"
}

topology_demo() {
  local client plain_answers tls_answers homes=''
  say "Each client asks three times over http and three times over https"
  for client in "${clients[@]}"; do
    plain_answers=$(ask 3 http://$vip/ --interface "$client" | tally)
    tls_answers=$(ask 3 https://$vip/ --interface "$client" | tally)
    printf '  %s   http: %s   https: %s\n' "$client" "$plain_answers" "$tls_answers"
    check "$client stays on one server over both ports" one_home "$plain_answers" "$tls_answers"
    homes+=${plain_answers%%=*}$'\n'
  done
  check "the four clients are spread evenly" same "$(printf %s "$homes" | tally)" "rs1=2 rs2=2"
  check "all 24 connections are counted" wait_for 10 "the counters" counted 24 1
  n director svs adm -Ln --stats
  n director svs adm -Ln --persistent-conn
}

one_home() { same "$1" "$2" && [[ $1 == rs[12]=3 ]]; }
