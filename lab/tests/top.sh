#!/usr/bin/env bash
# svs top in a terminal: rates of services and servers, ordered by keys, at any size; and a terminal that is as before, however it ends.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
# terminal ROWS COLUMNS SCRIPT [svs top option...]: what lab/tools/terminal.py says at the end.
terminal() { q director /usr/bin/python3 "$lab/tools/terminal.py" "$1" "$2" "$3" svs top "${@:4}"; }

check "without a director it is status 2" eval 'q director svs top --once >"$scratch/said" 2>&1; same $? 2'
topology_start
check "without a terminal it says so" eval 'q director svs top >"$scratch/said" 2>&1 </dev/null; same $? 2 && grep -q "no terminal: svs top --once" "$scratch/said"'
ask 6 http://$vip/ >/dev/null
check "--once prints services and servers" wait_for 10 "the rates" eval \
  'q director svs top --once --sort connections >"$scratch/said" && grep -q "^TCP $vip:80 " "$scratch/said" && grep -q "^  172.16.29.10:80 " "$scratch/said"'
check "q ends it, and the terminal is as before" same \
  "$(terminal 24 80 "wait:q quit|show:$scratch/screen|keys:c|wait:CONN/S|keys:s|wait:service, server|keys:q")" "0 settings kept first page"
check "a screen of 24 lines and 80 columns is used, and not more" same "$(awk 'length > 80' "$scratch/screen" | wc -l) $(wc -l <"$scratch/screen")" "0 24"
check "services and servers are on it" same "$(grep -cE '^(TCP |  )' "$scratch/screen")" 6
check "it follows the terminal's size" same "$(terminal 24 80 "wait:q quit|size:10,40|wait:q quit|show:$scratch/screen|keys:q")" \
  "0 settings kept first page"
check "… to the last line and column" same "$(awk 'length > 40' "$scratch/screen" | wc -l) $(wc -l <"$scratch/screen")" "0 10"
for signal in SIGTERM SIGINT SIGHUP; do
  check "$signal ends it, and the terminal is as before" same "$(terminal 24 80 "wait:q quit|signal:$signal")" "0 settings kept first page"
done
check "so does Ctrl-C" same "$(terminal 24 80 'wait:q quit|keys:\x03')" "0 settings kept first page"
(wait_for 20 "svs top" grep -qs "q quit" "$scratch/there" && stop svs TERM) &
stopper=$!
check "and a director that is gone" same "$(terminal 24 80 "wait:q quit|show:$scratch/there" --interval 1)" "2 settings kept first page"
wait $stopper
exit $((failures > 0))
