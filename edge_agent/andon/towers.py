"""Tower lights and horns: each station shows what is true of it, before anything else happens.

Rules:
1. What a tower shows is made anew from the state of the floor after every act; nothing is switched
   on or off by an event, so no light can stay behind.
2. Green needs a live loop and healthy inputs: a contact that is not trusted or not known takes it.
3. Rhythms of a station begin together, lit, at the moment at which one of them began.
4. Acknowledging and muting silence a station, until its next call, or until a call stops the line
   or reaches another level; nothing silences a restart warning.
5. A lamp test lights no green where none may be, and is not shown during a restart warning.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from edge_agent.domain.looks import NEVER_GREEN, Looks, Showing, tower, tune
from edge_agent.ports import Contact, Device, Horn, Lamp, Look, Pattern
from edge_agent.reactor import NEVER, Reactor

LAMP_TEST_NS: Final = 5_000_000_000
"""How long a lamp test lights everything when nobody says for how long.

A change at the station ends it at once.
"""

MUTE_MAX_NS: Final = 600_000_000_000
"""How long a station is muted at most, and when nobody says for how long; a new call ends it."""


class Tower:
    """All lamps and horns of one station."""

    def __init__(self) -> None:
        self.lamps: list[Lamp] = []
        self.feedback: list[Lamp] = []
        self.horns: list[Horn] = []
        self.showing: frozenset[Showing] = frozenset()
        self.look: Look = {}
        self.tune = ""
        self.loud = False
        self.phase_ns = 0
        self.muted_until_ns = 0
        self.test_until_ns = 0


class Towers:
    """Shows, on every station's lamps and horns, what `showing(station)` says is true."""

    def __init__(self, reactor: Reactor, looks: Looks) -> None:
        self.looks = looks
        self._reactor = reactor
        self._clock = reactor.clock
        self._towers: dict[str, Tower] = {}
        self._timer = reactor.timer(self._ring)
        self.showing: Callable[[str], frozenset[Showing]] = lambda _: frozenset((Showing.UNWELL,))
        self.loud: Callable[[str], bool] = lambda _: False

    # -- devices -------------------------------------------------------------------------------

    def at(self, station: str) -> Tower:
        """Give the tower of a station, made at its first use."""
        found = self._towers.get(station)
        if found is None:
            found = self._towers[station] = Tower()
        return found

    def add_lamp(self, lamp: Lamp) -> None:
        """Take a lamp in, and show on it what is true."""
        place = self.at(lamp.station or "")
        (place.feedback if lamp.feedback else place.lamps).append(lamp)
        if not lamp.feedback:
            lamp.show(place.look, place.phase_ns)

    def add_horn(self, horn: Horn) -> None:
        """Take a horn in."""
        place = self.at(horn.station or "")
        place.horns.append(horn)
        horn.sound(place.tune, loud=place.loud)

    def remove(self, device: Device) -> None:
        """Let a lamp or a horn go; of any other device there is none here."""
        for place in self._towers.values():
            place.lamps = [one for one in place.lamps if one is not device]
            place.feedback = [one for one in place.feedback if one is not device]
            place.horns = [one for one in place.horns if one is not device]

    # -- what is true --------------------------------------------------------------------------

    def refresh(self, stations: Iterable[str], now_ns: int) -> bool:
        """Show what is true of these stations now; True when a light or a horn has changed."""
        changed = False
        for station in stations:
            place = self.at(station)
            showing = self.showing(station)
            if showing != place.showing:
                place.test_until_ns = 0
            place.showing = showing
            changed |= self._show(place, now_ns)
            changed |= self._sound(place, self.loud(station), now_ns)
        return changed

    def _show(self, place: Tower, now_ns: int) -> bool:
        look: Look = tower(place.showing, self.looks)
        if place.test_until_ns > now_ns and Showing.RESTART_WARNING not in place.showing:
            tested = (light for lamp in place.lamps for light in lamp.lights)
            untested = () if NEVER_GREEN.isdisjoint(place.showing) else ("green",)
            look = {light: Pattern.STEADY for light in tested if light not in untested}
        if look == place.look:
            return False
        flashing = {Pattern.FLASH_SLOW, Pattern.FLASH_FAST}
        before = place.look
        place.look = look
        if any(one in flashing and before.get(light) is not one for light, one in look.items()):
            place.phase_ns = now_ns
        for lamp in place.lamps:
            lamp.show(look, place.phase_ns)
        return True

    def _sound(self, place: Tower, loud: bool, now_ns: int) -> bool:
        said = tune(place.showing, self.looks, muted=now_ns < place.muted_until_ns)
        if (said, loud) == (place.tune, place.loud):
            return False
        place.tune, place.loud = said, loud
        for horn in place.horns:
            horn.sound(said, loud=loud)
        return True

    # -- what people ask -----------------------------------------------------------------------

    def mute(self, station: str, for_ns: int, now_ns: int) -> None:
        """Silence a station until then, or until its next call; 0 lets it sound again."""
        place = self.at(station)
        place.muted_until_ns = now_ns + min(for_ns, MUTE_MAX_NS) if for_ns else 0
        self.refresh((station,), now_ns)
        self._wake(place.muted_until_ns)

    def unmute(self, station: str) -> None:
        """Let a station sound again: there is a new call."""
        self.at(station).muted_until_ns = 0

    def test(self, station: str, for_ns: int, now_ns: int) -> None:
        """Light everything of a station until then, or until something changes there."""
        place = self.at(station)
        place.test_until_ns = now_ns + for_ns
        self.refresh((station,), now_ns)
        self._wake(place.test_until_ns)

    def answer(self, station: str, accepted: bool) -> None:
        """Play on the feedback lamps of a station what a scan was answered."""
        light, pattern = ("green", Pattern.PULSE) if accepted else ("red", Pattern.BLINK_3)
        for lamp in self.at(station).feedback:
            lamp.signal(light if light in lamp.lights else lamp.lights[0], pattern)

    def has_feedback(self) -> bool:
        """Say whether any station has a feedback lamp."""
        return any(place.feedback for place in self._towers.values())

    def _wake(self, due_ns: int) -> None:
        if due_ns:
            self._timer.due_ns = min(self._timer.due_ns, due_ns)

    def _ring(self, now_ns: int) -> int:
        self.refresh([*self._towers], now_ns)
        moments = [
            due_ns
            for place in self._towers.values()
            for due_ns in (place.muted_until_ns, place.test_until_ns)
            if due_ns > now_ns
        ]
        return min(moments, default=NEVER)


def untrusted(contacts: Mapping[str, Contact], station: str) -> bool:
    """Say whether an input of a station is not to be trusted, or not known."""
    return any(
        contact.station == station and (bool(contact.fault) or contact.on is None)
        for contact in contacts.values()
    )
