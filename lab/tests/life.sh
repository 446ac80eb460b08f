#!/usr/bin/env bash
# Birth and death of svs: SIGHUP applies differences only, SIGTERM ends cleanly, kill -9 leaves the host as it was.

source "$(dirname "$(realpath "$0")")/../lib.sh"
vip_on_host=yes
begin_test dr
topology_build
echo "--set 600 60 60" >>"$scratch/services"
tables() { q director nft list tables; }
refused() { curl_status=0; q client curl -sS --max-time 10 "$1" >/dev/null 2>&1 || curl_status=$?; [[ $curl_status == 7 ]]; }
answered() { [[ $(ask 1 http://$vip/ 3>/dev/null) == rs? ]]; }
listed() { adm -Ln | grep -q -- "$1"; }
weight_of() { adm -Ln | awk -v server="$1" '$1 == "->" && $2 == server { print $4; exit }'; }

check "before svs runs, the host itself refuses port 80" refused http://$vip/
topology_start
check "with svs running, the services answer" same "$(ask 3 http://$vip/ | tally)" "rs1=1 rs2=2"
check "they are counted" wait_for 10 "the counters" counted 3
check "the host stack is muted by a table of svs" test -n "$(tables)"

# -- SIGHUP --
adm -a -t $vip:80 -r 172.16.29.30:80 -g -w 0
adm --set 700 70 70
sed -i -e '/-r 172.16.29.10:80/s/-w 1/-w 3/' -e '/-r \[fd00::20\]:80/d' "$scratch/services"
echo "-A -t $vip:81 -s rr" >>"$scratch/services"
kill -HUP "$(pid_of svs)"
check "SIGHUP adds the new service" wait_for 15 "the new service" listed "$vip:81"
check "SIGHUP changes the weight that the file changed" same "$(weight_of 172.16.29.10:80)" 3
check "SIGHUP removes the server that the file dropped" same "$(adm -Ln | grep -c 'fd00::20')" 0
check "the server that adm added stays" same "$(weight_of 172.16.29.30:80)" 0
check "the counters of the changed service go on" same "$(conns_of $vip:80)" 3
check "… and so do timeouts that adm has set since" same "$(adm -L --timeout | tr -dc '0-9 ' | xargs)" "700 70 70"

cp "$scratch/services" "$scratch/good"
echo "-A -t $vip:82 -s nosuch --colour blue" >>"$scratch/services"
kill -HUP "$(pid_of svs)"
check "a broken file on SIGHUP is reported with its line" wait_for 15 "the complaint" grep -q "services:$(wc -l <"$scratch/services"): " "$scratch/svs.log"
check "… and changes nothing" same "$(conns_of $vip:80) $(weight_of 172.16.29.30:80)" "3 0"
check "… and the service goes on" test "$(ask 1 http://$vip/)" != nobody
# -- what is no file --
no_file() { # WORDS: SIGHUP says them, and everything goes on.
  kill -HUP "$(pid_of svs)"
  wait_for 15 "the complaint" grep -q "services: $1; everything stays as it was" "$scratch/svs.log" && answered && listed "$vip:81"
}
rm "$scratch/services"; mkfifo "$scratch/services"
check "a pipe in the place of a file is refused on SIGHUP, and frames are directed" no_file "is a pipe, not a regular file"
ln -sf /dev/zero "$scratch/services"
check "… and an endless device behind a link" no_file "is a device, not a regular file"
rm "$scratch/services"; mkdir "$scratch/services"
check "… and a directory" no_file "is a directory, not a regular file"
rmdir "$scratch/services"; truncate -s 65M "$scratch/services"
check "… and a file of more than 64 MB" no_file "is longer than 64 MB"
cp "$scratch/good" "$scratch/services"

# -- SIGTERM --
stop svs TERM
check "SIGTERM ends it with exit status 0" same $? 0
check "no table is left" same "$(tables)" ""
check "no control socket is left" test ! -e "$SVS_CONTROL"
check "the host refuses port 80 again" refused http://$vip/

# -- an interface that is made anew --
topology_start
ip -n "svs-$run-director" link del eth0
check "without its interface svs goes on" listed "$vip:80"
plug director eth0 wire "${mac_of[director]}" 172.16.29.3/24 fd00::3/64 $vip/32 $vip6/128
check "the interface made anew, the services answer again" wait_for 15 "an answer" answered
before=$(noise)
check "… with their weights" same "$(ask 10 http://$vip/ | tally)" "rs1=6 rs2=4"
check "… and the host stack stays silent" same "$(noise)" "$before"
stop svs TERM
check "… and it ends with 0" same $? 0

# -- kill -9 --
topology_start
check "it starts again" test "$(ask 1 http://$vip/)" != nobody
check "it mutes again" test -n "$(tables)"
stop svs KILL
check "kill -9 leaves no table" wait_for 10 "the table to vanish" eval '[[ -z $(tables) ]]'
check "after kill -9 the host refuses port 80 again" refused http://$vip/
topology_start
check "it starts over the socket that kill -9 left behind" test "$(ask 1 http://$vip/)" != nobody
stop svs INT
check "SIGINT ends it with exit status 0" same $? 0

exit $((failures > 0))
