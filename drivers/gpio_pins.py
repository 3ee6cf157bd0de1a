"""The GPIO lines of this board: one pin factory, named, and what goes wrong with a line in words.

Rules:
1. The factory is named, never the library's guess: lgpio, or what a test puts in its place.
2. Whatever goes wrong with a line is `Trouble`: what is wrong, and what to do about it.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, Final

from drivers import gpio_lines_info
from drivers.reopening import Trouble
from edge_agent.ports import Verdict

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


class GpioLine:
    """One line of this board, while it is ours; what is done with it is said by its kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._pins: Any = None
        self._pin: Any = None

    def _take(self, make: Callable[[Any], None]) -> None:
        """Reserve the line and make of its pin what is wanted; raises `Trouble`."""
        self._pins = pins()
        try:
            self._pins.reserve_pins(self, self.name)
            pin = self._pins.pin(self.name)
            make(pin)
        except faults() as error:
            self._release()
            raise explained(self.name, error) from error
        self._pin = pin

    def _give_back(self) -> None:
        """Close the pin, if there is one, and let others have the line."""
        pin, self._pin = self._pin, None
        if pin is None:
            return
        try:
            self._close(pin)
        except faults():  # its chip is gone, and the line with it
            pass
        self._release()

    def _close(self, pin: Any) -> None:  # noqa: ANN401 - the library has no types
        pin.close()

    def _release(self) -> None:
        try:
            self._pins.release_pins(self, self.name)
        except faults():  # it never was reserved: nobody knows what this board has
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
            "install the agent on a Python that lgpio is built for (3.11, 3.12), or use a"
            " simulated kind",
        ) from error
    except OSError as error:  # lgpio makes a FIFO in the working directory when it is imported
        raise Trouble(
            f"the library for GPIO cannot write into the working directory: {error}",
            "start the agent in a folder that its user may write",
        ) from error
    try:
        return LGPIOFactory()
    except faults() as error:
        raise _unopened(error) from error


def _unopened(error: Exception) -> Trouble:
    """Say why this board has no pins: the library has one word for all of it."""
    verdict, why, remedy = gpio_lines_info.examined_chips()
    if verdict is Verdict.FAIL:
        return Trouble(why, remedy)
    return Trouble(
        f"this board has no GPIO that opens: {error}",
        "see what is there with `gpiodetect`, or use a simulated kind",
    )


def faults() -> tuple[type[Exception], ...]:
    """Say what the library raises where a line or a chip is at fault."""
    from gpiozero.exc import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    return (OSError, GPIOZeroError) if lgpio is None else (OSError, GPIOZeroError, lgpio.error)


def explained(name: str, error: Exception) -> Trouble:
    """Say in words what is wrong with a line, and what to do about it."""
    from gpiozero.exc import GPIOPinInUse, PinFixedPull, PinInvalidPin

    if isinstance(error, GPIOPinInUse):
        return Trouble(
            f"{name} is a line of another device here", "give each device lines of its own"
        )
    if isinstance(error, PinInvalidPin):
        return Trouble(f"this board has no {name}", "`pinout` shows its lines; write one of them")
    if isinstance(error, PinFixedPull):
        return Trouble(
            f"{name} has a resistor of its own to 3.3 V",
            'wire the contact to ground and write pull = "up", or use another line',
        )
    if "busy" in str(error).lower():
        return _busy(name, gpio_lines_info.consumer(name))
    return Trouble(
        f"{name} does not answer: {error}", "`gpiodetect` shows whether its chip is there"
    )


def _busy(name: str, holder: str) -> Trouble:
    if not holder:
        return Trouble(
            f"{name} is held by another program",
            f"`gpioinfo | grep -w {name}` says by which; end it, this one goes on by itself",
        )
    return Trouble(
        f"{name} is held by another program, which calls itself {holder!r}",
        "end that program, take its overlay or dtparam out of config.txt, or use another line; "
        "this one goes on by itself",
    )
