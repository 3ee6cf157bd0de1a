"""The service manager's patience: more time asked for before ready, the watchdog fed at all times.

Rules:
1. Both are words of the journal's thread: who cannot answer a ping is not spoken for.
2. A disk in trouble answers pings, and is waited for without end: a restart would not mend it.
"""

from collections.abc import Callable
from typing import Final

from edge_agent.notify import Notify
from edge_agent.reactor import NEVER, Reactor

PONG_NS: Final = 60_000_000_000
"""A journal thread that has not answered for so long is dead: the watchdog is fed no more."""

EXTEND_EVERY_NS: Final = 20_000_000_000
"""How often the journal's thread is asked before ready; each answer gains `EXTEND_NS`."""

EXTEND_NS: Final = 600_000_000_000
"""So long it may then be silent, while it checks or salvages a big file on a slow card, before the
service manager ends us. `TimeoutStartSec` of the units is the same, for its first word."""


class Vigil:
    """From the start of the agent to its end; `begin` it, and tell it `ready`."""

    def __init__(
        self,
        reactor: Reactor,
        notify: Notify,
        ping: Callable[[Callable[[None], None]], None],
    ) -> None:
        self._notify = notify
        self._ping = ping
        self._mono_ns = reactor.clock.mono_ns
        self._ready = False
        self._state = "opening the journal"
        self._began_ns = 0
        self._pinged_ns = NEVER
        self._tick = reactor.timer(self._on_tick)

    def begin(self) -> None:
        """Ask and feed from now on, if there is somebody to tell."""
        self._began_ns = self._mono_ns()
        if self._notify.listened:
            self._tick.due_ns = self._began_ns
            self._notify.status(self._state)

    def state(self, state: str) -> None:
        """Say in one line how it goes, and again with every word before ready."""
        self._state = state
        self._notify.status(state)

    def ready(self, state: str) -> None:
        """Say that the start is done."""
        self._ready = True
        self._notify.ready(state)
        feed_every_ns = self._notify.feed_every_ns
        self._tick.due_ns = NEVER if feed_every_ns is None else self._mono_ns()

    def _on_tick(self, now_ns: int) -> int:
        feed_every_ns = self._notify.feed_every_ns
        if self._pinged_ns == NEVER:
            self._pinged_ns = now_ns
            self._ping(self._ponged)
        if feed_every_ns is not None and now_ns - self._pinged_ns < PONG_NS:
            self._notify.watchdog()
        if self._ready:
            return NEVER if feed_every_ns is None else now_ns + feed_every_ns
        return now_ns + min(feed_every_ns or EXTEND_EVERY_NS, EXTEND_EVERY_NS)

    def _ponged(self, _: None) -> None:
        self._pinged_ns = NEVER
        if not self._ready:
            waited_s = (self._mono_ns() - self._began_ns) // 1_000_000_000
            self._notify.extend(EXTEND_NS, f"{self._state}; waiting for {waited_s} s")
