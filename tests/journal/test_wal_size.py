"""The WAL is grown once, at the first start: a commit that extends it costs a second flush."""

from pathlib import Path

import pytest

from edge_agent.journal import folder, schema, wal
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import CHECKPOINT_PAGES, GROWN_WAL_BYTES, LOOK_PAGES, Store
from edge_agent.records import NORMAL, Batch, Row, Trim, row_crc
from tests.kit.journals import killed

ROUNDS = 3


def wal_of(data_dir: Path) -> Path:
    return Path(f"{folder.place(data_dir) / folder.FILE}-wal")


def rows(first: int, count: int, body: bytes) -> list[Row]:
    return [
        (seq, NORMAL, 1, seq, None, row_crc(seq, NORMAL, 1, None, body), body, 0)
        for seq in range(first, first + count)
    ]


def one_round(store: Store, count: int, body: bytes) -> None:
    while True:
        batch = Batch(rows=rows(store.high + 1, count, body))
        if store.high // 256 != (store.high + count) // 256:
            batch.snapshots = [("streams", store.high + count, b"1 %d" % (store.high + count))]
            batch.trim = Trim(store.high, 0, 1 << 20, 0)
        store.commit(batch)
        if store.checkpoint_due():
            return


@pytest.mark.parametrize("size_bytes", [190, 475, 1500])
@pytest.mark.parametrize("count", [1, 8, 64, 256])
def test_whole_rounds_of_commits_fit_into_the_grown_wal(
    tmp_path: Path, count: int, size_bytes: int
) -> None:
    data_dir = tmp_path / "data"
    store = open_store(data_dir, quota_bytes=64 << 20)
    grown_bytes = wal_of(data_dir).stat().st_size
    for _ in range(ROUNDS):
        one_round(store, count, b"x" * size_bytes)
        (_, in_log, _) = store.sql.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert CHECKPOINT_PAGES <= in_log <= CHECKPOINT_PAGES + 3 * LOOK_PAGES + count
    assert wal_of(data_dir).stat().st_size == grown_bytes
    store.close()


def test_frames_are_counted_as_sqlite_counts_them(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    store = open_store(data_dir, quota_bytes=64 << 20)
    for number in range(1, 40):
        store.commit(Batch(rows=rows(store.high + 1, number, b"x" * 190)))
        seen = wal.frames(wal_of(data_dir), schema.PAGE_BYTES)
        (_, in_log, _) = store.sql.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert seen == in_log
    store.close()


def test_a_wal_that_cannot_be_looked_at_is_checkpointed(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    store = open_store(data_dir, quota_bytes=64 << 20)
    for _ in range(LOOK_PAGES):
        store.commit(Batch(rows=rows(store.high + 1, 1, b"x")))
    away = wal_of(data_dir).rename(tmp_path / "away")
    assert store.checkpoint_due()
    away.rename(wal_of(data_dir))
    store.close()


def test_the_ballast_of_a_start_that_was_cut_short_goes_at_the_next(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    store = open_store(data_dir, quota_bytes=64 << 20)
    store.sql.execute("CREATE TABLE ballast (b BLOB)")
    store.sql.execute("INSERT INTO ballast VALUES (zeroblob(?))", (GROWN_WAL_BYTES,))
    after = killed(data_dir, tmp_path / "after")
    store.close()
    again = open_store(after, quota_bytes=64 << 20)
    kept = again.restore().kept
    assert kept.used_bytes < GROWN_WAL_BYTES
    again.close()
