"""Runs a director host inside User-Mode Linux."""
import glob
import os
import signal
import subprocess
import tempfile
import zlib

HERE = os.path.dirname(os.path.realpath(__file__))
RESULTS = ("raw.pcap", "times.txt", "sent.txt", "guest.log", "dmesg.txt", "ln.txt", "stats.txt", "rate.txt",
           "conns.txt", "conn_sync.txt", "persistent.txt", "thresholds.txt")
PROGRAMS = ("inject", "insert", "gate.so")
MEMORY = 192 << 20


class Failure(Exception):
    """The guest did not do what it was told."""


def built(name):
    """A program of the guest's, or a NAME.so to preload, kept for each state of its sources."""
    source, folder = f"{HERE}/{name.removesuffix('.so')}.c", f"{HERE}/.build"
    if not os.access(HERE, os.W_OK):
        folder = f"{tempfile.gettempdir()}/svs-kernel-{os.getuid()}"
    state, kind = 0, ["-shared", "-fPIC"] if name.endswith(".so") else ["-static"]
    for part in [source] + sorted(glob.glob(f"{HERE}/*.h")):
        with open(part, "rb") as text:
            state = zlib.crc32(text.read(), state)
    program = f"{folder}/{state:08x}-{name}"
    if not os.path.exists(program):
        os.makedirs(folder, exist_ok=True)
        # Threads and processes that come at the same time each make their own, and the last one stays.
        handle, fresh = tempfile.mkstemp(prefix=f"{name}.", dir=folder)
        os.close(handle)
        subprocess.run(["gcc", "-O2", *kind, "-o", fresh, source], check=True)
        os.chmod(fresh, 0o755)
        os.replace(fresh, program)
    return program


def has_virtual_time(kernel):
    """Whether a UML binary can let its clock jump over waits."""
    shown = subprocess.run([kernel, "--showconfig"], capture_output=True, text=True).stdout
    return "CONFIG_UML_TIME_TRAVEL_SUPPORT=y" in shown


def memory_folder():
    """Where the guest's memory lies: in RAM if there is room for several guests and programs may run there."""
    try:
        shm = os.statvfs("/dev/shm")
        if shm.f_bavail * shm.f_frsize > 6 * MEMORY and not shm.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    except OSError:
        pass
    return tempfile.gettempdir()


def furnish(folder, script, files={}, programs=PROGRAMS):
    """Lays `script` into a guest's folder, with `files` ({name: path}) and `programs` beside it."""
    for name, path in {**files, **{name: built(name) for name in programs}}.items():
        with open(path, "rb") as source, open(f"{folder}/{name}", "wb") as copy:
            copy.write(source.read())
    for name in programs:
        os.chmod(f"{folder}/{name}", 0o755)
    with open(f"{folder}/guest.sh", "w") as f:
        f.write(script)


def boot(kernel, folder):
    """The command that boots a guest which runs the script of that folder."""
    return [kernel, f"mem={MEMORY >> 20}M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={HERE}/guest-init.sh",
            f"ORACLE_DIR={folder}", "con=null", "con0=fd:0,fd:1", f"uml_dir={folder}/", "umid=uml", "quiet", "loglevel=3", "panic=-1"]


def run(kernel, script, files, out, timeout=120, programs=PROGRAMS, results=RESULTS, marks=("INJECTED", "DONE")):
    """Boots `kernel`, runs `script` with `files` ({name: path}) and `programs` beside it and copies its `results` to the
    folder `out`. Returns the guest's log, in which a good end has left its `marks`."""
    for name in os.listdir(out):
        if os.path.isfile(f"{out}/{name}"):
            os.unlink(f"{out}/{name}")
    with tempfile.TemporaryDirectory(prefix="oracle.") as folder:
        furnish(folder, script, files, programs)
        command = boot(kernel, folder)
        if has_virtual_time(kernel):
            command += ["time-travel=inf-cpu", "time-travel-start=1700000000000000000"]
        environment = {"PATH": os.environ["PATH"], "TMPDIR": memory_folder(), "HOME": folder}
        # A session of its own: the kernel's helper processes go with it when it does not end by itself.
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=environment, start_new_session=True)
        try:
            console = guest.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(guest.pid, signal.SIGKILL)
            console = guest.communicate()[0] + b"\noracle: timed out\n"
        except BaseException:
            os.killpg(guest.pid, signal.SIGKILL)
            raise
        with open(f"{out}/console.log", "wb") as f:
            f.write(console)
        for name in results:
            if os.path.exists(f"{folder}/{name}"):
                with open(f"{folder}/{name}", "rb") as source, open(f"{out}/{name}", "wb") as copy:
                    copy.write(source.read())
    log = open(f"{out}/guest.log").read() if os.path.exists(f"{out}/guest.log") else ""
    if any(mark not in log for mark in marks) or " FAILED" in log:
        raise Failure(log[-2000:] + console.decode(errors="replace")[-1000:])
    return log
