"""When a line is on that plays a rhythm: a pure function of its phase and of now.

Rules:
1. A rhythm begins, on, at its phase. Lines that are given the same phase change together, for
   ever: each change is reckoned from the phase, so that a late one makes no later one late.
2. One that is played once ends off.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from edge_agent.ports import Pattern
from edge_agent.reactor import NEVER

_MS = 1_000_000


class Rhythm(NamedTuple):
    """How long a line is on, off, on, off ... (`_ns`), and whether it begins anew after that."""

    steps_ns: tuple[int, ...]
    repeats: bool = True

    @property
    def length_ns(self) -> int:
        """Say how long it lasts until it is over, or begins anew."""
        return sum(self.steps_ns)


def rhythm(*steps_ms: int, repeats: bool = True) -> Rhythm:
    """Make a rhythm of steps in milliseconds: on, off, on, off ..."""
    return Rhythm(tuple(step * _MS for step in steps_ms), repeats)


SILENT: Final = Rhythm((), repeats=False)
STEADY: Final = Rhythm((NEVER,), repeats=False)

OF_PATTERN: Final[Mapping[Pattern, Rhythm]] = {
    Pattern.OFF: SILENT,
    Pattern.STEADY: STEADY,
    Pattern.FLASH_SLOW: rhythm(1000, 1000),
    Pattern.FLASH_FAST: rhythm(250, 250),
    Pattern.PULSE: rhythm(150, repeats=False),
    Pattern.BLINK_3: rhythm(250, 250, 250, 250, 250, 250, repeats=False),
}

PLAYED_ONCE: Final = frozenset({Pattern.PULSE, Pattern.BLINK_3})
"""What is over by itself, after its `length_ns`."""


class Beat(NamedTuple):
    """Whether a line is on now, and when that changes (`NEVER` when it does not)."""

    on: bool
    until_ns: int


_OVER: Final = Beat(False, NEVER)


def beat(played: Rhythm, phase_ns: int, now_ns: int) -> Beat:
    """Say what a rhythm that began at `phase_ns` does now; before its phase a line is off."""
    since_ns = now_ns - phase_ns
    if since_ns < 0:
        return Beat(False, phase_ns) if played.steps_ns else _OVER
    if played.repeats:
        since_ns %= played.length_ns
    on, end_ns = True, 0
    for step_ns in played.steps_ns:
        end_ns += step_ns
        if since_ns < end_ns:
            return Beat(on, min(now_ns - since_ns + end_ns, NEVER))
        on = not on
    return _OVER
