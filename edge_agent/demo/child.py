"""A process of the demo: it dies with the demo, and its end is a call in the reactor's thread."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from edge_agent.reactor import Reactor

LOG_TAIL_BYTES = 2_000
"""How much of a child's log is shown when it ends by itself."""


class Child:
    """One program, started and ended as often as wanted; what it says goes to the end of `log`.

    `ended(code)` is called after every end, with the negative number of the signal if it was one.
    The child has a session of its own, so that Ctrl-C in the terminal is for the demo alone, and
    is killed by the kernel when the demo dies without saying goodbye.
    """

    def __init__(
        self, reactor: Reactor, argv: list[str], log: Path, ended: Callable[[int], None]
    ) -> None:
        self._reactor = reactor
        setpriv = shutil.which(
            "setpriv"
        )  # util-linux: on every Debian; without it only tidiness goes
        self._argv = [setpriv, "--pdeathsig", "KILL", *argv] if setpriv else argv
        self._log = log
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def pidfd(self) -> int:
        """Readable once the process has ended; -1 while there is none."""
        return self._pidfd

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        self._reactor.watch(self._pidfd, self._gone)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, nothing is finished; returns once it is gone."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._gone(0)

    def terminate(self) -> None:
        """Ask it to finish and leave: SIGTERM."""
        self._signal(signal.SIGTERM)

    def last_words(self) -> str:
        """Give the end of what it has said."""
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace").strip()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            signal.pidfd_send_signal(self._pidfd, number)

    def _gone(self, _events: int) -> None:
        process = self._process
        assert process is not None
        code = process.wait()
        self._reactor.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._process, self._pidfd = None, -1
        self._ended(code)
