#!/usr/bin/env bash
# scale.sh [SERVICES SERVERS [FACTOR]]: what a big table costs: start, restore, listing, edits, a reload that changes nothing and one
# that changes a server, and how long control work held the frames. Each may take FACTOR times what a release build on a quiet
# machine takes at most for 2,284 services with 37,298 servers. In lab/test a small one with the debug build; the whole of it with
# a release build: SVS=.build/release/svs lab/tests/scale.sh 2284 37298 1

services=${1:-150} servers=${2:-2450} factor=${3:-10}
source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test nat
preload_library
topology_build

# rules WEIGHT: so many services of the VIP with as many servers in all; the last server has the weight.
rules() {
  awk -v vip=$vip -v services="$services" -v servers="$servers" -v weight="$1" 'BEGIN {
    for (s = 0; s < services; s++) {
      key = "-t " vip ":" 2000 + s
      print "-A " key " -s wlc"
      for (; made < (s + 1) * servers / services && made < servers; made++)
        print "-a " key " -r 10." 1 + int(made / 65536) "." int(made / 256) % 256 "." made % 256 ":80 -m -w " (made == servers - 1 ? weight : 1)
    }
  }'
}
rules 1 >"$scratch/big"
cp "$scratch/big" "$scratch/services"
count() { adm -Ln | grep -c '^  -> [0-9]'; }
now() { echo "${EPOCHREALTIME/[.,]/}"; }
# took MILLISECONDS WHAT COMMAND...: runs it and judges its time.
took() {
  local limit=$(($1 * factor)) what=$2 began; shift 2
  began=$(now)
  "$@" || { check "$what" false; return; }
  local spent=$((($(now) - began) / 1000))
  echo "  $what: $spent ms"
  check "$what takes at most $limit ms" test "$spent" -le "$limit"
}
said() { (( $(grep -c "files read again: $1" "$scratch/svs.log") >= $2 )); }
reload() { kill -HUP "$(pid_of svs)"; wait_for 120 "the files" said "$1" "$2"; }

say "$services services with $servers servers"
big_start() { director --interface eth0 --interface eth1; }
took 2000 "svs run --services, until it answers" big_start
check "all servers are there" same "$(count)" "$servers"
list() { adm -Ln >/dev/null; }
took 500 "a listing" list
took 1000 "SIGHUP that changes nothing" reload "0 changes" 1
rules 5 >"$scratch/services"
took 1000 "SIGHUP that changes a server" reload "1 change" 1
last=$(awk '$1 == "-a" { line = $0 } END { sub(/^-a /, "-e ", line); sub(/-w .*/, "", line); print line }' "$scratch/big")
for ((i = 0; i < 200; i++)); do echo "$last -w $((i % 9))"; done >"$scratch/edits"
edits() { adm -R <"$scratch/edits"; }
took 1000 "200 edits of a server" edits
restore() { adm -C && adm -R <"$scratch/big"; }
took 2000 "svs adm -C and -R" restore
check "all servers are there" same "$(count)" "$servers"
if command -v ipvsadm >/dev/null; then
  ipvs() { q director env LD_PRELOAD="$preload" SVS_CONTROL="$SVS_CONTROL" ipvsadm "$@"; }
  by_ipvsadm() { ipvs -C && ipvs -R <"$scratch/big"; }
  took 6000 "ipvsadm -C and -R by the preload library" by_ipvsadm
  check "all servers are there" same "$(count)" "$servers"
fi
stop svs TERM
check "it ends with 0" same $? 0
sed -n 's/^svs: \(control steps: .*\)/  \1/p' "$scratch/svs.log" | tail -n 1

exit $((failures > 0))
