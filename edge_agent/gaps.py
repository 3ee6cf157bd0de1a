"""Numbers that will never come: what was found lost, and what of it could not be said yet.

Rules:
1. A number that is lost is lost once: a hole that an earlier start has found is neither said nor
   counted again, and it stays counted when everything around it is acknowledged and trimmed.
2. What is kept in the journal's books has a CRC; books that do not fit it are taken for empty.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from edge_agent.records import Kept, Restored, sealed, unsealed
from edge_agent.wire.messages import Stretch

LOSSES_KNOWN_MAX: Final = 1_024
"""Stretches of lost numbers remembered; the lowest go first, they lie behind the cursor by far."""

UNSAID_MAX: Final = 64
"""Gaps that wait to be said; at one more the two nearest of an epoch become one, which then names
what lies between them too: it may come, or has come, in spite of that."""

_LOST: Final = "lost"
_UNSAID: Final = "unsaid"

_Span = tuple[int, int]


class Losses(NamedTuple):
    """What of this epoch is lost: how many numbers in all, and the stretches found just now."""

    total: int
    known: list[_Span]
    fresh: list[_Span]
    books: str

    @classmethod
    def of(cls, restored: Restored) -> "Losses":
        """Compare what a start has found with what the starts before it knew."""
        said = unsealed(restored.meta.get(_LOST, ""))
        total, known = (said["total"], [(a, b) for a, b in said["known"]]) if said else (0, [])
        fresh = [span for found in restored.missing for span in _without(found, known)]
        total += sum(last - first + 1 for first, last in fresh)
        kept = sorted([*known, *fresh])[-LOSSES_KNOWN_MAX:]
        return cls(total, kept, fresh, sealed({"total": total, "known": kept}))

    @property
    def key(self) -> str:
        """Under which key the books are kept."""
        return _LOST


class Numbers(NamedTuple):
    """The numbers of an epoch: given up to `high`, trimmed below `oldest`, some of them lost."""

    oldest: int
    high: int
    lost: Iterable[_Span] = ()

    def fates(self, first: int, last: int) -> list[tuple[int, int, str]]:
        """Say why these are not in the journal: `damaged`, `expired`, or `unknown` (not given)."""
        given = min(last, self.high)
        damaged = [
            part
            for low, top in sorted([*self.lost, (self.oldest, self.high)])
            if (part := (max(low, first), min(top, given)))[0] <= part[1]
        ]
        found = [(*part, "expired") for part in _without((first, given), damaged)]
        at = first
        for low, top in damaged:
            if top >= at:
                found.append((max(low, at), top, "damaged"))
                at = top + 1
        found.append((max(first, self.high + 1), last, "unknown"))
        return sorted(part for part in found if part[0] <= part[1])


class Known:
    """What is known of the numbers of every epoch; `past` has those of journals set apart."""

    def __init__(self) -> None:
        self.past: dict[str, Numbers] = {}
        self._present = Numbers(1, 0)

    def opened(self, restored: Restored, losses: Losses) -> None:
        """Take up what a start has found.

        What a journal set apart has not lost, and is not there any more, was sent and trimmed.
        """
        self._present = Numbers(1, restored.high, losses.known)
        self.trimmed(restored.kept)
        for text in restored.quarantined:
            report = json.loads(text)
            lost = [(low, top) for low, top in report["missing"]]
            high = max(report["high"], *(top for _, top in lost), 0)
            if report["epoch"]:
                self.past[report["epoch"]] = Numbers(high + 1, high, lost)

    def trimmed(self, kept: Kept) -> None:
        """Take note of the oldest number that is left."""
        self._present = self._present._replace(oldest=max(kept.oldest_seq, 1))

    def present(self, upto: int) -> Numbers:
        """Say what is known of the present epoch, of which so many are on the disk."""
        return self._present._replace(high=upto)


@dataclass(slots=True)
class Gap:
    """Numbers of one epoch, both ends included, and which of which topics they were, if known."""

    epoch: str
    first: int
    last: int
    reason: str
    streams: tuple[Stretch, ...]

    def take(self, other: "Gap") -> None:
        """Become one with another gap, and with all that lies between."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        by_topic = {stretch.topic: stretch for stretch in self.streams}
        for topic, first, last in other.streams:
            mine = by_topic.get(topic, Stretch(topic, first, last))
            by_topic[topic] = Stretch(topic, min(first, mine.first), max(last, mine.last))
        self.streams = tuple(by_topic.values())


class Unsaid:
    """Gaps that found no room; what is next to another of its reason joins it, losing nothing."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.widened = 0

    def add(self, gap: Gap) -> None:
        """Keep a gap, in order, within `UNSAID_MAX`."""
        for other in self.gaps:
            if (other.epoch, other.reason) == (gap.epoch, gap.reason) and (
                other.last + 1 == gap.first or gap.last + 1 == other.first
            ):
                other.take(gap)
                return
        self.gaps.append(gap)
        if len(self.gaps) > UNSAID_MAX:
            self._widen()

    def _widen(self) -> None:
        in_order = sorted(self.gaps, key=attrgetter("epoch", "first"))
        pairs = [
            (high.first - low.last, low, high)
            for low, high in pairwise(in_order)
            if low.epoch == high.epoch
        ]
        if pairs:
            _, low, high = min(pairs, key=lambda pair: pair[0])
            low.take(high)
            self.gaps = [gap for gap in self.gaps if gap is not high]
            self.widened += 1

    def books(self) -> tuple[str, str]:
        """Give key and value under which they are kept."""
        plain = [[gap.epoch, gap.first, gap.last, gap.reason, gap.streams] for gap in self.gaps]
        return _UNSAID, sealed(plain)

    def restore(self, meta: Mapping[str, str]) -> None:
        """Take up what the last run could not say."""
        for epoch, first, last, reason, streams in unsealed(meta.get(_UNSAID, "")) or ():
            self.add(Gap(epoch, first, last, reason, tuple(Stretch(*one) for one in streams)))


def _without(span: _Span, known: Iterable[_Span]) -> list[_Span]:
    """Give what is left of a stretch when others are taken out of it."""
    left = [span]
    for low, high in known:
        left = [
            part
            for first, last in left
            for part in ((first, min(last, low - 1)), (max(first, high + 1), last))
            if part[0] <= part[1]
        ]
    return left
