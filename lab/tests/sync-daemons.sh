#!/usr/bin/env bash
# What becomes of synchronisation daemons: both at once, several ports, groups of both families, an interface that comes late, is
# lost and made anew, a director that dies, and svs run that is killed and started again.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
source "$lab/pair.sh"
state_folder=/dev/shm/svs-lab-$run

# client, rs1, and the directors a and b on one wire; a and b on a wire of their own
wire wire
wire between
host client a b rs1
plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24
plug a eth0 wire 02:00:00:00:00:03 172.16.29.3/24
plug b eth0 wire 02:00:00:00:00:05 172.16.29.5/24
plug rs1 eth0 wire "${mac_of[rs1]}" 172.16.29.10/24
own_quietly rs1 $vip
own_quietly rs1 172.16.29.40
web rs1
printf '%s\n' "-A -t $vip:80 -s rr" "-a -t $vip:80 -r 172.16.29.10:80 -g" "-A -t 172.16.29.40:80 -s rr" "-a -t 172.16.29.40:80 -r 172.16.29.10:80 -g" \
  >"$scratch/services"
echo 'net.ipv4.vs.sync_ports = 4' >"$scratch/sysctl"
# a is the master of the one address, b of the other.
address a eth0 $vip/32
address b eth0 172.16.29.40/32

start_of() {
  start "$1" "$1-svs" svs run --interface eth0 --control "$scratch/$1.control" --state "$state_folder" --name "$1" --services "$scratch/services" --sysctl "$scratch/sysctl"
  wait_for 10 "svs of $1 to answer" director_answers "$1" || { cat "$scratch/$1-svs.log"; exit 1; }
}
director_of() { pgrep -P "$(pid_of "$1-svs")" -f 'svs director'; }
another_than() { local now; now=$(director_of "$1") && [[ $now != "$2" ]] && director_answers "$1"; }
# sync_wire HOST NUMBER: its end of the wire between them.
sync_wire() { plug "$1" sync0 between 02:00:00:00:01:0"$2" 10.9.9."$2"/24 fd99::"$2"/64; }
said() { grep -q -- "$2" "$scratch/$1-svs.log"; }

ports=20000
# heard SENTENCE FROM ADDRESS BY: ten connections to the address, which director FROM directs, are known to BY. Asked anew until they
# are: what is said while nobody listens is lost.
heard() { check "$1" wait_for 20 "connections by way of $2 at $4" known_at "$3" "$4"; }
known_at() {
  local i
  if (( ${asked:-0} + 4 <= SECONDS )); then
    asked=$SECONDS ports=$((ports + 10))
    for ((i = 0; i < 10; i++)); do q client curl -gsS --max-time 3 --local-port $((ports + i)) -o "$scratch/answer" "http://$1/"; done
  fi
  (( $(adm_of "$2" -Lnc 2>/dev/null | grep -c "172.16.29.1:${ports%?}[0-9] *$1:80") == 10 ))
}
both_ways() { asked=''; heard "$1: b hears of a's connections" a $vip b; asked=''; heard "$1: a hears of b's" b 172.16.29.40 a; }
daemons_of() { adm_of "$1" -L --daemon | sort; }
roles_of() { daemons_of "$1" | cut -d ' ' -f 1 | paste -sd ' '; }
begin() { local n role; for n in a b; do for role in master backup; do adm_of $n --start-daemon $role --mcast-interface sync0 --syncid 9 "$@"; done; done; }
finish() { local n role; for n in a b; do for role in master backup; do adm_of $n --stop-daemon $role; done; done; }

start_of a
start_of b
check "a daemon on an interface that is not there is refused" same "$(adm_of a --start-daemon master --mcast-interface sync0 2>&1 >/dev/null | wc -l)" 1
sync_wire a 1
sync_wire b 2
q b ip link set sync0 down
begin
check "both daemons run on each" same "$(roles_of a), $(roles_of b)" "backup master, backup master"
q b ip link set sync0 up
q b ip address replace fd99::2/64 dev sync0 nodad
capture between seen br0 udp
both_ways "b's interface was down when they began"
check "… over four ports" same "$(captured seen | grep -oE '224\.0\.0\.81\.[0-9]+' | sort -u | paste -sd ' ')" \
  "224.0.0.81.8848 224.0.0.81.8849 224.0.0.81.8850 224.0.0.81.8851"

ip -n "svs-$run-b" link del sync0
sync_wire b 2
both_ways "b's interface was made anew"

finish
check "they are ended" same "$(daemons_of a)$(daemons_of b)" ""
begin --mcast-group ff02::81 --mcast-port 9000 --mcast-ttl 3
capture between seen6 br0 udp
both_ways "an IPv6 group"
stop_capture seen6
check "… with its hops and ports" same "$(q between tcpdump -nnv -r "$scratch/seen6.pcap" 2>/dev/null | tr -d '\n' | sed 's/IP6 (/\n&/g' |
  sed -n 's/.*hlim \([0-9]*\),.*> \(ff02::81\.[0-9]*\):.*/\1 \2/p' | sort -u | paste -sd ' ')" "3 ff02::81.9000 3 ff02::81.9001 3 ff02::81.9002 3 ff02::81.9003"

before=$(daemons_of a)
victim=$(director_of a)
kill -9 "$victim"
check "a's director dies: another one directs" wait_for 10 "it" another_than a "$victim"
check "… its daemons run as before" same "$(daemons_of a)" "$before"
both_ways "a's director is another one"

stop a-svs KILL
start_of a
check "svs run is killed and started again: its daemons run as before" same "$(daemons_of a)" "$before"
both_ways "a's svs is another one"
exit $((failures > 0))
