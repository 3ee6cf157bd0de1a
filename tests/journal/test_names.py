"""Rows keep bodies; what makes them whole stands in two places, and one of them is enough."""

import json
import sqlite3
from pathlib import Path

import pytest

from edge_agent.journal import folder
from edge_agent.journal.store import Store
from edge_agent.records import NORMAL, SALVAGED, Batch, EnvelopeRow, Row, row_crc
from edge_agent.wire import payload as wire
from tests.kit.journals import filled, killed, opened, row, spoilt

KEY = ("/p/A1", "scan.read", "normal", "pi-a2")
V1_EVENT = (
    "CREATE TABLE v1 (seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, stream INTEGER NOT NULL,"
    " n INTEGER NOT NULL, cursor TEXT, crc INTEGER NOT NULL, payload BLOB NOT NULL) STRICT"
)
"""What the first release had for events; its rows were whole."""


def kept_row(seq: int, envelope: int = 1) -> Row:
    body = bytes(
        wire.BodyTemplate("4be1c2d3").render(seq * 10**9, seq, wire.SYNCED, b'{"k":%d}' % seq)
    )
    crc = row_crc(seq, NORMAL, 1, None, body, envelope)
    return (seq, NORMAL, 1, seq, None, crc, body, envelope)


def whole(store: Store, made: Row, key: tuple[str, str, str, str] = KEY) -> bytes:
    source, kind, lane, agent = key
    envelope = wire.Envelope(source=source, kind=kind, lane=lane, agent=agent, epoch=store.epoch)
    return envelope.whole(made[0], made[3], bytes(made[6]))


def written(store: Store, count: int) -> list[bytes]:
    """Commit so many rows with their envelope; give what they are when whole."""
    rows = [kept_row(seq) for seq in range(1, count + 1)]
    envelope: EnvelopeRow = (1, *KEY, store.epoch)
    store.commit(Batch(rows=rows, streams=[(1, "p/A1/scan")], envelopes=[envelope]))
    return [whole(store, made) for made in rows]


def read(store: Store) -> list[bytes]:
    return [found.payload for found in store.page(NORMAL, 0) if found.sound]


def test_a_row_is_read_whole_at_once_and_after_a_start(data_dir: Path) -> None:
    store = opened(data_dir)
    expected = written(store, 3)
    assert read(store) == expected
    store.close()
    again = opened(data_dir)
    assert read(again) == expected
    assert again.restore().envelopes == {KEY: 1}
    assert again.restore().oldest_waiting == expected[0]
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        ("DELETE FROM envelope",),
        ("UPDATE envelope SET source = '/q'",),
        ("DELETE FROM meta WHERE key LIKE 'envelope %'",),
        ("UPDATE meta SET value = replace(value, '/p', '/q') WHERE key LIKE 'envelope %'",),
        ("UPDATE meta SET value = '[' WHERE key LIKE 'envelope %'",),
        ("DELETE FROM stream",),
        ("UPDATE stream SET topic = 'p/B1/scan'",),
        ("UPDATE meta SET value = '[1, 2]' WHERE key LIKE 'stream %'",),
    ],
)
def test_one_of_the_two_places_is_enough(data_dir: Path, damage: tuple[str, ...]) -> None:
    store = opened(data_dir)
    expected = written(store, 3)
    store.close()
    spoilt(data_dir, *damage)
    again = opened(data_dir)
    assert read(again) == expected
    assert {found.topic for found in again.page(NORMAL, 0)} == {"p/A1/scan"}
    assert again.restore().streams == {"p/A1/scan": (1, 3)}
    again.close()


def test_without_both_the_rows_are_unsound_and_not_wrong(data_dir: Path) -> None:
    store = opened(data_dir)
    written(store, 3)
    store.close()
    spoilt(data_dir, "DELETE FROM envelope", "DELETE FROM meta WHERE key LIKE 'envelope %'")
    again = opened(data_dir)
    assert [found.sound for found in again.page(NORMAL, 0)] == [False, False, False]
    again.close()


def test_a_row_with_another_envelope_than_it_was_written_with_is_unsound(data_dir: Path) -> None:
    store = opened(data_dir)
    written(store, 3)
    store.close()
    spoilt(data_dir, "UPDATE event SET envelope = 0 WHERE seq = 2")
    again = opened(data_dir)
    assert [found.sound for found in again.page(NORMAL, 0)] == [True, False, True]
    again.close()


def test_what_a_failed_commit_brought_is_brought_again(data_dir: Path) -> None:
    store = opened(data_dir)
    store.sql.execute("PRAGMA query_only=1")
    with pytest.raises(Exception, match="readonly"):
        written(store, 1)
    store.sql.execute("PRAGMA query_only=0")
    assert read(store) == []
    expected = written(store, 1)
    assert read(store) == expected
    store.close()


TRAINED = ("/p/A1", "scan.read", "normal" + wire.TRAINING, "pi-a2")


def trained(store: Store) -> list[bytes]:
    """Commit a row that is meant, one made in training, and one that is meant again."""
    rows = [kept_row(1), kept_row(2, envelope=2), kept_row(3)]
    envelopes: list[EnvelopeRow] = [(1, *KEY, store.epoch), (2, *TRAINED, store.epoch)]
    store.commit(Batch(rows=rows, streams=[(1, "p/A1/scan")], envelopes=envelopes))
    keys = (KEY, TRAINED, KEY)
    return [whole(store, made, key) for made, key in zip(rows, keys, strict=True)]


def marks(payloads: list[bytes]) -> list[tuple[str, object]]:
    events = [json.loads(payload) for payload in payloads]
    return [(event["lane"], event.get("training")) for event in events]


@pytest.mark.parametrize(
    "damage", [(), ("DELETE FROM envelope",), ("DELETE FROM meta WHERE key LIKE 'envelope %'",)]
)
def test_what_was_made_in_training_stays_so_over_a_start(
    data_dir: Path, damage: tuple[str, ...]
) -> None:
    store = opened(data_dir)
    expected = trained(store)
    assert marks(expected) == [("normal", None), ("normal", True), ("normal", None)]
    assert read(store) == expected
    store.close()
    spoilt(data_dir, *damage)
    again = opened(data_dir)
    assert read(again) == expected
    assert again.restore().envelopes == {KEY: 1, TRAINED: 2}
    again.close()


def test_what_was_made_in_training_stays_so_when_it_is_salvaged(data_dir: Path) -> None:
    store = opened(data_dir)
    expected = trained(store)
    epoch = store.epoch
    store.rest()
    store.close()
    file = folder.place(data_dir) / folder.FILE
    with file.open("r+b") as raw:
        for page in pages_of(file, "meta"):
            raw.seek((page - 1) * 4096)
            raw.write(b"\xff" * 4096)
    again = opened(data_dir)
    assert again.epoch != epoch
    salvaged = [found.payload for found in again.stretch(epoch, 1, 3)]
    assert salvaged == expected
    assert [found.payload for found in again.page(SALVAGED, 0)] == expected
    again.close()


def pages_of(file: Path, table: str) -> list[int]:
    sql = sqlite3.connect(file)
    pages = [
        root for (root,) in sql.execute("SELECT rootpage FROM sqlite_schema WHERE name=?", (table,))
    ]
    sql.close()
    return pages


@pytest.mark.parametrize("table", ["envelope", "stream", "meta"])
def test_salvaged_rows_are_whole_although_a_page_is_gone(data_dir: Path, table: str) -> None:
    store = opened(data_dir)
    expected = written(store, 5)
    epoch = store.epoch
    store.rest()
    store.close()
    file = folder.place(data_dir) / folder.FILE
    with file.open("r+b") as raw:
        for page in pages_of(file, table):
            raw.seek((page - 1) * 4096)
            raw.write(b"\xff" * 4096)
    again = opened(data_dir)
    assert again.epoch != epoch
    found = again.stretch(epoch, 1, 5)
    assert [row.payload for row in found] == expected
    again.close()


# -- a journal of the first release ------------------------------------------------------------


def first_release(data_dir: Path, count: int) -> None:
    """Write the file that the first release would have left: whole rows, no envelopes."""
    store = opened(data_dir)
    filled(store, count)
    store.close()
    columns = "seq, lane, stream, n, cursor, crc, payload"
    spoilt(
        data_dir,
        V1_EVENT,
        f"INSERT INTO v1 ({columns}) SELECT {columns} FROM event",
        "DROP TABLE event",
        "DROP TABLE envelope",
        "ALTER TABLE v1 RENAME TO event",
        "CREATE INDEX event_urgent ON event (seq) WHERE lane = 1",
        "PRAGMA user_version = 1",
    )


def test_a_journal_of_the_first_release_goes_on_with_bodies(data_dir: Path) -> None:
    first_release(data_dir, 3)
    store = opened(data_dir)
    made = kept_row(4)
    store.commit(Batch(rows=[made], envelopes=[(1, *KEY, store.epoch)]))
    assert read(store) == [bytes(row(seq)[6]) for seq in (1, 2, 3)] + [whole(store, made)]
    (version,) = store.sql.execute("PRAGMA user_version").fetchone()
    assert version == 2
    store.close()


def test_a_broken_journal_of_the_first_release_is_salvaged(data_dir: Path, tmp_path: Path) -> None:
    first_release(data_dir, 200)
    broken = killed(data_dir, tmp_path / "broken")
    file = folder.place(broken) / folder.FILE
    (root,) = pages_of(file, "set_aside")
    with file.open("r+b") as raw:
        raw.seek((root - 1) * 4096)
        raw.write(b"\xff" * 4096)
    sql = sqlite3.connect(file)
    (epoch,) = sql.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    sql.close()
    store = opened(broken)
    assert [found.seq for found in store.stretch(epoch, 1, 300)] == list(range(1, 201))
    store.close()
