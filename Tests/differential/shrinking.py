"""Makes a failing case smaller while it still fails."""
import re


def without(items, start, count):
    return items[:start] + items[start + count:]


def shrink(case, fails, say, budget=150):
    """`fails(case)` runs it. Whole stretches go first, then ever smaller ones."""
    tries = 0

    def attempt(smaller):
        nonlocal tries
        tries += 1
        return bool(smaller.frames) and fails(smaller)

    # Nothing behind the first difference matters.
    for name in ("events", "services", "marks", "marks6", "sysctl"):
        size = max(len(getattr(case, name)) // 2, 1)
        while size:
            start = len(getattr(case, name)) - size
            while start > -size and tries < budget:
                items = getattr(case, name)
                smaller = case.copy(**{name: without(items, max(start, 0), size)})
                if len(getattr(smaller, name)) < len(items) and consistent(smaller) and attempt(smaller):
                    case = smaller
                start -= size
            size //= 2
    say(f"shrunk in {tries} runs to {len(case.frames)} frames, {len(case.services)} rules, {len(case.edits)} edits")
    return case


def consistent(case):
    """Servers need their service at the start, or a guest refuses the rules and nothing is learnt."""
    known = set()
    for line in case.services:
        key = re.match(r"-[Aa] (\S+ \S+(?: -6)?)", line)
        if not key:
            continue
        if line.startswith("-A"):
            known.add(key.group(1))
        elif key.group(1) not in known:
            return False
    return bool(known)
