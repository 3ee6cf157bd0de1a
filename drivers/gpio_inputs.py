"""Cords, buttons and inputs of the line on GPIO: edges with the kernel's time stamps.

A contact closes to ground (`pull = "up"`, the usual) or to 3.3 V (`pull = "down"`); current that
flows is the closed contact. Why a contact is wired as it is stands in the README.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.gpio_pins import GpioLine, check_line, explained, faults
from drivers.reopening import REOPEN_MAX_NS, REOPEN_MIN_NS, Trouble
from drivers.touching import ButtonKeys, CordKeys, Touching
from edge_agent.domain.contact import Wiring
from edge_agent.ports import GPIO, Condition, Felt, Purpose, Tell
from edge_agent.reactor import NEVER, Reactor

LOOK_NS: Final = 250_000_000
"""How often the lines are read, for edges that were lost on their way: no state stays stuck."""

HELD_UP_NS: Final = 100_000_000
"""A look that comes so late was held up, and so perhaps was the thread that brings the edges: they
get as long once more to come first, for they know when they happened, and of a pull that is over
they alone know."""

STAMP_PAST_NS: Final = 30_000_000_000
"""A time stamp that is older, or of the future, is of another clock than the monotonic one (so it
was before Linux 5.7): then the edge happened when we heard of it. A process that is held up for so
long is ended by its watchdog."""

ENDING: Final = (Purpose.START, Purpose.LINE_MOVING, Purpose.CLEAR, Purpose.ACK, Purpose.REASON)
"""What ends a stop, a call or its ladder: a wire that breaks must do none of these."""

_WIRINGS: Final = [one.value for one in Wiring]


class WatchedLine(GpioLine):
    """One line that is watched; `edge(level, at_ns)` is called in the GPIO library's thread."""

    def __init__(
        self, name: str, *, pull_up: bool, mono_ns: Callable[[], int], edge: Callable[..., None]
    ) -> None:
        super().__init__(name)
        self._pull_up = pull_up
        self._mono_ns = mono_ns
        self._edge = edge

    def claim(self) -> None:
        """Make the line an input and listen to it; raises `Trouble` when it cannot be had."""
        self._take(self._listen)

    def level(self) -> bool:
        """Say whether current flows now; raises `Trouble`."""
        try:
            return bool(self._pin.state) is not self._pull_up
        except faults() as error:
            raise explained(self.name, error) from error

    def let_go(self) -> None:
        """Give the line back; nothing is heard of it any more."""
        self._give_back()

    def _listen(self, pin: Any) -> None:  # noqa: ANN401 - the library has no types
        pin.input_with_pull("up" if self._pull_up else "down")
        pin.bounce = None  # the library means three things by it; the rule is ours
        pin.edges = "both"
        pin.when_changed = self._changed  # a bound method: the library keeps a weak reference

    def _close(self, pin: Any) -> None:  # noqa: ANN401 - the library has no types
        pin.when_changed = None
        super()._close(pin)

    def _changed(self, ticks: float, state: object) -> None:
        now_ns = self._mono_ns()
        at_ns = round(ticks * 1e9)
        if not now_ns - STAMP_PAST_NS <= at_ns <= now_ns:
            at_ns = now_ns
        self._edge(self, bool(state) is not self._pull_up, at_ns)


class GpioContact(Touching):
    """What cords and buttons on GPIO have in common: lines, back-off, and reading them again."""

    def __init__(
        self,
        name: str,
        station: str | None,
        keys: "GpioCord.Keys | GpioButton.Keys",
        reactor: Reactor,
        felt: Felt,
        tell: Tell,
    ) -> None:
        super().__init__(station, keys, Wiring(keys.contact), reactor=reactor, felt=felt)
        self.name = name
        self.condition, self.why, self.remedy = Condition.STARTING, "not opened yet", ""
        self._tell_condition = tell
        self._reactor = reactor
        self._timer = reactor.timer(self._ring)
        self._backoff_ns = REOPEN_MIN_NS
        self._claims = 0
        self._refused = 0
        self._open = False
        self._look_due_ns = NEVER
        self._lines = [
            WatchedLine(
                one,
                pull_up=keys.pull == "up",
                mono_ns=reactor.clock.mono_ns,
                edge=self._heard,
            )
            for one in keys.lines
        ]

    def start(self) -> None:
        self._timer.due_ns = self._try(self._reactor.clock.mono_ns())

    def stop(self, then: Callable[[], None]) -> None:
        self._let_go()
        for timer in (self._timer, self._touch_timer):
            self._reactor.forget(timer)
        then()

    def counters(self) -> dict[str, int]:
        own = {"reopens": max(self._claims - 1, 0), "edges_refused": self._refused}
        return self._touch_counters() | own

    # -- lines ---------------------------------------------------------------------------------

    def _ring(self, now_ns: int) -> int:
        if not self._open:
            return self._try(now_ns)
        if now_ns - self._look_due_ns > HELD_UP_NS:
            self._look_due_ns = NEVER
            return now_ns + HELD_UP_NS
        try:
            levels = [line.level() for line in self._lines]
        except Trouble as trouble:
            return self._lose(trouble, now_ns)
        self._look(levels)
        return self._next_look(now_ns)

    def _next_look(self, now_ns: int) -> int:
        self._look_due_ns = now_ns + LOOK_NS
        return self._look_due_ns

    def _try(self, now_ns: int) -> int:
        try:
            for line in self._lines:
                line.claim()
            levels = [line.level() for line in self._lines]
        except Trouble as trouble:
            return self._lose(trouble, now_ns)
        self._open = True
        self._claims += 1
        self._backoff_ns = REOPEN_MIN_NS
        self._found(levels)
        self._say(Condition.OK, "", "")
        return self._next_look(now_ns)

    def _lose(self, trouble: Trouble, now_ns: int) -> int:
        self._let_go()
        self._vanished()
        self._say(Condition.TROUBLE, trouble.why, trouble.remedy)
        due_ns = now_ns + self._backoff_ns
        self._backoff_ns = min(2 * self._backoff_ns, REOPEN_MAX_NS)
        return due_ns

    def _let_go(self) -> None:
        self._open = False
        for line in self._lines:
            line.let_go()

    def _say(self, condition: Condition, why: str, remedy: str) -> None:
        if (condition, why, remedy) != (self.condition, self.why, self.remedy):
            self.condition, self.why, self.remedy = condition, why, remedy
            self._tell_condition(self, condition, why, remedy)  # type: ignore[arg-type]

    # -- edges ---------------------------------------------------------------------------------

    def _heard(self, line: WatchedLine, level: bool, at_ns: int) -> None:
        """Post an edge, and nothing else: this is the thread of the GPIO library."""
        if not self._reactor.post(self._take, (line, level, at_ns)):
            self._refused += 1  # the levels are read again soon

    def _take(self, edge: tuple[WatchedLine, bool, int]) -> None:
        line, level, at_ns = edge
        if self._open:
            self._edge(self._lines.index(line), level, at_ns)


def _line_key(description: str, **more: Any) -> Any:  # noqa: ANN401 - what `field` gives
    return field(metadata={GPIO: True, "description": description}, **more)


@dataclass(frozen=True, kw_only=True)
class LineKeys:
    """The keys of the lines of a contact."""

    pin: str = _line_key("The line of the contact, of a pair the closed one")
    contact: str = "normally-open"
    pin_no: str | None = _line_key("The second line of a pair, normally open", default=None)
    pull: str = "up"

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line, of a pair first the closed one."""
        return (self.pin,) if self.pin_no is None else (self.pin, self.pin_no)

    def check_lines(self) -> None:
        """Raise ValueError for lines that a contact cannot have."""
        check_line("pin", self.pin)
        check_line("pin_no", self.pin_no)
        if self.contact not in _WIRINGS:
            raise ValueError(
                f"contact: {self.contact!r} is not known; write one of {', '.join(_WIRINGS)}"
            )
        if (self.contact == Wiring.PAIR) != (self.pin_no is not None):
            single = self.pin_no is None
            need = "is missing; a pair has a second line" if single else "is for a pair only"
            raise ValueError(f'pin_no: {need}; write it beside contact = "pair", or remove it')
        if self.pull not in ("up", "down"):
            raise ValueError(
                f'pull: {self.pull!r} is not known; write "up" (to ground) or "down" (to 3.3 V)'
            )


class GpioCord(GpioContact):
    """A cord on GPIO.

    `normally-closed` is fail-safe: a broken wire is a pull, and a fault once it lasts; a `pair`
    tells the two apart at once. A cord that is `normally-open` cannot be told from a broken one.
    """

    @dataclass(frozen=True, kw_only=True)
    class Keys(CordKeys, LineKeys):
        """The keys of a `gpio-cord`."""

        contact: str = "normally-closed"

        def __post_init__(self) -> None:
            super().__post_init__()
            self.check_lines()


class GpioButton(GpioContact):
    """A button on GPIO, or an input of the line: what it is for is its `purpose`."""

    @dataclass(frozen=True, kw_only=True)
    class Keys(ButtonKeys, LineKeys):
        """The keys of a `gpio-button`."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.check_lines()
            closed = self.contact == Wiring.NORMALLY_CLOSED
            if closed and self.purpose == Purpose.CALL and self.hold_s:
                raise ValueError(
                    'contact: a broken wire of a normally closed "call" would be held, which is an'
                    ' answer; wire it normally open, write "pair" with pin_no, or leave out hold_s'
                )
            if closed and self.purpose in ENDING:
                raise ValueError(
                    f'contact: a broken wire of a normally closed "{self.purpose}" would be one;'
                    ' wire it normally open, or write "pair" with pin_no'
                )
