"""A whole agent as a process on a folder of its own, with simulated scanners in front of it.

Nothing waits by the clock: readiness is read from the log, answers from the scanner's file, states
from the agent's socket. Who waits also watches the process, and says what it said when it is gone.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from edge_agent.desk import asked
from tests.kit.brokers import Process

PATIENCE_S = 30.0
"""A dead-line, not a delay: who waits longer fails and shows the log."""

BASE = "acme/plant1/assembly/line3"
COMMAND = [sys.executable, "-m", "edge_agent"]
_LOOK_S = 0.005
_WINDOW = 24


@dataclass
class Gun:
    """One simulated scanner: what was scanned with it, and what it was answered.

    Its FIFO is held open here, so that what the agent has not read outlives the agent.
    """

    name: str
    station: str
    folder: Path
    made: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    more: str = ""
    _fd: int = -1
    _read_upto: int = 0
    _forgiven: int = 0

    @property
    def fifo(self) -> Path:
        return self.folder / self.name

    def block(self) -> str:
        return (
            f'[[device]]\nname = "{self.name}"\nkind = "simulated-scanner"\n'
            f'station = "{self.station}"\nfifo = "{self.name}"\n'
            f'answers = "{self.name}.answers"\n{self.more}\n'
        )

    def open(self) -> None:
        """Hold the FIFO; made here if the agent has not made it yet."""
        if self._fd < 0:
            if not self.fifo.exists():
                os.mkfifo(self.fifo, 0o600)
            self._fd = os.open(self.fifo, os.O_RDWR)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def scan(self, *texts: str) -> None:
        """Scan texts one behind the other, in one write that nothing can part when it is short."""
        self.made += texts
        self.write("".join(f"{text}\n" for text in texts).encode())

    def write(self, stream: bytes) -> None:
        """Write bytes as they are; waits while the agent does not take them."""
        self.open()
        while stream:
            stream = stream[os.write(self._fd, stream) :]

    def load(self, name: str) -> None:
        """Keep a short queue of new scans before the agent: as fast as it answers, no faster."""
        self.hear()
        free = _WINDOW - (len(self.made) - self._forgiven - len(self.answers))
        if free >= _WINDOW // 4:
            n = len(self.made)
            self.scan(*(f"{name}-{self.name}-{n + k:06d}" for k in range(free)))

    def forgive(self) -> None:
        """Expect no answer any more to what the dead agent had read and not answered."""
        self.hear()
        self._forgiven = len(self.made) - len(self.answers)

    def hear(self) -> list[dict[str, Any]]:
        """Read the answers that were written since; a line that a kill has torn is no answer."""
        path = self.folder / f"{self.name}.answers"
        if path.exists():
            with path.open("rb") as file:
                file.seek(self._read_upto)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read_upto += len(whole)
            for line in whole.splitlines():
                try:
                    self.answers.append(json.loads(line))
                except ValueError:
                    continue
        return self.answers

    def outcomes(self, outcome: str) -> list[dict[str, Any]]:
        return [answer for answer in self.answers if answer["outcome"] == outcome]


class Agent:
    """One agent; `start`ed, killed, stopped and started again on the same folder."""

    def __init__(
        self,
        folder: Path,
        *,
        url: str | Sequence[str],
        guns: Sequence[tuple[str, str]] = (("gun-1", "A2"),),
        broker: str = "",
        journal: str = "",
        more: str = "",
        environ: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "agent.toml"
        self.data_dir = folder / "data"
        self.id = "pi-a2"
        self.url: str | Sequence[str] = url
        self.broker = broker
        self.journal = journal
        self.more = more
        self.environ = environ or {}
        self.prefix: list[str] = []
        self.command = [*COMMAND, "run"]
        self.guns = [Gun(name, station, folder) for name, station in guns]
        self.log: list[str] = []
        self._process: Process | None = None
        self.write()

    @property
    def gun(self) -> Gun:
        return self.guns[0]

    @property
    def process(self) -> Process:
        assert self._process is not None, "it was not started"
        return self._process

    def write(self) -> None:
        """Write the configuration as it is meant now."""
        urls = [self.url] if isinstance(self.url, str) else list(self.url)
        stations = dict.fromkeys(gun.station for gun in self.guns)
        self.config.write_text(
            f'[agent]\nid = "{self.id}"\ndata_dir = "data"\n'
            f"[broker]\nurl = {json.dumps(urls)}\nbackoff_max_s = 0.4\n{self.broker}\n"
            f'[site]\nbase = "{BASE}"\n'
            f"[journal]\n{self.journal}\n"
            + "".join(f'[[station]]\nid = "{station}"\n' for station in stations or ["A2"])
            + "".join(gun.block() for gun in self.guns)
            + self.more,
            "utf-8",
        )

    # -- the process ---------------------------------------------------------------------------

    def start(self, ready: str = "ready: ") -> Self:
        """Execute it and wait until it says `ready`."""
        for gun in self.guns:
            if not gun.fifo.exists() or gun.fifo.is_fifo():
                gun.open()
        self.begin(ready)
        return self

    def begin(self, ready: str) -> None:
        environ = [f"{name}={value}" for name, value in self.environ.items()]
        prefix = ["env", "-u", "JOURNAL_STREAM", *environ]
        command = [*self.prefix, *prefix, *self.command, os.fspath(self.config)]
        self._process = Process(command, ready=ready)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Execute it and wait for nothing; what it says is thrown away."""
        for gun in self.guns:
            gun.open()
        return subprocess.Popen(
            [*self.command, os.fspath(self.config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signal(self, number: int) -> None:
        self.process.signal(number)

    def kill(self) -> None:
        """End it as a power cut would, as far as the process is concerned."""
        self.end(signal.SIGKILL)
        for gun in self.guns:
            gun.forgive()

    def stop(self) -> int:
        """End it in good order; returns its exit code."""
        code = self.end(signal.SIGTERM)
        for gun in self.guns:
            gun.hear()
        return code

    def end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        code = process.end(number)
        self.log += process.lines
        said = "\n".join(process.lines)
        assert "Traceback" not in said, said  # whatever the test was about
        return code

    def lines(self) -> list[str]:
        """Give everything it has said, in all its lives."""
        return self.log + ([] if self._process is None else list(self._process.lines))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)
        for gun in self.guns:
            gun.close()

    # -- what it says --------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Ask it."""
        answer = asked(self.data_dir, "status", PATIENCE_S)
        assert answer is not None, "it does not answer:\n" + "\n".join(self.lines())
        return answer[0]

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait until `true()`; looks often, and fails at once when the process is gone."""
        end = time.monotonic() + PATIENCE_S
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while not true():
                gone, _, _ = select.select([pidfd], [], [], _LOOK_S)
                if gone and true():
                    return
                late = time.monotonic() > end
                assert not gone, f"it ended: {what}\n{self._words()}"
                assert not late, f"waited in vain: {what}\n{self._words()}\n{self.status()}"
        finally:
            os.close(pidfd)

    def _words(self) -> str:
        return "\n".join(self.lines()[-40:])

    def until_status(self, true: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Wait for a status; returns the first one that is `true`."""
        seen: list[dict[str, Any]] = []

        def looks() -> object:
            seen[:] = [self.status()]
            return true(seen[0])

        self.until(looks, what)
        return seen[0]

    def until_answered(self, gun: Gun | None = None, count: int | None = None) -> None:
        """Wait until a gun's scans are answered: all of them, or so many."""
        gun = gun or self.gun
        wanted = len(gun.made) if count is None else count
        self.until(lambda: len(gun.hear()) >= wanted, f"{wanted} answers of {gun.name}")

    def until_connected(self) -> None:
        self.until_status(lambda said: said["broker"]["condition"] == "ok", "the broker is ok")

    def until_empty(self) -> dict[str, Any]:
        """Wait until the broker has acknowledged everything, salvaged events included."""
        return self.until_status(
            lambda said: (
                said["counters"]["events"]["waiting"] == 0
                and said["counters"]["salvaged_waiting"] == 0
                and said["counters"]["unwritten"] == 0
            ),
            "nothing waits for the broker",
        )


def command(*words: str | Path, environ: dict[str, str] | None = None) -> "Ended":
    """Run one command of the agent to its end."""
    done = subprocess.run(
        [*COMMAND, *map(os.fspath, words)],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | (environ or {}),
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass
class Ended:
    """How a command ended, and what it said; a traceback is never what it should have said."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.out + self.err, self.out + self.err
