"""What stands around a lamp, a horn and an output of either make in the contract's suite."""

import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers import load
from drivers.gpio_pins import use_pins
from edge_agent.ports import Condition, Device, Horn, Lamp, Output, Pattern
from edge_agent.reactor import Reactor
from tests.kit.boards import Board
from tests.kit.scanners import HandClock, let_pass

MS = 1_000_000
LINES = {"red": "GPIO5", "yellow": "GPIO6", "green": "GPIO13", "blue": "GPIO19"}
HORN, OUTPUT = "GPIO21", "GPIO26"

Driven = Lamp | Horn | Output


FAR_BYTES = 1 << 24
"""A file is made so long before it may not grow: no other file of the tests is, and may grow."""


class Rig:
    """Devices of one make, real or twin, on a clock in the hand."""

    def __init__(self, make: str, folder: Path) -> None:
        self.make = make
        self.folder = folder
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.board = Board()
        self.told: list[tuple[str, Condition]] = []
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        use_pins(self.board)

    def tell(self, device: Device, condition: Condition, why: str, remedy: str) -> None:
        assert (why == "") == (condition is Condition.OK)
        assert condition is Condition.OK or remedy
        self.told.append((device.name, condition))

    @property
    def real(self) -> bool:
        return self.make == "gpio"

    def made(self, part: str, station: str | None = "A3", **keys: object) -> Any:  # noqa: ANN401
        driver: Any = load(f"{self.make}-{part}")
        if not self.real:
            keys = {"file": self.folder / part}
            if part == "lamp":
                keys["lights"] = tuple(LINES)
        return driver(f"{part}-a3", station, driver.Keys(**keys), self.reactor, self.tell)

    def lamp(self) -> Lamp:
        lamp: Lamp = self.made("lamp", **LINES)
        return lamp

    def horn(self) -> Horn:
        horn: Horn = self.made("horn", pin=HORN)
        return horn

    def output(self) -> Output:
        output: Output = self.made("output", None, pin=OUTPUT, on_agent_loss="run")
        return output

    # -- what is to be seen and heard --------------------------------------------------------------

    def said(self, part: str) -> list[dict[str, Any]]:
        text = (self.folder / part).read_text().replace("\0", "")
        return [json.loads(line) for line in text.splitlines()]

    def lit(self) -> set[str]:
        """Look at the lamp: its lights that are not dark, flashing ones where they are lit."""
        if self.real:
            return {light for light, line in LINES.items() if self.board.level(line)}
        last = {line["light"]: line["pattern"] for line in self.said("lamp")}
        return {light for light, pattern in last.items() if pattern != "off"}

    def sounding(self) -> bool:
        if self.real:
            return self.board.level(HORN)
        return bool(self.said("horn")[-1]["tune"] != "off")

    def asked(self) -> bool:
        if self.real:
            return self.board.level(OUTPUT)
        return bool(self.said("output")[-1]["on"])

    def changes(self) -> int:
        """Count what has changed so far, on whatever is connected."""
        if self.real:
            return sum(self.board.changes(line) for line in (*LINES.values(), HORN, OUTPUT))
        parts = (self.folder / part for part in ("lamp", "horn", "output"))
        return sum(path.read_bytes().count(b"\n") for path in parts if path.exists())

    # -- what happens to them ----------------------------------------------------------------------

    def wait(self, ns: int) -> None:
        """Let time go by, from one due timer to the next."""
        let_pass(self.reactor, self.clock, ns)

    def spoil(self, part: str) -> None:
        """Have nothing work that is behind a device: its chip is gone, its disk full."""
        if self.real:
            self.board.gone = True
        else:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with (self.folder / part).open("a") as file:
                file.truncate(FAR_BYTES)
            resource.setrlimit(resource.RLIMIT_FSIZE, (FAR_BYTES, self.limits[1]))

    def mend(self) -> None:
        self.board.gone = False
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


PARTS: dict[str, Callable[[Rig], Driven]] = {
    "lamp": Rig.lamp,
    "horn": Rig.horn,
    "output": Rig.output,
}


def switch(part: str, device: Driven, clock: HandClock, *, on: bool) -> None:
    """Ask for something that is on for as long as it is asked for, or for nothing."""
    match part:
        case "lamp":
            device.show({"red": Pattern.STEADY} if on else {}, clock.now_ns)
        case "horn":
            device.sound("B" if on else "", loud=False)
        case _:
            device.request(on=on)


def is_on(rig: Rig, part: str) -> bool:
    return bool({"lamp": rig.lit, "horn": rig.sounding, "output": rig.asked}[part]())
