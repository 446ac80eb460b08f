"""Builds the frames that reach the director."""
import ipaddress
import struct

from kernel import packets

TCP, UDP, SCTP = 6, 17, 132
EXPERIMENT = 0x88B5      # Ethernet type that nobody takes (IEEE 802)
GIVEN_UP = 62            # seconds after which no fragment waits any more
FLAGS = {c: 1 << i for i, c in enumerate("FSRPAUEC")}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def with_checksum(segment, at, source, destination, proto):
    """The segment with its internet checksum over the pseudo header filled in."""
    a, b = packed(source), packed(destination)
    if len(a) == 4:
        pseudo = a + b + struct.pack(">BBH", 0, proto, len(segment))
    else:
        pseudo = a + b + struct.pack(">IHBB", len(segment), 0, 0, proto)
    value = 0xFFFF ^ packets.inet_sum(pseudo + segment)
    if proto == UDP and value == 0:
        value = 0xFFFF
    return segment[:at] + struct.pack(">H", value) + segment[at + 2:]


def tcp(source, destination, sport, dport, flags, payload=b"", seq=1000, ack=2000):
    bits = sum(FLAGS[c] for c in flags)
    segment = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, bits, 8192, 0, 0) + payload
    return with_checksum(segment, 16, source, destination, TCP)


def udp(source, destination, sport, dport, payload=b"", checksum=True):
    segment = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    return with_checksum(segment, 6, source, destination, UDP) if checksum or ":" in source else segment


def sctp(sport, dport, chunks, tag=0x01020304):
    """`chunks` are (type, body) in order."""
    body = b""
    for kind, content in chunks:
        body += struct.pack(">BBH", kind, 0, 4 + len(content)) + content + bytes(-len(content) % 4)
    head = struct.pack(">HHI", sport, dport, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body


def icmp(source, destination, kind, code, rest, quoted):
    message = struct.pack(">BBHI", kind, code, 0, rest) + quoted
    if ":" in source:
        return with_checksum(message, 2, source, destination, 58)
    return message[:2] + struct.pack(">H", 0xFFFF ^ packets.inet_sum(message)) + message[4:]


def ip(source, destination, proto, payload, ttl=64, tos=0, identification=1, df=True):
    a, b = packed(source), packed(destination)
    if len(a) == 16:
        return struct.pack(">IHBB", 6 << 28 | tos << 20, len(payload), proto, ttl) + a + b + payload
    header = struct.pack(">BBHHHBBH", 0x45, tos, 20 + len(payload), identification, 0x4000 if df else 0, ttl, proto, 0) + a + b
    return header[:10] + struct.pack(">H", 0xFFFF ^ packets.inet_sum(header)) + header[12:] + payload


def ethernet(packet, source="02:00:00:00:00:fe", destination="02:00:00:00:00:01", kind=None):
    kind = kind or (0x86DD if packet[0] >> 4 == 6 else 0x0800)
    return bytes.fromhex((destination + source).replace(":", "")) + struct.pack(">H", kind) + packet


def fragments(packet, size):
    """The IPv4 packet in fragments of `size` payload bytes (a multiple of 8)."""
    header, body, pieces = packet[:20], packet[20:], []
    for start in range(0, len(body), size):
        part = body[start:start + size]
        more = 0x2000 if start + size < len(body) else 0
        word = (struct.unpack(">H", header[6:8])[0] & 0x4000) | more | start // 8
        fresh = bytearray(header[:2] + struct.pack(">H", 20 + len(part)) + header[4:6] + struct.pack(">H", word) +
                          header[8:10] + b"\0\0" + header[12:])
        fresh[10:12] = struct.pack(">H", 0xFFFF ^ packets.inet_sum(bytes(fresh)))
        pieces.append(bytes(fresh) + part)
    return pieces
