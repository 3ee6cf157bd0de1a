"""The WAL is grown once, at the first start: a commit that extends it costs a second flush."""

from pathlib import Path

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import GROWN_WAL_BYTES
from edge_agent.records import NORMAL, Batch, row_crc
from tests.kit.journals import killed

_PAYLOAD = b"x" * 480


def test_a_whole_round_of_commits_fits_into_the_grown_wal(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    store = open_store(data_dir, quota_bytes=64 << 20)
    wal = Path(f"{folder.place(data_dir) / folder.FILE}-wal")
    grown_bytes = wal.stat().st_size
    seq = store.high
    while not store.checkpoint_due():
        seq += 1
        batch = Batch()
        crc = row_crc(seq, NORMAL, 1, None, _PAYLOAD)
        batch.rows = [(seq, NORMAL, 1, seq, None, crc, _PAYLOAD)]
        store.commit(batch)
    assert wal.stat().st_size == grown_bytes
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
