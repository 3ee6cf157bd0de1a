"""A computer of the line: its power, its clock, its card, and the life of the agent on it."""

import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from edge_agent.app import Agent
from edge_agent.configuration import Address, Configuration
from edge_agent.configuration import Broker as Said
from edge_agent.edges import Edges
from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.reactor import NEVER, Reactor
from edge_agent.records import DiskTrouble
from edge_agent.simulation.broker import Broker
from edge_agent.simulation.clocks import BootClock, Time
from edge_agent.simulation.disk import Disk
from edge_agent.simulation.fittings import Things
from edge_agent.uplink import Uplink
from edge_agent.uplink.dial import Dialled

TURNS_MAX: Final = 10_000
"""Turns without time passing, after which an agent is said to spin."""


class Pi:
    """One computer; `agent` is None while nothing runs on it.

    `between(do)` does something while no turn runs: connect threads are only let go then.
    """

    def __init__(
        self,
        configuration: Configuration,
        root: Path,
        time: Time,
        broker: Broker,
        things: Things,
        seed: str,
    ) -> None:
        self.name = configuration.agent.id
        self.configuration = configuration
        self.things = things
        self.agent: Agent | None = None
        self.disk: Disk | None = None
        self.clock = BootClock(time, self._boot_id(seed, 0), is_set=True)
        self.boots = 0
        self.lives = 0
        self.began: dict[str, int] = {}
        """Boot -> when its monotonic clock was 0, in true time."""
        self.alive_since_ns = NEVER
        self.bad_card_until_ns = 0
        self._root = root
        self._time = time
        self._broker = broker
        self._seed = seed
        self._random = Random(f"{seed} {self.name}")
        self._data_dir = root / f"{self.name}-0"
        self._data_dir.mkdir()
        self._store: Store | None = None
        self._reactor: Reactor | None = None
        self._sockets: list[socket.socket] = []
        self._said: tuple[tuple[int, int], dict[str, Any]] = ((0, 0), {})
        self.started: Callable[[], None] = lambda: None

    # -- power ---------------------------------------------------------------------------------

    def boot(self, *, clock_set: bool = True) -> None:
        """Switch it on; the agent starts at once."""
        self.boots += 1
        boot = self._boot_id(self._seed, self.boots)
        self.clock = BootClock(self._time, boot, is_set=clock_set)
        self.began[boot] = self.clock.began_ns
        self.live()

    def live(self) -> None:
        """Start the agent, on what the last one has left."""
        self.lives += 1
        reactor = self._reactor = Reactor(self.clock)
        edges = Edges(
            open_store=self._open,
            writer=self._writer,
            uplink=partial(Uplink, opening=self._opening, random=self._random),
            driver=self.things.kind,
            ready=self._ready,
        )
        said = replace(self.configuration.agent, data_dir=self._data_dir)
        configuration = replace(self.configuration, agent=said)
        agent = Agent(configuration, self._root, {}, self.clock, reactor, edges=edges)
        self.agent = agent
        self.alive_since_ns = self._time.now_ns
        agent.start()

    def die(self) -> None:
        """End the agent as SIGKILL does, or as the power does when it goes."""
        agent, reactor, disk = self.agent, self._reactor, self.disk
        assert agent is not None
        assert reactor is not None
        assert disk is not None
        self.agent = None
        self.alive_since_ns = NEVER
        disk.cut()
        left = self._root / f"{self.name}-{self.lives}"
        left.mkdir()
        shutil.copytree(folder.place(self._data_dir), folder.place(left))
        if self._store is not None:
            self._store.close()
            self._store = None
        agent.close()
        reactor.close()
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        shutil.rmtree(self._data_dir)
        self._data_dir = left
        self.things.dark()

    # -- time ----------------------------------------------------------------------------------

    def due_ns(self) -> int:
        """Say when something is due here, in true time."""
        if self._reactor is None or self.agent is None:
            return NEVER
        due_ns = self._reactor.next_due_ns()
        return NEVER if due_ns >= NEVER else due_ns + self.clock.began_ns

    def settle(self) -> bool:
        """Turn until there is nothing to do now; says whether there was anything."""
        moved = False
        for _ in range(TURNS_MAX):
            reactor = self._reactor
            if reactor is None or self.agent is None:
                return moved
            if self.due_ns() > self._time.now_ns and not reactor.busy():
                return moved
            moved = True
            reactor.turn(wait=False)
            self._broker.let_dial()
        raise AssertionError(f"{self.name} spins: {TURNS_MAX} turns, and no time has passed")

    # -- what it says of itself ----------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether its agent has its journal."""
        return self.agent is not None and self.agent.ready

    def document(self) -> dict[str, Any]:
        """Give what `status --json` says."""
        assert self.agent is not None
        return self.agent.document()

    def line(self) -> dict[str, Any]:
        """Give what that says of stations and segments."""
        assert self.agent is not None
        assert self._reactor is not None
        turn = (self.lives, self._reactor.turns)
        if self._said[0] != turn:
            self._said = turn, self.agent.andon.document()
        return self._said[1]

    def true_ns(self, boot: str, mono_ns: int) -> int:
        """Give the true time of a moment of one of its boots."""
        return self.began[boot] + mono_ns

    # -- inside --------------------------------------------------------------------------------

    def _ready(self) -> None:
        self.started()

    def _open(
        self, data_dir: Path, *, quota_bytes: int, unreadable_is_broken: bool = False
    ) -> Store:
        if self._time.now_ns < self.bad_card_until_ns:
            raise DiskTrouble("failing", "the card does not answer", "exchange it")
        self._store = open_store(
            data_dir, quota_bytes=quota_bytes, unreadable_is_broken=unreadable_is_broken
        )
        return self._store

    def _opening(self, address: Address, broker: Said, stage: Callable[[str], None]) -> Dialled:
        dialled = self._broker.opening(address, broker, stage)
        self._sockets.append(dialled.sock)
        return dialled

    def _writer(self, *given: Any) -> Disk:
        assert self._reactor is not None
        self.disk = Disk(*given, reactor=self._reactor, random=self._random)
        return self.disk

    def _boot_id(self, seed: str, number: int) -> str:
        return f"{Random(f'{seed} {self.name} {number}').getrandbits(32):08x}"
