"""Who watches the factory and knows what must never happen.

Rules:
1. He believes hands, lamps, requests and what the broker heard, and nothing that an agent keeps to
   itself; where he must know what is open he reads what the agent says of itself.
2. The first thing that must not happen ends the play, with its moment and what was seen.
3. What a power cut may take is what had not been written: he knows up to when everything was.
"""

import json
from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from edge_agent.domain.looks import Tune
from edge_agent.ports import Outcome
from edge_agent.reactor import NEVER
from edge_agent.simulation.fittings import Answer, Hand
from edge_agent.simulation.layout import POSITIONS, TAKT_S, WARNING_S
from edge_agent.simulation.seen import Event, Pull, Watch

if TYPE_CHECKING:
    from edge_agent.simulation.factory import Factory, Line

RULES: Final = {
    "light": "a pull has lit its tower within 100 ms",
    "heard": "a call that nobody has answered is heard at its station",
    "dark": "a tower without an agent is dark",
    "green": "green is shown of a station without call and fault only",
    "cause": "a stop is asked for only after a pull, and at a fixed position",
    "stops": "what nobody has cleared stops the line at the fixed position",
    "release": "a request ends only with a human start, after the last call was cleared",
    "warned": "people were warned before a start was obeyed, and for as long as was said",
    "same": "what was open before a cut is open after it, under the same id",
    "told": "a pull that was felt is told once",
    "invented": "what is told of a hand, a hand has done",
    "cancel": "a pull clears only what it may, and not too soon",
    "time": "durations are those of the clock on the wall of the factory",
    "ladder": "each level is reached once, and not before its time",
    "once": "an id is one event, whoever hears it however often",
    "order": "events of a station and a lane arrive in their order",
    "whole": "every number arrives, or is explained",
    "scan": "a scan that was accepted arrives, and only once",
    "fold": "the events tell the same story as the agent",
    "balance": "the counters balance",
    "retained": "what is retained is true",
    "command": "a command that must not be obeyed is refused, one that is repeated does nothing",
}
"""What must hold: its name and what it says."""

LIGHT_NS: Final = 100_000_000
REQUEST_NS: Final = 200_000_000
"""How soon a light, and a request to stop, must be there."""

FILTER_NS: Final = 60_000_000
STUCK_NS: Final = 11_000_000_000
START_NS: Final = 300_000_000
RESTORED_NS: Final = 3_000_000_000
REARM_NS: Final = 80_000_000

_MS: Final = 1_000_000
_S: Final = 1_000_000_000


class Broken(Exception):
    """Something happened that must not; `rule` names it, `what` says what was seen."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{RULES[rule]}: {what}")
        self.rule = rule
        self.what = what


class Judge:
    """Watches a `Factory`; `held` counts how often each rule was tried and held."""

    def __init__(self, factory: "Factory") -> None:
        self._factory = factory
        self.held: Counter[str] = Counter()
        self.pulls: list[Pull] = []
        self.touches: dict[str, list[int]] = {}
        self.events: list[Event] = []
        self.results: list[dict[str, Any]] = []
        self.accepted: dict[str, str] = {}
        self.answers: Counter[Outcome] = Counter()
        self.watches: dict[str, Watch] = {}
        self.known: dict[str, str] = {}
        self.numbers: dict[tuple[str, str], set[int]] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._changed = True

    def holds(self, rule: str, truth: bool, what: str) -> None:
        """Count that a rule was tried; raises Broken where it does not hold."""
        if not truth:
            raise Broken(rule, what)
        self.held[rule] += 1

    def watch(self, line: "Line") -> Watch:
        """Give what is known of a line."""
        return self.watches.setdefault(line.name, Watch())

    def something_changed(self) -> None:
        """Take note that a light or a horn has changed."""
        self._changed = True

    # -- hands ---------------------------------------------------------------------------------

    def opened(self, line: "Line", station: str, hand: Hand) -> None:
        """Take note that a contact was opened."""
        now_ns = self._factory.time.now_ns
        insort(self.touches.setdefault(station, []), now_ns)
        insort(self.touches.setdefault(hand.name, []), now_ns)
        noisy_ns = None if hand.fitted is None else hand.fitted.unsettled_ns
        if noisy_ns is not None:  # noise that was there when it was pulled is the pull's beginning
            insort(self.touches[station], line.pi.clock.began_ns + noisy_ns)
            insort(self.touches[hand.name], line.pi.clock.began_ns + noisy_ns)
        if not hand.name.startswith(("cord-", "box-")):
            return
        felt = hand.fitted is not None and line.pi.agent is not None
        if not felt:
            return
        before = self.touches[hand.name]
        rearmed = len(before) < 2 or now_ns - before[-2] > REARM_NS  # noqa: PLR2004 - this one and the one before
        pull = Pull(now_ns, station, hand.name, line.pi.lives)
        pull.doubtful = not rearmed or line.faults(station) or noisy_ns is not None
        pull.alone = line.pi.ready and not line.calls(station)
        pull.stopped = any(one["state"].startswith("stopped") for one in line.calls(station))
        self.pulls.append(pull)
        if not pull.doubtful:
            self._factory.later(LIGHT_NS + 10 * _MS, lambda: self._lit(line, pull))

    def let_go(self, line: "Line", station: str, hand: Hand) -> None:
        """Take note that a contact is closed again."""
        now_ns = self._factory.time.now_ns
        insort(self.touches.setdefault(station, []), now_ns)
        insort(self.touches.setdefault(hand.name, []), now_ns)
        pull = next((one for one in reversed(self.pulls) if one.device == hand.name), None)
        if pull is not None and pull.life == line.pi.lives and line.pi.agent is not None:
            pull.let_go_ns = now_ns

    def touched(self, place: str) -> None:
        """Take note of a scan, or of a command, that may be a cause."""
        insort(self.touches.setdefault(place, []), self._factory.time.now_ns)

    def _lit(self, line: "Line", pull: Pull) -> None:
        if line.pi.lives != pull.life or line.pi.agent is None:
            return
        tower = line.things.tower(pull.station)
        open_now = any(
            call["category"] == ("quality" if pull.device.startswith("cord") else "material")
            for call in line.calls(pull.station)
        )
        shows = {"red", "yellow"} & tower.lights.keys()
        what = f"{pull.device} was pulled 110 ms ago, the tower shows {tower.words()}"
        if line.pi.ready and not open_now:
            cleared = self._was_cleared(pull)
            self.holds("light", cleared, f"{what}, and no call is open")
        else:
            self.holds("light", bool(shows), what)
        if pull.alone and open_now:
            unheard = f"{pull.device} was pulled 110 ms ago, and nothing sounds at {pull.station}"
            self.holds("heard", bool(tower.tune), unheard)

    def _was_cleared(self, pull: Pull) -> bool:
        """Say whether there was something for this pull to clear: an earlier one at this cord."""
        return any(other.device == pull.device and other.at_ns < pull.at_ns for other in self.pulls)

    # -- the line ------------------------------------------------------------------------------

    def position(self, line: "Line") -> None:
        """Take note of a fixed position that the PLC tells."""
        now_ns, watch = self._factory.time.now_ns, self.watch(line)
        watch.position_ns = now_ns
        life = line.pi.lives
        if not line.pi.ready or now_ns - watch.ready_ns < _S:
            return
        waiting = self._holding(line)

        def stopped() -> None:
            if line.pi.lives != life or not line.pi.ready:
                return
            still = waiting & self._holding(line)
            if still:
                on = line.things.requests.get(f"stop-{line.name}", False)
                what = f"{line.name} passed its fixed position with {', '.join(sorted(still))} open"
                self.holds("stops", on, what)

        if waiting:
            self._factory.later(REQUEST_NS, stopped)

    def _holding(self, line: "Line") -> set[str]:
        """Give the calls that are to stop a line: not those whose cord is bypassed."""
        return {
            call["call"]
            for station in line.stations
            for call in line.calls(station)
            if call["stops"]
        }

    def ran(self, line: "Line", ran_ns: int) -> None:
        """Take note of how long a conveyor has run; each second."""
        watch = self.watch(line)
        if not line.pi.ready or POSITIONS[line.name] != "takt":
            watch.first_ran.clear()
            return
        holding = self._holding(line)
        watch.first_ran = {one: watch.first_ran.get(one, ran_ns) for one in sorted(holding)}
        for call, first_ns in watch.first_ran.items():
            what = f"{line.name} ran for more than a takt while {call} was open"
            self.holds("stops", ran_ns - first_ns <= (TAKT_S + 2) * _S, what)

    def requested(self, line: "Line", on: bool) -> None:
        """Look at a request to the PLC in the moment in which it changes."""
        now_ns, watch = self._factory.time.now_ns, self.watch(line)
        restored = now_ns - watch.ready_ns < RESTORED_NS or not line.pi.ready
        if on:
            watch.requested_ns = now_ns
            pulled = any(
                pull.at_ns <= now_ns for pull in self.pulls if pull.station in line.stations
            ) or any(line.faults(station) for station in line.stations)
            self.holds("cause", pulled, f"{line.name} is asked to stop, and nobody has pulled")
            if POSITIONS[line.name] != "takt" and not restored:
                late_ns = now_ns - watch.position_ns
                what = f"{line.name} is asked to stop {late_ns / 1e9:.3f} s after its position"
                self.holds("cause", late_ns <= REQUEST_NS, what)
            return
        lost = bool(watch.cuts) and watch.cuts[-1][1] < watch.requested_ns
        if lost and restored:
            return  # the card had hung, and was cut off: nobody can know, and the PLC has latched
        start = self.touched_within(f"start-{line.name}", now_ns - START_NS, now_ns)
        self.holds("release", start, f"{line.name} is released, and nobody has pressed start")
        warned_ns = watch.warned_for_ns if watch.warned_ns is None else now_ns - watch.warned_ns
        what = f"{line.name} is released after a warning of {warned_ns / 1e9:.1f} s"
        self.holds("warned", warned_ns >= WARNING_S * _S - LIGHT_NS, what)
        left = self._holding(line)
        self.holds("release", not left, f"{line.name} is released with {sorted(left)} open")

    def touched_within(self, name: str, from_ns: int, to_ns: int) -> bool:
        times = self.touches.get(name, [])
        at = bisect_left(times, from_ns)
        return at < len(times) and times[at] <= to_ns

    # -- cuts ----------------------------------------------------------------------------------

    def dies(self, line: "Line") -> None:
        """Remember what is open, before an agent is killed or loses its power."""
        now_ns, watch = self._factory.time.now_ns, self.watch(line)
        self.look()
        watch.cuts.append((now_ns, watch.safe_ns))
        if line.pi.ready and watch.safe_ns == now_ns:
            watch.expected = self.open_calls(line)
            watch.stood = line.segment() in ("stopped", "restarting")
        elif line.pi.ready:
            watch.expected = None

    def started(self, line: "Line") -> None:
        """Compare, now that it is there again."""
        watch = self.watch(line)
        watch.ready_ns = self._factory.time.now_ns
        expected, watch.expected = watch.expected, None
        if expected is None:
            return
        life, alive_ns = line.pi.lives, line.pi.alive_since_ns

        def compare() -> None:
            if line.pi.lives != life or not line.pi.ready:
                return
            there = self.open_calls(line)
            gone = {
                call: place
                for call, place in expected.items()
                if call not in there and not self.touched_within(place, alive_ns, NEVER)
            }
            self.holds("same", not gone, f"{line.name} has lost {gone}; it has {there}")
            if watch.stood:
                on = line.things.requests.get(f"stop-{line.name}", False)
                what = f"{line.name} stood before the cut, and is not asked to stand after it"
                self.holds("same", on, what)

        self._factory.later(100 * _MS, compare)

    def open_calls(self, line: "Line") -> dict[str, str]:
        return {call["call"]: station for station in line.stations for call in line.calls(station)}

    # -- between two moments -------------------------------------------------------------------

    def look(self) -> None:
        """Look at every lamp that has changed, now that everything has settled."""
        for line in self._factory.lines:
            disk, agent = line.pi.disk, line.pi.agent
            if agent is not None and disk is not None and disk.idle and not agent.outbox.pending():
                self.watch(line).safe_ns = self._factory.time.now_ns
        if not self._changed:
            return
        self._changed = False
        for line in self._factory.lines:
            self._listen(line)
            for station in line.stations:
                self._look_at(line, station)

    def _listen(self, line: "Line") -> None:
        """Take note of how long a restart is announced at every station of a line."""
        watch, now_ns = self.watch(line), self._factory.time.now_ns
        sounds = all(line.things.tower(one).tune == Tune.RESTART for one in line.stations)
        if sounds and watch.warned_ns is None:
            watch.warned_ns = now_ns
        elif not sounds and watch.warned_ns is not None:
            watch.warned_for_ns, watch.warned_ns = now_ns - watch.warned_ns, None

    def _look_at(self, line: "Line", station: str) -> None:
        tower = line.things.tower(station)
        if line.pi.agent is None:
            self.holds("dark", not tower.lights, f"{station} shows {tower.words()}")
            return
        plain = tower.lights.keys() == {"green"}
        if plain and line.pi.ready:
            calls, faults = line.calls(station), line.faults(station)
            what = f"{station} shows {tower.words()}; calls {calls}, faults {faults}"
            self.holds("green", not calls and not faults, what)

    def broken_wire(self, line: "Line", station: str) -> None:
        """Look at the tower of a station whose wire broke a while ago."""
        if line.pi.ready:
            tower = line.things.tower(station)
            what = f"{station} shows {tower.words()} while its wire is broken"
            self.holds("green", "green" not in tower.lights, what)

    # -- what is heard -------------------------------------------------------------------------

    def lit(self, station: str, answer: Answer) -> None:
        """Take an answer of a scanner."""
        self.answers[answer.outcome] += 1
        if answer.outcome is Outcome.ACCEPTED and answer.event_id is not None:
            twice = answer.event_id in self.accepted
            self.holds("scan", not twice, f"{answer.event_id} was answered twice")
            self.accepted[answer.event_id] = station

    def heard(self, topic: str, payload: bytes) -> None:
        """Hear what the plant's subscriber hears."""
        said = json.loads(payload) if payload else {}
        if topic.endswith("/result"):
            self.results.append(said)
        if "sequence" not in said:
            return
        known = self.known.get(said["id"])
        fingerprint = f"{topic} {said['type']} {json.dumps(said['data'], sort_keys=True)}"
        if known is not None:
            what = f"{said['id']} was {known}, and is {fingerprint}"
            self.holds("once", known == fingerprint, what)
            return
        self.known[said["id"]] = fingerprint
        lane, number = (said["source"], said["lane"]), int(said["sequence"])
        key = (said["agent"], said["epoch"])
        self.numbers.setdefault(key, set()).add(number)
        before = self._last.get(lane, 0)
        self.holds("order", number > before, f"{said['id']} comes after {before} of {lane}")
        self._last[lane] = number
        line = next(one for one in self._factory.lines if one.pi.name == said["agent"])
        at_ns = line.pi.true_ns(said["bootid"], int(said["monons"]))
        self.events.append(Event(at_ns, said))
