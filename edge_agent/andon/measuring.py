"""Measures per hour and per shift, folded from what is told, and told themselves when it is over.

Rules:
1. A clock that nobody has set measures nothing: hours and shifts are the wall clock's.
2. A stretch ends with its hour or its shift; what is open then goes on in the next.
3. A stop is charged piece by piece to the stretches that it lies in, as working time.
"""

from typing import TYPE_CHECKING, Any, Final

from edge_agent.domain.measures import Tally
from edge_agent.domain.segment import Stop
from edge_agent.domain.told import ENDED, Told
from edge_agent.ports import Lane
from edge_agent.wire import payload as wire

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

HOUR_NS: Final = 3_600_000_000_000


class Measuring:
    """The tallies of every station of an `Andon`: `kpi.hour` and `kpi.shift`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._tallies: dict[str, dict[str, Tally]] = {"hour": {}, "shift": {}}
        self._of: dict[str, str] = {}  # which hour and which shift the tallies are of
        self._charged: dict[str, int] = {}  # segment -> up to where its open stop is charged

    # -- what happens --------------------------------------------------------------------------

    def take(self, told: list[Told], at_ns: int) -> None:
        """Take what was told, with its moment on the monotonic clock."""
        if not self._of:
            return
        for one in told:
            if one.says == ENDED:
                self._charge(one.segment, one.stop, at_ns)
                self._charged.pop(one.segment, None)
            elif one.call is not None:
                for tallies in self._tallies.values():
                    self._count(tallies.get(one.station), one)

    def _count(self, tally: Tally | None, one: Told) -> None:
        call = one.call
        if tally is None or call is None:
            return
        stops = one.post is not None and one.post.category.stops
        match one.says:
            case "andon.raised":
                tally.raised(call.id, stops=stops)
            case "andon.acked" if call.acked_ns is not None:
                tally.acked(call.id, call.acked_ns - call.raised_ns)
            case "andon.cleared" if call.acked_ns is not None and call.cleared_ns is not None:
                tta_ns, ttr_ns = call.acked_ns - call.raised_ns, call.cleared_ns - call.raised_ns
                stopped = call.stopped_ns is not None
                tally.cleared(call.id, tta_ns, ttr_ns, stops=stops, stopped=stopped)
                tally.unobserved_ns += call.unobserved_ns
            case "andon.closed":
                tally.closed(call.id, call.reason or "")
            case "andon.escalated":
                tally.escalated(call.id, one.level)
            case "andon.repeated":
                tally.repeats += 1
            case _:
                pass

    def _charge(self, segment: str, stop: Stop | None, at_ns: int) -> None:
        """Charge what a stop has lasted since it was charged last."""
        if stop is None:
            return
        began_ns = self._charged.get(segment, stop.began_ns)
        self._charged[segment] = at_ns
        worked_ns = self._andon.shop.net_ns(self._wall(began_ns), self._wall(at_ns))
        for tallies in self._tallies.values():
            if stop.station in tallies:
                tallies[stop.station].stop_ns += worked_ns

    # -- hours and shifts ------------------------------------------------------------------------

    def look(self, now_ns: int) -> None:
        """End the hour, or the shift, that is over, and begin the next."""
        if not self._andon.clock_is_set():
            return
        wall_ns = self._andon.wall_ns()
        shift, day = self._andon.shop.shift_and_day(wall_ns)
        wanted = {"hour": str(wall_ns // HOUR_NS), "shift": f"{day} {shift or ''}"}
        for kind, key in wanted.items():
            if self._of.get(kind) == key:
                continue
            for segment, one in self._andon.floor.segments.items():
                self._charge(segment, one.stop, now_ns)
            self._end(kind, wall_ns, now_ns)
            self._of[kind] = key
            self._tallies[kind] = {
                station: Tally(wall_ns, actual_before=self._actual(station) or 0)
                for station in self._andon.floor.homes
            }

    def _end(self, kind: str, wall_ns: int, now_ns: int) -> None:
        day, _, shift = self._of.get("shift", "").partition(" ")
        for station, tally in self._tallies[kind].items():
            actual = self._actual(station)
            if tally.empty() and actual is None:
                continue
            if actual is not None:
                actual = max(actual - tally.actual_before, 0) if kind == "hour" else actual
            plain = tally.said() | {
                "station": station,
                "segment": self._andon.floor.homes.get(station) or None,
                "shift": shift or None,
                "day": day,
                "from": wire.rfc3339(tally.begins_ns).decode(),
                "to": wire.rfc3339(wall_ns).decode(),
                "actual": actual,
                "plan": self._plan(station, tally.begins_ns, wall_ns),
                "calendar": None,
            }
            telling = self._andon.telling
            telling.write("kpi", station, f"kpi.{kind}", plain, now_ns, lane=Lane.NORMAL)

    def _actual(self, station: str) -> int | None:
        pace = self._andon.pacing.paces.get(station)
        return None if pace is None else pace.actual

    def _plan(self, station: str, begins_ns: int, ends_ns: int) -> int | None:
        pace = self._andon.pacing.paces.get(station)
        if pace is None or not pace.takt_ns:
            return None
        return self._andon.shop.net_ns(begins_ns, ends_ns) // pace.takt_ns

    def due_ns(self, now_ns: int) -> int:
        """Say when the hour ends; a shift is looked for with the calendar."""
        return now_ns + HOUR_NS - self._andon.wall_ns() % HOUR_NS

    def _wall(self, at_ns: int) -> int:
        return self._andon.wall_ns() - (self._andon.mono_ns() - at_ns)

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {
            "of": dict(self._of),
            "charged": dict(self._charged),
            "tallies": {
                kind: {one: tally.plain() for one, tally in tallies.items() if not tally.empty()}
                for kind, tallies in self._tallies.items()
            },
        }

    def restore(self, kept: dict[str, Any], shift_ns: int) -> None:
        """Read that back, moved to this boot's clock; what is not ours any more is passed over."""
        self._of = dict(kept.get("of", {}))
        charged = kept.get("charged", {}).items()
        self._charged = {segment: at_ns + shift_ns for segment, at_ns in charged}
        homes, wall_ns = self._andon.floor.homes, self._andon.wall_ns()
        for kind, tallies in kept.get("tallies", {}).items():
            self._tallies[kind] = {station: Tally(wall_ns) for station in homes}
            self._tallies[kind] |= {
                station: Tally.of(tally) for station, tally in tallies.items() if station in homes
            }
