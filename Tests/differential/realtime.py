"""Cases for kernels whose clock is the real one: a few seconds long, and judged only if the machine kept the pace.

The kernel fires timers up to an eighth late and adds counters up every 2 s, counted from its boot. A burst of frames
therefore comes well before or well after whatever frames of another burst may cause, and what a removed server had
counted matters only after a pause in which the kernel has added up. A frame is never sooner behind another one than
planned, but on a busy machine it may be much later: the times at which frames really went out say whether that mattered."""
import re

import frames
import moments

TIMEOUTS = "--set 2 1 1"
PERSISTENCE = [3, 20, 20]    # no other timeout is 3, so that a template never races its connections
LEFT_OUT = ["vs.expire_nodest_conn"]     # a timer of one jiffy
SPAN = 7.0           # seconds
STEP, PAUSE = 2000, 30_000      # microseconds
LINGER = 0.04        # seconds from the last frame to the listings
EDIT = 0.01          # seconds that an edit may take
SLACK = 0.35         # seconds that a frame may be late in any case
BURST = 0.35         # seconds that a burst may last
EARLY, LATE = 0.02, 0.05     # seconds that the kernel may seem early, and late beyond what its timers are
ADDED_UP = 2.35


def timeouts(frame, tcp, finishing, udp):
    """The timeouts that a frame may set going, persistence aside."""
    proto = frame[14 + (9 if frame[12:14] == b"\x08\0" else 6)]
    own = {frames.TCP: {tcp, finishing, 10, *moments.TCP_WITH_REPLIES}, frames.UDP: {udp}, frames.SCTP: set(moments.SCTP)}
    # A master's message may tell of anything.
    return own.get(proto if not frame[0] & 1 else None) or set().union(*own.values())


def cut(burst):
    """As much of a burst as is quick enough."""
    spent, kept = 0.0, []
    for event, cost in burst:
        spent += cost
        if spent > BURST:
            break
        kept.append(event)
    return kept


def starts(rng, bursts, lengths, quiet, persistence):
    """Start times of as many bursts as fit; `quiet` says which ones need the counters added up."""
    lengths = [n + EDIT * sum(e[0] == "edit" for e in burst) for n, burst in zip(lengths, bursts)]
    windows = [moments.deadlines(set(persistence).union(*(timeouts(e[2], 2, 1, 1) for e in burst if e[0] == "frame")), SPAN)
               for burst in bursts]
    times = [0.0]
    for length, calm in zip(lengths[1:], quiet[1:]):
        least = times[-1] + lengths[len(times) - 1] + (ADDED_UP if calm else 0.05)
        found = [at for at in (least + 0.05 * i for i in range(60)) if at + length <= SPAN and
                 not any(at - t + length + SLACK > due and at - t - before < due + late + LATE + 2 * EARLY
                         for t, before, dues in zip(times, lengths, windows) for due, late in dues)]
        if not found:
            break
        times.append(rng.choice(found))
    return times


def ending(events, persistence, least):
    """Microseconds at which a last frame is furthest from whatever the frames may cause, at least so many seconds after them."""
    frames_of = [e for e in events if e[0] == "frame"]
    last = frames_of[-1][1]
    windows = {(e[1] / 1e6, due, due + late) for e in frames_of for due, late in
               moments.deadlines(set(persistence).union(timeouts(e[2], 2, 1, 1)), SPAN + least + 4)}

    def room(at):
        return min((max(t + due - at, at - t - late) for t, due, late in windows), default=1)
    return round(max((last / 1e6 + least + 0.1 * i for i in range(20)), key=lambda at: min(room(at), 0.6)) * 1e6)


def out_of_step(case, sent):
    """Why a run says nothing: a frame or the listings that fell on the other side of an expiry than planned. `sent` are
    microseconds of each frame, before its edits and when it went out, and of the listings, before and after."""
    planned = [t / 1e6 for _, t, _ in case.frames]
    planned.append(planned[-1] + LINGER)
    text = " ".join(case.services + case.edits)
    persistence = {int(n) for n in re.findall(r" -p (\d+)", text)}
    adjusted = [[int(n) for n in found] for found in re.findall(r"--set (\d+) (\d+) (\d+)", text)] + [[900, 120, 300]]
    for i, (_, _, frame) in enumerate(case.frames):
        expected = persistence.union(*(timeouts(frame, *values) for values in adjusted)) - {0}
        for due, late in moments.deadlines(expected, planned[-1] - planned[i] + 60):
            for j in range(i + 1, len(planned)):
                gap, least, most = planned[j] - planned[i], (sent[j][0] - sent[i][1]) / 1e6, (sent[j][1] - sent[i][1]) / 1e6
                if gap < due - 2 * EARLY and most > due - EARLY or gap > due + late + LATE + EARLY and least < due + late + LATE:
                    what = f"frame {j} came" if j < len(case.frames) else "the listings came"
                    return f"{what} {least:.2f}..{most:.2f} s after frame {i}, planned were {gap:.2f}"
    return None
