"""What the client does: each request has a number, which is its port, and ends in one sentence."""
import errno
import os
import socket
import struct
import sys
import time

import endpoints

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../differential"))
import frames  # noqa: E402

SILENCE = 1.6        # seconds without an answer that count as silence
NAMES = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "host unreachable", errno.ENETUNREACH: "network unreachable",
         errno.ECONNRESET: "reset", errno.EACCES: "prohibited", errno.ENOPROTOOPT: "protocol unreachable",
         errno.EMSGSIZE: "too long", errno.EPIPE: "reset"}


class Client:
    def __init__(self, loop, host):
        self.loop, self.host, self.kept = loop, host, {}

    def open(self, kind, action):
        with self.host.inside():
            one = socket.socket(endpoints.family(action["to"]), kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setblocking(False)
        one.bind((action["from"], action["sport"]))
        return one

    def tcp(self, action):
        """Connects, sends a line and reads the answer. With `keep` the connection stays for `more` and `close`."""
        began, patience = time.monotonic(), action.get("patience", SILENCE)
        try:
            one = self.open(socket.SOCK_STREAM, action)
            outcome = self.connected(one, action, patience)
        except OSError as wrong:
            return self.sentence(wrong, began)
        if outcome is None:
            outcome = self.exchange(one, action["size"], patience, last=action.get("closer") == "server")
        if action.get("keep") and "sees" in outcome:
            self.kept[action["keep"]] = one
        else:
            self.close_socket(one, action.get("closer"))
        return self.timed(outcome, began)

    def connected(self, one, action, patience):
        """`None`, or why not."""
        code = one.connect_ex((action["to"], action["port"]))
        if code == errno.EINPROGRESS:
            if not self.wait(one, patience, writable=True):
                return "silence"
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return NAMES.get(code, os.strerror(code)) if code else None

    def exchange(self, one, size, patience, last=False):
        data = b"x" * max(size - 1, 0) + (b"!\n" if last else b"x\n")
        answer, end = b"", time.monotonic() + patience
        try:
            while data or not answer.endswith(b"\n"):
                left = end - time.monotonic()
                if left <= 0 or not self.wait(one, left, writable=bool(data)):
                    return "silence after connecting"
                if data:
                    data = data[one.send(data):]
                else:
                    more = one.recv(4096)
                    if not more:
                        return "closed"
                    answer += more
        except OSError as wrong:
            return NAMES.get(wrong.errno, str(wrong))
        return answer.decode().strip()

    def more(self, action):
        one = self.kept.get(action["keep"])
        return self.exchange(one, action["size"], SILENCE) if one else "was not open"

    def close(self, action):
        one = self.kept.pop(action["keep"], None)
        if one:
            self.close_socket(one, action.get("closer"))
        return "closed" if one else "was not open"

    @staticmethod
    def close_socket(one, closer):
        if closer == "reset":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()

    def udp(self, action):
        began = time.monotonic()
        try:
            with self.open(socket.SOCK_DGRAM, action) as one:
                one.connect((action["to"], action["port"]))
                one.send(b"x" * action["size"])
                if not self.wait(one, action.get("patience", SILENCE / 2)):
                    return "silence"
                return self.timed(one.recv(4096).decode(), began)
        except OSError as wrong:
            return self.sentence(wrong, began)

    def ping(self, action):
        """An echo request; what comes back is among the sightings."""
        six = ":" in action["to"]
        with self.host.inside():
            one = socket.socket(endpoints.family(action["to"]), socket.SOCK_RAW, 58 if six else 1)
        with one:
            one.bind((action["from"], 0))
            message = frames.icmp(action["from"], action["to"], 128 if six else 8, 0, action["sport"] << 16 | 1, bytes(action["size"]))
            try:
                one.sendto(message, (action["to"], 0))
            except OSError as wrong:
                return NAMES.get(wrong.errno, str(wrong))
        self.loop.run(action.get("patience", 0.15))
        return "sent"

    def wait(self, one, seconds, writable=False):
        """Runs everybody else until a socket is ready."""
        ready = []
        self.loop.add(one, lambda: ready.append(one), writable)
        try:
            return self.loop.run(seconds, lambda: bool(ready))
        finally:
            self.loop.drop(one)

    def sentence(self, wrong, began):
        return self.timed(NAMES.get(wrong.errno, f"{wrong.strerror}"), began)

    @staticmethod
    def timed(outcome, began):
        """Beside silence, whether it took as long as a neighbour is asked for. An error that comes at once may find the socket
        in use, and counts when the next segment has caused another one."""
        seconds = time.monotonic() - began
        if outcome.startswith("silence") or seconds < 1.6:
            return outcome
        return f"{outcome} after two seconds"
