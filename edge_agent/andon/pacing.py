"""Cycles and flow of the line, told as events; none of it stops anything."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from edge_agent.andon.pulses import RUNS
from edge_agent.andon.telling import seconds
from edge_agent.configuration import Segment
from edge_agent.domain.pace import Pace
from edge_agent.domain.segment import State
from edge_agent.ports import Lane
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

_FLOWS: Final = {
    State.STARVED: ("takt.starved", "takt.flowing"),
    State.BLOCKED: ("takt.blocked", "takt.flowing"),
    State.CHANGEOVER: ("takt.changeover_started", "takt.changeover_ended"),
}


class Pacing:
    """The pace of every station that counts, and the flow of every segment of an `Andon`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self.paces: dict[str, Pace] = {}
        self._flows: dict[str, tuple[State, int]] = {}
        self._shift: str | None = None
        self.next_product: dict[str, str | None] = {}
        self.segments: Callable[[], tuple[Segment, ...]] = tuple

    # -- counting ------------------------------------------------------------------------------

    def count(self, station: str, parts: int, at_ns: int, actor: str | None = None) -> None:
        """Take good parts that were counted at a station."""
        pace = self._pace(station)
        cycle = pace.counted(at_ns, parts)
        plain = self._place(station) | {
            "count": parts,
            "cycle_s": None if cycle.cycle_ns is None else seconds(cycle.cycle_ns),
            "takt_s": None if pace.takt_ns is None else seconds(pace.takt_ns),
            "class": cycle.kind,
            "product": pace.product,
        }
        if actor is not None:
            plain["actor"] = actor
        self._write(station, "takt.cycle", plain, at_ns)
        if pace.pm_due():
            due = self._place(station) | {"cycles": pace.since_pm, "limit": pace.pm_limit}
            self._write(station, "takt.pm_due", due, at_ns)

    def late(self, station: str) -> bool:
        """Say whether the present cycle of a station takes longer than takt."""
        pace = self.paces.get(station)
        return pace is not None and pace.late

    def _pace(self, station: str) -> Pace:
        pace = self.paces.get(station)
        if pace is None:
            pace = self.paces[station] = Pace()
            self._rule(station, pace)
        return pace

    def _rule(self, station: str, pace: Pace) -> None:
        home = self._andon.floor.homes.get(station, "")
        said = next((one for one in self.segments() if one.id == home), None)
        if said is not None:
            pace.takt_ns = self._andon.shop.takt_ns(said) or pace.takt_ns
            pace.tolerance, pace.pm_limit = said.overrun, said.pm_cycles

    # -- time ----------------------------------------------------------------------------------

    def follow(self, now_ns: int) -> None:
        """Take note of what every segment does now, and tell what has changed of its flow."""
        floor, working = self._andon.floor, self._andon.shop.working()
        for station, pace in self.paces.items():
            self._rule(station, pace)
            one = floor.segment_of(station)
            runs = one is None or (one.state in RUNS and one.flow is State.RUNNING)
            pace.rest(now_ns, running=working and runs)
        for said in self.segments():
            one = floor.segments[said.id]
            self._flow(said.id, one.state if one.state is State.UNKNOWN else one.flow, now_ns)
        self._new_shift()

    def _flow(self, segment: str, state: State, now_ns: int) -> None:
        if state is State.UNKNOWN:
            return  # it is what it was until it is known to be something else
        stations = self._andon.floor.stations_of(segment)
        before, since_ns = self._flows.get(segment, (state, now_ns))
        self._flows[segment] = (state, since_ns if before is state else now_ns)
        if before is state or not stations:
            return
        lasted = {"lasted_s": seconds(now_ns - since_ns)}
        if before in _FLOWS:
            self._tell_flow(stations[0], _FLOWS[before][1], lasted, now_ns)
        if state in _FLOWS:
            self._tell_flow(stations[0], _FLOWS[state][0], {}, now_ns)

    def _tell_flow(self, station: str, kind: str, lasted: dict[str, Any], now_ns: int) -> None:
        plain = self._place(station)
        if kind.startswith("takt.changeover"):
            pace = self._pace(station)
            after = self.next_product.get(station)
            plain |= {"from": pace.product, "to": after}
            if lasted:
                plain["duration_s"] = lasted["lasted_s"]
                pace.product = after or pace.product
        else:
            plain |= {"cause": None} | lasted
        self._write(station, kind, plain, now_ns)

    def _new_shift(self) -> None:
        """Count anew with every shift; a time outside of any belongs to the one before."""
        shift = self._andon.telling.shift(self._andon.wall_ns())
        if shift is not None and shift != self._shift:
            if self._shift is not None:
                for pace in self.paces.values():
                    pace.actual = 0
            self._shift = shift

    def ring(self, now_ns: int) -> None:
        """Tell cycles that are late."""
        for station, pace in self.paces.items():
            for suggest in pace.ring(now_ns):
                plain = self._place(station) | {
                    "elapsed_s": seconds(pace.elapsed_ns(now_ns)),
                    "takt_s": seconds(pace.takt_ns or 0),
                    "suggest_call": suggest,
                }
                self._write(station, "takt.overrun", plain, now_ns)

    def due_ns(self) -> int:
        """Say when something is due by itself; NEVER when nothing is."""
        moments = [pace.due_ns() for pace in self.paces.values()]
        return min((one for one in moments if one is not None), default=NEVER)

    # -- what is true, and what is kept ----------------------------------------------------------

    def state(self, station: str, now_ns: int) -> dict[str, Any] | None:
        """Say how a station keeps pace; None for one that does not count."""
        pace = self.paces.get(station)
        if pace is None:
            return None
        takt_s = None if pace.takt_ns is None else seconds(pace.takt_ns)
        plan = self._andon.shop.planned(pace.takt_ns)
        left = None if pace.pm_limit is None else pace.pm_limit - pace.since_pm
        return self._place(station) | {
            "takt_s": takt_s,
            "plan_now": plan,
            "expected_now": None,
            "actual": pace.actual,
            "difference": None if plan is None else pace.actual - plan,
            "cycle_elapsed_s": None if pace.began_ns is None else seconds(pace.elapsed_ns(now_ns)),
            "cycle_takt_s": takt_s,
            "shift": self._shift,
            "product": pace.product,
            "pm_in": left,
        }

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {
            "paces": {station: pace.plain() for station, pace in self.paces.items()},
            "shift": self._shift,
            "flows": {name: list(flow) for name, flow in self._flows.items()},
        }

    def restore(self, kept: dict[str, Any], shift_ns: int) -> None:
        """Read that back, moved to this boot's clock."""
        homes = self._andon.floor.homes
        self.paces = {
            station: Pace.of(pace, shift_ns)
            for station, pace in kept.get("paces", {}).items()
            if station in homes
        }
        self._shift = kept.get("shift")
        self._flows = {
            name: (State(state), since_ns + shift_ns)
            for name, (state, since_ns) in kept.get("flows", {}).items()
        }

    def _place(self, station: str) -> dict[str, Any]:
        return {"station": station, "segment": self._andon.floor.homes.get(station) or None}

    def _write(self, station: str, kind: str, plain: dict[str, Any], at_ns: int) -> None:
        self._andon.telling.write("takt", station, kind, plain, at_ns, lane=Lane.NORMAL)
