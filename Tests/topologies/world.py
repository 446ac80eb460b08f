#!/usr/bin/python3
"""world - builds a topology, lets its script happen and writes down what everybody saw.

usage: world PLAN.json OUT.json kernel
       world PLAN.json OUT.json /path/to/svs

The directors are those of the kernel that this runs on, or svs. Needs root. Hosts are namespaces of this process's own name;
they and all that runs in them are gone at the end.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import clients
import endpoints
import hosts
import sightings

SETTLED = 0.06        # seconds after an action in which what it caused is still its own
BASE = {"ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0, "ipv4/conf/all/send_redirects": 0,
        "ipv4/conf/default/send_redirects": 0, "ipv4/icmp_ratelimit": 0, "ipv6/icmp/ratelimit": 0,
        "ipv6/conf/default/accept_dad": 0, "ipv6/conf/default/router_solicitations": 0,
        "ipv6/conf/default/accept_ra": 0}
# Since 6.5 the first SYNs follow each other faster.
if os.path.exists("/proc/sys/net/ipv4/tcp_syn_linear_timeouts"):
    BASE["ipv4/tcp_syn_linear_timeouts"] = 0
# Seconds before its end that a connection may be over where the same script takes longer.
FADING = 20


class World:
    def __init__(self, plan, director, folder):
        self.plan, self.director, self.folder = plan, director, folder
        self.prefix, self.hosts, self.watchers, self.servers, self.tunnels, self.running = f"t{os.getpid()}-", {}, {}, {}, {}, []
        self.loop = endpoints.Loop()

    def host(self, name):
        self.hosts[name] = hosts.Host(self.prefix, name)
        self.hosts[name].set(BASE)
        return self.hosts[name]

    def build(self):
        switch = self.host("switch")
        switch.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")
        names = {h["mac"]: name for name, h in self.plan["hosts"].items()}
        for name, facts in self.plan["hosts"].items():
            host = self.host(name)
            switch.ip(f"link add eth0 netns {host.space} address {facts['mac']} type veth peer name p-{name} netns {switch.space}",
                      f"link set p-{name} master br0 up")
            # A tunnel's end reads raw packets: their checksums have to be whole.
            host.run("ethtool", "-K", "eth0", "tx", "off", "gro", "off")
            host.ip("link set eth0 up", *facts["lines"])
            host.set(facts["set"])
            for port in facts["streams"]:
                self.servers[name, "tcp", port] = endpoints.StreamServer(self.loop, host, port)
            for port, addresses in facts["datagrams"]:
                self.servers[name, "udp", port] = endpoints.DatagramServer(self.loop, host, port, addresses)
            self.tunnels[name] = endpoints.TunnelEnd(host) if facts["tunnel"] else None
        self.client = clients.Client(self.loop, self.hosts["cl"])
        for name in self.plan["directors"]:
            self.start_director(name, self.plan["directors"][name])
        self.loop.run(0.5)
        for name in self.plan["watched"]:
            self.watchers[name] = sightings.Watcher(self.loop, self.hosts[name], names, self.plan["virtual"], self.tunnels[name])

    def start_director(self, name, facts):
        host = self.hosts[name]
        for command in facts["commands"]:
            host.run(*command)
        text = "".join(line + "\n" for line in facts["services"])
        if self.director == "kernel":
            host.set({f"ipv4/vs/{key}": value for key, value in facts["switches"].items()})
            host.run("ipvsadm", "-R", stdin=text)
            return
        for file, content in (("services", text), ("sysctl", "".join(f"net.ipv4.vs.{k} = {v}\n" for k, v in facts["switches"].items()))):
            with open(f"{self.folder}/{name}.{file}", "w") as f:
                f.write(content)
        control, log = self.control(name), f"{self.folder}/{name}.log"
        with open(log, "w") as f:
            process = host.start([self.director, "run", "--interface", "eth0", "--services", f"{self.folder}/{name}.services",
                                  "--sysctl", f"{self.folder}/{name}.sysctl", "--control", control, "--state", "none", *facts["options"]], f)
        self.running.append(process)
        # The socket is there before the director is; what answers there directs frames.
        end = time.monotonic() + 60
        while not self.answers(name):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{name}: svs did not start: {open(log).read()}")
            self.loop.run(0.05)

    def answers(self, name):
        words = [self.director, "adm", "--control", self.control(name), "-Ln"]
        return os.path.exists(self.control(name)) and subprocess.run(words, capture_output=True, check=False).returncode == 0

    def control(self, name):
        return f"{self.folder}/{name}.sock"

    def adm(self, name, words):
        program = ["ipvsadm"] if self.director == "kernel" else [self.director, "adm", "--control", self.control(name)]
        return self.hosts[name].run(*program, *words, check=False)

    def act(self, action):
        kind = action["do"]
        if kind in ("tcp", "udp", "ping", "more", "close"):
            return getattr(self.client, kind)(action)
        if kind == "adm":
            return self.adm(action["host"], action["line"].split()).strip() or "done"
        if kind == "run":
            return self.hosts[action["host"]].run(*action["command"], check=False).strip() or "done"
        if kind == "wait":
            self.loop.run(action["seconds"])
            return "done"
        if kind == "stop":
            self.servers.pop((action["host"], "tcp", action["port"])).close()
            return "done"
        if kind == "listen":
            self.servers[action["host"], "tcp", action["port"]] = endpoints.StreamServer(self.loop, self.hosts[action["host"]], action["port"])
            return "done"
        raise ValueError(f"no action {kind}")

    def play(self):
        happened = []
        for action in self.plan["actions"]:
            outcome = self.act(action)
            self.loop.run(action.get("settle", SETTLED))
            seen = {name: watcher.harvest() for name, watcher in self.watchers.items()}
            happened.append({"outcome": outcome, "seen": {name: lines for name, lines in seen.items() if lines}})
        return happened

    def listings(self):
        """What ipvsadm lists of each director, and the connections among it that are about to go."""
        found, fading = {}, {}
        for name in self.plan["directors"]:
            # Connections that were reset go after ten seconds, which are over sooner or later on a slow machine.
            found[f"{name} -Ln"] = [re.sub(r"\d+ *$", "", line) if "->" in line else line for line in self.adm(name, ["-Ln"]).splitlines()]
            found[f"{name} -Ln --stats"] = coarse(self.adm(name, ["-Ln", "--stats", "--exact"]).splitlines())
            listed = [line for line in self.adm(name, ["-Lnc"]).splitlines()[2:] if " CLOSE " not in line]
            found[f"{name} -Lnc"] = sorted(timeless(line) for line in listed)
            fading[name] = sorted(timeless(line) for line in listed if seconds_left(line) < FADING)
        return found, fading

    def close(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()
        for host in self.hosts.values():
            host.remove()


def timeless(line):
    return re.sub(r" +\d\d:\d\d +", " ", line)


def seconds_left(line):
    minutes, seconds = re.search(r" (\d\d):(\d\d) ", line).groups()
    return int(minutes) * 60 + int(seconds)


def coarse(lines):
    """Counters as far as they are the same in every run: how often TCP acknowledges is chance."""
    found, proto = [], ""
    for line in lines:
        words = line.split()
        if not words or not words[-1].isdigit():
            continue
        proto = words[0] if words[0] != "->" else proto
        numbers = [int(w) for w in words[-5:]]
        if proto != "UDP":
            numbers = numbers[:1] + ["some" if n else 0 for n in numbers[1:]]
        found.append(" ".join(words[:-5] + [str(n) for n in numbers]))
    return found


def main():
    # Whoever ends this process early has its hosts removed all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = json.load(open(sys.argv[1]))
    folder = tempfile.mkdtemp(prefix="topology.", dir="/run")
    world = World(plan, sys.argv[3], folder)
    try:
        world.build()
        result = {"actions": world.play()}
        # The kernel adds its counters up every two seconds.
        world.loop.run(2.2)
        result["listings"], result["fading"] = world.listings()
        with open(sys.argv[2], "w") as f:
            json.dump(result, f, indent=1)
    finally:
        world.close()
        for name in plan["directors"]:
            if os.path.exists(f"{folder}/{name}.log") and "-v" in sys.argv:
                print(open(f"{folder}/{name}.log").read())
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
