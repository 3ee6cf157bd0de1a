"""When no agent watched: the gaps between runs, on the wall clock, for the measures."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

GAPS_MAX: Final = 64
"""Gaps that are remembered; the oldest beyond are joined to the next, and nobody knows of them."""


class Gap(NamedTuple):
    """From when to when nobody watched; `known`: and that is so, to the seconds of a heartbeat."""

    from_ns: int
    to_ns: int
    known: bool


class Unwatched:
    """The gaps that are remembered, in their order."""

    def __init__(self) -> None:
        self._gaps: list[Gap] = []

    def add(self, gap: Gap) -> None:
        """Remember one."""
        self._gaps.append(gap)
        if len(self._gaps) > GAPS_MAX:
            first, second, *rest = self._gaps
            self._gaps = [Gap(first.from_ns, second.to_ns, known=False), *rest]

    def within(self, begins_ns: int, ends_ns: int) -> int | None:
        """Say for how much of a stretch nobody watched; None where nobody knows."""
        total_ns = 0
        for gap in self._gaps:
            lost_ns = min(gap.to_ns, ends_ns) - max(gap.from_ns, begins_ns)
            if lost_ns > 0 and not gap.known:
                return None
            total_ns += max(lost_ns, 0)
        return total_ns

    def forget_before(self, at_ns: int) -> None:
        """Forget those that are over before a moment."""
        self._gaps = [gap for gap in self._gaps if gap.to_ns > at_ns]

    def plain(self) -> list[list[Any]]:
        """Write them down; JSON values only."""
        return [list(gap) for gap in self._gaps]

    def restore(self, kept: Iterable[Iterable[Any]]) -> None:
        """Read that back."""
        self._gaps = [Gap(*gap) for gap in kept]
