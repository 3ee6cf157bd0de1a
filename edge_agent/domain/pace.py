"""The pace of one station: cycles as they are counted, and how long the present one takes.

Rules:
1. A cycle runs from count to count, in running time: it is paused while nobody works and while the
   segment stands or is changed over.
2. It is late once it takes longer than its takt and the tolerance, told once; at one takt and a
   half a call is suggested, told once. Nothing stops by it.
3. What was longer than takt is a small stop up to five minutes, and down beyond.
4. Preventive maintenance is due after so many cycles, told once, and they are counted anew when
   somebody says that it was done.
5. Packs are whole ones, of one product: one that a change of product left open is none.
Source: gaps as line monitors class them, 1.2 takt and five minutes; takt is no cycle time.
"""

from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

NORMAL_PARTS: Final = 1.2
"""Up to so many takts a cycle is normal."""

SUGGEST_PARTS: Final = 1.5
"""At so many takts somebody should call."""

SMALL_STOP_NS: Final = 300_000_000_000
"""Up to so long a late cycle is a small stop, where nobody says otherwise; beyond it down."""


class Cycle(NamedTuple):
    """One cycle that was counted: how long it was, None for the first; `kind` by its length."""

    cycle_ns: int | None
    kind: str


@dataclass(slots=True)
class Pace:
    """Cycles of one station; `takt_ns` None is no takt. Moments are monotonic (`_ns`)."""

    takt_ns: int | None = None
    tolerance: float = 0.05
    small_stop_ns: int = SMALL_STOP_NS
    pm_limit: int | None = None
    actual: int = 0
    since_pm: int = 0
    last_ns: int | None = None
    product: str | None = None
    pack: int | None = None
    packs: int = 0
    packed_from: int = 0
    behind: int = 0
    began_ns: int | None = None
    paused_ns: int = 0
    resting_ns: int | None = None
    late: bool = False
    suggested: bool = False
    pm_told: bool = False

    def counted(self, at_ns: int, parts: int = 1) -> Cycle:
        """Take so many good parts that were counted; the next cycle begins."""
        cycle_ns = None if self.began_ns is None else self.elapsed_ns(at_ns)
        self.last_ns = cycle_ns
        self.actual += parts
        self.since_pm += parts
        self.began_ns, self.paused_ns = at_ns, 0
        self.late = self.suggested = False
        if self.resting_ns is not None:
            self.resting_ns = at_ns
        return Cycle(cycle_ns, self._kind(cycle_ns))

    def _kind(self, cycle_ns: int | None) -> str:
        if cycle_ns is None:
            return "first"
        if self.takt_ns is None or cycle_ns <= self.takt_ns * NORMAL_PARTS:
            return "normal"
        return "small_stop" if cycle_ns <= self.small_stop_ns else "down"

    @property
    def runs(self) -> bool:
        """Say whether a cycle runs, and is not paused."""
        return self.began_ns is not None and self.resting_ns is None

    def elapsed_ns(self, at_ns: int) -> int:
        """Say how much running time the present cycle has taken; 0 where none runs."""
        if self.began_ns is None:
            return 0
        until_ns = at_ns if self.resting_ns is None else self.resting_ns
        return max(until_ns - self.began_ns - self.paused_ns, 0)

    def rest(self, at_ns: int, *, running: bool) -> None:
        """Take note whether the station runs; while it does not, its cycle takes no longer."""
        if not running and self.resting_ns is None:
            self.resting_ns = at_ns
        elif running and self.resting_ns is not None:
            self.paused_ns += at_ns - self.resting_ns
            self.resting_ns = None

    def due_ns(self) -> int | None:
        """Say when the present cycle is late, or a call should be made; None when neither comes."""
        if self.began_ns is None or self.takt_ns is None or self.resting_ns is not None:
            return None
        if self.suggested:
            return None
        parts = SUGGEST_PARTS if self.late else 1 + self.tolerance
        return self.began_ns + self.paused_ns + int(self.takt_ns * parts)

    def ring(self, now_ns: int) -> list[bool]:
        """Say what has become due: a late cycle, False, and a call to suggest, True; each once."""
        told: list[bool] = []
        while (due_ns := self.due_ns()) is not None and due_ns <= now_ns:
            told.append(self.late)
            self.suggested |= self.late
            self.late = True
        return told

    def pm_due(self) -> bool:
        """Say, once, that so many cycles have run that maintenance is due."""
        told = self.pm_told
        self.pm_told = self.pm_limit is not None and self.since_pm >= self.pm_limit
        return self.pm_told and not told

    def maintained(self) -> int:
        """Take note that maintenance was done; returns after how many cycles."""
        cycles, self.since_pm, self.pm_told = self.since_pm, 0, False
        return cycles

    # -- packs -----------------------------------------------------------------------------------

    @property
    def packed(self) -> int:
        """Say how many packs are whole."""
        return self.packs + ((self.actual - self.packed_from) // self.pack if self.pack else 0)

    def makes(self, product: str | None, pack: int | None) -> None:
        """Take the product and its pack; where one of them is another, packs are counted anew."""
        if (product, pack) != (self.product, self.pack):
            self.packs, self.packed_from = self.packed, self.actual
            self.product, self.pack = product, pack

    def fell_behind(self, due: int) -> int:
        """Say by how many packs it is behind, where it fell back since it was asked; or else 0."""
        behind = max(due - self.packed, 0)
        more, self.behind = behind > self.behind, behind
        return behind if more else 0

    def new_shift(self) -> None:
        """Count anew."""
        self.actual = self.packs = self.packed_from = self.behind = 0

    # -- over a power cut ------------------------------------------------------------------------

    def lengthen(self, by_ns: int, before_ns: int) -> None:
        """Move what began before a boot further back: the gap was so much longer than assumed."""
        if self.began_ns is not None and self.began_ns <= before_ns:
            self.began_ns -= by_ns
            if self.resting_ns is not None and self.resting_ns <= before_ns:
                self.resting_ns -= by_ns

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, kept: dict[str, Any], shift_ns: int) -> "Pace":
        """Read that back, its moments moved by so much; what is not known is passed over."""
        known = {field.name for field in fields(cls)}
        pace = cls(**{key: what for key, what in kept.items() if key in known})
        if pace.began_ns is not None:
            pace.began_ns += shift_ns
        if pace.resting_ns is not None:
            pace.resting_ns += shift_ns
        return pace


@dataclass(slots=True)
class Changeover:
    """Last good part to first good part, of one segment: the measure of a changeover.

    `good_ns` is the moment of the last good part, `before_ns` that of the last one before a
    changeover of which the first good part has not come yet; monotonic.
    """

    good_ns: int | None = None
    before_ns: int | None = None

    def begins(self) -> None:
        """Take note that a changeover begins; one that begins again goes on."""
        if self.before_ns is None:
            self.before_ns = self.good_ns

    def good(self, at_ns: int, *, changing: bool) -> int | None:
        """Take a good part; gives last good to first good, of the first after a changeover.

        While it is `changing` still, it is one of the product before.
        """
        before_ns, self.good_ns = self.before_ns, at_ns
        if changing:
            self.before_ns = at_ns
            return None
        self.before_ns = None
        return None if before_ns is None else at_ns - before_ns

    def moved(self, by_ns: int, before_ns: int) -> None:
        """Move what was up to a moment by so much: another boot, or a gap that was not known."""
        if self.good_ns is not None and self.good_ns <= before_ns:
            self.good_ns += by_ns
        if self.before_ns is not None and self.before_ns <= before_ns:
            self.before_ns += by_ns


@dataclass(slots=True)
class PulseWatch:
    """The input that tells the fixed position: silent for 1.5 takt while the line should move."""

    heard_ns: int | None = None
    told: bool = False
    stopped_ns: int | None = None

    def heard(self, at_ns: int) -> None:
        """Take a pulse: all is well."""
        self.heard_ns, self.told = at_ns, False

    def moves(self, at_ns: int, *, should: bool) -> None:
        """Take note whether the line should move: time in which it should not does not count."""
        if not should:
            self.heard_ns = None
        elif self.heard_ns is None:
            self.heard_ns = at_ns

    def due_ns(self, takt_ns: int) -> int | None:
        """Say when it has been silent for too long; None when it was told already."""
        if self.heard_ns is None or self.told:
            return None
        return self.heard_ns + int(takt_ns * SUGGEST_PARTS)

    def stop_ns(self, wanted_ns: int, after_ns: int) -> int | None:
        """Say when a stop that is wanted since then comes without a pulse; None: not, or it has."""
        if self.heard_ns is None:
            return None
        due_ns = max(self.heard_ns, wanted_ns) + after_ns
        return None if due_ns == self.stopped_ns else due_ns
