"""Random damage, and an oracle: what the damage did not touch comes back, the rest is told."""

import json
import random
import sqlite3
from pathlib import Path

import pytest

from edge_agent.journal import folder, wal, wreck
from edge_agent.journal import store as store_module
from edge_agent.journal.store import Store
from edge_agent.records import SALVAGED, Batch, Trim
from edge_agent.storage import Limits, Room, Storage
from tests.kit.journals import batch, filled, killed, opened, row

ROWS = 3_000
PAGE_BYTES = 4096


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


def small_rows(store: Store, count: int) -> None:
    """Commit so many rows of the size that a scan has."""
    body = b'{"k":"%b"}' % (b"x" * 150)
    store.commit(batch(*(row(seq, payload=body) for seq in range(1, count + 1))))


def report(store: Store) -> dict[str, object]:
    (said,) = store.sql.execute("SELECT report FROM quarantine").fetchone()
    told: dict[str, object] = json.loads(said)
    return told


def numbers(store: Store) -> set[int]:
    return {seq for (seq,) in store.sql.execute("SELECT seq FROM salvaged")}


def on_page(file: Path, page: int) -> set[int]:
    """Say which rows stood on a page, by a copy whose page is all zeros."""
    copy = file.with_name("copy.db")
    copy.write_bytes(file.read_bytes())
    sql = sqlite3.connect(copy)
    whole = {seq for (seq,) in sql.execute("SELECT seq FROM event")}
    sql.close()
    with copy.open("r+b") as raw:
        raw.seek(page * PAGE_BYTES)
        raw.write(bytes(PAGE_BYTES))
    sql = sqlite3.connect(copy)
    left: set[int] = set()
    for seq in whole:
        try:
            left.update(sql.execute("SELECT seq FROM event WHERE seq = ?", (seq,)).fetchone() or ())
        except sqlite3.DatabaseError:
            continue
    sql.close()
    copy.unlink()
    return whole - left


@pytest.mark.parametrize("seed", range(24))
def test_rows_on_sound_pages_come_back_and_every_other_number_is_told(
    data_dir: Path, seed: int
) -> None:
    rng = random.Random(seed)
    store = opened(data_dir)
    small_rows(store, ROWS)
    store.close()
    file = folder.place(data_dir) / folder.FILE
    leaves = [
        number
        for number in range(len(file.read_bytes()) // PAGE_BYTES)
        if file.read_bytes()[number * PAGE_BYTES :][:PAGE_BYTES].count(b"xxxxxxxx") > 3
    ]
    page = rng.choice(leaves)
    gone = on_page(file, page)
    with file.open("r+b") as raw:
        at = rng.choice([0, 8, 100, 2000])
        raw.seek(page * PAGE_BYTES + at)
        raw.write(rng.randbytes(min(rng.choice([64, 512, 3000]), PAGE_BYTES - at)))
    again = opened(data_dir)
    if folder.set_apart_before(data_dir):
        came, told = numbers(again), report(again)
        missing = {n for first, last in told["missing"] for n in range(first, last + 1)}  # type: ignore[attr-defined]
    else:  # only bytes of rows: their CRC tells
        rows = [found for at in range(0, ROWS, 256) for found in again.all_after(at, 256)]
        came = {found.seq for found in rows if found.sound}
        missing = set(range(1, ROWS + 1)) - came
    assert came >= set(range(1, ROWS + 1)) - gone
    assert came | missing == set(range(1, ROWS + 1))
    again.close()


def test_rows_behind_a_damage_in_the_wal_come_back(data_dir: Path, tmp_path: Path) -> None:
    store = opened(data_dir)
    for seq in range(1, 201):
        store.commit(batch(row(seq)))
    epoch, file = store.epoch, Path(f"{folder.place(data_dir) / folder.FILE}-wal")
    frames = wal.frames(file, PAGE_BYTES)
    for damaged in (frames // 2, frames - 20):
        dead = killed(data_dir, tmp_path / f"dead-{damaged}")
        with Path(f"{folder.place(dead) / folder.FILE}-wal").open("r+b") as raw:
            raw.seek(wal.HEADER_BYTES + (damaged - 1) * (wal.FRAME_HEADER_BYTES + PAGE_BYTES) + 500)
            raw.write(b"\xaa" * 50)
        again = opened(dead)
        assert again.epoch != epoch
        lost = set(range(1, 201)) - numbers(again)
        assert len(lost) <= 12, "no more than stood on the page that was hit"
        missing = {n for a, b in report(again)["missing"] for n in range(a, b + 1)}  # type: ignore[attr-defined]
        assert lost <= missing
        again.close()
    store.close()


@pytest.mark.parametrize("size_bytes", [wal.HEADER_BYTES, wal.HEADER_BYTES + 24])
def test_rows_behind_a_damaged_beginning_of_the_wal_come_back(
    data_dir: Path, tmp_path: Path, size_bytes: int
) -> None:
    store = opened(data_dir)
    store.checkpoint()
    for seq in range(1, 101):
        store.commit(batch(row(seq)))
    dead = killed(data_dir, tmp_path / "dead")
    with Path(f"{folder.place(dead) / folder.FILE}-wal").open("r+b") as raw:
        raw.write(b"\xff" * size_bytes)
    again = opened(dead)
    assert again.epoch != store.epoch
    assert len(numbers(again)) >= (100 if size_bytes == wal.HEADER_BYTES else 0)
    again.close()
    store.close()


def test_a_wreck_without_any_wal_is_read_as_it_is(data_dir: Path) -> None:
    store = opened(data_dir)
    small_rows(store, 500)
    store.close()
    file = folder.place(data_dir) / folder.FILE
    file.write_bytes(file.read_bytes()[: 30 * PAGE_BYTES])
    Path(f"{file}-wal").unlink(missing_ok=True)
    again = opened(data_dir)
    assert numbers(again)
    assert report(again)["why"]
    again.close()


@pytest.mark.parametrize(
    "damage", [b"not a database any more", bytes(24), b"SQLite format 3\0\0\1"]
)
def test_rows_behind_a_dead_header_come_back(data_dir: Path, damage: bytes) -> None:
    store = opened(data_dir)
    small_rows(store, 500)
    epoch = store.epoch
    store.close()
    with (folder.place(data_dir) / folder.FILE).open("r+b") as raw:
        raw.write(damage)
    again = opened(data_dir)
    assert again.epoch != epoch
    assert numbers(again) == set(range(1, 501))
    again.close()


def test_a_row_that_has_anything_in_its_columns_is_passed_over(data_dir: Path) -> None:
    store = opened(data_dir)
    small_rows(store, 100)
    store.close()
    file = folder.place(data_dir) / folder.FILE
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA writable_schema=ON")
    sql.execute(
        "UPDATE sqlite_schema SET sql = replace(replace(sql, 'NOT NULL', ''), 'STRICT', '')"
        " WHERE name = 'event'"
    )
    sql.close()
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("UPDATE event SET stream = NULL, cursor = 5 WHERE seq = 50")
    sql.execute("UPDATE event SET payload = NULL WHERE seq = 51")
    sql.close()
    found = wreck.read(file)
    assert {row.seq for row in found.rows} == set(range(1, 101)) - {50, 51}


# -- room --------------------------------------------------------------------------------------

SMALL_BYTES = 2 << 20


def test_what_waited_is_salvaged_whatever_the_quota(data_dir: Path) -> None:
    """Salvaged rows are whole ones and take three times the room."""
    store = opened(data_dir, SMALL_BYTES)
    filled(store, 4_000)
    store.close()
    file = folder.place(data_dir) / folder.FILE
    with file.open("r+b") as raw:
        raw.seek(60 * PAGE_BYTES)
        raw.write(b"\xff" * PAGE_BYTES)
    again = opened(data_dir, 1 << 20)
    assert len(numbers(again)) >= 3_950
    filled(again, 1)
    again.close()


def test_what_was_acknowledged_is_salvaged_as_far_as_there_is_room(data_dir: Path) -> None:
    store = opened(data_dir, SMALL_BYTES)
    filled(store, 3_000)
    store.commit(batch(row(3_001, cursor="2900 2900 0")))
    store.close()
    file = folder.place(data_dir) / folder.FILE
    with file.open("r+b") as raw:
        raw.seek(60 * PAGE_BYTES)
        raw.write(b"\xff" * PAGE_BYTES)
    again = opened(data_dir, SMALL_BYTES)
    kept = sorted(numbers(again))
    assert kept[-101:] == list(range(2_901, 3_002)), "what waits is whole"
    assert 100 < len(kept) - 101 <= SMALL_BYTES // 4 // 400, "the newest of the rest"
    again.close()


def test_salvaged_rows_that_fill_the_quota_go_when_they_are_acknowledged() -> None:
    storage = Storage(Limits(1_000_000, 100_000, 500_000, 10**18))
    storage.opened(_kept(990_000, oldest_salvaged=1), 0, 0)
    assert storage.room(500, 0, urgent=False, salvaged_upto=0) is Room.NO
    assert storage.room(500, 0, urgent=False, salvaged_upto=3_000) is Room.WAIT
    assert storage.trim_wanted
    assert storage.trim(0, 0, 3_000, 1).salvaged_upto == 3_000
    storage.trimmed(_kept(100_000, oldest_salvaged=0))
    assert storage.room(500, 0, urgent=False, salvaged_upto=3_000) is Room.YES
    assert storage.trim(0, 0, 3_000, 2).salvaged_upto == 0, "there is room: they stay for replays"
    assert storage.trim(0, 0, 3_000, 10**18).salvaged_upto == 3_000, "too old"


def _kept(used_bytes: int, oldest_salvaged: int) -> store_module.Kept:
    return store_module.Kept(used_bytes, 0, 0, oldest_salvaged)


def test_salvaged_rows_are_trimmed_in_portions(data_dir: Path) -> None:
    store = opened(data_dir)
    store.sql.executemany(
        "INSERT INTO salvaged (id, epoch, seq, lane, topic, n, crc, payload)"
        " VALUES (?, 'e', ?, 0, 't', 1, 0, x'00')",
        ((n, n) for n in range(1, 3_001)),
    )
    left = []
    for _ in range(3):
        kept = store.commit(Batch(trim=Trim(0, 0, 0, 2_500)))
        assert kept is not None
        left.append(kept.oldest_salvaged)
    assert left == [1_025, 2_049, 2_501]
    assert len(store.page(SALVAGED, 0, 1_000)) == 500
    store.close()
