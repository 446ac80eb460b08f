#!/usr/bin/env bash
# svs run ends, by a signal or killed with no warning, and is started again: what it was told stands, connections live on, and
# what is not its own is set aside. lab/tests/restart.sh [--vip-on-host]

source "$(dirname "$(realpath "$0")")/../lib.sh"
[[ ${1:-} != --vip-on-host ]] || vip_on_host=yes
begin_test nat
state_folder=/dev/shm/svs-lab-$run
topology_build
host elsewhere
plug elsewhere eth0 outside 02:00:00:00:00:09 172.16.29.9/24
echo "--set 600 60 60" >>"$scratch/services"
large
folder=$state_folder/lab
start_svs() { director --interface eth0 --interface eth1 --name lab $(owning) "$@"; }
director_process() { pgrep -P "$(pid_of svs)" -f 'svs director'; }
gone() { ! kill -0 "$1" 2>/dev/null; }
finished() { ! alive "$1"; }
standing() { adm -Sn; adm -L --timeout | tr -dc '0-9 ' | xargs; }
known() { adm -Lnc | grep -c ESTABLISHED; }
said() { grep -q -- "$1" "$scratch/svs.log"; }
said_aside() { grep -c 'set aside, because' "$scratch/svs.log"; }
# left: what there is on the director's host that a director brings.
left() {
  q director nft list tables
  q director ip -o link show type tun
  q director ip rule | grep 'proto 213'
  q director ip -6 rule | grep 'proto 213'
  [[ ! -e $SVS_CONTROL ]] || echo "$SVS_CONTROL"
}
nothing_left() { [[ -z $(left) ]]; }
# hold LABEL COUNT: that many connections, which say nothing until "answered LABEL"; that says how many were answered, and how many not.
hold() { start client "$1" "$lab/tools/held" "$2" $vip 80 "$scratch/ask-$1"; wait_for 10 "the connections" grep -qs open "$scratch/$1.log"; }
answered() { touch "$scratch/ask-$1"; wait_for 30 "the connections that were held" finished "$1"; tail -n 1 "$scratch/$1.log"; }
# sending LABEL: a download that sends all the time.
sending() { start client "$1" curl -gfsS --limit-rate 8M -o "$scratch/$1" "http://$vip/files/large"; wait_for 10 "the download" test -s "$scratch/$1"; }
arrived() { wait_for 60 "the download to end" finished "$1"; stop "$1" && equal "$scratch/$1"; }
# survives SENTENCE LABEL: a VIP of the host may be reset while nobody is there.
survives() {
  if [[ -z ${vip_on_host:-} ]]; then check "$1" arrived "$2"
  elif arrived "$2" >/dev/null; then echo "  $1, though the host could have reset it"
  else echo "  a connection that sent in the gap was reset by the host"; fi
}

start_svs
adm -A -t $vip:81 -s rr
adm -a -t $vip:81 -r 192.168.95.9:8080 -m -w 7
adm -e -t $vip:80 -r 192.168.95.2:8080 -m -w 5
adm -d -t "[$vip6]:80" -r "[fd95::2]:8080"
adm --set 700 70 70
before=$(standing)
check "nobody but root may enter the folder" same "$(stat -c '%U %a' "$folder")" "root 700"
second() { timeout 20 ip netns exec "svs-$run-elsewhere" svs run --interface eth0 --services "$scratch/services" --state "$state_folder" "$@" 2>&1; }
check "a second svs run of the same folder is refused, and told who has it" grep -q "process $(pid_of svs) keeps its state there" <(second --name lab)

# -- kill -9 of the keeper --
hold waiting 40
sending moving
victim=$(director_process)
stop svs KILL
check "killed: the director ends with its keeper" wait_for 3 "the director to end" gone "$victim"
check "… and nothing is left of them on the host" wait_for 5 "the host to be as it was" nothing_left
start_svs
check "… services, weights and timeouts stand as adm had made them" same "$(standing)" "$before"
check "… the log says that connections go on" said ' connections and 0 templates go on'
check "… those that said nothing meanwhile are answered" same "$(answered waiting)" "40 0"
survives "… a download goes on" moving

# -- SIGTERM --
hold waiting2 40
sending moving2
stop svs TERM
check "SIGTERM: it ends with 0, and nothing is left on the host" test $? = 0 -a -z "$(left)"
sed -i -e "/-r 192.168.95.3:8080/s/-w 2/-w 4/" -e "\$a -A -t $vip:82 -s lc" "$scratch/services"
start_svs
after=$(sed -e "s/-r 192.168.95.3:8080 -m -w 2/-r 192.168.95.3:8080 -m -w 4/" -e "\$d" <<<"$before"; echo "-A -t $vip:82 -s lc"; echo "700 70 70")
check "… what changed in the file is changed, and nothing else" same "$(standing | sort)" "$(sort <<<"$after")"
check "… connections that said nothing are answered" same "$(answered waiting2)" "40 0"
survives "… a download goes on" moving2

# -- another size of the table, and memory that is full --
hold waiting3 20
stop svs TERM
start_svs --connections 5000
check "a table of another size takes the connections over" same "$(answered waiting3)" "20 0"
check "… and the log says that they were brought over" said 'what is in it is brought over'
check "… of which nothing is left" test ! -e "$folder/connections.earlier"

# -- what is not its own --
# spoilt SENTENCE HOW...: what of the state is spoilt costs it, and a line in the log.
spoilt() {
  local sentence=$1; shift
  stop svs TERM
  "$@"
  start_svs --connections 5000
  check "$sentence: it is set aside, and that is said" test "$(said_aside)" -gt 0
  check "… and svs works" test "$(ask 1 "http://$vip/" 3>/dev/null)" != nobody
}
garbage() { head -c 65536 /dev/urandom | dd of="$folder/$1" conv=notrunc status=none; }
spoilt "garbage in the journal" garbage journal
check "… it begins with the file" same "$(standing | grep -c ':81 ')" 0
spoilt "garbage in the connections" garbage connections
spoilt "a journal that was cut off" truncate -s 10000 "$folder/journal"
spoilt "connections that were cut off" truncate -s 10000 "$folder/connections"
check "one of each kind is kept" same "$(ls "$folder" | xargs)" "connections connections.old journal journal.old lock"

# -- another boot, another namespace --
ask 3 "http://$vip/" >/dev/null 3>&1
stop svs TERM
echo 00000000-1111-2222-3333-444444444444 >"$scratch/boot"
start director svs unshare -m sh -c 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"' sh "$scratch/boot" \
  svs run --services "$scratch/services" --control "$SVS_CONTROL" --state "$state_folder" --name lab --interface eth0 --interface eth1 $(owning)
wait_for 10 "svs to answer" answers_or_dead
check "another boot: both are set aside" same "$(said_aside)" 2
stop svs TERM
start elsewhere svs svs run --services "$scratch/services" --control "$SVS_CONTROL" --state "$state_folder" --name lab --interface eth0
wait_for 10 "svs to answer" eval "q elsewhere svs adm -Ln >/dev/null 2>&1"
check "another network namespace: both are set aside" same "$(said_aside)" 2
stop svs TERM

# -- a fresh start --
start_svs
adm -A -t $vip:83 -s rr
ask 5 "http://$vip/" >/dev/null 3>&1
stop svs TERM
start_svs --fresh
check "--fresh: nothing is taken over" same "$(adm -Sn | grep -c ':83 ') $(adm -Lnc | wc -l)" "0 2"
stop svs TERM
check "svs ends with 0" same $? 0

# -- a folder that cannot be had --
[[ $(stat -f -c %T "$scratch") == tmpfs ]] ||
  check "a folder on a disk is refused where it is asked for" grep -q 'is not on a tmpfs' <(q director timeout 20 svs run --interface eth0 --state "$scratch/disk" 2>&1)
check "svs run that cannot work leaves no folder" eval 'q director timeout 20 svs run --interface eth0 --state "$state_folder" --name bad --services "$scratch/nothing" 2>/dev/null; [[ ! -e $state_folder/bad ]]'
exit $((failures > 0))
