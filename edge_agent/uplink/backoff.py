"""How long to wait before the next attempt: full jitter between two bounds."""

from random import Random
from typing import Final

NS: Final = 1_000_000_000

DOUBLINGS_MAX: Final = 16
"""The ceiling is not doubled more often than this, whatever the bounds."""


class Backoff:
    """Delays drawn evenly between `min_s` and a ceiling that doubles up to `max_s`.

    Jitter keeps the agents of a plant from knocking all at once when their broker returns.
    """

    __slots__ = ("_max_s", "_min_s", "_random", "tries")

    def __init__(self, min_s: float, max_s: float, random: Random) -> None:
        self._random = random
        self.tries = 0
        self.bounds(min_s, max_s)

    def bounds(self, min_s: float, max_s: float) -> None:
        """Take other bounds, in seconds."""
        self._min_s = min_s
        self._max_s = max(min_s, max_s)

    def next_ns(self) -> int:
        """Draw the next delay, in nanoseconds, and let the ceiling grow."""
        self.tries += 1
        ceiling_s = min(self._max_s, self._min_s * 2 ** min(self.tries, DOUBLINGS_MAX))
        return int(self._random.uniform(self._min_s, ceiling_s) * NS)

    def longest_ns(self) -> int:
        """Give the longest delay, for those who must stay away: in nanoseconds."""
        return int(self._max_s * NS)

    def reset(self) -> None:
        """Begin again with the shortest ceiling."""
        self.tries = 0
