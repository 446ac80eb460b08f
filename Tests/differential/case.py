"""A case: one director host and what reaches it in order, as a folder of files."""
import os

import realtime
from kernel import host, packets


class Case:
    """`services`, `marks`, `marks6`, `sysctl` are lines of the files of that name; `events` are ("frame", microseconds,
    bytes) and ("edit", ipvsadm arguments) in the order in which they happen."""

    def __init__(self, services=(), marks=(), marks6=(), sysctl=(), events=(), about=""):
        self.services, self.marks, self.marks6 = list(services), list(marks), list(marks6)
        self.sysctl, self.events, self.about = list(sysctl), list(events), about

    def copy(self, **changes):
        return Case(**{**self.__dict__, **changes})

    @property
    def frames(self):
        return [e for e in self.events if e[0] == "frame"]

    @property
    def edits(self):
        """Lines `INDEX: ARGUMENTS`; what follows the last frame is left out."""
        lines, index, last = [], 0, len(self.frames)
        for event in self.events:
            if event[0] == "frame":
                index += 1
            elif index < last:
                lines.append(f"{index}: {event[1]}")
        return lines

    @property
    def host(self):
        return host.Host(self.services, self.edits, self.marks, self.marks6)

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        files = {"services": self.services, "network": self.host.network(), "marks": self.marks, "marks6": self.marks6,
                 "sysctl": self.sysctl, "edits": self.edits, "about": [self.about], "opts": [f"--realtime --linger {round(realtime.LINGER * 1000)}"]}
        for name, lines in files.items():
            path = os.path.join(folder, name)
            if lines or name == "services":
                with open(path, "w") as f:
                    f.write("".join(line + "\n" for line in lines))
            elif os.path.exists(path):
                os.unlink(path)
        packets.write_pcap(os.path.join(folder, "in.pcap"),
                           [(t // 1000000, t % 1000000, frame) for _, t, frame in self.frames])

    @classmethod
    def read(cls, folder):
        def lines(name):
            path = os.path.join(folder, name)
            return open(path).read().splitlines() if os.path.exists(path) else []
        edits = {}
        for line in lines("edits"):
            if line.strip() and not line.startswith("#"):
                index, _, arguments = line.partition(":")
                edits.setdefault(int(index), []).append(("edit", arguments.strip()))
        events = []
        for i, (sec, usec, frame) in enumerate(packets.read_pcap(os.path.join(folder, "in.pcap"))):
            events += edits.pop(i, []) + [("frame", sec * 1000000 + usec, frame)]
        return cls(lines("services"), lines("marks"), lines("marks6"), lines("sysctl"), events, " ".join(lines("about")))
