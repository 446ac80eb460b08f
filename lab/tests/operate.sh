#!/usr/bin/env bash
# Day two of a director: its files are checked before it starts, it is asked how it is, its switches are set while it runs.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
checked() { status=0; q director svs check "$@" >"$scratch/said" 2>&1 || status=$?; }
says() { grep -qF -- "$1" "$scratch/said" || { printf '  expected %s\n  but got\n' "$1"; sed 's/^/    /' "$scratch/said"; return 1; }; }
options=(--services "$scratch/services" --interface eth0)

# -- svs check --
checked "${options[@]}"
check "good files are fine" same $status 0
check "… and the sum of them is said" says "2 services, 4 servers: fine"
cp "$scratch/services" "$scratch/bad"
printf '%s\n' "-A -t $vip:81 -s wrrr" "-A -t $vip:82 --colour blue" >>"$scratch/bad"
checked --services "$scratch/bad" --interface eth0 --interface eth7
lines=$(wc -l <"$scratch/bad")
check "bad ones cost status 1" same $status 1
check "… each error with its line, its word and a hint" says "svs: $scratch/bad:$((lines - 1)): there is no scheduler wrrr; did you mean wrr?"
check "… also the last" says "svs: $scratch/bad:$lines: --colour: unknown option"
check "… and an interface that is not there" says "svs: interface eth7 does not exist"
check "… and how many" says "svs: 3 errors"
printf '%s\n' "-A -t 203.0.113.9:80 -s rr" "-a -t 203.0.113.9:80 -r 10.9.9.9:80 -g" "-a -t 203.0.113.9:80 -r 172.16.29.10:80 -m" \
  "-A -f 7 -s rr" "-A -t $vip:83 -s rr" "-a -t $vip:83 -r 172.16.29.10:80 --fullnat" "-a -t $vip:83 -r 10.8.8.8:80 -i" \
  "-A -t [$vip6]:83 -s rr" "-a -t [$vip6]:83 -r [fd00::10]:80 -m" >"$scratch/odd"
q director ip route add 10.9.9.0/24 via 172.16.29.1
q director ip tuntap add dev down0 mode tap
q director nft 'add table ip t; add chain ip t pre { type filter hook prerouting priority 0; }; add rule ip t pre tcp dport 80 numgen random mod 2 == 0 drop'
printf 'net.ipv4.vs.conntrack = 1\n' >"$scratch/sysctl"
checked --services "$scratch/odd" --interface eth0 --interface down0 --sysctl "$scratch/sysctl"
check "what cannot have an effect costs no status" same $status 0
for words in "service FWM 7: nothing marks packets" "has no local addresses" "net.ipv4.vs.conntrack = 1 has no effect" \
  "NAT while net.ipv4.ip_forward is 0" "server 10.9.9.9:80 by 172.16.29.1 of service TCP 203.0.113.9:80: direct routing reaches only" \
  "server [fd00::10]:80 of service TCP [$vip6]:83: NAT while net.ipv6.conf.all.forwarding is 0" "server 10.8.8.8:83 of service TCP $vip:83: no route leads there" \
  "virtual address 203.0.113.9: not on this host" "warning: interface down0 is down" "not honoured: ip t pre"; do
  check "… but a warning: $words" says "$words"
done
q director nft delete table ip t
q director ip link del down0
: >"$scratch/empty"
checked --services "$scratch/empty" --interface eth0
check "a file without a service too" says "warning: $scratch/empty holds no service"
check "bad usage is status 2" eval 'checked --colour; same $status 2'
check "checked by a reload, a bad file leaves the director alone" eval \
  'q director sh -c "svs check --services $scratch/bad --interface eth0 2>/dev/null && echo reloaded"; same $? 1'

# -- svs status --
check "without a director it is status 2" eval 'q director svs status >"$scratch/said" 2>&1; same $? 2'
topology_start
told() { q director svs status "$@" >"$scratch/said" 2>&1; }
check "a director that works is fine" told --check
check "… in a word" says fine
ask 6 http://$vip/ >/dev/null
forwarded() { told && grep -qE '^direct-routing +[1-9]' "$scratch/said"; }
check "frames are counted by verdict" wait_for 10 "the verdicts" forwarded
check "interfaces are shown with their state" eval "grep -qE '^eth0 +up +[1-9]' '$scratch/said'"
check "virtual addresses are shown with who has them" eval "grep -qE '^$vip +this host' '$scratch/said'"
check "it fits in 80 columns" same "$(awk 'length > 82' "$scratch/said")" ""
told --services
check "services and servers on demand" says "172.16.29.10:80"
told --json --services
check "programs get JSON" same "$(/usr/bin/python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))
print(s["interfaces"][0]["state"], s["services"], len(s["service_list"]), s["faults"])' "$scratch/said")" "up 2 2 []"
check "so do listings" same "$(adm -Ln --json | /usr/bin/python3 -c 'import json, sys
print(sum(server["weight"] for service in json.load(sys.stdin)["services"] for server in service["servers"]))')" 6
check "… of connections" same "$(adm -Lnc --json | head -1 | /usr/bin/python3 -c 'import json, sys
print(json.load(sys.stdin)["virtual"]["address"])')" $vip

# -- switches --
check "a switch is shown" same "$(q director svs get vs.sloppy_tcp)" 0
q director svs set vs.sloppy_tcp 1
check "it is set while the director runs" same "$(q director svs get net.ipv4.vs.sloppy_tcp)" 1
told
check "… and told" says "net.ipv4.vs.sloppy_tcp = 1"
check "a wrong one is refused with a hint" grep -q "did you mean net.ipv4.vs.sloppy_tcp" <(q director svs set vs.sloppy_tpc=1 2>&1)
kill -KILL "$(pgrep -P "$(pid_of svs)" -f "svs director" | head -1)"
check "it outlives the director" wait_for 10 "the next director" eval '[[ $(q director svs get vs.sloppy_tcp 2>/dev/null) == 1 ]]'
again() { grep -q "files read again" "$scratch/svs.log"; }
kill -HUP "$(pid_of svs)"
wait_for 10 "the reload" again
check "… and a reload of files that say nothing of it" same "$(q director svs get vs.sloppy_tcp)" 1

# -- svs drain --
weights() { adm -Ln | awk -v server="$1:80" '$1 == "->" && $2 == server { print $4 }' | xargs; }
check "a server is drained" q director svs drain 172.16.29.20 >/dev/null
check "… and gets no more" same "$(weights 172.16.29.20) $(ask 4 http://$vip/ | tally)" "0 rs1=4"
check "… and is waited for at most as long as is said" eval \
  'q director svs drain 172.16.29.10:80 --service "-t $vip:80" --deadline 1s 2>"$scratch/said"; same $? 1 && says "the time is over"'
q director /usr/bin/python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' svs drain 172.16.29.10:80 --service "-t $vip:80" --deadline 1s </dev/null >"$scratch/bar"
check "… which a bar shows on a terminal" grep -qE '\[[#.]{40}\] [0-9]+ active and [1-9][0-9]* inactive connections left' "$scratch/bar"
check "undrained, they have their weights back" same "$(q director svs undrain 172.16.29.20 172.16.29.10)" \
  "$(printf 'weight %s: 172.16.29.%s:80 of TCP %s:80\n' 2 20 $vip 1 10 $vip)"
check "… which is all that is remembered" same "$(cat "$SVS_CONTROL.drained")" ""
check "a server that nobody has is named" grep -q '10.9.9.9: no service has such a server' <(q director svs drain 10.9.9.9 2>&1)

# held: a connection of the client's, which says something when the file "go" is there, and then what became of it.
: >"$scratch/held.log"
start client held /usr/bin/python3 -c 'import os, socket, sys, time
end = socket.create_connection((sys.argv[1], 80))
end.sendall(b"GET / HTTP/1.1\r\n")
print("open", flush=True)
while not os.path.exists(sys.argv[2]): time.sleep(0.05)
try:
    for _ in range(100): end.sendall(b"X: y\r\n"); time.sleep(0.05)
    print("goes on", flush=True)
except ConnectionError as error: print(type(error).__name__, flush=True)' $vip "$scratch/go"
wait_for 10 "a connection" grep -q open "$scratch/held.log"
connections() { { q rs1 ss -Htn state established 'sport = :80'; q rs2 ss -Htn state established 'sport = :80'; } | wc -l; }
wait_for 10 "the servers' connections to end but one" eval '[[ $(connections) == 1 ]]'
q director svs drain 172.16.29.10 172.16.29.20 --service "-t $vip:80" --deadline 1s --reset >"$scratch/said" 2>&1
check "what is left at the deadline is reset on demand" eval 'same $? 0 && grep -q "^reset with their next packet: [1-9]" "$scratch/said"'
touch "$scratch/go"
check "… which the client hears with its next word" wait_for 10 "the reset" grep -qE 'ConnectionResetError|BrokenPipeError' "$scratch/held.log"
check "… and the server too" wait_for 10 "the server's end" eval '[[ $(connections) == 0 ]]'
q director svs undrain 172.16.29.10 172.16.29.20 >/dev/null
check "undrained, they serve again" same "$(ask 3 http://$vip/ | tally)" "rs1=1 rs2=2"

# -- what fails --
silent() { ! told --check && grep -q '172.16.29.10 on eth0 does not answer: ' "$scratch/said"; }
q rs1 ip link set eth0 down
q director ip neigh flush dev eth0
asked() { ask 2 http://$vip/ >/dev/null 3>&1; silent; }
check "a server whose neighbour does not answer is a fault" wait_for 30 "the neighbour to fail" asked
lost() { grep -q "warning: 172.16.29.10 on eth0 does not answer: 1 server cannot be reached" "$scratch/svs.log"; }
check "the log says that a neighbour was lost" wait_for 10 "the log" lost
q rs1 ip link set eth0 up
heard() { ask 1 http://$vip/ >/dev/null 3>&1; told --check; }
check "… until it is back" wait_for 30 "the neighbour to answer" heard
check "… which the log says, too" wait_for 10 "the log" grep -q "172.16.29.10 on eth0 answers again" "$scratch/svs.log"
ip -n "svs-$run-director" link set eth0 down
check "so is an interface that is down" wait_for 10 "the interface" eval '! told --check && says "interface eth0: down"'
stop svs TERM

# -- the log --
ip -n "svs-$run-director" link set eth0 up
director --interface eth0 --log-format json --log-commands
adm -A -t $vip:90 -s rr
q director svs set vs.sloppy_tcp 1
adm -D -t $vip:91 2>/dev/null
by="command of user 0, process [0-9]*"
check "commands are logged, with who and what" grep -q "$by: -A -t $vip:90 -s rr" "$scratch/svs.log"
check "… switches too" grep -q "$by: svs set vs.sloppy_tcp 1" "$scratch/svs.log"
check "… and why they were refused" grep -q "$by: -D -t $vip:91: refused: no such service" "$scratch/svs.log"
check "the first line says what there is" grep -q "2 services, 4 servers, [0-9]* I/O threads*, virtual addresses $vip (this host's)" "$scratch/svs.log"
check "each line of the log is an object" same "$(/usr/bin/python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(any(line["text"].startswith("svs ") and line["level"] == "info" for line in lines))' "$scratch/svs.log")" True
stop svs TERM
: >"$scratch/svs.log"
export JOURNAL_STREAM=$(stat -c %d:%i "$scratch/svs.log")
director --interface eth0
unset JOURNAL_STREAM
check "for the journal each line has its priority" eval "grep -q '^<6>svs .*: director on eth0' '$scratch/svs.log'"
stop svs TERM
exit $((failures > 0))
