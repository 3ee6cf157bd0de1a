"""The pace that demand asks for: net time by pieces, and what is planned by now.

Rules:
1. A plan is made of working time and takt alone: what stood in the way is not taken off it. What is
   expected is the same without the time that has a name of its own (stood, starved, blocked,
   changed over); a slow cycle has none, and is not excused.
2. Where the takt changes a stretch ends, with its share of a part: what was planned so far stays.
3. A pitch is takt times pack: the packs of a product are counted from where that product began, and
   a pack that a change of product left open is none.
Source: takt is net available time by demand; pitch is takt by pack-out quantity.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

PART: Final = 1_000_000_000
"""One part, in the billionths in which shares of parts are kept."""


@dataclass(frozen=True, slots=True)
class Takt:
    """Net time of a stretch, in ns, by the pieces asked for in it. Raises ValueError for none."""

    net_ns: int
    demand: int

    def __post_init__(self) -> None:
        if self.demand <= 0 or self.net_ns <= 0:
            raise ValueError("takt: net time and demand must be more than nothing")

    @property
    def takt_ns(self) -> int:
        """Say how much net time there is for one piece."""
        return self.net_ns // self.demand


@dataclass(slots=True)
class ShiftPlan:
    """What is planned in one shift of a segment. The present stretch began at `begins_ns`.

    That is a moment of the wall clock; how much of it was worked, and of that down, is given, in
    nanoseconds. `planned`, `expected` and `packed_from` are billionths of parts of the stretches
    before, `pitches` and `down_before_ns` theirs too; `down_ns` is of the present one.
    """

    shift: str
    begins_ns: int
    takt_ns: int | None = None
    product: str | None = None
    pack: int | None = None
    planned: int = 0
    expected: int = 0
    down_ns: int = 0
    down_before_ns: int = 0
    pitches: int = 0
    packed_from: int = 0

    def _share(self, worked_ns: int) -> int:
        return 0 if not self.takt_ns else max(worked_ns, 0) * PART // self.takt_ns

    def parts(self, worked_ns: int) -> int:
        """Say how many parts are planned by now: whole ones."""
        return (self.planned + self._share(worked_ns)) // PART

    def parts_expected(self, worked_ns: int, down_ns: int) -> int:
        """Say how many of them are expected, for there were `down_ns` in which nobody could."""
        return (self.expected + self._share(worked_ns - down_ns)) // PART

    def pitches_due(self, worked_ns: int) -> int:
        """Say how many packs are planned by now."""
        if not self.pack:
            return self.pitches
        packed = self.planned + self._share(worked_ns) - self.packed_from
        return self.pitches + packed // (PART * self.pack)

    def next_pitch_ns(self, worked_ns: int) -> int | None:
        """Say after how much worked time of this stretch the next pitch is due; None: never."""
        if not self.pack or not self.takt_ns:
            return None
        packs = self.pitches_due(worked_ns) - self.pitches + 1
        wanted = self.packed_from + packs * self.pack * PART - self.planned
        return -(-wanted * self.takt_ns // PART)

    def turn(self, at_ns: int, worked_ns: int, down_ns: int, takt_ns: int | None) -> None:
        """End the stretch where the takt changes; the plan so far stays."""
        if self.takt_ns:
            self.planned += _near(worked_ns * PART, self.takt_ns)
            self.expected += _near((worked_ns - down_ns) * PART, self.takt_ns)
        self.down_before_ns += down_ns
        self.begins_ns, self.down_ns, self.takt_ns = at_ns, 0, takt_ns

    def repack(self, product: str | None, pack: int | None) -> None:
        """Begin to count packs anew, for the product or its pack changes; right after `turn`."""
        if self.pack:
            self.pitches += (self.planned - self.packed_from) // (PART * self.pack)
        self.product, self.pack, self.packed_from = product, pack, self.planned

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write it down; JSON values only."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "ShiftPlan":
        """Read it back; what is not known is passed over."""
        known = {one.name for one in fields(cls)}
        return cls(**{key: what for key, what in kept.items() if key in known})


def _near(dividend: int, divisor: int) -> int:
    """Divide to the nearest: a third and two thirds are a whole part again."""
    return (2 * dividend + divisor) // (2 * divisor)
