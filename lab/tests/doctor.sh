#!/usr/bin/env bash
# svs doctor: each thing is broken on purpose, named by its code, and cured by the command that it names.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
# found HOST [--server VIP...]: the exit status, and the codes of what is wrong there.
found() {
  local status=0
  q "$1" svs doctor "${@:2}" >"$scratch/said" 2>&1 || status=$?
  echo "$status $(grep -oE '^[a-z-]+:' "$scratch/said" | tr -d ':' | sort -u | xargs)"
}
# cured HOST CODE [--server VIP...]: the command that stands below the code is run there.
cured() { q "$1" sh -c "$(sed -n "/^$2: /{n;s/^    //p;q}" "$scratch/said")"; found "$1" "${@:3}" >/dev/null; ! grep -q "^$2: " "$scratch/said"; }

# -- a real server --
check "a real server as it should be" same "$(found rs1 --server $vip $vip6)" "0 "
q rs1 sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0
check "ARP is loud" same "$(found rs1 --server $vip)" "1 arp-announce arp-ignore"
check "… and cures" eval 'cured rs1 arp-ignore --server $vip && cured rs1 arp-announce --server $vip'
q rs1 ip addr del $vip/32 dev lo
check "the VIP is not there" same "$(found rs1 --server $vip)" "1 vip-missing"
check "… and a cure" cured rs1 vip-missing --server $vip
q rs1 ip addr del $vip/32 dev lo; q rs1 ip addr add $vip/24 dev lo
check "the VIP takes its whole network along" same "$(found rs1 --server $vip)" "1 vip-prefix"
check "… and a cure" cured rs1 vip-prefix --server $vip
q rs1 ip addr del $vip/32 dev lo; q rs1 ip addr add $vip/32 dev eth0
check "the VIP is where clients ask" same "$(found rs1 --server $vip)" "1 vip-on-interface"
check "… and a cure" cured rs1 vip-on-interface --server $vip
q rs1 ip tuntap add dev tunnel0 mode tun; q rs1 ip link set tunnel0 up
q rs1 sysctl -qw net.ipv4.conf.tunnel0.rp_filter=1
check "a tunnel's packets are dropped" same "$(found rs1 --server $vip)" "1 rp-filter"
check "… and a cure" cured rs1 rp-filter --server $vip
check "programs get JSON" same "$(q rs1 svs doctor --server 203.0.113.99 --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["code"])')" vip-missing

# -- a director --
check "without a director it cannot look" grep -q '^2 ' <(found director)
topology_start
check "a director as it should be" same "$(found director)" "0 "
q rs2 sysctl -qw net.ipv4.conf.all.arp_ignore=0
check "a server answers for the VIP: the ARP pitfall" same "$(found director)" "1 vip-claimed"
check "… by its MAC" grep -q "${mac_of[rs2]} on eth0 answers ARP for $vip" "$scratch/said"
q rs2 sysctl -qw net.ipv4.conf.all.arp_ignore=1
q director ip route add 10.9.9.0/24 via 172.16.29.1
adm -a -t $vip:80 -r 10.9.9.9:80 -g
check "a server behind a router" same "$(found director)" "1 dr-router"
adm -d -t $vip:80 -r 10.9.9.9:80
adm -a -t $vip:80 -r 10.8.8.8:80 -i
check "a server that no route leads to" same "$(found director)" "1 no-route"
adm -d -t $vip:80 -r 10.8.8.8:80
adm -e -t $vip:80 -r 172.16.29.10:80 -m -w 1
check "NAT without forwarding" same "$(found director)" "1 nat-forwarding"
check "… and a cure" cured director nat-forwarding
adm -e -t $vip:80 -r 172.16.29.10:80 -g -w 1
ip -n "svs-$run-director" addr del $vip/32 dev eth0; ip -n "svs-$run-director" addr del $vip6/128 dev eth0
check "no virtual address is here" wait_for 10 "the director to see it" eval '[[ $(found director) == "1 no-address" ]]'
ip -n "svs-$run-director" link set eth0 down
down() { [[ " $(found director) " == *" interface-down "* ]]; }
check "an interface is down" wait_for 10 "the director to see it" down
exit $((failures > 0))
