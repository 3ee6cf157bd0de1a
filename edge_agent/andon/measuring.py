"""Measures per hour and per shift, folded from what is told, and told themselves when it is over.

Rules:
1. A clock that nobody has set measures nothing: hours and shifts are the wall clock's. What happens
   until it is set is measured then, where it belongs.
2. A stretch ends exactly with its hour or its shift, however late that is looked at, and whether or
   not the agent was alive; what is open then goes on in the next. An hour in which shifts change is
   two stretches; outside of shifts the day is one.
3. A stop is charged piece by piece to the stretches that it lies in, as working time.
4. A stretch in which nothing happened, and nobody worked, is not told.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge_agent.andon.unwatched import Gap, Unwatched
from edge_agent.domain.call import UNASSIGNED
from edge_agent.domain.measures import Causes, Tally
from edge_agent.domain.segment import Stop
from edge_agent.domain.told import BYPASSED, ENDED, STARTED, Told
from edge_agent.ports import Lane
from edge_agent.reactor import NEVER
from edge_agent.wire import payload as wire

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

HOUR_NS: Final = 3_600_000_000_000

KINDS: Final = ("hour", "shift")

ASLEEP_NS: Final = 7 * 86_400_000_000_000
"""An agent that was dead for longer tells the stretch in which it died, and none up to now."""

UNSURE_MAX: Final = 1_024
"""Happenings that wait for the clock to be set; beyond them none is measured."""


class Stretch(NamedTuple):
    """An hour or a shift: from when to when (wall clock), in which shift of which day."""

    begins_ns: int
    ends_ns: int
    shift: str | None
    day: str


class Measuring:
    """The tallies of every station of an `Andon`: `kpi.hour` and `kpi.shift`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._stretches: dict[str, Stretch] = {}
        self._tallies: dict[str, dict[str, Tally]] = {kind: {} for kind in KINDS}
        self._causes, self._unwatched = Causes(), Unwatched()
        self._gap: tuple[int | None, int, bool] | None = None  # until the clock tells its end
        self._charged: dict[str, int] = {}  # segment -> how much of its open stop is charged
        self._unsure: list[tuple[int, Callable[[], None]]] = []

    # -- what happens --------------------------------------------------------------------------

    def take(self, told: list[Told], at_ns: int) -> None:
        """Take what was told, with its moment on the monotonic clock; what is training is none."""
        told = [one for one in told if not self._practised(one.station, one.segment)]
        if told:
            self._measure(at_ns, lambda: self._take(told, at_ns))

    def counted(self, station: str, kind: str, last_good_ns: int | None, at_ns: int) -> None:
        """Take a cycle of a station, by its class; the first after a changeover says how long."""
        if self._practised(station, ""):
            return

        def count() -> None:
            at_wall_ns = self._andon.shop.wall_of(at_ns)
            for tally in self._of(station):
                tally.counted(kind, last_good_ns, at_wall_ns)

        self._measure(at_ns, count)

    def _practised(self, station: str, segment: str) -> bool:
        floor = self._andon.floor
        return segment in floor.training or floor.in_training(station)

    def _measure(self, at_ns: int, act: Callable[[], None]) -> None:
        """Do it in the stretch that its moment lies in; later, while nobody knows which that is."""
        if self._andon.clock_is_set():
            self.look(at_ns)
            act()
        elif len(self._unsure) < UNSURE_MAX:
            self._unsure.append((at_ns, act))

    def _take(self, told: list[Told], at_ns: int) -> None:
        for one in told:
            if one.says == ENDED:
                self._charge(one.segment, one.stop, self._andon.shop.wall_of(at_ns))
                self._charged.pop(one.segment, None)
            elif one.says == STARTED:
                for tally in self._of(self._blamed(one.segment, one.stop)):
                    tally.stops += 1
            else:
                again = one.says == "andon.closed" and self._again(one)
                for tally in self._of(one.station):
                    self._count(tally, one)
                    tally.again += again

    def _of(self, station: str) -> Iterable[Tally]:
        return (tallies[station] for tallies in self._tallies.values() if station in tallies)

    def _count(self, tally: Tally, one: Told) -> None:
        call, says = one.call, one.says
        if says == BYPASSED:
            tally.bypasses += 1
        if call is None or one.post is None:
            return
        stops, ack_ns = one.post.category.stops, one.post.category.ack_ns
        if says == "andon.raised":
            at_ns = self._andon.shop.wall_of(call.raised_ns)
            tally.raised(call.id, at_ns, stops=stops)
        elif says == "andon.closed":
            tally.closed(call.id, call.reason or "")
        elif says == "andon.escalated":
            tally.escalated(call.id, one.level)
        elif says == "andon.repeated":
            tally.repeats += 1
        elif call.acked_ns is not None:
            tta_ns = call.acked_ns - call.raised_ns
            overdue = tta_ns > ack_ns
            if says == "andon.acked":
                tally.acked(call.id, tta_ns, overdue=overdue)
            elif says == "andon.cleared" and call.cleared_ns is not None:
                in_time = stops and call.stopped_ns is None
                ttr_ns = call.cleared_ns - call.raised_ns
                implied = call.ack_implied
                tally.cleared(
                    call.id, tta_ns, ttr_ns, implied=implied, in_time=in_time, overdue=overdue
                )

    def _again(self, one: Told) -> bool:
        """Say whether a station has had a cause within a day; no cause is none."""
        reason = "" if one.call is None else (one.call.reason or "")
        if reason in ("", UNASSIGNED) or one.call is None or one.call.cleared_ns is None:
            return False
        at_ns = self._andon.shop.wall_of(one.call.cleared_ns)
        return self._causes.again(one.station, reason, at_ns)

    def _blamed(self, segment: str, stop: Stop | None) -> str:
        """Name the station that a stop is charged to; of no known cause it is the line's first."""
        stations = self._andon.floor.stations_of(segment)
        return (stop.station if stop is not None else "") or next(iter(stations), "")

    def _charge(self, segment: str, stop: Stop | None, at_wall_ns: int) -> None:
        """Charge what a stop has lasted since it was charged last, up to a moment."""
        stations = self._andon.floor.stations_of(segment)
        if stop is None or not stations or self._practised(stations[0], segment):
            return
        stop_wall_ns = self._andon.shop.wall_of(stop.began_ns)
        began_ns = stop_wall_ns + self._charged.get(segment, 0)
        if at_wall_ns <= began_ns:
            return
        self._charged[segment] = at_wall_ns - stop_wall_ns
        for tally in self._of(self._blamed(segment, stop)):
            tally.stop_ns += self._andon.shop.net_ns(max(began_ns, tally.begins_ns), at_wall_ns)

    # -- hours and shifts ------------------------------------------------------------------------

    def was_dead(self, cut_wall_ns: int | None, begun_ns: int, *, known: bool) -> None:
        """Take note of a run that ended, by the wall clock if it was set, and of when this began.

        `known`: it was seen to live until then, to the seconds of a heartbeat.
        """
        self._gap = cut_wall_ns, begun_ns, known and cut_wall_ns is not None

    def look(self, at_ns: int) -> None:
        """End the hours and shifts that are over at a moment, and begin the next."""
        if not self._andon.clock_is_set():
            return
        if self._gap is not None:
            cut_wall_ns, begun_ns, known = self._gap
            self._gap = None
            self._unwatched.add(Gap(cut_wall_ns or 0, self._andon.shop.wall_of(begun_ns), known))
        unsure, self._unsure = self._unsure, []
        aside = self._andon.pacing.set_aside()
        for when_ns, act in unsure:
            self._go_to(self._andon.shop.wall_of(when_ns))
            act()
        self._go_to(self._andon.shop.wall_of(at_ns))
        self._andon.pacing.add(aside)

    def _go_to(self, wall_ns: int) -> None:
        if not self._stretches:
            self._andon.pacing.new_shift(wall_ns)
            self._begin(KINDS, wall_ns)
        if wall_ns < self._stretches["hour"].begins_ns - HOUR_NS:
            self._go_back(wall_ns)
        if wall_ns - self._ends_ns() > ASLEEP_NS:
            self._pass(self._ends_ns())
            self._andon.pacing.new_shift(wall_ns)
            self._begin(KINDS, wall_ns)
        while self._ends_ns() <= wall_ns:
            self._pass(self._ends_ns())

    def _ends_ns(self) -> int:
        return min(one.ends_ns for one in self._stretches.values())

    def _pass(self, ends_ns: int) -> None:
        """Go over the end of a stretch, or of both."""
        for segment, one in self._andon.floor.segments.items():
            self._charge(segment, one.stop, ends_ns)
        over = [kind for kind, one in self._stretches.items() if one.ends_ns <= ends_ns]
        for kind in over:
            self._end(kind, self._stretches[kind])
        self._andon.pacing.new_shift(ends_ns)
        self._begin(over, ends_ns)
        self._unwatched.forget_before(min(one.begins_ns for one in self._stretches.values()))

    def _begin(self, kinds: Iterable[str], begins_ns: int) -> None:
        for kind in kinds:
            self._stretches[kind] = self._stretch(kind, begins_ns)
            self._tallies[kind] = {}
            self._fill(kind, begins_ns)

    def _fresh(self, station: str, begins_ns: int) -> Tally:
        """Begin a tally with what was made, and planned, of the shift before."""
        made = self._andon.pacing.made(station, begins_ns)
        return Tally(
            begins_ns,
            actual_before=made.actual or 0,
            plan_before=made.plan or 0,
            expected_before=made.expected or 0,
        )

    def _stretch(self, kind: str, at_ns: int) -> Stretch:
        shift, day, ends_ns = self._andon.shop.stretch_at(at_ns)
        if kind == "hour":
            ends_ns = min(ends_ns, (at_ns // HOUR_NS + 1) * HOUR_NS)
        return Stretch(at_ns, ends_ns, shift, day)

    def _go_back(self, wall_ns: int) -> None:
        """Take what was measured along: the clock was ahead, and nothing is told of that time."""
        for kind in KINDS:
            if self._stretches[kind].begins_ns <= wall_ns:
                continue  # that has begun all the same
            self._stretches[kind] = self._stretch(kind, wall_ns)
            for tally in self._tallies[kind].values():
                tally.begins_ns = wall_ns

    def replan(self) -> None:
        """Take other shifts and stations: a stretch goes on if its shift does, or it is over."""
        now_ns = self._andon.wall_ns()
        for kind, one in self._stretches.items():
            anew = self._stretch(kind, now_ns)
            goes_on = (anew.shift, anew.day) == (one.shift, one.day)
            ends_ns = anew.ends_ns if goes_on and one.ends_ns > now_ns else min(one.ends_ns, now_ns)
            self._stretches[kind] = one._replace(ends_ns=ends_ns)
            self._fill(kind, now_ns)

    def _fill(self, kind: str, begins_ns: int) -> None:
        """Have a tally of every station that is ours, and of none that is not."""
        tallies = self._tallies[kind]
        self._tallies[kind] = {
            station: tallies.get(station) or self._fresh(station, begins_ns)
            for station in self._andon.floor.homes
        }

    def _end(self, kind: str, one: Stretch) -> None:
        andon, worked = self._andon, self._andon.shop.net_ns(one.begins_ns, one.ends_ns) > 0
        for station, tally in self._tallies[kind].items():
            made = andon.pacing.made(station, one.ends_ns)
            actual = None if made.actual is None else max(made.actual - tally.actual_before, 0)
            if tally.empty() and not actual and (actual is None or not worked):
                continue
            plan = expected = None
            if actual is not None and made.plan is not None and made.expected is not None:
                plan = max(made.plan - tally.plan_before, 0)
                expected = max(made.expected - tally.expected_before, 0)
            unseen_ns = self._unwatched.within(tally.begins_ns, one.ends_ns)
            plain = (
                tally.said()
                | self._moments(tally)
                | {
                    "unobserved_s": None if unseen_ns is None else round(unseen_ns / 1e9, 3),
                    "station": station,
                    "segment": andon.floor.homes.get(station) or None,
                    "shift": one.shift,
                    "day": one.day,
                    "from": wire.rfc3339(tally.begins_ns).decode(),
                    "to": wire.rfc3339(one.ends_ns).decode(),
                    "actual": actual,
                    "plan": plan,
                    "expected": expected,
                    "calendar": andon.shop.version,
                }
            )
            now_ns = andon.mono_ns()
            andon.telling.write("kpi", station, f"kpi.{kind}", plain, now_ns, lane=Lane.NORMAL)

    def _moments(self, tally: Tally) -> dict[str, str | None]:
        """Say when the first and the last pull and part of a stretch were."""
        moments = {
            "first_pull": tally.first_pull_ns,
            "last_pull": tally.last_pull_ns,
            "first_part": tally.first_part_ns,
            "last_part": tally.last_part_ns,
        }
        return {
            name: wire.rfc3339(at_ns).decode() if at_ns else None for name, at_ns in moments.items()
        }

    def due_ns(self, now_ns: int) -> int:
        """Say when the next hour or shift ends; NEVER while nobody knows."""
        if not self._stretches or not self._andon.clock_is_set():
            return NEVER
        return now_ns + self._ends_ns() - self._andon.wall_ns()

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {
            "stretches": {kind: list(one) for kind, one in self._stretches.items()},
            "charged_ns": dict(self._charged),
            "causes": self._causes.plain(),
            "unwatched": self._unwatched.plain(),
            "tallies": {
                kind: {station: tally.plain() for station, tally in tallies.items()}
                for kind, tallies in self._tallies.items()
            },
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Read that back; what is not ours any more is passed over."""
        self._stretches = {
            kind: Stretch(*one) for kind, one in kept.get("stretches", {}).items() if kind in KINDS
        }
        self._charged = dict(kept.get("charged_ns", {}))
        self._causes.restore(kept.get("causes", {}))
        self._unwatched.restore(kept.get("unwatched", ()))
        for kind, one in self._stretches.items():
            tallies = kept.get("tallies", {}).get(kind, {})
            self._tallies[kind] = {station: Tally.of(tally) for station, tally in tallies.items()}
            self._fill(kind, one.begins_ns)
