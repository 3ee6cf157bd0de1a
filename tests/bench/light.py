"""From a cord to the change of its tower light, in whole processes.

A word is written into the FIFO of a cord and the lamp's file says when its light changed, on the
same monotonic clock. Several cords in turn, each by turns a call and its cancelling. What counts is
the time from the settled edge: the filter of the contact is taken off, but for the last case.

Each case says too what `status` tells of the slowest of the same pulls: from the settled edge, as
the agent has it, to the light. A twin has no kernel that stamps its edge, so there an edge begins
when its word is read; the bench begins when the word was written, and so can only be slower.

A worst case on a machine with other work is that machine's: beside each stands how late a process
that does nothing but sleep was let go on meanwhile.

The disk that hangs is that of `tests.kit.stalling_disk`: the whole agent as it ships, and SQLite's
own flush, in the journal's thread, is what does not come back.
"""

import array
import fcntl
import json
import os
import signal
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.bench.contenders import PRODUCT
from tests.bench.gauges import Sleeper
from tests.bench.report import Figure, at_least, at_most
from tests.bench.speed import Run
from tests.kit import stalling_disk
from tests.kit.agents import Agent, Gun
from tests.kit.brokers import Mosquitto

PULLS = 1_000
PULLS_QUICK = 200
STATIONS: Final = tuple(f"A{number}" for number in range(1, 9))
"""Each has a cord and a tower; they are pulled in turn."""

FILTER_MS = 5
CORD_FILTER_MS = 50
"""What a cord has as it ships; a pull that is shorter than the filter is none."""

SCANS_PER_S = 2_000
HANG_S = 2.0
PASS_S = 0.05
"""How long a commit hangs, and how long commits then pass."""

_LET_GO_S = 0.15  # a cord that is let go too soon is the same pull
_LOOK_S = 0.0005
_WAIT_S = 10


def floor(filter_ms: int) -> str:
    """Write the tables of a cord and a tower at each station."""
    more = """
[[andon]]
station = "*"
category = "quality"
cancel = "second-pull"
min_cancel_s = 0.0
reason_grace_s = 0.1
"""
    for station in STATIONS:
        if station != "A2":  # it is there: it has the gun
            more += f'[[station]]\nid = "{station}"\n'
        more += (
            f'[[device]]\nname = "cord-{station}"\nkind = "simulated-cord"\n'
            f'station = "{station}"\ncategory = "quality"\nfifo = "cord-{station}"\n'
            f"filter_ms = {filter_ms}\nmin_actuation_ms = {filter_ms}\nstuck_s = 0.0\n"
            f'[[device]]\nname = "tower-{station}"\nkind = "simulated-lamp"\n'
            f'station = "{station}"\nfile = "tower-{station}"\n'
        )
    return more


class Cord:
    """The cord of one station, and the eyes on its tower."""

    def __init__(self, folder: Path, station: str) -> None:
        self._tower = (folder / f"tower-{station}").open("rb")
        self._cord = os.open(folder / f"cord-{station}", os.O_WRONLY)
        self._tower.read()
        self._rest = b""
        self._called = False
        self._free_s = 0.0

    def pull(self) -> tuple[int, int]:
        """Pull once it hangs free; gives the moments of the contact and of the light."""
        time.sleep(max(self._free_s - time.monotonic(), 0))
        self._called = not self._called
        pulled_ns = time.monotonic_ns()
        os.write(self._cord, b"open\n")
        lit_ns = self._lit_ns()
        os.write(self._cord, b"close\n")
        self._until_read()
        self._free_s = time.monotonic() + _LET_GO_S
        return pulled_ns, lit_ns

    def _until_read(self) -> None:
        """Wait until the agent has felt what was written: a late machine is no short release."""
        left = array.array("i", [1])
        while left[0]:
            time.sleep(_LOOK_S)
            fcntl.ioctl(self._cord, termios.FIONREAD, left)

    def _lit_ns(self) -> int:
        """Wait for the light of a call, or for its end."""
        end_s = time.monotonic() + _WAIT_S
        while time.monotonic() < end_s:
            self._rest += self._tower.readline()
            if not self._rest.endswith(b"\n"):  # none yet, or read while it was being written
                time.sleep(_LOOK_S)
                continue
            line, self._rest = json.loads(self._rest), b""
            if line["light"] == "yellow" and (line["pattern"] != "off") is self._called:
                lit_ns: int = line["mono_ns"]
                return lit_ns
        raise TimeoutError(f"no light at {self._tower.name}, called: {self._called}")

    def close(self) -> None:
        os.close(self._cord)
        self._tower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Case:
    """Under what is pulled; `from_contact` counts the filter too."""

    name: str
    under: Callable[[Path, str], AbstractContextManager[Agent]]
    filter_ms: int = FILTER_MS
    from_contact: bool = False


def light(run: Run) -> list[Figure]:
    """Pull again and again, and say how long the light took: median, and the worst of all."""
    figures: list[Figure] = []
    for case in CASES:
        figures += _figures(run, case)
    return figures


def _figures(run: Run, case: Case) -> list[Figure]:
    pulls = run.pulls or run.pick(PULLS, PULLS_QUICK)
    what = "contact" if case.from_contact else "light"
    off_ns = 0 if case.from_contact else case.filter_ms * 1_000_000
    middle, most = ((), (at_most(100),)) if case.from_contact else ((at_most(5),), (at_most(50),))
    folder = run.folder / f"light-{CASES.index(case)}"
    with case.under(folder, floor(case.filter_ms)) as agent, Sleeper() as sleeper:
        took_ms = [(lit - pulled - off_ns) / 1e6 for pulled, lit in _pulls(agent, pulls)]
        said_ms = agent.status()["counters"]["press_to_light_ms_max"]
        hung = sum(stalling_disk.STALLED in line for line in agent.lines())
    rows = {
        "median": (took_ms, middle),
        "worst": ([max(took_ms)], most),
        "in status": ([said_ms], (at_most(50),)),
        "a sleeper": ([sleeper.latest_ms], ()),
    }
    if agent.command == stalling_disk.COMMAND:
        rows["flushes hung"] = ([hung], (at_least(1),))
    figures = []
    for row, (values, goals) in rows.items():
        unit = "" if row.startswith("flushes") else "ms"
        figures.append(Figure(f"{what}, {case.name}, {row}", unit, goals, ratio=False))
        figures[-1].add(PRODUCT.key, *values)
    return figures


def _pulls(agent: Agent, pulls: int) -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        cords = [stack.enter_context(Cord(agent.folder, one)) for one in STATIONS]
        for number in range(pulls):
            yield cords[number % len(cords)].pull()


# -- under what --------------------------------------------------------------------------------


@contextmanager
def _alone(folder: Path, more: str) -> Iterator[Agent]:
    with Mosquitto(folder / "broker") as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        with Agent(folder / "a", url=url, more=more) as agent:
            yield agent


@contextmanager
def _scanned(folder: Path, more: str) -> Iterator[Agent]:
    with _alone(folder, more) as agent, _beside(lambda done: _scan(agent.gun, done)):
        yield agent


@contextmanager
def _hanging(folder: Path, more: str) -> Iterator[Agent]:
    with Mosquitto(folder / "broker") as broker:
        agent = Agent(folder / "a", url=f"mqtt://127.0.0.1:{broker.port}", more=more)
        agent.command = stalling_disk.COMMAND
        with agent, _beside(lambda done: _hang(agent, done)):
            yield agent


@contextmanager
def _mute(folder: Path, more: str) -> Iterator[Agent]:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"mqtt://127.0.0.1:{mute.getsockname()[1]}"
        with Agent(folder / "a", url=url, more=more) as agent:
            yield agent


@contextmanager
def _beside(act: Callable[[threading.Event], None]) -> Iterator[None]:
    done = threading.Event()
    beside = threading.Thread(target=act, args=(done,))
    beside.start()
    try:
        yield
    finally:
        done.set()
        beside.join()


def _scan(gun: Gun, done: threading.Event) -> None:
    number = 0
    while not done.wait(0.01):
        texts = [f"L-{number + one:07d}" for one in range(SCANS_PER_S // 100)]
        number += len(texts)
        gun.write("".join(f"{text}\n" for text in texts).encode())


def _hang(agent: Agent, done: threading.Event) -> None:
    """Let whatever is to be flushed hang, again and again."""
    while not done.is_set():
        agent.signal(signal.SIGUSR1)
        done.wait(HANG_S)
        agent.signal(signal.SIGUSR2)
        done.wait(PASS_S)


CASES: Final = (
    Case("alone", _alone),
    Case("2,000 scans/s", _scanned),
    Case("hung commits", _hanging),
    Case("mute broker", _mute),
    Case(f"{CORD_FILTER_MS} ms filter", _alone, CORD_FILTER_MS, from_contact=True),
)
