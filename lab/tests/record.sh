#!/usr/bin/env bash
# svs record: what happens in the lab becomes a case that replays to the same frames, byte for byte, and svs explain --live
# agrees. TOPOLOGY is dr (the default), nat or tun; for tun with TYPE ipip, gue or gre.

source "$(dirname "$(realpath "$0")")/../lib.sh"
topology=${1:-dr} type=${2:-ipip}
begin_test "$topology"
topology_build
topology_start

interfaces=(eth0)
[[ $topology != nat ]] || interfaces+=(eth1)
# Recording begins before the traffic: old connections are not part of a case.
case=$scratch/case
start director record svs record --output "$case" "${interfaces[@]/#/--interface=}" --seconds 60
for interface in "${interfaces[@]}"; do
  wait_for 5 "the recording of $interface to begin" test -e "$case/in.$interface.vnet"
  capture director "out-$interface" "$interface" "tcp or udp or proto 4 or proto 47" -Q out -s 0 -B 65536
done
check "10 requests are answered" same "$(ask 10 "http://$vip/" | wc -l)" 10
[[ -z ${vip6:-} ]] || check "4 over IPv6 too" same "$(ask 4 "http://[$vip6]/" | wc -l)" 4
head -c 300000 /dev/urandom >"$scratch/files/large"
check "an upload of superframes arrives" upload "http://$vip/store/" rs1 rs2
stop record INT
wait_for 5 "the recording to end" test -e "$case/run"
for interface in "${interfaces[@]}"; do stop "out-$interface"; done

for file in services network sysctl run; do check "the case has $file" test -s "$case/$file"; done
for interface in "${interfaces[@]}"; do check "… and frames of $interface" test -s "$case/in.$interface.pcap" -a -s "$case/in.$interface.vnet"; done

# same_frames INTERFACE: what left in the lab is what leaves in the replay, as often and to the byte. The director's own
# connections and what its host asks are left out of both: only frames that the case's frames caused are its.
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
  check "$interface: the replay sends the frames that the director sent, byte for byte" same_frames "$interface"
done
check "none is refused" same "$(svs replay "$case" --json | grep -cE '"reason":"(reset|no-server|no-route|neighbor-pending|malformed)"')" 0
check "svs verify takes it as a test" svs verify --regenerate "$case"
check "… which passes" svs verify "$case"

told() { q director svs explain --live "tcp 198.51.100.7:5555 > $vip:80 SYN"; }
check "the running director explains a packet" grep -q 'verdict ' <(told)
before=$(q director svs adm -Ln --stats)
told >/dev/null
check "… and nothing in it changes" same "$(q director svs adm -Ln --stats)" "$before"
check "an unclear packet is refused" grep -q "the packet in words" <(q director svs explain --live "tcp nonsense" 2>&1)

exit $((failures > 0))
