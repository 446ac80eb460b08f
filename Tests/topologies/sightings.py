"""What a host sees on its wire, as sentences that are the same in every run: no identifications, sequence numbers or ports
that a host chose, and each kind of segment once."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../differential"))
from kernel import packets  # noqa: E402

ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23
NEIGHBOUR_ADVERTISEMENT, MULTICAST_LISTENERS, ROUTER_TALK = 136, (130, 131, 132, 143), (133, 134, 135, 137)


class Watcher:
    """Collects sentences about the frames that reach a host; `names` are hosts by MAC address, `virtual` the addresses
    whose owners matter, `tunnel` takes the packets for a tunnel's end."""

    def __init__(self, loop, host, names, virtual, tunnel=None):
        self.host, self.names, self.virtual, self.tunnel, self.seen = host, names, virtual, tunnel, set()
        with host.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket.bind(("eth0", 0))
        self.socket.setblocking(False)
        loop.add(self.socket, self.take)

    def take(self):
        try:
            while True:
                sentence = self.sentence(self.socket.recv(70000))
                if sentence:
                    self.seen.add(sentence)
        except (BlockingIOError, OSError):
            pass

    def harvest(self):
        seen, self.seen = sorted(self.seen), set()
        return seen

    def sentence(self, frame):
        sender, kind = self.names.get(packets.mac(frame[6:12]), "?"), frame[12:14]
        if kind == b"\x08\x06":
            return self.arp(frame[14:], sender)
        if kind not in (b"\x08\0", b"\x86\xdd"):
            return None
        packet = packets.parse_ip(frame[14:])
        if packet.get("proto") == 58 and "type" in packet:
            if packet["type"] == NEIGHBOUR_ADVERTISEMENT:
                address = packets.ip_s(packet["l4"][8:24])
                return f"{address} is at {sender}" if address in self.virtual else None
            if packet["type"] in MULTICAST_LISTENERS + ROUTER_TALK:
                return None
        if packet.get("proto") == 0 or frame[0] & 1:
            return None
        if self.tunnel:
            self.tunnel.take(packet)
        return f"{sender}: {describe(packet)}"

    def arp(self, body, sender):
        address, asks = packets.ip_s(body[14:18]), body[7] == 1
        gratuitous = body[14:18] == body[24:28]
        if address not in self.virtual or asks and not gratuitous:
            return None
        return f"{address} is at {sender}"


def describe(packet):
    """One IP packet, with what it carries in a tunnel or quotes."""
    if "src" not in packet or "bad" in packet:
        return f"malformed ({packet.get('bad')})"
    tunnel = packets.tunnel_inner(packet)
    text = f"{packet['src']} > {packet['dst']} ttl {packet['ttl']}" + (" fragment" if packet.get("off") or packet.get("mf") else "")
    if tunnel and tunnel[1].get("src"):
        return f"{text} {tunnel[0]} [{describe(tunnel[1])}]"
    if packets.is_icmp_error(packet):
        about = packets.quoted(packet)
        return f"{text} icmp {packet['type']}/{packet['code']} about [{about.get('src')} > {about.get('dst')}{ports(about)}]"
    if packet["proto"] == 6 and "flags" in packet:
        kind = next((name for flag, name in (("R", "reset"), ("S", "syn"), ("F", "data")) if flag in packet["flags"]), "data")
        return f"{text}{ports(packet)} tcp {kind}"
    if packet["proto"] == 17:
        return f"{text}{ports(packet)} udp {len(packet['l4']) - 8}"
    if "type" in packet:
        return f"{text} icmp {packet['type']}/{packet['code']}"
    return f"{text} proto {packet['proto']}"


def ports(packet):
    return f" {packet['sport']}>{packet['dport']}" if "sport" in packet else ""
