"""What lab/bench runs: bench.py SVS SCRATCH [OPTION...]. The methods, the measurements, the table."""
import argparse
import json
import os
import platform
import re
import statistics
import sys

import bench_hosts as hosts
import bench_plot

VIP = "10.9.0.1"
SERVERS = ("10.255.0.2", "10.255.0.3")
# What comes in a column: heading, frame bytes, flows, mode of bench-load.
LOADS = {
    "full": ("64 B, 10k flows", 64, 10_000, "w1000"),
    "large": ("1400 B", 1400, 10_000, "w1000"),
    "many": ("1M flows", 64, 1_000_000, "w1000"),
    "low": ("4 under way", 64, 10_000, "w4"),
    "flood": ("flood", 64, 10_000, "r0"),
    "hop": ("hop", 64, 100, "hop"),
}


class Svs:
    def __init__(self, method, *options, spread=None):
        self.method, self.options, self.spread = method, options, spread

    def start(self, lab):
        service = f"-A -u {VIP}:80 -s rr\n-A -t {VIP}:80 -s rr\n"
        for proto in "ut":
            service += "".join(f"-a -{proto} {VIP}:80 -r {server}:80 {self.method}\n" for server in lab.servers)
        if self.spread is None:
            return lab.svs(service, *self.options)
        # The engine's processor first, then the I/O threads' in turn, beginning with the other one.
        places = [lab.own] + [lab.others if number % 2 == 0 else lab.own for number in range(self.spread)]
        return lab.svs(service, *self.options, "--cpus", ",".join(map(str, places)), spread=True)


class Reference:
    def __init__(self, kind):
        self.kind = kind

    def start(self, lab):
        process = lab.spawn("director", lab.tool("reference"), self.kind, lab.interface, "1000000")
        process.stdout.readline()
        return hosts.tasks(process.pid)


class Forwarding:
    """The kernel's own: a route, and no rule."""

    def start(self, lab):
        lab.change(f"sysctl -qw net.ipv4.ip_forward=1; ip route add {VIP}/32 via {lab.servers[0]}",
                   f"ip route del {VIP}/32; sysctl -qw net.ipv4.ip_forward=0")
        return []


class Nftables:
    """Direct routing by a hash of the client, without connections, where a frame comes in."""

    def start(self, lab):
        choice = f"ether daddr set jhash ip saddr . udp sport mod 2 seed 7 map {{ 0 : {hosts.MACS[0]}, 1 : {hosts.MACS[1]} }}"
        lab.change("nft -f -", "nft delete table netdev bench", f"""table netdev bench {{ chain in {{
            type filter hook ingress device "{lab.interface}" priority 0; policy accept;
            ip daddr {VIP} udp dport 80 ether saddr set {hosts.DIRECTOR} {choice} fwd to "{lab.interface}"
            }}\n}}""")
        return []


class Proxy:
    def __init__(self, words, text):
        self.words, self.text = words, text

    def start(self, lab):
        lab.change(f"ip address add {VIP}/32 dev {lab.interface}", f"ip address del {VIP}/32 dev {lab.interface}")
        path = os.path.join(lab.scratch, "proxy.conf")
        with open(path, "w") as file:
            file.write(self.text.format(vip=VIP, server=lab.servers[0], scratch=lab.scratch))
        process = lab.spawn("director", *[word.format(path=path) for word in self.words])
        hosts.wait(lambda: lab.listens("director", 80), "a proxy to listen")
        return hosts.tasks(process.pid)


HAPROXY = Proxy(("haproxy", "-db", "-f", "{path}"), """global\n maxconn 8000\n nbthread 1
defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s
listen bench\n bind {vip}:80\n server s {server}:80\n""")
NGINX = Proxy(("nginx", "-e", "stderr", "-c", "{path}"), """load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root; worker_processes 1; daemon off; pid {scratch}/proxy.pid; events {{ worker_connections 20000; }}
stream {{ server {{ listen {vip}:80; proxy_pass {server}:80; }} }}\n""")

FRAMES = {
    "svs ring DR": Svs("-g"), "C ring": Reference("ring"), "svs ring TUN": Svs("-i"), "svs ring NAT": Svs("-m"),
    "svs socket DR": Svs("-g", "--link", "socket"), "C socket": Reference("socket"),
    "svs ring DR, busy poll": Svs("-g", "--busy-poll", "50"), "kernel forwarding": Forwarding(), "nftables DSR": Nftables(),
}
# The same with its threads on two processors: what the busiest of them needs for a frame says how many frames there can be.
THREADS = {f"{count} I/O thread{'s' if count > 1 else ''}": Svs("-g", "--io-threads", str(count), spread=count) for count in (1, 2)}
THREADS = {"engine alone": Svs("-g", "--io-threads", "0", spread=0), **THREADS}
QUICK = ("svs ring DR", "C ring", "kernel forwarding")
CONNECTIONS = {"svs DR": Svs("-g"), "svs NAT": Svs("-m"), "HAProxy": HAPROXY, "nginx stream": NGINX}
# Whose yardstick is whose.
BESIDE = {name: "C socket" if "socket" in name else "C ring" for name in FRAMES}


def measured(results, name, load, key):
    values = [one[key] for one in results if one["method"] == name and one["load"] == load and one.get(key)]
    return statistics.median(values) if values else None


def cell(results, name, load):
    """Nanoseconds a frame, and beside what C needs."""
    if load == "flood":
        value = measured(results, name, load, "delivered")
        return f"{value / 1e3:.0f} kpps" if value else "-"
    if load == "hop":
        p50, p99 = (measured(results, name, load, key) for key in ("p50_us", "p99_us"))
        return f"{p50:.0f} / {p99:.0f} µs" if p50 else "-"
    value, other = (measured(results, one, load, "ns") for one in (name, BESIDE.get(name)))
    if not value:
        return "-"
    return f"{value:.0f}" + (f" ({value / other:.2f})" if other and name.startswith("svs") else "")


def frame_table(results, names, loads):
    yield "| ns a frame (beside C) | " + " | ".join(LOADS[load][0] for load in loads) + " |"
    yield "|---|" + "---|" * len(loads)
    for name in names:
        yield f"| {name} | " + " | ".join(cell(results, name, load) for load in loads) + " |"


def connection_table(results, names):
    yield "| director's processor | connections a second of it | ms a GB down |"
    yield "|---|---|---|"
    for name in names:
        connection, gigabyte = measured(results, name, "connect", "ns"), measured(results, name, "download", "ns")
        yield f"| {name} | {f'{1e9 / connection:.0f}' if connection else '-'} | {f'{gigabyte / 1e6:.0f}' if gigabyte else '-'} |"


def thread_table(results, names):
    yield "| ns a frame (beside the engine alone) | busiest thread | all | frames a second |"
    yield "|---|---|---|---|"
    alone = measured(results, "engine alone", "full", "busiest")
    for name in names:
        busiest, whole, delivered = (measured(results, name, "full", key) for key in ("busiest", "ns", "delivered"))
        if busiest:
            yield f"| {name} | {busiest:.0f}" + (f" ({busiest / alone:.2f})" if alone else "") + f" | {whole:.0f} | {delivered:.0f} |"


def race(lab, methods, measurements, rounds, results):
    """Every method in turn, round by round, each started anew; whether all could be measured."""
    whole = True
    for number in range(rounds):
        for name, method in methods.items():
            try:
                tasks = method.start(lab)
                for load, measure in measurements.items():
                    receivers = lab.receivers()
                    one = measure(lab, receivers + tasks)
                    if each := one.pop("each", [])[len(receivers):]:
                        one["busiest"] = max(each)
                    results.append({"round": number, "method": name, "load": load, **one})
                    print(f"{number + 1}/{rounds}  {name:24} {load:9} {json.dumps(one)}", file=sys.stderr, flush=True)
            except (hosts.Failure, OSError, ValueError) as error:
                whole = False
                print(f"{name}: {error}", file=sys.stderr)
            finally:
                lab.end_processes()
                lab.put_back()
    return whole


def load_of(name, seconds):
    _, length, flows, mode = LOADS[name]
    return lambda lab, tasks: lab.load(f"{hosts.DIRECTOR},10.16.0.0,{VIP},80", flows, length, mode, seconds, tasks)


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    cpus = len(os.sched_getaffinity(0))
    return f"{model[1] if model else platform.machine()}, {cpus} processors, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"


def options():
    words = argparse.ArgumentParser(prog="lab/bench")
    words.add_argument("svs")
    words.add_argument("scratch")
    words.add_argument("--quick", action="store_true")
    words.add_argument("--rounds", type=int)
    words.add_argument("--seconds", type=float)
    words.add_argument("--only", default="")
    words.add_argument("--svg")
    words.add_argument("--json")
    return words.parse_args()


def main():
    chosen = options()
    rounds, seconds = chosen.rounds or (3 if chosen.quick else 5), chosen.seconds or (0.3 if chosen.quick else 0.5)
    frames = {name: method for name, method in FRAMES.items() if re.search(chosen.only, name) and (not chosen.quick or name in QUICK)}
    proxies = {} if chosen.quick else {name: method for name, method in CONNECTIONS.items() if re.search(chosen.only, name)}
    loads = ("full", "large", "low") if chosen.quick else tuple(LOADS)
    results, whole = [], True
    about = machine()
    threads = {} if chosen.quick else {name: method for name, method in THREADS.items() if re.search(chosen.only, name)}
    if threads:
        with hosts.Wire(chosen.svs, chosen.scratch, SERVERS) as lab:
            whole &= race(lab, threads, {"full": load_of("full", seconds)}, rounds, results)
    if frames:
        with hosts.Wire(chosen.svs, chosen.scratch, SERVERS) as lab:
            whole &= race(lab, frames, {name: load_of(name, seconds) for name in loads}, rounds, results)
    if proxies:
        with hosts.Network(chosen.svs, chosen.scratch, VIP) as lab:
            tests = {"connect": lambda lab, tasks: lab.connect(VIP, 2 * seconds, tasks), "download": lambda lab, tasks: lab.download(VIP, tasks)}
            whole &= race(lab, proxies, tests, rounds, results)
    print(f"{about}; medians of {rounds} rounds\n")
    print("\n".join(frame_table(results, frames, loads)) + "\n" if frames else "", end="")
    print("\n" + "\n".join(thread_table(results, threads)) if threads else "")
    print("\n" + "\n".join(connection_table(results, proxies)) if proxies else "")
    if chosen.json:
        with open(chosen.json, "w") as file:
            json.dump({"machine": about, "results": results}, file, indent=1)
    if chosen.svg:
        costs = {name: measured(results, name, "full", "ns") for name in frames}
        bench_plot.write(chosen.svg, "Processor time of the director for a frame of 64 bytes, ns", costs, about)
    return 0 if whole else 1


sys.exit(main())
