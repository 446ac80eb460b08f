#!/usr/bin/env bash
# lab/tests/web.sh [--screenshots FOLDER]
#
# svs web beside a director with traffic: who may look and who may not, metrics as Prometheus wants them, and the page in a headless
# Chromium. --screenshots keeps what the browser saw.

source "$(dirname "$(realpath "$0")")/../lib.sh"
shots=''
case ${1:-} in '') ;; --screenshots) shots=$(realpath -e "${2:?a folder}") ;; *) refuse "$1: no such option" ;; esac
for tool in chromium promtool; do
  command -v $tool >/dev/null || refuse "$tool is missing: apt-get install chromium python3-websockets prometheus"
done
/usr/bin/python3 -c 'import websockets' 2>/dev/null || refuse "python3-websockets is missing: apt-get install python3-websockets"
vip_on_host=yes
begin_test dr
shots=${shots:-$scratch}
# Who looks is somebody else than root.
chmod 711 "$scratch"
topology_build
echo "-A -u $vip:53 -s rr" >>"$scratch/services"
director --interface eth0 --monitor "$scratch/monitor"
url=http://127.0.0.1:9106
start director web svs web --monitor "$scratch/monitor"
fetch() { q director curl -sS --max-time 10 "$@"; }
up() { fetch -o /dev/null "$url/" 2>/dev/null; }
check "svs web listens" wait_for 20 "svs web" up

# -- who may look --
check "it has no rights" same "$(awk '/^(Uid|CapEff|CapBnd|NoNewPrivs)/ { print $2 }' "/proc/$(pid_of web)/status" | paste -sd ' ')" \
  "$(id -u nobody) 0000000000000000 0000000000000000 1"
looks() { q director svs adm --control "$scratch/monitor" "$@" >"$scratch/said" 2>&1; }
check "the monitor socket lists services" eval 'looks -Ln && grep -q "172.16.29.20:80" "$scratch/said"'
check "… and refuses root to change one, by name" eval \
  '! looks -D -t $vip:80; grep -q "this socket is for looking only, not to delete service TCP $vip:80" "$scratch/said"'
check "… and to list connections" eval '! looks -Lnc; grep -q "not to list connections" "$scratch/said"'
check "… and to set a switch" eval '! q director svs set vs.sloppy_tcp 1 --control "$scratch/monitor" 2>"$scratch/said"; grep -q "not to set" "$scratch/said"'
check "the control socket is root's as before" same "$(stat -c %a "$SVS_CONTROL") $(stat -c %a "$scratch/monitor")" "600 660"
status_of() { fetch -o /dev/null -w '%{http_code}' "$@"; }
check "a name that is not known gets nothing" same "$(status_of -H 'Host: evil.example' $url/metrics)" 421
check "another site's page gets nothing" same "$(status_of -H 'Sec-Fetch-Site: cross-site' "$url/explain?packet=x")" 403
check "nothing can be posted" same "$(status_of -X POST -d x $url/) $(status_of -X DELETE $url/)" "413 405"
check "a request has a bound" same "$(status_of -H "X: $(head -c 9000 /dev/zero | tr '\0' a)" $url/)" 431
check "who never ends his request is let go" eval \
  '[[ $(q director timeout 20 bash -c "exec 5<>/dev/tcp/127.0.0.1/9106; printf \"GET / HTTP/1.1\\r\\n\" >&5; cat <&5" | head -1) == "HTTP/1.1 408"* ]]'

# -- metrics --
start client requests bash -c "while :; do curl -s --max-time 2 http://$vip/ >/dev/null; echo >/dev/udp/$vip/53; sleep 0.2; done" 2>/dev/null
metric() { fetch "$url/metrics" | awk -v name="$1" 'index($0, name) == 1 && !seen { seen = 1; print $NF }'; }
grows() { (( $(metric node_ipvs_connections_total) > 5 )); }
check "connections are counted" wait_for 20 "the counters" grows
fetch "$url/metrics?servers=all" >"$scratch/metrics"
check "promtool has no objection" same "$(promtool check metrics <"$scratch/metrics" 2>&1)" ""
labels='{local_address="'$vip'",local_port="80",remote_address="172.16.29.20",remote_port="80",proto="TCP",local_mark=""}'
check "servers have node_exporter's labels" same "$(grep -F "node_ipvs_backend_weight$labels" "$scratch/metrics")" "node_ipvs_backend_weight$labels 2"
check "verdicts are counted by their names" eval '(( $(metric "svs_frames_total{verdict=\"direct-routing\"") > 5 ))'
check "each server's traffic on demand" grep -q "^svs_server_incoming_packets_total" "$scratch/metrics"
check "the alerts' and the dashboard's metrics are there" same "$(comm -13 \
  <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$scratch/metrics" | sed 'p; s/$/_bucket/' | sort -u) \
  <(grep -ohE '(svs|node_ipvs)_[a-z_]+' "$root"/packaging/prometheus/{alerts.yml,dashboard.json} | sort -u))" ""
check "the alerts are rules" promtool check rules "$root/packaging/prometheus/alerts.yml" >/dev/null

# -- the page --
browse() { q director /usr/bin/python3 "$lab/tools/browser" "$shots" $url $vip "$1" || failures=$((failures + 1)); }
browse wide,narrow,keyboard,plain
q director svs drain 172.16.29.10 >/dev/null 2>&1
browse drained
stop svs TERM
browse silent
check "… by the metrics too" same "$(metric svs_up)" 0

exit $((failures > 0))
