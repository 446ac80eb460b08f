"""When frames come: never near a moment at which the kernel's timers may or may not have fired yet."""

# Longest delay before a timer is coarser than the next step, and how late it may fire then (timer wheel, 100 Hz).
GRAIN = [(0.63, 0.03), (5.1, 0.1), (40.9, 0.66), (327.6, 5.2), (2621.0, 41.1)]
TCP = [2, 10, 60, 120, 900]
TCP_WITH_REPLIES = TCP + [30]
UDP = [300]
SCTP = [2, 4, 61, 900]
FIRST = [3]
# The estimator looks every 2 s; what is shown depends on it where counters are made zero.
QUIET = 3.0


def lateness(timeout):
    return next(late for longest, late in GRAIN if timeout <= longest)


def deadlines(timeouts, persistence, span):
    """(seconds after a frame, how much later) at which something that the frame touched may expire."""
    found = [(t, lateness(t)) for t in set(timeouts) if t <= span]
    for timeout in set(persistence):
        # A template that outlives its time waits for its connections in steps of a minute.
        at, late = timeout, lateness(timeout)
        while at <= span:
            found.append((at, late))
            at, late = at + 60, late + lateness(60)
    return found


def starts(rng, count, length, dues, span):
    """Start times in seconds of up to `count` bursts of `length` seconds within `span`, the first at 0."""
    margin = 0.15
    times = [0.0]
    for _ in range(count * 40):
        if len(times) == count:
            break
        # Most steps are small; the rest is spread evenly over the orders of magnitude.
        gap = QUIET + length + span ** rng.random() if span > 20 else length + rng.random() * span / 2
        at = times[-1] + gap
        if at + length <= span and not any(due - length - margin <= at - t <= due + late + length + margin
                                           for t in times for due, late in dues):
            times.append(at)
    return times
