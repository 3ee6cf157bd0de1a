"""The end of an agent: no more reads, their answers, the devices, `offline`, the cursor, the file.

Rules:
1. Whoever scanned is answered before the end: accepted once it is on the disk, else refused. A
   refused scan may still be found on the disk by the next start; an accepted one always is.
2. No step blocks, and all of them together have a bound.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from edge_agent.line import Line
from edge_agent.outbox import Outbox
from edge_agent.ports import Device, Source
from edge_agent.reactor import NEVER, Reactor

STOP_NS: Final = 8_000_000_000
"""An end that takes longer is cut short: what waits for the disk is refused."""

SETTLE_NS: Final = 5_000_000
"""How often it is looked whether all that was read is answered."""

_log = logging.getLogger(__name__)

Then = Callable[[], None]


class Steps(Protocol):
    """What an end takes from the composition root; each calls `then` when it is done."""

    def say_offline(self, then: Then) -> None: ...
    def say_last_words(self) -> None: ...
    def leave_file(self, then: Then) -> None: ...


class Ending:
    """One end, in order or `cut` short; the reactor is stopped when it is over."""

    def __init__(self, reactor: Reactor, line: Line, outbox: Outbox, steps: Steps) -> None:
        self.begun = False
        self._was_cut = False
        self._reactor = reactor
        self._line = line
        self._outbox = outbox
        self._steps = steps
        self._sources: Sequence[Source] = ()
        self._others: Sequence[Device] = ()
        self._reading = 0
        self._settled: Then = reactor.stop
        self._settle = reactor.timer(self._look)
        self._deadline = reactor.timer(self._give_up)

    def begin(self, sources: Sequence[Source], others: Sequence[Device] = ()) -> None:
        """Let these finish what they read, and everything else follow; outputs leave safely."""
        self.begun = True
        self._sources, self._others = sources, others
        self._reading = len(sources)
        self._deadline.due_ns = self._reactor.clock.mono_ns() + STOP_NS
        for source in sources:
            source.quiet(self._has_read)
        self._when_settled(self._stop_devices)

    def cut(self, sources: Sequence[Source], others: Sequence[Device] = ()) -> None:
        """Refuse what is not on the disk, let the devices hear it, and end; twice: end at once."""
        if self._was_cut:
            self._reactor.stop()
            return
        self.begun = self._was_cut = True
        self._settle.due_ns = self._deadline.due_ns = NEVER
        before = self._line.rejected
        self._line.refuse_pending()
        if refused := self._line.rejected - before:
            _log.warning("%d scans that waited for the disk were refused", refused)
        _stopped([*sources, *others], self._reactor.stop)

    # -- in order ------------------------------------------------------------------------------

    def _has_read(self) -> None:
        self._reading -= 1

    def _when_settled(self, then: Then) -> None:
        self._settled = then
        self._settle.due_ns = self._reactor.clock.mono_ns()

    def _look(self, now_ns: int) -> int:
        if self._reading or not self._outbox.settled():
            return now_ns + SETTLE_NS
        self._settled()
        return self._settle.due_ns

    def _stop_devices(self) -> None:
        _stopped([*self._sources, *self._others], self._say_offline)

    def _say_offline(self) -> None:
        if not self._was_cut:
            self._steps.say_offline(self._say_last_words)

    def _say_last_words(self) -> None:
        if not self._was_cut:
            self._steps.say_last_words()
            self._when_settled(self._leave_file)

    def _leave_file(self) -> None:
        self._steps.leave_file(self._reactor.stop)

    def _give_up(self, _now_ns: int) -> int:
        _log.warning("the end was cut short; what was accepted is on the disk")
        self.cut(self._sources, self._others)
        return NEVER


def _stopped(devices: Sequence[Device], then: Then) -> None:
    """Stop them all, and go on when the last one is gone."""
    left = [*devices]

    def gone() -> None:
        left.pop()
        if not left:
            then()

    if not devices:
        then()
    for device in devices:
        device.stop(gone)
