"""Whether the wall clock may be believed, and what to do in the moment it becomes so.

Rules:
1. A Pi has no clock battery: until somebody sets its clock, events say `unsynced`.
2. Once the kernel's clock was set in a boot, its offset from the monotonic clock is known for that
   boot, and every event that still waits is put right when it is published. Its id stays.
3. For what is out already one `clock.corrected` tells the offset.
4. A step of the wall clock changes no order and no duration: neither is made of it.
"""

import logging
from collections.abc import Callable
from typing import Final

from edge_agent.line import Line
from edge_agent.outbox import Outbox
from edge_agent.ports import Condition
from edge_agent.reactor import Reactor
from edge_agent.records import Restored
from edge_agent.wire import messages
from edge_agent.wire import payload as wire

LOOK_NS: Final = 1_000_000_000
"""How often the kernel is asked."""

STEP_NS: Final = 1_000_000_000
"""A wall clock that moved by more against the monotonic one was set by somebody: it is logged."""

_log = logging.getLogger(__name__)


class Synchrony:
    """Watches the clock for the outbox; `condition` is TROUBLE while nobody has set it."""

    def __init__(self, reactor: Reactor, outbox: Outbox, line: Line) -> None:
        self._outbox = outbox
        self._line = line
        self._clock = outbox.clock
        self._first_unsynced = 0
        self._found_high = 0
        self._offset_ns = 0
        self.synced = False
        self.steps = 0
        self._refused = False
        self.heard: Callable[[], None] = lambda: None
        self._timer = reactor.timer(self._look)

    @property
    def condition(self) -> Condition:
        """Say whether times are to be believed."""
        return Condition.OK if self.synced else Condition.TROUBLE

    def opened(self, restored: Restored) -> None:
        """Begin, before the first event of this run is recorded."""
        boot, _, first = restored.meta.get("unsynced", "").partition(" ")
        same_boot = boot == self._clock.boot and boot not in restored.boots
        self._found_high = restored.high
        self._first_unsynced = int(first) if same_boot else restored.high + 1
        self._offset_ns = self._offset()
        if self._is_set():
            self._outbox.clock_word = wire.SYNCED
            self.synced = True
        elif not same_boot:
            self._outbox.note_meta("unsynced", f"{self._clock.boot} {self._first_unsynced}")
        self._timer.due_ns = self._clock.mono_ns() + LOOK_NS

    def started(self) -> None:
        """Say what this boot's earlier runs could not know, once events may be recorded."""
        if self.synced and self._first_unsynced <= self._found_high:
            self._correct(self._found_high)

    def _look(self, now_ns: int) -> int:
        offset_ns = self._offset()
        step_ns = offset_ns - self._offset_ns
        if abs(step_ns) > STEP_NS:
            self.steps += 1
            _log.warning(
                "the wall clock was set by %+.3f s; no order and no duration changed", step_ns / 1e9
            )
        self._offset_ns = offset_ns
        if not self.synced and self._is_set():
            self.synced = True
            self._outbox.clock_word = wire.SYNCED
            _log.info("the wall clock is set; waiting events are put right before they go out")
            if self._outbox.high >= self._first_unsynced:
                self._correct(self._outbox.high)
            self.heard()
        return now_ns + LOOK_NS

    def _correct(self, last: int) -> None:
        outbox, boot = self._outbox, self._clock.boot
        offset_ns = self._offset()
        outbox.note_boot(boot, offset_ns)
        self._line.agent_event(
            messages.CLOCK_CORRECTED,
            messages.clock_corrected(outbox.epoch, boot, offset_ns, self._first_unsynced, last),
        )
        self._first_unsynced = last + 1

    def _is_set(self) -> bool:
        try:
            return self._clock.synced()
        except OSError as error:
            if not self._refused:
                self._refused = True
                _log.warning("the kernel does not say whether its clock is set: %s", error.strerror)
            return False

    def _offset(self) -> int:
        return self._clock.wall_ns() - self._clock.mono_ns()
