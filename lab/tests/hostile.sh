#!/usr/bin/env bash
# Captures that nobody means well with: svs replay and explain end with a clear word, in bounded time and memory.

source "$(dirname "$(realpath "$0")")/../lib.sh"
build_svs
case=$root/Tests/ReplayTests/Cases/kernel/nat-tcp
files=(--services "$case/services" --network "$case/network")
# Memory is measured over a gigabyte of frames; HOSTILE_MB takes less of them.
megabytes=${HOSTILE_MB:-1024}

# endless KIND: a capture file that does not end soon. Its clients are 100,000, each heard of again and again.
endless() {
  /usr/bin/python3 - "$1" "$case/in.pcap" "$megabytes" <<'PYTHON'
import struct, sys
kind, path, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
data, out = open(path, "rb").read(), sys.stdout.buffer
header, frame = data[:24], bytearray(data[40:40 + struct.unpack("<I", data[32:36])[0]])
try:
    out.write(header)
    if kind == "zeros":
        for _ in range(min(megabytes, 16)):
            out.write(bytes(1 << 20))
        out.write(bytes(8))
    if kind == "frames":
        frame += bytes(1514 - len(frame))
        total = sum(struct.unpack(">10H", frame[14:34])) - sum(struct.unpack(">3H", frame[24:30]))
        records = bytearray()
        for i in range(100000):
            client = 0x0a800000 + i
            frame[26:30] = struct.pack(">I", client)
            s = total + (client >> 16) + (client & 0xffff)
            s = (s & 0xffff) + (s >> 16)
            frame[24:26] = struct.pack(">H", ~((s & 0xffff) + (s >> 16)) & 0xffff)
            records += struct.pack("<IIII", 1000 + i // 1000, i % 1000 * 1000, 1514, 1514) + frame
        for _ in range(max(megabytes * (1 << 20) // len(records), 1)):
            out.write(records)
except BrokenPipeError:
    pass
PYTHON
}

# bounded STATUS WORDS MEGABYTES SECONDS COMMAND...: exit status, words on stderr (a regular expression), memory at its height and
# time of a command that reads its standard input.
bounded() {
  /usr/bin/python3 - "$@" 3<&0 <<'PYTHON'
import re, resource, subprocess, sys
status, words, megabytes, seconds = int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5])
try:
    done = subprocess.run(sys.argv[5:], stdin=3, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=seconds)
except subprocess.TimeoutExpired:
    sys.exit(f"  no end within {seconds} s")
height = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
sys.stderr.write(f"  {height} MB at most\n")
said = done.stderr.decode(errors="replace")
if done.returncode != status or height > megabytes or not re.search(words, said):
    sys.exit(f"  expected status {status} and '{words}' within {megabytes} MB\n  but got  status {done.returncode} with {height} MB: {said[-300:]}")
PYTHON
}

words="tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN"
check "replay: $megabytes MB of frames in less than 300 MB of memory" bounded 0 '^$' 300 200 "$svs" replay "${files[@]}" --in - < <(endless frames)
check "explain: a packet behind $megabytes MB of frames, likewise" bounded 0 '^$' 300 200 "$svs" explain "${files[@]}" --in - "$words" < <(endless frames)
check "replay: a million frames without a byte" bounded 2 'frame [0-9]+: truncated' 100 100 "$svs" replay "${files[@]}" --in - < <(endless zeros)
check "explain: the same" bounded 2 'frame [0-9]+: truncated' 100 100 "$svs" explain "${files[@]}" --in - "$words" < <(endless zeros)
for command in replay explain; do
  check "$command: random bytes" bounded 2 "unknown file format" 100 20 "$svs" $command "${files[@]}" --in - </dev/urandom
  check "$command: random bytes behind a pcap header" bounded 2 "frame [0-9]+: (invalid|has an|was captured|holds)" 100 20 "$svs" $command "${files[@]}" --in - < <(head -c 24 "$case/in.pcap"; cat /dev/urandom)
  check "$command: a file that ends within a frame" bounded 2 "frame [0-9]+: truncated" 100 20 "$svs" $command "${files[@]}" --in - < <(head -c 1000 "$case/in.pcap")
  check "$command: a device" bounded 2 "/dev/null: is a device, not a regular file" 100 20 "$svs" $command "${files[@]}" --in /dev/null </dev/null
done

exit $((failures > 0))
