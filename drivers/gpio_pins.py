"""The GPIO lines of this board: one pin factory, named, and what goes wrong with a line in words.

Rules:
1. The factory is named, never the library's guess: lgpio, or what a test puts in its place.
2. Whatever goes wrong with a line is `Trouble`: what is wrong, and what to do about it.
"""

import re
import sys
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
