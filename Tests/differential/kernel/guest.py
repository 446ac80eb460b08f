"""Runs a director host inside User-Mode Linux."""
import os
import subprocess
import tempfile
import zlib

HERE = os.path.dirname(os.path.realpath(__file__))
RESULTS = ("raw.pcap", "times.txt", "guest.log", "dmesg.txt", "ln.txt", "stats.txt", "rate.txt", "conns.txt",
           "persistent.txt", "thresholds.txt")


class Failure(Exception):
    """The guest did not do what it was told."""


def built(name):
    """A program of the guest's, kept for each state of its source."""
    source, folder = f"{HERE}/{name}.c", f"{HERE}/.build"
    if not os.access(HERE, os.W_OK):
        folder = f"{tempfile.gettempdir()}/svs-kernel-{os.getuid()}"
    with open(source, "rb") as text:
        program = f"{folder}/{name}-{zlib.crc32(text.read()):08x}"
    if not os.path.exists(program):
        os.makedirs(folder, exist_ok=True)
        fresh = f"{program}.{os.getpid()}"
        subprocess.run(["gcc", "-O2", "-static", "-o", fresh, source], check=True)
        os.replace(fresh, program)
    return program


def has_virtual_time(kernel):
    """Whether a UML binary can let its clock jump over waits."""
    shown = subprocess.run([kernel, "--showconfig"], capture_output=True, text=True).stdout
    return "CONFIG_UML_TIME_TRAVEL_SUPPORT=y" in shown


def run(kernel, script, files, out, timeout=120):
    """Boots `kernel`, runs `script` with `files` ({name: path}) beside it and copies its results to the folder `out`.
    Returns the guest's log."""
    for name in os.listdir(out):
        if os.path.isfile(f"{out}/{name}"):
            os.unlink(f"{out}/{name}")
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="oracle.") as folder:
        for name, path in {**files, "inject": built("inject"), "insert": built("insert")}.items():
            with open(path, "rb") as source, open(f"{folder}/{name}", "wb") as copy:
                copy.write(source.read())
        for name in ("inject", "insert"):
            os.chmod(f"{folder}/{name}", 0o755)
        with open(f"{folder}/guest.sh", "w") as f:
            f.write(script)
        command = [kernel, "mem=192M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={HERE}/guest-init.sh",
                   f"ORACLE_DIR={folder}", "con=null", "con0=fd:0,fd:1", f"uml_dir={folder}/", "umid=uml", "quiet",
                   "loglevel=3", "panic=-1"]
        if has_virtual_time(kernel):
            command += ["time-travel=inf-cpu", "time-travel-start=1700000000000000000"]
        environment = {"PATH": os.environ["PATH"], "TMPDIR": shm or "/tmp", "HOME": folder}
        try:
            console = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     timeout=timeout, env=environment).stdout
        except subprocess.TimeoutExpired as late:
            console = (late.stdout or b"") + b"\noracle: timed out\n"
        with open(f"{out}/console.log", "wb") as f:
            f.write(console)
        for name in RESULTS:
            if os.path.exists(f"{folder}/{name}"):
                with open(f"{folder}/{name}", "rb") as source, open(f"{out}/{name}", "wb") as copy:
                    copy.write(source.read())
    log = open(f"{out}/guest.log").read() if os.path.exists(f"{out}/guest.log") else ""
    if "INJECTED" not in log or "DONE" not in log or " FAILED" in log:
        raise Failure(log[-2000:] + console.decode(errors="replace")[-1000:])
    return log
