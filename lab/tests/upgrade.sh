#!/usr/bin/env bash
# svs upgrade under load: another build takes over with every socket open, and nothing is lost; one that is broken changes
# nothing, whether it cannot be executed, does not answer, refuses, ends, hangs, or does not direct.
# lab/tests/upgrade.sh [--unnamed] [--other-layout]: with the first, memory without a name instead of a state folder; with the second
# (which builds svs once more), to a build whose state has another layout and back.

source "$(dirname "$(realpath "$0")")/../lib.sh"
# other_layout: builds svs with longer connections and prints its path.
other_layout() {
  local build=(swift build --package-path "$root" --scratch-path "$root/.build-other-layout" -Xswiftc -DSVS_OTHER_LAYOUT
    --explicit-target-dependency-import-check error)
  "${build[@]}" --product svs >&2 && echo "$("${build[@]}" --show-bin-path)/svs"
}
vip_on_host=yes
begin_test nat
state_folder=/dev/shm/svs-lab-$run
state=$state_folder
other=''
for word; do
  case $word in
    --unnamed) state=none ;;
    --other-layout) other=yes ;;
    *) refuse "no such option: $word" ;;
  esac
done
[[ -z $other ]] || { say "Building svs with another layout"; other=$(other_layout) || refuse "it does not build"; }
topology_build
numbers_to nat
large
silence=$(noise)
# The path by which svs is started; what lies there is changed as a package manager does it.
installed=$scratch/bin/installed
install_svs() { cp "$1" "$installed.new" && mv "$installed.new" "$installed"; }
install_svs "$svs"
start director svs "$installed" run --services "$scratch/services" --control "$SVS_CONTROL" --state "$state" \
  --interface eth0 --interface eth1
wait_for 10 "svs to answer" answers_or_dead
keeper=$(pgrep -f "^$installed run --services $scratch")
director_process() { pgrep -P "$keeper" -f 'svs director|installed director'; }
upgrade() { q director svs upgrade --control "$SVS_CONTROL" >"$scratch/outcome" 2>&1; }
outcome() { cat "$scratch/outcome"; }
given_back() { sed -n 's/.* frames in hand were given back, \([0-9]*\) since.*/\1/p' "$scratch/svs.log" | tail -n 1 | grep . || echo 0; }

start client down curl -gfsS --limit-rate 1M -o "$scratch/down" "http://$vip/files/large"
start client up curl -gfsS --limit-rate 1M -T "$scratch/files/large" "http://$vip/store/"
start client numbers /usr/bin/python3 "$lab/tools/udp" stream 172.16.29.1 $vip 7 14000 400
wait_for 10 "the download" test -s "$scratch/down"
adm -A -t "$vip:81" -s rr
adm -a -t "$vip:81" -r 192.168.95.9:8080 -m -w 3

brought_over() { grep -c 'is brought over$' "$scratch/svs.log"; }

# broken WHAT PATTERN: an upgrade to what is installed is refused with these words; the same keeper and director go on.
broken() {
  local before; before=$(director_process)
  upgrade
  check "$1: the upgrade fails" same $? 1
  check "… and says why" grep -qE "$2" "$scratch/outcome" || cat "$scratch/outcome"
  check "… and the same director goes on" same "$(director_process)" "$before"
}

echo "this is no program" >"$scratch/no-program"
chmod +x "$scratch/no-program"
install_svs "$scratch/no-program"
broken "what is no program" 'no upgrade: .* cannot be started|does not answer'
printf '#!/bin/sh\nexit 3\n' >"$scratch/ends" && chmod +x "$scratch/ends"
install_svs "$scratch/ends"
broken "a program that ends" 'no upgrade: .* does not answer: exit status 3'
printf '#!/bin/sh\nexec sleep 100\n' >"$scratch/hangs" && chmod +x "$scratch/hangs"
install_svs "$scratch/hangs"
broken "a program that hangs" 'no upgrade: .* does not answer within 5 s'
rm -f "$installed"
broken "no program at all" 'no upgrade: .* cannot be started: No such file'

# One whose directors do not direct: the program before is executed again, in the same process.
cat >"$scratch/idle" <<PROGRAM
#!/bin/sh
case \$1 in
  run) exec "$scratch/bin/svs" run --link socket --services "$scratch/nothing" --control "$SVS_CONTROL" --state "$state" --interface eth0 --interface eth1 ;;
  *) exec "$scratch/bin/svs" "\$@" ;;
esac
PROGRAM
chmod +x "$scratch/idle"
install_svs "$scratch/idle"
upgrade
check "a program whose director ends: the upgrade fails" same $? 1
check "… and says why" grep -qE 'no upgrade: .* was executed, but its director ended' "$scratch/outcome" || outcome
wait_for 5 "the director" answers_or_dead
check "… and the keeper is the same process" grep -q "process $keeper" <(q director svs run --version --control "$SVS_CONTROL")

# The real thing, three times.
next=("$svs" "$svs" "$svs")
[[ -z $other ]] || next=("$other" "$svs" "$other")
for turn in 1 2 3; do
  install_svs "${next[turn - 1]}"
  before=$(director_process)
  upgrade
  check "another file of the program ($turn): the upgrade succeeds" same $? 0
  check "… and says so" grep -q '^upgraded from svs .* to svs ' "$scratch/outcome" || outcome
  [[ -z $other ]] || check "… and what was in its state is brought over" same "$(brought_over)" "$turn"
  check "… in the same process, with another director" test "$(director_process)" != "$before"
  check "… and the new file" same "$(stat -Lc %i "/proc/$keeper/exe")" "$(stat -Lc %i "$installed")"
  [[ $(ask 1 "http://$vip/" 3>/dev/null) == rs? ]]
  check "… and new connections are answered" same $? 0
done
check "what adm has made stands" same "$(adm -Ln | awk '$2 == "192.168.95.9:8080" { print $4 }')" 3
one_table() { [[ $(q director nft list tables | grep -c 'netdev svs_') == 1 ]]; }
check "one suppression is left" wait_for 3 "one table" one_table
check "no guardian is left" same "$(pgrep -f "svs guardian.*$scratch" | wc -l)" 0
gone() { ! alive "$1"; }
for one in down up; do
  wait_for 90 "$one to end" gone $one
  check "$one: the load lost no connection" stop $one
done
check "what came is what was sent" equal "$scratch/down"
wait_for 60 "the numbers" gone numbers
read -r sent lost doubled <"$scratch/numbers.log"
echo "  of $sent numbered datagrams $lost were lost and $doubled came twice"
check "no datagram was lost, and none came twice" same "$lost $doubled" "0 0"
check "no frame was in hand" same "$(given_back)" 0
check "the host stack said nothing: 0 resets" same "$(noise)" "$silence"

# One that hangs as a keeper: the guardian ends it and goes on.
cat >"$scratch/stuck" <<PROGRAM
#!/bin/sh
case \$1 in
  run) exec sleep 100 ;;
  *) exec "$scratch/bin/svs" "\$@" ;;
esac
PROGRAM
chmod +x "$scratch/stuck"
install_svs "$scratch/stuck"
start client down curl -gfsS --limit-rate 3M -o "$scratch/down" "http://$vip/files/large"
wait_for 10 "the download" test -s "$scratch/down"
upgrade
check "a program that hangs as a keeper: the upgrade fails" same $? 1
check "… and says who goes on" grep -qE 'goes on in the place of' "$scratch/outcome" || outcome
wait_for 60 "the download to end" gone down
check "… and the load lost no connection" stop down
guardian=$(q director svs run --version --control "$SVS_CONTROL" | sed -n 's/^running: keeper .*, process \([0-9]*\),.*/\1/p')
check "the host stack said nothing" same "$(noise)" "$silence"
ended() { ! kill -0 "$guardian" 2>/dev/null; }
kill "$guardian"
check "it ends" wait_for 10 "the guardian to end" ended
exit $((failures > 0))
