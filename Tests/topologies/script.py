"""What happens in a topology: requests of the client, each numbered by its port, and what administrators do between them."""
import topology as places


class Script:
    def __init__(self, topology):
        self.topology, self.rng, self.number, self.kept, self.absent, self.holder = topology, topology.rng, 0, [], set(), {}

    def actions(self):
        found = [a for vs in self.topology.virtual.values() for v in vs for a in self.ask(v)]
        for _ in range(self.rng.choice([10, 16, 22])):
            found += self.step()
        return found + [a for _ in range(4) for a in self.request()]

    def step(self):
        kinds = [(self.request, 10), (self.many, 3), (self.keep, 2), (self.stranger, 2), (self.ping, 1), (self.ask, 1)]
        if self.kept:
            kinds += [(self.more, 3), (self.close, 1)]
        if "edits" in self.topology.kinds:
            kinds += [(self.edit, 3), (self.listener, 1)]
        if "addresses" in self.topology.kinds:
            kinds.append((self.address, 2))
        return self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]()

    def origin(self, service):
        far = (service.method == "nat") != (self.rng.random() < 0.06)
        return (places.FAR if far else places.NEAR)[service.family]

    def action(self, do, origin, to, port, **more):
        self.number += 1
        if self.topology.dead or to in self.absent:
            more["patience"] = 4.5      # until whoever asks for a neighbour has given up
        return {"do": do, "from": origin, "sport": 20000 + self.number, "to": to, "port": port, **more}

    def request(self, service=None):
        rng, more = self.rng, {}
        if not self.topology.services:
            return self.stranger()
        service = service or rng.choice(self.topology.services)
        size = rng.choice([1, 20, 400]) if service.proto == "udp" else rng.choice([1, 20, 1400, 6000])
        if service.proto == "tcp":
            # Connections that were reset are gone after ten seconds, on a slow machine too soon for who counts them.
            counted = any(f" -s {name}" in service.options for name in ("lc", "wlc", "lblc"))
            more = {"closer": rng.choice(["client", "client", "server"] if counted else ["client", "client", "server", "reset"])}
        return [self.action(service.proto, self.origin(service), service.address, service.port, size=size, **more)]

    def many(self):
        """A client that comes again and again to one service."""
        first = self.request()[0]
        found = [first]
        for _ in range(self.rng.choice([2, 3, 5])):
            self.number += 1
            again = self.rng.random() < 0.2 and first.get("closer") == "server"
            found.append({**first, "sport": first["sport"] if again else 20000 + self.number})
        return found

    def keep(self):
        found = self.request()
        if found[0]["do"] == "tcp":
            found[0].update(keep=self.number, closer="client")
            self.kept.append(self.number)
        return found

    def more(self):
        return [{"do": "more", "keep": self.rng.choice(self.kept), "size": self.rng.choice([1, 3000])}]

    def close(self):
        number = self.kept.pop(self.rng.randrange(len(self.kept)))
        return [{"do": "close", "keep": number, "closer": self.rng.choice(["client", "reset"])}]

    def stranger(self):
        """To what no service is for: the director's own port 22, or nobody."""
        rng = self.rng
        family = rng.choice(self.topology.families)
        to = rng.choice(self.topology.virtual[family] + [places.DIRECTOR[family]])
        do = rng.choice(["tcp", "udp"])
        return [self.action(do, places.NEAR[family], to, rng.choice([22, 22, 9, 80, 5353]), size=20)]

    def ping(self):
        family = self.rng.choice(self.topology.families)
        to = self.rng.choice(self.topology.virtual[family] + [places.DIRECTOR[family]])
        return [self.action("ping", places.NEAR[family], to, 0, size=self.rng.choice([8, 1000]))]

    def ask(self, address=None):
        """The client asks the wire anew who has the address."""
        address = address or self.rng.choice([v for vs in self.topology.virtual.values() for v in vs])
        ping = self.action("ping", places.NEAR[6 if ":" in address else 4], address, 0, size=8, asks=True)
        return [{"do": "run", "host": "cl", "command": ["ip", "neigh", "flush", "dev", "eth0"]}, {"patience": 0.4, **ping}]

    def edit(self):
        rng = self.rng
        if not self.topology.services:
            return []
        service = rng.choice(self.topology.services)
        draw = rng.random()
        if draw < 0.25 and service.servers:
            gone = service.servers.pop(rng.randrange(len(service.servers)))
            line = service.server("-d", *gone)
        elif draw < 0.5:
            taken = [s[0] for s in service.servers]
            fresh = [s for s in (self.topology.server(service, n) for n in sorted(self.topology.servers)) if s[0] not in taken]
            if not fresh:
                return []
            service.servers.append(rng.choice(fresh))
            line = service.server("-a", *service.servers[-1])
        elif draw < 0.85 and service.servers:
            place = rng.randrange(len(service.servers))
            name, options = service.servers[place]
            service.servers[place] = (name, options.rsplit(" ", 1)[0] + f" {rng.choice([0, 1, 2, 5])}")
            line = service.server("-e", *service.servers[place])
        elif draw < 0.93:
            line = f"-Z {service.key}"
        else:
            self.topology.services.remove(service)
            line = f"-D {service.key}"
        # What the kernel has not added up yet when its counters move stays out of them.
        calm = [{"do": "wait", "seconds": 2.2}] if line[:2] in ("-Z", "-d", "-D") else []
        return calm + [{"do": "adm", "host": host, "line": line} for host in (["dir", "dir2"] if self.topology.pair else ["dir"])]

    def address(self):
        """A virtual address goes, or comes back, with two directors to the other one."""
        topology = self.topology
        address = self.rng.choice([v for vs in topology.virtual.values() for v in vs])
        steps = []
        if address in self.absent:
            self.absent.discard(address)
            steps = [("dir", "add")]
        elif topology.pair:
            self.holder[address] = "dir2" if self.holder.get(address, "dir") == "dir" else "dir"
            steps = [("dir" if self.holder[address] == "dir2" else "dir2", "del"), (self.holder[address], "add")]
        else:
            self.absent.add(address)
            steps = [("dir", "del")]
        found = [{"do": "run", "host": host, "command": ["ip", *topology.placing(verb, address).split()]} for host, verb in steps]
        found[-1]["settle"] = 0.5
        found += self.ask(address)
        service = next((s for s in topology.services if s.address == address), None)
        return found + (self.request(service) + self.request(service) if service else self.stranger())

    def listener(self):
        """A server's program ends, and begins again."""
        host, port = self.rng.choice(sorted(self.topology.servers)), self.rng.choice(places.STREAMS)
        return [{"do": "stop", "host": host, "port": port}, *self.request(), *self.request(), {"do": "listen", "host": host, "port": port}]
