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
PATIENT = {"ipv4/neigh/eth0/base_reachable_time_ms": 900000, "ipv6/neigh/eth0/base_reachable_time_ms": 900000}
SILENT = {"ipv4/conf/all/arp_ignore": 1, "ipv4/conf/all/arp_announce": 2}
ROUTER = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
SCHEDULERS = "rr rr wrr lc wlc sed nq sh dh lblc fo ovf mh".split()
# What can be asked for; the first ones are always there.
KINDS = ("dr", "tun", "nat", "edits", "marks")


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
        self.marks, self.switches, self.services = [], {}, []
        for _ in range(rng.choice([1, 2, 3, 4])):
            self.service()
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
            self.marks.append((family, ["-t", "mangle", "-A", "PREROUTING", "-d", address, "-p", proto, "--dport", str(port),
                                        "-j", "MARK", "--set-mark", str(mark)]))
        service.options = f" -s {rng.choice(SCHEDULERS)}"
        if rng.random() < 0.2:
            service.options += f" -p {rng.choice([50, 360])}"
        service.method = rng.choice([k for k in ("dr", "tun", "nat") if k in self.kinds])
        for name in rng.sample(sorted(self.servers), rng.randrange(0 if rng.random() < 0.1 else 1, len(self.servers) + 1)):
            service.servers.append(self.server(service, name))
        self.services.append(service)

    def server(self, service, name):
        rng, port = self.rng, service.port if not service.mark or service.method == "nat" else 0
        if service.method == "nat" and service.proto == "tcp" and rng.random() < 0.5:
            port = 8080
        options = {"dr": " -g", "nat": " -m", "tun": rng.choice([" -i", " -i", " -i --tun-type gre", " -i --tun-type gre --tun-csum",
                                                                 " -i --tun-type gue --tun-port 6080"])}[service.method]
        return endpoint(self.servers[name][service.family], port), f"{options} -w {rng.choice([1, 1, 1, 2, 3, 0] if rng.random() < 0.7 else [1])}"

    def host(self, number, addresses, lines=(), settings=None, streams=(), datagrams=(), tunnel=False):
        own = [f"addr add {a}/{WIRE[f]} dev eth0{' nodad' if f == 6 else ''}" for f, a in addresses.items()]
        return {"mac": f"02:00:00:00:01:{number:02x}", "lines": own + list(lines), "set": {**PATIENT, **(settings or {})},
                "streams": list(streams), "datagrams": list(datagrams), "tunnel": tunnel}

    def plan(self):
        every = [v for vs in self.virtual.values() for v in vs]
        client = [f"addr add {full(FAR[f])} dev lo{' nodad' if f == 6 else ''}" for f in (4, 6)]
        client += [f"route add {VIRTUAL_NET[f]} " + ("dev eth0" if self.by_wire else f"via {DIRECTOR[f]}") for f in (4, 6)]
        director = [f"route add {FAR_NET[f]} via {NEAR[f]}" for f in (4, 6)] + [self.placing("add", v) for v in every]
        found = {"cl": self.host(1, NEAR, client), "dir": self.host(2, DIRECTOR, director, ROUTER, streams=[22])}
        for i, (name, addresses) in enumerate(self.servers.items()):
            lines = [f"addr add {full(v)} dev lo{' nodad' if ':' in v else ''}" for v in every]
            lines += [f"route add {FAR_NET[f]} via {DIRECTOR[f]}" for f in (4, 6)]
            found[name] = self.host(11 + i, addresses, lines, SILENT, STREAMS, [(p, [*addresses.values(), *every]) for p in DATAGRAMS], True)
        commands = [[("ip6tables-legacy" if family == 6 else "iptables-legacy"), *rule] for family, rule in self.marks]
        services = [line for s in self.services for line in s.lines()]
        return {"seed": self.seed, "hosts": found, "watched": ["cl", *self.servers], "virtual": every,
                "directors": {"dir": {"commands": commands, "services": services, "switches": self.switches,
                                      "options": ["--marks-from-host"] if commands else []}},
                "actions": script.Script(self).actions()}

    def placing(self, verb, address):
        """The `ip` line that gives a virtual address to the director or takes it."""
        if self.places[address] == "route":
            return f"route {verb} local {full(address)} dev lo"
        return f"addr {verb} {full(address)} dev {self.places[address]}{' nodad' if ':' in address and verb == 'add' else ''}"
