"""What seldom meets by chance: fragments that hold too little, errors about tunnel packets older than an edit, services
that go while their connections are in every state."""
import struct

import frames

OWN = "172.31.255.1"     # the director's address, from which its tunnel packets come
BEFORE = [["S"], ["S", "A"], ["S", "A", "PA"], ["S", "FA"], ["S", "A", "FA"], ["S", "A", "FA", "A"], ["S", "A", "R"], ["A"], []]
AFTER = [["S"], ["S", "A"], ["S", "A", "PA", "FA"], ["A", "S"], ["FA", "A"], ["R", "S"], ["PA"], ["S", "S"]]
ERRORS = [(3, 4, 1400), (3, 4, 1300), (3, 4, 600), (3, 1, 0), (3, 3, 0), (11, 0, 0), (4, 0, 0)]


def tiny(rng, packet):
    """The packet in pieces the first of which may lack most of its header."""
    if packet[0] >> 4 == 4:
        return frames.fragments(packet, rng.choice([8, 8, 16])) if len(packet) > 28 else [packet]
    body = packet[40:]
    if len(body) < 9:
        return [packet]
    first, identification = rng.choice([1, 4, 8, 12, 16, 20, 24]), rng.randrange(1, 1 << 31)
    second = max(8, first // 8 * 8)
    pieces = [(0, 1, body[:first])] + ([(second, 0, body[second:])] if second < len(body) else [])
    return [packet[:4] + struct.pack(">HB", 8 + len(data), 44) + packet[7:40] +
            struct.pack(">BBHI", packet[6], 0, offset | more, identification) + data for offset, more, data in pieces]


def outer(server, options, inner):
    """A tunnel packet, IPv4 in IPv4, as the options have it."""
    words = options.split()
    kind = words[words.index("--tun-type") + 1] if "--tun-type" in words else "ipip"
    if kind == "gre":
        summed = "--tun-csum" in words
        return frames.ip(OWN, server, 47, struct.pack(">HH", 0x8000 if summed else 0, 0x0800) + bytes(4 * summed) + inner, identification=0)
    if kind == "gue":
        port = int(words[words.index("--tun-port") + 1])
        return frames.ip(OWN, server, 17, frames.udp(OWN, server, 40000, port, struct.pack(">BBH", 0, 4, 0) + inner, "--tun-csum" in words), identification=0)
    return frames.ip(OWN, server, 4, inner, identification=0)


def late_errors(rng, network):
    """Errors about one flow's tunnel packets from each of the servers that it may have gone to."""
    flow = rng.choice(network.flows)
    if not flow.service or flow.service.family != 4 or flow.proto not in ("tcp", "udp"):
        return []
    segment = frames.tcp(flow.client, flow.vip, flow.cport, flow.vport, "A") if flow.proto == "tcp" else \
        frames.udp(flow.client, flow.vip, flow.cport, flow.vport, bytes(12))
    inner = frames.ip(flow.client, flow.vip, {"tcp": 6, "udp": 17}[flow.proto], segment, ttl=63, df=rng.random() < 0.8)
    found = []
    for server in flow.service.servers + flow.service.removed:
        if server.method == "tun" and ":" not in server.address:
            options = rng.choice(server.past + [server.options])
            # A host's own modules for GRE and GUE learn path MTUs from errors about no connection, too.
            kind, code, limit = rng.choice([e for e in ERRORS if e[2] == 0] if "--tun-type g" in options else ERRORS)
            quoted = outer(server.address, options, inner)
            found.append(frames.ip(server.address, OWN, 1, frames.icmp(server.address, OWN, kind, code, limit, quoted)))
    return found


def deletion(rng, administrator, network):
    """One service with clients in several states goes; they go on."""
    service = administrator.some_service(lambda s: any(t[0] == "tcp" for t in s.targets))
    if not service:
        return []
    flows = []
    for proto, vip, vport in (rng.choice([t for t in service.targets if t[0] == "tcp"]) for _ in range(rng.choice([2, 4, 6]))):
        flow = network.flow()
        flow.proto, flow.vip, flow.vport, flow.service = proto, vip, vport, service
        flow.client = rng.choice(network.maker.clients[service.family])
        flows.append(flow)
    events = [("frame", None, frames.ethernet(network.segment(f, flags))) for f in flows for flags in rng.choice(BEFORE)]
    # What the kernel had not added up yet would be its servers' again when they came back.
    service.lost |= {server.address for server in service.servers + service.removed}
    events += [("edit", line) for line in administrator.delete(service)]
    service.removed = []
    return events + [("frame", None, frames.ethernet(network.segment(f, flags))) for f in flows for flags in rng.choice(AFTER)]
