"""One GPIO line that is driven: claimed, energised or not, and given back.

Rules:
1. A line begins as it is asked to be, and is left de-energised.
2. Whatever goes wrong with it is `Trouble`: what is wrong, and what to do about it.
3. Levels are only ever written: no thread of the GPIO library is used.

When the process dies without a word (`kill -9`, a crash) the kernel takes its lines back. What
becomes of the level then is the kernel's: one of Raspberry Pi OS leaves an output as it was, others
make it an input, and so does that of Raspberry Pi OS with `dtparam=strict_gpiod`. Whoever needs a
level must not rely on either: `edge-agent safe-outputs` de-energises the lines after the process,
and the wiring (a pull resistor, a relay that drops out) does it after the power.
"""

import re
import sys
from typing import Any, Final

from drivers.reopening import Trouble

_LINE: Final = re.compile(r"GPIO(?:0|[1-9][0-9]?)")

_made: list[Any] = []


def check_line(key: str, name: str | None) -> None:
    """Raise ValueError for a key that names no GPIO line."""
    if name is not None and not _LINE.fullmatch(name):
        raise ValueError(f'{key}: {name!r} is no GPIO line; write its number as in "GPIO17"')


def pins() -> Any:  # noqa: ANN401 - the library has no types
    """Give the pins of this board, opened once; raises `Trouble` where there are none."""
    if not _made:
        _made.append(_opened())
    return _made[0]


def use_pins(factory: object | None) -> None:
    """Have all lines be those of another pin factory, or, with None, of this board again."""
    _made[:] = [] if factory is None else [factory]


class DrivenLine:
    """A line that is driven; `active_high` says which level energises it."""

    def __init__(self, name: str, *, active_high: bool) -> None:
        self.name = name
        self.on = False
        self._active_high = active_high
        self._pins: Any = None
        self._pin: Any = None

    @property
    def held(self) -> bool:
        """Say whether the line is ours."""
        return self._pin is not None

    def claim(self, *, on: bool) -> None:
        """Make the line an output at this level; raises `Trouble` when it cannot be had."""
        self._pins = pins()
        try:
            self._pins.reserve_pins(self, self.name)
            pin = self._pins.pin(self.name)
            pin.output_with_state(on is self._active_high)
        except _faults() as error:
            self._release()
            raise _explained(self.name, error) from error
        self._pin, self.on = pin, on

    def drive(self, *, on: bool) -> bool:
        """Energise the line or not; says whether that is a change; raises `Trouble`."""
        if on is self.on:
            return False
        try:
            self._pin.state = on is self._active_high
        except _faults() as error:
            self._give_back()
            raise _explained(self.name, error) from error
        self.on = on
        return True

    def let_go(self) -> None:
        """De-energise the line and give it back; if it does not answer, as it is."""
        if self._pin is not None:
            try:
                self.drive(on=False)
            except Trouble:
                return
            self._give_back()

    def _give_back(self) -> None:
        pin, self._pin, self.on = self._pin, None, False
        try:
            pin.close()
        except _faults():  # its chip is gone, and the line with it
            pass
        self._release()

    def _release(self) -> None:
        try:
            self._pins.release_pins(self, self.name)
        except _faults():  # it never was reserved: nobody knows what this board has
            return

    def _conflicts_with(self, other: object) -> bool:
        """Answer the pin factory: one line belongs to one device."""
        return other is not self


def _opened() -> object:
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # slow to import, and not on every machine
    except ImportError as error:
        raise Trouble(
            f"the library for GPIO is not installed: {error}",
            "install gpiozero and lgpio, or use a simulated kind",
        ) from error
    except OSError as error:  # lgpio makes a FIFO in the working directory when it is imported
        raise Trouble(
            f"the library for GPIO cannot write into the working directory: {error}",
            "start the agent in a folder that its user may write",
        ) from error
    try:
        return LGPIOFactory()
    except _faults() as error:
        raise Trouble(
            f"this board has no GPIO that opens: {error}",
            "see what is there with `gpiodetect`, give the agent's user the group `gpio`, or use a "
            "simulated kind",
        ) from error


def _faults() -> tuple[type[Exception], ...]:
    """Say what the library raises where a line or a chip is at fault."""
    from gpiozero.exc import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    return (OSError, GPIOZeroError) if lgpio is None else (OSError, GPIOZeroError, lgpio.error)


def _explained(name: str, error: Exception) -> Trouble:
    from gpiozero.exc import GPIOPinInUse, PinInvalidPin

    if isinstance(error, GPIOPinInUse):
        return Trouble(
            f"{name} is a line of another device here", "give each device lines of its own"
        )
    if isinstance(error, PinInvalidPin):
        return Trouble(f"this board has no {name}", "`pinout` shows its lines; write one of them")
    if "busy" in str(error).lower():
        return Trouble(
            f"{name} is held by another program",
            f"`gpioinfo | grep -w {name}` says by which; end it",
        )
    return Trouble(
        f"{name} does not answer: {error}", "`gpiodetect` shows whether its chip is there"
    )
