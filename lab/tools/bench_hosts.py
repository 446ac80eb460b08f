"""The hosts of lab/bench: network namespaces, the processes in them, and where they run. All of it ends with its `with`."""
import json
import os
import signal
import subprocess
import time

DIRECTOR = "02:00:00:00:00:01"
MACS = ("02:00:00:00:01:00", "02:00:00:00:01:01")


class Failure(Exception):
    pass


def wait(condition, what, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(0.05)


def prefer(pid):
    """Puts a process before others: what is measured shall not be how often it was interrupted."""
    os.setpriority(os.PRIO_PROCESS, pid, -15)
    try:
        with open(f"/proc/{pid}/autogroup", "w") as file:
            file.write("-15")
    except OSError:
        pass


def tasks(pid):
    """The threads of a process and of its children."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        found.append(task)
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in file.read().split():
                found += tasks(child)
    return found


class Lab:
    """Hosts that can be entered by name; the director's and everybody else's processors."""

    names = ()

    def __init__(self, svs, scratch):
        self.program, self.scratch, self.processes, self.changes = svs, scratch, [], []
        self.interface = f"b{os.getpid()}"
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            raise SystemExit("lab/bench: one processor is not enough: the director needs one of its own")
        self.others, self.own = cpus[0], cpus[-1]

    def space(self, name):
        return f"svs-{self.interface}-{name}"

    def do(self, name, command, text=None):
        ran = subprocess.run(["ip", "netns", "exec", self.space(name), "sh", "-c", command], input=text, capture_output=True, text=True)
        if ran.returncode:
            raise Failure(f"{name}: {command}: {ran.stderr.strip()}")
        return ran.stdout

    def change(self, command, back, text=None):
        """Changes something of the director until `put_back`."""
        self.do("director", command, text)
        self.changes.append(back)

    def put_back(self):
        while self.changes:
            self.do("director", self.changes.pop())

    def run(self, *words):
        subprocess.run(words, check=True, capture_output=True)

    def __enter__(self):
        for name in self.names:
            self.run("ip", "netns", "add", self.space(name))
            self.do(name, "ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.conf.all.rp_filter=0 "
                    "net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0")
        self.build()
        return self

    def __exit__(self, *_):
        self.end_processes()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True)

    def plug(self, name, interface, mac, peer, peer_name):
        self.run("ip", "link", "add", interface, "netns", self.space(name), "address", mac, "type", "veth", "peer", "name", peer_name,
                 "netns", self.space(peer))
        self.do(name, f"ip link set {interface} up; ethtool -K {interface} gro on")
        self.do(peer, f"ip link set {peer_name} up")

    def pin(self, name, interface, cpu):
        """Has a kernel thread receive for an interface, on one processor."""
        self.do(name, f"echo 1 > /sys/class/net/{interface}/threaded")
        for task in self.receivers(interface):
            os.sched_setaffinity(int(task), {cpu})
            prefer(int(task))

    def receivers(self, interface=None):
        """The kernel threads that receive for an interface."""
        wanted, found = f"napi/{interface or self.interface}-", []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    if file.read().startswith(wanted[:15]):
                        found.append(pid)
            except OSError:
                continue
        return found

    def tool(self, name):
        return os.path.join(self.scratch, f"bench-{name}")

    def spawn(self, name, *words, spread=False):
        """Starts a process; the director's has its own processor, or both where it spreads itself."""
        cpu = self.own if name == "director" else self.others
        if spread:
            cpu = f"{self.others},{self.own}"
        log = open(os.path.join(self.scratch, "log"), "w")
        process = subprocess.Popen(["ip", "netns", "exec", self.space(name), "taskset", "-c", str(cpu), *words],
                                   stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        prefer(process.pid)
        self.processes.append((name, process))
        return process

    def end_processes(self, but=()):
        for name, process in self.processes:
            if name not in but:
                process.send_signal(signal.SIGTERM)
        for name, process in self.processes:
            if name not in but:
                process.wait()
        self.processes = [one for one in self.processes if one[0] in but]

    def asked(self, name, *words):
        """What a tool answers that runs beside the director."""
        asking = subprocess.Popen(["ip", "netns", "exec", self.space(name), "taskset", "-c", str(self.others), *map(str, words)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        prefer(asking.pid)
        answer, complaint = asking.communicate()
        if asking.returncode:
            raise Failure(complaint.strip() or f"{words[0]} failed")
        return json.loads(answer)

    def svs(self, services, *options, spread=False):
        """A director with these services, when it answers; its threads."""
        file, control = os.path.join(self.scratch, "services"), os.path.join(self.scratch, "control")
        with open(file, "w") as out:
            out.write(services)
        process = self.spawn("director", self.program, "run", "--services", file, "--interface", self.interface, "--control", control,
                             "--own", "all", *options, spread=spread)
        def answers():
            if process.poll() is not None:
                with open(os.path.join(self.scratch, "log")) as log:
                    raise Failure(log.read().strip())
            return os.path.exists(control) and subprocess.run(
                [self.program, "adm", "-Ln"], env=dict(os.environ, SVS_CONTROL=control), capture_output=True).returncode == 0
        wait(answers, "svs to answer")
        return tasks(process.pid)

    def listens(self, name, port):
        return self.do(name, f"ss -Hltn 'sport = :{port}'") != ""


class Wire(Lab):
    """A client's interface and the director's, one wire, and servers that need not be there."""

    names = ("client", "director")

    def __init__(self, svs, scratch, servers):
        super().__init__(svs, scratch)
        self.servers = servers

    def build(self):
        client = f"c{os.getpid()}"
        self.client = client
        self.plug("director", self.interface, DIRECTOR, "client", client)
        # What a socket sends reaches the other end's receiving thread only where its interface does not segment.
        self.do("director", f"ethtool -K {self.interface} tso off")
        self.do("client", f"ethtool -K {client} gro on tso off; echo 100000 > /sys/class/net/{client}/napi_defer_hard_irqs; "
                f"echo 50000 > /sys/class/net/{client}/gro_flush_timeout")
        self.do("director", f"ip address add 10.255.0.1/24 dev {self.interface}")
        for server, mac in zip(self.servers, MACS):
            self.do("director", f"ip neigh replace {server} lladdr {mac} dev {self.interface} nud permanent")
        self.pin("director", self.interface, self.own)
        self.pin("client", client, self.others)

    def load(self, frames, flows, length, mode, seconds, counted):
        return self.asked("client", self.tool("load"), self.client, frames, flows, length, mode, seconds, *counted)


class Network(Lab):
    """A client, a director and a server on one wire, with a web server of its own."""

    names = ("wire", "client", "director", "server")
    servers = ("10.255.0.2",)
    MEGABYTES = 64

    def __init__(self, svs, scratch, vip):
        super().__init__(svs, scratch)
        self.vip = vip

    def build(self):
        self.do("wire", "ip link add br0 type bridge; ip link set br0 up")
        for place, (name, address) in enumerate((("client", 9), ("director", 1), ("server", 2))):
            interface = self.interface if name == "director" else "eth0"
            self.plug(name, interface, DIRECTOR if name == "director" else f"02:00:00:00:02:0{place}", "wire", f"w{place}")
            self.do("wire", f"ip link set w{place} master br0; ethtool -K w{place} tso {'off' if name == 'director' else 'on'}")
            if name == "director":
                # What becomes of a frame behind the director's interface, up to the server's TCP, is none of its processor's work.
                self.do("wire", f"echo {1 << self.others:x} > /sys/class/net/w{place}/queues/rx-0/rps_cpus")
            self.do(name, f"ip address add 10.255.0.{address}/24 dev {interface}; sysctl -qw net.ipv4.ip_local_port_range='1024 65000'")
        self.do("client", f"ip route add {self.vip}/32 via 10.255.0.1")
        self.do("director", "sysctl -qw net.ipv4.ip_forward=1")
        # Two ways back: past the director, and by it where it translates.
        self.do("server", f"sysctl -qw net.ipv4.conf.all.arp_ignore=1; ip address add {self.vip}/32 dev lo; ip rule add from 10.255.0.2 "
                "ipproto tcp sport 80 lookup 100; ip route add 10.255.0.1 dev eth0 table 100; ip route add default via 10.255.0.1 table 100")
        self.pin("director", self.interface, self.own)
        self.web()

    def web(self):
        with open(os.path.join(self.scratch, "large"), "wb") as file:
            file.truncate(self.MEGABYTES << 20)
        path = os.path.join(self.scratch, "web.conf")
        with open(path, "w") as file:
            file.write(f"user root; worker_processes 1; daemon off; pid {self.scratch}/web.pid; error_log stderr;\n"
                       "events { worker_connections 4096; }\nhttp { access_log off; keepalive_timeout 0; server { listen 80 backlog=4096; "
                       f"root {self.scratch}; location = / {{ return 200 x; }} }} }}\n")
        self.spawn("server", "nginx", "-e", "stderr", "-c", path)
        wait(lambda: self.listens("server", 80), "nginx to listen")

    def end_processes(self, but=("server",)):
        super().end_processes(but)

    def __exit__(self, *about):
        super().end_processes()
        super().__exit__(*about)

    def connect(self, vip, seconds, counted):
        return self.asked("client", self.tool("connect"), vip, 80, seconds, 64, *counted)

    def download(self, vip, counted):
        """What a gigabyte costs, measured on a smaller file."""
        before = spent(counted)
        self.do("client", f"taskset -c {self.others} curl -gsS --max-time 60 -o /dev/null http://{vip}/large")
        return {"ns": (spent(counted) - before) * 1000 / (self.MEGABYTES * 1.048576)}


def spent(counted):
    """Nanoseconds on a processor so far."""
    total = 0
    for task in counted:
        with open(f"/proc/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total
