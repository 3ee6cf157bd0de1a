"""The pace of one station: cycles as they are counted, and how long the present one takes.

Rules:
1. A cycle runs from count to count, in running time: it is paused while nobody works and while the
   segment stands or is changed over.
2. It is late once it takes longer than its takt and the tolerance, told once; at one takt and a
   half a call is suggested, told once. Nothing stops by it.
3. What was longer than takt is a small stop up to five minutes, and down beyond.
Source: gaps as line monitors class them, 1.2 takt and five minutes; takt is no cycle time.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

NORMAL_PARTS: Final = 1.2
"""Up to so many takts a cycle is normal."""

SUGGEST_PARTS: Final = 1.5
"""At so many takts somebody should call."""

SMALL_STOP_NS: Final = 300_000_000_000
"""Up to so long a late cycle is a small stop; beyond it the station was down."""


class Cycle(NamedTuple):
    """One cycle that was counted: how long it was, None for the first; `kind` by its length."""

    cycle_ns: int | None
    kind: str


@dataclass(slots=True)
class Pace:
    """Cycles of one station; `takt_ns` None is no takt. Moments are monotonic (`_ns`)."""

    takt_ns: int | None = None
    tolerance: float = 0.05
    pm_limit: int | None = None
    actual: int = 0
    since_pm: int = 0
    product: str | None = None
    began_ns: int | None = None
    paused_ns: int = 0
    resting_ns: int | None = None
    late: bool = False
    suggested: bool = False
    pm_told: bool = False

    def counted(self, at_ns: int, parts: int = 1) -> Cycle:
        """Take so many good parts that were counted; the next cycle begins."""
        cycle_ns = None if self.began_ns is None else self.elapsed_ns(at_ns)
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
        return "small_stop" if cycle_ns <= SMALL_STOP_NS else "down"

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
        if self.pm_limit is None or self.since_pm < self.pm_limit or self.pm_told:
            return False
        self.pm_told = True
        return True

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return asdict(self)

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
