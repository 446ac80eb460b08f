"""A case from a seed."""
import random

import administrators
import case
import directors
import frames
import messages
import moments
import realtime
import traffic
import troubles
from kernel import packets


def generate(seed, schedulers, methods=("dr",), kinds=(), common=False, short=False):
    """`schedulers` as in directors; `short` fits into a few seconds of real time; `common` leaves out what 6.1 kernels do differently."""
    rng = random.Random(f"svs {seed}")
    maker = directors.Maker(rng, schedulers, methods, kinds, common, short)
    maker.services_and_servers()
    services = [s.add() for s in maker.services]
    for service in maker.services:
        services += [service.add_server(server) for server in service.servers]
    # The kernel's defaults, or what somebody chose.
    switches = maker.switches() + ["vs.backup_only=1"] * ("roles" in kinds)
    network = traffic.Network(rng, maker, kinds, replies=True)
    administrator = administrators.Administrator(rng, maker)
    if short:
        first, parts = [realtime.TIMEOUTS], 3
    else:
        first, parts = (administrator.set_timeouts() if rng.random() < 0.3 else []), rng.choice([2, 4, 6, 8])
    peer = messages.Peer(rng, maker) if "sync" in kinds or "nonsense" in kinds else None
    if peer:
        switches, first = switches + peer.switches(), first + peer.start()
    events, quiet = [[("edit", line) for line in first]], [True]
    in_between = administrator.light_edits if short else administrator.edits
    for part in range(parts):
        if part:
            events.append([])
            quiet.append(not short or rng.random() < 0.6)
            if rng.random() < 0.8:
                edits = administrator.quiet_edits if quiet[-1] else administrator.light_edits
                events[-1] += [("edit", line) for _ in range(rng.choice([1, 1, 2, 3])) for line in edits()]
        for packet in network.burst(rng.randrange(8, 30)):
            if rng.random() < 0.05:
                events[-1] += [("edit", line) for line in in_between()]
            pieces = [packet]
            if "fragments" in kinds and packet[0] >> 4 == 4 and len(packet) > 60 and rng.random() < 0.2:
                pieces = frames.fragments(packet, rng.choice([24, 256, 800]))
            if "tiny" in kinds and rng.random() < 0.15 and may_be_tiny(maker, packets.parse_ip(packet)["src"]):
                pieces = troubles.tiny(rng, packet)
            if "late" in kinds and rng.random() < 0.15:
                pieces += troubles.late_errors(rng, network)
            events[-1] += [("frame", None, frames.ethernet(piece)) for piece in pieces]
            if peer and "backup" in peer.roles and rng.random() < 0.15:
                told = peer.tell(network)
                events[-1] += [("frame", None, told)] if told else []
            if "nonsense" in kinds:
                events[-1] += [("frame", None, peer.nonsense(network)) for _ in range(rng.choice([0, 5, 20]))]
        if "roles" in kinds:
            events[-1] += [("edit", line) for line in administrator.change_role()]
        if "deletion" in kinds and rng.random() < 0.5:
            events[-1] += troubles.deletion(rng, administrator, network)
    persistence = [s.persistent for s in maker.services if s.persistent] + list(maker.timeouts)
    timeouts = moments.FIRST + moments.TCP_WITH_REPLIES + moments.UDP + moments.SCTP + list(administrator.timeouts)
    timeouts += [180] if "nonsense" in kinds else []    # of what has no states
    marks = [maker.marks[f] for f in (4, 6)]
    happening = timed(rng, events, quiet, timeouts, persistence, short, "vs.expire_nodest_conn=1" in switches, 5.0 if peer else 0.0)
    if peer and short:       # so that the last message leaves
        happening.append(("frame", realtime.ending(happening, persistence, 3.3), frames.ethernet(bytes(46), kind=frames.EXPERIMENT)))
    return case.Case(services, *marks, switches, happening, f"seed {seed}")


def may_be_tiny(maker, source):
    """Whether the sender may leave datagrams incomplete. Of a virtual address of IPv6 the director would tell itself, and of
    servers that it does not translate for it hears of none but the kernel's."""
    if source in maker.vips[6]:
        return False
    methods = {s.method for service in maker.services for s in service.servers if service.exists and s.address == source}
    return ":" not in source or source not in maker.reals[6] or "nat" in methods


def timed(rng, bursts, quiet, timeouts, persistence, short, flushes, rest):
    """The bursts with their times; those that find no safe moment are left out. After the last one at least `rest` seconds pass."""
    again = unsettled(bursts, flushes)
    step, pause = (realtime.STEP, realtime.PAUSE) if short else (rng.choice([1000, 5000, 20000]), 120_000)
    if short:
        bursts = [realtime.cut([(e, 0 if e[0] == "edit" else (step, pause)[id(e) in again] / 1e6) for e in burst]) for burst in bursts]
    lengths = [sum((step, pause)[id(e) in again] for e in burst if e[0] == "frame") / 1e6 for burst in bursts]
    if short:
        starts = realtime.starts(rng, bursts, lengths, quiet, persistence)
    else:
        # Templates that outlive their time look again less and less exactly.
        spans = [15.0, 100.0, 150.0, 200.0] if persistence else [20.0, 100.0, 400.0, 1300.0, 3000.0]
        span = rng.choice([s for s in spans if not moments.races(timeouts, persistence, s)])
        starts = moments.starts(rng, len(bursts), max(lengths), moments.deadlines(timeouts, span), moments.reviews(persistence, span), span)
    events, at = [], 0
    for start, burst in zip(starts, bursts):
        at = 1700000000_000000 + round(start * 1e6)
        for event in burst:
            if event[0] == "frame":
                events.append(("frame", at, event[2]))
                at += pause if id(event) in again else step
            else:
                events.append(event)
    return events if short else waited(events, starts, max(lengths), at, timeouts, persistence, rest)


def waited(events, starts, length, last, timeouts, persistence, rest):
    """The events, and one more frame after `rest` seconds and when all incomplete datagrams were given up, since svs waits for that
    at the end of a long capture. Where none of the safe moments comes, the last fragments are left out."""
    fragments = [e for e in events if e[0] == "frame" and is_fragment(e[2])]
    if not fragments and not rest:
        return events
    end = (last - 1700000000_000000) / 1e6
    for at in (end + max(frames.GIVEN_UP if fragments else 0, rest) + 0.25 * i for i in range(400)):
        dues, looks = moments.deadlines(timeouts, at), moments.reviews(persistence, at)
        if not any(moments.collide(t, [(due - length, late + 2 * length) for due, late in dues], u, looks) for t in starts for u in starts) and \
                not any(due - length - moments.MARGIN <= at - t <= due + late + length + moments.MARGIN for t in starts for due, late in dues + looks):
            return events + [("frame", 1700000000_000000 + round(at * 1e6), frames.ethernet(bytes(46), kind=frames.EXPERIMENT))]
    return [e for e in events if e[0] == "edit" or not is_fragment(e[2]) or last - e[1] > frames.GIVEN_UP * 1e6]


def is_fragment(frame):
    packet = packets.parse_ip(frame[14:])
    return bool(packet.get("mf") or packet.get("off"))


def unsettled(bursts, flushes):
    """Identities of the frames behind which the kernel's timers have something to do at once: those that open a connection
    anew, whose old one (of which a message may have told) still counts for its server, as may what a last fragment completes,
    and the first after removed servers, whose connections are flushed."""
    seen, found, removed = set(), set(), False
    for event in (e for burst in bursts for e in burst):
        if event[0] == "edit":
            removed = removed or flushes and event[1][:2] in ("-d", "-D", "-C")
            continue
        if messages.is_message(event[2]):
            seen.update(messages.flows(event[2]))
            continue
        packet = packets.parse_ip(event[2][14:])
        flow = tuple(packet.get(k) for k in ("src", "dst", "sport", "dport", "proto"))
        opens = "S" in packet.get("flags", "") or packet.get("proto") == frames.SCTP
        if removed or flow in seen and opens or packet.get("off") and not packet.get("mf"):
            found.add(id(event))
        seen.add(flow)
        removed = False
    return found
