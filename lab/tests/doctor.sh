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

# -- what is found by asking --
q rs1 ip addr del $vip/32 dev lo
check "a server does not have the VIP" same "$(found director)" "1 vip-silent"
check "… and which" grep -q "^vip-silent: server 172.16.29.10:80 of service TCP $vip:80: " "$scratch/said"
address rs1 lo $vip/32
adm -A -t $vip:81 -s rr; adm -a -t $vip:81 -r 172.16.29.10:81 -g
check "nothing listens on a server" same "$(found director)" "1 server-refuses"
for port in {1000..1020}; do adm -a -t $vip:81 -r 172.16.29.10:$port -m; done
check "… nor on many, of which twenty are named" eval '[[ $(found director) == "1 more-servers server-refuses" ]] && grep -q "^more-servers: 2 more servers" "$scratch/said"'
adm -D -t $vip:81
q rs1 nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp dport 80 drop'
adm -e -t $vip:80 -r 172.16.29.10:80 -m -w 1
check "a firewall stands before a server of NAT" same "$(found director)" "1 server-silent"
q rs1 nft delete table ip t
adm -e -t $vip:80 -r 172.16.29.10:80 -g -w 1
ip -n "svs-$run-wire" link set rs1-eth0 mtu 1300
check "long packets get lost on the way to a server" same "$(found director)" "1 path-mtu"
check "… from which length on" grep -q "packets of more than 1300 bytes get lost on the way there, which is said to carry 1500" "$scratch/said"
start rs1 decap svs decap --interface eth0 --type ipip
wait_for 10 "svs decap" grep -qs 'decap' "$scratch/decap.log"
adm -e -t $vip:80 -r 172.16.29.10:80 -i -w 1
adm -e -t "[$vip6]:80" -r '[fd00::10]:80' -g -w 0
check "… through a tunnel too" same "$(found director)" "1 path-mtu"
check "… whose header counts" grep -q "more than 1280 bytes get lost on the way there, which is said to carry 1480" "$scratch/said"
ip -n "svs-$run-wire" link set rs1-eth0 mtu 1500
check "… and a tunnel as it should be" same "$(found director)" "0 "
stop decap TERM
adm -e -t $vip:80 -r 172.16.29.10:80 -g -w 1
adm -e -t "[$vip6]:80" -r '[fd00::10]:80' -g -w 1
ip -n "svs-$run-wire" link set rs1-eth0 down
q director ip neigh flush dev eth0
check "a server is off" same "$(found director)" "1 neighbor-silent"
ip -n "svs-$run-wire" link set rs1-eth0 up
check "… and back" wait_for 10 "the neighbour" eval '[[ $(found director) == "0 " ]]'
adm -A -f 7 -s rr
check "nothing marks packets" same "$(found director)" "1 marks-missing"
adm -D -f 7
q director sysctl -qw net.ipv4.conf.svs0.rp_filter=1
check "the host's own requests get no answer" same "$(found director)" "1 rp-filter"
check "… and a cure" cured director rp-filter
q director nft 'add table ip t; add chain ip t pre { type filter hook prerouting priority 0; }; add rule ip t pre tcp dport 80 numgen random mod 2 == 0 drop'
check "a rule of the firewall is not understood" same "$(found director)" "1 firewall-unclear"
q director nft delete table ip t

# -- one virtual address alone --
adm -A -t 198.51.100.99:80 -s rr; adm -a -t 198.51.100.99:80 -r 172.16.29.10:80 -g
check "a service beside it has a fault" same "$(found director)" "1 vip-silent"
check "… which is not told of where only another address is asked about" same "$(found director $vip $vip6)" "0 "
check "… its own is, and that it is not here" same "$(found director 198.51.100.99)" "1 no-address vip-silent"
adm -D -t 198.51.100.99:80
check "an address of no service is an error" eval '[[ $(found director 198.51.100.99) == "2 "* ]] && grep -q "198.51.100.99: no service of the director has this address" "$scratch/said"'

# -- what is heard while it runs --
q rs1 /usr/bin/python3 "$lab/tools/claim" eth0 $vip
q rs2 /usr/bin/python3 "$lab/tools/claim" eth0 $vip6
heard() { grep -q "warning: ${mac_of[$1]} on eth0 claims $2: " "$scratch/svs.log"; }
check "whoever claims the VIP is named in the log" wait_for 5 "the log" heard rs1 $vip
check "… by neighbour discovery too" wait_for 5 "the log" heard rs2 $vip6
check "… and a fault of the status" grep -q "${mac_of[rs1]} on eth0 claims $vip" <(q director svs status --check)
stop svs TERM
q rs2 sysctl -qw net.ipv4.conf.all.arp_ignore=0
topology_start
check "a server answers for the VIP: the ARP pitfall" same "$(found director)" "1 vip-claimed"
check "… by its MAC" grep -q "${mac_of[rs2]} on eth0 claims $vip: " "$scratch/said"
check "… which the director finds by itself, soon after its start" wait_for 10 "the log" heard rs2 $vip
q rs2 sysctl -qw net.ipv4.conf.all.arp_ignore=1
check "… and which is over when nobody answers any more" eval 'found director >/dev/null; grep -q "claimed $vip a moment ago" "$scratch/said"'
q rs2 ip addr add $vip6/128 dev eth0 nodad
check "a server answers neighbour discovery for the VIP" eval 'found director >/dev/null; grep -q "${mac_of[rs2]} on eth0 claims $vip6: " "$scratch/said"'
q rs2 ip addr del $vip6/128 dev eth0
stop svs TERM
topology_start

ip -n "svs-$run-director" addr del $vip/32 dev eth0; ip -n "svs-$run-director" addr del $vip6/128 dev eth0
check "no virtual address is here" wait_for 10 "the director to see it" eval '[[ $(found director) == "1 no-address" ]]'
ip -n "svs-$run-director" link set eth0 down
down() { [[ " $(found director) " == *" interface-down "* ]]; }
check "an interface is down" wait_for 10 "the director to see it" down
exit $((failures > 0))
