"""What a station did in a stretch of time: pulls, answers, stops, with exact definitions.

Rules:
1. A pull counts where it was raised; a time to acknowledge where it was acknowledged, a time to
   clear where it was cleared. Open calls are in no average.
2. An acknowledgement that is only implied by the clearing is told apart.
3. A test and a false call are counted and are in no average.
4. Stop time is the working time of a stop, charged to the station of its primary call, split where
   stretches end.
5. Whatever is a share of the calls of a stretch is of those that were raised in it.
6. A changeover counts where, and when, its first good part was counted.
Source: the definitions that the decisions of this product gather, with named durations and no MTTR.
"""

from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any, Final

SPREAD_MAX: Final = 128
"""Durations of a stretch that are remembered one by one; at one more the oldest is forgotten in
the percentiles, and the mean and the count still have it."""

CAUSES_MAX: Final = 64
"""Causes of a station that are remembered; the oldest beyond are not."""

DAY_NS: Final = 86_400_000_000_000

NO_CALLS: Final = frozenset({"test", "test_pull", "test-pull", "false", "false_call", "false-call"})
"""Reasons, in small letters, of calls that are in no average."""

_S: Final = 1_000_000_000
_SPREADS: Final = ("tta", "tta_acked", "ttr", "repair")


@dataclass(slots=True)
class Spread:
    """A duration over many calls, in nanoseconds, by call id."""

    by_call: dict[str, int] = field(default_factory=dict)
    total_ns: int = 0
    n: int = 0

    def take(self, call: str, ns: int) -> None:
        """Take the duration of one call, once."""
        if call in self.by_call:
            return
        if len(self.by_call) >= SPREAD_MAX:
            del self.by_call[next(iter(self.by_call))]
        self.by_call[call] = ns
        self.total_ns += ns
        self.n += 1

    def leave_out(self, call: str) -> None:
        """Take one out again: it was no call."""
        ns = self.by_call.pop(call, None)
        if ns is not None:
            self.total_ns -= ns
            self.n -= 1

    def said(self, never: int) -> dict[str, Any]:
        """Give mean and percentiles in seconds; of nothing they are None."""
        ranked = sorted(self.by_call.values())

        def at(share: float) -> float | None:
            return round(ranked[ceil(share * len(ranked)) - 1] / _S, 3) if ranked else None

        mean = round(self.total_ns / self.n / _S, 3) if self.n else None
        return {"mean": mean, "p50": at(0.5), "p90": at(0.9), "n": self.n, "never": never}


class Causes:
    """The causes of calls, by station, for as long as one that comes again is a repetition."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {}

    def again(self, station: str, cause: str, at_ns: int) -> bool:
        """Take a cause, with its moment (wall clock); says whether there was one within a day."""
        known = self._known.setdefault(station, {})
        before_ns = known.pop(cause, None)
        known[cause] = at_ns
        if len(known) > CAUSES_MAX:
            del known[next(iter(known))]
        return before_ns is not None and 0 <= at_ns - before_ns < DAY_NS

    def plain(self) -> dict[str, dict[str, int]]:
        """Write them down; JSON values only."""
        return {station: dict(known) for station, known in self._known.items()}

    def restore(self, kept: dict[str, dict[str, int]]) -> None:
        """Read that back."""
        self._known = {station: dict(known) for station, known in kept.items()}


@dataclass(slots=True)
class Tally:
    """What one station did since `begins_ns` (wall clock)."""

    begins_ns: int
    pulls: int = 0
    stopping: int = 0
    without_stop: int = 0
    repeats: int = 0
    test_pulls: int = 0
    stop_ns: int = 0
    stops: int = 0
    overdue: int = 0
    bypasses: int = 0
    again: int = 0
    first_pull_ns: int = 0
    last_pull_ns: int = 0
    first_part_ns: int = 0
    last_part_ns: int = 0
    actual_before: int = 0
    plan_before: int = 0
    expected_before: int = 0
    changeovers: int = 0
    last_good_ns: int = 0
    cycles: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    tta: Spread = field(default_factory=Spread)
    tta_acked: Spread = field(default_factory=Spread)
    ttr: Spread = field(default_factory=Spread)
    repair: Spread = field(default_factory=Spread)
    open: list[str] = field(default_factory=list)

    def raised(self, call: str, at_ns: int, *, stops: bool) -> None:
        """Take a pull, with its moment (wall clock)."""
        self.pulls += 1
        self.stopping += stops
        self.first_pull_ns = self.first_pull_ns or at_ns
        self.last_pull_ns = at_ns
        self.levels[call] = 1
        self.open.append(call)
        if len(self.levels) > SPREAD_MAX:
            del self.levels[next(iter(self.levels))]

    def acked(self, call: str, tta_ns: int, *, overdue: bool) -> None:
        """Take an acknowledgement by somebody who came, later than wanted or not."""
        self.tta.take(call, tta_ns)
        self.tta_acked.take(call, tta_ns)
        self.overdue += overdue

    def cleared(
        self, call: str, tta_ns: int, ttr_ns: int, *, implied: bool, in_time: bool, overdue: bool
    ) -> None:
        """Take a clearing; it implies an acknowledgement where there was none.

        `in_time`: of a call that may stop, and has not stopped the line.
        """
        if implied:
            self.tta.take(call, tta_ns)
            self.overdue += overdue
        else:
            self.repair.take(call, ttr_ns - tta_ns)
        self.ttr.take(call, ttr_ns)
        self.without_stop += in_time and call in self.levels
        if call in self.open:
            self.open.remove(call)

    def closed(self, call: str, reason: str) -> None:
        """Take the reason: a test is in no average."""
        if reason.lower() in NO_CALLS:
            self.test_pulls += 1
            for spread in (self.tta, self.tta_acked, self.ttr, self.repair):
                spread.leave_out(call)

    def escalated(self, call: str, level: int) -> None:
        """Take a level that was reached, of a call that was raised here."""
        if call in self.levels:
            self.levels[call] = max(level, self.levels[call])

    def counted(self, kind: str, last_good_ns: int | None, at_ns: int) -> None:
        """Take a cycle, by its class; `last_good_ns` where it is the first after a changeover."""
        self.first_part_ns = self.first_part_ns or at_ns
        self.last_part_ns = at_ns
        self.cycles[kind] = self.cycles.get(kind, 0) + 1
        if last_good_ns is not None:
            self.changeovers += 1
            self.last_good_ns += last_good_ns

    def empty(self) -> bool:
        """Say whether nothing happened at all."""
        people = self.pulls, self.test_pulls, self.repeats, self.again, self.bypasses
        answers = self.tta.n, self.ttr.n, self.overdue
        return not any((*people, *answers, self.stops, self.stop_ns, self.cycles))

    def said(self) -> dict[str, Any]:
        """Give the measures, durations in seconds."""
        reached = list(self.levels.values())
        never = len([call for call in self.open if call not in self.tta.by_call])
        return {
            "pulls": self.pulls,
            "tta_s": self.tta.said(never),
            "tta_acked_s": self.tta_acked.said(never),
            "ttr_s": self.ttr.said(len(self.open)),
            "repair_s": self.repair.said(len(self.open)),
            "stop_s": round(self.stop_ns / _S, 3),
            "stops": self.stops,
            "overdue": self.overdue,
            "again": self.again,
            "bypasses": self.bypasses,
            "stopping": self.stopping,
            "without_stop": self.without_stop,
            "escalated": len([level for level in reached if level > 1]),
            "by_level": {str(level): reached.count(level) for level in sorted(set(reached))},
            "repeats": self.repeats,
            "test_pulls": self.test_pulls,
            "cycles": dict(sorted(self.cycles.items())),
            "changeovers": self.changeovers,
            "last_good_s": round(self.last_good_ns / _S, 3),
        }

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what is not as it was at the beginning; JSON values only, and its own."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in _SPREADS}
        for name in _SPREADS:
            spread: Spread = getattr(self, name)
            plain[name] = {key: getattr(spread, key) for key in spread.__slots__ if spread.n}
        return {name: what for name, what in plain.items() if what}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Tally":
        """Read it back; what is not known is passed over."""
        known = {one.name for one in fields(cls)}
        plain = {key: what for key, what in kept.items() if key in known}
        made = cls(plain.pop("begins_ns", 0))
        for name, what in plain.items():
            setattr(made, name, Spread(**what) if name in _SPREADS else what)
        return made
