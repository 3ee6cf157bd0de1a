"""The test stand: one contender between a tty of its own and a broker of its own.

Everything is turned by `drive`, in one thread that never blocks: scans go in as fast as the tty
takes them, arrivals are stamped, answers are counted.
"""

import array
import fcntl
import os
import pty
import random
import select
import shutil
import signal
import socket
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.contenders import ROOT, SUFFIX, Contender
from tests.bench.subscriber import SCAN_BYTES, Balance, Subscriber

SCAN_LENGTH: Final = len(SCAN_BYTES % 0 + SUFFIX)
"""Bytes of one scan on the tty."""

START_S: Final = 20
"""A contender that delivers nothing for so long after its start is out."""

_STOP_S = 10
_TRY_S = 0.002  # how often a subscriber looks for its broker
_TURN_S = 0.05

_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 100
persistence true
persistence_location {folder}/
autosave_interval 0
log_type error
"""


class Down(Exception):
    """A contender does not run; the text says what it said last."""


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _die(process: subprocess.Popen[bytes], how: int) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Broker:
    """A mosquitto that keeps its sessions while it is stopped."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        (folder / "broker").mkdir()
        (folder / "broker").chmod(0o777)  # mosquitto gives root up
        self._config.write_text(_MOSQUITTO.format(port=self.port, folder=folder / "broker"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [find_mosquitto() or "mosquitto", "-c", str(self._config)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self._process is not None:
            _die(self._process, signal.SIGTERM)
            self._process = None


class Stand:
    """One contender, what was made for it and what came of it.

    `made` counts scans, `sent_ns[n]` is when scan n was offered to the tty, `answered` counts the
    bytes that came back.
    """

    def __init__(self, contender: Contender, folder: Path, data: Path, *, qos: int) -> None:
        self.contender = contender
        self.data = data
        self.broker = Broker(folder)
        self.subscriber = Subscriber(self.broker.port, qos=qos)
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        os.set_blocking(self._slave, False)
        self.tty = os.ttyname(self._slave)
        self.sent_ns: list[int] = []
        self.first = 0  # the first scan that counts in a group of figures
        self.written_bytes = 0
        self.answered = 0
        self._pending = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._looked = (0, 0)  # from which scan on was looked, and how many arrivals were no news

    # -- the process ---------------------------------------------------------------------------

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            said = (self.data / "process.log").read_bytes()[-600:].decode("utf-8", "replace")
            raise Down(f"{self.contender.title} ended: {said.strip()}")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> int:
        """Execute it; return when, in monotonic nanoseconds."""
        command = self.contender.command(self.tty, self.broker.port, self.data)
        environ = {**os.environ}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a device has its bytecode
        with (self.data / "process.log").open("ab") as log:
            began_ns = time.monotonic_ns()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=environ,
                start_new_session=True,
            )
        return began_ns

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            _die(self._process, how)
            self._process = None

    def holds_tty(self) -> bool:
        """Say whether the process has opened its tty."""
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                if fd.readlink() == Path(self.tty):
                    return True
            except OSError:
                continue
        return False

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        self.subscriber.close()
        self.broker.stop()
        os.close(self.master)
        os.close(self._slave)

    # -- scans in, arrivals out ----------------------------------------------------------------

    @property
    def made(self) -> int:
        return len(self.sent_ns)

    def scan(self, count: int = 1) -> None:
        """Make scans and offer them to the tty at once, in one piece."""
        first = self.made
        self._pending += b"".join(SCAN_BYTES % n + SUFFIX for n in range(first, first + count))
        self.sent_ns += [time.monotonic_ns()] * count
        self.feed()

    def feed(self) -> None:
        """Give the tty what it takes now."""
        try:
            taken = os.write(self.master, self._pending) if self._pending else 0
        except BlockingIOError:
            return
        self._pending = self._pending[taken:]
        self.written_bytes += taken

    def hear(self) -> None:
        """Count answers."""
        try:
            while chunk := os.read(self.master, 65_536):
                self.answered += len(chunk)
        except BlockingIOError:
            return

    def forget_unread(self) -> None:
        """Take back what the tty has not taken; a scan that it has begun is ended first."""
        left = -self.written_bytes % SCAN_LENGTH
        self._pending = self._pending[:left]
        del self.sent_ns[(self.written_bytes + left) // SCAN_LENGTH :]

    def unread_bytes(self) -> int:
        """Count what waits in the tty (at most the 4 KiB that the line discipline shows)."""
        count = array.array("i", [0])
        fcntl.ioctl(self._slave, termios.FIONREAD, count)
        return count[0]

    def take_fragment(self) -> bool:
        """Remove the rest of a scan of which a dead process had read the beginning."""
        cut = (self.written_bytes - self.unread_bytes()) % SCAN_LENGTH
        if cut:
            os.read(self._slave, SCAN_LENGTH - cut)
        return bool(cut)

    @property
    def fed(self) -> bool:
        """All that was made has been read from the tty."""
        return not self._pending and not self.unread_bytes()

    @property
    def wants_to_feed(self) -> bool:
        return bool(self._pending)

    def balance(self) -> Balance:
        return self.subscriber.balance()

    def all_arrived(self, first: int) -> bool:
        """Say whether every scan from `first` on has arrived; looks closely only if it may be."""
        known = self._looked[1] if self._looked[0] == first else 0
        if len(self.subscriber.arrivals) - known < self.made - first:
            return False
        arrived = self.balance().arrived_ns
        if all(n in arrived for n in range(first, self.made)):
            return True
        wanted = sum(first <= n < self.made for n in arrived)
        self._looked = (first, len(self.subscriber.arrivals) - wanted)
        return False


class Pace:
    """Scans at a rate, each early or late by up to 40 %, so that no timer falls into step."""

    def __init__(self, per_s: float, seed: int) -> None:
        self._every_ns = 1e9 / per_s
        self._random = random.Random(seed)
        self._beat_ns = float(time.monotonic_ns())
        self.due_ns = 0
        self.advance()

    def advance(self) -> None:
        self._beat_ns += self._every_ns
        self.due_ns = int(self._beat_ns + self._random.uniform(-0.4, 0.4) * self._every_ns)


def drive(
    stands: Sequence[Stand],
    done: Callable[[], bool],
    limit_s: float,
    *,
    per_s: float = 0,
    seed: int = 0,
) -> bool:
    """Turn the stands, with `per_s` scans a second on each, until `done`; False at the limit."""
    paces = [(stand, Pace(per_s, seed + n)) for n, stand in enumerate(stands)] if per_s else []
    deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
    while not done():
        now_ns = time.monotonic_ns()
        if now_ns >= deadline_ns:
            return False
        wake_ns = min(deadline_ns, now_ns + int(_TURN_S * 1e9))
        for stand, pace in paces:
            if pace.due_ns <= now_ns:
                stand.scan()
                pace.advance()
            wake_ns = min(wake_ns, pace.due_ns)
        turn(stands, max(0, wake_ns - time.monotonic_ns()) / 1e9)
    return True


def turn(stands: Sequence[Stand], wait_s: float) -> None:
    """One round over sockets and ttys."""
    for stand in stands:
        if stand.subscriber.sock is None and not stand.subscriber.connect():
            wait_s = min(wait_s, _TRY_S)
    readable, writable, _ = select.select(
        [s.master for s in stands] + [s.subscriber for s in stands if s.subscriber.sock],
        [s.master for s in stands if s.wants_to_feed],
        [],
        wait_s,
    )
    for stand in stands:
        if stand.subscriber in readable:
            stand.subscriber.pump()
        if stand.master in readable:
            stand.hear()
        if stand.master in writable:
            stand.feed()


def elapsed(seconds: float) -> Callable[[], bool]:
    """Make a `done` that comes true after a while."""
    until_ns = time.monotonic_ns() + int(seconds * 1e9)
    return lambda: time.monotonic_ns() >= until_ns


def came(stand: Stand, arrivals: int) -> Callable[[], bool]:
    """Make a `done` that comes true at so many arrivals; raises `Down` when the process ends."""
    kept = stand.subscriber.arrivals
    return lambda: len(kept) >= arrivals or not stand.pid


def all_in(stand: Stand, first: int) -> Callable[[], bool]:
    """Make a `done` that comes true when every scan from `first` on has arrived."""
    return lambda: stand.all_arrived(first)


def quiet(stands: Sequence[Stand], seconds: float) -> Callable[[], bool]:
    """Make a `done` that comes true when nothing has arrived for a while."""
    began_ns = time.monotonic_ns()

    def done() -> bool:
        last_ns = max(
            [began_ns, *(s.subscriber.arrivals[-1][0] for s in stands if s.subscriber.arrivals)]
        )
        return time.monotonic_ns() - last_ns > seconds * 1e9

    return done


def warm(stand: Stand, scans: int = 100) -> None:
    """Bring a started contender to where it delivers; raises `Down` when it does not."""
    if not drive([stand], came(stand, len(stand.subscriber.arrivals) + 1), START_S, per_s=20):
        raise Down(f"{stand.contender.title} delivered nothing within {START_S} s")
    first = stand.made
    stand.scan(scans)
    if not drive([stand], all_in(stand, first), START_S):
        raise Down(f"{stand.contender.title} did not deliver {scans} scans within {START_S} s")
    drive([stand], quiet([stand], 0.2), 2)


@contextmanager
def standing(
    contender: Contender, folder: Path, *, qos: int = 0, data: Path | None = None
) -> Iterator[Stand]:
    """Set one stand up, warm, and clear it away."""
    own = folder / f"{contender.key}-{time.monotonic_ns()}"
    own.mkdir()
    if data is None:
        data = own / "agent"
        data.mkdir()
    stand = Stand(contender, own, data, qos=qos)
    try:
        stand.broker.start()
        drive([stand], lambda: stand.subscriber.subscribed, START_S)
        stand.start()
        warm(stand)
        yield stand
    finally:
        stand.close()
        shutil.rmtree(own, ignore_errors=True)
