"""The GPIO lines of this board: one pin factory, named, and what goes wrong with a line in words.

Rules:
1. The factory is named, never the library's guess: lgpio, or what a test puts in its place.
2. Whatever goes wrong with a line is `Trouble`: what is wrong, and what to do about it.
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
    except faults() as error:
        raise Trouble(
            f"this board has no GPIO that opens: {error}",
            "see what is there with `gpiodetect`, give the agent's user the group `gpio`, or use a "
            "simulated kind",
        ) from error


def faults() -> tuple[type[Exception], ...]:
    """Say what the library raises where a line or a chip is at fault."""
    from gpiozero.exc import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    return (OSError, GPIOZeroError) if lgpio is None else (OSError, GPIOZeroError, lgpio.error)


def explained(name: str, error: Exception) -> Trouble:
    """Say in words what is wrong with a line, and what to do about it."""
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
