"""A WAL that is gone, or that nobody can read any more: no number is given twice for it."""

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.journal import folder, wal
from edge_agent.journal import store as store_module
from edge_agent.journal.store import Store
from edge_agent.records import SALVAGED, Batch, DiskTrouble
from tests.kit.journals import batch, filled, killed, opened, row

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


def wal_of(data_dir: Path) -> Path:
    return folder.place(data_dir) / f"{folder.FILE}-wal"


def removed(wal: Path) -> None:
    wal.unlink()


def emptied(wal: Path) -> None:
    wal.write_bytes(b"")


def cut_off(wal: Path) -> None:
    wal.write_bytes(wal.read_bytes()[: HEADER_BYTES - 1])


def header_damaged(wal: Path) -> None:
    content = wal.read_bytes()
    wal.write_bytes(b"\xff" * HEADER_BYTES + content[HEADER_BYTES:])


def first_frame_damaged(wal: Path) -> None:
    content = wal.read_bytes()
    damaged = b"\0" * FRAME_HEADER_BYTES
    wal.write_bytes(content[:HEADER_BYTES] + damaged + content[HEADER_BYTES + len(damaged) :])


LOSSES = [removed, emptied, cut_off, header_damaged, first_frame_damaged]


def first_run(data_dir: Path) -> Store:
    return opened(data_dir)


def first_run_after_a_checkpoint(data_dir: Path) -> Store:
    store = opened(data_dir)
    filled(store, 30)
    store.checkpoint()
    return store


def later_run(data_dir: Path) -> Store:
    store = opened(data_dir)
    filled(store, 30)
    store.rest()
    store.close()
    return opened(data_dir)


def failing(*_: object, **__: object) -> None:
    raise OSError(5, "Input/output error")


def run_with_a_checkpoint_whose_own_words_failed(data_dir: Path) -> Store:
    """Have the WAL begun by a commit instead: after trouble a checkpoint may not be repeated."""
    store = opened(data_dir)
    filled(store, 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "name_round", failing)
        with pytest.raises(DiskTrouble):
            store.checkpoint()
    return store


RUNS = [
    first_run,
    first_run_after_a_checkpoint,
    later_run,
    run_with_a_checkpoint_whose_own_words_failed,
]


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("begin", RUNS)
def test_numbers_that_were_in_a_lost_wal_are_not_given_again(
    data_dir: Path,
    tmp_path: Path,
    begin: Callable[[Path], Store],
    lose: Callable[[Path], None],
) -> None:
    store = begin(data_dir)
    in_the_file = store.high
    filled(store, 20, in_the_file + 1)
    after = killed(data_dir, tmp_path / "after")
    epoch = store.epoch
    store.close()
    lose(wal_of(after))
    again = opened(after)
    assert again.epoch != epoch, "numbers that are out would be given to other events"
    assert again.high == 0
    rows = again.page(SALVAGED, 0, 1000)
    assert [found.n for found in rows][:in_the_file] == list(range(1, in_the_file + 1))
    (text,) = again.restore().quarantined
    report = json.loads(text)
    assert (report["folder"], report["epoch"]) == ("corrupt-1", epoch)
    assert "-wal" in report["why"]
    again.close()
    third = opened(after)
    assert third.epoch == again.epoch
    assert len(folder.set_apart_before(after)) == 1
    third.close()


def closed(data_dir: Path, _after: Path) -> Path:
    opened(data_dir).close()
    return data_dir


def rested(data_dir: Path, after: Path) -> Path:
    store = opened(data_dir)
    store.rest()
    left = killed(data_dir, after)
    store.close()
    return left


def closed_in_trouble(data_dir: Path, _after: Path) -> Path:
    """Close it as an attempt that failed does: SQLite itself copies all and removes the WAL."""
    store = opened(data_dir)
    filled(store, 10, store.high + 1)
    store.close()
    return data_dir


def looked_at_by_a_person(data_dir: Path, after: Path) -> Path:
    store = opened(data_dir)
    filled(store, 10, store.high + 1)
    left = killed(data_dir, after)
    store.close()
    sql = sqlite3.connect(folder.place(left) / folder.FILE)
    sql.execute("SELECT count(*) FROM event").fetchone()
    sql.close()
    return left


@pytest.mark.parametrize("end", [closed, rested, closed_in_trouble, looked_at_by_a_person])
@pytest.mark.parametrize("removed_too", [False, True])
def test_a_wal_that_held_nothing_may_go(
    data_dir: Path, tmp_path: Path, end: Callable[[Path, Path], Path], *, removed_too: bool
) -> None:
    store = opened(data_dir)
    filled(store, 30)
    store.close()
    left = end(data_dir, tmp_path / "after")
    if removed_too:
        wal_of(left).unlink(missing_ok=True)
    again = opened(left)
    assert again.epoch == store.epoch
    assert again.high >= 30
    assert folder.set_apart_before(left) == []
    again.close()


def test_a_journal_of_before_goes_on_and_is_guarded_from_then_on(
    data_dir: Path, tmp_path: Path
) -> None:
    store = opened(data_dir)
    filled(store, 30)
    store.sql.execute("DELETE FROM meta WHERE key = 'begun'")
    store.close()
    for name in folder.place(data_dir).glob("[bc]*-*"):
        name.unlink()
    again = opened(data_dir)
    assert again.epoch == store.epoch
    filled(again, 1, 31)
    after = killed(data_dir, tmp_path / "after")
    again.close()
    wal_of(after).unlink()
    third = opened(after)
    assert third.epoch != store.epoch
    third.close()


def test_a_commit_costs_no_name(store: Store, data_dir: Path) -> None:
    def names() -> list[str]:
        return sorted(path.name for path in folder.place(data_dir).iterdir())

    before = names()
    for seq in range(1, 51):
        store.commit(Batch(rows=batch(row(seq)).rows))
    assert names() == before
    store.checkpoint()
    assert names() != before
    assert len(names()) == len(before)


# -- damage in the middle ----------------------------------------------------------------------


def spoilt_frame(wal: Path, number: int) -> None:
    """Flip a bit in the page of a frame, counted from 1."""
    with wal.open("r+b") as file:
        file.seek(HEADER_BYTES + (number - 1) * (FRAME_HEADER_BYTES + 4096) + 100)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes((byte[0] ^ 1,)))


@pytest.mark.parametrize("seed", range(20))
def test_a_wal_that_is_damaged_and_goes_on_gives_no_number_twice(
    data_dir: Path, tmp_path: Path, seed: int
) -> None:
    """Wherever the bit falls: all rows are there, or the epoch is another one."""
    rng = random.Random(seed)
    store = opened(data_dir)
    for seq in range(1, 41):
        store.commit(batch(row(seq)))
    frames = wal.frames(wal_of(data_dir), 4096)
    dead = killed(data_dir, tmp_path / "dead")
    store.close()
    last_transaction = 2
    spoilt_frame(wal_of(dead), rng.randrange(1, frames + 1 - last_transaction))
    again = opened(dead)
    kept = [found.seq for found in again.all_after(0, 1000)]
    assert again.epoch != store.epoch, f"numbers go on behind {kept[-1:]} of 40"
    assert folder.set_apart_before(dead)
    again.close()


def test_a_torn_last_transaction_is_no_damage(data_dir: Path, tmp_path: Path) -> None:
    store = opened(data_dir)
    for seq in range(1, 41):
        store.commit(batch(row(seq)))
    frames = wal.frames(wal_of(data_dir), 4096)
    dead = killed(data_dir, tmp_path / "dead")
    store.close()
    spoilt_frame(wal_of(dead), frames)
    spoilt_frame(wal_of(dead), frames - 1)
    again = opened(dead)
    assert again.epoch == store.epoch
    assert [found.seq for found in again.all_after(0, 1000)] == list(range(1, 40))
    again.close()
