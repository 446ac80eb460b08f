#!/usr/bin/env bash
# A server that is switched off: nobody answers ARP or neighbour discovery for it. The client hears that it is unreachable
# when the host's own questions have failed, by every method and over both families.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
cat >"$scratch/services" <<SERVICES
-A -t $vip:80 -s rr
-a -t $vip:80 -r 172.16.29.99:80 -g
-A -u $vip:80 -s rr
-a -u $vip:80 -r 172.16.29.99:80 -g
-A -t $vip:81 -s rr
-a -t $vip:81 -r 172.16.29.98:80 -m
-A -t $vip:82 -s rr
-a -t $vip:82 -r 172.16.29.97:82 -i
-A -t [$vip6]:80 -s rr
-a -t [$vip6]:80 -r [fd00::99]:80 -g
-A -t [$vip6]:81 -s rr
-a -t [$vip6]:81 -r [fd00::98]:80 -m
-A -t [$vip6]:82 -s rr
-a -t [$vip6]:82 -r [fd00::97]:82 -i
-A -t $vip:83 -s rr
-a -t $vip:83 -r 172.16.29.10:80 -g
SERVICES
q director sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
topology_start

# How a connection ends, and after how many seconds. The last SYN of one before may have begun a question of its own, whose end
# would be this one's too.
asked_for() { [[ $(q director ip neigh show 172.16.29.99) == *INCOMPLETE* ]]; }
settled() { [[ $(q director ip neigh show) != *INCOMPLETE* ]]; }
connect() {
  wait_for 10 "the questions before to end" settled
  q client python3 -c '
import errno, socket, sys, time
began = time.monotonic()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=8)
    end = "connected"
except OSError as error:
    end = errno.errorcode.get(error.errno, "silence")
print(end, int(time.monotonic() - began + 0.3))' "$@"
}
# within END FIRST LAST ANSWER: a busy machine may be late, but not early.
within() { [[ $4 =~ ^$1\ ([0-9]+)$ ]] && (( BASH_REMATCH[1] >= $2 && BASH_REMATCH[1] <= $3 )) || { echo "  but got  $4"; return 1; }; }
for place in "$vip 80 DR" "$vip 81 NAT" "$vip 82 TUN" "$vip6 80 DR" "$vip6 81 NAT" "$vip6 82 TUN"; do
  read -r address port method <<<"$place"
  check "$address, $method: unreachable after three seconds" within EHOSTUNREACH 3 5 "$(connect $address $port)"
done
# Who sends again on hearing that has the host asked at once for what is wanted anew.
again() {
  q client python3 -c '
import socket, sys
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
end.settimeout(8)
end.connect((sys.argv[1], 80))
end.send(b"?")
try:
    end.recv(100)
except OSError:
    pass
end.send(b"?")' $vip
}
asked_anew() {
  awk '/unreachable/ { gone = $1 } /who-has 172\.16\.29\.99 / && gone { d = $1 - gone; exit }
       END { print "  the next question came " (d == "" ? "never" : d " s later"); exit !(d != "" && d < 0.5) }' d=''
}
wait_for 10 "the questions before to end" settled
capture director asked eth0 "arp or icmp"
again
wait_for 5 "the next question" asked_for
stop_capture asked
check "what is wanted again is asked for at once" asked_anew < <(tcpdump -nn -tt -r "$scratch/asked.pcap" 2>/dev/null)
check "asked again, the same" within EHOSTUNREACH 3 5 "$(connect $vip 80)"
check "… and by the host's own patience" within EHOSTUNREACH 1 2 \
  "$(q director sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=400; connect $vip 80)"

# The server is switched on while a client waits.
q director sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=1000
wait_for 10 "the questions before to end" settled
late() { wait_for 10 "the client's SYN" asked_for; sleep 1; address rs1 eth0 172.16.29.99/24; }
late &
switched_on=$!
check "a server that comes up while the client waits is connected to" within connected 1 3 "$(connect $vip 80)"
wait $switched_on

exit $((failures > 0))
