"""A board of mock pins that can have lines taken by others, and a chip that goes away."""

import errno

from gpiozero.pins.mock import MockFactory, MockPin

from drivers.gpio_outputs import GpioHorn, GpioLamp, GpioOutput
from drivers.gpio_pins import use_pins
from edge_agent.ports import Condition, Device
from edge_agent.reactor import Reactor
from tests.kit.scanners import HandClock, let_pass

MS = 1_000_000


class BoardPin(MockPin):
    """A pin that can be written, and read as an input, only while its board is there."""

    def _get_state(self) -> bool:
        if self.factory.gone and self.function == "input":
            raise OSError(errno.EIO, "chip gone")
        return bool(super()._get_state())

    def _set_state(self, value: object) -> None:
        if self.factory.gone:
            raise OSError(errno.EIO, "chip gone")
        super()._set_state(value)

    def _set_pull(self, value: object) -> None:
        """Keep the level of a line that something outside drives: it is stronger than a pull."""
        super()._set_pull(value)
        if self.info.name in self.factory.driven_to:
            self._change_state(self.factory.driven_to[self.info.name])


class Board(MockFactory):
    """Mock pins; `busy` names lines that another program holds, `gone` is a chip that is away."""

    def __init__(self) -> None:
        super().__init__(pin_class=BoardPin)
        self.busy: set[str] = set()
        self.driven_to: dict[str, bool] = {}
        self.gone = False

    def pin(self, name: str) -> MockPin:
        if self.gone:
            raise OSError(errno.EIO, "chip gone")
        if name in self.busy:
            raise OSError(errno.EBUSY, "GPIO busy")
        return super().pin(name)

    def drive(self, name: str, *, high: bool) -> None:
        """Drive a line from outside, whoever listens or not."""
        self.driven_to[name] = high
        pin = super().pin(name)
        if pin.function == "input":
            (pin.drive_high if high else pin.drive_low)()

    def level(self, name: str) -> bool:
        """Read a line as a meter would; one that nobody drives is low."""
        pin = super().pin(name)
        return pin.function == "output" and bool(pin.state)

    def driven(self, name: str) -> bool:
        """Say whether a line is an output."""
        return bool(super().pin(name).function == "output")

    def changes(self, name: str) -> int:
        """Say how often a line has changed."""
        return len(super().pin(name).states) - 1


class Bench:
    """Outputs on a board, a reactor on a clock in the hand, and what devices tell."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.board = Board()
        self.told: list[tuple[str, Condition, str, str]] = []
        use_pins(self.board)

    def tell(self, device: Device, condition: Condition, why: str, remedy: str) -> None:
        self.told.append((device.name, condition, why, remedy))

    def lamp(self, name: str = "tower", **keys: object) -> GpioLamp:
        lines = {"red": "GPIO5", "yellow": "GPIO6", "green": "GPIO13"} | keys
        return GpioLamp(name, "A3", GpioLamp.Keys(**lines), self.reactor, self.tell)  # type: ignore[arg-type]

    def horn(self, **keys: object) -> GpioHorn:
        made = GpioHorn.Keys(pin="GPIO21", **keys)  # type: ignore[arg-type]
        return GpioHorn("horn", "A3", made, self.reactor, self.tell)

    def output(self, **keys: object) -> GpioOutput:
        made = GpioOutput.Keys(pin="GPIO26", **keys)  # type: ignore[arg-type]
        return GpioOutput("stop-a", None, made, self.reactor, self.tell)

    def levels(self, *lines: str) -> list[bool]:
        return [self.board.level(line) for line in lines]

    def wait(self, ns: int) -> None:
        """Let time go by, from one due timer to the next."""
        let_pass(self.reactor, self.clock, ns)

    def watch(self, line: str, ns: int, step_ns: int = 50 * MS) -> str:
        """Look at a line again and again: # for on."""
        seen = ""
        for _ in range(ns // step_ns):
            seen += "#" if self.board.level(line) else "."
            self.wait(step_ns)
        return seen
