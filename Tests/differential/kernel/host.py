"""The director host as the guest is made: addresses, routes and neighbours, from the rules alone."""
import ipaddress
import re
import shlex

from . import packets

DIRECTOR_MAC, GATEWAY_MAC = "02:00:00:00:00:01", "02:00:00:00:00:fe"
MODULES = "ipv6 veth iptable_mangle ip6table_mangle xt_mark xt_multiport xt_tcpudp ip_vs ip_vs_pe_sip"
SCRIPT_HEAD = """\
set_value() { [ -e /proc/sys/$1 ] && echo $2 > /proc/sys/$1 || echo "sysctl $1=$2 failed"; }
"""
SETTINGS = [("net/ipv6/conf/default/addr_gen_mode", 1), ("net/ipv6/conf/default/accept_dad", 0),
            ("net/ipv6/conf/default/router_solicitations", 0), ("net/ipv6/auto_flowlabels", 0),
            *((f"net/ipv4/conf/{i}/{key}", 0) for i in ("all", "default")
              for key in ("rp_filter", "send_redirects", "accept_redirects")),
            ("net/ipv4/icmp_ratelimit", 0), ("net/ipv4/icmp_msgs_per_sec", 1000000),
            ("net/ipv4/icmp_msgs_burst", 1000000), ("net/ipv6/icmp/ratelimit", 0)]


LISTINGS = [("conns.txt", "-Lnc"), ("ln.txt", "-Ln"), ("persistent.txt", "-Ln --persistent-conn"), ("thresholds.txt", "-Ln --thresholds")]


def host_of(text):
    """ADDR, ADDR:PORT, [ADDR6], [ADDR6]:PORT -> ADDR"""
    bracketed = re.match(r"\[([^]]+)\]", text)
    if bracketed:
        return bracketed.group(1)
    return text.rsplit(":", 1)[0] if text.count(":") == 1 else text


def server_mac(address):
    return f"02:00:00:00:00:{ipaddress.ip_address(address).packed[-1]:02x}"


class Host:
    """Virtual and real addresses that rules, edits and marks name, and the network around them."""

    def __init__(self, rules, edits=(), marks=(), marks6=(), vips=(), mtu=1500, server_mtus=(), forward=True,
                 dip="172.31.255.1/24", gateway="172.31.255.254", dip6="fd00:31::1/64", gateway6="fd00:31::fe"):
        self.vips, self.nets, self.reals, self.gue = [], [], [], set(packets.GUE_PORTS)
        self.device, self.given = "eth0", None
        # What `-A' without `-s' asks for; the others as the rules name them.
        self.schedulers = {"wlc"}
        self.mtu, self.forward = mtu, forward
        self.dip, self.gateway, self.dip6, self.gateway6 = dip, gateway, dip6, gateway6
        self.server_mtus = dict(x.rsplit("=", 1) for x in server_mtus)
        for line in rules:
            self.rule(shlex.split(line, comments=True))
        for line in edits:
            self.rule(shlex.split(re.sub(r"^\s*\d+:", "", line), comments=True))
        for address in vips:
            self.local(address)
        self.marks = []
        for tool, lines in (("iptables", marks), ("ip6tables", marks6)):
            table = "mangle"
            for line in lines:
                words = shlex.split(line, comments=True)
                if words and words[0].startswith("*"):
                    table = words[0][1:]
                elif words and words[0].startswith(":"):
                    # A chain with its policy, or one of the user's own without.
                    own = words[1] == "-"
                    self.marks.append((tool, ["-t", table, "-N" if own else "-P", words[0][1:]] + ([] if own else words[1:2])))
                if not words or not words[0].startswith("-"):
                    continue
                for i, word in enumerate(words[:-1]):
                    if word in ("-d", "--destination", "--dst") and not (i and words[i - 1] == "!"):
                        self.local(words[i + 1])
                self.marks.append((tool, ["-t", table] + words))

    def rule(self, words):
        for word, value in zip(words, words[1:]):
            if word in ("-t", "-u", "--tcp-service", "--udp-service", "--sctp-service"):
                self.local(host_of(value))
            elif word in ("-r", "--real-server"):
                address = str(ipaddress.ip_address(host_of(value)))
                if address not in self.reals:
                    self.reals.append(address)
            elif word in ("-s", "--scheduler"):
                self.schedulers.add(value)
            elif word == "--tun-port":
                self.gue.add(int(value))

    def local(self, text):
        network = ipaddress.ip_network(text, strict=False)
        if network.num_addresses > 1:
            if str(network) not in self.nets:
                self.nets.append(str(network))
        elif str(network.network_address) not in self.vips:
            self.vips.append(str(network.network_address))

    def take(self, lines):
        """Makes the host the one of a network file: its one Ethernet link, its addresses and routes."""
        self.given = [line.split("#")[0].strip() for line in lines]
        words = [line.split() for line in self.given]
        devices = {w[i + 1] for w in words if w[:2] == ["link", "set"] for i, word in enumerate(w) if word == "dev"} - {"lo"}
        if len(devices) != 1:
            raise ValueError(f"the network has {len(devices)} Ethernet links; the director here has one")
        self.device = devices.pop()
        self.addresses = {"lo": [], self.device: []}
        for w in words:
            if w[:2] in (["addr", "add"], ["address", "add"]):
                self.addresses[w[w.index("dev") + 1]].append(ipaddress.ip_interface(w[2]).ip.compressed)
            if w[:3] == ["route", "add", "local"]:
                self.nets.append(str(ipaddress.ip_network(w[3], strict=False)))
        self.vips = self.addresses["lo"]

    @property
    def own4(self):
        """An IPv4 address of the director's Ethernet link, if it has one."""
        return next((a for a in sorted(self.own) if ":" not in a), None)

    @property
    def own(self):
        """The director's own addresses on its Ethernet link, without their prefix lengths."""
        if self.given is not None:
            return set(self.addresses[self.device])
        return {ipaddress.ip_interface(x).ip.compressed for x in (self.dip, self.dip6)}

    def network(self):
        """The host's network in `ip -batch` form."""
        if self.given is not None:
            return self.given
        lines = [f"link set dev eth0 address {DIRECTOR_MAC} mtu {self.mtu}", "link set dev lo up", "link set dev eth0 up",
                 f"addr add {self.dip} dev eth0", f"addr add {self.dip6} dev eth0 nodad"]
        for a in self.vips:
            if a not in self.own:
                lines.append(f"addr add {a}/128 dev lo nodad" if ":" in a else f"addr add {a}/32 dev lo")
        lines += [f"route add local {n} dev lo" for n in self.nets]
        macs = {}
        for a in self.reals:
            if a in self.vips or a in self.own or ipaddress.ip_address(a).is_loopback:
                continue
            mac = server_mac(a)
            if mac in (DIRECTOR_MAC, GATEWAY_MAC) or macs.setdefault((mac, ":" in a), a) != a:
                raise ValueError(f"real server {a}: its MAC {mac} is already in use")
            mtu = f" mtu {self.server_mtus[a]}" if a in self.server_mtus else ""
            lines.append(f"route add {a}/{128 if ':' in a else 32} dev eth0{mtu}")
            lines.append(f"neigh replace {a} lladdr {mac} dev eth0 nud permanent")
        for gateway in (self.gateway, self.gateway6):
            if gateway not in self.reals:
                lines.append(f"neigh replace {gateway} lladdr {GATEWAY_MAC} dev eth0 nud permanent")
            lines.append(f"route add default via {gateway} dev eth0 onlink")
        return lines

    def script(self, settings, inject, stats=True, debug=0):
        """The shell script that runs inside the guest. `settings` are lines KEY=VALUE, `inject` the injector's options."""
        forward = [("net/ipv4/ip_forward", int(self.forward)), ("net/ipv6/conf/all/forwarding", int(self.forward))]
        modules = [f"ip_vs_{name}" for name in sorted(self.schedulers)]
        lines = [f"load {MODULES} {shlex.join(modules)}", SCRIPT_HEAD, *(f"set_value {key} {value}" for key, value in forward + SETTINGS),
                 "ip netns add peer",
                 "ip netns exec peer sh -c 'for i in all default; do"
                 " echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done'",
                 f"ip link add {self.device} numtxqueues 1 numrxqueues 1 type veth"
                 f" peer name peer0 address {GATEWAY_MAC} mtu 65535 netns peer",
                 "for f in rx tx sg tso gso gro; do off=\"$off $f off\"; done",
                 f"ethtool -K {self.device} $off >/dev/null; ip netns exec peer ethtool -K peer0 $off >/dev/null",
                 "ip -n peer link set peer0 up", "cat > /run/ip.batch <<'X'", *(x for x in self.network() if x[:1] != "-"), "X",
                 "ip -force -batch /run/ip.batch",
                 # A line that begins with the family is none for a batch: rules of IPv6.
                 *(f"ip {x}" for x in self.network() if x[:1] == "-"),
                 f"set_value net/ipv4/conf/{self.device}/rp_filter 0; set_value net/ipv4/conf/{self.device}/send_redirects 0"]
        for line in settings:
            line = line.split("#")[0].strip()
            if line:
                key, value = (x.strip() for x in line.split("=", 1))
                key = "net.ipv4." + key if key.startswith("vs.") else key
                lines.append(f"set_value {key.replace('.', '/')} {shlex.quote(value)}")
        for tool, words in self.marks:
            lines.append(f"{tool}-legacy {' '.join(map(shlex.quote, words))} || echo MARKS FAILED")
        lines.append("ipvsadm -R < rules || echo RULES FAILED")
        if debug:
            lines.append(f"set_value net/ipv4/vs/debug_level {debug}")
        lines += ["cat > listings <<'X'", *(f"{name}: {arguments}" for name, arguments in LISTINGS), "X",
                  "echo READY", f"./inject -L listings -n peer -i peer0 -o raw.pcap -t times.txt -T sent.txt {inject} in.pcap && echo INJECTED",
                  "cat /proc/net/ip_vs_conn_sync > conn_sync.txt"]
        # The kernel adds its counters up every 2 s only.
        if stats:
            lines += ["sleep 2.3; ipvsadm -Ln --stats --exact > stats.txt; ipvsadm -Ln --rate > rate.txt"]
        lines += ["dmesg > dmesg.txt"] if debug else []
        return "\n".join(lines + ["echo DONE"]) + "\n"
