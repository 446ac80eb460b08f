"""terminal.py ROWS COLUMNS SCRIPT COMMAND...: runs a command in a pseudo terminal and does what the script's words say, in order:

    wait:TEXT     until the screen shows it (at most 20 s)
    keys:TEXT     types
    size:R,C      another size
    signal:NAME   to the command
    show:FILE     the screen as lines into a file

Then it waits for the end of the command, and prints its exit status and whether the terminal is as it was: its settings, its cursor,
and its first page. Understands what svs top writes and no more."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

rows, columns, script, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split("|"), sys.argv[4:]
master, slave = pty.openpty()


def resize(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(rows, columns)
before = termios.tcgetattr(slave)
process = os.fork()
if process == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(slave, descriptor)
    os.execvp(command[0], command)

output = ""
status = None


def pump(seconds):
    """Takes what the command writes; false at the end of the time."""
    global output
    if not select.select([master], [], [], seconds)[0]:
        return False
    output += os.read(master, 65536).decode(errors="replace")
    return True


def ended():
    global status
    if status is None:
        pid, code = os.waitpid(process, os.WNOHANG)
        status = code if pid else None
    return status is not None


def screen():
    """The lines that were drawn last."""
    drawn = output.split("\x1b[H")[-1].split("\x1b[J")[0]
    return [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", line) for line in drawn.split("\n")]


def fail(words):
    print(f"{words}; the screen:\n" + "\n".join(screen()))
    if not ended():
        os.kill(process, signal.SIGKILL)
    sys.exit(1)


for word in filter(None, script):
    what, _, text = word.partition(":")
    if what == "wait":
        end = time.monotonic() + 20
        while not ("\x1b[J" in output and any(text in line for line in screen())):
            if time.monotonic() > end or (ended() and not pump(0.2)):
                fail(f"waited in vain for '{text}'")
            pump(0.2)
    elif what == "keys":
        output = ""
        os.write(master, text.encode().decode("unicode_escape").encode())
    elif what == "size":
        output = ""
        resize(*map(int, text.split(",")))
    elif what == "signal":
        os.kill(process, getattr(signal, text))
    elif what == "show":
        with open(text, "w", encoding="utf-8") as file:
            file.write("\n".join(screen()) + "\n")
end = time.monotonic() + 20
while not ended():
    if time.monotonic() > end:
        fail("it does not end")
    pump(0.1)
while pump(0.1):
    pass
kept = termios.tcgetattr(slave) == before
back = output.rstrip("\r\n").find("\x1b[?1049l") >= 0 and output.find("\x1b[?25h") >= 0
print(os.waitstatus_to_exitcode(status), "settings kept" if kept else "settings lost", "first page" if back else "other page")
