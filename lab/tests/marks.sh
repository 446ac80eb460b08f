#!/usr/bin/env bash
# Marks and the host's firewall: the host's own rules of iptables and nftables, followed as they change; what is not understood is
# named.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
cat >"$scratch/services" <<SERVICES
-A -f 7 -s rr
-a -f 7 -r 172.16.29.10 -g
-A -f 8 -s rr
-a -f 8 -r 172.16.29.20 -g
SERVICES
answers() { [[ $(ask 1 "http://$vip/" 3>/dev/null) == "$1" ]]; }
refused() { [[ $(q rs1 svs run --services "$scratch/services" --marks "$scratch/marks" --interface eth0 2>&1) =~ $1 ]]; }

# -- iptables --
# A kernel may be without the targets of iptables, and svs does not need them.
if q director iptables -t mangle -A PREROUTING -d $vip -p tcp --dport 80 -j MARK --set-mark 7; then
  director --interface eth0 --marks-from-host
  check "a mark of the host's own iptables rules chooses the service" answers rs1
  check "… and the host stack is muted for it" test -n "$(q director nft list tables netdev)"
  q director iptables -t mangle -R PREROUTING 1 -d $vip -p tcp --dport 80 -j MARK --set-mark 8
  check "a changed rule is in force at once" wait_for 20 "the other server" answers rs2
  q director iptables -t mangle -I PREROUTING -p tcp -m limit --limit 5/second -j MARK --set-mark 7
  check "a rule that is not understood is named" wait_for 20 "the complaint" grep -q 'not honoured: mangle PREROUTING, line [0-9]*: .*: limit: ' "$scratch/svs.log"
  check "… and passed over" answers rs2
  iptables_saved() { q director iptables-save; }
  iptables_saved >"$scratch/marks"
  check "in a file it is refused" refused "$scratch/marks:[0-9]*: limit: "
  stop svs
  q director iptables -t mangle -F
else
  say "This kernel has no MARK for iptables: only the rules of nftables are tried"
fi

# -- nftables --
q director nft -f - <<NFT
table inet lvs {
  chain prerouting {
    type filter hook prerouting priority mangle;
    ip daddr $vip tcp dport 80 meta mark set 7
  }
}
NFT
director --interface eth0 --marks-from-host
check "a mark of the host's own nftables rules chooses the service" answers rs1
stop svs TERM
check "svs ends with 0" same $? 0
check "the host's own rules are as they were" same "$(q director nft list tables | grep -c 'table inet lvs')" 1
q director nft delete table inet lvs

# -- what keepalived's nftables_ipvs makes: a map, at the input hook --
q director nft -f - <<NFT
table ip keepalived_ipvs {
  map tcp_map {
    type ipv4_addr . inet_service : mark
    flags interval
    elements = { $vip-$vip . 80 : 0x00000008 }
  }
  chain in {
    type filter hook input priority filter - 1; policy accept;
    meta mark set ip daddr . tcp dport map @tcp_map return
  }
}
NFT
director --interface eth0 --marks-from-host
check "a mark that is set at the input hook chooses the service" answers rs2

# -- the host's firewall --
firewall() {
  q director nft -f - <<NFT
table inet guard {
  chain input {
    type filter hook input priority filter; policy accept;
    $1
  }
}
NFT
}
firewall "tcp dport 80 drop"
check "what the host's firewall drops is not forwarded" wait_for 20 "the drop" answers nobody
check "… which has a reason" same "$(q director svs explain --live "tcp 172.16.29.1:5555 > $vip:80 SYN" | grep -c 'inet guard input handle')" 1
start director record svs record --output "$scratch/case" --seconds 60
wait_for 15 "the recording to begin" test -e "$scratch/case/in.eth0.vnet"
ask 1 "http://$vip/" >/dev/null 3>&1
check "a recording ends" stop record INT
check "… holds the rules that were read" grep -q '"guard"' "$scratch/case/firewall"
check "… and what they drop" grep -q '^host-firewall' "$scratch/case/verdicts"
check "… and replays to the same" svs verify "$scratch/case"
q director nft flush chain inet guard input
check "it is dropped as long as the rule is there" wait_for 20 "the server" answers rs2
firewall "ct state established,related accept; tcp dport 80 ct state new accept; drop"
check "rules for new connections are asked" answers rs2
q director nft flush chain inet guard input
# An answer leaves when its way is known.
q director bash -c 'echo >/dev/udp/172.16.29.1/9'
knows_client() { [[ $(q director ip neigh show 172.16.29.1) == *lladdr* ]]; }
check "the director knows the client" wait_for 10 "its neighbour" knows_client
firewall "tcp dport 80 reject with tcp reset"
# 7 is "failed to connect", at once; a drop would be a timeout, 28.
refuses() { local status=0; q client curl -s --max-time 4 "http://$vip/" >/dev/null || status=$?; (( status == 7 )); }
check "what it rejects is told so" wait_for 20 "the reset" refuses
stop svs
director --interface eth0 --marks-from-host --firewall ignore
check "--firewall ignore asks none of them" answers rs2

exit $((failures > 0))
