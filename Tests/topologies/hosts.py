"""Hosts as network namespaces of this machine, or of a guest: one process opens sockets in all of them."""
import contextlib
import ctypes
import itertools
import os
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def change_namespace(file):
    if LIBC.setns(file, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Host:
    """One namespace, `prefix` before its name keeping runs apart."""

    def __init__(self, prefix, name):
        self.name, self.space = name, prefix + name
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        self.file = os.open(f"/run/netns/{self.space}", os.O_RDONLY | os.O_CLOEXEC)
        self.ip("link set lo up")

    @contextlib.contextmanager
    def inside(self):
        """Sockets that are opened within belong to this host."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        change_namespace(self.file)
        try:
            yield
        finally:
            change_namespace(home)
            os.close(home)

    def run(self, *words, check=True, stdin=None):
        """The program's output, standard error behind it."""
        done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              preexec_fn=lambda: change_namespace(self.file))
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: {done.stdout.strip()}")
        return done.stdout

    def start(self, words, log):
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=lambda: change_namespace(self.file))

    def ip(self, *lines):
        """`ip` commands; runs of those with and without -6 in one go."""
        for six, some in itertools.groupby(lines, lambda line: line.startswith("-6 ")):
            self.run("ip", *["-6"] * six, "-batch", "-", stdin="".join(f"{line.removeprefix('-6 ')}\n" for line in some))

    def set(self, settings):
        """Values under /proc/sys/net, which is that of whoever opens it."""
        with self.inside():
            for path, value in settings.items():
                with open(f"/proc/sys/net/{path}", "w") as f:
                    f.write(str(value))

    def remove(self):
        os.close(self.file)
        subprocess.run(["ip", "netns", "del", self.space], check=False)
