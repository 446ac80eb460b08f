"""What two directors did in the same topology, compared, and told with the script up to the difference."""
import re


def story(plan):
    """The plan in lines: the director, then numbered actions."""
    lines = [f"# seed {plan['seed']}"]
    for name, facts in plan["directors"].items():
        lines += [f"{name}: ip {line}" for line in plan["hosts"][name]["lines"]] + [f"{name}: {' '.join(c)}" for c in facts["commands"]]
        lines += [f"{name}: {line}" for line in facts["services"]] + [f"{name}: vs.{k}={v}" for k, v in facts["switches"].items()]
    return lines + [f"{i:3} {told(action)}" for i, action in enumerate(plan["actions"])]


def told(action):
    kind = action["do"]
    if kind in ("tcp", "udp", "ping"):
        more = "".join(f" {k} {action[k]}" for k in ("size", "keep", "closer") if k in action)
        return f"{kind} {action['from']} {action['sport']} > {action['to']} {action['port']}{more}"
    if kind == "adm":
        return f"{action['host']}: ipvsadm {action['line']}"
    if kind == "run":
        return f"{action['host']}: {' '.join(action['command'])}"
    return " ".join(f"{v}" for v in action.values())


def gathered(plan, happened):
    """What was seen, each frame of a request beside the first action with its port: on a busy machine a connection's last
    frames come when the next action has begun."""
    firsts, found = {}, [{"outcome": h["outcome"], "seen": {}} for h in happened]
    for i, action in enumerate(plan["actions"]):
        firsts.setdefault(str(action.get("sport")), i)
    for i, h in enumerate(happened):
        for host, lines in h["seen"].items():
            for line in lines:
                port = next((n for n in re.findall(r"\d+", line) if n in firsts), None)
                found[firsts.get(port, i)]["seen"].setdefault(host, set()).add(line)
    return [{**f, "seen": {host: sorted(lines) for host, lines in f["seen"].items()}} for f in found]


def differences(plan, expected, actual):
    """Lines that say where they disagree; none when they agree."""
    lines = []
    for action, e, a in zip(plan["actions"], gathered(plan, expected["actions"]), gathered(plan, actual["actions"])):
        notes = []
        if e["outcome"] != a["outcome"]:
            notes += [f"  outcome: expected {e['outcome']}", f"           actual   {a['outcome']}"]
        for host in sorted(set(e["seen"]) | set(a["seen"])):
            before, after = (seen_by(host, x, action) for x in (e, a))
            notes += [f"  {host} saw: expected {x}" for x in before if x not in after]
            notes += [f"  {host} saw: actual   {x}" for x in after if x not in before]
        if notes:
            lines += [f"{plan['actions'].index(action):3} {told(action)}"] + notes
    lines += [f"  {x}, which nobody expects" for x in sorted(claims(actual) - claims(expected))]
    for name in expected["listings"]:
        e, a = without_gone(name, expected, actual)
        if e != a:
            lines += [f"{name}:"] + [f"  expected {x}" for x in e if x not in a] + [f"  actual   {x}" for x in a if x not in e]
    return lines


def without_gone(name, expected, actual):
    """Two listings, without connections that were about to go in one of them and are gone in the other: the same script takes
    longer on a busy machine. How many connections their servers have is left out then, too."""
    host, words = name.split(" ", 1)
    pair = [one["listings"][name] for one in (expected, actual)]
    both = [set(one["listings"][f"{host} -Lnc"]) for one in (expected, actual)]
    gone = {x for one, other in ((expected, both[1]), (actual, both[0])) for x in one["fading"][host] if x not in other}
    if words == "-Lnc":
        return [[x for x in listing if x not in gone] for listing in pair]
    servers = {x.split()[4].rpartition(":")[0] for x in gone}
    if words == "-Ln" and servers:
        return [[re.sub(r"\d+ *$", "", x) if x.split()[1].rpartition(":")[0] in servers else x for x in listing] for listing in pair]
    return pair


def seen_by(host, happened, action):
    """When a host asks again for a neighbour it knows is chance; what it hears then counts where it was made to ask."""
    return [x for x in happened["seen"].get(host, []) if " is at " not in x or action.get("asks")]


def claims(result):
    return {x for happened in result["actions"] for seen in happened["seen"].values() for x in seen if " is at " in x}
