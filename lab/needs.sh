# What a run needs before it can start: root, Swift, packages, svs itself. Sourced by lib.sh.

packages=(libpcap-dev libnl-3-dev libnl-route-3-dev libnftables-dev libseccomp-dev libbpf-dev pkg-config nginx-light curl iproute2
  ethtool nftables tcpdump ipvsadm keepalived bird2 iptables openssl python3 gcc libc6-dev chromium python3-websockets prometheus)
# Welcome, not needed: what wants it says that it is not there.
welcome=(user-mode-linux)

need_root() { [[ $EUID -eq 0 ]] || refuse "network namespaces need root: run it as root (it never calls sudo)"; }

need_swift() {
  [[ -n ${SVS:-} ]] && return
  command -v swift >/dev/null || refuse "no swift in PATH: install Swift 6.3 (https://swift.org/install), or name a built binary: SVS=/path/to/svs lab/$(basename "$0")"
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# welcome_packages: installs them where that works.
welcome_packages() {
  local package
  export DEBIAN_FRONTEND=noninteractive
  for package in "${welcome[@]}"; do
    installed "$package" && continue
    say "Installing $package"
    apt-get install -y --no-install-recommends "$package" >&2 ||
      { apt-get update && apt-get install -y --no-install-recommends "$package"; } >&2 || say "$package is not to be had here"
  done
}

need_packages() {
  local package missing=()
  command -v dpkg-query >/dev/null || refuse "this lab installs its tools with apt-get; here install by hand: ${packages[*]}"
  for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
  (( ${#missing[@]} )) || return 0
  say "Installing ${missing[*]}"
  # The lab runs its own nginx and BIRD inside namespaces: Debian must not start others on this machine.
  local policy=/usr/sbin/policy-rc.d ours='' status=0
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; ours=yes; }
  export DEBIAN_FRONTEND=noninteractive
  { RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" ||
    { apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}"; }; } >&2 || status=1
  [[ -z $ours ]] || rm -f "$policy"
  local service
  for service in nginx-light:nginx bird2:bird prometheus:prometheus; do
    [[ " ${missing[*]} " != *" ${service%:*} "* ]] || ! command -v systemctl >/dev/null ||
      systemctl --quiet disable --now "${service#*:}.service" 2>/dev/null
  done
  (( status == 0 )) || refuse "apt-get could not install ${missing[*]}"
}

# Sets $svs: the binary of the variable SVS, else one built from this tree.
build_svs() {
  if [[ -n ${SVS:-} ]]; then
    svs=$(realpath -e "$(command -v "$SVS")" 2>/dev/null) || refuse "SVS=$SVS is no program"
    return
  fi
  say "Building svs from $root"
  swift build -c release --product svs --package-path "$root" >&2 || { echo "lab/$(basename "$0"): svs does not build" >&2; exit 1; }
  svs=$(swift build -c release --product svs --package-path "$root" --show-bin-path)/svs
}

# Sets $preload: the library that carries ipvsadm and keepalived to svs, beside the binary, else built from this tree.
preload_library() {
  preload=$(dirname "$svs")/libsvs-ipvs.so
  [[ ! -e $preload ]] || return 0
  swift build -c release --product svs-ipvs --package-path "$root" >&2 || { echo "lab/$(basename "$0"): svs-ipvs does not build" >&2; exit 1; }
  preload=$(swift build -c release --product svs-ipvs --package-path "$root" --show-bin-path)/libsvs-ipvs.so
}
