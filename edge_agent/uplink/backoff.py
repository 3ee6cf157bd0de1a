"""How long from the beginning of one attempt to that of the next: jitter between two bounds."""

from random import Random
from typing import Final

NS: Final = 1_000_000_000

GROWTH: Final = 4
"""The ceiling grows by this with each attempt: the agents of a plant, that have lost their broker
in one moment, are spread over half a second by their first attempts and over seconds by the next.
"""

GROWTHS_MAX: Final = 16
"""It does not grow more often than this, whatever the bounds."""

LONGEST_SHARE: Final = 0.8
"""How much of the longest wait is ever drawn: the rest is for the attempt, so that a broker that
returns is found within the longest wait, and in half of all cases within a third of it."""


class Backoff:
    """Delays drawn evenly between `min_s` and a ceiling that grows up to a share of `max_s`.

    Jitter keeps the agents of a plant from knocking all at once when their broker returns. With
    several brokers to try in turn (`ways`) each is to be found within `max_s`.
    """

    __slots__ = ("_ceiling_s", "_max_s", "_min_s", "_random", "tries")

    def __init__(self, min_s: float, max_s: float, random: Random, ways: int = 1) -> None:
        self._random = random
        self.tries = 0
        self.bounds(min_s, max_s, ways)

    def bounds(self, min_s: float, max_s: float, ways: int = 1) -> None:
        """Take other bounds, in seconds."""
        self._min_s = min_s
        self._max_s = max(min_s, max_s)
        self._ceiling_s = max(min_s, max_s * LONGEST_SHARE / ways)

    def next_ns(self, spent_ns: int = 0) -> int:
        """Draw the next delay, in nanoseconds, and let the ceiling grow.

        `spent_ns` of it went by while the attempt failed; `min_s` is waited in any case.
        """
        self.tries += 1
        ceiling_s = min(self._ceiling_s, self._min_s * GROWTH ** min(self.tries, GROWTHS_MAX))
        drawn_ns = int(self._random.uniform(self._min_s, ceiling_s) * NS)
        return max(drawn_ns - spent_ns, int(self._min_s * NS))

    def longest_ns(self) -> int:
        """Give the longest delay, for those who must stay away: in nanoseconds."""
        return int(self._max_s * NS)

    def reset(self) -> None:
        """Begin again with the shortest ceiling."""
        self.tries = 0
