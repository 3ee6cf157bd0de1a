"""The twins of cords and buttons: who writes a word into their FIFO moves the contact.

A twin stands in for the whole device and is chosen by its kind; no real driver knows of it.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from drivers.fifos import examined_fifo, opened_fifo
from drivers.reopening import Reopening
from drivers.touching import ButtonKeys, CordKeys, Touching
from edge_agent.domain.contact import Wiring
from edge_agent.ports import Condition, Examined, Felt, Tell
from edge_agent.reactor import NEVER, Reactor

PULL_NS: Final = 100_000_000
"""How long a `pull` keeps the contact open."""

LET_GO_NS: Final = 100_000_000
"""How long a word that had to wait for a `pull` still waits: a hand lets go before it pulls again.
Longer, where the filter needs it."""

HOLD_S_MAX: Final = 3_600.0
"""The longest `hold N`."""

WORDS_MAX: Final = 1_024
"""Words that wait for their turn; the next ones are dropped and counted."""

WORD_BYTES_MAX: Final = 64
"""No word is longer; what is, is nonsense up to its end."""

READ_BYTES: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class FifoKeys:
    """The key of a contact that is moved through a FIFO."""

    fifo: Path


class SimulatedContact(Touching, Reopening):
    """The twin of a cord or a button.

    Words, one a line: `open` (it is pulled), `close`, `pull` (open, 100 ms, close) and `hold N`
    (open, N seconds, close), run in turn: what waits for a pull comes when it has let go. Filter,
    faults and holding are those of the real ones, by the same rule. It does not simulate bouncing,
    the two lines of a pair, nor a line that somebody else holds.
    """

    stationless: ClassVar = False

    @staticmethod
    def examine(keys: FifoKeys) -> Iterable[Examined]:
        """Look at its FIFO, without opening it."""
        return examined_fifo(keys.fifo)

    def __init__(
        self,
        name: str,
        station: str | None,
        keys: "SimulatedCord.Keys | SimulatedButton.Keys",
        reactor: Reactor,
        felt: Felt,
        tell: Tell,
    ) -> None:
        Reopening.__init__(self, name, reactor)
        wiring = Wiring.NORMALLY_CLOSED
        Touching.__init__(self, station, keys, wiring, reactor=reactor, felt=felt)
        self._fifo = keys.fifo
        self._tell_condition = tell
        self._fd = -1
        self._rest = b""
        self._level = True  # closed
        self._words: deque[bytes] = deque()
        self._closes_ns = NEVER
        self._next_ns = 0  # not before
        self._nonsense = self._dropped = 0
        self._words_timer = reactor.timer(self._on_words)
        self._stopped = False

    def start(self) -> None:
        """Open the FIFO; a contact that cannot be is lost, and tried again."""
        super().start()
        if self._file is None:
            self._vanished()

    def stop(self, then: Callable[[], None]) -> None:
        self._let_go()
        self._stopped = True
        for timer in (self._timer, self._touch_timer, self._words_timer):
            self._reactor.forget(timer)
        then()

    def counters(self) -> dict[str, int]:
        waiting = len(self._words)
        own = {"nonsense": self._nonsense, "dropped_words": self._dropped, "waiting": waiting}
        return self._touch_counters() | own

    # -- the FIFO --------------------------------------------------------------------------------

    def _open(self) -> int:
        self._fd = opened_fifo(self._fifo)
        return self._fd

    def _opened(self) -> str:
        self._found([self._level])
        return ""

    def _close(self) -> None:
        os.close(self._fd)

    def _read_nothing(self) -> None:
        return

    def _lost(self) -> None:
        self._rest = b""
        self._vanished()

    def _changed(self, condition: Condition, why: str, remedy: str) -> None:
        self._tell_condition(self, condition, why, remedy)  # type: ignore[arg-type]

    def _ring(self, now_ns: int) -> int:
        if self._file is None and not self._stopped:
            self._try_open(now_ns)
        return self._timer.due_ns

    def _ready(self, _events: int) -> None:
        try:
            read = os.read(self._fd, READ_BYTES)
        except BlockingIOError:  # another reader was faster
            return
        except OSError as error:
            why = f"{self._fifo} cannot be read: {error.strerror}"
            self._lose(why, "look at the file and its disk")
            return
        *words, self._rest = (self._rest + read).split(b"\n")
        if len(self._rest) > WORD_BYTES_MAX:
            self._rest = self._rest[: WORD_BYTES_MAX + 1]  # so it stays nonsense, and no longer
        for word in words:
            if len(self._words) < WORDS_MAX:
                self._words.append(word)
            else:
                self._dropped += 1
        self._words_timer.due_ns = self._on_words(self._clock.mono_ns())

    # -- the words -------------------------------------------------------------------------------

    def _on_words(self, now_ns: int) -> int:
        """Do what is due, in turn; returns when there is more to do."""
        if self._closes_ns <= now_ns:
            at_ns, self._closes_ns = self._closes_ns, NEVER
            self._move(True, at_ns)
            if self._words:
                self._next_ns = at_ns + max(LET_GO_NS, self._times.rearm_ns)
        while self._words and self._closes_ns == NEVER and self._next_ns <= now_ns:
            self._do(self._words.popleft().strip(), now_ns)
        return self._next_ns if self._words and self._closes_ns == NEVER else self._closes_ns

    def _do(self, word: bytes, now_ns: int) -> None:
        if word == b"open":
            self._move(False, now_ns)
        elif word == b"close":
            self._move(True, now_ns)
        elif word == b"pull":
            self._move(False, now_ns)
            self._closes_ns = now_ns + PULL_NS
        elif (held_ns := _held_ns(word)) is not None:
            self._move(False, now_ns)
            self._closes_ns = now_ns + held_ns
        elif word:
            self._nonsense += 1

    def _move(self, level: bool, at_ns: int) -> None:
        self._level = level
        self._edge(0, level, at_ns)


def _held_ns(word: bytes) -> int | None:
    """Read `hold N`; None for what is none."""
    name, _, said = word.partition(b" ")
    if name != b"hold" or not said.replace(b".", b"", 1).isdigit():
        return None
    held_s = float(said)
    return round(held_s * 1e9) if 0 < held_s <= HOLD_S_MAX else None


class SimulatedCord(SimulatedContact):
    """The twin of a cord: `open` means pulled."""

    @dataclass(frozen=True, kw_only=True)
    class Keys(CordKeys, FifoKeys):
        """The keys of a `simulated-cord`."""


class SimulatedButton(SimulatedContact):
    """The twin of a button, or of an input of the line: `open` means pressed."""

    @dataclass(frozen=True, kw_only=True)
    class Keys(ButtonKeys, FifoKeys):
        """The keys of a `simulated-button`."""
