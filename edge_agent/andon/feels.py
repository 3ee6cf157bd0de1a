"""What a contact felt, by what it is for: the acts of the floor that follow."""

from typing import TYPE_CHECKING, Final

from edge_agent.andon.inputs import FLOWS
from edge_agent.andon.towers import LAMP_TEST_NS, MUTE_MAX_NS
from edge_agent.domain.call import Post, Trigger
from edge_agent.domain.contact import Fault, Feel
from edge_agent.domain.told import Told
from edge_agent.ports import Contact, Purpose

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

_ANSWERS: Final = {Purpose.ACK: Trigger.ACK, Purpose.CONFIRM_STOP: Trigger.CONFIRM}


class Feels:
    """Turns feels into acts on the floor of an `Andon`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._spent: set[str] = set()
        self._clearing: set[str] = set()
        """Cords whose pull clears a stop once they are let go: a wire that broke never is."""
        self.latched: dict[str, str] = {}
        """Contacts that stay out by themselves, are out, and were heard -> the call they hold."""
        self.kept_open: frozenset[str] = frozenset()
        """Calls that nobody has been shown yet: no pull that came before can have meant them."""

    def act(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        """Do on the floor what a feel means; returns what is to be told."""
        if feel in (Feel.FAULT, Feel.HEALED):
            return self._trust(contact, feel, at_ns)
        if contact.purpose is Purpose.CALL:
            return self._call(contact, feel, at_ns)
        if contact.purpose in FLOWS:
            return self._flow(contact, at_ns)
        if contact.purpose is Purpose.ESTOP:
            return self._estop(contact, feel, at_ns)
        pressed = Feel.HELD if contact.hold_ns else Feel.ON
        return self._press(contact, at_ns) if feel is pressed else []

    def compare(self, contact: Contact, now_ns: int) -> list[Told]:
        """Compare what was restored with what a contact is now: a level is a state, no pull."""
        if contact.purpose is not Purpose.CALL or contact.station is None:
            return []
        floor = self._andon.floor
        post = floor.post(contact.station, contact.category or "")
        if contact.fault:
            return [] if post.faulty else self._trust(contact, Feel.FAULT, now_ns)
        if contact.hold_ns and contact.on:
            self._spent.add(contact.name)
        return self._latched_now(contact, now_ns)

    def _look_again(self, contact: Contact) -> None:
        """Forget a press whose end nobody felt; one whose beginning nobody felt means nothing."""
        self.forget(contact.name)
        if contact.hold_ns and contact.on and not self._andon.replaying:
            self._spent.add(contact.name)

    def restore(self, latched: dict[str, str] | list[str]) -> None:
        """Take up which contacts are latched, for which call; earlier builds knew names alone."""
        if isinstance(latched, list):
            known = self._andon.contacts
            latched = {one: self._open_call(known[one]) for one in latched if one in known}
        self.latched = dict(latched)

    def forget(self, name: str) -> None:
        """Let go of what is known of a contact: it is another one now, or none."""
        self._spent.discard(name)
        self._clearing.discard(name)

    def _latched_now(self, contact: Contact, at_ns: int) -> list[Told]:
        """Take a contact that stays out as it is: one that is out and was not heard calls."""
        if not contact.latching:
            return []
        if contact.on is False:
            self.latched.pop(contact.name, None)
        if not contact.on or contact.name in self.latched:
            return []
        opened = self._open_call(contact)
        told = [] if opened else self._pull(contact, at_ns)
        self.latched[contact.name] = opened or self._open_call(contact)
        return told

    def _post(self, contact: Contact) -> Post:
        return self._andon.floor.post(contact.station or "", contact.category or "")

    def _open_call(self, contact: Contact) -> str:
        call = self._post(contact).open
        return "" if call is None else call.id

    def _estop(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        """Tell what an auxiliary contact of an emergency stop shows: nothing here acts on it."""
        seen = {Feel.ON: "andon.estop_observed", Feel.OFF: "andon.estop_reset_observed"}
        if feel in seen:
            plain = {"station": contact.station, "device": contact.name}
            segment = self._andon.inputs.segment_of(contact)
            plain |= {"segment": segment or None}
            self._andon.telling.write("andon", contact.station or "", seen[feel], plain, at_ns)
        return []

    def _flow(self, contact: Contact, at_ns: int) -> list[Told]:
        inputs = self._andon.inputs
        ended = contact.purpose is Purpose.CHANGEOVER and contact.on is False
        return inputs.flows(inputs.segment_of(contact), at_ns, ended=ended)

    # -- by purpose ----------------------------------------------------------------------------

    def _call(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        opened = bool(self._open_call(contact))
        if contact.latching:
            return self._latch(contact, feel, at_ns)
        if contact.hold_ns and (opened or contact.name in self._spent):
            return self._pressed_or_held(contact, feel, at_ns)
        if feel is Feel.OFF and contact.name in self._clearing:
            self._clearing.discard(contact.name)
            return self._pull_by_hand(contact, at_ns)
        if feel is not Feel.ON:
            return []
        if contact.hold_ns:
            self._spent.add(contact.name)  # this press has made the call
        elif self._post(contact).clears_a_stop(at_ns) and self._shown(contact):
            self._clearing.add(contact.name)
            return []
        return self._pull_by_hand(contact, at_ns)

    def _latch(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        """Call when it is pulled out, cancel when it is put back; no other pull can cancel.

        The last one that is put back cancels, of those that were out for the call.
        """
        opened = self._open_call(contact)
        if feel is Feel.ON:
            told = self._repeat(contact, at_ns) if opened else self._pull(contact, at_ns)
            self.latched[contact.name] = opened or self._open_call(contact)
            return told
        if feel is Feel.OFF:
            held = self.latched.pop(contact.name, "")
            if opened and held == opened and opened not in self.latched.values():
                return self._pull(contact, at_ns)
        return []

    def _pressed_or_held(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        """Tell a second press from a hold: known when the button is let go, or was held."""
        name = contact.name
        if feel is Feel.HELD and name not in self._spent:
            self._spent.add(name)
            station, category = contact.station or "", contact.category
            return self._andon.floor.do(Trigger.ACK, station, at_ns, category=category)
        if feel is Feel.OFF:
            if name not in self._spent:
                return self._pull_by_hand(contact, at_ns)
            self._spent.discard(name)
        return []

    def _pull_by_hand(self, contact: Contact, at_ns: int) -> list[Told]:
        known = self._shown(contact)
        return self._pull(contact, at_ns) if known else self._repeat(contact, at_ns)

    def _shown(self, contact: Contact) -> bool:
        """Say whether people have seen the call that is open, or that none is."""
        return self._open_call(contact) not in self.kept_open

    def _repeat(self, contact: Contact, at_ns: int) -> list[Told]:
        return self._andon.floor.repeat(contact.station or "", contact.category or "", at_ns)

    def _pull(self, contact: Contact, at_ns: int) -> list[Told]:
        station, category = contact.station or "", contact.category or ""
        call_id = self._andon.telling.next_id()
        return self._andon.floor.pull(station, category, call_id, at_ns, contact.name)

    def _press(self, contact: Contact, at_ns: int) -> list[Told]:
        andon, station = self._andon, contact.station or ""
        floor, segment = andon.floor, andon.inputs.segment_of(contact)
        match contact.purpose:
            case Purpose.ACK | Purpose.CONFIRM_STOP:
                return floor.do(_ANSWERS[contact.purpose], station, at_ns)
            case Purpose.CLEAR:
                return andon.orders.pressed_clear(station, at_ns)
            case Purpose.REASON:
                return andon.orders.give_reason(station, contact.reason or "", at_ns)
            case Purpose.START | Purpose.LINE_MOVING:
                return floor.start(segment, at_ns, moves=contact.purpose is Purpose.LINE_MOVING)
            case _:
                self._note(contact, at_ns)
        return []

    def _note(self, contact: Contact, at_ns: int) -> None:
        """Take what concerns no call: pulses, counts, mutes and lamp tests."""
        andon, station = self._andon, contact.station or ""
        if contact.purpose is Purpose.FIXED_POSITION:
            for one in andon.inputs.positioned(contact):
                andon.pulses.heard(one, at_ns)
                andon.positions.at(one, at_ns)
        elif contact.purpose is Purpose.COUNT and andon.open:
            andon.pacing.count(station, 1, at_ns)
        elif contact.purpose is Purpose.MUTE:
            andon.towers.mute(station, MUTE_MAX_NS, at_ns)
        elif contact.purpose is Purpose.LAMP_TEST:
            andon.towers.test(station, LAMP_TEST_NS, at_ns)

    def _came_back(self, contact: Contact, at_ns: int) -> list[Told]:
        """Hear a contact that stays out and was pulled while nobody could feel it."""
        if not self._andon.open:
            return []  # at a start it is compared with what was restored
        return self._latched_now(contact, at_ns)

    def _trust(self, contact: Contact, feel: Feel, at_ns: int) -> list[Told]:
        floor, station = self._andon.floor, contact.station
        if feel is Feel.HEALED or contact.fault is Fault.LOST:
            self._look_again(contact)
        if contact.purpose in FLOWS:
            return self._flow(contact, at_ns)
        if contact.purpose is not Purpose.CALL or station is None:
            return []
        category = contact.category or ""
        if feel is Feel.HEALED:
            return self._came_back(contact, at_ns)
        self._clearing.discard(contact.name)
        fault = contact.fault or Fault.LOST
        again: list[Told] = []
        if self._post(contact).cancelled_at(at_ns):
            again = self._pull(contact, at_ns)  # that was no hand: the call goes on, as another
        told = floor.fault(station, category, fault, at_ns, self._andon.telling.next_id(len(again)))
        told = [one._replace(device=contact.name) for one in told[:1]] + told[1:]
        if not told:
            return again
        told = again + told
        return told + self._andon.inputs.call_maintenance(
            station, contact.name, at_ns, behind=len(told)
        )
