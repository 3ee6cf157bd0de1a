"""Cycles and packs of the stations that count, told as events; none of it stops anything."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge_agent.andon.flows import Flows
from edge_agent.andon.pulses import RUNS
from edge_agent.andon.shift_plans import ShiftPlans
from edge_agent.andon.telling import seconds
from edge_agent.configuration import Segment
from edge_agent.domain.pace import Pace
from edge_agent.domain.segment import State
from edge_agent.ports import Lane
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

SHOW_NS: Final = 1_000_000_000
"""How often it is looked, at most, whether the plan has grown by a part."""

PLANNED: Final = (
    *("plan_now", "expected_now", "plan_shift", "difference", "efficiency", "down_s"),
    *("pack_quantity", "pitch_s", "pitch_due", "pitch_done", "pitches_behind"),
)
"""What a station says of its plan; null where there is none."""


class Made(NamedTuple):
    """Parts of a shift by some moment: counted, planned, expected; None where nobody knows."""

    actual: int | None
    plan: int | None
    expected: int | None


class Pacing:
    """The pace of every station of an `Andon` that counts."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self.paces: dict[str, Pace] = {}
        self.plans = ShiftPlans(andon)
        self.flows = Flows(andon)
        self._shift: str | None = None
        self._shift_key = ""
        self._unsure: dict[str, int] = {}  # parts counted while nobody had set the clock
        self.segments: Callable[[], tuple[Segment, ...]] = tuple
        self._news = False
        self._shown: list[tuple[str, int]] = []
        self._looked_ns = 0

    # -- counting ------------------------------------------------------------------------------

    def count(self, station: str, parts: int, at_ns: int, actor: str | None = None) -> None:
        """Take good parts that were counted at a station; the first one ends a changeover."""
        measuring = self._andon.measuring
        measuring.look(at_ns)  # a part counts in the hour, and in the shift, in which it was made
        first_ns, told = self.flows.good(self._andon.floor.homes.get(station, ""), at_ns)
        pace = self._pace(station)
        cycle = pace.counted(at_ns, parts)
        if not self._andon.clock_is_set():
            self._unsure[station] = self._unsure.get(station, 0) + parts
        plain: dict[str, Any] = {
            "count": parts,
            "cycle_s": None if cycle.cycle_ns is None else seconds(cycle.cycle_ns),
            "takt_s": None if pace.takt_ns is None else seconds(pace.takt_ns),
            "class": cycle.kind,
            "product": self.product(station),
        }
        if actor is not None:
            plain["actor"] = actor
        if first_ns is not None and not told:
            plain["last_good_s"] = seconds(first_ns)
        self.write(station, "takt.cycle", plain, at_ns)
        measuring.counted(station, cycle.kind, first_ns, at_ns)
        if pace.pm_due():
            due = {"cycles": pace.since_pm, "limit": pace.pm_limit}
            self.write(station, "takt.pm_due", due, at_ns)

    def maintained(self, station: str, at_ns: int, actor: str) -> int | None:
        """Take note that maintenance was done; gives after how many cycles, None: none counts."""
        pace = self.paces.get(station)
        if pace is None:
            return None
        cycles = pace.maintained()
        plain = {"cycles": cycles, "limit": pace.pm_limit, "actor": actor}
        self.write(station, "takt.pm_done", plain, at_ns)
        return cycles

    def late(self, station: str) -> bool:
        """Say whether the present cycle of a station takes longer than takt, and is not paused."""
        pace = self.paces.get(station)
        return pace is not None and pace.late and self._runs(station)

    def _runs(self, station: str) -> bool:
        one = self._andon.floor.segment_of(station)
        runs = one is None or (one.state in RUNS and one.flow is State.RUNNING)
        return runs and self._andon.shop.working()

    def product(self, station: str) -> str | None:
        """Say what the segment of a station makes; None where nobody has said so."""
        return self._andon.shop.making.get(self._andon.floor.homes.get(station, ""))

    def _pace(self, station: str) -> Pace:
        pace = self.paces.get(station)
        if pace is None:
            pace = self.paces[station] = Pace()
            self._rule(station, pace)
        return pace

    def _rule(self, station: str, pace: Pace) -> None:
        said = self._said(station)
        if said is not None:
            pace.takt_ns = self.plans.takt_ns(said)
            pace.tolerance, pace.pm_limit = said.overrun, said.pm_cycles
            pace.small_stop_ns = int(said.small_stop_s * 1e9)
            pace.makes(self.product(station), self._andon.shop.pack(said))

    def _said(self, station: str) -> Segment | None:
        home = self._andon.floor.homes.get(station, "")
        return next((one for one in self.segments() if one.id == home), None)

    # -- time ----------------------------------------------------------------------------------

    def replan(self) -> None:
        """Forget what is not ours any more."""
        homes, segments = self._andon.floor.homes, self._andon.floor.segments
        self.paces = {station: pace for station, pace in self.paces.items() if station in homes}
        self.flows.replan()
        self.plans.replan(set(segments))

    def follow(self, now_ns: int) -> None:
        """Take note of what every segment does now, and tell what has changed of its flow."""
        for said in self.segments():
            self.flows.follow(said.id, self._andon.floor.segments[said.id], now_ns)
            self.plans.follow(said, self._andon.wall_ns())
        for station, pace in self.paces.items():
            self._rule(station, pace)
            pace.rest(now_ns, running=self._runs(station))

    def _counting(self, segment: str) -> list[str]:
        return [one for one in self._andon.floor.stations_of(segment) if one in self.paces]

    def new_shift(self, wall_ns: int) -> None:
        """Count anew with every shift; a time outside of any belongs to the one before."""
        shift, day, _ = self._andon.shop.stretch_at(wall_ns)
        key = f"{day} {shift}"
        if shift is None or key == self._shift_key:
            return
        for pace in self.paces.values() if self._shift_key else ():
            pace.new_shift()
        for said in self.segments():
            self.plans.begin(shift, said, wall_ns)
        self._shift, self._shift_key, self._news = shift, key, True

    def set_aside(self) -> dict[str, int]:
        """Take away the parts that were counted while nobody had set the clock: station -> parts.

        They are of now, and of no shift that has ended meanwhile; `add` brings them back.
        """
        unsure, self._unsure = self._unsure, {}
        self.add({station: -parts for station, parts in unsure.items()})
        return unsure

    def add(self, parts: dict[str, int]) -> None:
        """Add parts to the counts of their stations."""
        for station, more in parts.items():
            if station in self.paces:
                self.paces[station].actual += more

    def ring(self, now_ns: int) -> None:
        """Tell cycles that are late, and packs that are behind."""
        for station, pace in self.paces.items():
            for suggest in pace.ring(now_ns):
                plain = {
                    "elapsed_s": seconds(pace.elapsed_ns(now_ns)),
                    "takt_s": seconds(pace.takt_ns or 0),
                    "suggest_call": suggest,
                }
                self.write(station, "takt.overrun", plain, now_ns)
        for said in self.segments():
            if self._counting(said.id) and self._andon.shop.pack(said):
                self._pitch(said.id, now_ns)

    def _pitch(self, segment: str, now_ns: int) -> None:
        """Tell a station that has not as many whole packs as are planned by now."""
        planned = self.plans.planned(segment, self._andon.wall_ns())
        if planned is None or planned.pack is None or planned.pitch_ns is None:
            return
        for station in self._counting(segment):
            behind = self.paces[station].fell_behind(planned.pitches)
            if behind:
                plain = {
                    "pitch_s": seconds(planned.pitch_ns),
                    "pack_quantity": planned.pack,
                    "pitch_due": planned.pitches,
                    "pitch_done": planned.pitches - behind,
                    "pitches_behind": behind,
                    "product": self.product(station),
                }
                self.write(station, "takt.pitch_overdue", plain, now_ns)

    def due_ns(self, now_ns: int) -> int:
        """Say when something is due by itself; NEVER when nothing is."""
        wall_ns = self._andon.wall_ns()
        moments = [pace.due_ns() for pace in self.paces.values()]
        for said in self.segments():
            pitch_ns = self.plans.pitch_ns(said.id, wall_ns) if self._counting(said.id) else NEVER
            moments.append(NEVER if pitch_ns == NEVER else now_ns + pitch_ns - wall_ns)
        return min((one for one in moments if one is not None), default=NEVER)

    # -- what is true, and what is kept ----------------------------------------------------------

    def made(self, station: str, wall_ns: int) -> Made:
        """Say what a station has made in its shift by a moment, and what was planned."""
        pace = self.paces.get(station)
        actual = None if pace is None else pace.actual
        planned = self.plans.planned(self._andon.floor.homes.get(station, ""), wall_ns)
        if planned is None:
            return Made(actual, None, None)
        return Made(actual, planned.parts, planned.expected)

    def state(self, station: str, now_ns: int) -> dict[str, Any] | None:
        """Say how a station keeps pace; None for one that does not count."""
        pace = self.paces.get(station)
        if pace is None:
            return None
        takt_s = None if pace.takt_ns is None else seconds(pace.takt_ns)
        left = None if pace.pm_limit is None else pace.pm_limit - pace.since_pm
        return self._place(station) | {
            "takt_s": takt_s,
            **self._planned(station, pace),
            "actual": pace.actual,
            "cycle_elapsed_s": None if pace.began_ns is None else seconds(pace.elapsed_ns(now_ns)),
            "cycle_takt_s": takt_s,
            "cycle_runs": pace.runs,
            "last_cycle_s": None if pace.last_ns is None else seconds(pace.last_ns),
            "late": self.late(station),
            "suggest_call": self.late(station) and pace.suggested,
            "shift": self._shift,
            "product": self.product(station),
            "pm_in": left,
        }

    def _planned(self, station: str, pace: Pace) -> dict[str, Any]:
        """Say what is planned, and how far behind it a station is."""
        home = self._andon.floor.homes.get(station, "")
        planned = self.plans.planned(home, self._andon.wall_ns())
        if planned is None:
            return dict.fromkeys(PLANNED)
        packs = planned.pitch_ns is not None
        return {
            "plan_now": planned.parts,
            "expected_now": planned.expected,
            "plan_shift": planned.whole,
            "difference": pace.actual - planned.parts,
            "efficiency": round(pace.actual / planned.parts, 3) if planned.parts else None,
            "down_s": seconds(planned.down_ns),
            "pack_quantity": planned.pack,
            "pitch_s": seconds(planned.pitch_ns or 0) if packs else None,
            "pitch_due": planned.pitches if packs else None,
            "pitch_done": pace.packed if packs else None,
            "pitches_behind": max(planned.pitches - pace.packed, 0) if packs else None,
        }

    def shown(self, now_ns: int) -> bool:
        """Say whether anything has changed that a board shows, since it was asked."""
        news, self._news = self._news, False
        if now_ns - self._looked_ns < SHOW_NS:
            return news
        self._looked_ns, wall_ns, before = now_ns, self._andon.wall_ns(), self._shown
        counting = [said.id for said in self.segments() if self._counting(said.id)]
        planned = [(one, self.plans.planned(one, wall_ns)) for one in counting]
        self._shown = [(name, plan.parts) for name, plan in planned if plan is not None]
        return news or self._shown != before

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {
            "paces": {station: pace.plain() for station, pace in self.paces.items()},
            "plans": self.plans.plain(),
            "shift": [self._shift, self._shift_key],
            "flows": self.flows.plain(),
        }

    def restore(self, kept: dict[str, Any], shift_ns: int) -> None:
        """Read that back, moved to this boot's clock."""
        self.paces = {
            station: Pace.of(pace, shift_ns)
            for station, pace in kept.get("paces", {}).items()
            if station in self._andon.floor.homes
        }
        self.plans.restore(kept.get("plans", {}))
        self._shift, self._shift_key = kept.get("shift") or (None, "")
        self.flows.restore(kept.get("flows", {}), shift_ns)

    def lengthen(self, by_ns: int, before_ns: int) -> None:
        """Move what began before a boot further back: the gap was so much longer than assumed."""
        for pace in self.paces.values():
            pace.lengthen(by_ns, before_ns)
        self.flows.lengthen(by_ns, before_ns)

    def _place(self, station: str) -> dict[str, Any]:
        return {"station": station, "segment": self._andon.floor.homes.get(station) or None}

    def write(self, station: str, kind: str, more: dict[str, Any], at_ns: int) -> None:
        """Tell something of a station's pace."""
        self._news = True
        plain = self._place(station) | more
        self._andon.telling.write("takt", station, kind, plain, at_ns, lane=Lane.NORMAL)
