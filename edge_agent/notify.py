"""What the service manager is told: ready, reloading, stopping, alive, and how it goes.

The protocol is sd_notify(3): one datagram of `KEY=value` lines to the socket named in the
environment. Nothing here blocks: what the socket does not take now goes out with the next word.
"""

import os
import socket
from collections.abc import Mapping
from typing import Final

STATUS_CHARACTERS_MAX: Final = 200
"""A longer status line is cut: `systemctl status` shows one line."""

FEEDS_PER_WATCHDOG: Final = 3
"""The watchdog is fed this often in its time: one late turn or one lost word is no death."""


class Notify:
    """The way to the service manager, or to nobody when none is in `environ`.

    `feed_every_ns` says how often `watchdog` wants to be called, None when nobody waits for it.
    `unsaid` counts datagrams that the socket refused. Their words are kept, the newest of each
    key, and go out with the next call: a READY=1 that finds the socket full is late, not lost.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.feed_every_ns = _feed_every_ns(environ)
        self.unsaid = 0
        self._waiting: dict[str, str] = {}
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )

    @property
    def listened(self) -> bool:
        """Whether anybody is there to be told."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Say that start, or a reload, is done."""
        self._say({"READY": "1", "STATUS": _one_line(status)})

    def extend(self, by_ns: int, status: str) -> None:
        """Ask for so much more time, from now, for the start that is under way."""
        self._say({"EXTEND_TIMEOUT_USEC": str(by_ns // 1000), "STATUS": _one_line(status)})

    def reloading(self, now_ns: int) -> None:
        """Say that a reload has begun at monotonic `now_ns`; `ready` must follow, good or bad."""
        self._say({"RELOADING": "1", "MONOTONIC_USEC": str(now_ns // 1000)})

    def stopping(self, status: str) -> None:
        """Say that the end has begun: from now on an exit is not a crash."""
        self._say({"STOPPING": "1", "STATUS": _one_line(status)})

    def status(self, status: str) -> None:
        """Say in one line for people how it goes."""
        self._say({"STATUS": _one_line(status)})

    def watchdog(self) -> None:
        """Say that the agent is alive; call it only while that is true."""
        self._say({"WATCHDOG": "1"})

    def close(self) -> None:
        """Give the socket back; what is said afterwards goes to nobody."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say(self, words: dict[str, str]) -> None:
        if self._socket is None:
            return
        # READY ends a RELOADING that is still waiting here; sent together they would contradict
        if "READY" in words:
            self._waiting.pop("RELOADING", None)
            self._waiting.pop("MONOTONIC_USEC", None)
        if "RELOADING" in words:
            self._waiting.pop("READY", None)
        self._waiting.update(words)
        datagram = "\n".join(f"{key}={value}" for key, value in self._waiting.items())
        try:
            self._socket.sendto(datagram.encode(errors="backslashreplace"), self._address)
        except OSError:  # full, or the service manager is just being replaced by its new self
            self.unsaid += 1
            # being alive is of this moment only: old words of it are worth nothing
            self._waiting.pop("WATCHDOG", None)
            self._waiting.pop("EXTEND_TIMEOUT_USEC", None)
        else:
            self._waiting.clear()


def _address(name: str) -> str | bytes:
    if name.startswith("@"):  # Linux's abstract names begin with a NUL
        return b"\0" + os.fsencode(name[1:])
    return name if name.startswith("/") else ""


def _feed_every_ns(environ: Mapping[str, str]) -> int | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) * 1000 // FEEDS_PER_WATCHDOG or None


def _one_line(status: str) -> str:
    return " ".join(status.split())[:STATUS_CHARACTERS_MAX]
