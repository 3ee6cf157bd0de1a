"""What one scan asks of the allocator from its bytes to its committed row, 64 to a commit."""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from edge_agent.records import Kept
from tests.hot_path.stand import Bench, chunks, frozen, twin

GROSS_MAX = 25
LINES = 64
ROUNDS = 100
_SOURCE = Path(__file__).with_name("counter.c")


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Compile the counting allocator; its figure is held where there is a compiler, as in CI."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    headers = Path(sysconfig.get_paths()["include"])
    if compiler is None or not (headers / "Python.h").exists():
        pytest.skip("no C compiler, or no Python.h: allocations are counted where there are both")
    built = tmp_path_factory.mktemp("counter") / "counter.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", f"-I{headers}", _SOURCE, "-o", built], check=True
    )
    spec = importlib.util.spec_from_file_location("counter", built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_counter_counts(counter: ModuleType) -> None:
    keep = [None] * 1000
    counter.begin()
    for at in range(1000):
        keep[at] = b"%500d" % at  # type: ignore[call-overload]
    asked, stays = counter.total()
    assert asked >= 1000
    assert 1000 <= stays < 1100


class Measured(Bench):
    """Stops counting when the row is committed: answers and the broker come after."""

    counter: ModuleType

    def committed(self, answer: tuple[Kept | None, int]) -> None:
        self.counter.pause()
        super().committed(answer)


def test_a_scan_asks_at_most_25_times_for_memory(counter: ModuleType, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    said = chunks(LINES)
    Measured.counter = counter
    with Measured(data_dir, twin(fifo), replay_mb=64) as bench, frozen():
        line, outbox, reactor = bench.line, bench.outbox, bench.reactor
        pipe = os.open(fifo, os.O_WRONLY)

        def scan(rounds: int) -> None:
            """Have 64 scans arrive together, and the next ones when those are committed."""
            goal = line.accepted
            for _ in range(rounds):
                os.write(pipe, next(said))
                goal += LINES
                counter.begin()
                while line.accepted < goal:
                    reactor.turn()

        scan(ROUNDS)
        counter.total()
        commits = outbox.commits
        scan(ROUNDS)
        asked, _ = counter.total()
        commits = outbox.commits - commits
        os.close(pipe)
    scans = ROUNDS * LINES
    print(f"{asked / scans:.2f} allocations per scan from its bytes to its row")
    assert commits <= 1.05 * ROUNDS, "not 64 to a commit: the figure would mean something else"
    assert asked <= GROSS_MAX * scans
