"""The play: broker, line, people and subscriber on one reactor, and what a visitor may do."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.demo.arrivals import Arrivals
from edge_agent.demo.broker import Broker, Link
from edge_agent.demo.leading import FLOOR_KEYS, Floor
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.line import BASE, AgentProcess, Answer, Life, Line
from edge_agent.demo.people import Handler
from edge_agent.ports import Clock
from edge_agent.reactor import NEVER, Reactor
from edge_agent.wire.payload import wall_ns

GATHER_S: Final = 60.0
"""How long agents and subscriber may take until the shift begins; then the demo has failed."""

FINISH_S: Final = 90.0
"""How long the end waits for what is accepted and has not arrived; then the books disagree."""

LEAVE_S: Final = 3.0
"""How long an agent may take to leave when asked; then it is killed."""

HISTORY_MAX: Final = 400
"""Samples of `waiting` that are remembered, one a second; older ones are forgotten."""

HAPPENINGS_MAX: Final = 40
"""Lines of what happened that are remembered; older ones are forgotten."""

_SEED: Final = 2_026
_SAMPLE_NS: Final = 1_000_000_000
_CHECK_NS: Final = 50_000_000
_IDLE_NS: Final = 20_000_000
_FLOOR_NS: Final = 200_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What the visitor has asked for: `seconds` of work (None: until told to stop), port, pace."""

    seconds: float | None = None
    port: int | None = None
    speed: float = 1.0


class Show:
    """Everything that plays, and the state that a view draws.

    `say(line)` gets one line per event, at once. `mosquitto` says where that is, None takes amqtt.
    `done` is true when everything is over; then `ledger` has the last word.
    """

    def __init__(
        self,
        reactor: Reactor,
        clock: Clock,
        folder: Path,
        wish: Wish,
        say: Callable[[str], None],
        *,
        mosquitto: str | None,
    ) -> None:
        self._reactor = reactor
        self._now = reactor.clock.mono_ns
        self._wall_ns = clock.wall_ns
        self._wish = wish
        self._say = say
        self._began_ns = self._now()
        self.ledger = Ledger()
        self.happenings: deque[tuple[float, str]] = deque(maxlen=HAPPENINGS_MAX)
        self.history: deque[int] = deque(maxlen=HISTORY_MAX)
        self.finishing = False
        self.done = False
        self.begun = False
        self.failed = False
        self._playing = False
        self._tries = 0
        self._end_ns = NEVER
        self._link_ns = self._began_ns
        self.broker = Broker(
            reactor, folder, port=wish.port, changed=self._link_changed, mosquitto=mosquitto
        )
        self.line = Line(
            reactor,
            folder,
            self.broker.address,
            answered=self._answered,
            changed=self._life_changed,
        )
        self.arrivals = Arrivals(
            reactor, clock, self.broker.port, BASE, arrived=self._arrived, noted=self.note
        )
        self._handlers: list[Handler] = []
        self.floor = Floor(self.line, wish.speed, _SEED, self._began_ns)
        self._timers = [
            reactor.timer(self._people),
            reactor.timer(self._sample),
            reactor.timer(self._check),
            reactor.timer(self._floor),
        ]

    # -- what a view reads ---------------------------------------------------------------------

    def age_s(self) -> float:
        """Seconds since the curtain rose."""
        return (self._now() - self._began_ns) / 1e9

    def link_age_s(self) -> float:
        """Seconds since the broker came or went."""
        return (self._now() - self._link_ns) / 1e9

    def takt_left_s(self, segment: dict[str, Any]) -> float | None:
        """Seconds until the fixed position of a segment; None while it stands."""
        if segment["due"] is None:
            return None
        return (wall_ns(segment["due"].encode()) - self._wall_ns()) / 1e9

    # -- what the visitor does -----------------------------------------------------------------

    def open(self) -> None:
        """Start the broker; NoBroker if it will not."""
        self.broker.start()

    def start(self) -> None:
        """Raise the curtain: agents, subscriber, people."""
        self._playing = True
        self._began_ns = now_ns = self._now()
        self.line.start()
        self.arrivals.start()
        for number, station in enumerate(self.line.stations, 1):
            self._handlers.append(
                Handler(station.id, number * 1000, self._wish.speed, _SEED, now_ns)
            )
        self._end_ns = now_ns + int(GATHER_S * 1e9)
        for timer in self._timers:
            timer.due_ns = now_ns

    def press(self, key: str) -> None:
        """Do what a key stands for; unknown ones do nothing."""
        if key in ("q", "Q", "\x03", "\x04"):
            self.finish()
        elif self.finishing:
            return
        elif key == "c":
            self.cut_or_restore()
        elif key in FLOOR_KEYS:
            self.floor.do(FLOOR_KEYS[key])
        for station in self.line.stations:
            if key == station.key:
                self._tries += 1
                self._scan(station.id, f"V-{self._tries:04}")
            elif key == station.cord_key and not station.press("cord"):
                self.note(f"{station.id}: somebody pulls, and nobody is there to feel it")
        for agent in self.line.agents:
            if key == agent.key:
                self.kill_or_restart(agent)

    def cut_or_restore(self) -> None:
        """Kill the broker with everything it remembers, or start it again."""
        if self.broker.link is Link.UP:
            self.broker.cut()
        else:
            self.broker.restore()

    def kill_or_restart(self, agent: AgentProcess) -> None:
        """`kill -9` an agent, or start it again."""
        if agent.life is Life.RUNNING:
            agent.kill()
        else:
            agent.start()

    def finish(self) -> None:
        """Send the people home and wait for what is on its way; asked twice, leave at once."""
        if self.finishing:
            self.done = True
            return
        self.finishing = True
        self._end_ns = self._now() + int(FINISH_S * 1e9)
        for handler in self._handlers:
            handler.go_home()
        self.floor.go_home()
        if self.broker.link is not Link.UP:
            self.broker.restore()
        for agent in self.line.agents:
            agent.start()
        self.note("the people go home")

    def stop(self) -> None:
        """Let everything leave, and end what does not."""
        for timer in self._timers:
            self._reactor.forget(timer)
        for agent in self.line.agents:
            agent.leave()
        end_ns = self._now() + int(LEAVE_S * 1e9)
        pause = self._reactor.timer(lambda now_ns: now_ns + _IDLE_NS, self._now())
        while any(agent.pid for agent in self.line.agents) and self._now() < end_ns:
            self._reactor.turn()
        self._reactor.forget(pause)
        self.line.stop()
        self.arrivals.stop()
        self.broker.stop()

    def note(self, what: str) -> None:
        """Remember what happened, and say it."""
        self.happenings.appendleft((self.age_s(), what))
        self._say(what)

    # -- what happens --------------------------------------------------------------------------

    def _people(self, now_ns: int) -> int:
        if not self.begun:
            if self.finishing or not self._all_there():
                return now_ns + _IDLE_NS
            self._begin(now_ns)
        for handler in self._handlers:
            text = handler.act(now_ns)
            if text is not None:
                self._scan(handler.station, text)
        return min(handler.due_ns for handler in self._handlers)

    def _floor(self, now_ns: int) -> int:
        if self.begun:
            self.floor.act(now_ns)
        return now_ns + _FLOOR_NS

    def _begin(self, now_ns: int) -> None:
        self.begun = True
        seconds = self._wish.seconds
        self._end_ns = NEVER if seconds is None else now_ns + int(seconds * 1e9)
        self.note("the shift begins")

    def _all_there(self) -> bool:
        return self.arrivals.listening and all(
            agent.standing and agent.standing.ready for agent in self.line.agents
        )

    def _scan(self, station_id: str, text: str) -> None:
        for station in self.line.stations:
            if station.id == station_id:
                self.ledger.scan_made(station_id, text)
                station.scan(text, self._now())

    def _answered(self, answer: Answer) -> None:
        self.ledger.light_seen(answer.outcome, answer.event_id)
        reason = f" ({answer.reason})" if answer.reason else ""
        self._say(
            f"{answer.station} {answer.outcome} {answer.text}{reason} {answer.event_id or '-'}"
        )
        for handler in self._handlers:
            if handler.station == answer.station:
                handler.lit(answer.text, self._now())
                self._timers[0].due_ns = min(self._timers[0].due_ns, handler.due_ns)

    def _arrived(self, event_id: str, station_id: str, text: str) -> None:
        self.line.look()  # the light was first: tell it first
        self.ledger.event_arrived(event_id, station_id, text)
        self._say(f"{station_id} arrived {text} {event_id}")
        for station in self.line.stations:
            if station.id == station_id:
                station.arrived(text)

    def _link_changed(self) -> None:
        if not self._playing:
            return
        self._link_ns = self._now()
        link, name = self.broker.link, self.broker.engine
        if link is Link.UP:
            self.note(f"the broker runs ({name})")
        elif link is Link.CUT:
            self.note(f"the broker was killed ({name}), with everything in its memory")
        else:
            self.note(f"the broker has died by itself ({name})")

    def _life_changed(self, agent: AgentProcess) -> None:
        if agent.life is Life.RUNNING:
            self.note(f"{agent.id} starts")
        elif agent.life is Life.KILLED:
            self.note(f"{agent.id} was killed with SIGKILL")
        elif agent.life is Life.DIED:
            words = agent.last_words().splitlines()[-1:] or ["it said nothing"]
            self.note(f"{agent.id} died with exit code {agent.code}: {words[0]}")

    def _fail(self) -> None:
        self.done = self.failed = True
        for agent in self.line.agents:
            if agent.standing is None or not agent.standing.ready:
                self.note(f"{agent.id} never got ready: {agent.last_words() or 'it said nothing'}")
        if not self.arrivals.listening:
            self.note("the subscriber never got through to the broker")

    def _sample(self, now_ns: int) -> int:
        self.history.append(self.ledger.waiting)
        return now_ns + _SAMPLE_NS

    def _check(self, now_ns: int) -> int:
        if now_ns >= self._end_ns and not self.begun and not self.finishing:
            self._fail()
        elif now_ns >= self._end_ns:
            self.finish()  # for the second time: the patience of the end is over
        elif self.finishing:
            home = all(handler.holds is None for handler in self._handlers)
            empty = all(
                agent.standing is not None and agent.standing.waiting == 0
                for agent in self.line.agents
            )
            self.done = home and empty and self.ledger.agrees
        return now_ns + _CHECK_NS
