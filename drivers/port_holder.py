"""Which process holds a port, as far as this user may see: /proc/locks, then /proc/PID/fd.

A machine has thousands of open files: the search is cut into steps for the reactor's turns.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

LINKS_PER_STEP: Final = 64
"""So many open files of other processes are looked at in one step, well below a millisecond."""

COMMAND_WORDS_MAX: Final = 3
COMMAND_CHARS_MAX: Final = 80
"""Of a command line no more is shown: enough to recognise it, too little to tell its secrets."""

_PROC: Final = Path("/proc")
_TIOCGEXCL: Final = 0x80045440  # asm-generic/ioctls.h; Python has no name for it


class Holder(NamedTuple):
    """A process that holds a port."""

    pid: int
    command: str

    def __str__(self) -> str:
        if self.pid == os.getpid():
            return "another device of this agent"
        return f"pid {self.pid} ({self.command})"


def locker(port: Path) -> Holder | None:
    """Name the process that has an flock(2) on `port`; None when nobody has or it is gone."""
    try:
        place = port.stat()
        locks = (_PROC / "locks").read_text("ascii")
    except OSError:
        return None
    device = f"{os.major(place.st_dev):02x}:{os.minor(place.st_dev):02x}:{place.st_ino}"
    for line in locks.splitlines():
        words = line.split()
        if "FLOCK" in words and device in words and "->" not in words:
            return _holder(int(words[words.index("FLOCK") + 3]))
    return None


def is_claimed(fd: int) -> bool:
    """Say whether somebody has put the terminal `fd` into exclusive mode; raises OSError.

    The kernel holds that against everybody but root, so root has to ask.
    """
    answer = fcntl.ioctl(fd, _TIOCGEXCL, b"\0" * 4)
    return bool(struct.unpack("i", answer)[0])


def holds(pid: int, port: Path) -> bool:
    """Say whether `pid` has `port` open; False as well when this user may not know."""
    target = os.path.realpath(port)
    return any(link == target for link in _links(pid))


def search(port: Path) -> Iterator[Holder | None]:
    """Look for another process that has `port` open: None per step, then the first one found."""
    target = os.path.realpath(port)
    looked_at = 0
    for name in os.listdir(_PROC):  # noqa: PTH208 - a Path per process is waste
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        for link in chain(("",), _links(int(name))):  # a process without any counts as well
            if link == target:
                yield _holder(int(name))
                return
            looked_at += 1
            if looked_at % LINKS_PER_STEP == 0:
                yield None


def _links(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as above
    except OSError:  # gone, or another user's
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")  # noqa: PTH115 - as above
        except OSError:  # closed since
            continue


def _holder(pid: int) -> Holder | None:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    command = b" ".join(words[:COMMAND_WORDS_MAX]).decode("utf-8", "replace").strip()
    return Holder(pid, command[:COMMAND_CHARS_MAX] or "unknown")
