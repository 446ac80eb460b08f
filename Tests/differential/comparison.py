"""What two directors did with the same frames, compared field by field."""
import os

import messages
from kernel import packets

LISTINGS = [("ln.txt", "ln.txt"), ("stats.txt", "stats.txt"), ("connections.txt", "conns-sorted.txt"),
            ("persistent.txt", "persistent.txt"), ("thresholds.txt", "thresholds.txt"), ("origins.txt", "origins.txt")]


def layers(d, gue, prefix=""):
    """A parsed IP packet as {field: value}."""
    if "src" not in d:
        return {prefix + "bytes": d["raw"].hex()}
    f = {prefix + k: d[k] for k in ("v", "ihl", "tos", "len", "id", "df", "mf", "rsv", "off", "ttl", "proto", "src", "dst",
                                    "fragid", "flow") if k in d}
    if d.get("opts"):
        f[prefix + "options"] = d["opts"].hex()
    if d.get("exts"):
        f[prefix + "exts"] = str(d["exts"])
    if "bad" in d:
        return f | {prefix + "malformed": d["bad"], prefix + "rest": d.get("l4", d["raw"]).hex()}
    if "ipsum_ok" in d:
        f[prefix + "ip_checksum"] = "valid" if d["ipsum_ok"] else d["raw"][10:12].hex()
    tunnel, l4 = packets.tunnel_inner(d, gue), d["l4"]
    if tunnel and tunnel[1].get("src"):
        f[prefix + "tunnel"] = tunnel[0]
        if d["proto"] == 17:
            f |= {prefix + "sport": d["sport"], prefix + "dport": d["dport"], prefix + "udp_len": l4[4:6].hex(),
                  prefix + "l4_checksum": {True: "valid", None: "none", False: "bad"}[d.get("l4sum_ok", False)]}
            if l4[6:8] == b"\xff\xff" and d["sport"] == 0:    # as the reader left it
                f[prefix + "l4_checksum"] = "valid"
        f[prefix + "tunnel_header"] = tunnel[2].hex()
        return f | layers(tunnel[1], gue, prefix + "inner.")
    if packets.is_icmp_error(d) and d["first"]:
        f |= {prefix + "icmp": f"{d['type']}/{d['code']}", prefix + "icmp_rest": l4[4:8].hex(), prefix + "quoted": l4[8:].hex(),
              prefix + "quoted_text": packets.describe(packets.quoted(d))}
        if "l4sum_ok" in d:
            f[prefix + "l4_checksum"] = "valid" if d["l4sum_ok"] else l4[2:4].hex()
        return f
    at = {6: (16, 18), 17: (6, 8), 1: (2, 4), 58: (2, 4)}.get(d["proto"]) if d["first"] else None
    if not at or len(l4) < at[1]:
        return f | {prefix + "payload": l4.hex()}
    f[prefix + "l4_checksum"] = {True: "valid", None: "none", False: l4[at[0]:at[1]].hex()}[d.get("l4sum_ok", False)]
    if "sport" in d:
        f |= {prefix + "sport": d["sport"], prefix + "dport": d["dport"]}
    if "flags" in d:
        f |= {prefix + "tcp_flags": d["flags"], prefix + "seq": d["seq"], prefix + "ack": d["ack"]}
    return f | {prefix + "payload": (l4[4 if "sport" in d else 0:at[0]] + l4[at[1]:]).hex()}


def fields(frame, gue):
    f = {"dst_mac": packets.mac(frame[:6]), "ethertype": frame[12:14].hex()}
    if frame[12:14] in (b"\x08\0", b"\x86\xdd"):
        return f | layers(packets.parse_ip(frame[14:]), gue)
    return f | {"payload": frame[14:].hex()}


def frame_differences(expected, actual, gue):
    """Fields that differ. A field that is random in the kernel is 0 in `expected`."""
    e, a = fields(expected, gue), fields(actual, gue)
    out = []
    for k in sorted(set(e) | set(a), key=lambda k: (k.endswith("payload") or "quoted" in k, k)):
        x, y = e.get(k), a.get(k)
        if x == y or (k == "id" or k.endswith(".id")) and x == 0 or k.endswith("fragid") and x == "00000000":
            continue
        # A random id that happened to be that of an earlier frame.
        if k == "id" and y == 0 and "icmp" in e:
            continue
        # A part of a GUE packet shows neither that it is one nor whether its checksum was right.
        if k in ("sport", "l4_checksum") and e.get("mf") and e.get("dport") in gue:
            continue
        if k == "sport" and x == 0 and e.get("tunnel") == "gue":
            continue
        if k == "exts" and e.get("fragid") == "00000000" and \
                "".join(str(y).split(str(a.get("fragid")))) == "".join(str(x).split("00000000")):
            continue
        out.append((k, x, y))
    return out


def text(frame):
    d = packets.parse_ip(frame[14:])
    tunnel = packets.tunnel_inner(d) if "src" in d else None
    return f"to {packets.mac(frame[:6])} {packets.describe(d)}" + (f" | {packets.describe(tunnel[1])}" if tunnel else "")


def grouped(path):
    groups = {}
    for index, _, frame in packets.read_pcap(path):
        groups.setdefault(index, []).append(frame)
    return groups


def was_routed(emitted, came):
    """Whether a frame is what plain IP routing makes of the one that came in. Of a fragment's datagram the kernel's IPVS
    looks at the whole, and lets all of it go on, or refuses that."""
    e, c = packets.parse_ip(emitted[14:]), packets.parse_ip(came[14:])
    if c.get("mf") or c.get("off"):
        same = ("src", "dst", "proto", "id")
        about = packets.quoted(e) if e.get("first") and packets.is_icmp_error(e) else {}
        return any(all(x.get(k) == c.get(k) for k in same) for x in (e, about))
    ttl = 14 + (8 if came[12:14] == b"\x08\0" else 7)
    return len(emitted) <= len(came) and emitted[ttl + 4:] == came[ttl + 4:len(emitted)] and emitted[ttl] == came[ttl] - 1


def is_membership(frame):
    """Whether a host tells routers which groups it is in (IGMP): a kernel with multicast routing does when a daemon starts."""
    return frame[12:14] == b"\x08\0" and frame[23] == 2


def show(value):
    value = str(value)
    return value if len(value) <= 90 else f"{value[:80]}.. ({len(value) // 2} bytes)"


def reordered(expected, actual, gue):
    """The same frames; news of missing fragments stand where they are expected. The kernel's timers fire within seconds of each
    other in any order."""
    def is_timeout(frame):
        d = packets.parse_ip(frame[14:])
        return packets.is_icmp_error(d) and (d["type"], d["code"]) == ((11, 1) if d["v"] == 4 else (3, 1))
    places, found = [i for i, x in enumerate(actual) if is_timeout(x)], list(actual)
    left = [actual[i] for i in places]
    for i in places:
        same = next((x for x in left if not frame_differences(expected[i], x, gue)), left[0])
        left.remove(same)
        found[i] = same
    return found


def compare_frames(case, expected, actual, passed, say):
    """Input frames with different output. Those in `passed` are left to the host's routing, which replay does not play."""
    frames, gue, wrong = case.frames, case.host.gue, messages.compare(case, expected, actual, say)
    expected, actual = ({i: [x for x in group if not messages.is_message(x) and not is_membership(x)] for i, group in groups.items()}
                        for groups in (expected, actual))
    for index in sorted(set(expected) | set(actual)):
        e, a = expected.get(index, []), actual.get(index, [])
        if index in passed and len(a) < len(e):
            e = [x for x in e if not was_routed(x, frames[index][2])]
        if len(e) != len(a):
            notes = [f"  {len(e)} frames expected, {len(a)} seen"]
            notes += [f"    expected {text(x)}" for x in e[:4]] + [f"    actual   {text(x)}" for x in a[:4]]
        else:
            notes = []
            for i, (x, y) in enumerate(zip(e, reordered(e, a, gue))):
                found = frame_differences(x, y, gue)
                if found:
                    notes += [f"  emitted frame {i}:", f"    expected {text(x)}", f"    actual   {text(y)}"]
                    notes += [f"      {n}: expected {show(u)}, actual {show(v)}" for n, u, v in found[:8]]
        if notes:
            wrong += 1
            came = frames[index] if index < len(frames) else None
            say(f"input frame {index}:" + (f" at {came[1] / 1e6:.3f} {packets.describe(packets.parse_ip(came[2][14:]))}" if came else ""))
            for note in notes:
                say(note)
    return wrong


def compare_listings(expected, actual, say):
    """Listings that differ, `actual` a folder of svs's, `expected` one of the oracle's."""
    wrong = 0
    for mine, theirs in LISTINGS:
        if not os.path.exists(f"{expected}/{theirs}"):
            continue
        e, a = open(f"{expected}/{theirs}").read().splitlines(), open(f"{actual}/{mine}").read().splitlines()
        if e == a:
            continue
        wrong += 1
        say(f"{mine}:")
        if mine == "connections.txt":
            rows = [("expected", x) for x in lacking(e, a)] + [("actual  ", x) for x in lacking(a, e)]
        else:
            rows = [x for pair in zip(e + [""] * (len(a) - len(e)), a + [""] * (len(e) - len(a))) if pair[0] != pair[1]
                    for x in (("expected", pair[0]), ("actual  ", pair[1]))]
        for whose, row in rows[:12]:
            say(f"    {whose} {row}")
    return wrong


def lacking(rows, others):
    """Rows that `others` does not have, as often as they are too many."""
    left, missing = list(others), []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            missing.append(row)
    return missing
