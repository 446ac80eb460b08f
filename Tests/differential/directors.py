"""Random directors: services, servers, marks and switches, in ipvsadm's language."""
import subprocess

import realtime

KINDS = {"t": "tcp", "u": "udp", "s": "sctp", "f": "mark"}
OPTION = {"t": "-t", "u": "-u", "s": "--sctp-service", "f": "-f"}


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def schedulers(svs):
    """{name: its own flags for -b} of what the kernel has too, as the binary says."""
    lines = subprocess.run([svs, "roster"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {words[1]: words[3:] for words in map(str.split, lines) if words[0] == "scheduler" and words[2] == "kernel"}


class Server:
    def __init__(self, address, port):
        self.address, self.port, self.options, self.method = address, port, "", None
        self.past = []      # options that it had before

    @property
    def name(self):
        return endpoint(self.address, self.port)


class Service:
    """One service as the administrator knows it; `removed` are servers that it had before."""

    def __init__(self, kind, address, port, mark=0, family=4):
        self.kind, self.address, self.port, self.mark, self.family = kind, address, port, mark, family
        self.scheduler, self.options, self.persistent, self.ops = "rr", "", 0, False
        self.servers, self.removed, self.exists = [], [], True
        self.lost = set()       # addresses of servers that never come back
        # Where packets for the service go: (protocol, address, port); more than one for marks and port 0.
        self.targets = []

    @property
    def key(self):
        if self.kind == "f":
            return f"-f {self.mark}" + (" -6" if self.family == 6 else "")
        return f"{OPTION[self.kind]} {endpoint(self.address, self.port)}"

    def add(self):
        return f"-A {self.key} -s {self.scheduler}{self.options}"

    def edit(self):
        return f"-E {self.key} -s {self.scheduler}{self.options}"

    def add_server(self, server):
        return f"-a {self.key} -r {server.name}{server.options}"

    def edit_server(self, server):
        return f"-e {self.key} -r {server.name}{server.options}"

    def delete_server(self, server):
        return f"-d {self.key} -r {server.name}"


class Maker:
    """Draws directors. `schedulers` as above; `methods` of dr, tun, nat; `common` leaves out what kernels 6.1.176 and 6.1.192 do
    differently."""

    def __init__(self, rng, schedulers, methods, kinds=(), common=False, short=False):
        self.schedulers = schedulers
        self.rng, self.methods, self.kinds, self.common, self.short = rng, methods, kinds, common, short
        self.families = rng.choice([[4], [4], [4], [6], [6], [4, 6]])
        base = rng.randrange(1, 200)
        self.vips = {4: [f"10.{base}.{rng.randrange(250)}.{rng.randrange(1, 250)}" for _ in range(rng.choice([1, 1, 2, 3]))],
                     6: [f"2001:db8:{base:x}::{rng.randrange(1, 0xfff):x}" for _ in range(rng.choice([1, 1, 2]))]}
        self.net = {4: f"10.{base}.251.0/24", 6: f"2001:db8:{base:x}:fb::/64"}
        octets = rng.sample(range(2, 250), 9)
        self.reals = {4: [f"172.20.{rng.randrange(256)}.{x}" for x in octets],
                      6: [f"fd00:{rng.randrange(1, 0xffff):x}::{x:x}" for x in octets]}
        # A wide choice of clients would seldom share a template or a hash slot.
        block = rng.randrange(1, 220)
        self.clients = {4: [f"192.{block}.{rng.randrange(4)}.{rng.randrange(1, 255)}" for _ in range(7)] +
                           [f"{rng.randrange(20, 120)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(6)],
                        6: [f"2001:db8:c{rng.randrange(3)}::{rng.randrange(1, 0xffff):x}" for _ in range(7)] +
                           [f"2a0{rng.randrange(10)}:{rng.randrange(1, 0xffff):x}::{rng.randrange(1, 0xffff):x}" for _ in range(6)]}
        self.services, self.marks, self.timeouts = [], {4: [], 6: []}, set()

    def services_and_servers(self):
        rng, seen = self.rng, set()
        for _ in range(rng.choice([1, 1, 2, 3, 4, 5])):
            family = rng.choice(self.families)
            service = self.service(family)
            if service.key in seen:
                continue
            seen.add(service.key)
            self.services.append(service)
            self.settings(service)
            for _ in range(rng.choice([0, 1, 2, 2, 3, 3, 4, 6])):
                self.new_server(service)
        return self.services

    def service(self, family):
        rng = self.rng
        kind = rng.choices("tusf", [6, 3, 1, 3])[0]
        vip = rng.choice(self.vips[family])
        if kind == "f":
            mark = rng.choice([1, 2, 51, 70000])
            service = Service("f", vip, 0, mark, family)
            self.mark(service, vip)
            return service
        port = rng.choice([80, 80, 443, 21, 0, 0, rng.randrange(1, 65536)])
        service = Service(kind, vip, port, family=family)
        ports = [port] if port else [rng.randrange(1, 65536), 80, 81]
        if port == 21:
            ports = [21, 21, 20, 1023, 1024, 40000]
        service.targets = [(KINDS[kind], vip, p) for p in ports]
        return service

    def mark(self, service, vip):
        """Rules that give the service its packets."""
        rng, family = self.rng, service.family
        full = 32 if family == 4 else 128
        for _ in range(rng.choice([1, 1, 2, 3])):
            proto = rng.choice(["tcp", "tcp", "udp", "sctp"])
            if rng.random() < 0.25:
                rule, where = f"-d {self.net[family]}", self.inside(family)
                ports = [rng.randrange(1, 65536), 80]
                match = f"-p {proto} " if rng.random() < 0.5 else ""
            else:
                where = vip
                ports = rng.choice([[80], [443], [53], [5060], [21], [80, 443, 8080]])
                rule, match = f"-d {vip}/{full}", f"-p {proto} -m {proto} --dport {ports[0]} "
                if proto == "sctp":
                    # The oracle's kernel does not look into SCTP for multiport.
                    match = "-p sctp "
                elif len(ports) > 1:
                    match = f"-p {proto} -m multiport --dports {','.join(map(str, ports))} "
            self.marks[family].append(f"-A PREROUTING {rule} {match}-j MARK --set-xmark 0x{service.mark:x}/0xffffffff")
            service.targets += [(proto, where, p) for p in ports]

    def inside(self, family):
        net = self.net[family]
        return f"{net[:net.rindex('.')]}.{self.rng.randrange(1, 255)}" if family == 4 else f"{net.split('::/')[0]}::{self.rng.randrange(1, 0xffff):x}"

    def settings(self, service, again=False):
        """New options of a service; with `again`, some stay."""
        rng = self.rng
        if not again or rng.random() < 0.6:
            service.scheduler = rng.choice(list(self.schedulers))
        options = ""
        service.persistent = 0
        if service.port == 0 and service.kind != "f" or rng.random() < 0.3:
            timeout = rng.choice(realtime.PERSISTENCE) if self.short else rng.choice([3, 6, 20, 50, 100, 300, 360])
            service.persistent = timeout
            self.timeouts.add(timeout)
            options += f" -p {timeout}" if timeout != 360 else " -p"
            if rng.random() < 0.4:
                options += f" -M {rng.choice(['255.255.255.0', '255.255.0.0', '255.255.255.254', '0.0.0.0'])}" if service.family == 4 \
                    else f" -M {rng.choice([1, 32, 48, 64, 127, 128])}"
        service.ops = service.kind in "uf" and rng.random() < 0.2
        if service.ops:
            options += " -o"
        flags = self.schedulers[service.scheduler]
        if flags and rng.random() < 0.6:
            options += " -b " + ",".join(rng.choice([[flag] for flag in flags] + [flags]))
        service.options = options

    def new_server(self, service):
        taken = service.lost.union(s.address for s in service.servers + service.removed)
        free = [a for a in self.reals[service.family] if a not in taken]
        if "tun" in self.methods and self.rng.random() < 0.08:
            other = 10 - service.family
            free = [a for a in self.reals[other] if a not in taken]
        if not free:
            return None
        server = Server(self.rng.choice(free), service.port)
        self.server_options(service, server)
        service.servers.append(server)
        return server

    def server_options(self, service, server, again=False):
        rng = self.rng
        crossing = (":" in server.address) != (service.family == 6)
        # FTP with NAT turns on connection tracking in the kernel, which puts fragments together before IPVS sees them.
        methods = [m for m in self.methods if m != "nat"] or ["dr"] if "fragments" in self.kinds and service.port == 21 else self.methods
        # A method stays: the kernel's cached route may be the one of a connection with the other method.
        if not again:
            server.method = "tun" if crossing else rng.choice(methods)
        method = server.method
        options = {"dr": rng.choice(["", " -g"]), "tun": self.tunnel(), "nat": " -m"}[method]
        if not again and (method == "nat" or service.kind == "f"):
            server.port = rng.choice([service.port, 8080, rng.randrange(1, 65536)])
        weights = [1, 1, 2, 3, 4, 5, 0] if self.common else [1, 1, 1, 2, 3, 5, 10, 0, 0, 100, 1000, 65535, 2147483647, rng.randrange(1, 50)]
        if rng.random() < 0.9:
            options += f" -w {rng.choice(weights)}"
        if not self.common and rng.random() < 0.25:
            upper = rng.choice([1, 2, 3, 4, 5, 8])
            options += f" -x {upper}" + (f" -y {rng.randrange(0, upper + 1)}" if rng.random() < 0.5 else "")
        server.past += [server.options] if again else []
        server.options = options

    def tunnel(self):
        rng = self.rng
        kind = rng.choice(["ipip", "ipip", "gue", "gre"])
        if kind == "ipip":
            return " -i" + rng.choice(["", " --tun-type ipip"])
        if kind == "gre":
            return " -i --tun-type gre" + rng.choice(["", " --tun-nocsum", " --tun-csum"])
        return f" -i --tun-type gue --tun-port {rng.choice([6080, 6081])}" + rng.choice(["", " --tun-nocsum", " --tun-csum", " --tun-remcsum"])

    def switches(self):
        rng, lines = self.rng, []
        choices = [("conn_reuse_mode", [0, 1, 2, 3]), ("expire_nodest_conn", [1]), ("expire_quiescent_template", [1]),
                   ("sloppy_tcp", [1]), ("sloppy_sctp", [1]), ("secure_tcp", [3]), ("schedule_icmp", [1]),
                   ("nat_icmp_send", [1]), ("pmtu_disc", [0]), ("cache_bypass", [1]), ("run_estimation", [0])]
        for name, values in choices:
            if rng.random() < (0.05 if name == "run_estimation" else 0.2):
                lines.append(f"vs.{name}={rng.choice(values)}")
        if rng.random() < 0.1:
            lines += [f"vs.am_droprate={rng.choice([2, 3, 10])}", "vs.drop_packet=3"]
        if rng.random() < 0.05:
            lines.append(f"net.ipv4.ip_unprivileged_port_start={rng.choice([80, 1024, 2000])}")
        return [line for line in lines if not self.short or line.split("=")[0] not in realtime.LEFT_OUT]
