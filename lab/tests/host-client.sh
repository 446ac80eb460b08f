#!/usr/bin/env bash
# The director's host as a client of its own virtual addresses, by every method and over both IP versions; and nothing of it
# is left on the host afterwards.
# lab/tests/host-client.sh dr|nat [--vip-on-host]       (dr: direct routing, and tunnels on the same wire)

source "$(dirname "$(realpath "$0")")/../lib.sh"
method=${1:-dr}
[[ ${2:-} != --vip-on-host ]] || vip_on_host=yes
begin_test "$method"
topology_build
from=director
vips=("$vip $vip6")
case $method in
  dr)
    ends=(172.16.29.10 fd00::10 172.16.29.20 fd00::20) own=172.16.29.3 own6=fd00::3 way=-g ports=80
    tun=172.16.29.5 tun6=fd00::5
    vips+=("$tun $tun6")
    [[ -z ${vip_on_host:-} ]] || address director eth0 $tun/32 $tun6/128
    for name in rs1 rs2; do
      own_quietly $name $tun $tun6
      udp_echo $name 7 $vip $vip6 $tun $tun6
      start $name $name-decap svs decap --interface eth0 --type ipip
      wait_for 10 "svs decap on $name" grep -q unwrapping "$scratch/$name-decap.log"
    done
    cat >>"$scratch/services" <<SERVICES
-A -t $tun:80 -s rr
-a -t $tun:80 -r 172.16.29.10:80 -i
-a -t $tun:80 -r 172.16.29.20:80 -i
-A -t [$tun6]:80 -s rr
-a -t [$tun6]:80 -r [fd00::10]:80 -i
-a -t [$tun6]:80 -r [fd00::20]:80 -i
-A -u $tun:7 -s rr
-a -u $tun:7 -r 172.16.29.10:7 -i
-a -u $tun:7 -r 172.16.29.20:7 -i
-A -u [$tun6]:7 -s rr
-a -u [$tun6]:7 -r [fd00::10]:7 -i
-a -u [$tun6]:7 -r [fd00::20]:7 -i
SERVICES
    ;;
  nat)
    ends=(192.168.95.2 fd95::2 192.168.95.3 fd95::3) own=192.168.95.1 own6=fd95::1 way=-m ports=8080
    udp_echo rs1 7 192.168.95.2 fd95::2
    udp_echo rs2 7 192.168.95.3 fd95::3
    # The host as a client of a server that it is itself.
    web director 8081
    cat >>"$scratch/services" <<SERVICES
-A -t $vip:82 -s rr
-a -t $vip:82 -r $own:8081 -m
-A -t [$vip6]:82 -s rr
-a -t [$vip6]:82 -r [$own6]:8081 -m
-A -t $vip:83 -s rr --local-address 192.168.95.1
-a -t $vip:83 -r 192.168.95.2:8080 --fullnat
SERVICES
    ;;
esac
[[ $method == nat ]] || web director 8081
cat >>"$scratch/services" <<SERVICES
-A -u $vip:7 -s rr
-a -u $vip:7 -r ${ends[0]}:7 $way
-a -u $vip:7 -r ${ends[2]}:7 $way
-A -u [$vip6]:7 -s rr
-a -u [$vip6]:7 -r [${ends[1]}]:7 $way
-a -u [$vip6]:7 -r [${ends[3]}]:7 $way
-A -t $vip:84 -s rr
-A -t [$vip6]:84 -s rr
-A -t $vip:85 -s rr
-a -t $vip:85 -r ${ends[0]%.*}.99:$ports $way
-A -t [$vip6]:85 -s rr
-a -t [$vip6]:85 -r [${ends[1]%::*}::99]:$ports $way
SERVICES

url() { [[ $1 == *:* ]] && echo "http://[$1]${2:+:$2}" || echo "http://$1${2:+:$2}"; }
rules() { q director ip -d rule; q director ip -d -6 rule; }
# What svs could have changed: rules, tables, links, addresses, kernel parameters.
state() {
  rules
  q director ip -br link
  q director ip -br address
  q director ip route show table all | sort
  q director ip -6 route show table all | grep -v '^ff00::\|^multicast' | sed 's/ expires [^ ]*//' | sort
  q director sysctl -a 2>/dev/null | grep -E '^net\.(ipv4|ipv6)\.(conf|ip_forward)' | grep -v stable_secret | sort
}
routed_into() { q director ip route get "$1" ipproto tcp dport "${2:-80}" | grep -c 'dev svs'; }
locals() { rules | grep -c '^0:.*from all lookup local'; }
refused() { local status=0; q director curl -gsS --max-time 9 "$1" >/dev/null 2>&1 || status=$?; same $status 7; }

# The first rule of all makes the kernel keep the tables local and main apart for ever.
q director ip rule add priority 1 to 192.0.2.1 lookup main
q director ip rule del priority 1
before=$(state)
topology_start

everybody() {
  local pair address peer any
  for pair in "${vips[@]}"; do
    for address in $pair; do
      peer=$own any=0.0.0.0; [[ $address != *:* ]] || peer=$own6 any=::
      check "$address: the host's requests reach both servers" same "$(ask 6 "$(url $address)/" | tally | tr -d '0-9' | tr -s ' ')" "rs= rs="
      check "$address: a server sees the host's own address towards it" same "$(ask 2 "$(url $address)/peer" | tally)" "$peer=2"
      check "$address: 50 MB up arrived intact" upload "$(url $address)/store/" rs1 rs2
      check "$address: 50 MB down arrived intact" download "$(url $address)/files/large"
      check "$address: 200 datagrams of 1200 bytes in one burst all came back" same "$(udp burst $any $address 7 200 1200)" 200
      check "$address: a datagram of 4000 bytes, in fragments, comes back whole, and once" same "$(udp burst $any $address 7 3 4000)" 3
      check "$address: others are served as ever" same "$(from=client ask 2 "$(url $address)/" | grep -c rs)" 2
    done
  done
}
everybody

for address in $vip $vip6; do
  check "$address: a process that chooses its source is served too" same "$(ask 1 "$(url $address)/peer" --interface $([[ $address == *:* ]] && echo fd00::3 || echo 172.16.29.3))" "$([[ $address == *:* ]] && echo fd00::3 || echo 172.16.29.3)"
  check "$address: a service without servers refuses at once" refused "$(url $address 84)/"
  check "$address: of a server that is gone the host hears" refused "$(url $address 85)/"
  if [[ -n ${vip_on_host:-} ]]; then
    check "$address: what is no service is the host's own affair" same "$(ask 2 "$(url $address 8081)/" | tally)" "director=2"
    check "$address: … and not led" same "$(routed_into $address 8081)" 0
  else
    check "$address: a port without a service refuses at once" refused "$(url $address 8081)/"
  fi
  if [[ $method == nat ]]; then
    check "$address: a server that is the host answers the host" same "$(ask 2 "$(url $address 82)/" | tally)" "director=2"
  fi
done
[[ $method != nat ]] || check "FULLNAT" same "$(ask 2 "$(url $vip 83)/peer" | tally)" "192.168.95.1=2"
check "there is one rule of the local table for each IP version, of the same priority as ever" same "$(locals)" 2

say "A strict, then a loose reverse path filter on all interfaces"
for filter in 1 2; do
  q director sysctl -qw net.ipv4.conf.all.rp_filter=$filter
  stop svs TERM
  topology_start
  for address in ${vips[0]% *} ${vips[1]:+${vips[1]% *}}; do
    check "rp_filter=$filter: $address" same "$(ask 4 "$(url $address)/" | grep -c rs)" 4
  done
  [[ $method != nat ]] || check "rp_filter=$filter: a server that is the host" same "$(ask 2 "$(url $vip 82)/" | tally)" "director=2"
  [[ $method != nat ]] || check "rp_filter=$filter: the same for a stranger" same "$(from=client ask 2 "$(url $vip 82)/" | tally)" "director=2"
done
q director sysctl -qw net.ipv4.conf.all.rp_filter=0

say "A service comes and goes"
adm -A -t $vip:8082 -s rr
adm -a -t $vip:8082 -r ${ends[0]}:$ports $way
check "the host is led to it" wait_for 3 "the way to it" eval '[[ $(routed_into $vip 8082) == 1 ]]'
adm -D -t $vip:8082
[[ -z ${vip_on_host:-} ]] || check "… and no more" wait_for 3 "the way to go" eval '[[ $(routed_into $vip 8082) == 0 ]]'

say "The end"
stop svs TERM
check "SIGTERM leaves the host as it was" same "$(state)" "$before"
topology_start
stop svs KILL
# The director ends a moment after its keeper.
leads_nowhere() { ! q director ip route get $vip ipproto tcp dport 80 2>&1 | grep -q 'dev svs'; }
check "after kill -9 what is left leads nowhere" wait_for 5 "the device to go" leads_nowhere
[[ -z ${vip_on_host:-} ]] || check "… the host's own server answers" same "$(ask 2 "$(url $vip 8081)/" | tally)" "director=2"
topology_start
say "The next director leads the host again"
everybody
stop svs TERM
check "and leaves the host as it was" same "$(state)" "$before"
exit $((failures > 0))
