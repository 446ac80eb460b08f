"""A topology and its script from a seed: plain data for world.py.

    cl ----+---- switch ----+---- dir
           |                |
          r1 .. r3        (dir2)

The client has a near address, on the wire, and a far one, to which servers answer through the director as NAT needs it."""
import random

import script

NEAR, FAR = {4: "192.0.2.1", 6: "2001:db8::1"}, {4: "198.51.100.7", 6: "2001:db8:77::7"}
DIRECTOR = {4: "192.0.2.2", 6: "2001:db8::2"}
WIRE, FAR_NET, VIRTUAL_NET = {4: 24, 6: 64}, {4: "198.51.100.0/24", 6: "2001:db8:77::/64"}, {4: "203.0.113.0/24", 6: "2001:db8:f::/64"}
STREAMS, DATAGRAMS = (80, 81, 443, 8080), (53, 5353)
# A neighbour that is there stays known; one that is not is given up after 2.1 s, between two segments of who waits for it.
PATIENT = {f"ipv{v}/neigh/eth0/{key}_time_ms": value for v in (4, 6) for key, value in (("base_reachable", 900000), ("retrans", 700))}
SILENT = {"ipv4/conf/all/arp_ignore": 1, "ipv4/conf/all/arp_announce": 2}
ROUTER = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
SCHEDULERS = "rr rr wrr lc wlc sed nq sh dh lblc fo ovf mh".split()
# What may happen: forwarding methods; edits of services and servers; marks before routing and in INPUT; drops in INPUT; rules
# and tables that ways lie in; addresses that come and go; servers that are not there; a second director that waits.
KINDS = ("dr", "tun", "nat", "edits", "marks", "input", "firewall", "rules", "addresses", "dead", "pair")
GONE, AWAY, AWAY_NET = {4: "192.0.2.99", 6: "2001:db8::99"}, {4: "198.18.0.{}", 6: "2001:db8:a::{}"}, {4: "198.18.0.0/24", 6: "2001:db8:a::/64"}
SECOND = {4: "192.0.2.3", 6: "2001:db8::3"}


def full(address):
    return f"{address}/{128 if ':' in address else 32}"


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Service:
    def __init__(self, proto, address, port, family, mark=0):
        self.proto, self.address, self.port, self.family, self.mark = proto, address, port, family, mark
        self.options, self.servers, self.method = "", [], "dr"

    @property
    def key(self):
        if self.mark:
            return f"-f {self.mark}" + (" -6" if self.family == 6 else "")
        return f"-{self.proto[0]} {endpoint(self.address, self.port)}"

    def lines(self):
        return [f"-A {self.key}{self.options}"] + [self.server("-a", *s) for s in self.servers]

    def server(self, verb, name, options):
        return f"{verb} {self.key} -r {name}{options if verb != '-d' else ''}"


class Topology:
    def __init__(self, seed, kinds=KINDS):
        self.rng, self.kinds, self.seed = random.Random(f"topology {seed}"), kinds, seed
        rng = self.rng
        self.families = rng.choice([(4,), (4,), (6,), (4, 6), (4, 6)])
        self.servers = {f"r{i}": {4: f"192.0.2.{10 + i}", 6: f"2001:db8::{10 + i}"} for i in range(1, rng.choice([3, 4]))}
        self.virtual = {f: [f"203.0.113.{10 + i}" if f == 4 else f"2001:db8:f::{10 + i}" for i in range(rng.choice([1, 2]))]
                        for f in self.families}
        # Where the director has each virtual address: on its interface, on lo, or as a route only.
        self.places = {v: rng.choice(["eth0", "eth0", "lo", "route"]) for vs in self.virtual.values() for v in vs}
        self.by_wire = rng.random() < 0.6       # whether the client asks the wire for virtual addresses
        self.commands, self.switches, self.services = [], {}, []
        self.dead = "dead" in kinds and rng.random() < 0.4
        self.pair = "pair" in kinds and rng.random() < 0.4
        self.ruled = "rules" in kinds and rng.random() < 0.5
        for _ in range(rng.choice([1, 2, 3, 4])):
            self.service()
        if "firewall" in kinds and self.services and rng.random() < 0.5:
            self.firewall(rng.choice(self.services))
        for name, value in (("expire_nodest_conn", 1), ("expire_quiescent_template", 1), ("conn_reuse_mode", 0), ("nat_icmp_send", 1)):
            if rng.random() < 0.12:
                self.switches[name] = value

    def service(self):
        rng = self.rng
        family = rng.choice(self.families)
        address, proto = rng.choice(self.virtual[family]), rng.choice(["tcp", "tcp", "udp"])
        port = rng.choice(STREAMS[:3] if proto == "tcp" else DATAGRAMS)
        mark = rng.choice([1, 7, 1000]) if "marks" in self.kinds and rng.random() < 0.3 else 0
        service = Service(proto, address, port, family, mark)
        if service.key in [s.key for s in self.services]:
            return
        if mark:
            hook = "INPUT" if "input" in self.kinds and rng.random() < 0.4 else "PREROUTING"
            self.filter(family, "-t", "mangle", "-A", hook, "-d", address, "-p", proto, "--dport", str(port), "-j", "MARK", "--set-mark", str(mark))
        service.options = f" -s {rng.choice(SCHEDULERS)}"
        if rng.random() < 0.2:
            service.options += f" -p {rng.choice([50, 360])}"
        service.method = rng.choice([k for k in ("dr", "tun", "nat") if k in self.kinds])
        # Of what happens to tunnels that carry IPv6 the kernel tells nobody.
        if self.dead and rng.random() < 0.5 and (service.method, family) != ("tun", 6):
            service.servers.append(self.server(service, "gone"))
        for name in rng.sample(sorted(self.servers), rng.randrange(0 if rng.random() < 0.1 else 1, len(self.servers) + 1)):
            service.servers.append(self.server(service, name))
        self.services.append(service)

    def server(self, service, name):
        rng, port = self.rng, service.port if not service.mark or service.method == "nat" else 0
        if service.method == "nat" and service.proto == "tcp" and rng.random() < 0.5:
            port = 8080
        options = {"dr": " -g", "nat": " -m", "tun": rng.choice([" -i", " -i", " -i --tun-type gre", " -i --tun-type gre --tun-csum",
                                                                 " -i --tun-type gue --tun-port 6080"])}[service.method]
        address = GONE[service.family] if name == "gone" else self.servers[name][service.family]
        if self.ruled and name != "gone" and rng.random() < 0.5:
            address = AWAY[service.family].format(name[1:])
        return endpoint(address, port), f"{options} -w {rng.choice([1, 1, 1, 2, 3, 0] if rng.random() < 0.7 else [1])}"

    def filter(self, family, *words):
        self.commands.append(["ip6tables-legacy" if family == 6 else "iptables-legacy", *words])

    def firewall(self, service):
        """Something that does not reach the host, so no service either."""
        rng = self.rng
        match = rng.choice([["-d", service.address, "-p", service.proto, "--dport", str(service.port)], ["-s", FAR[service.family]],
                            ["-s", NEAR[service.family], "-p", service.proto], ["-p", "tcp", "--dport", "80"], ["-d", service.address]])
        self.filter(service.family, "-A", "INPUT", *match, "-j", "DROP")

    def ways(self):
        """`ip` lines of the director for what is not on its wire: in the main table, or where rules lead."""
        lines = []
        for f in (4, 6):
            first = next(iter(self.servers.values()))[f]
            if not self.ruled:
                lines.append(f"route add {FAR_NET[f]} via {NEAR[f]}")
                continue
            six = "-6 " if f == 6 else ""
            lines += [f"{six}rule add pref 100 to {AWAY_NET[f]} lookup 100"]
            lines += [f"route add {AWAY[f].format(name[1:])} via {addresses[f]} table 100" for name, addresses in self.servers.items()]
            # The main table alone would lead clients' packets astray.
            lines += [f"{six}rule add pref 101 from {VIRTUAL_NET[f]} lookup 200", f"route add {FAR_NET[f]} via {NEAR[f]} table 200",
                      f"route add {FAR_NET[f]} via {first}"]
        return lines

    def host(self, number, addresses, lines=(), settings=None, streams=(), datagrams=(), tunnel=False):
        own = [f"addr add {a}/{WIRE[f]} dev eth0{' nodad' if f == 6 else ''}" for f, a in addresses.items()]
        return {"mac": f"02:00:00:00:01:{number:02x}", "lines": own + list(lines), "set": {**PATIENT, **(settings or {})},
                "streams": list(streams), "datagrams": list(datagrams), "tunnel": tunnel}

    def plan(self):
        every = [v for vs in self.virtual.values() for v in vs]
        client = [f"addr add {full(FAR[f])} dev lo{' nodad' if f == 6 else ''}" for f in (4, 6)]
        client += [f"route add {VIRTUAL_NET[f]} " + ("dev eth0" if self.by_wire else f"via {DIRECTOR[f]}") for f in (4, 6)]
        # Of IPv6 a host answers only for addresses of the interface that the question comes in on.
        client += [f"route add {full(v)} via {DIRECTOR[6]}" for v in every if ":" in v and self.places[v] != "eth0" and self.by_wire]
        # What servers answer to nobody's request is refused, else they would answer again and again.
        client += [f"route add {AWAY[f].format(name[1:])} via {a}" for name, addresses in self.servers.items() for f, a in addresses.items()]
        # That an address is nobody's IPv4 tells only so often, by a clock that no namespace has of its own.
        director = self.ways() + [f"route add blackhole {VIRTUAL_NET[4]}"] + [self.placing("add", v) for v in every]
        found = {"cl": self.host(1, NEAR, client), "dir": self.host(2, DIRECTOR, director, ROUTER, streams=[22])}
        for i, (name, addresses) in enumerate(self.servers.items()):
            lines = [f"addr add {full(v)} dev lo{' nodad' if ':' in v else ''}" for v in every]
            lines += [f"addr add {full(AWAY[f].format(name[1:]))} dev lo{' nodad' if f == 6 else ''}" for f in (4, 6)]
            lines += [f"route add {FAR_NET[f]} via {DIRECTOR[f]}" for f in (4, 6)]
            found[name] = self.host(11 + i, addresses, lines, SILENT, STREAMS, [(p, [*addresses.values(), *every]) for p in DATAGRAMS], True)
        facts = {"commands": self.commands, "services": [line for s in self.services for line in s.lines()], "switches": self.switches,
                 "options": ["--marks-from-host"] if any("mangle" in c for c in self.commands) else []}
        directors = {"dir": facts}
        if self.pair:
            found["dir2"] = self.host(3, SECOND, self.ways() + [f"route add blackhole {VIRTUAL_NET[4]}"], ROUTER)
            directors["dir2"] = facts
        return {"seed": self.seed, "hosts": found, "watched": ["cl", *self.servers], "virtual": every, "directors": directors,
                "actions": script.Script(self).actions()}

    def placing(self, verb, address):
        """The `ip` line that gives a virtual address to the director or takes it."""
        if self.places[address] == "route":
            return f"route {verb} local {full(address)} dev lo"
        return f"addr {verb} {full(address)} dev {self.places[address]}{' nodad' if ':' in address and verb == 'add' else ''}"
