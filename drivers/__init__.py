"""The devices: one module, one row and one test each; imported only when configured."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Final, Protocol

from edge_agent.ports import Device, Examined, Part

KINDS: Final = {
    "gpio-cord": ("drivers.gpio_inputs", "GpioCord"),
    "gpio-button": ("drivers.gpio_inputs", "GpioButton"),
    "gpio-horn": ("drivers.gpio_outputs", "GpioHorn"),
    "gpio-lamp": ("drivers.gpio_outputs", "GpioLamp"),
    "gpio-output": ("drivers.gpio_outputs", "GpioOutput"),
    "serial-scanner": ("drivers.serial_scanner", "SerialScanner"),
    "simulated-horn": ("drivers.simulated_outputs", "SimulatedHorn"),
    "simulated-lamp": ("drivers.simulated_outputs", "SimulatedLamp"),
    "simulated-output": ("drivers.simulated_outputs", "SimulatedOutput"),
    "simulated-scanner": ("drivers.simulated", "SimulatedScanner"),
    "simulated-cord": ("drivers.simulated_inputs", "SimulatedCord"),
    "simulated-button": ("drivers.simulated_inputs", "SimulatedButton"),
}
"""`kind` in a configuration -> (module, class). The class has `Keys`, the dataclass of its keys."""

ENTRY_POINTS: Final = "edge_agent.drivers"
"""Group of entry points by which an installed package adds kinds: name = kind, value = class."""


class Driver(Protocol):
    """The class of a kind: `Keys` is the dataclass whose fields are the keys of that kind.

    Called with name, station, keys and reactor, then a source with `Read` and `Tell`, a contact
    with `Felt` and `Tell`, the others with `Tell` (`edge_agent.ports`). `part` says which of them
    it is, `stationless` that it may stand at no station; a class that says neither is a source.

    A class may have a static method `examine(keys)` that gives an `Examined` for each thing that
    a device of these keys needs: `doctor` asks it while no agent runs. It changes nothing and
    waits for nobody. The lines that keys name with `edge_agent.ports.GPIO` are looked at without
    it; a kind that knows more of them than its keys say asks `drivers.gpio_lines_info.examined`.
    """

    Keys: type[Any]

    def __call__(self, *given: Any) -> Device: ...  # noqa: ANN401 - each part has its own


def part_of(driver: Driver) -> Part:
    """Say what the devices of a driver are to the line."""
    return Part(getattr(driver, "part", Part.SOURCE))


def stationless(driver: Driver) -> bool:
    """Say whether the devices of a driver may stand at no station."""
    return bool(getattr(driver, "stationless", False))


def examined(driver: Driver, keys: object) -> Iterable[Examined]:
    """Have a driver look at what a device needs; nothing where its kind does not offer to."""
    examine: Callable[[object], Iterable[Examined]] | None = getattr(driver, "examine", None)
    return () if examine is None else examine(keys)


def load(kind: str) -> Driver:
    """Import the driver of a kind; KeyError when there is no such kind.

    A kind of ours wins over an entry point of the same name.
    """
    if kind in KINDS:
        module, name = KINDS[kind]
        ours: Driver = getattr(import_module(module), name)
        return ours
    for name, load_it in _added():
        if name == kind:
            return load_it()
    raise KeyError(kind)


def kinds() -> list[str]:
    """List every kind that `load` knows, for those who have mistyped one."""
    return sorted({*KINDS, *(name for name, _ in _added())})


def _added() -> Iterator[tuple[str, Callable[[], Driver]]]:
    from importlib.metadata import entry_points  # slow to import: only for kinds that are not ours

    for point in entry_points(group=ENTRY_POINTS):
        yield point.name, point.load
