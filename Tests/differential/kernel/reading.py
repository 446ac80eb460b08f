"""Reads what a director emitted: what each frame is, and its random fields set to 0."""
import ipaddress
import struct

from . import packets


class Reader:
    """Classifies emitted frames. IPv4 ids of the host's own making, source ports of GUE and of messages to a group, and
    IPv6 fragment ids are random;
    they become 0, checksums over them stay as valid or invalid as they were."""

    def __init__(self, host, frames):
        self.host, self.inputs = host, [packets.parse_ip(f[14:]) if f[12:14] in (b"\x08\0", b"\x86\xdd") else {} for f in frames]
        self.own = host.own
        self.local = self.own | set(host.vips)
        self.nets = [ipaddress.ip_network(n) for n in host.nets]

    def is_local(self, address):
        return address in self.local or any(ipaddress.ip_address(address) in n for n in self.nets
                                            if n.version == ipaddress.ip_address(address).version)

    def seen(self, index, field):
        return {d.get(field) for d in self.inputs[:index + 1]}

    def read(self, index, frame):
        """-> (normalised frame, facts)"""
        b = bytearray(frame)
        d = packets.parse_ip(bytes(frame[14:])) if frame[12:14] in (b"\x08\0", b"\x86\xdd") else {"bad": "not IP"}
        if d.get("v") == 6 and d.get("exts"):        # the transport header is behind the extension headers
            d["ihl"] = 40 + sum(len(x) // 2 for _, x in d["exts"])
        facts = {"dst_mac": packets.mac(frame[:6]), "len": len(frame), "mode": "?"}
        if "src" not in d:
            return bytes(b), facts
        tunnel = packets.tunnel_inner(d, self.host.gue) if d["src"] in self.own else None
        inner, random_id = d, False
        if tunnel or d["src"] in self.own and (d["proto"] in packets.TUNNEL_PROTOS or d["off"]):
            random_id, inner = True, tunnel[1] if tunnel else {}
            facts.update(mode="tun", outer=f"{d['src']}>{d['dst']}")
            if tunnel:
                facts["tun"] = tunnel[0]
                if tunnel[0] == "gue":
                    self.hide_source_port(b, 14 + d["ihl"], d, facts)
        else:
            random_id = d["v"] == 4 and d["id"] not in self.seen(index, "id")
            own_making = random_id or d["v"] == 6 or d.get("id") == 0
            facts["mode"] = self.mode(d, self.inputs[index] if index < len(self.inputs) else {}, own_making, facts)
        if frame[0] & 1 and d["src"] in self.own and d["proto"] == 17 and "sport" in d:      # a master's message
            facts["mode"] = "sync"
            self.hide_source_port(b, 14 + d["ihl"], d, facts)
        if "fragid" in d and d["fragid"] not in self.seen(index, "fragid"):
            at = bytes(b).index(bytes.fromhex(d["fragid"]), 54)
            b[at:at + 4] = bytes(4)
            facts["random_id"] = True
        if random_id and d["v"] == 4 and d["id"]:
            b[18:20] = b"\0\0"
            if d.get("ipsum_ok"):
                packets.fix_ip4_checksum(b, 14)
            facts["random_id"] = True
        facts.update(src_ip=d["src"], dst_ip=d["dst"], ttl=d["ttl"])
        if inner.get("src"):
            facts["inner_src"] = inner["src"] + (f":{inner['sport']}" if "sport" in inner else "")
            facts["inner_dst"] = inner["dst"] + (f":{inner['dport']}" if "dport" in inner else "")
        facts["text"] = packets.describe(d) + (f" | {packets.describe(inner)}" if tunnel and inner.get("src") else "")
        if d.get("ipsum_ok") is False or d.get("l4sum_ok") is False or inner.get("l4sum_ok") is False:
            facts["bad_checksum"] = True
        return bytes(b), facts

    def hide_source_port(self, b, udp, d, facts):
        b[udp:udp + 2] = b"\0\0"
        if b[udp + 6:udp + 8] != b"\0\0":        # the checksum covers the source port
            facts["gue_csum_ok"] = bool(d.get("l4sum_ok"))
            b[udp + 6:udp + 8] = b"\xff\xff" if d.get("l4sum_ok") else b"\0\1"

    def mode(self, d, cause, own_making, facts):
        if packets.is_icmp_error(d):
            quoted = packets.quoted(d)
            facts["icmp"] = f"{d['type']}/{d['code']}"
            if (d["v"], d["type"], d["code"]) == (4, 3, 4):
                facts["mtu"] = struct.unpack(">H", d["l4"][6:8])[0]
            if (d["v"], d["type"]) == (6, 2):
                facts["mtu"] = struct.unpack(">I", d["l4"][4:8])[0]
            facts["quotes"] = packets.describe(quoted) if "src" in quoted else quoted.get("bad")
            return "icmp-forwarded" if packets.is_icmp_error(cause) else "icmp"
        answers = self.is_local(d["src"]) and cause.get("src") == d["dst"]
        if "R" in d.get("flags", "") and answers and own_making:
            return "rst"
        if "type" in d and answers:
            return "echo-reply"
        if self.is_local(d["src"]) and cause.get("src") != d["src"]:
            return "nat-reply"
        if cause.get("dst") == d["dst"]:
            return "dr" if self.is_local(d["dst"]) else "route"
        return "nat" if d["dst"] in self.host.reals else "?"
