# What the tests of NAT and FULLNAT have in common. To be sourced behind lab/lib.sh: it runs nothing.

offloads_on() {
  local feature name
  for feature in tcp-segmentation-offload generic-segmentation-offload tx-checksumming; do
    for name; do check "$feature is on at $name" grep -q "^$feature: on" <(q $name ethtool -k eth0); done
  done
}

# idle_request FROM TO PORT SECONDS [KEEPALIVE]: see lab/tools/tcp.
idle_request() { q client /usr/bin/python3 "$lab/tools/tcp" idle "$@"; }
one_of_two() { [[ $1 == rs[12] ]] || { printf '  but got  %s\n' "$1"; return 1; }; }

# resting_connections: TCP connections to $vip:80 live as long as their timeout says, counted from packet to packet.
resting_connections() {
  adm --set 4 0 0
  check "a connection that rests for less than its timeout survives" one_of_two "$(idle_request 172.16.29.1 $vip 80 2)"
  check "… also for longer, with keepalive probes" one_of_two "$(idle_request 172.16.29.1 $vip 80 7 2)"
  check "… without them it is lost" same "$(idle_request 172.16.29.1 $vip 80 7)" lost
}

# stray_answers: what comes back to the client of two datagrams to $vip:9, whose server answers from another port, as
# "ADDRESS.PORT=COUNT …"; nothing may come in the virtual address's name.
stray_answers() {
  capture client stray eth0 'udp and dst host 172.16.29.1'
  udp ask 172.16.29.1 $vip 9 2 >"$scratch/answers"
  captured stray | sed 's/.*IPv4[^:]*: \([0-9.]*\) > .*/\1/; s/.*length [0-9]*: \([0-9.]*\) > .*/\1/' | tally
}
