"""What stands around a scanner in a test: a clock in hand, a line that may have no room, a pty."""

import os
import sys
import termios
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.ports import Condition, Flaw, Source
from edge_agent.reactor import Reactor

PATIENCE_S = 20.0
"""A test that has waited so long for a condition fails loudly."""


class HandClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.boot = "0badcafe"
        self.now_ns = 1_000_000_000_000
        self.wall_lead_ns = 1_700_000_000_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return self.now_ns + self.wall_lead_ns

    def synced(self) -> bool:
        return True


def let_pass(reactor: Reactor, clock: HandClock, ns: int) -> None:
    """Let time go by, from one due timer to the next."""
    end_ns = clock.now_ns + ns
    while (due_ns := reactor.next_due_ns()) <= end_ns:
        clock.now_ns = max(due_ns, clock.now_ns)
        reactor.turn(wait=False)
    clock.now_ns = end_ns


@dataclass
class Desk:
    """A line of paper: it notes every read and every condition, and can run out of room."""

    room: int = sys.maxsize
    reads: list[tuple[bytes, Flaw]] = field(default_factory=list)
    moments: list[tuple[int, int]] = field(default_factory=list)
    told: list[tuple[Condition, str, str]] = field(default_factory=list)
    calls: int = 0

    def read(
        self, source: Source, raw: bytes, at_mono_ns: int, at_wall_ns: int, flaw: Flaw
    ) -> bool:
        assert source.name == "gun-1"
        self.calls += 1
        if self.room <= 0:
            return False
        self.room -= 1
        self.reads.append((raw, flaw))
        self.moments.append((at_mono_ns, at_wall_ns))
        return True

    def tell(self, source: Source, condition: Condition, why: str, remedy: str) -> None:
        assert source.name == "gun-1"
        self.told.append((condition, why, remedy))

    @property
    def texts(self) -> list[bytes]:
        return [raw for raw, _ in self.reads]


def turn_until(reactor: Reactor, done: Callable[[], object]) -> None:
    """Turn until `done()`; the kernel's own workers carry bytes through a pty, so yield to them."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        reactor.turn(wait=False)
        os.sched_yield()


def settle(reactor: Reactor) -> None:
    """Turn so often that whatever is ready has been seen."""
    for _ in range(20):
        reactor.turn(wait=False)
        os.sched_yield()


class Pty:
    """A scanner's end of a pseudo-terminal; `path` is where the port seems to be."""

    def __init__(self, path: Path | None = None) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.slave = Path(os.ttyname(slave))
        os.set_blocking(self.master, False)
        os.close(slave)  # or a thief of scans would be found: this process
        self.path = self.slave if path is None else path
        if path is not None:
            path.unlink(missing_ok=True)
            path.symlink_to(self.slave)

    def scan(self, stream: bytes) -> int:
        """Send what the terminal takes at once, and say how much that was."""
        try:
            return os.write(self.master, stream)
        except BlockingIOError:
            return 0

    def heard(self) -> bytes:
        """Give what the agent has sent to the scanner."""
        try:
            return os.read(self.master, 65_536)
        except (BlockingIOError, OSError):
            return b""

    def arrived(self) -> int:
        """Say how many bytes lie in the terminal, unread."""
        fd = os.open(self.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return waiting_bytes(fd)
        finally:
            os.close(fd)

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


def waiting_bytes(fd: int) -> int:
    from fcntl import ioctl
    from struct import unpack

    return int(unpack("i", ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])
