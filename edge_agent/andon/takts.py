"""The takt timers of the segments that stop at the boundary of a takt, for want of an input."""

from collections.abc import Iterable, Mapping

from edge_agent.andon.shop_time import ShopTime
from edge_agent.configuration import Segment as Said
from edge_agent.domain.floor import Floor
from edge_agent.domain.segment import Segment, State
from edge_agent.reactor import NEVER


class TaktTimer:
    """The fixed position of a segment without an input: one takt after it began to run, and so on.

    While the line stands nothing is due; after a start the next boundary is one takt away, for the
    line goes on from the fixed position where it stood. `next_ns` is the next boundary, NEVER
    while the line stands.
    """

    __slots__ = ("began_ns", "next_ns", "rests_ns", "takt_ns")

    def __init__(self, takt_ns: int) -> None:
        self.takt_ns = takt_ns
        self.began_ns = -1
        self.next_ns = NEVER
        self.rests_ns = -1

    def retime(self, takt_ns: int) -> None:
        """Take another takt: it holds from the last boundary on."""
        at_ns = self.rests_ns if self.rests_ns >= 0 else self.next_ns - self.takt_ns
        if self.began_ns >= 0 and takt_ns != self.takt_ns:
            self.began_ns += (at_ns - self.began_ns) // self.takt_ns * self.takt_ns
            if self.next_ns != NEVER:
                self.next_ns = self.began_ns + takt_ns
        self.takt_ns = takt_ns

    def follow(self, segment: Segment, now_ns: int, *, working: bool) -> None:
        """Begin with the segment, begin anew with its next start, and rest when people do."""
        if segment.state is State.UNKNOWN:
            return  # what was restored stays, until it is known whether the line stands
        if segment.state in (State.STOPPED, State.RESTARTING):
            self.began_ns, self.next_ns, self.rests_ns = -1, NEVER, -1
            return
        if self.began_ns < 0:
            self.began_ns, self.next_ns = now_ns, now_ns + self.takt_ns
        if not working and self.rests_ns < 0:
            self.rests_ns, self.next_ns = now_ns, NEVER
        elif working and self.rests_ns >= 0:
            self.began_ns += now_ns - self.rests_ns
            self.rests_ns = -1
            self.take(now_ns)

    def passed(self, now_ns: int) -> bool:
        """Say whether a boundary was passed that nobody took yet."""
        return now_ns >= self.next_ns

    def take(self, now_ns: int) -> int:
        """Give the latest boundary up to now, and wait for the next."""
        passed = max(now_ns - self.began_ns, 0) // self.takt_ns
        self.next_ns = self.began_ns + (passed + 1) * self.takt_ns
        return self.next_ns - self.takt_ns


class Takts:
    """The timer of every segment whose fixed position is its takt, by the time of the shop."""

    def __init__(self, shop: ShopTime) -> None:
        self._shop = shop
        self._timers: dict[str, TaktTimer] = {}

    def replan(self, segments: Iterable[Said]) -> None:
        """Have a timer for each that needs one; those that go on go on, with the takt of now."""
        known, self._timers = self._timers, {}
        for one in segments:
            takt_ns = self._shop.stopping_takt_ns(one)
            if one.fixed_position == "takt" and takt_ns:
                takt = self._timers[one.id] = known.get(one.id) or TaktTimer(takt_ns)
                takt.retime(takt_ns)

    def follow(self, floor: Floor, now_ns: int, *, working: bool) -> None:
        """Begin, stand and rest with the segments."""
        for name, takt in self._timers.items():
            takt.follow(floor.segments[name], now_ns, working=working)

    def passed(self, now_ns: int) -> list[tuple[str, int]]:
        """Take the boundaries that were passed and not taken yet: segment and moment."""
        timers = self._timers.items()
        return [(name, takt.take(now_ns)) for name, takt in timers if takt.passed(now_ns)]

    def due_ns(self, segment: str) -> int | None:
        """Say when the boundary of a segment is expected; None where nobody knows."""
        takt = self._timers.get(segment)
        return None if takt is None or takt.next_ns == NEVER else takt.next_ns

    def next_ns(self) -> int:
        """Say when the next boundary of any is; NEVER while all stand."""
        return min((takt.next_ns for takt in self._timers.values()), default=NEVER)

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, int]:
        """Write down what has to survive."""
        return {name: takt.began_ns for name, takt in self._timers.items()}

    def restore(self, kept: Mapping[str, int], shift_ns: int, now_ns: int) -> None:
        """Read that back, moved to this boot's clock."""
        for name, began_ns in kept.items():
            takt = self._timers.get(name)
            if takt is not None and began_ns >= 0:
                takt.began_ns = began_ns + shift_ns
                takt.take(now_ns)
