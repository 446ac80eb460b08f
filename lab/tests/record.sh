#!/usr/bin/env bash
# svs record: what happens in the lab becomes a case that replays to the same frames, byte for byte, though it begins in the
# middle of living connections; and svs explain --live agrees. TOPOLOGY is dr (the default), nat or tun; for tun with TYPE
# ipip, gue or gre.

source "$(dirname "$(realpath "$0")")/../lib.sh"
topology=${1:-dr} type=${2:-ipip}
begin_test "$topology"
topology_build
topology_start

interfaces=(eth0)
[[ $topology != nat ]] || interfaces+=(eth1)

# living LABEL: five uploads that stop halfway until the file LABEL.go is there.
living() {
  cat >"$scratch/living.py" <<'PYTHON'
import fcntl, os, socket, struct, sys, termios, time
address, count, label = sys.argv[1], int(sys.argv[2]), sys.argv[3]
body = bytes(range(256)) * 256
open_ones = []
for number in range(count):
    one = socket.create_connection((address, 80), 5)
    one.sendall(b"PUT /store/living%d HTTP/1.1\r\nHost: lab\r\nContent-Length: %d\r\n\r\n" % (number, 2 * len(body)) + body)
    open_ones.append(one)
# What the server has not acknowledged yet may still be on its way, or be sent again.
while any(struct.unpack("i", fcntl.ioctl(one, termios.TIOCOUTQ, bytes(4)))[0] for one in open_ones): time.sleep(0.01)
open(label + ".halfway", "w").close()
while not os.path.exists(label + ".go"): time.sleep(0.05)
for one in open_ones: one.sendall(body)
for one in open_ones: print(one.recv(4096).split(b"\r\n")[0].decode(), flush=True)
PYTHON
  start client "$1" /usr/bin/python3 "$scratch/living.py" "$vip" 5 "$scratch/$1"
  wait_for 15 "five uploads to be halfway" test -e "$scratch/$1.halfway"
}
finished() { [[ $(grep -c 'HTTP/1.1 20' "$scratch/$1.log") == 5 ]]; }
begin_recording() { # CASE [option...]
  local case=$1; shift
  start director record svs record --output "$case" "$@" --seconds 60
  for interface in "${interfaces[@]}"; do wait_for 15 "the recording of $interface to begin" test -e "$case/in.$interface.vnet"; done
}
end_recording() { stop record INT; }

ask 3 "http://$vip/" >/dev/null
living old
case=$scratch/case
for interface in "${interfaces[@]}"; do capture director "out-$interface" "$interface" "tcp or udp or proto 4 or proto 47" -Q out -s 0 -B 65536; done
begin_recording "$case"
touch "$scratch/old.go"
check "10 requests are answered" same "$(ask 10 "http://$vip/" | wc -l)" 10
[[ -z ${vip6:-} ]] || check "4 over IPv6 too" same "$(ask 4 "http://[$vip6]/" | wc -l)" 4
check "the uploads that began before it end well" wait_for 15 "the uploads" finished old
head -c 300000 /dev/urandom >"$scratch/files/large"
check "an upload of superframes arrives" upload "http://$vip/store/" rs1 rs2
adm -E -t "$vip:80" -s wlc
ask 2 "http://$vip/" >/dev/null
check "the recording ends, and its replay sends the same" end_recording
cat "$scratch/record.log"
for interface in "${interfaces[@]}"; do stop_capture "out-$interface"; done

for file in services network sysctl run connections edits verdicts; do check "the case has $file" test -s "$case/$file"; done
for interface in "${interfaces[@]}"; do check "… and frames of $interface" test -s "$case/in.$interface.pcap" -a -s "$case/in.$interface.vnet" -a -s "$case/out.$interface.pcap"; done
check "… with the five uploads among its connections" same "$(grep -c '^tcp .* ESTABLISHED' "$case/connections")" 5

# same_frames INTERFACE: every frame that leaves in the replay left in the lab, as often and to the byte. What left before the
# recording, the director's own connections and what its host asks are in the lab only.
same_frames() {
  svs replay "$case" --out "$1=$scratch/replayed-$1.pcap" >/dev/null || return 1
  /usr/bin/python3 - "$scratch/out-$1.pcap" "$scratch/replayed-$1.pcap" <<'PYTHON'
import collections, struct, sys
def frames(path):
    data, at, found = open(path, "rb").read(), 24, collections.Counter()
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        frame = data[at + 16:at + 16 + length]
        if frame[12:14] in (b"\x08\0", b"\x86\xdd") and not (frame[12:14] == b"\x08\0" and frame[23] == 1 or frame[20] == 58):
            found[frame] += 1
        at += 16 + length
    return found
left, replayed = map(frames, sys.argv[1:])
print(f"  {sum(left.values())} frames left, {sum(replayed.values())} in the replay, {sum((left & replayed).values())} the same to the byte")
for name, rest in ("in the lab only", left - replayed), ("in the replay only", replayed - left):
    for frame in list(rest)[:3]:
        print(f"  {name}: {frame[:80].hex()}")
sys.exit(left != replayed or sum(left.values()) < 20)
PYTHON
}
for interface in "${interfaces[@]}"; do
  check "$interface: the replay sends the frames that were seen on the wire, byte for byte" same_frames "$interface"
done
check "none is refused" same "$(svs replay "$case" --json | grep -cE '"reason":"(reset|no-server|no-route|neighbor-pending|malformed)"')" 0
check "svs verify passes" svs verify "$case"

# Once more, with other addresses.
living mapped
begin_recording "$scratch/mapped-case" --anonymise
touch "$scratch/mapped.go"
ask 5 "http://$vip/" >/dev/null
check "the uploads end well again" wait_for 15 "the uploads" finished mapped
check "a recording with other addresses ends" end_recording
cat "$scratch/record.log"
check "… and verifies" svs verify "$scratch/mapped-case"
check "… and nothing is refused in it" same "$(svs replay "$scratch/mapped-case" --json | grep -cE '"reason":"(reset|no-server|server-gone|no-route|neighbor-pending|malformed)"')" 0
check "… and the service's address is nowhere in it" same "$(grep -rlF "$vip" "$scratch/mapped-case" | wc -l)" 0

# On a terminal a recording says how far it is, in a line that is written over and goes at the end.
cat >"$scratch/terminal.py" <<'PYTHON'
import os, pty, sys
with open(sys.argv[1], "wb", 0) as screen:
    def read(terminal):
        shown = os.read(terminal, 4096)
        screen.write(shown)
        return shown
    sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
PYTHON
start director watched /usr/bin/python3 "$scratch/terminal.py" "$scratch/screen" svs record --output "$scratch/watched-case" --frames 60
wait_for 5 "the recording on a terminal to begin" test -e "$scratch/watched-case/in.eth0.vnet"
ask 2 "http://$vip/" >/dev/null
check "a recording on a terminal says how far it is" wait_for 5 "the line" grep -qE 'recording: [1-9][0-9]* frames? arrived, [0-9]+ left' "$scratch/screen"
ask 20 "http://$vip/" >/dev/null
check "… and ends at its limit" wait "$(pid_of watched)"
check "… with the line taken away before the last words" grep -qP '\r\x1b\[K(svs: )?recorded [0-9]+ frames that arrived' "$scratch/screen"
check "… of which nothing is said where there is no terminal" same "$(grep -c 'recording:' "$scratch/record.log")" 0

# Recordings that come to nothing.
start director record svs record --output "$scratch/killed" --seconds 60
wait_for 15 "a recording to begin" test -e "$scratch/killed/in.eth0.vnet"
stop record KILL || true
check "one that was killed does not keep the next waiting" test 1 = "$(q director svs record -o "$scratch/idle" --client 203.0.113.99 --seconds 1 >"$scratch/idle.log" 2>&1; echo $?)"
check "… which says that no frame arrived" grep -q '^svs: no frame of the clients and services named arrived' "$scratch/idle.log"
check "a service that is not there is named" grep -q -- "--service $vip:8123: there is no such service, only " <(q director svs record -o "$scratch/nosuch" --service "$vip:8123" 2>&1)
check "two packets of one question are numbered" same \
  "$(q director svs explain --live "tcp 172.16.29.1:5555 > $vip:80 SYN" "tcp 172.16.29.1:5556 > $vip:http SYN" | grep -o '^frame [0-9]*' | xargs)" "frame 0 frame 1"

told() { q director svs explain --live "tcp ${1:-172.16.29.1}:5555 > $vip:80 SYN${2:-}"; }
route_to() { q director ip -o route get "$1" | grep -o 'dev [^ ]*' | cut -c 5-; }
check "the running director explains a packet" grep -q 'verdict ' <(told)
# What ends late is counted late.
counted_all() { before=$(q director svs adm -Ln --stats); sleep 0.3; [[ $(q director svs adm -Ln --stats) == "$before" ]]; }
wait_for 10 "the counters to rest" counted_all
told >/dev/null
check "… and nothing in it changes" same "$(q director svs adm -Ln --stats)" "$before"
# An interface beside those of the director, with a network of its own.
q director ip link add aside type veth peer name beyond
q director ip link set beyond up
q director ip link set aside up
q director ip address add 198.18.0.1/24 dev aside
for source in 172.16.29.1 ${interfaces[1]:+192.168.95.2}; do
  check "… by the interface that the route to $source leads to" grep -q "by $(route_to "$source"), where the host's route to $source leads" <(told "$source")
done
check "… by the one that is named" grep -q 'by eth0, as the packet' <(told 198.18.0.9 ' in eth0')
check "a packet that the director would not see is refused" grep -q 'it comes in by aside, where .* takes frames from eth0' <(told 198.18.0.9 2>&1)
[[ $topology == tun ]] || check "one from nowhere is refused" grep -q 'no route of the host leads to 198.51.100.7: say which interface' <(told 198.51.100.7 2>&1)
check "an unclear packet is refused" grep -q "the packet in words" <(q director svs explain --live "tcp nonsense" 2>&1)

exit $((failures > 0))
