#!/usr/bin/env bash
# Two directors that are each other's real servers, as keepalived keeps them: the VIP on the interface of the one, silent on the
# lo of the other, and a web server on both. A packet that the one sends to the other must reach the web server there and not be
# scheduled a second time: net.ipv4.vs.backup_only with the backup daemon does that, and the roles change at once.
# Marks that leave out what comes from the other director do it, too.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr

# client 172.16.29.1, director 172.16.29.3, backup 172.16.29.5, one wire
wire wire
host client director backup
plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24 fd00::1/64
plug director eth0 wire "${mac_of[director]}" 172.16.29.3/24 fd00::3/64
plug backup eth0 wire 02:00:00:00:00:05 172.16.29.5/24 fd00::5/64
address director eth0 $vip/32 $vip6/128
own_quietly backup $vip $vip6
q director sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=2
for name in director backup; do
  web $name
  udp_echo $name 7 $vip $vip6
done
for at in "-t $vip:80 172.16.29" "-t [$vip6]:80 fd00" "-u $vip:7 172.16.29" "-u [$vip6]:7 fd00"; do
  read -r proto virtual net <<<"$at"
  port=${virtual##*:}
  if [[ $net == fd00 ]]; then own="[fd00::3]" other="[fd00::5]"; else own=$net.3 other=$net.5; fi
  printf '%s\n' "-A $proto $virtual -s rr" "-a $proto $virtual -r $own:$port -g" "-a $proto $virtual -r $other:$port -g"
done >"$scratch/services"

adm_of() { local name=$1; shift; q "$name" svs adm --control "$scratch/$name.control" "$@"; }
start_director() { # HOST [OPTION...]
  start "$1" "$1-svs" svs run --services "$scratch/services" --state none --interface eth0 --control "$scratch/$1.control" "${@:2}"
  wait_for 10 "svs of $1 to answer" eval "adm_of $1 -Ln >/dev/null 2>&1"
}
# connections of the web service that a director has scheduled
scheduled() { adm_of "$1" -Lnc | grep -c "$vip:80 "; }
role() { adm_of "$1" "--$2-daemon" "$3" $([[ $2 == stop ]] || echo --mcast-interface eth0); }

start_director director
start_director backup
capture client back eth0 'icmp[0] = 11'
check "without backup_only, half of what comes to the backup goes back" same "$(ask 4 "http://$vip/" | tally)" "backup=1 director=2 nobody=1"
check "… to and fro until its TTL is used up" test "$(captured back | wc -l)" -gt 0
check "the backup schedules what was scheduled" test "$(scheduled backup)" -gt 0
for name in director backup; do stop $name-svs; done

echo 'net.ipv4.vs.backup_only = 1' >"$scratch/sysctl"
for name in director backup; do start_director $name --sysctl "$scratch/sysctl"; done
role director start master
role backup start backup
both() { # WHAT
  check "$1: both servers answer" same "$(ask 6 "http://$vip/" | tally)" "backup=3 director=3"
  check "$1: … over IPv6" same "$(ask 6 "http://[$vip6]/" | tally)" "backup=3 director=3"
  check "$1: … UDP" same "$(udp ask 172.16.29.1 $vip 7 4 | tally)" "backup=2 director=2"
}
both "a backup only"
check "it schedules nothing" same "$(scheduled backup)" 0
explained() { q backup svs explain --control "$scratch/backup.control" --live "tcp 172.16.29.1:5555 > $vip:80 SYN"; }
check "it explains why" grep -q 'passed, pass-backup-only' <(explained)
check "a closed port of it is its host's" same "$(q client curl -gsS --max-time 4 "http://$vip:81/" >/dev/null 2>&1; echo $?)" 7

# turn FROM TO: the old master lets go, the new one takes, the client hears of it, and the old one becomes the backup.
turn() {
  ip -n "svs-$run-$1" address del $vip/32 dev eth0; ip -n "svs-$run-$1" address del $vip6/128 dev eth0
  address "$2" eth0 $vip/32 $vip6/128
  ip -n "svs-$run-$2" address del $vip/32 dev lo; ip -n "svs-$run-$2" address del $vip6/128 dev lo
  role "$2" stop backup; role "$2" start master
  q client ip neigh flush dev eth0
  role "$1" stop master; role "$1" start backup
  address "$1" lo $vip/32 $vip6/128
}
# Two connections, one to each server: that to the backup's own goes on when the backup becomes the master.
large
for port in 40001 40002; do
  start client long$port curl -gfsS --local-port $port --limit-rate 5M -o "$scratch/long$port" "http://$vip/files/large"
  wait_for 15 "the long connection" test -s "$scratch/long$port"
done
kept=$(q backup ss -Htn state established "sport = :80" | grep -o ':4000[12]' | tr -d :)
turn director backup
both "the roles changed"
check "who was the master has the backup's role" grep -q '^backup ' <(adm_of director -L --daemon)
whole() { [[ $(stat -c %s "$1") == $(stat -c %s "$scratch/files/large") ]]; }
check "a connection to the new master's own server goes on" wait_for 60 "the rest of it" whole "$scratch/long$kept"
before=$(scheduled director)
turn backup director
both "the roles changed again"
check "who is the master again schedules again" test "$(scheduled director)" -gt "$before"
for name in director backup; do stop $name-svs; done

# -- the other cure --
printf '%s\n' "-A -f 7 -s rr" "-a -f 7 -r 172.16.29.3 -g" "-a -f 7 -r 172.16.29.5 -g" >"$scratch/services"
declare -A other=([director]=02:00:00:00:00:05 [backup]=${mac_of[director]})
for name in director backup; do
  q $name nft -f - <<NFT
table inet cure {
  chain prerouting {
    type filter hook prerouting priority mangle;
    ether saddr != ${other[$name]} ip daddr $vip tcp dport 80 meta mark set 7
  }
}
NFT
  start_director $name --marks-from-host
done
check "marks by the sender's MAC: both servers answer" same "$(ask 6 "http://$vip/" | tally)" "backup=3 director=3"
check "… and the backup schedules nothing" same "$(scheduled backup)" 0
q backup nft add rule inet cure prerouting ip daddr $vip tcp dport 80 meta mark set 7
schedules() { ask 2 "http://$vip/" >/dev/null 3>&1; (( $(scheduled backup) > 0 )); }
check "… as it would without them" wait_for 20 "the backup to schedule" schedules
exit $((failures > 0))
