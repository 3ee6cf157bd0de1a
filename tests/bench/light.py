"""From the settled edge of a cord to the change of its tower light, in whole processes.

A word is written into the cord's FIFO and the lamp's file says when the light changed, on the same
monotonic clock; the filter of the contact is taken off. Alone, beside 2,000 scans a second, and
with a broker that accepts and never answers.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tests.bench.contenders import PRODUCT
from tests.bench.report import Figure, at_most
from tests.bench.speed import Run
from tests.kit.agents import Agent, Gun
from tests.kit.brokers import Mosquitto

FILTER_MS = 5
PULLS = 1_000
PULLS_QUICK = 200
SCANS_PER_S = 2_000
_WAIT_S = 5

LINE = f"""
[[device]]
name = "cord"
kind = "simulated-cord"
station = "A2"
category = "quality"
fifo = "cord"
filter_ms = {FILTER_MS}
stuck_s = 0.0

[[device]]
name = "tower"
kind = "simulated-lamp"
station = "A2"
file = "tower"

[[andon]]
station = "*"
category = "quality"
cancel = "second-pull"
min_cancel_s = 0.0
reason_grace_s = 0.1
"""


def light(run: Run) -> list[Figure]:
    """Pull again and again, and say how long the light took: median, and the worst of all."""
    figures = []
    for number, (name, under) in enumerate(CONDITIONS.items()):
        took = list(_pulls(run, run.folder / f"light-{number}", under))
        middle = Figure(f"light, {name}, median", "ms", (at_most(5),), ratio=False)
        worst = Figure(f"light, {name}, worst", "ms", (at_most(50),), ratio=False)
        middle.add(PRODUCT.key, *took)
        worst.add(PRODUCT.key, max(took))
        figures += [middle, worst]
    return figures


def _pulls(run: Run, folder: Path, under: Callable[[Path], Iterator[Agent]]) -> Iterator[float]:
    with contextmanager(under)(folder) as agent:
        tower = (agent.folder / "tower").open("rb")
        cord = os.open(agent.folder / "cord", os.O_WRONLY)
        _last(tower, 0)
        for _ in range(run.pick(PULLS, PULLS_QUICK) // 2):
            for _ in ("call", "cancel"):
                began_ns = time.monotonic_ns()
                os.write(cord, b"open\n")
                yield (_last(tower, began_ns) - began_ns) / 1e6 - FILTER_MS
                os.write(cord, b"close\n")
                time.sleep(0.09)  # a cord that is let go too soon is the same pull
        os.close(cord)
        tower.close()


def _last(tower: BinaryIO, after_ns: int) -> int:
    """Give the moment of the first change of a light after this one."""
    end_s = time.monotonic() + _WAIT_S
    line = b""
    while time.monotonic() < end_s:
        line += tower.readline()
        if not line.endswith(b"\n"):  # none yet, or read while it was being written
            if not after_ns:
                return 0
            time.sleep(0.0005)
            continue
        at_ns = int(line.split(b":")[1].split(b",")[0])
        if after_ns and at_ns > after_ns:
            return at_ns
        line = b""
    raise TimeoutError("no light")


def _alone(folder: Path) -> Iterator[Agent]:
    with Mosquitto(folder / "broker") as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        with Agent(folder / "a", url=url, more=LINE) as agent:
            yield agent


def _scanned(folder: Path) -> Iterator[Agent]:
    with contextmanager(_alone)(folder) as agent:
        done = threading.Event()
        scanning = threading.Thread(target=_scan, args=(agent.gun, done))
        scanning.start()
        try:
            yield agent
        finally:
            done.set()
            scanning.join()


def _scan(gun: Gun, done: threading.Event) -> None:
    number = 0
    while not done.wait(0.01):
        texts = [f"L-{number + one:07d}" for one in range(SCANS_PER_S // 100)]
        number += len(texts)
        gun.write("".join(f"{text}\n" for text in texts).encode())


def _mute(folder: Path) -> Iterator[Agent]:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"mqtt://127.0.0.1:{mute.getsockname()[1]}"
        with Agent(folder / "a", url=url, more=LINE) as agent:
            yield agent


CONDITIONS = {
    "alone": _alone,
    "2,000 scans/s": _scanned,
    "mute broker": _mute,
}
