#!/usr/bin/env bash
# Clients without end, files that are none, memory and descriptors that are used up, a director that hangs or is somebody else's:
# svs says what is wrong in one sentence, goes on where it can, and ends with status 2 where it cannot.

source "$(dirname "$(realpath "$0")")/../lib.sh"
begin_test dr
topology_build
said() { grep -q -- "$1" "$scratch/svs.log"; }
listed() { timeout 8 ip netns exec "svs-$run-director" svs adm -Ln 2>/dev/null | grep -q "$vip:80"; }
# fails STATUS WORDS COMMAND...: within 10 seconds, with words (a regular expression) and without a backtrace.
fails() {
  local wanted=$1 words=$2 status=0; shift 2
  timeout 10 "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
  [[ $status == "$wanted" ]] && grep -qE -- "$words" "$scratch/output" && ! grep -qE 'Fatal error|Crash|Thread 0' "$scratch/output" && return
  printf '  expected status %s and %s\n  but got  status %s: %s\n' "$wanted" "$words" "$status" "$(tail -n 3 "$scratch/output")"; return 1
}
# ticks PID: processor time so far, in hundredths of a second.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# -- memory and descriptors at the start --
here=(ip netns exec "svs-$run-director")
start="svs run --interface eth0 --services $scratch/services --control $scratch/other"
check "without memory for the table svs run says so" fails 2 "[Cc]annot allocate memory|no memory" "${here[@]}" bash -c "ulimit -v 4000000; exec $start --connections 200000000"
check "without descriptors likewise" fails 2 "[Tt]oo many open files" "${here[@]}" bash -c "ulimit -n 12; exec $start"

# -- clients --
topology_start
cat >"$scratch/idle.py" <<'PYTHON'
import socket, sys, time
ends = []
for _ in range(int(sys.argv[2])):
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.connect(sys.argv[1])
    ends.append(end)
print("idle", flush=True)
time.sleep(1000)
PYTHON
start director idle /usr/bin/python3 "$scratch/idle.py" "$SVS_CONTROL" 300
wait_for 10 "300 idle clients" grep -qs '^idle' "$scratch/idle.log"
check "300 clients that say nothing keep nobody out" listed
stop idle
keeper=$(pid_of svs)
descriptors=$(find "/proc/$keeper/fd" -mindepth 1 | wc -l)
prlimit --pid "$keeper" --nofile="$descriptors:"
start director idle /usr/bin/python3 "$scratch/idle.py" "$SVS_CONTROL" 20
check "without a descriptor for a client, that is said" wait_for 10 "the log" said "cannot be let in: Too many open files"
before=$(ticks "$keeper") began=${EPOCHREALTIME/[.,]/}
wait_for 5 "two seconds" bash -c "(( \${EPOCHREALTIME/[.,]/} - $began > 2000000 ))"
check "… once, and costs no time" same "$(grep -c 'cannot be let in' "$scratch/svs.log") $(( $(ticks "$keeper") - before < 20 ))" "1 1"
prlimit --pid "$keeper" --nofile=1024:
check "… and with descriptors again, clients are let in" wait_for 10 "an answer" listed
stop idle

# -- a director that hangs, and one that is somebody else's --
director_pid=$(pgrep -P "$keeper" -f 'director' | head -n 1)
kill -STOP "$director_pid"
check "adm gives a director that hangs up after five seconds" fails 2 "has not answered for 5 s" "${here[@]}" svs adm -Ln
check "explain too" fails 2 "has not answered for 5 s" "${here[@]}" svs explain --live --control "$SVS_CONTROL" "tcp 172.16.29.1:5555 > $vip:80 SYN"
check "record too" fails 2 "has not answered for 5 s" "${here[@]}" svs record --control "$SVS_CONTROL" --output "$scratch/record"
if preload_library; then
  check "ipvsadm too" fails 2 "Can.t initialize ipvs" "${here[@]}" env LD_PRELOAD="$preload" ipvsadm -A -t 192.0.2.77:80
fi
kill -CONT "$director_pid"
cat >"$scratch/listen.py" <<'PYTHON'
import os, socket, sys
os.setgid(65534); os.setuid(65534)
end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
end.bind(sys.argv[1]); end.listen(8)
print("listening", flush=True)
while True: end.accept()
PYTHON
mkdir -m 777 "$scratch/public"; chmod 755 "$scratch"
start director stranger /usr/bin/python3 "$scratch/listen.py" "$scratch/public/socket"
wait_for 5 "a stranger's socket" grep -qs listening "$scratch/stranger.log"
strange="neither root nor the user svs"
check "root does not speak to a stranger's socket: adm" fails 2 "$strange" "${here[@]}" svs adm --control "$scratch/public/socket" -Ln
check "explain" fails 2 "$strange" "${here[@]}" svs explain --live --control "$scratch/public/socket" "tcp 172.16.29.1:5555 > $vip:80 SYN"
check "record" fails 2 "$strange" "${here[@]}" svs record --control "$scratch/public/socket" --output "$scratch/record"
[[ -z ${preload:-} ]] ||
  check "ipvsadm" fails 2 "Can.t initialize ipvs" "${here[@]}" env LD_PRELOAD="$preload" SVS_CONTROL="$scratch/public/socket" ipvsadm -A -t 192.0.2.77:80
check "the director goes on" listed
stop stranger

# -- a director that answers what none can --
cat >"$scratch/lie.py" <<'PYTHON'
import os, random, socket, struct, sys, threading
random.seed(1)
kind = sys.argv[2]
def answers(request):
    length, type_, flags, sequence, port = struct.unpack("<IHHII", request[:16])
    head = lambda size, type_, flags: struct.pack("<IHHII", size, type_, flags, sequence, port)
    if kind == "noise":
        yield random.randbytes(random.randrange(1, 4000))
    elif kind == "lengths":
        # Longer than the packet, and attributes longer than the message.
        yield head(0x7fffffff, type_, 0) + bytes(40)
    elif kind == "attributes":
        body = struct.pack("<BBH", request[16] if len(request) > 16 else 1, 1, 0) + struct.pack("<HH", 0xfff0, 1) + random.randbytes(64)
        yield head(16 + len(body), type_, 2) + body
    elif kind == "empty":
        yield head(16, type_, 2)
    elif kind == "endless":
        body = struct.pack("<BBH", 1, 1, 0)
        packet = b"".join(head(16 + len(body), type_, 2) + body for _ in range(100))
        while True:
            yield packet
def serve(end):
    try:
        while True:
            request = end.recv(1 << 16)
            if len(request) < 16:
                return
            for answer in answers(request):
                end.send(answer)
    except OSError:
        pass
end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
end.bind(sys.argv[1]); end.listen(8)
print("listening", flush=True)
while True:
    threading.Thread(target=serve, args=(end.accept()[0],), daemon=True).start()
PYTHON
# gives_up COMMAND...: within 20 seconds, not with 0 and not by a signal, and without a backtrace.
gives_up() {
  local status=0
  timeout 20 "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
  ((status > 0 && status < 124)) && ! grep -qE 'Fatal error|Crash|Thread 0' "$scratch/output" && return
  printf '  status %s: %s\n' "$status" "$(tail -n 3 "$scratch/output")"; return 1
}
for kind in noise lengths attributes empty endless; do
  rm -f "$scratch/lies"
  start director liar /usr/bin/python3 "$scratch/lie.py" "$scratch/lies" $kind
  wait_for 5 "a liar's socket" grep -qs listening "$scratch/liar.log"
  check "answers of a director that lies ($kind) are refused: adm" gives_up "${here[@]}" svs adm --control "$scratch/lies" -Ln
  check "explain" gives_up "${here[@]}" svs explain --live --control "$scratch/lies" "tcp 172.16.29.1:5555 > $vip:80 SYN"
  check "record" gives_up "${here[@]}" svs record --control "$scratch/lies" --output "$scratch/record"
  if [[ -n ${preload:-} ]]; then
    for command in "-Ln" "-Lnc" "-A -t 192.0.2.77:80"; do
      check "ipvsadm $command" gives_up "${here[@]}" env LD_PRELOAD="$preload" SVS_CONTROL="$scratch/lies" ipvsadm $command
    done
  fi
  stop liar
done
# A program with more rights than who started it does not go where the environment says.
cp "$svs" "$scratch/of-nobody"; chown nobody "$scratch/of-nobody"; chmod 4755 "$scratch/of-nobody"
check "SVS_CONTROL means nothing to svs adm with the rights of another user" bash -c \
  "SVS_CONTROL=$scratch/elsewhere '$scratch/of-nobody' adm -Ln >'$scratch/output' 2>&1; ! grep -q elsewhere '$scratch/output' && grep -q /run/ '$scratch/output'"
check "… and does to one without" bash -c "SVS_CONTROL=$scratch/elsewhere '$svs' adm -Ln >'$scratch/output' 2>&1; grep -q elsewhere '$scratch/output'"
stop svs TERM
check "… and ends with 0" same $? 0

# -- files that are none --
case=$root/Tests/ReplayTests/Cases/kernel/nat-tcp
mkfifo "$scratch/pipe"
ln -s /dev/zero "$scratch/zeros"
pipe="is a pipe, not a regular file" device="is a device, not a regular file"
files=(--services "$case/services" --network "$case/network" --in "$case/in.pcap")
for option in services network sysctl marks edits firewall in; do
  others=(); for ((i = 0; i < ${#files[@]}; i += 2)); do [[ ${files[i]} == "--$option" ]] || others+=("${files[@]:i:2}"); done
  check "replay --$option: a pipe" fails 2 "$pipe" "$svs" replay "${others[@]}" "--$option" "$scratch/pipe"
  check "explain --$option: an endless device behind a link" fails 2 "$device" "$svs" explain "${others[@]}" "--$option" "$scratch/zeros" "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN"
done
cp -r "$case" "$scratch/case"; rm "$scratch/case/network"; ln -s /dev/zero "$scratch/case/network"
check "verify: a case with an endless device" fails 2 "$device" "$svs" verify "$scratch/case"
for option in services marks marks6 sysctl; do
  check "run --$option: a pipe" fails 2 "$pipe" "${here[@]}" svs run --interface eth0 --control "$scratch/other" $([[ $option == services ]] || echo --services "$scratch/services") "--$option" "$scratch/pipe"
done
# One word of two megabytes, and thousands of services: what is read costs as much as it is long.
{ printf '*mangle\n-A PREROUTING -m comment --comment "'; head -c 2000000 /dev/zero | tr '\0' x; printf '" -d 192.0.2.1 -j MARK --set-mark 1\nCOMMIT\n'; } >"$scratch/long"
check "replay --marks: a word of two megabytes" fails 0 "emitted" "$svs" replay "${files[@]}" --json --marks "$scratch/long"
check "adm -R: a line without end" bash -c "! head -c 10000000 /dev/zero | '$svs' adm --control '$scratch/none' -R 2>'$scratch/output'; grep -q 'a line is longer than 64 KB' '$scratch/output'"

exit $((failures > 0))
