"""The twins: devices that are driven from outside through files, with no hardware.

A twin stands in for the whole device and is chosen by its kind; no real driver knows of it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Final

from drivers.fifos import examined_fifo, examined_sheet, opened_fifo, opened_to_append
from drivers.framing import LINE_BYTES_MAX, Framer
from drivers.line_scanner import LineScanner, check_keys
from drivers.reopening import Trouble
from edge_agent.ports import Examined, Outcome, Read, Tell
from edge_agent.reactor import Reactor

ANSWERS_PER_WRITE_MAX: Final = 4096
"""So many answers are written together at most; the one after them writes them at once."""


class SimulatedScanner(LineScanner):
    """The twin of a line-mode scanner: who writes a line into its FIFO has scanned it.

    It shares framing, holding and reopening with the real one. It does not simulate the speed
    and the errors of a serial line, prefix, silence as an end, unplugging (a FIFO that is taken
    away and made anew is not noticed: writers would write into the old one), other readers of
    the FIFO, nor what the person at the scanner hears: `answers` is written, and that never fails
    the scan.
    """

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `simulated-scanner`."""

        fifo: Path
        answers: Path | None = None
        line_bytes_max: int = LINE_BYTES_MAX
        repeat_window_s: float = 2.0

        def __post_init__(self) -> None:
            check_keys(line_bytes_max=self.line_bytes_max, repeat_window_s=self.repeat_window_s)

    @staticmethod
    def examine(keys: Keys) -> Iterator[Examined]:
        """Look at its files, without opening them."""
        yield from examined_fifo(keys.fifo)
        if keys.answers is not None:
            yield from examined_sheet(keys.answers)

    def __init__(
        self, name: str, station: str, keys: Keys, reactor: Reactor, read: Read, tell: Tell
    ) -> None:
        framer = Framer(suffix=b"\n", line_bytes_max=keys.line_bytes_max)
        super().__init__(
            name, station, framer, keys.repeat_window_s, reactor=reactor, read=read, tell=tell
        )
        self._fifo = keys.fifo
        self._answers = keys.answers
        self._fifo_fd = -1
        self._answers_fd = -1
        self._lines: list[str] = []
        self._torn = False

    def _let_go(self) -> None:
        self._write_answers()
        super()._let_go()

    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None:
        """Add a line to `answers`; it is in the file before the next turn ends.

        Answers of one turn are written together, since a write costs as much as all the rest.
        """
        if self._answers is None:
            return
        try:
            text, exact = raw.decode(), ""
        except UnicodeDecodeError:
            text, exact = raw.decode("utf-8", "replace"), f', "hex": "{raw.hex()}"'
        said_id = "null" if event_id is None else quoted(event_id)
        said_reason = "null" if reason is None else quoted(reason)
        lines = self._lines
        if not lines:
            self._reactor.again(self._write_answers)
        lines.append(
            f'{{"text": {quoted(text)}, "outcome": "{outcome}", "id": {said_id},'
            f' "reason": {said_reason}, "mono_ns": {self._clock.mono_ns()}{exact}}}\n'
        )
        if len(lines) >= ANSWERS_PER_WRITE_MAX:
            self._write_answers()

    # -- the files -----------------------------------------------------------------------------

    def _open(self) -> int:
        """Open the FIFO for reading and writing, so that it has no end when its writers go."""
        self._fifo_fd = opened_fifo(self._fifo)
        if self._answers is not None and self._answers_fd < 0:
            try:
                self._answers_fd = opened_to_append(self._answers)
            except Trouble:
                os.close(self._fifo_fd)
                raise
        return self._fifo_fd

    def _close(self) -> None:
        os.close(self._fifo_fd)
        if self._answers_fd >= 0:
            os.close(self._answers_fd)
            self._answers_fd = -1

    def _read_nothing(self) -> None:
        """Ignore it: who else reads the FIFO is the business of the one who simulates."""

    def _write_answers(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        text = "".join(lines).encode("ascii")
        if self._torn:
            text = b"\n" + text
        try:
            self._torn = os.write(self._answers_fd, text) < len(text)
        except OSError:  # the disk is full, or the file is closed
            self._unanswered += len(lines)
            return
        self._unanswered += self._torn
