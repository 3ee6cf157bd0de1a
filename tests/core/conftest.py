"""Many journals in these tests: their WAL is grown to 64 KiB only, not to 4 MiB."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.journal import store
from edge_agent.reactor import Reactor
from tests.core.orders import Rig
from tests.kit.journals import quick_folder
from tests.kit.line_bench import Bench
from tests.kit.scanners import HandClock


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder whose flushes cost nothing: there are thousands, and nobody cuts the power."""
    with quick_folder() as made:
        yield Path(made)


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "GROWN_WAL_BYTES", 64 * 1024)


@pytest.fixture
def keep() -> Iterator[Callable[[Bench], Bench]]:
    """Start a bench, and close it in the end."""
    benches: list[Bench] = []

    def started(made: Bench) -> Bench:
        benches.append(made)
        return made.start()

    yield started
    for made in benches:
        if not made.closed:
            made.close()


@pytest.fixture
def bench(tmp_path: Path, keep: Callable[[Bench], Bench]) -> Bench:
    return keep(Bench(tmp_path / "data"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def reactor(clock: HandClock) -> Iterator[Reactor]:
    made = Reactor(clock)
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_NONBLOCK)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


@pytest.fixture
def rig(bench: Bench) -> Rig:
    for number in range(20):
        bench.scan(b"K-%d" % number)
        if number == 9:
            bench.line.agent_event("alarm.raised", b"{}")
    bench.turn()
    return Rig(bench)
