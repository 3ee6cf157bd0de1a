"""What people ask of the line: by badge and code at a station's scanner, by command from afar.

Rules:
1. Who may do what is said by his roles; from afar the role is the topic's, at the station that of
   the badge that was scanned there last.
2. From afar one can say "taken". Acknowledging needs somebody at the station; clearing from afar
   closes only a call that stops nothing and was acknowledged at the station.
3. No order clears a fault that is still there, releases a stop output, starts a line, or silences
   a restart warning.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge_agent.andon.towers import LAMP_TEST_NS, MUTE_MAX_NS
from edge_agent.domain.call import REFUSED, State, Trigger
from edge_agent.domain.people import Act, Meaning, People, may, roles_that_may
from edge_agent.domain.segment import State as Stands
from edge_agent.domain.segment import Trigger as Flow
from edge_agent.domain.told import Told
from edge_agent.wire import orders
from edge_agent.wire import payload as wire
from edge_agent.wire.messages import Refusal
from edge_agent.wire.orders import LineOrder

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

_ACTS: Final = {
    orders.ACK: Act.TAKE,
    orders.CLEAR: Act.CLEAR,
    orders.CONFIRM_STOP: Act.CONFIRM_STOP,
    orders.RESET_FAULT: Act.RESET_FAULT,
    orders.MUTE: Act.MUTE,
    orders.LAMP_TEST: Act.LAMP_TEST,
    orders.BYPASS: Act.BYPASS,
    orders.TRAINING: Act.TRAINING,
    orders.REASON: Act.REASON,
    orders.COUNT: Act.COUNT,
    orders.CHANGEOVER: Act.CHANGEOVER,
    orders.WORKED: Act.WORKED,
    orders.HANDOVER: Act.HANDOVER,
    orders.MAINTAINED: Act.MAINTAINED,
}
_WORDS: Final = {
    "ACK": (Act.TAKE, Trigger.ACK),
    "CLEAR": (Act.CLEAR, Trigger.CLEAR),
    "CONFIRM-STOP": (Act.CONFIRM_STOP, Trigger.CONFIRM),
    "HANDOVER": (Act.HANDOVER, None),
}


class Answer(NamedTuple):
    """What became of an order: no `refused` is done; `message` says it for people."""

    message: str
    refused: Refusal | None = None


class Orders:
    """Obeys what an `Andon` is asked."""

    def __init__(self, andon: "Andon", people: People) -> None:
        self._andon = andon
        self.people = people
        self._handed_to: dict[str, list[str]] = {}  # segment or station -> day and shift

    # -- from afar -----------------------------------------------------------------------------

    def obey(self, order: LineOrder, at_ns: int) -> Answer:
        """Do what a command asks, or say why not."""
        act = _ACTS.get(order.kind)
        if act is None:
            return Answer(f"{order.kind} is not known to this agent", Refusal.UNKNOWN)
        if order.station not in self._andon.floor.homes:
            return Answer(f"{order.station} is no station of this agent", Refusal.UNKNOWN)
        if not may((order.role,), act):
            able = ", ".join(roles_that_may(act))
            return Answer(f"the role {order.role} may not {act}; {able} may", Refusal.NOT_ALLOWED)
        obeyed: Callable[[LineOrder, int], Answer] = {
            Act.TAKE: self._take,
            Act.CONFIRM_STOP: self._want,
            Act.CLEAR: self._clear,
            Act.RESET_FAULT: self._reset,
            Act.BYPASS: self._bypass,
            Act.TRAINING: self._training,
            Act.REASON: self._reason,
            Act.MUTE: self._mute,
            Act.LAMP_TEST: self._lamp_test,
            Act.COUNT: self._count,
            Act.CHANGEOVER: self._changeover,
            Act.WORKED: self._work,
            Act.HANDOVER: self._hand_over,
            Act.MAINTAINED: self._maintain,
        }[act]
        return obeyed(order, at_ns)

    def _take(self, order: LineOrder, at_ns: int) -> Answer:
        return self._told(self._do(Trigger.TAKE, order, at_ns), at_ns)

    def _want(self, order: LineOrder, at_ns: int) -> Answer:
        return self._told(self._do(Trigger.WANT, order, at_ns), at_ns)

    def _mute(self, order: LineOrder, at_ns: int) -> Answer:
        for_ns = MUTE_MAX_NS if order.for_s is None else int(order.for_s * 1e9)
        self._andon.towers.mute(order.station, for_ns, at_ns)
        return Answer("muted until the next call, or until its time is over")

    def _lamp_test(self, order: LineOrder, at_ns: int) -> Answer:
        for_ns = LAMP_TEST_NS if order.for_s is None else int(order.for_s * 1e9)
        self._andon.towers.test(order.station, for_ns, at_ns)
        return Answer("every lamp is lit until its time is over, or something changes there")

    def _do(self, trigger: Trigger, order: LineOrder, at_ns: int) -> list[Told]:
        return self._andon.floor.do(
            trigger,
            order.station,
            at_ns,
            category=order.category,
            call=order.call,
            actor=order.actor,
        )

    def _told(self, told: list[Told], at_ns: int) -> Answer:
        self._andon.settle(told, at_ns)
        refused = [one for one in told if one.says == REFUSED]
        if refused and len(refused) == len(told):
            none = refused[0].call is None
            return Answer(refused[0].why, Refusal.NO_SUCH_CALL if none else Refusal.ILLEGAL)
        return Answer("done")

    def _clear(self, order: LineOrder, at_ns: int) -> Answer:
        floor = self._andon.floor
        fitting = [
            (category, call)
            for category, call in floor.open_calls(order.station)
            if order.category in (None, category) and order.call in (None, call.id)
        ]
        for category, call in fitting:
            if floor.category(order.station, category).stops:
                why = f"{category} may stop the line: it is cleared at the station"
                return Answer(why, Refusal.NOT_HERE)
            if call.state is not State.ACKED:
                why = f"{category} was not acknowledged at the station yet"
                return Answer(why, Refusal.NOT_HERE)
        return self._told(self._do(Trigger.CLEAR, order, at_ns), at_ns)

    def _reset(self, order: LineOrder, at_ns: int) -> Answer:
        told = self._andon.inputs.reset_fault(
            order.station, at_ns, category=order.category, actor=order.actor
        )
        self._andon.settle(told, at_ns)
        if not told:
            return Answer("no input of this station is faulty", Refusal.NO_SUCH_CALL)
        refused = next((one for one in told if one.says == REFUSED), None)
        return Answer("done") if refused is None else Answer(refused.why, Refusal.FAULT_PRESENT)

    def _bypass(self, order: LineOrder, at_ns: int) -> Answer:
        assert order.category is not None, "the parser asks for it"
        if not self._andon.floor.knows(order.station, order.category):
            why = f"{order.station} has no calls of the category {order.category}"
            return Answer(why, Refusal.UNKNOWN)
        ends = order.on is False or not order.for_s
        until_ns = None if ends else at_ns + int((order.for_s or 0) * 1e9)
        key = (order.station, order.category)
        told = self._andon.floor.bypass(key, until_ns, at_ns, order.actor, order.reason or "")
        self._andon.settle(told, at_ns)
        if not told:
            return Answer("there is no such bypass", Refusal.NO_SUCH_CALL)
        return Answer("its calls stop the line again" if ends else "its calls stop nothing")

    def _training(self, order: LineOrder, at_ns: int) -> Answer:
        floor = self._andon.floor
        home = floor.homes[order.station] or order.station
        stations = floor.stations_of(home) or [order.station]
        if any(floor.open_calls(station) for station in stations):
            return Answer("clear the open calls first", Refusal.ILLEGAL)
        segment = floor.segments.get(home)
        if segment is not None and segment.state in (Stands.STOPPED, Stands.RESTARTING):
            return Answer("start the line first", Refusal.ILLEGAL)
        if order.on is (home in floor.training):
            return Answer("it is so already")
        kind = "andon.training_started" if order.on else "andon.training_ended"
        plain = {
            "station": order.station,
            "segment": floor.homes[order.station] or None,
            "actor": order.actor,
        }
        if order.on:
            floor.training.add(home)
        else:
            floor.training.discard(home)
        self._andon.telling.write("andon", order.station, kind, plain, at_ns)
        self._andon.settle([], at_ns)
        return Answer("done")

    def _reason(self, order: LineOrder, at_ns: int) -> Answer:
        reason = order.reason or ""
        if self.people.reasons and reason not in self.people.reasons:
            known = ", ".join(sorted(self.people.reasons))
            return Answer(f"{reason} is no reason code; they are {known}", Refusal.UNKNOWN)
        told = self._andon.floor.give_reason(
            order.station, reason, order.actor, category=order.category, call=order.call
        )
        self._andon.settle(told, at_ns)
        if not told:
            return Answer("no call here waits for its reason", Refusal.NO_SUCH_CALL)
        return Answer("done")

    def _count(self, order: LineOrder, at_ns: int) -> Answer:
        parts = 1 if order.count is None else order.count
        self._andon.pacing.count(order.station, parts, at_ns, order.actor)
        self._andon.settle([], at_ns)
        return Answer(f"{parts} counted")

    def _changeover(self, order: LineOrder, at_ns: int) -> Answer:
        floor = self._andon.floor
        home = floor.homes[order.station]
        if home not in floor.segments:
            return Answer(f"{order.station} belongs to no segment", Refusal.ILLEGAL)
        begins = order.on is not False
        before = floor.segments[home].flow
        told = floor.flow(home, Flow.CHANGE if begins else Flow.GOOD, at_ns)
        if floor.segments[home].flow is before:
            return Answer(f"the segment is {before}", Refusal.ILLEGAL)
        if order.product is not None:
            self._andon.pacing.flows.next_product[home] = order.product
        if not begins:
            told += self._andon.inputs.flows(home, at_ns)
        self._andon.settle(told, at_ns)
        return Answer("the changeover " + ("begins" if begins else "is over"))

    def _maintain(self, order: LineOrder, at_ns: int) -> Answer:
        cycles = self._andon.pacing.maintained(order.station, at_ns, order.actor)
        if cycles is None:
            return Answer(f"nobody counts cycles at {order.station}", Refusal.ILLEGAL)
        self._andon.settle([], at_ns)
        return Answer(f"cycles are counted anew, after {cycles}")

    def _work(self, order: LineOrder, at_ns: int) -> Answer:
        shop = self._andon.shop
        if not shop.has_calendar():
            return Answer("without a calendar it is always working time", Refusal.ILLEGAL)
        if shop.known() is None:
            return Answer("until the clock is set it is working time", Refusal.ILLEGAL)
        until_ns = None if order.on is False else order.until_ns
        shop.work_until(until_ns)
        plain = {
            "until": None if until_ns is None else wire.rfc3339(until_ns).decode(),
            "actor": order.actor,
        }
        self._andon.pacing.write(order.station, "takt.worked", plain, at_ns)
        self._andon.settle([], at_ns)
        return Answer("it is working time" if shop.working() else "it is not working time")

    def _hand_over(self, order: LineOrder, at_ns: int) -> Answer:
        """Have the line taken over by who comes: once in a shift, by somebody who works in it."""
        floor, shop = self._andon.floor, self._andon.shop
        now = shop.stretch_at(self._andon.wall_ns())
        home = floor.homes[order.station]
        handed = self._handed_to.get(home or order.station)
        if now.shift is not None and handed == [now.day, now.shift]:
            return Answer(f"{now.shift} has taken over already", Refusal.ILLEGAL)
        if now.shift is not None and not self.people.may_work(order.actor, now.shift):
            return Answer(f"{order.actor} does not work in {now.shift}", Refusal.ILLEGAL)
        stations = floor.stations_of(home) if home else [order.station]
        plain: dict[str, Any] = {
            "station": order.station,
            "segment": home or None,
            "shift_from": None if handed is None else handed[1],
            "shift_to": now.shift,
            "calls": [call.id for one in stations for _, call in floor.open_calls(one)],
            "actor": order.actor,
        }
        if now.shift is not None:
            self._handed_to[home or order.station] = [now.day, now.shift]
        self._andon.telling.write("andon", order.station, "andon.handover", plain, at_ns)
        self._andon.settle([], at_ns)
        return Answer(f"{len(plain['calls'])} open calls taken over")

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {"handed_over": dict(self._handed_to)}

    def restore(self, kept: dict[str, Any]) -> None:
        """Read that back."""
        self._handed_to = dict(kept.get("handed_over", {}))

    # -- at the station ------------------------------------------------------------------------

    def scanned(self, station: str, text: str, at_ns: int) -> bool:
        """Take a text that was scanned at a station; True when it meant something here.

        Where scans are parts, any other one is a part that was made.
        """
        if self.heard(station, text, at_ns):
            return True
        if station in self._andon.plan.counting and self._andon.open:
            self._andon.pacing.count(station, 1, at_ns)
            self._andon.settle([], at_ns)
        return False

    def heard(self, station: str, text: str, at_ns: int) -> bool:
        """Take what a person says by a scan, whatever becomes of the scan; True when it is that."""
        meant = self.people.meaning(text)
        if meant is None:
            return False
        meaning, said = meant
        if meaning is Meaning.BADGE:
            told = self._badge(station, said, at_ns)
        elif meaning is Meaning.REASON:
            told = self.give_reason(station, said, at_ns)
        else:
            told = self._word(station, said, at_ns)
        self._andon.settle(told, at_ns)
        return True

    def give_reason(self, station: str, reason: str, at_ns: int) -> list[Told]:
        """Take a reason that was scanned, or pressed, at a station."""
        present = self.people.present(station, at_ns)
        actor = None if present is None else present.name
        return self._andon.floor.give_reason(station, reason, actor)

    def _badge(self, station: str, badge: str, at_ns: int) -> list[Told]:
        person = self.people.people[badge]
        if lacking := self.people.lacks(station, person):
            why = f"badge: {person.name} has not the skill {', '.join(lacking)} for this station"
            return [Told(REFUSED, station, actor=person.name, why=why, warns="leader")]
        self.people.arrives(station, badge, at_ns)
        floor = self._andon.floor
        unanswered = (State.CALLED, State.STOPPED)
        if not may(person.roles, Act.TAKE):
            return []
        if not any(call.state in unanswered for _, call in floor.open_calls(station)):
            return []
        return floor.do(Trigger.ACK, station, at_ns, actor=person.name)

    def _word(self, station: str, word: str, at_ns: int) -> list[Told]:
        present = self.people.present(station, at_ns)
        if word not in _WORDS:
            known = ", ".join(_WORDS)
            return [Told(REFUSED, station, why=f"{word[:32]}: is no word; they are {known}")]
        act, trigger = _WORDS[word]
        if present is None or not may(present.roles, act):
            why = f"{trigger or word}: scan the badge of somebody who may, then this"
            return [Told(REFUSED, station, why=why)]
        if trigger is None:
            answer = self._hand_over(LineOrder("", station, "", present.name), at_ns)
            why = f"{word}: {answer.message}"
            return [Told(REFUSED, station, actor=present.name, why=why)] if answer.refused else []
        resets = act is Act.CLEAR and may(present.roles, Act.RESET_FAULT)
        reset = self._andon.inputs.reset_fault(station, at_ns, actor=present.name) if resets else []
        if reset and not self._clearable(station):
            return reset
        return reset + self._andon.floor.do(trigger, station, at_ns, actor=present.name)

    def pressed_clear(self, station: str, at_ns: int) -> list[Told]:
        """Take the clear button: it trusts inputs again that are well, and clears what is open."""
        reset = self._andon.inputs.reset_fault(station, at_ns)
        if reset and not self._clearable(station):
            return reset
        if not self._may_clear(station, at_ns):
            why = f"{Trigger.CLEAR}: scan the badge of somebody who may, then press"
            return [*reset, Told(REFUSED, station, why=why)]
        return reset + self._andon.floor.do(Trigger.CLEAR, station, at_ns)

    def _clearable(self, station: str) -> bool:
        """Say whether a call is open at a station that no faulty input hides."""
        floor = self._andon.floor
        return any(not floor.post(station, one).faulty for one, _ in floor.open_calls(station))

    def _may_clear(self, station: str, at_ns: int) -> bool:
        """Say whether the clear button works now: some calls want a badge beside it."""
        floor = self._andon.floor
        wanted = any(
            floor.category(station, category).badge_to_clear
            for category, _ in floor.open_calls(station)
        )
        present = self.people.present(station, at_ns)
        return not wanted or (present is not None and may(present.roles, Act.CLEAR))
