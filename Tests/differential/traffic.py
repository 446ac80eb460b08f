"""Random clients: flows that open, send, close and come again, and what else a network brings."""
import frames

TCP_ODD = ["", "P", "F", "SA", "SF", "FPU", "SR", "RA", "SFRPAU", "U", "EC", "PA"]
SCTP_CHUNKS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 63]


class Flow:
    """One client endpoint and the virtual endpoint that it talks to; `service` is None for strangers."""

    def __init__(self, proto, client, cport, vip, vport, service):
        self.proto, self.client, self.cport, self.vip, self.vport, self.service = proto, client, cport, vip, vport, service
        self.is_open = False


class Network:
    """Draws frames. `kinds` may hold icmp and fragments; `replies` are sent where servers answer through the director."""

    def __init__(self, rng, maker, kinds=(), replies=False):
        self.rng, self.maker, self.kinds, self.replies = rng, maker, kinds, replies
        self.flows, self.identification = [], rng.randrange(1, 30000)
        for _ in range(rng.choice([6, 12, 20])):
            self.flows.append(self.flow())

    def flow(self):
        rng, maker = self.rng, self.maker
        service = rng.choice(maker.services)
        clients = maker.clients[service.family]
        proto, vip, vport = rng.choice(service.targets)
        stranger = rng.random() < 0.07
        if stranger:
            vport = rng.randrange(1, 65536)
        cport = 20 if rng.random() < 0.01 else rng.choice([1024, 5000, rng.randrange(1, 65536)])
        return Flow(proto, rng.choice(clients[:rng.choice([3, len(clients)])]), cport, vip, vport, None if stranger else service)

    def burst(self, size):
        """About `size` packets of some of the flows."""
        rng, packets = self.rng, []
        while len(packets) < size:
            if rng.random() < 0.15:
                self.flows[rng.randrange(len(self.flows))] = self.flow()
            packets += self.step(rng.choice(self.flows))
        return packets

    def step(self, flow):
        rng = self.rng
        draw = rng.random()
        if "icmp" in self.kinds and draw < 0.06:
            return [self.icmp_error(flow)]
        if self.replies and flow.service and draw < 0.25:
            return self.reply(flow)
        return {"tcp": self.tcp_step, "udp": self.udp_step, "sctp": self.sctp_step}[flow.proto](flow)

    def tcp_step(self, flow):
        rng = self.rng
        if not flow.is_open:
            kind = rng.choices(["S", "SA.", "whole", "odd", "stray"], [6, 6, 3, 1, 1])[0]
            flow.is_open = kind != "stray"
            lists = {"S": ["S"], "SA.": ["S", "A"], "whole": ["S", "A", "PA", "FA", "A"], "odd": [rng.choice(TCP_ODD)],
                     "stray": [rng.choice(["A", "FA", "R", "PA"])]}
        else:
            kind = rng.choices(["data", "fin", "rst", "again", "odd"], [6, 3, 2, 4, 1])[0]
            lists = {"data": ["PA"] * rng.choice([1, 1, 2]), "fin": rng.choice([["FA"], ["FA", "A"]]), "rst": [rng.choice(["R", "RA"])],
                     "again": ["S"], "odd": [rng.choice(TCP_ODD)]}
        return [self.segment(flow, flags) for flags in lists[kind]]

    def segment(self, flow, flags):
        payload = self.payload() if "P" in flags else b""
        return self.request(flow, frames.TCP, frames.tcp(flow.client, flow.vip, flow.cport, flow.vport, flags, payload,
                                                         self.rng.randrange(1 << 32), self.rng.randrange(1 << 32)))

    def udp_step(self, flow):
        checksum = self.rng.random() < 0.9
        return [self.request(flow, frames.UDP, frames.udp(flow.client, flow.vip, flow.cport, flow.vport, self.payload(), checksum))
                for _ in range(self.rng.choice([1, 1, 2, 3]))]

    def sctp_step(self, flow):
        rng = self.rng
        lives = [[1], [1, 10], [1, 10, 0], [1, 10, 0, 7, 14], [0], [3], [6], [7, 8, 14], [1, 2, 11], [rng.choice(SCTP_CHUNKS)]]
        chunks = rng.choices(lives, [5, 4, 3, 3, 2, 1, 2, 1, 1, 3])[0]
        out = []
        for kind in chunks:
            more = [(6, b"")] if kind in (10, 11) and rng.random() < 0.1 else []
            out.append(self.request(flow, frames.SCTP, frames.sctp(flow.cport, flow.vport, [(kind, bytes(rng.randrange(24)))] + more)))
        return out

    def payload(self):
        rng = self.rng
        size = rng.choices([rng.randrange(64), rng.randrange(400), rng.randrange(1380, 1441)], [8, 3, 1])[0]
        return bytes(rng.randrange(256) for _ in range(min(size, 32))) + bytes(max(size - 32, 0))

    def packet(self, source, destination, proto, payload):
        rng = self.rng
        self.identification += 1
        # What the director tells itself, the VIP, IPVS takes for a message about a connection.
        ttl = 64 if source in self.maker.vips[6] else rng.choices([64, 1, 2, 3, 255], [40, 1, 1, 1, 1])[0]
        return frames.ip(source, destination, proto, payload, ttl=ttl,
                         tos=rng.choice([0, 0, 0, 0x10, 0x2e, 3]), identification=self.identification, df=rng.random() < 0.6)

    def request(self, flow, proto, payload):
        return self.packet(flow.client, flow.vip, proto, payload)

    def reply(self, flow):
        """What one of the servers, which may be the right one, answers."""
        rng = self.rng
        servers = flow.service.servers + flow.service.removed[:1]
        if not servers:
            return []
        out = []
        for server in rng.sample(servers, min(len(servers), rng.choice([1, 2, 9]))):
            if (":" in server.address) != (":" in flow.client):
                continue
            port = server.port or flow.vport
            if flow.service.persistent:
                port = rng.choice([port, flow.vport])
            # A server that is not behind NAT answers under the virtual address, and now and then past the director.
            address = server.address if rng.random() < 0.85 else flow.vip
            source = (address, port if address == server.address else flow.vport)
            if flow.proto == "tcp":
                payload = frames.tcp(source[0], flow.client, source[1], flow.cport, rng.choice(["SA", "SA", "A", "PA", "FA", "RA", "R"]),
                                     self.payload() if rng.random() < 0.3 else b"")
            elif flow.proto == "udp":
                payload = frames.udp(source[0], flow.client, source[1], flow.cport, self.payload(), rng.random() < 0.8)
            else:
                payload = frames.sctp(source[1], flow.cport, [(rng.choice([2, 11, 0, 3, 7, 8, 14, 6]), bytes(8))])
            out.append(self.packet(source[0], flow.client, {"tcp": 6, "udp": 17, "sctp": 132}[flow.proto], payload))
        return out

    def icmp_error(self, flow):
        """From the client's side about a reply, or from a server's side about a request."""
        rng = self.rng
        six = ":" in flow.client
        source = rng.choice([flow.client, "2001:db8:77::1" if six else "198.51.100.9"])
        virtual, destination = (flow.vip, flow.vport), flow.vip
        quoted_from, quoted_to = virtual, (flow.client, flow.cport)
        servers = [s for s in (flow.service.servers if flow.service else []) if (":" in s.address) == six]
        if self.replies and servers and rng.random() < 0.5:
            server = rng.choice(servers)
            source, destination = rng.choice([server.address, source]), flow.client
            quoted_from, quoted_to = (flow.client, flow.cport), (server.address, server.port or flow.vport)
        segment = {"tcp": lambda: frames.tcp(quoted_from[0], quoted_to[0], quoted_from[1], quoted_to[1], "A"),
                   "udp": lambda: frames.udp(quoted_from[0], quoted_to[0], quoted_from[1], quoted_to[1], bytes(12)),
                   "sctp": lambda: frames.sctp(quoted_from[1], quoted_to[1], [(0, bytes(8))])}[flow.proto]()
        proto = {"tcp": 6, "udp": 17, "sctp": 132}[flow.proto]
        quoted = frames.ip(quoted_from[0], quoted_to[0], proto, segment, ttl=60)
        kind, code, rest = rng.choice([(1, 4, 0), (2, 0, 1400), (3, 0, 0), (4, 1, 0)] if six else
                                      [(3, 3, 0), (3, 1, 0), (3, 4, 1400), (11, 0, 0), (4, 0, 0), (12, 0, 0), (5, 1, 0), (8, 0, 1)])
        return self.packet(source, destination, 58 if six else 1, frames.icmp(source, destination, kind, code, rest, quoted))
