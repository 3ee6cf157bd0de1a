"""Who owns a `data_dir`: one process at a time, by a lock that dies with it.

The lock is on the folder itself, so that it also works on a card that has become read-only.
"""

import fcntl
import os
from pathlib import Path


class Owned(Exception):
    """Another process owns the folder; `pid` is 0 where the kernel does not tell."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{data_dir} is owned by {who}: one agent per data_dir; stop that one, or give this one"
            " a data_dir of its own"
        )
        self.pid = pid


def possess(data_dir: Path) -> int:
    """Make the folder if needed and take it; returns what holds the lock until it is closed.

    Raises Owned, and OSError where the folder cannot be made or opened.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    fd = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _holder(fd)
        os.close(fd)
        raise Owned(data_dir, pid) from None
    return fd


def owner(data_dir: Path) -> int:
    """Find the process that owns a folder, taking nothing; 0 where none does, or it is not told."""
    try:
        fd = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return _holder(fd)
    finally:
        os.close(fd)


def _holder(fd: int) -> int:
    """Find the process that holds the lock; 0 when /proc does not tell."""
    place = os.fstat(fd)
    wanted = f"{os.major(place.st_dev):02x}:{os.minor(place.st_dev):02x}:{place.st_ino}"
    try:
        locks = Path("/proc/locks").read_text("ascii")
    except OSError:
        return 0
    for line in locks.splitlines():
        words = line.split()
        if "FLOCK" in words and wanted in words:
            return int(words[words.index(wanted) - 1])
    return 0
