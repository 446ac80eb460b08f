"""Programs on the hosts, all in one loop: servers that say who they are and whom they see, the far ends of tunnels."""
import fcntl
import os
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../differential"))
from kernel import packets  # noqa: E402

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
GUE_PORT = 6080


class Loop:
    def __init__(self):
        self.selector = selectors.DefaultSelector()

    def add(self, file, callback, writable=False):
        self.selector.register(file, selectors.EVENT_WRITE if writable else selectors.EVENT_READ, callback)

    def drop(self, file):
        self.selector.unregister(file)

    def run(self, seconds, done=lambda: False):
        """Until `done()` or the time is over; -> whether it was done."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self.selector.select(left):
                key.data()
        return True


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class StreamServer:
    """Answers each line with the host's name, the peer's address and the line's length. A line that ends in `!` is the
    last: the server closes first."""

    def __init__(self, loop, host, port):
        self.loop, self.host = loop, host
        with host.inside():
            self.listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("::", port))
            self.listener.listen(50)
        self.listener.setblocking(False)
        loop.add(self.listener, self.accept)

    def accept(self):
        try:
            connection, peer = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        state = bytearray()
        self.loop.add(connection, lambda: self.read(connection, peer[0].removeprefix("::ffff:"), state))

    def read(self, connection, peer, state):
        try:
            data = connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        state += data
        while b"\n" in state:
            line, _, rest = bytes(state).partition(b"\n")
            state[:] = rest
            try:
                connection.send(f"{self.host.name} sees {peer}, {len(line)} bytes\n".encode())
            except OSError:
                data = b""
            if line.endswith(b"!"):
                data = b""
        if not data:
            self.loop.drop(connection)
            connection.close()

    def close(self):
        self.loop.drop(self.listener)
        self.listener.close()


class DatagramServer:
    """Answers each datagram in the same way, under the address that it was sent to."""

    def __init__(self, loop, host, port, addresses):
        self.loop, self.host, self.sockets = loop, host, []
        with host.inside():
            for address in addresses:
                one = socket.socket(family(address), socket.SOCK_DGRAM)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((address, port))
                one.setblocking(False)
                self.sockets.append(one)
        for one in self.sockets:
            loop.add(one, lambda one=one: self.answer(one))

    def answer(self, one):
        try:
            data, peer = one.recvfrom(1 << 16)
            one.sendto(f"{self.host.name} sees {peer[0]}, {len(data)} bytes".encode(), peer)
        except OSError:
            pass

    def close(self):
        for one in self.sockets:
            self.loop.drop(one)
            one.close()


class TunnelEnd:
    """Takes IP in IP, GRE and GUE packets apart on a host whose kernel may or may not know them, and is kept from saying
    so: what was inside comes in through a TUN device."""

    def __init__(self, host):
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            for match in (["-p", "4"], ["-p", "41"], ["-p", "47"], ["-p", "udp", "--dport", str(GUE_PORT)]):
                host.run(tool, "-A", "INPUT", *match, "-j", "DROP")
        with host.inside():
            self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", b"tunnels", IFF_TUN | IFF_NO_PI))
        host.ip("link set tunnels up mtu 65535")

    def take(self, packet):
        """A parsed packet that the host's wire brought."""
        tunnel = packets.tunnel_inner(packet)
        if tunnel and tunnel[1].get("src"):
            os.write(self.device, tunnel[1]["raw"])
