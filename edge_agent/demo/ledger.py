"""The books of the demo: what people made, what the light accepted, what arrived at the broker.

Three witnesses who do not know each other: the people count their scans, the scanners' answers
name what was accepted, a subscriber of the broker names what arrived. Rules:
1. Every accepted id arrives. Until then it is waiting.
2. Nothing arrives that nobody made.
3. Something may arrive whose light nobody saw (the agent was killed between commit and answer):
   at most as many as scans without a light.
"""

from collections import Counter
from collections.abc import Hashable


class Ledger:
    """Counts of one demo; its memory is what waits and how many different labels there are."""

    def __init__(self) -> None:
        self.made = 0
        self.accepted = 0
        self.repeats = 0
        self.rejected = 0
        self.arrived = 0
        self.invented = 0
        self._waiting: set[str] = set()
        self._unlit: set[str] = set()
        self._on_its_way: Counter[Hashable] = Counter()

    @property
    def waiting(self) -> int:
        """Accepted, and not yet arrived."""
        return len(self._waiting)

    @property
    def no_light(self) -> int:
        """Made, and not answered: the agent was down, or has not answered yet."""
        return self.made - self.accepted - self.repeats - self.rejected

    @property
    def unlit(self) -> int:
        """Arrived, and its light was never seen."""
        return len(self._unlit)

    @property
    def agrees(self) -> bool:
        """Say whether the three witnesses tell the same story now."""
        return not self._waiting and not self.invented and self.unlit <= self.no_light

    def scan_made(self, station: str, text: str) -> None:
        """Count a pull of a trigger."""
        self.made += 1
        self._on_its_way[station, text] += 1

    def light_seen(self, outcome: str, event_id: str | None) -> None:
        """Take an answer of a scanner: `accepted`, `rejected` or `suppressed`."""
        if outcome == "suppressed":
            self.repeats += 1
            return
        if outcome == "accepted":
            self.accepted += 1
        else:
            self.rejected += 1
        if event_id is None:
            return
        if event_id in self._unlit:
            self._unlit.remove(event_id)
        else:
            self._waiting.add(event_id)

    def event_arrived(self, event_id: str, station: str, text: str) -> None:
        """Take a scan from the subscriber, who has removed repeats before."""
        self.arrived += 1
        if self._on_its_way[station, text] <= 0:
            self.invented += 1
        self._on_its_way[station, text] -= 1
        if event_id in self._waiting:
            self._waiting.remove(event_id)
        else:
            self._unlit.add(event_id)
