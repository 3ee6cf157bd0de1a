"""Lamps, horns and outputs on GPIO lines: levels that are written, and rhythms by one timer each.

What the lines do when the process dies is said in `drivers/driven_line.py`, and for each kind here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from drivers.driven_line import DrivenLine
from drivers.gpio_pins import check_line
from drivers.outlet import Outlet
from drivers.reopening import Trouble
from drivers.rhythm import OF_PATTERN, PLAYED_ONCE, SILENT, Beat, Rhythm, beat, rhythm
from edge_agent.domain.looks import LIGHTS, Tune
from edge_agent.ports import GPIO, Look, Part, Pattern, Tell
from edge_agent.reactor import NEVER, Reactor

OF_TUNE: Final[Mapping[str, Rhythm]] = {
    Tune.SILENCE: SILENT,
    Tune.A: rhythm(400, 200, 400, 9000),
    Tune.B: rhythm(800, 200),
    Tune.C: rhythm(150, 150, 150, 150, 150, 9250),
    Tune.D: rhythm(1200, 300, 200, 8300),
    Tune.S: rhythm(100, 100, 100, 100, 100, 400),
    Tune.RESTART: rhythm(250, 250),
}
"""What a horn with one pitch plays: calls twice, thrice or long-short every 10 s, a stop in long
bursts, safety in triples without a pause, the restart warning evenly."""

HEARTBEAT: Final = rhythm(500, 500)
"""1 Hz: a PLC that has seen no change for 1.5 s has lost the agent."""


class LineOutlet(Outlet):
    """What the kinds on GPIO have in common: lines that are driven, each in trouble by itself."""

    def __init__(self, name: str, station: str | None, reactor: Reactor, tell: Tell) -> None:
        super().__init__(name, station, reactor, tell)
        self._trouble: Trouble | None = None

    def _drive(self, line: DrivenLine, *, on: bool, anew: bool) -> None:
        """Have a line energised or not; one that is not held is claimed if it may be tried."""
        try:
            if line.held:
                self._changes += line.drive(on=on)
            elif anew:
                line.claim(on=on)
        except Trouble as trouble:
            self._trouble = trouble

    def _wrong(self, *lines: DrivenLine) -> Trouble | None:
        """Say what is wrong with these lines: of several, what went wrong last."""
        return None if all(line.held for line in lines) else self._trouble


class GpioLamp(LineOutlet):
    """A tower light, or a feedback lamp apart from it: one line for each of its lights.

    A light whose line is in trouble is dark, and the others go on; but a tower shows no green
    while any of its lines is not held. All dark when it is left, and made safe.

    When the process dies its lamps stay as they are on a kernel that keeps levels, until
    `edge-agent safe-outputs` darkens them: a green light alone is no proof of life. A plant that
    wants one leads the green light through a relay that the heartbeat holds.
    """

    part: ClassVar = Part.LAMP

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `gpio-lamp`."""

        red: str | None = field(default=None, metadata={GPIO: True})
        yellow: str | None = field(default=None, metadata={GPIO: True})
        green: str | None = field(default=None, metadata={GPIO: True})
        blue: str | None = field(default=None, metadata={GPIO: True})
        white: str | None = field(default=None, metadata={GPIO: True})
        active_high: bool = True
        feedback: bool = False

        def __post_init__(self) -> None:
            for light in LIGHTS:
                check_line(light, getattr(self, light))
            if not _lines_of_lamp(self):
                raise ValueError('red: no light has a line; write at least one, as in "GPIO5"')

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, reactor, tell)
        self.feedback = keys.feedback
        lines = _lines_of_lamp(keys)
        self.lights = tuple(lines)
        self._green = None if keys.feedback else lines.pop("green", None)
        self._lines = lines
        self._look: Look = {}
        self._phase_ns = 0
        self._signals: dict[str, tuple[Rhythm, int]] = {}

    def show(self, look: Look, phase_ns: int) -> None:
        self._asked += 1
        self._look, self._phase_ns = dict(look), phase_ns
        self._now()

    def signal(self, light: str, pattern: Pattern) -> None:
        assert pattern in PLAYED_ONCE
        self._asked += 1
        if light in self.lights:
            self._signals[light] = (OF_PATTERN[pattern], self._clock.mono_ns())
            self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Darken a lamp that nobody drives any more; gives what is wrong with its lines."""
        return _made_safe(*_lines_of_lamp(keys).values())

    def _put(self, now_ns: int, *, anew: bool) -> tuple[int, Trouble | None]:
        due_ns = NEVER
        for light, line in self._lines.items():
            lit, until_ns = self._beat(light, now_ns)
            self._drive(line, on=lit, anew=anew)
            due_ns = min(due_ns, until_ns)
        wrong = self._wrong(*self._lines.values())
        if self._green is not None:  # last: it depends on the others
            lit, until_ns = self._beat("green", now_ns)
            self._drive(self._green, on=lit and wrong is None, anew=anew)
            due_ns = min(due_ns, until_ns)
            wrong = wrong or self._wrong(self._green)
        return due_ns, wrong

    def _beat(self, light: str, now_ns: int) -> Beat:
        if light in self._signals:
            played, began_ns = self._signals[light]
            if now_ns < began_ns + played.length_ns:
                lit, until_ns = beat(played, began_ns, now_ns)
                return Beat(lit, min(until_ns, began_ns + played.length_ns))
            del self._signals[light]
        return beat(OF_PATTERN[self._look.get(light, Pattern.OFF)], self._phase_ns, now_ns)

    def _leave(self) -> None:
        if self._green is not None:
            self._green.let_go()
        for line in self._lines.values():
            line.let_go()


class GpioHorn(LineOutlet):
    """A horn: one line that is on and off in the rhythm of its tune, and one more for volume.

    With `pin_loud` both are on together when it is to be loud; without, loud is as any. A horn
    that has one of its lines in trouble plays on the other. Silent when it is left, and made
    safe; when the process dies in a tone on a kernel that keeps levels, it sounds until then.
    """

    part: ClassVar = Part.HORN

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `gpio-horn`."""

        pin: str = field(metadata={GPIO: True})
        pin_loud: str | None = field(default=None, metadata={GPIO: True})
        active_high: bool = True

        def __post_init__(self) -> None:
            check_line("pin", self.pin)
            check_line("pin_loud", self.pin_loud)

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, reactor, tell)
        self._line, *self._louder = _lines_of_horn(keys)
        self._tune: str = Tune.SILENCE
        self._loud = False
        self._phase_ns = 0

    def sound(self, tune: str, *, loud: bool) -> None:
        """Play a tune; one that plays already goes on, and does not begin anew."""
        self._asked += 1
        if tune != self._tune:
            self._tune, self._phase_ns = tune, self._clock.mono_ns()
        self._loud = loud
        self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Silence a horn that nobody drives any more; gives what is wrong with its lines."""
        return _made_safe(*_lines_of_horn(keys))

    def _put(self, now_ns: int, *, anew: bool) -> tuple[int, Trouble | None]:
        on, until_ns = beat(OF_TUNE[self._tune], self._phase_ns, now_ns)
        self._drive(self._line, on=on, anew=anew)
        for line in self._louder:
            self._drive(line, on=on and self._loud, anew=anew)
        return until_ns, self._wrong(self._line, *self._louder)

    def _leave(self) -> None:
        for line in (self._line, *self._louder):
            line.let_go()


class GpioOutput(LineOutlet):
    """A request to the PLC, which latches it; or the heartbeat that the PLC watches.

    `on_agent_loss` is what the PLC sees when this process, or the power, is gone: the line is
    de-energised then. With "stop" it is energised as long as no stop is asked for, so that a loss
    asks for one; with "run" it is energised only while a stop is asked for, so that a loss leaves
    the line running, and takes a stop that was asked for back: the PLC must have latched it. Left,
    and made safe, the line is de-energised. On a kernel that keeps levels the loss of the process
    alone shows only after `edge-agent safe-outputs`, or in the heartbeat.

    A heartbeat changes its level twice a second while it is on, by the loop that does all other
    work: one that hangs beats no more. It is none of this a safety function.
    """

    part: ClassVar = Part.OUTPUT
    stationless: ClassVar = True

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `gpio-output`."""

        pin: str = field(metadata={GPIO: True})
        on_agent_loss: Literal["stop", "run"] | None = None
        purpose: Literal["stop", "heartbeat"] = "stop"
        active_high: bool = True

        def __post_init__(self) -> None:
            check_line("pin", self.pin)
            if self.purpose == "heartbeat" and self.on_agent_loss == "run":
                raise ValueError(
                    "on_agent_loss: a heartbeat that is lost stands still; leave it out"
                )
            if self.purpose == "stop" and self.on_agent_loss is None:
                raise ValueError(
                    "on_agent_loss: must be said, what the PLC sees when this process or its power "
                    'is gone; write "stop" (a loss asks for a stop) or "run" (it asks for nothing)'
                )

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, reactor, tell)
        self.heartbeat = keys.purpose == "heartbeat"
        self.on = False
        self._line = DrivenLine(keys.pin, active_high=keys.active_high)
        self._energised_is_run = keys.on_agent_loss == "stop"
        self._phase_ns = 0

    def request(self, *, on: bool) -> None:
        self._asked += 1
        if on and not self.on:
            self._phase_ns = self._clock.mono_ns()
        self.on = on
        self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Have the PLC see what `on_agent_loss` says; gives what is wrong with the line."""
        return _made_safe(DrivenLine(keys.pin, active_high=keys.active_high))

    def _put(self, now_ns: int, *, anew: bool) -> tuple[int, Trouble | None]:
        due_ns = NEVER
        if self.heartbeat:
            energised, due_ns = beat(HEARTBEAT if self.on else SILENT, self._phase_ns, now_ns)
        else:
            energised = self.on is not self._energised_is_run
        self._drive(self._line, on=energised, anew=anew)
        return due_ns, self._wrong(self._line)

    def _leave(self) -> None:
        self._line.let_go()


def _lines_of_lamp(keys: GpioLamp.Keys) -> dict[str, DrivenLine]:
    named = ((light, getattr(keys, light)) for light in LIGHTS)
    return {
        light: DrivenLine(name, active_high=keys.active_high)
        for light, name in named
        if name is not None
    }


def _lines_of_horn(keys: GpioHorn.Keys) -> list[DrivenLine]:
    names = (name for name in (keys.pin, keys.pin_loud) if name is not None)
    return [DrivenLine(name, active_high=keys.active_high) for name in names]


def _made_safe(*lines: DrivenLine) -> list[Trouble]:
    troubles = []
    for line in lines:
        try:
            line.claim(on=False)
        except Trouble as trouble:
            troubles.append(trouble)
        line.let_go()
    return troubles
