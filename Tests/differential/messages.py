"""Synchronisation messages: random ones for a backup, and what a master's say, record by record."""
import ipaddress
import struct

import frames

OWN4, PEER4, GROUP4, PORT = "172.31.255.1", "172.31.255.9", "224.0.0.81", 8848
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
METHODS = {"nat": 0, "tun": 2, "dr": 3}
ACTIVE = {6: (1, 2, 3, 10), 132: (8,)}
STATES = {6: (1, 1, 1, 3, 4, 5, 6, 7), 17: (0,), 132: (8, 8, 9, 13)}


def record(version, proto, flags, state, client, virtual, server, mark=0, timeout=0):
    """`client`, `virtual` and `server` are (address, port)."""
    ends = [client, virtual, server]
    addresses, ports = b"".join(frames.packed(a) for a, _ in ends), struct.pack(">HHH", *(p for _, p in ends))
    if version == 0:
        return struct.pack(">BB", 0, proto) + ports + addresses + struct.pack(">HH", flags & 0xFFFF, state)
    return struct.pack(">BBHIH", int(len(addresses) == 48), proto, 24 + len(addresses), flags, state) + ports + struct.pack(">II", mark, timeout) + addresses


def message(version, syncid, records):
    body = b"".join(records)
    if version == 0:
        return struct.pack(">BBH", len(records), syncid, 4 + len(body)) + body
    return struct.pack(">BBHBBH", 0, syncid, 8 + len(body), len(records), 1, 0) + body


def split(payload):
    """The records of a message, as bytes; the whole where it is none."""
    if len(payload) >= 8 and payload[0] == 0 and payload[5] == 1:
        found, at = [], 8
        for _ in range(payload[4]):
            if at + 4 > len(payload):
                break
            size = struct.unpack(">H", payload[at + 2:at + 4])[0] & 0xFFF
            found.append(payload[at:at + size])
            at += size + 3 & ~3
        return found
    return [payload[4 + 24 * i:28 + 24 * i] for i in range((len(payload) - 4) // 24)]


def flows(frame):
    """What a sound message tells of: (client, virtual address, client's port, virtual port, protocol) of each record, and the same
    without ports, which are not read of every protocol."""
    found = []
    for part in split(payload(frame)):
        if part[:1] == b"\0" and len(part) == 24:
            ports, addresses = part[2:6], [part[8:12], part[12:16]]
        elif len(part) >= 36 and part[0] < 2:
            size = 16 if part[0] else 4
            ports, addresses = part[10:14], [part[24:24 + size], part[24 + size:24 + 2 * size]]
        else:
            continue
        if len(addresses[1]) in (4, 16):
            client, virtual = (str(ipaddress.ip_address(a)) for a in addresses)
            found += [(client, virtual, *struct.unpack(">HH", ports), part[1]), (client, virtual, None, None, part[1])]
    return found


def is_message(frame):
    """Whether a frame goes to a group: of what a director emits, only a master's messages do."""
    return bool(frame[0] & 1) and frame[12:14] == b"\x08\0" and frame[23] == 17


def payload(frame):
    return frame[42:]


class Peer:
    """Another director. `roles` are those of the director that is looked at."""

    def __init__(self, rng, maker):
        self.rng, self.maker = rng, maker
        self.roles = rng.choice([["master"], ["backup"], ["master", "backup"]])
        if "nonsense" in maker.kinds:
            self.roles = ["backup"]
        self.syncid = rng.choice([0, 7, 255])

    def start(self):
        return [f"--start-daemon {role} --mcast-interface eth0 --syncid {self.syncid}" for role in self.roles]

    def switches(self):
        rng = self.rng
        choice = [["vs.sync_version=0"], ["vs.sync_threshold=1 5"], ["vs.sync_threshold=2 0"], ["vs.sync_persist_mode=1"],
                  ["vs.sync_refresh_period=7"], ["vs.sync_refresh_period=30", "vs.sync_retries=1"], [], [], []]
        return rng.choice(choice)

    def tell(self, network):
        """A message about some of the flows, as a frame."""
        rng, records, version = self.rng, [], self.rng.choice([0, 1, 1, 1])
        for flow in rng.sample(network.flows, min(len(network.flows), rng.choice([1, 2, 5]))):
            servers = flow.service.servers + flow.service.removed if flow.service else []
            servers = [s for s in servers if (":" in s.address) == (":" in flow.client)]
            if not servers or version == 0 and ":" in flow.client or flow.cport == 20:
                continue
            server, proto = rng.choice(servers), PROTOCOLS[flow.proto]
            state = rng.choice(STATES[proto])
            flags = METHODS[rng.choice(["dr", server.method])]
            flags |= (0x80 if flags else 0) | (0 if state in ACTIVE.get(proto, ()) else 0x100)
            mark = getattr(flow.service, "mark", 0) or 0
            if not isinstance(mark, int):
                mark = 0
            ends = (flow.client, flow.cport), (flow.vip, flow.vport), (server.address, server.port or flow.vport)
            records.append(record(version, proto, flags, state, *ends, mark=mark, timeout=0))
        if not records:
            return None
        syncid = self.syncid or 9
        told = message(version, syncid if rng.random() < 0.9 else (syncid + 1) & 255, records)
        packet = frames.ip(PEER4, GROUP4, 17, frames.udp(PEER4, GROUP4, 40000, PORT, told), ttl=1, df=False)
        return frames.ethernet(packet, destination="01:00:5e:00:00:51")


    def nonsense(self, network):
        """A message that a master would not send: anything in its records, damaged heads, cut off or too long."""
        rng, version = self.rng, self.rng.choice([0, 1, 1, 1])
        service = rng.choice(self.maker.services)
        family = 4 if version == 0 else service.family
        records, places = [], [(0, 4 if version == 0 else 8)]
        for _ in range(rng.randrange(5)):
            part = self.anything(version, family, service)
            start = sum(map(len, records)) + places[0][1]
            # Not the flags: a template with a client's port, which no master says, the kernel takes for a connection too.
            places.append((start, start + (2 if version == 0 else 4)))
            records.append(part + bytes(-len(part) % 4 if version else 0))
        told = bytearray(message(version, self.syncid, records))
        for _ in range(rng.choice([0, 0, 1, 2, 3])):
            told[rng.randrange(*rng.choice(places))] = rng.getrandbits(8)
        if rng.random() < 0.1:
            told = told[:rng.randrange(len(told) + 1)]
        if rng.random() < 0.1:
            told += bytes(rng.getrandbits(8) for _ in range(rng.randrange(40)))
        if rng.random() < 0.7 and len(told) >= 4:
            told[1], told[2:4] = self.syncid, struct.pack(">H", len(told))
        return self.datagram(bytes(told))

    def anything(self, version, family, service):
        rng = self.rng
        servers = service.servers + service.removed if service.family == family else []
        addresses = [s.address for s in servers if (":" in s.address) == (family == 6)] + self.maker.reals[family][:2]
        flags = rng.getrandbits(14) & ~7 | rng.randrange(5)     # what svs says of the other methods: docs/compatibility.md
        flags &= ~0x2000 if self.maker.common else ~0
        cport = 0 if flags & 0x1000 else rng.choice([0, 1024, 5000])
        proto, vip, vport = rng.choice(service.targets) if service.family == family else ("tcp", rng.choice(self.maker.vips[family]), 80)
        ends = ((rng.choice(self.maker.clients[family]), cport), (vip, vport), (rng.choice(addresses), rng.choice([vport, 0, 8080])))
        part = record(version, rng.choice([PROTOCOLS[proto], 6, 17, 132, 0, 47]), flags, rng.randrange(16), *ends, mark=rng.choice([0, service.mark]),
                      timeout=rng.choice([0, 900, 2**32 - 1]))
        if version == 0:
            return part + (bytes(24) if flags & 0x600 else b"")
        more = rng.choice([b"", b"", struct.pack(">BB6I", 1, 24, 1, 2, 3, 4, 5, 6), b"\x02\x03abc\x03\x03xyz", b"\x45\x01z", b"\x05\x01z"])
        return part[:2] + struct.pack(">H", len(part) + len(more)) + part[4:] + more

    def datagram(self, told):
        packet = frames.ip(PEER4, GROUP4, 17, frames.udp(PEER4, GROUP4, 40000, PORT, told), ttl=1, df=False)
        return frames.ethernet(packet, destination="01:00:5e:00:00:51")


def compare(case, expected, actual, say):
    """What the two masters said: the same records in the same order, each within the second in which the kernel looks."""
    def said(groups):
        return [(index, part) for index in sorted(groups) for frame in groups[index] if is_message(frame) for part in split(payload(frame))]
    e, a = said(expected), said(actual)
    times = [t / 1e6 for _, t, _ in case.frames]
    for number, (i, x) in enumerate(e[:len(a)]):
        # Timers that fire within a step of the kernel's wheel do so in any order, and with them what they say.
        same = next((k for k in range(number, len(a)) if a[k] == (a[number][0], x)), number)
        a.insert(number, a.pop(same))
        j, y = a[number]
        if x != y:
            say(f"record {number} of the master's, after input frames {i} and {j}: expected {x.hex()}, actual {y.hex()}")
            return 1
        # What leaves after the earlier frame leaves before the next one at the latest.
        if times[max(i, j)] - times[min(i, j) + 1 if i != j else i] > 1.2:
            say(f"record {number} of the master's: expected after input frame {i}, actual after {j}")
            return 1
    # What is said in the last moment the other would say after its end.
    surplus = (e if len(e) > len(a) else a)[min(len(e), len(a)):]
    if any(i + 1 < len(times) and times[-1] - times[i + 1] > 1.2 for i, _ in surplus):
        say(f"records of the master's: {len(e)} expected, {len(a)} seen")
        return 1
    return 0
