#!/usr/bin/env bash
# Marks: read from the host's own iptables or nftables rules, and read again on SIGHUP; a rule that is not understood changes nothing.

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
reload() { kill -HUP "$(pid_of svs)"; }

# -- iptables --
# A kernel may be without the targets of iptables, and svs does not need them.
if q director iptables -t mangle -A PREROUTING -d $vip -p tcp --dport 80 -j MARK --set-mark 7; then
  director --interface eth0 --marks-from-host
  check "a mark of the host's own iptables rules chooses the service" answers rs1
  check "… and the host stack is muted for it" test -n "$(q director nft list tables netdev)"
  q director iptables -t mangle -R PREROUTING 1 -d $vip -p tcp --dport 80 -j MARK --set-mark 8
  check "a changed rule waits for SIGHUP" answers rs1
  reload
  check "SIGHUP reads the rules again" wait_for 5 "the other server" answers rs2
  q director iptables -t mangle -I PREROUTING -p tcp -m limit --limit 5/second -j MARK --set-mark 7
  reload
  check "a rule that is not understood is named" wait_for 5 "the complaint" grep -q 'iptables-save -t mangle:[0-9]*: limit: ' "$scratch/svs.log"
  check "… and changes nothing" answers rs2
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

exit $((failures > 0))
