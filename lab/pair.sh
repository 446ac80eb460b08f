# Words for two directors, each with its own svs and its own unmodified keepalived. To be sourced after lib.sh.

# adm_of HOST ARGUMENT...: svs adm at that director.
adm_of() { q "$1" svs adm --control "$scratch/$1.control" "${@:2}"; }

# svs_on HOST [OPTION...]: its director; returns when it answers.
svs_on() {
  start "$1" "$1-svs" svs run --interface eth0 --control "$scratch/$1.control" --state none "${@:2}"
  wait_for 10 "svs of $1 to answer" director_answers "$1" || { cat "$scratch/$1-svs.log"; exit 1; }
}
director_answers() { adm_of "$1" -Ln >/dev/null 2>&1; }

# keepalived_on HOST: with the file HOST.conf, through the preload library.
keepalived_on() {
  start "$1" "$1-keepalived" env LD_PRELOAD="$preload" SVS_CONTROL="$scratch/$1.control" keepalived -n -l -D -f "$scratch/$1.conf" \
    -p "$scratch/$1.pid" -r "$scratch/$1.vrrp.pid" -c "$scratch/$1.checkers.pid"
}
no_keepalived() { ! ip netns pids "svs-$run-$1" | xargs -I{} cat /proc/{}/comm 2>/dev/null | grep -qx keepalived; }

# real_servers CHECKER ADDRESS...: what stands in a virtual_server for each; the checker as keepalived.conf has it.
real_servers() {
  local server
  for server in "${@:2}"; do printf '  real_server %s 80 {\n    %s\n  }\n' "$server" "$1"; done
}
# virtual_server ADDRESS SECONDS CHECKER SERVER...: a service by direct routing, tried so often.
virtual_server() {
  printf 'virtual_server %s 80 {\n  delay_loop %s\n  lvs_sched rr\n  lvs_method DR\n  protocol TCP\n' "$1" "$2"
  real_servers "${@:3}"
  echo '}'
}

routes() { adm_of "$1" -Ln | grep -c '^  -> .*Route'; }
has_routes() { [[ $(routes "$1") == "$2" ]]; }
has_addresses() { [[ $(ip -n "svs-$run-$1" address show dev eth0) == *" $vip/"*" $vip6/"* ]]; }
