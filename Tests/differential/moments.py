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
# Seconds to stay away.
MARGIN = 0.15


def lateness(timeout):
    return next(late for longest, late in GRAIN if timeout <= longest)


def deadlines(timeouts, span):
    """(seconds after a frame, how much later) at which something that the frame touched may expire."""
    return [(t, lateness(t)) for t in set(timeouts) if t <= span]


def reviews(persistence, span):
    """The same for templates. One that outlives its time looks for its connections again in steps of a minute."""
    found = []
    for timeout in set(persistence):
        at, late = timeout, lateness(timeout)
        while at <= span:
            found.append((at, late))
            at, late = at + 60, late + lateness(60)
    return found


def collide(first, windows, second, others):
    """Whether an expiry after a frame at `first` and one after a frame at `second` may come in either order."""
    return any(first + due - MARGIN <= second + other + later and second + other - MARGIN <= first + due + late
               for due, late in windows for other, later in others)


def races(timeouts, persistence, span):
    """Whether a template and its own connections, all from one burst, may go in either order within `span`."""
    return collide(0, deadlines(set(timeouts) - set(FIRST), span), 0, reviews(persistence, span))


def starts(rng, count, length, dues, looks, span, quiet=QUIET):
    """Start times in seconds of up to `count` bursts of `length` seconds within `span`, the first at 0."""
    room = length + MARGIN
    times = [0.0]
    for _ in range(count * 40):
        if len(times) == count:
            break
        # Most steps are small; the rest is spread evenly over the orders of magnitude.
        gap = quiet + length + (span ** rng.random() if span > 20 else rng.random() * span / 4)
        at = times[-1] + gap
        if at + length > span or any(due - room <= at - t <= due + late + room for t in times for due, late in dues + looks):
            continue
        # A template goes or stays by whether a connection of it is left.
        if not any(collide(at, dues, t, looks) or collide(t, dues, at, looks) for t in times):
            times.append(at)
    return times
