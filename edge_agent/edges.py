"""Where an agent touches the world: the journal's thread, the broker, the drivers of its devices.

A factory on a virtual clock brings its own; everything between them is what ships.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import drivers
from drivers import Driver
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.writer import Writer
from edge_agent.outbox import Keeping
from edge_agent.uplink import Uplink

GC_THRESHOLD: Final = 50_000
"""Containers made and kept before the collector looks; nothing on the path of a scan is kept."""


class Writing(Keeping, Protocol):
    """What an agent needs of the journal's thread (`edge_agent.journal.writer.Writer`)."""

    def start(self) -> None: ...
    def ping(self, reply: Callable[[None], None]) -> None: ...
    def stop(self, done: Callable[[None], None]) -> None: ...


class Opener(Protocol):
    """How the journal of a folder is opened (`edge_agent.journal.opening.open_store`)."""

    def __call__(self, data_dir: Any, *, quota_bytes: int, unreadable_is_broken: bool) -> Store: ...  # noqa: ANN401 - a path


def settle_memory() -> None:
    """Look at what a start has made for the last time: it stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)


@dataclass(frozen=True, slots=True)
class Edges:
    """What an agent is made with: of a real one all that is here.

    `driver` gives the class of a kind of device; `ready` is called once the agent is.
    """

    open_store: Opener = open_store
    writer: Callable[..., Writing] = Writer
    uplink: Callable[..., Uplink] = Uplink
    driver: Callable[[str], Driver] = drivers.load
    ready: Callable[[], None] = settle_memory
