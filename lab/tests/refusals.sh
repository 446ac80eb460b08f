#!/usr/bin/env bash
# Bad input: exit status 2 and a sentence that names the place and the cause; never a crash, never a half-started director.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build

# refused TEXT COMMAND...: ends within 20 s with status 2 and TEXT (a regular expression) on stderr.
refused() {
  local text=$1 status=0; shift
  timeout 20 ip netns exec "svs-$run-director" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  same $status 2 || { head -3 "$scratch/err"; return 1; }
  grep -qE -- "$text" "$scratch/err" || { printf '  expected on stderr: %s\n' "$text"; head -3 "$scratch/err"; return 1; }
}
good=(svs run --services "$scratch/services" --interface eth0 --control "$SVS_CONTROL")
# broken LINE...: a services file whose last line is the broken one.
broken() { cp "$scratch/services" "$scratch/broken"; printf '%s\n' "$@" >>"$scratch/broken"; line=$(wc -l <"$scratch/broken"); }
with_services() { refused "svs: $scratch/broken:$line: " svs run --services "$scratch/broken" --interface eth0 --control "$SVS_CONTROL"; }

check "an unknown option" refused colour "${good[@]}" --colour blue
check "an unknown command" refused '^svs: dance: no such command; there are run, check, status, ' svs dance
check "a mistyped command" refused '^svs: verfy: no such command; did you mean svs verify\?$' svs verfy case
check "help on an unknown command" refused '^svs: nosuch: no such command' svs help nosuch
check "help on a known one" grep -q 'svs verify' <(svs help verify)
brief() { refused "$@" && same "$(wc -lc <"$scratch/err" | awk '{ print $1, ($2 < 160) }')" "1 1"; }
check "a mistake costs one short line that says where the help is" brief '--colour.* \(see svs run --help\)$' "${good[@]}" --colour blue
check "adm names itself where the help is" grep -q 'Try `svs adm -h' <(svs adm nosuch 2>&1)
check "explain: no such folder" refused '^svs: uploadz: there is no such folder' svs explain uploadz
/usr/bin/python3 -c 'import socket, sys, time
silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); silent.bind(sys.argv[1]); silent.listen(9); time.sleep(300)' "$scratch/silent" &
silent=$!
wait_for 10 "the silent socket" test -S "$scratch/silent"
for words in "adm --control $scratch/silent --timeout 1 -Ln" "explain --live --control $scratch/silent --timeout 1 'tcp 1.2.3.4:5 > 1.2.3.4:6'" \
  "record -o $scratch/never --control $scratch/silent --timeout 1"; do
  eval "check \"\${words%% *}: a director that hangs\" refused 'has not answered for 1 s' svs $words"
done
check "… and 5 s without an option" timeout 20 grep -q 'has not answered for 5 s' <(svs adm --control "$scratch/silent" -Ln 2>&1)
kill "$silent"
check "record: a folder that is there, before anybody is asked" refused "$scratch: File exists" svs record -o "$scratch" --control "$scratch/nobody"
check "record: a folder nowhere, before anybody is asked" refused "$scratch/nowhere: No such file" svs record -o "$scratch/nowhere/case" --control "$scratch/nobody"
check "the loopback" refused "interface lo: nothing for a director arrives at the loopback" svs run --services "$scratch/services" --interface lo --control "$SVS_CONTROL"
check "no interface named" refused interface svs run --services "$scratch/services" --control "$SVS_CONTROL"
check "an interface that does not exist" refused eth7 "${good[@]}" --interface eth7
check "a services file that does not exist" refused "$scratch/nothing" svs run --services "$scratch/nothing" --interface eth0 --control "$SVS_CONTROL"
check "an unknown value" refused 'lots' "${good[@]}" --connections lots
check "a control socket in a folder that does not exist" refused nowhere svs run --services "$scratch/services" --interface eth0 --control "$scratch/nowhere/control"

broken "-A -t $vip:80 --colour blue"; check "services: an unknown option" with_services
broken "-A -t $vip:99999 -s rr"; check "services: a port out of range" with_services
broken "-A -t 300.1.1.1:80 -s rr"; check "services: no address" with_services
broken "-A -t $vip:82 -s nosuch"; check "services: an unknown scheduler" with_services
broken "-a -t $vip:83 -r 172.16.29.10:80 -g"; check "services: a server of no service" with_services
broken "-A -t $vip:80 -s rr"; check "services: the same service twice" with_services
broken "hello"; check "services: not a command at all" with_services
broken "$(head -c 300 /dev/zero | tr '\0' x)"; check "services: a very long word" with_services
head -c 2000 /dev/urandom | tr -d '\n' >"$scratch/broken"; line=1; check "services: not text at all" with_services
printf -- '-A PREROUTING -j MARK\n' >"$scratch/marks"
check "a broken marks file" refused "$scratch/marks:1: " "${good[@]}" --marks "$scratch/marks"
printf 'net.ipv4.vs.conn_reuse_mode = 1\nnonsense\n' >"$scratch/sysctl"
check "a broken sysctl file" refused "$scratch/sysctl:2: " "${good[@]}" --sysctl "$scratch/sysctl"

check "without CAP_NET_RAW, it says so" refused CAP_NET_RAW setpriv --inh-caps=-net_raw --bounding-set=-net_raw "${good[@]}"
check "decap: no interface named" refused interface svs decap --type ipip
check "decap: an interface that does not exist" refused eth7 svs decap --interface eth7 --type ipip
check "decap: an unknown tunnel" refused rope svs decap --interface eth0 --type rope
check "decap: without CAP_NET_ADMIN, it says so" refused CAP_NET_ADMIN setpriv --inh-caps=-net_admin --bounding-set=-net_admin svs decap --interface eth0 --type ipip
check "nothing of all this left a control socket" test ! -e "$SVS_CONTROL"
check "nothing of all this left a table" same "$(q director nft list tables)" ""

# -- pcap files --
cat >"$scratch/network" <<'NETWORK'
link set dev eth0 address 02:00:00:00:00:03 mtu 1500
link set dev lo up
link set dev eth0 up
addr add 172.16.29.3/24 dev eth0
addr add 172.16.29.4/32 dev lo
NETWORK
pcap() { printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0'; }
record() { printf '\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0'; }
replayed() { refused "$1" svs replay --services "$scratch/services" --network "$scratch/network" --in "$scratch/in.pcap" --out "$scratch/out.pcap"; }
{ pcap; record; printf 'only ten b'; } >"$scratch/in.pcap"; check "a pcap cut within a frame" replayed in.pcap
{ pcap; printf '\0\0\0\0'; } >"$scratch/in.pcap"; check "a pcap cut within a record head" replayed in.pcap
pcap | head -c 10 >"$scratch/in.pcap"; check "a pcap cut within its head" replayed in.pcap
: >"$scratch/in.pcap"; check "an empty pcap" replayed in.pcap
echo "This is no capture at all, it is a letter." >"$scratch/in.pcap"; check "a file that is no pcap" replayed in.pcap
rm "$scratch/in.pcap"; check "a pcap that does not exist" replayed in.pcap
pcap >"$scratch/in.pcap"
check "an empty capture is a fine capture" svs replay --services "$scratch/services" --network "$scratch/network" --in "$scratch/in.pcap" --out "$scratch/out.pcap"


# -- an output that is an input --
kept() { # FILE COMMAND...: refused, and the file holds what it held.
  local file=$1 before; shift
  before=$(sha256sum <"$file"); refused 'would destroy what it holds' "$@" && same "$(sha256sum <"$file")" "$before"
}
ln -s in.pcap "$scratch/symbolic.pcap"
ln "$scratch/in.pcap" "$scratch/hard.pcap"
replaying=(svs replay --services "$scratch/services" --network "$scratch/network" --in "$scratch/in.pcap")
for name in in.pcap symbolic.pcap hard.pcap; do
  check "replay does not write to its input as $name" kept "$scratch/in.pcap" "${replaying[@]}" --out "$scratch/$name"
  check "decap does not write to its input as $name" kept "$scratch/in.pcap" svs decap --in "$scratch/in.pcap" --out "$scratch/$name"
done
check "replay does not write to its network file" kept "$scratch/network" "${replaying[@]}" --out "eth0=$scratch/network"

# -- standard output that takes nothing --
mkdir "$scratch/case"
cp "$scratch/services" "$scratch/network" "$scratch/case"
printf 'tcp 172.16.29.1:5555 > %s:80 SYN\n' "$vip" >"$scratch/case/packets"
check "a case is made" svs pcap "$scratch/case"
svs verify --regenerate "$scratch/case" >"$scratch/verified"
check "one case and one frame are no cases and frames" grep -q '^1 case, 1 frame: 1 written, 0 failed$' "$scratch/verified"
full() { local status=0; "$@" >/dev/full 2>"$scratch/err" || status=$?; same "$status" 2 && same "$(cat "$scratch/err")" "svs: standard output: No space left on device"; }
for words in --help "verify --help" "help run" --version "adm -h" "replay $scratch/case --json" "explain $scratch/case" "verify $scratch/case" "pcap $scratch/case" roster; do
  check "svs ${words%% /*}: what it prints cannot be written" full svs $words
done

exit $((failures > 0))
