"""The material handlers: they scan a card, wait for the light, and scan again if none comes.

Rules:
1. A handler holds one card at a time, and lets go of it when the light answers.
2. Without a light within `PATIENCE_NS` the same card is scanned again: what a person would do.
3. The pace is a seeded choice: the same seed walks the same way.
"""

import random
from typing import Final

from edge_agent.reactor import NEVER

PATIENCE_NS: Final = 2_500_000_000
"""How long a handler looks at a scanner that shows no light: longer than a repeat counts as one."""

WALK_S: Final = 2.4
"""Mean time from one card to the next, at speed 1."""

WALK_MIN_S: Final = 0.01

CARDS_MAX: Final = 997
"""Cards in one handler's round: at any speed the same one comes back later than a repeat would."""


class Handler:
    """One material handler and the cards of one station.

    `act` is called at `due_ns` and returns the text to scan now; `lit` tells that the scanner has
    answered. Times are monotonic.
    """

    def __init__(self, station: str, first_card: int, speed: float, seed: int, now_ns: int) -> None:
        self.station = station
        self.holds: str | None = None
        self._random = random.Random(f"{seed} {station}")
        self._cards = [f"K-{first_card + number:04}" for number in range(CARDS_MAX)]
        self._random.shuffle(self._cards)
        self._next = 0
        self._walk_s = WALK_S / speed
        self._home = False
        self.due_ns = now_ns + self._walk_ns()

    def act(self, now_ns: int) -> str | None:
        """Scan the next card, or the same one again; None when there is nothing to do."""
        if now_ns < self.due_ns:
            return None
        if self.holds is None:
            self.holds = self._cards[self._next]
            self._next = (self._next + 1) % CARDS_MAX
        self.due_ns = now_ns + PATIENCE_NS
        return self.holds

    def lit(self, text: str, now_ns: int) -> None:
        """Walk on if the card that the scanner has answered is the one in the hand."""
        if text == self.holds:
            self.holds = None
            self.due_ns = NEVER if self._home else now_ns + self._walk_ns()

    def go_home(self) -> None:
        """Finish the card in the hand and take no other."""
        self._home = True
        if self.holds is None:
            self.due_ns = NEVER

    def _walk_ns(self) -> int:
        walk_s = max(self._random.expovariate(1 / self._walk_s), WALK_MIN_S)
        return int(walk_s * 1e9)
