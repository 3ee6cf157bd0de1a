"""Cords, buttons, lamps, horns and outputs of nobody: only their keys are ever looked at."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from edge_agent.ports import GPIO, Part, Purpose


def _pin(default: Any = ...) -> Any:  # noqa: ANN401 - a field of any type
    metadata = {GPIO: True}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


class Cord:
    """It calls."""

    part: ClassVar = Part.CONTACT

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a cord."""

        category: str
        pin: str = _pin()
        contact: str = "normally-closed"
        pin_no: str | None = _pin(None)
        filter_ms: int = 50


class Button:
    """It is pressed, or it is an input of the line."""

    part: ClassVar = Part.CONTACT

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a button."""

        purpose: Purpose
        pin: str = _pin()
        contact: str = "normally-open"
        category: str | None = None
        filter_ms: int = 30

        def __post_init__(self) -> None:
            if (self.purpose is Purpose.CALL) is (self.category is None):
                raise ValueError("category: goes with purpose call; write both or none")


class Lamp:
    """It is lit."""

    part: ClassVar = Part.LAMP

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a lamp."""

        red: str | None = _pin(None)
        yellow: str | None = _pin(None)
        green: str | None = _pin(None)
        blue: str | None = _pin(None)
        white: str | None = _pin(None)
        feedback: bool = False


class Horn:
    """It sounds."""

    part: ClassVar = Part.HORN

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a horn."""

        pin: str = _pin()
        loud_pin: str | None = _pin(None)


class Output:
    """It asks the line to stop, or beats."""

    part: ClassVar = Part.OUTPUT
    stationless: ClassVar = True

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of an output."""

        pin: str = _pin()
        on_agent_loss: str = "stop"
        purpose: str = "stop"
        spare: tuple[str, ...] = _pin(())


class TwinCord:
    """It calls through a file."""

    part: ClassVar = Part.CONTACT

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a twin of a cord."""

        fifo: Path
        category: str


class TwinButton:
    """It is pressed through a file."""

    part: ClassVar = Part.CONTACT

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a twin of a button."""

        fifo: Path
        purpose: Purpose
        category: str | None = None


KINDS: Final = {
    "a-cord": "Cord",
    "a-button": "Button",
    "a-lamp": "Lamp",
    "a-horn": "Horn",
    "an-output": "Output",
}
"""Kind -> class, to be put into `drivers.KINDS` of a test."""

SHIPPED: Final = {
    "gpio-cord": "Cord",
    "gpio-button": "Button",
    "gpio-lamp": "Lamp",
    "gpio-horn": "Horn",
    "gpio-output": "Output",
    "simulated-cord": "TwinCord",
    "simulated-button": "TwinButton",
}
"""Kinds that the examples have -> what stands in for one that is not there."""
