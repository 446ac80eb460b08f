# Three directors behind a router that spreads flows over them by their ports (ECMP), each announced by BGP as long as it works.
#
#   client               router                          d1    d2    d3           rs1    rs2    rs3    rs4
#   198.51.100.2     .1 |      | 10.1.0.1            10.1.0.11  .12   .13     10.1.0.21   .22    .23    .24
#        |              |      |                       lo: VIP 203.0.113.10     lo: VIP, silent, direct routing
#   -----+--------------+      +------------------------+-----+-----+-------------+------+------+------+----
#
#   router   BIRD 2: BGP with BFD to each director, fib_multipath_hash_policy=1: which director a flow goes to depends on its ports.
#            When a director goes or comes, half of all flows go to another one than before
#   d1-d3    BIRD 2 announces 203.0.113.10/32, lab/tools/announce withdraws it when svs does not work; svs with sloppy_tcp=1,
#            which takes a connection that it does not know in its middle
#   mh       every director picks the same server for a flow, so that it does not matter which one it goes to

vip=203.0.113.10
connections=500
declare -gA mac_of=([d1]=02:00:00:00:00:11 [d2]=02:00:00:00:00:12 [d3]=02:00:00:00:00:13)

topology_build() {
  local number
  wire outside
  wire inside
  router router
  host client d1 d2 d3 rs1 rs2 rs3 rs4
  plug client eth0 outside 02:00:00:00:00:02 198.51.100.2/24
  # Those that hold connections, one after the other.
  for number in {11..19}; do address client eth0 198.51.100.$number/24; done
  plug router eth0 outside 02:00:00:00:00:fd 198.51.100.1/24
  plug router eth1 inside 02:00:00:00:00:fe 10.1.0.1/24
  route client default via 198.51.100.1
  q router sysctl -qw net.ipv4.fib_multipath_hash_policy=1
  for number in 1 2 3; do
    plug d$number eth0 inside "${mac_of[d$number]}" 10.1.0.1$number/24
    route d$number default via 10.1.0.1
    own_quietly d$number $vip
    # In one wire the router is no detour: no director shall say so.
    q d$number sysctl -qw net.ipv4.conf.{all,eth0}.send_redirects=0
  done
  q router sysctl -qw net.ipv4.conf.{all,eth1}.send_redirects=0
  for number in 1 2 3 4; do
    plug rs$number eth0 inside 02:00:00:00:00:2$number 10.1.0.2$number/24
    route rs$number default via 10.1.0.1
    own_quietly rs$number $vip
    web rs$number
  done
  services mh -b mh-port >"$scratch/services"
  printf 'net.ipv4.vs.sloppy_tcp = 1\n' >"$scratch/sysctl"
}

# services SCHEDULER [OPTION...]
services() {
  echo "-A -t $vip:80 -s $*"
  local number; for number in 1 2 3 4; do echo "-a -t $vip:80 -r 10.1.0.2$number:80 -g"; done
}

bird_on() {
  start "$1" "$1-bird" bird -f -c "$scratch/$1.bird" -s "$scratch/$1.bird.ctl" -P "$scratch/$1.bird.pid"
}
timing='connect delay time 1; connect retry time 1; error wait time 1, 2; startup hold time 4'

router_bird() {
  cat <<CONF
router id 10.1.0.1;
protocol device { }
protocol bfd { interface "eth1" { min rx interval 200 ms; min tx interval 200 ms; idle tx interval 200 ms; multiplier 5; }; }
protocol kernel { ipv4 { import none; export all; }; merge paths on; }
template bgp director {
  local 10.1.0.1 as 65000;
  $timing;
  bfd on;
  ipv4 { import where net = $vip/32; export none; };
}
CONF
  local number; for number in 1 2 3; do echo "protocol bgp d$number from director { neighbor 10.1.0.1$number as 65001; }"; done
}

director_bird() {
  cat <<CONF
router id $1;
protocol device { }
protocol bfd { interface "eth0" { min rx interval 200 ms; min tx interval 200 ms; idle tx interval 200 ms; multiplier 5; }; }
protocol static vip { disabled; ipv4; route $vip/32 blackhole; }
protocol static vip_last { disabled; ipv4; route $vip/32 blackhole; }
protocol bgp upstream {
  local $1 as 65001;
  neighbor 10.1.0.1 as 65000;
  $timing;
  bfd on;
  ipv4 {
    import none;
    export filter {
      if proto = "vip" then accept;
      if proto = "vip_last" then { bgp_path.prepend(65001); accept; }
      reject;
    };
    next hop self;
  };
}
CONF
}

adm_of() { q "$1" svs adm --control "$scratch/$1.control" "${@:2}"; }
director_answers() { adm_of "$1" -Ln >/dev/null 2>&1; }
power_on() {
  start "$1" "$1-svs" svs run --interface eth0 --services "$scratch/services" --sysctl "$scratch/sysctl" --state none --control "$scratch/$1.control"
  wait_for 10 "svs of $1 to answer" director_answers "$1" || { cat "$scratch/$1-svs.log"; exit 1; }
  bird_on "$1"
  start "$1" "$1-announce" "$lab/tools/announce" "$scratch/$1.bird.ctl" --control "$scratch/$1.control"
}
power_off() {
  q inside ip link set "$1-eth0" down
  disown "$(pid_of "$1-svs")" "$(pid_of "$1-bird")" "$(pid_of "$1-announce")"
  ip netns pids "svs-$run-$1" | xargs -r kill -9
  wait_for 10 "everything on $1 to be dead" idle "$1"
}
boot() {
  rm -f "$scratch/$1.control" "$scratch/$1.bird.ctl"
  q inside ip link set "$1-eth0" up
  power_on "$1"
}

topology_start() {
  local number
  router_bird >"$scratch/router.bird"
  bird_on router
  for number in 1 2 3; do
    director_bird 10.1.0.1$number >"$scratch/d$number.bird"
    power_on d$number
  done
  check "the router has three ways to the address" wait_for 30 "them" ways 3
  echo
}

topology_play() {
  echo "router ip route show $vip"
  echo "router birdc -s $scratch/router.bird.ctl show protocols"
  echo "client curl http://$vip/"
  echo "d1 svs adm --control $scratch/d1.control -Ln --stats"
}

# ---- what is seen ----

# ways COUNT: whether the router has so many.
ways() { [[ $(ip -n "svs-$run-router" route show $vip | grep -c 'via 10\.1\.0\.1') == "$1" ]]; }
way_by() { ip -n "svs-$run-router" route show $vip | grep -q "via $1 "; }
no_way_by() { ! way_by "$1"; }

# hold: $connections that wait for a word, from an address of their own; alive_now: how many of them are answered after it.
holder=10
hold() {
  holder=$((holder + 1))
  start client holding /usr/bin/python3 "$lab/tools/tcp" hold 198.51.100.$holder $vip 80 $connections
  wait_for 30 "$connections connections" grep -qx "held $connections" "$scratch/holding.log"
}
alive_now() {
  kill -USR1 "$(pid_of holding)"
  wait_for 60 "the answers" grep -q '^alive ' "$scratch/holding.log"
  sed -n 's/^alive //p' "$scratch/holding.log"
}
held_at() { adm_of "$1" -Lnc | grep -c "ESTABLISHED 198\.51\.100\.$holder:"; }
spread() { local n; for n in d1 d2 d3; do printf '%s=%s ' $n "$(held_at $n)"; done; }
heard() { (( $(held_at d2) == connections && $(held_at d3) == connections )); }
forget() { local n; for n in d1 d2 d3; do adm_of $n -C; adm_of $n -R <"$1"; done; }

# death_and_return NAME: prints and remembers how many lived on when d1 died, and when it came back.
declare -gA died returned
death_and_return() {
  hold
  echo "  $1: $connections connections; of which the directors know $(spread)"
  [[ $1 != *sync* ]] || check "the other two hear of all of them" wait_for 20 "them" heard
  power_off d1
  wait_for 15 "the router to leave it out" ways 2
  died[$1]=$(alive_now)
  hold
  boot d1
  wait_for 30 "the router to take it in" ways 3
  returned[$1]=$(alive_now)
  printf '  %-10s %3d of %d live on when one of three directors dies, %3d when one is added\n' "$1" "${died[$1]}" $connections "${returned[$1]}"
}

topology_demo() {
  local n
  say "The router spreads flows by their ports"
  n router ip route show $vip
  death_and_return mh
  check "mh: not one of $connections is lost when a director dies" same "${died[mh]}" $connections
  check "mh: not one of $connections is lost when one is added" same "${returned[mh]}" $connections

  say "For comparison: rr, where each director picks as it comes"
  services rr >"$scratch/services"
  forget "$scratch/services"
  death_and_return rr
  # How many a death costs depends on where the turns of the others stand; a return always moves flows to other turns.
  check "rr: many are lost" test "${returned[rr]}" -lt $((connections - connections / 10))

  say "rr, and the directors tell each other of their connections"
  for n in d1 d2 d3; do for role in master backup; do adm_of $n --start-daemon $role --mcast-interface eth0 --syncid 5; done; done
  death_and_return "rr+sync"
  check "rr with sync: not one is lost of what was told" same "${died[rr+sync]}" $connections

  say "A director that does not work is not announced"
  stop d2-svs KILL
  check "svs is killed: the router leaves d2 out" wait_for 15 "that" no_way_by 10.1.0.12
  check "… and the address is still answered" same "$(ask 20 "http://$vip/" | grep -c '^rs')" 20
  rm -f "$scratch/d2.control"
  start d2 d2-svs svs run --interface eth0 --services "$scratch/services" --sysctl "$scratch/sysctl" --state none --control "$scratch/d2.control"
  check "svs is started anew: d2 is announced again" wait_for 15 "that" way_by 10.1.0.12
}
