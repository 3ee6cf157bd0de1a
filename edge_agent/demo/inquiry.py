"""Ask an agent's socket how it is, without ever waiting for it."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.desk import NAME, reachable
from edge_agent.reactor import Reactor

ANSWER_BYTES_MAX: Final = 262_144
"""A longer answer is not believed: the inquiry is dropped and asked again."""

_QUESTION: Final = b"status\n"
_CHUNK_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Standing:
    """What an agent says of itself: ready or not, how many events wait, how the broker is.

    `stations` and `segments` are what is true of its line, as `status --json` has them.
    """

    ready: bool
    waiting: int
    broker: str
    stations: tuple[dict[str, Any], ...] = ()
    segments: tuple[dict[str, Any], ...] = ()


class Inquiry:
    """One question at a time to the agent of one `data_dir`; `told(None)` when nobody answers."""

    def __init__(
        self, reactor: Reactor, data_dir: Path, told: Callable[[Standing | None], None]
    ) -> None:
        self._reactor = reactor
        self._data_dir = data_dir
        self._told = told
        self._socket: socket.socket | None = None
        self._heard = bytearray()

    def ask(self) -> None:
        """Ask, unless an answer is being waited for."""
        if self._socket is not None:
            return
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with reachable(self._data_dir) as folder:
                asking.connect(f"{folder}/{NAME}")
            asking.send(_QUESTION)
        except OSError:  # not there yet, or not any more
            asking.close()
            self._told(None)
            return
        self._socket = asking
        self._heard.clear()
        self._reactor.watch(asking.fileno(), self._hear)

    def close(self) -> None:
        """Forget the question."""
        if self._socket is not None:
            self._reactor.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _hear(self, _events: int) -> None:
        assert self._socket is not None
        try:
            chunk = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._heard += chunk
        if not chunk or len(self._heard) > ANSWER_BYTES_MAX:
            self.close()
            self._told(understand(bytes(self._heard)))


def understand(answer: bytes) -> Standing | None:
    """Read one status document; None for what is none (the agent died in the middle of it)."""
    try:
        told = json.loads(answer)
        waiting = told["counters"]["events"]["waiting"]
        line = told["stations"]
        return Standing(
            told["ready"],
            waiting,
            told["broker"]["condition"],
            tuple(line["stations"]),
            tuple(line["segments"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
