"""The devices of this agent: made by their kind, started, exchanged by a reload, let go.

Rules:
1. Contacts, lamps and horns work before the journal is open: a pull never waits for a disk.
   Outputs wait for it, for it says whether a stop is open; so do sources. Where it cannot be opened
   the heartbeat beats all the same, and an output starts once its line must stand.
2. Who is let go finishes first: a source all that it has read and the answers to it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, cast

import drivers
from edge_agent.andon import Andon
from edge_agent.configuration import Device
from edge_agent.line import Line
from edge_agent.ports import Condition, Contact, Horn, Lamp, Output, Part, Source
from edge_agent.ports import Device as Fitted
from edge_agent.reactor import Reactor

EARLY: Final = frozenset({Part.CONTACT, Part.LAMP, Part.HORN})
"""What is started before the journal is open."""


class Equipment:
    """Every device there is; `kinds` says the kind of each by its name."""

    def __init__(
        self,
        reactor: Reactor,
        line: Line,
        andon: Andon,
        load: Callable[[str], drivers.Driver] = drivers.load,
    ) -> None:
        self._load = load
        self._reactor = reactor
        self._line = line
        self._andon = andon
        self._others: dict[str, Fitted] = {}
        self._leaving: list[Fitted] = []
        self._resting: dict[str, Output] = {}
        self.kinds: dict[str, str] = {}
        self.ended: Callable[[], bool] = lambda: False

    def begin(self, devices: Sequence[Device]) -> None:
        """Start what works without a journal, lamps first."""
        order = {Part.LAMP: 0, Part.HORN: 1, Part.CONTACT: 2}
        early = [device for device in devices if self._part(device) in EARLY]
        for device in sorted(early, key=lambda one: order[self._part(one)]):
            self._add(device)
        self._andon.looked()

    def shut_out(self, devices: Sequence[Device]) -> None:
        """Go on without the journal, which cannot be opened yet."""
        for device in devices:
            if self._part(device) is Part.OUTPUT and device.name not in self._others:
                output = cast(Output, self._made(device))
                if output.heartbeat:
                    output.start()
                else:
                    self._resting[output.name] = output
        self._andon.shut_out(self._start_output)

    def _start_output(self, name: str) -> None:
        output = self._resting.pop(name, None)
        if output is not None:
            output.start()

    def opened(self, devices: Sequence[Device]) -> None:
        """Start the rest."""
        for name in [*self._resting]:
            self._start_output(name)
        for device in devices:
            if self._part(device) not in EARLY and device.name not in self._others:
                self._add(device)
        self._andon.looked()

    def all(self) -> list[Fitted]:
        """Give every device in the order of its coming, those that are about to leave included."""
        staying = [one for one in self._line.sources() if one not in self._leaving]
        return [*staying, *self._others.values(), *self._leaving]

    def sources(self) -> list[Source]:
        """Give the sources, those that are about to leave included."""
        leaving = [cast(Source, one) for one in self._leaving if one.name not in self._others]
        return [one for one in self._line.sources() if one not in self._leaving] + leaving

    def others(self) -> list[Fitted]:
        """Give what is no source."""
        return [*self._others.values()]

    # -- one device ----------------------------------------------------------------------------

    def _add(self, device: Device) -> None:
        self._made(device).start()

    def _made(self, device: Device) -> Fitted:
        """Make a device and acquaint it with whom it concerns."""
        driver = self._load(device.kind)
        given = (device.name, device.station, device.keys, self._reactor)
        self.kinds[device.name] = device.kind
        tell, andon = self._line.tell, self._andon
        later = self._tell_later  # it is driven in the middle of an act, which is told first
        match drivers.part_of(driver):
            case Part.SOURCE:
                source = cast(Source, driver(*given, self._line.read, tell))
                self._line.add(source)
                return source
            case Part.CONTACT:
                contact = cast(Contact, driver(*given, andon.felt, tell))
                andon.add_contact(contact)
                fitted: Fitted = contact
            case Part.LAMP:
                fitted = cast(Lamp, driver(*given, later))
                andon.towers.add_lamp(fitted)
                self._show_answers()
            case Part.HORN:
                fitted = cast(Horn, driver(*given, later))
                andon.towers.add_horn(fitted)
            case _:
                fitted = cast(Output, driver(*given, later))
                andon.add_output(fitted)
        self._others[device.name] = fitted
        return fitted

    def _tell_later(self, device: Fitted, condition: Condition, why: str, remedy: str) -> None:
        def tell() -> None:
            if self._others.get(device.name) is device:
                self._line.tell(device, condition, why, remedy)

        self._reactor.again(tell)

    def _show_answers(self) -> None:
        """Have answers shown where there are lamps for them; otherwise scans know of none."""
        towers = self._andon.towers
        self._line.answered = towers.answer if towers.has_feedback() else None

    # -- a reload ------------------------------------------------------------------------------

    def exchange(self, gone: set[str], wanted: Sequence[Device]) -> None:
        """Let devices go, and start what is wanted and not there once all of them have left."""
        for source in self._line.sources():
            if source.name in gone and source not in self._leaving:
                self._leaving.append(source)
                source.quiet(partial(self._has_read, source, wanted))
        for name in gone & self._others.keys():
            fitted = self._others.pop(name)
            self._andon.remove(name)
            self._andon.towers.remove(fitted)
            self._show_answers()
            self._line.devices.removed(fitted)
            self._leaving.append(fitted)
            fitted.stop(partial(self._left, fitted, wanted))
        self._add_missing(wanted)

    def _has_read(self, source: Source, wanted: Sequence[Device]) -> None:
        self._line.remove(source)
        left = partial(self._left, source, wanted)
        self._line.when_answered(source, lambda: source.stop(left))

    def _left(self, fitted: Fitted, wanted: Sequence[Device]) -> None:
        self._leaving.remove(fitted)
        self._add_missing(wanted)

    def _add_missing(self, wanted: Sequence[Device]) -> None:
        """Start what is not there: a port may only be free once all have left."""
        if self._leaving or self.ended():
            return
        there = {source.name for source in self._line.sources()} | self._others.keys()
        for device in wanted:
            if device.name not in there:
                self._add(device)
        self._andon.looked()

    def _part(self, device: Device) -> Part:
        return drivers.part_of(self._load(device.kind))
