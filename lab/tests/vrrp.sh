#!/usr/bin/env bash
# Two directors as VRRP keeps them: the same services on both, the VIP on one of them. Only that one answers for it, whoever
# starts when, and a move of the VIP is followed at once. The same host for both stacks: nobody owns anything.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
host backup
mac_of[backup]=02:00:00:00:00:04
plug backup eth0 wire "${mac_of[backup]}" 172.16.29.5/24 fd00::5/64
udp_echo rs1 7 $vip $vip6
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r 172.16.29.10:7 -g
SERVICES

start_backup() {
  start backup backup svs run --services "$scratch/services" --state none --interface eth0 --control "$scratch/backup.control"
  wait_for 10 "the backup to answer" backup_answers
}
backup_answers() { q backup svs adm --control "$scratch/backup.control" -Ln >/dev/null 2>&1; }

# holders ADDRESS: the machines that a fresh question for the VIP is answered by.
holders() {
  capture client holders eth0 "arp[6:2] = 2 or (icmp6 and ip6[40] = 136)"
  q client ip neigh flush to "$1" dev eth0
  ask 1 "http://$([[ $1 == *:* ]] && echo "[$1]" || echo "$1")/" >/dev/null 3>&1
  captured holders | grep -F "${2:-Reply $1 }" | grep -o '^[^ ]* [0-9a-f:]\{17\}' | cut -d ' ' -f 2 | sort -u | paste -sd ' '
}
move() { # FROM TO: the old one lets go, the new one takes, and the client hears of it
  ip -n "svs-$run-$1" address del $vip/32 dev eth0; ip -n "svs-$run-$1" address del $vip6/128 dev eth0
  address "$2" eth0 $vip/32 $vip6/128
  q client ip neigh flush dev eth0
}

topology_start
capture client claims eth0 "arp or (icmp6 and ip6[40] = 136)"
# One long connection by the master.
large
start client long curl -gfsS --limit-rate 200k -o "$scratch/long" "http://$vip/files/large"
wait_for 15 "the long connection" test -s "$scratch/long"
start_backup
check "the backup says that the addresses wait" grep -q "waiting: $vip, $vip6" "$scratch/backup.log"
check "the master says nothing of waiting" same "$(grep -c waiting "$scratch/svs.log")" 0
check "only the master answers for the VIP" same "$(holders $vip)" "${mac_of[director]}"
check "… over IPv6 too" same "$(holders $vip6 "tgt is $vip6")" "${mac_of[director]}"
check "the services answer" same "$(ask 6 "http://$vip/" | tally)" "rs1=2 rs2=4"
check "the long connection lives" alive long
stop long
check "the backup claimed nothing" same "$(captured claims | grep -c "${mac_of[backup]} .*\(is-at\|Request who-has $vip .*tell $vip\b\|tgt is $vip6\)")" 0
explained() { q backup svs explain --control "$scratch/backup.control" --live "tcp 172.16.29.1:5555 > $vip:80 SYN"; }
check "the backup explains what it would do" grep -q 'passed, pass-waiting' <(explained)

for turn in 1 2 3; do
  move director backup
  check "turn $turn: the backup has the VIP and answers at once" same "$(ask 3 "http://$vip/" | tally)" "rs1=1 rs2=2"
  check "turn $turn: it alone" same "$(holders $vip)" "${mac_of[backup]}"
  check "turn $turn: UDP too" same "$(udp ask 172.16.29.1 $vip 7 2 | tally)" "rs1=2"
  move backup director
  check "turn $turn: the master has it again" same "$(ask 3 "http://$vip/" | tally)" "rs1=1 rs2=2"
  check "turn $turn: it alone" same "$(holders $vip)" "${mac_of[director]}"
done
followed() { [[ $(grep -c "$1" "$scratch/svs.log") == "$2" ]]; }
check "the master has followed" wait_for 5 "its words" followed "on this host now: $vip\b" 3

# It is handled from the moment that it is there: the first packet behind it is answered, by nobody but the server.
connects() { # ADDRESS
  q client bash -c 'ip -n "$1" address add "$2" dev eth0 $3; exec 9<>"/dev/tcp/${2%/*}/80"' - "svs-$run-director" "$@"
}
syns_again() { q client nstat -asz TcpExtTCPSynRetrans | awk '$1 == "TcpExtTCPSynRetrans" { print $2 }'; }
before=$(syns_again)
for turn in 1 2 3 4 5; do
  for one in $vip/32 "$vip6/128 nodad"; do
    waited=$(grep -c "waiting: ${one%/*}" "$scratch/svs.log")
    ip -n "svs-$run-director" address del ${one% *} dev eth0
    wait_for 5 "the master to let go" followed "waiting: ${one%/*}" $((waited + 1))
    connects $one || { echo "  expected a connection to $one"; check "turn $turn: $one answers at once" false; }
  done
done
check "an address that comes answers to the first packet, five times" same "$(syns_again)" "$before"

# What is sent to an address that the master has let go is its host's affair, which knows no way and says so.
q director sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
q director ip route add unreachable $vip/32
q director ip -6 route add unreachable $vip6/128
for one in $vip/32 $vip6/128; do
  waited=$(grep -c "waiting: ${one%/*}" "$scratch/svs.log")
  q director ip address del $one dev eth0
  check "the master lets ${one%/*} go" wait_for 5 "its words" followed "waiting: ${one%/*}" $((waited + 1))
done
refused() { # ADDRESS
  local status=0
  q client ip neigh replace "$1" lladdr "${mac_of[director]}" dev eth0 nud permanent
  q client curl -gsS --max-time 4 "http://$([[ $1 == *:* ]] && echo "[$1]" || echo "$1")/" >/dev/null 2>&1 || status=$?
  q client ip neigh del "$1" dev eth0
  same $status 7
}
check "its host answers for what nobody has" refused $vip
check "… over IPv6 too" refused $vip6
q director ip route del unreachable $vip/32
q director ip -6 route del unreachable $vip6/128
address director eth0 $vip/32

# A local route is as good as an address.
q director ip address del $vip/32 dev eth0
q director ip route add local $vip/32 dev lo
check "a local route in the address's place, at once" same "$(ask 3 "http://$vip/" | tally)" "rs1=1 rs2=2"

# A second director on the master's interface.
second() { timeout 10 ip netns exec "svs-$run-director" svs run --services "$scratch/services" --state none --interface eth0 --control "$scratch/second.control" 2>&1; }
said=$(second); status=$?
check "a second director on the interface is refused" same $status 2
check "… and told who has it" grep -q "interface eth0: another director, process $(pid_of svs)," <<<"$said"
rm "$SVS_CONTROL"
check "a removed control socket is made again" wait_for 15 "the socket" test -S "$SVS_CONTROL"
check "… and said" grep -q "was removed; it is made again" "$scratch/svs.log"
listed() { adm -Ln | grep -qF "$vip:80"; }
check "… and answers" listed
check "no change of the master was taken for somebody who claims what is another's" same "$(grep -h " claims " "$scratch/svs.log" "$scratch/backup.log")" ""

exit $((failures > 0))
