"""The devices: one module, one row and one test each; imported only when configured."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final, Protocol

from edge_agent.ports import Read, Source, Tell
from edge_agent.reactor import Reactor

KINDS: Final = {
    "serial-scanner": ("drivers.serial_scanner", "SerialScanner"),
    "simulated-scanner": ("drivers.simulated", "SimulatedScanner"),
}
"""`kind` in a configuration -> (module, class). The class has `Keys`, the dataclass of its keys."""

ENTRY_POINTS: Final = "edge_agent.drivers"
"""Group of entry points by which an installed package adds kinds: name = kind, value = class."""


class Driver(Protocol):
    """The class of a kind: `Keys` is the dataclass whose fields are the keys of that kind."""

    Keys: type[Any]

    def __call__(
        self,
        name: str,
        station: str,
        keys: Any,  # noqa: ANN401 - each kind has its own
        reactor: Reactor,
        read: Read,
        tell: Tell,
    ) -> Source: ...


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
