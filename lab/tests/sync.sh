#!/usr/bin/env bash
# A pair of directors that tell each other of their connections: what the master has appears at the backup, and when the master
# dies a download that is under way goes on by way of the backup. One wire, an own wire between the directors.
# lab/tests/sync.sh [ROUNDS]: so many takeovers, 1 without a number.

source "$(dirname "$(realpath "$0")")/../lib.sh"
rounds=${1:-1}
begin_test dr

wire wire
wire between
host client director backup rs1
plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24 fd00::1/64
plug director eth0 wire "${mac_of[director]}" 172.16.29.3/24 fd00::3/64
plug backup eth0 wire 02:00:00:00:00:05 172.16.29.5/24 fd00::5/64
plug director sync0 between 02:00:00:00:00:13 10.9.9.3/24
plug backup sync0 between 02:00:00:00:00:15 10.9.9.5/24
plug rs1 eth0 wire "${mac_of[rs1]}" 172.16.29.10/24 fd00::10/64
own_quietly rs1 $vip $vip6
q rs1 sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=2
web rs1
printf '%s\n' "-A -t $vip:80 -s rr" "-a -t $vip:80 -r 172.16.29.10:80 -g" "-A -t [$vip6]:80 -s rr -p 60" "-a -t [$vip6]:80 -r [fd00::10]:80 -g" \
  >"$scratch/services"

adm_of() { local name=$1; shift; q "$name" svs adm --control "$scratch/$name.control" "$@"; }
start_director() {
  start "$1" "$1-svs" svs run --services "$scratch/services" --interface eth0 --control "$scratch/$1.control"
  wait_for 10 "svs of $1 to answer" eval "adm_of $1 -Ln >/dev/null 2>&1"
}
has() { [[ $(adm_of "$1" -Lnc 2>/dev/null) == *"$2"* ]]; }
downloaded() { stat -c %s "$scratch/got" 2>/dev/null || echo 0; }
beyond() { (( $(downloaded) > $1 )); }

head -c 12000000 /dev/urandom >"$scratch/files/long"
for (( round = 1; round <= rounds; round++ )); do
  address director eth0 $vip/32 $vip6/128
  start_director director
  start_director backup
  adm_of director --start-daemon master --mcast-interface sync0 --syncid 29
  adm_of backup --start-daemon backup --mcast-interface sync0 --syncid 29
  check "round $round: the daemons are listed" same "$(adm_of director -L --daemon; adm_of backup -L --daemon)" \
    "master sync daemon (mcast=sync0, syncid=29, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
backup sync daemon (mcast=sync0, syncid=29, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"
  rm -f "$scratch/got"
  start client download curl -sS --limit-rate 600k -o "$scratch/got" "http://$vip/files/long"
  q client curl -gsS --max-time 4 "http://[$vip6]/" >/dev/null
  check "round $round: the connection appears at the backup" wait_for 10 "the connection" has backup "$vip:80 "
  check "round $round: the template too" wait_for 10 "the template" has backup "[fd00::1]:0"
  check "round $round: the download runs" wait_for 10 "the first bytes" beyond 400000
  stop director-svs KILL
  q director ip address flush dev eth0
  address backup eth0 $vip/32 $vip6/128
  q client ip neigh replace $vip lladdr 02:00:00:00:00:05 dev eth0
  half=$(downloaded)
  check "round $round: it goes on by way of the backup" wait_for 20 "more bytes" beyond "$half"
  check "round $round: to its end" wait_for 60 "the end" beyond 11999999
  check "round $round: and is what the server has" cmp "$scratch/got" "$scratch/files/long"
  stop backup-svs
  q backup ip address del $vip/32 dev eth0
  q backup ip address del $vip6/128 dev eth0
  q client ip neigh flush dev eth0
done

exit $((failures > 0))
