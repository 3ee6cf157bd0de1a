"""The input that tells a fixed position, and what its silence comes to.

Rules:
1. Missing pulses never stop a conveyor at a place nobody chose: the call stays open and louder,
   maintenance is called, and the stop happens at the next pulse that comes.
2. Where the plant has asked for it (`stop_without_pulse_s`), a call that waits for its fixed
   position stops the line once it has waited that long without a pulse; with a journal or without.
3. Time in which the line should not move is no silence.
"""

from typing import TYPE_CHECKING, Final

from edge_agent.andon.telling import seconds
from edge_agent.configuration import Segment
from edge_agent.domain.pace import PulseWatch
from edge_agent.domain.segment import State
from edge_agent.ports import Lane
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

RUNS: Final = frozenset({State.RUNNING, State.PENDING})
"""States in which a line moves."""

_FED: Final = frozenset({"pulse", "input"})


class Pulses:
    """Watches every segment of an `Andon` whose fixed position an input tells."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._segments: dict[str, Segment] = {}
        self._watches: dict[str, PulseWatch] = {}

    def replan(self, segments: tuple[Segment, ...]) -> None:
        """Watch these from now on."""
        self._segments = {one.id: one for one in segments if one.fixed_position in _FED}
        self._watches = {name: self._watches.get(name, PulseWatch()) for name in self._segments}

    def heard(self, segment: str, at_ns: int) -> None:
        """Take a pulse."""
        if segment in self._watches:
            self._watches[segment].heard(at_ns)

    def follow(self, now_ns: int, *, working: bool) -> None:
        """Take note of which lines should move now."""
        for name, watch in self._watches.items():
            state = self._andon.floor.segments[name].state
            watch.moves(now_ns, should=working and state in RUNS)

    def missing(self, station: str) -> bool:
        """Say whether a call of a station waits for a pulse of an input that is silent."""
        floor = self._andon.floor
        watch = self._watches.get(floor.homes.get(station, ""))
        if watch is None or not watch.told:
            return False
        return any(floor.may_stop((station, one)) for one, _ in floor.open_calls(station))

    # -- time ----------------------------------------------------------------------------------

    def due_ns(self) -> int:
        """Say when something is due by itself; NEVER when nothing is."""
        moments = [self._stop_ns(name) for name in self._watches]
        if self._andon.open:
            moments += [self._silent_ns(name) for name in self._watches]
        return min((one for one in moments if one is not None), default=NEVER)

    def ring(self, now_ns: int) -> None:
        """Do what is due."""
        for name, watch in self._watches.items():
            stop_ns = self._stop_ns(name)
            if stop_ns is not None and stop_ns <= now_ns:
                watch.stopped_ns = stop_ns
                self._andon.positions.at(name, stop_ns)
            silent_ns = self._silent_ns(name) if self._andon.open else None
            if silent_ns is not None and silent_ns <= now_ns:
                watch.told = True
                self._tell(name, seconds(now_ns - (watch.heard_ns or now_ns)), now_ns)

    def _silent_ns(self, name: str) -> int | None:
        takt_ns = self._andon.shop.takt_ns(self._segments[name])
        return None if takt_ns is None else self._watches[name].due_ns(takt_ns)

    def _stop_ns(self, name: str) -> int | None:
        said, one = self._segments[name], self._andon.floor.segments[name]
        if not said.stop_without_pulse_s or one.state is not State.PENDING or not one.holding:
            return None
        wanted_ns = min(one.holding.values()) + round(said.min_window_s * 1e9)
        return self._watches[name].stop_ns(wanted_ns, round(said.stop_without_pulse_s * 1e9))

    def _tell(self, name: str, silent_s: float, now_ns: int) -> None:
        """Call maintenance to where the input is."""
        andon, device = self._andon, self._segments[name].fixed_device
        contact = andon.contacts.get(device or "")
        stations = andon.floor.stations_of(name)
        place = (contact and contact.station) or next(iter(stations), None)
        if place is None:
            return
        plain = {"segment": name, "station": place, "device": device, "silent_s": silent_s}
        andon.telling.write("takt", place, "takt.no_pulse", plain, now_ns, lane=Lane.NORMAL)
        andon.settle(andon.inputs.call_maintenance(place, device, now_ns), now_ns)
