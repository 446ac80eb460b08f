"""Programs on the hosts, all in one loop: servers that say who they are and whom they see, the far ends of tunnels."""
import fcntl
import os
import selectors
import socket
import struct
import time

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
    """Takes IP in IP, GRE and GUE packets apart on a host whose kernel may know none of them: what was inside comes in
    through a TUN device."""

    def __init__(self, loop, host):
        self.sockets = []
        with host.inside():
            self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", b"tunnels", IFF_TUN | IFF_NO_PI))
            for where, proto, skip in ((socket.AF_INET, 4, 20), (socket.AF_INET, 41, 20), (socket.AF_INET, 47, 20),
                                       (socket.AF_INET6, 4, 0), (socket.AF_INET6, 41, 0), (socket.AF_INET6, 47, 0)):
                one = socket.socket(where, socket.SOCK_RAW, proto)
                self.listen(loop, one, self.gre if proto == 47 else bytes, skip)
            one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            one.bind(("::", GUE_PORT))
            self.listen(loop, one, lambda data: data[4 + (data[0] & 0x1F) * 4:], 0)
        host.ip("link set tunnels up mtu 65535")

    def listen(self, loop, one, inner, skip):
        one.setblocking(False)
        self.sockets.append(one)
        loop.add(one, lambda: self.take(one, inner, skip))

    def take(self, one, inner, skip):
        try:
            while True:
                os.write(self.device, inner(one.recv(70000)[skip:]))
        except (BlockingIOError, OSError):
            pass

    @staticmethod
    def gre(data):
        return data[4 + sum(4 for bit in (0x80, 0x20, 0x10) if data[0] & bit):]
