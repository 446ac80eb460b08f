#!/usr/bin/env bash
# What the kernel carries changes nothing (docs/carrying.md): random histories of frames, hostile ones among them, and commands, each
# played to a director that sees every frame and to one past which the kernel carries. The same frames reach the same servers in the
# same order of each flow, and verdicts, counters and connections are the same in the end.
# lab/tests/carrying-history.sh [HISTORIES [FIRST-SEED]]
#
#      client                director                rs1                     rs2
#   172.16.29.1           172.16.29.3            172.16.29.10            172.16.29.20      VIP 172.16.29.4, fd00::4: the director's
#     fd00::1               fd00::3                fd00::10                fd00::20        clients 198.51.100.0/24, 2001:db8:c::/64
#   -----+---------------------+---------------------+-----------------------+-----  one wire

source "$(dirname "$(realpath "$0")")/../lib.sh"
histories=${1:-10} first=${2:-1} modes="off tc"
begin_test dr
wire wire
host client director rs1 rs2
plug client eth0 wire "${mac_of[client]}" 172.16.29.1/24 fd00::1/64
plug director eth0 wire "${mac_of[director]}" 172.16.29.3/24 fd00::3/64
plug rs1 eth0 wire "${mac_of[rs1]}" 172.16.29.10/24 fd00::10/64
plug rs2 eth0 wire "${mac_of[rs2]}" 172.16.29.20/24 fd00::20/64
route director 198.51.100.0/24 via 172.16.29.1
route director 2001:db8:c::/64 via fd00::1
# The ways that a history needs stand from its beginning, so that no frame waits for one.
for pair in "172.16.29.1 client" "fd00::1 client" "172.16.29.10 rs1" "fd00::10 rs1" "172.16.29.20 rs2" "fd00::20 rs2"; do
  read -r to name <<<"$pair"
  ip -n "svs-$run-director" neigh replace "$to" dev eth0 lladdr "${mac_of[$name]}" nud permanent
done
for service in "-t $vip:80" "-u $vip:7" "-t [$vip6]:80" "-u [$vip6]:7"; do
  port=${service##*:}
  echo "-A $service -s rr"
  if [[ $service == *\[* ]]; then printf -- "-a $service -r [fd00::%s]:$port -g\n" 10 20
  else printf -- "-a $service -r 172.16.29.%s:$port -g\n" 10 20; fi
done >"$scratch/services"

# play SEED MODE: one history; what is seen of it lies in $scratch/MODE.*
play() {
  local name
  : >"$scratch/$2.seen"
  director --interface eth0 --own all --carry "$2"
  for name in rs1 rs2; do
    capture $name "$name-$2" eth0 "ether src ${mac_of[director]} and (dst host $vip or dst host $vip6)" -Q in -B 65536
  done
  q client taskset -c 0 /usr/bin/python3 "$lab/tools/history" play "$1" eth0 "${mac_of[client]}" "${mac_of[director]}" $vip $vip6 "$run" \
    >"$scratch/$2.verdicts" || echo "the history was not played"
  # Counters are shown as of the last tick of the estimators, every two seconds.
  sleep 2.1
  adm -Ln --stats --exact >"$scratch/$2.stats"
  adm -Lnc | awk 'NR > 2 { print $1, $3, $4, $5, $6, $2 }' | sort >"$scratch/$2.connections"
  carried=$(q director svs status | sed -n 's/^carried by the kernel: .* now, \([0-9]*\) frame.*/\1/p')
  for name in rs1 rs2; do stop_capture "$name-$2"; done
  /usr/bin/python3 "$lab/tools/history" flows rs1="$scratch/rs1-$2.pcap" rs2="$scratch/rs2-$2.pcap" >"$scratch/$2.flows"
  stop svs
}

# alike WHAT MODE: the same as without carrying.
alike() { diff "$scratch/off.$1" "$scratch/$2.$1" | head -20 >"$scratch/difference"; [[ ! -s $scratch/difference ]] || { sed 's/^/  /' "$scratch/difference"; return 1; }; }

# expire_alike MODE: the same connections; each expires at the same time, by as much as one history took longer than the other.
expire_alike() {
  paste -d ' ' "$scratch/off.connections" "$scratch/$1.connections" | awk '
    function seconds(text) { split(text, part, ":"); return part[1] * 60 + part[2] }
    $1 $2 $3 $4 $5 != $7 $8 $9 $10 $11 { print "  " $0; wrong = 1 }
    { by = seconds($6) - seconds($12); if (by < 0) by = -by; if (by > 20) { print "  " $0; wrong = 1 } }
    END { exit wrong }'
}

all=0
for ((seed = first; seed < first + histories; seed++)); do
  for mode in $modes; do
    play $seed $mode
    [[ $mode != off ]] || { check "history $seed: frames reach servers" test -s "$scratch/off.flows"; continue; }
    all=$((all + ${carried:-0}))
    check "history $seed, $mode: the same frames to the same servers, in each flow's order (${carried:-0} of $(head -n 1 "$scratch/$mode.verdicts") carried)" \
      alike flows $mode
    check "… the same verdicts" alike verdicts $mode
    check "… the same counters" alike stats $mode
    check "… the same connections" expire_alike $mode
  done
done
check "the kernel carried some ($all frames)" test $all -gt $((histories * 100))
exit $((failures > 0))
