"""The andon of this agent: contacts, people and time in; lights, stops and events out.

Rules:
1. Lights and horns first, then the line's outputs, then the journal. Nothing on that way waits for
   disk, broker or log, and all of it works before the journal is open.
2. What was felt before the journal could say what was open is kept, in order, and happens again on
   the floor that was restored: its light was never late, and its event has its own moment.
3. A stop output is the state of its segment, made anew after every act; it is started only once the
   journal has said whether a stop is open. Where no journal can be opened it is started once the
   line must stand: until then nobody knows what it may release.
"""

from collections.abc import Callable
from typing import Any, Final

from edge_agent.andon.dues import due_ns
from edge_agent.andon.early import PASSING, Early
from edge_agent.andon.feels import Feels
from edge_agent.andon.inputs import Inputs
from edge_agent.andon.keeping import Keeping
from edge_agent.andon.kept import kept, take_up
from edge_agent.andon.ladder import Ladder
from edge_agent.andon.measuring import Measuring
from edge_agent.andon.orders import Orders
from edge_agent.andon.pacing import Pacing
from edge_agent.andon.plan import objection, people_of, plan_of, zone_of
from edge_agent.andon.positions import OF_PEOPLE, Positions
from edge_agent.andon.pulses import Pulses
from edge_agent.andon.shop_time import ShopTime
from edge_agent.andon.states import States
from edge_agent.andon.takts import Takts
from edge_agent.andon.telling import Telling
from edge_agent.andon.towers import Towers, untrusted
from edge_agent.configuration import Configuration, Segment
from edge_agent.domain import segment as seg
from edge_agent.domain.contact import Feel
from edge_agent.domain.looks import SHIPPED, Showing, with_changes
from edge_agent.domain.posts import Key
from edge_agent.domain.standing import loud, showing
from edge_agent.domain.told import ENDED, RAISED, Told
from edge_agent.outbox import Outbox
from edge_agent.ports import Contact, Output
from edge_agent.reactor import Reactor
from edge_agent.records import Restored
from edge_agent.wire.topics import Topics

UNMUTING: Final = frozenset({RAISED, "andon.stopped", "andon.escalated"})
"""What ends a mute: a new call, and one that has become worse and nobody has answered."""


class Andon:
    """Owns the floor of this agent, and what shows it."""

    def __init__(
        self,
        *,
        reactor: Reactor,
        configuration: Configuration,
        topics: Topics,
        outbox: Outbox,
        synced: Callable[[], bool],
    ) -> None:
        self._clock = reactor.clock
        self._configuration = configuration
        self._synced = synced
        self._shift: str | None = None  # by whose ladders calls are answered
        self.plan = plan_of(configuration)
        self.floor = self.plan.floor()
        self.contacts: dict[str, Contact] = {}
        self.outputs: dict[str, Output] = {}
        self.towers = Towers(reactor, with_changes(SHIPPED, configuration.looks))
        self.telling = Telling(topics=topics, agent=configuration.agent.id, outbox=outbox)
        self.keeping = Keeping(outbox, synced)
        self.shop = ShopTime(self._clock, synced)
        self.shop.plan_by(configuration)
        self.positions = Positions(reactor, self._reached)
        self.feels, self.inputs = Feels(self), Inputs(self)
        self.pacing, self.measuring = Pacing(self), Measuring(self)
        self.orders = Orders(self, people_of(configuration))
        self.ladder = Ladder(self)
        self.states = States(
            topics=topics,
            agent=configuration.agent.id,
            telling=self.telling,
            showing=self.showing,
            zone=zone_of(configuration),
            clock=self._clock,
        )
        self._worked, self.takts = True, Takts(self.shop)
        self.takts.replan(configuration.segments)
        self.pulses = Pulses(self)
        self.pulses.replan(configuration.segments)
        self.open = False
        self._shut = self.replaying = False
        self._start_output: Callable[[str], None] = lambda _: None
        self.early = Early()
        self._timer = reactor.timer(self._ring)
        self.press_to_light_max_ns = self._felt_since_ns = -1
        self.changed: Callable[[], None] = lambda: None
        self.unsure: Callable[[bool], None] = lambda _: None
        """Told when it is not known what was open, and when hands have started every line."""
        self.unstarted: set[str] = set()  # lines that stand since nobody knows what was open
        self._acquaint()

    def _acquaint(self) -> None:
        """Let the parts ask what another one knows."""
        self.towers.showing = self.showing
        self.towers.loud = lambda one: loud(self.floor, one) or self.pulses.missing(one)
        self.positions.contacts = self.contacts
        self.positions.stations_of = self._stations_of
        self.shop.moving = self.inputs.moving
        self.states.ours = self._speaks_for
        self.states.scheduled = self.shop.working
        self.states.pace, self.states.asked = self.pacing.state, self.ladder.asked
        self.pacing.segments = self.segments
        telling = self.telling
        telling.training = self._in_training
        telling.due = self.takts.due_ns
        telling.shift, telling.split = self.shop.shift, self.shop.split
        telling.gap_unknown = self.keeping.unknown
        telling.clock_is_set, telling.on_duty = self.clock_is_set, self.ladder.on_duty
        telling.may_stop = self._may_stop
        telling.notified, telling.net_ns = self.ladder.escalated, self.shop.net_ns

    def replan(self, configuration: Configuration) -> None:
        """Take other rules while calls are open; what is open stays open, by the new rules."""
        self._configuration = configuration
        self.plan = plan_of(configuration, self._shift)
        now_ns = self._clock.mono_ns()
        told = self.floor.replan(*(self.plan.homes, self.plan.rules, self.plan.categories), now_ns)
        self.orders.people = people_of(configuration)
        self.states.zone = zone_of(configuration)
        self.pacing.plans.close(self.wall_ns())
        self.shop.plan_by(configuration)
        self.pacing.replan()
        self.measuring.replan()
        self.towers.looks = with_changes(SHIPPED, configuration.looks)
        self.takts.replan(configuration.segments)
        self.pulses.replan(configuration.segments)
        self.floor.rest(now_ns, working=self.shop.working())  # other ladders may rest now
        self.settle(told, now_ns)
        self.looked()

    def objection(self, wanted: Configuration) -> str:
        """Say why these rules cannot be taken now: they know nothing of a line that stands."""
        return objection(self.floor, self._configuration, wanted)

    # -- devices -------------------------------------------------------------------------------

    def add_contact(self, contact: Contact) -> None:
        """Take a contact in; what its level is at a start is no pull."""
        self.contacts[contact.name] = contact
        if self._felt_since_ns < 0:
            self._felt_since_ns = self._clock.mono_ns()

    def add_output(self, output: Output) -> None:
        """Take an output in, before it is started: what it is to ask for is known."""
        self.outputs[output.name] = output
        if output.heartbeat:
            output.request(on=True)  # it beats as long as the loop turns
        self._request()

    def remove(self, name: str) -> None:
        """Let a contact or an output go."""
        self.contacts.pop(name, None)
        self.outputs.pop(name, None)
        self.feels.forget(name)

    def looked(self) -> None:
        """Show what is true now that every device was tried."""
        now_ns = self._clock.mono_ns()
        told = self.inputs.see(now_ns) if self.open or self._shut else []
        self.settle(told + self.inputs.all_flows(now_ns), now_ns)

    # -- what happens --------------------------------------------------------------------------

    def felt(self, contact: Contact, feel: Feel, at_mono_ns: int, _at_wall_ns: int) -> None:
        """Take what a contact felt: light, stop and event, in this order (`ports.Felt`)."""
        if contact.purpose in OF_PEOPLE:
            self._boundaries(at_mono_ns)
            self.positions.before(contact, at_mono_ns)
        if not self.open and contact.purpose not in PASSING:
            self.early.keep(at_mono_ns, lambda: self.feels.act(contact, feel, at_mono_ns))
        told = self.feels.act(contact, feel, at_mono_ns)
        lit_ns = self.settle(told, at_mono_ns)
        if lit_ns is not None and feel is Feel.ON:
            took_ns = lit_ns - contact.settled_ns
            self.press_to_light_max_ns = max(self.press_to_light_max_ns, took_ns)
        self.positions.look(self._clock.mono_ns())

    def settle(self, told: list[Told], at_ns: int) -> int | None:
        """Show, ask and tell what an act has changed; gives the moment of a new light or sound."""
        for one in told:
            if one.says in UNMUTING:
                self.towers.unmute(one.station)
            if one.says == ENDED and one.segment in self.unstarted:
                self.unstarted.discard(one.segment)
                if not self.unstarted:
                    self.unsure(False)
        now_ns = self._clock.mono_ns()
        self._work(now_ns)
        lit_ns = None
        if not self.replaying:
            if self.towers.refresh(self.floor.homes, now_ns):
                lit_ns = self._clock.mono_ns()
            self._request()
        if self.open:
            for one in told:
                self.telling.tell(one, at_ns)
            self.measuring.take(told, at_ns)
            self.measuring.look(now_ns)
            self.pacing.follow(now_ns)
            self.keeping.note(self.floor, now_ns, self.telling.noted())
        self._timer.due_ns = due_ns(self, now_ns)
        if told or lit_ns is not None or self.pacing.shown(now_ns):
            self.changed()
        return lit_ns

    def _request(self) -> None:
        """Make every stop output ask for what its segment is."""
        for one in self._configuration.segments:
            output = self.outputs.get(one.stop_output or "")
            wanted = self.floor.stands(one.id) and one.id not in self.floor.training
            if output is not None and output.on is not wanted:
                output.request(on=wanted)
                if self._shut:
                    self._start_output(output.name)

    def _work(self, now_ns: int) -> None:
        """Have timers rest outside of working time, and go on in it."""
        working = self.shop.working()
        if working is not self._worked:
            self._worked = working
            self.floor.rest(now_ns, working=working)
        self.takts.follow(self.floor, now_ns, working=working)
        self.pulses.follow(now_ns, working=working)

    def _reached(self, segment: str, at_ns: int) -> None:
        told = self.floor.fixed(segment, at_ns)
        if told and not self.open:
            self.early.keep(at_ns, lambda: self.floor.fixed(segment, at_ns))
        self.settle(told, at_ns)

    # -- time ----------------------------------------------------------------------------------

    def _ring(self, now_ns: int) -> int:
        if self.shop.has_calendar():
            self.takts.replan(self._configuration.segments)  # another shift, another takt
            self._take_ladders()
        passed = self._boundaries(now_ns)
        self.pulses.ring(now_ns)
        if self.open:
            self.pacing.ring(now_ns)
        self.settle(self.floor.ring(now_ns) + self.inputs.go_on(now_ns), now_ns)
        if passed:
            self.changed()  # the fixed position that is due is another one
        return due_ns(self, now_ns)

    def _boundaries(self, upto_ns: int) -> bool:
        """Take the boundaries of takts up to a moment; says whether there were any."""
        passed = self.takts.passed(upto_ns)
        for name, at_ns in passed:
            self.positions.at(name, at_ns)
        return bool(passed)

    def _take_ladders(self) -> None:
        """Go by the ladders of the shift that runs now."""
        shift = self.shop.shift(self.wall_ns())
        if shift != self._shift:
            self._shift = shift
            self.plan = plan_of(self._configuration, shift)
            self.floor.go_by(self.plan.categories)

    # -- what is true --------------------------------------------------------------------------

    def showing(self, station: str) -> frozenset[Showing]:
        """Say every condition of a station."""
        found = showing(self.floor, station, self._clock.mono_ns())
        if not self.open or untrusted(self.contacts, station):
            found.add(Showing.UNWELL)
        segment = self.floor.segment_of(station)
        if segment is not None and segment.state is seg.State.UNKNOWN:
            found.add(Showing.UNWELL)
        if self.pacing.late(station):
            found.add(Showing.OVERRUN)
        if not self._worked and Showing.NORMAL in found:
            found.discard(Showing.NORMAL)
            found.add(Showing.NOT_SCHEDULED)
        return frozenset(found)

    def _stations_of(self, segment: str) -> list[str]:
        return self.floor.stations_of(segment)

    def segments(self) -> tuple[Segment, ...]:
        """Give the segments that are written down."""
        return self._configuration.segments

    def in_training(self, station: str) -> bool:
        """Say whether what happens at a station now is training."""
        return self.floor.in_training(station)

    def clock_is_set(self) -> bool:
        """Say whether the wall clock may be believed."""
        return self._synced()

    def mono_ns(self) -> int:
        """Say what the monotonic clock says now."""
        return self._clock.mono_ns()

    def wall_ns(self) -> int:
        """Say what the wall clock says now."""
        return self._clock.wall_ns()

    def _speaks_for(self, segment: str) -> bool:
        own = (None, self._configuration.agent.id)
        return all(one.owner in own for one in self.segments() if one.id == segment)

    def _may_stop(self, key: Key) -> bool:
        return self.floor.may_stop(key)

    def _in_training(self, station: str, segment: str) -> bool:
        return segment in self.floor.training if segment else self.floor.in_training(station)

    def document(self) -> dict[str, Any]:
        """Say what is true of every station and segment, for `status`."""
        return self.states.document(self.floor, self._clock.mono_ns())

    def counters(self) -> dict[str, Any]:
        """Give the counters of andon; none of a light that nobody has asked for yet."""
        slowest_ns = self.press_to_light_max_ns
        return {
            "press_to_light_ms_max": None if slowest_ns < 0 else round(slowest_ns / 1e6, 3),
            "andon_lost": self.telling.lost + self.early.lost,
        }

    # -- the journal ---------------------------------------------------------------------------

    def shut_out(self, start_output: Callable[[str], None]) -> None:
        """Go on without the journal, which cannot be opened: cords stop the line all the same.

        `start_output` starts an output by its name; it is called once its line must stand.
        """
        if not self.open:
            self._shut, self._start_output = True, start_output
            self.looked()

    def opened(self, restored: Restored) -> None:
        """Take up what was open, and let what was felt meanwhile happen on it."""
        now_ns = self._clock.mono_ns()
        stood = [name for name in self.floor.segments if self._shut and self.floor.stands(name)]
        self.floor, self.feels = self.plan.floor(), Feels(self)
        self.takts.replan(self._configuration.segments)
        self.keeping.more = lambda: kept(self)
        felt_since_ns = now_ns if self._felt_since_ns < 0 else self._felt_since_ns
        was = self.keeping.restore(self.floor, restored, felt_since_ns)
        take_up(self, was, now_ns)
        self._take_ladders()
        self._worked = self.shop.working()
        self.floor.rest(now_ns, working=self._worked)
        self.open = self.replaying = True
        if self._shut:
            self._shut = False
            self.settle(self.inputs.see(now_ns), now_ns)
        held = [one for name, one in self.floor.segments.items() if self.floor.stands(name)]

        def happen(told: list[Told], at_ns: int) -> None:
            self.settle(told, at_ns)
            for one in held:
                one.warn_anew(now_ns)  # what stood from before could not be announced until now

        self.feels.kept_open = frozenset(self.floor.open_ids())
        self.early.again(happen)
        self.feels.kept_open = frozenset()
        for name in stood:  # whatever is known now: it was stopped, and people stand in it
            if name in self.floor.segments:
                self.settle(self.floor.stand(name, now_ns), now_ns)
        for contact in self.contacts.values():
            self.settle(self.feels.compare(contact, now_ns), now_ns)
        if self.keeping.lost(restored):
            self._stand_all(now_ns)
        self.replaying = False
        self.settle(self.keeping.taken_away, now_ns)

    def _stand_all(self, now_ns: int) -> None:
        """Have every line that can be stopped be looked at, and started, by a hand."""
        stops = [one.id for one in self._configuration.segments if one.stop_output is not None]
        self.unsure(True)
        for segment in stops:
            self.settle(self.floor.stand(segment, now_ns), now_ns)
        self.unstarted = set(stops)
        if not stops:
            self.unsure(False)

    def clock_set(self) -> None:
        """Put right how long nobody watched, now that the wall clock is known."""
        gap_ns = self.keeping.clock_set(self.floor)
        self.pacing.lengthen(gap_ns, self.keeping.begun_ns)
        self.takts.replan(self._configuration.segments)
        self.settle([], self._clock.mono_ns())
