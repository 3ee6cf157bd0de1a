"""A group commit costs one flush: also with the checkpoints that come in between."""

import os
from pathlib import Path

import pytest

from tests.hot_path.stand import Bench, chunks, frozen, twin
from tests.kit.recording_vfs import recording
from tests.kit.tape import SYNC, Trouble

FLUSHES_MAX = 1.05
COMMITS = 2_000


class Counted(Trouble):
    """Strikes nothing; counts the flushes of SQLite."""

    def __init__(self) -> None:
        super().__init__((), 0, forever=False)

    def strikes(self, *kinds: str) -> str | None:
        self.seen += SYNC in kinds
        return None


@pytest.mark.parametrize("lines", [1, 8, 64])
def test_a_commit_costs_one_flush_checkpoints_included(tmp_path: Path, lines: int) -> None:
    fifo, data_dir, flushes = tmp_path / "fifo", tmp_path / "data", Counted()
    data_dir.mkdir()
    said = chunks(lines)
    commits = COMMITS if lines == 1 else COMMITS // 4
    with (
        recording(data_dir, flushes) as tape,
        Bench(data_dir, twin(fifo)) as bench,
        frozen(),
    ):
        tape.take = lambda _step: None  # what is written is of no interest, and is much
        pipe = os.open(fifo, os.O_WRONLY)

        def scan(rounds: int) -> None:
            goal = bench.line.accepted
            for _ in range(rounds):
                os.write(pipe, next(said))
                goal += lines
                while bench.line.accepted < goal:
                    bench.reactor.turn()

        scan(50)
        before, already = flushes.seen, bench.outbox.commits
        scan(commits)
        counted, made = flushes.seen - before, bench.outbox.commits - already
        os.close(pipe)
    print(f"{counted / made:.4f} flushes per commit of {lines * commits / made:.1f} scans")
    assert made >= commits
    assert counted >= made, "a commit without a flush, or a flush that was not seen"
    assert counted <= FLUSHES_MAX * made
