"""What a process costs, read from the kernel: CPU, memory, bytes written, fdatasync, the device."""

import os
import platform
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""What /proc/PID/stat counts CPU in."""

LOOP_IMAGE_BYTES: Final = 768 << 20
"""Size of the file behind the loop device; sparse."""

_SECTOR_BYTES = 512
_WAIT_S = 10
_FLUSH_EVERY_S = 0.05


def tree(pid: int) -> list[int]:
    """List a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


class Cpu:
    """CPU of a process tree since it was made, in nanoseconds.

    From the scheduler's own sum per thread (nanoseconds) and from utime+stime (ticks, but with
    the threads that have ended): whichever is more, less the tick that the latter may be off by.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = self._read()

    def _read(self) -> tuple[int, int]:
        scheduled = ticks = 0
        for pid in tree(self._pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
                for task in Path(f"/proc/{pid}/task").iterdir():
                    scheduled += int((task / "schedstat").read_text().split()[0])
            except OSError:  # ended meanwhile, or a kernel without schedstat
                continue
        return scheduled, ticks * TICK_NS

    def used_ns(self) -> int:
        scheduled, ticked = (
            now - then for now, then in zip(self._read(), self._began, strict=True)
        )
        if scheduled <= 0:
            return ticked
        return max(scheduled, ticked - TICK_NS)


def _rollup(pid: int) -> str:
    return Path(f"/proc/{pid}/smaps_rollup").read_text()


def pss_bytes(pid: int) -> int:
    """Sum the proportional share of memory over a process tree."""
    total = 0
    for one in tree(pid):
        match = re.search(r"^Pss:\s+(\d+) kB", _rollup(one), re.MULTILINE)
        total += int(match[1]) * 1024 if match else 0
    return total


def rss_bytes(pid: int) -> int:
    """Sum the resident memory over a process tree: what is shared with others counts in full."""
    total = 0
    for one in tree(pid):
        match = re.search(r"^Rss:\s+(\d+) kB", _rollup(one), re.MULTILINE)
        total += int(match[1]) * 1024 if match else 0
    return total


def written_bytes(pid: int) -> int:
    """Sum what a process tree had the kernel write back (/proc/PID/io)."""
    total = 0
    for one in tree(pid):
        match = re.search(r"^write_bytes: (\d+)", Path(f"/proc/{one}/io").read_text(), re.MULTILINE)
        total += int(match[1]) if match else 0
    return total


class SyncCount:
    """Counts fdatasync and fsync of a process while open; `how` says by what, "" if it cannot.

    perf counts without slowing the process; strace slows it, but counts alike.
    """

    def __init__(self, pid: int, folder: Path) -> None:
        self.how = ""
        self._out = Path(tempfile.mkstemp(dir=folder, prefix="syncs-")[1])
        self._process: subprocess.Popen[bytes] | None = None
        perf = "perf stat -x, -e syscalls:sys_enter_fdatasync,syscalls:sys_enter_fsync -o"
        for how, command in (
            ("perf", [*perf.split(), str(self._out), "-p", str(pid)]),
            ("strace", f"strace -f -c -e trace=fdatasync,fsync -o {self._out} -p {pid}".split()),
        ):
            if shutil.which(how) and self._start(command):
                self.how = how
                return

    def _start(self, command: list[str]) -> bool:
        # the children's group is their own: Ctrl-C is for the bench, which ends them
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._process.wait(0.7)  # one that may not look says so at once
        except subprocess.TimeoutExpired:
            return True
        return False

    def close(self) -> int | None:
        """Stop counting; None when nothing could."""
        if self._process is None or not self.how:
            return None
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        text = self._out.read_text()
        if self.how == "perf":
            counts = re.findall(r"^(\d+),,syscalls:", text, re.MULTILINE)
        else:
            counts = re.findall(
                r"^\s*\S+\s+\S+\s+\S+\s+(\d+)\s.*f(?:data)?sync$", text, re.MULTILINE
            )
        return sum(map(int, counts)) if counts else None


class Disk:
    """Where data is kept while bytes are counted, and what went to the device below it."""

    def __init__(self, folder: Path, stat: Path | None) -> None:
        self.folder = folder
        self._stat = stat

    @property
    def is_device(self) -> bool:
        return self._stat is not None

    def counts(self, pid: int) -> tuple[int, int | None]:
        """Give the bytes written and the flushes asked for (None where only the process tells)."""
        if self._stat is None:
            return written_bytes(pid), None
        subprocess.run(["sync", "-f", str(self.folder)], check=True, timeout=60)
        fields = self._stat.read_text().split()
        return int(fields[6]) * _SECTOR_BYTES, int(fields[15]) if len(fields) > 15 else None


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@contextmanager
def own_disk(folder: Path) -> Iterator[Disk]:
    """Give an ext4 of its own on a loop device; without root or loop, the folder itself."""
    image, mount = folder / "disk.img", folder / "disk"
    mount.mkdir()
    loop = ""
    try:
        with image.open("wb") as file:
            file.truncate(LOOP_IMAGE_BYTES)
        lazy = "lazy_itable_init=0,lazy_journal_init=0"  # or the kernel writes on for minutes
        _run("mkfs.ext4", "-q", "-E", lazy, str(image))
        loop = _run("losetup", "-f", "--show", str(image))
        _run("mount", "-o", "noatime", loop, str(mount))
    except (OSError, subprocess.SubprocessError):
        if loop:
            subprocess.run(["losetup", "-d", loop], check=False, timeout=60)
        yield Disk(mount, None)
        return
    try:
        yield Disk(mount, Path("/sys/block") / Path(loop).name / "stat")
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False, timeout=60)
        subprocess.run(["losetup", "-d", loop], check=False, timeout=60)
        image.unlink()


def fdatasync_us(folder: Path, rounds: int = 200) -> tuple[float, float]:
    """Measure the bare disk: p50 and p99 of a 4 KiB overwrite with its fdatasync."""
    path, took = folder / "probe", []
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        os.pwrite(fd, bytes(65_536), 0)
        os.fsync(fd)
        for turn in range(rounds):
            began_ns = time.perf_counter_ns()
            os.pwrite(fd, bytes((turn & 255,)) * 4096, turn % 16 * 4096)
            os.fdatasync(fd)
            took.append((time.perf_counter_ns() - began_ns) / 1000)
    finally:
        os.close(fd)
        path.unlink()
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


class Flushes:
    """Flushes 4 KiB of its own, again and again while open: how long the disk lets anyone wait."""

    def __init__(self, folder: Path) -> None:
        self.slowest_ms = 0.0
        self._path = folder / "flushes"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._flush)

    def _flush(self) -> None:
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR)
        while not self._done.wait(_FLUSH_EVERY_S):
            began_ns = time.perf_counter_ns()
            os.pwrite(fd, bytes(4096), 0)
            os.fdatasync(fd)
            self.slowest_ms = max(self.slowest_ms, (time.perf_counter_ns() - began_ns) / 1e6)
        os.close(fd)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._path.unlink()


_SLEEP = """
import select, sys, time
latest_ns = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    began_ns = time.monotonic_ns()
    time.sleep(0.001)
    latest_ns = max(latest_ns, time.monotonic_ns() - began_ns - 1_000_000)
print(latest_ns / 1e6)
"""


class Sleeper:
    """Sleeps a millisecond at a time, in a process of its own that does nothing else.

    `latest_ms` is how late this machine, with whatever else it has to do, let it go on: what runs
    beside it waits as long, now and then.
    """

    def __init__(self) -> None:
        self.latest_ms = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SLEEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.latest_ms = float(self._process.communicate("\n")[0])


def machine(mosquitto: str) -> list[str]:
    """Describe what this was measured on."""
    said = subprocess.run(
        [mosquitto, "-h"], capture_output=True, text=True, check=False, timeout=10
    )
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    model = cpu[1] if cpu else platform.machine()
    version = said.stdout.splitlines()[0] if said.stdout else mosquitto
    kernel = f"{platform.system()} {platform.release()}"
    return [
        f"{os.cpu_count()} cores ({model}), load {os.getloadavg()[0]:.1f} at the start",
        f"{kernel}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {version}",
    ]
