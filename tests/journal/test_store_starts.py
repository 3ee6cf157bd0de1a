"""What a start finds in the journal: its state, an older or a newer file, a disk in trouble."""

import json
from pathlib import Path

import pytest

from edge_agent.journal import folder, schema
from edge_agent.journal import store as store_module
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.trouble import sqlite_errors, trouble_of
from edge_agent.records import (
    NORMAL,
    SALVAGED,
    Broken,
    Cursor,
    DiskTrouble,
    NewerJournal,
    Trim,
)
from tests.kit.journals import QUOTA_BYTES, batch, filled, killed, opened, row, spoilt


@pytest.fixture(autouse=True)
def _small_wal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grow the WAL to 64 KiB only, where it is not what is looked at."""
    if "wal_is_grown" not in request.node.name:
        monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


# -- what a boot finds -------------------------------------------------------------------------


def test_the_cursor_is_that_of_the_latest_row_or_of_the_books(store: Store) -> None:
    store.commit(batch(row(1), row(2, cursor="1 0 0")))
    store.commit(batch(row(3, cursor="2 2 0")))
    store.commit(batch(row(4)))
    assert store.restore().cursor == Cursor(2, 2, 0)
    store.commit(batch(meta=[("cursor", Cursor(4, 2, 7).text_with_crc())]))
    assert store.restore().cursor == Cursor(4, 2, 7)
    store.commit(batch(row(5, cursor="4 4 7")))
    assert store.restore().cursor == Cursor(4, 4, 7)


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_stream_numbers_are_right_after_a_cut_between_snapshots(
    data_dir: Path, tmp_path: Path, cut: int
) -> None:
    store = opened(data_dir)
    numbers = [0, 0, 0, 0]
    for seq in range(1, cut + 1):
        stream = 1 + seq * 7 % 3
        numbers[stream] += 1
        made = batch(row(seq, stream=stream, n=numbers[stream]))
        if seq % 10 == 0:
            body = "\n".join(f"{one} {numbers[one]}" for one in (1, 2, 3)).encode()
            made.snapshots = [("streams", seq, body)]
            made.trim = Trim(seq - 1, 0, 0, 0)  # all that the snapshot covers may go
        store.commit(made)
    after = opened(killed(data_dir, tmp_path / "after"))
    store.close()
    found = after.restore().streams
    assert dict(found.values()) == ({one: numbers[one] for one in (1, 2, 3)} if cut else {})
    after.close()


@pytest.mark.parametrize(
    "change", ["body = X'3120393939'", "upto = upto - 1", "upto = 1000000", "crc = 0"]
)
def test_a_snapshot_that_is_not_sound_is_not_believed(data_dir: Path, change: str) -> None:
    store = opened(data_dir)
    filled(store, 20)
    store.commit(batch(snapshots=[("streams", 10, b"1 10")]))
    store.close()
    spoilt(data_dir, f"UPDATE snapshot SET {change}")
    again = opened(data_dir)
    assert again.restore().snapshots == {}
    assert again.restore().streams["p/A1/scan"] == (1, 20)
    again.close()


def test_numbers_that_are_missing_are_found_behind_the_cursor(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 20)
    store.commit(batch(meta=[("cursor", Cursor(5, 5, 0).text_with_crc())]))
    store.close()
    spoilt(data_dir, "DELETE FROM event WHERE seq IN (2, 8, 9, 12)")
    again = opened(data_dir)
    assert again.restore().missing == [(8, 9), (12, 12)]
    again.close()


# -- versions ----------------------------------------------------------------------------------


def test_a_journal_of_a_newer_release_is_refused_and_not_touched(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 3)
    store.close()
    spoilt(data_dir, f"PRAGMA user_version = {schema.VERSION + 1}")
    before = (folder.place(data_dir) / folder.FILE).read_bytes()
    with pytest.raises(NewerJournal, match="newer release"):
        opened(data_dir)
    assert (folder.place(data_dir) / folder.FILE).read_bytes() == before
    assert folder.set_apart_before(data_dir) == []


def older_file(data_dir: Path) -> None:
    """Write the journal that an older release would have left: no table of boots, no quarantine."""
    store = opened(data_dir)
    filled(store, 3)
    store.close()
    spoilt(data_dir, "DROP TABLE boot", "DROP TABLE quarantine")


def test_an_older_journal_is_migrated_step_by_step_and_keeps_its_events(data_dir: Path) -> None:
    older_file(data_dir)
    steps = {
        schema.VERSION: schema.boot.create,
        schema.VERSION + 1: schema.quarantine.create,
    }
    file = folder.journal_file(data_dir)
    engine = schema.engine_of(file, max_pages=10_000)
    with engine.connect() as connection:
        schema.prepare(connection, to=schema.VERSION + 2, steps=steps)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        tables = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_schema")}
        rows = connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one()
    engine.dispose()
    assert version == schema.VERSION + 2
    assert {"boot", "quarantine"} <= tables
    assert rows == 3


def test_a_migration_that_fails_leaves_the_last_whole_step(data_dir: Path) -> None:
    older_file(data_dir)

    def half(connection: object) -> None:
        connection.exec_driver_sql("CREATE TABLE half (a)")  # type: ignore[attr-defined]
        connection.exec_driver_sql("CREATE TABLE half (a)")  # type: ignore[attr-defined]

    steps = {schema.VERSION: schema.boot.create, schema.VERSION + 1: half}
    engine = schema.engine_of(folder.journal_file(data_dir), max_pages=10_000)
    with (
        engine.connect() as connection,
        pytest.raises(DiskTrouble, match="half"),
        sqlite_errors(),
    ):
        schema.prepare(connection, to=schema.VERSION + 2, steps=steps)  # type: ignore[arg-type]
    with engine.connect() as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        tables = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_schema")}
    engine.dispose()
    assert version == schema.VERSION + 1
    assert "boot" in tables
    assert "half" not in tables


# -- trouble -----------------------------------------------------------------------------------


def test_a_full_disk_refuses_the_batch_and_takes_it_when_there_is_room(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 10)
    store.sql.execute("PRAGMA max_page_count=40")  # as it would be on a small partition
    large = batch(*(row(seq) for seq in range(11, 2011)))
    with pytest.raises(DiskTrouble) as caught:
        store.commit(large)
    assert caught.value.kind == "full"
    assert "quota_mb" in caught.value.remedy
    assert [found.seq for found in store.page(NORMAL, 0)] == list(range(1, 11))
    store.limit(QUOTA_BYTES)
    store.commit(large)
    assert store.high == 2010
    store.close()


def test_a_read_only_card_is_told_as_such(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 1)
    store.sql.execute("PRAGMA query_only=1")
    with pytest.raises(DiskTrouble) as caught:
        store.commit(batch(row(2)))
    assert caught.value.kind == "read-only"
    store.sql.execute("PRAGMA query_only=0")
    store.commit(batch(row(2)))
    store.close()


@pytest.mark.parametrize(
    ("number", "kind"),
    [(28, "full"), (122, "full"), (30, "read-only"), (13, "read-only"), (5, "failing")],
)
def test_errors_of_the_file_system_have_their_kind(number: int, kind: str) -> None:
    found = trouble_of(OSError(number, "x"))
    assert isinstance(found, DiskTrouble)
    assert found.kind == kind
    assert found.remedy


def test_a_folder_that_cannot_be_made_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be")
    with pytest.raises(DiskTrouble):
        open_store(tmp_path / "data", quota_bytes=QUOTA_BYTES)


def test_a_page_that_breaks_while_it_is_open_is_broken(data_dir: Path) -> None:
    store = opened(data_dir)
    for first in range(1, 4001, 1000):
        filled(store, 1000, first)
    store.checkpoint()
    store.close()
    file = folder.place(data_dir) / folder.FILE
    store = opened(data_dir)
    store.sql.execute("PRAGMA cache_size=10")
    size = file.stat().st_size
    with file.open("r+b") as spoiling:
        spoiling.seek(size // 2 // 4096 * 4096)
        spoiling.write(b"\xff" * 40_960)
    with pytest.raises(Broken):
        store.all_after(0, 4000)
    store.close()


def test_salvaged_rows_are_a_lane_of_their_own(store: Store) -> None:
    with sqlite_errors():
        store.sql.executemany(
            "INSERT INTO salvaged (epoch, seq, lane, topic, n, crc, payload)"
            " VALUES ('aaaaaaaaaaaa', ?, 0, 'p/A1/scan', ?, 0, X'01')",
            [(seq, seq) for seq in (5, 6, 9)],
        )
    assert [(r.seq, r.sound) for r in store.page(SALVAGED, 0)] == [
        (1, False),
        (2, False),
        (3, False),
    ]
    store.commit(batch(aside=[(SALVAGED, 2, "unsound")]))
    assert [r.seq for r in store.page(SALVAGED, 0)] == [1, 3]
    assert [r.seq for r in store.stretch("aaaaaaaaaaaa", 6, 9)] == [6, 9]
    assert [r.n for r in store.stretch_of_topic("aaaaaaaaaaaa", "p/A1/scan", 6, 9, 0)[0]] == [6, 9]
    assert store.restore().waiting == (0, 0, 2)
    filled(store, 2)
    store.commit(batch(trim=Trim(1, 0, 0, 1)))
    assert [r.seq for r in store.page(SALVAGED, 0, aside_too=True)] == [2, 3]
    store.commit(batch(trim=Trim(1, 0, 0, 2)))
    assert [r.seq for r in store.page(SALVAGED, 0, aside_too=True)] == [3]
    assert store.reasons() == {}
    assert json.dumps(store.restore().quarantined) == "[]"


@pytest.mark.parametrize("pages", [b"\x00\x01", b"\x02\x00", b"\x80\x00", b"\xff\xff", b"\0\0"])
def test_a_header_hit_by_a_cut_checkpoint_is_read_from_the_wal(
    data_dir: Path, tmp_path: Path, pages: bytes
) -> None:
    store = opened(data_dir)
    filled(store, 30)
    epoch = store.restore().epoch
    after = killed(data_dir, tmp_path / "after")
    store.close()
    with (folder.place(after) / folder.FILE).open("r+b") as file:
        file.write(b"\xa5" * 16 + pages + b"\x5a" * 200)
    again = opened(after)
    found = again.restore()
    again.close()
    assert (found.epoch, found.high, found.quarantined) == (epoch, 30, [])
    assert not (after / "corrupt-1").exists()
