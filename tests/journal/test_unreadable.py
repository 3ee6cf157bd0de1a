"""A sector that the disk does not read any more holds up nobody for ever."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.journal import around, folder
from edge_agent.journal import store as store_module
from edge_agent.journal.around import Around
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.writer import ASK_TRIES_MAX, InlineWriter
from edge_agent.records import NORMAL, PAGE_ROWS, SALVAGED, URGENT, DiskTrouble, StoredRow
from tests.kit.journals import QUOTA_BYTES, batch, filled, killed, opened, row
from tests.kit.recording_vfs import recording
from tests.kit.tape import Tape

PAGE = 4096
ROWS = 2_000


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)
    monkeypatch.setattr(folder, "COPIED_BYTES", 16 * PAGE)  # several times what the file has


@contextmanager
def bad(file: Path, start: int, stop: int, *, eio: bool = True) -> Iterator[Tape]:
    """Let no read get these bytes of the file, whoever reads, wherever it is moved."""
    with recording(file.parents[2], trap_reads=True) as tape:
        tape.told_as_eio = eio
        tape.take = lambda _step: None
        tape.bad_sectors[file.stat().st_ino] = range(start, stop)
        yield tape


def made(data_dir: Path) -> Path:
    store = opened(data_dir)
    for first in range(1, ROWS, 500):
        filled(store, 500, first)
    store.close()
    return folder.place(data_dir) / folder.FILE


def leaf(file: Path, seq: int) -> tuple[int, set[int]]:
    """Say where the page of a row begins, and which rows are on it."""
    content = file.read_bytes()
    at = content.index(b'{"seq":%d,' % seq) // PAGE * PAGE
    parts = content[at : at + PAGE].split(b'{"seq":')[1:]
    return at, {int(part.split(b",")[0]) for part in parts}


def broken_too(data_dir: Path) -> Store:
    return open_store(data_dir, quota_bytes=QUOTA_BYTES, unreadable_is_broken=True)


def all_salvaged(store: Store) -> set[int]:
    return {row.n for row in store.page(SALVAGED, 0, ROWS + 1) if row.sound}


def report(store: Store) -> dict[str, object]:
    (text,) = store.restore().quarantined
    told: dict[str, object] = json.loads(text)
    return told


def test_a_sector_of_the_database_costs_its_page_once_it_was_tried_enough(data_dir: Path) -> None:
    file = made(data_dir)
    at, gone = leaf(file, ROWS // 2)
    before = file.read_bytes()
    with bad(file, at + 512, at + 1024):
        with pytest.raises(DiskTrouble):
            opened(data_dir)
        assert folder.set_apart_before(data_dir) == []
        store = broken_too(data_dir)
        assert all_salvaged(store) == set(range(1, ROWS + 1)) - gone
        assert report(store)["unread_bytes"] == PAGE
        assert "unable to get the page" in str(report(store)["why"])
        store.close()
    assert (data_dir / "corrupt-1" / folder.FILE).read_bytes() == before


def test_a_sector_of_the_wal_costs_what_stood_behind_it(data_dir: Path, tmp_path: Path) -> None:
    store = opened(data_dir)
    filled(store, 30)
    store.checkpoint()
    filled(store, 30, 31)
    after = killed(data_dir, tmp_path / "after")
    epoch = store.epoch
    store.close()
    wal = folder.place(after) / f"{folder.FILE}-wal"
    before = wal.read_bytes()
    with bad(wal, 0, 512):
        with pytest.raises(DiskTrouble):
            opened(after)
        store = broken_too(after)
        assert store.epoch != epoch
        assert set(range(1, 31)) <= all_salvaged(store)
        store.close()
    assert (after / "corrupt-1" / wal.name).read_bytes() == before


def test_a_broken_file_with_a_sector_that_is_not_read_is_salvaged_in_the_end(
    data_dir: Path,
) -> None:
    file = made(data_dir)
    unread, gone = leaf(file, 100)
    noisy, gone_too = leaf(file, ROWS - 100)
    with file.open("r+b") as spoiling:
        spoiling.seek(noisy)
        spoiling.write(b"\xff" * PAGE)
    folder.place(data_dir).rename(data_dir / "corrupt-1")
    with bad(data_dir / "corrupt-1" / folder.FILE, unread, unread + 512):
        for _ in range(3):
            with pytest.raises(DiskTrouble, match="at byte"):
                opened(data_dir)
        store = broken_too(data_dir)
        assert all_salvaged(store) == set(range(1, ROWS + 1)) - gone - gone_too
        store.close()
        again = opened(data_dir)
        assert len(again.restore().quarantined) == 1
        again.close()


@pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE, 16 * PAGE, 33 * PAGE + 7])
def test_a_copy_is_whole_but_for_what_is_not_read(tmp_path: Path, size: int) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    content = bytes(n % 251 + 1 for n in range(size))
    (place / "from").write_bytes(content)
    assert folder.copied(place / "from", place / "to") == 0
    assert (place / "to").read_bytes() == content
    with bad(place / "from", size - 1, size):
        unread = folder.copied(place / "from", place / "to", unread_as_zeros=True)
    lost = size - (size - 1) // PAGE * PAGE if size else 0
    assert unread == lost
    assert (place / "to").read_bytes() == content[: size - lost] + bytes(lost)


# -- a question while it is open ---------------------------------------------------------------


@pytest.mark.parametrize("urgent_each", [0, 3])
def test_questions_are_answered_without_what_is_not_read(data_dir: Path, urgent_each: int) -> None:
    store = opened(data_dir)
    lanes = {n: URGENT if urgent_each and n % urgent_each == 0 else 0 for n in range(1, ROWS + 1)}
    for first in range(1, ROWS, 500):
        store.commit(batch(*(row(n, lanes[n]) for n in range(first, first + 500))))
    store.commit(batch(aside=[(NORMAL, ROWS // 2 + 100, "too large")]))
    epoch = store.epoch
    store.close()
    file = folder.place(data_dir) / folder.FILE
    at, gone = leaf(file, ROWS // 2)
    store = opened(data_dir)
    store.close()
    with bad(file, 0, 0, eio=False) as tape:
        store = opened(data_dir)
        store.sql.execute("PRAGMA cache_size=10")
        store.all_after(0, 300)  # the cache holds other pages now
        tape.bad_sectors[file.stat().st_ino] = range(at, at + 512)
        reader = Around(store)
        with pytest.raises(DiskTrouble):
            store.stretch(epoch, 1 + ROWS // 2 - 50, ROWS)
        for lane in (NORMAL, URGENT):
            found, after = [], 0
            while rows := reader.page(lane, after):
                found += rows
                after = rows[-1].seq
            wanted = [n for n in lanes if lanes[n] == lane and (n, lane) != (ROWS // 2 + 100, 0)]
            assert [one.seq for one in found] == wanted
            assert {one.seq for one in found if not one.sound} == gone & set(wanted)
        stretch = reader.stretch(epoch, min(gone) - 3, max(gone) + 3)
        assert [one.seq for one in stretch] == list(range(min(gone) - 3, max(gone) + 4))
        assert {one.seq for one in stretch if not one.sound} == gone
        whole = reader.all_after(min(gone) - 1, 1)
        assert [(one.seq, one.sound) for one in whole] == [(min(gone), False)]
        by_topic, _ = reader.stretch_of_topic(epoch, "p/A1/scan", 1, ROWS, min(gone) - 2)
        assert [one.seq for one in by_topic][:2] == [min(gone) - 1, max(gone) + 1]
        assert reader.executed("c-1") is None
        store.close()


def test_a_question_about_more_than_that_stays_in_trouble(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = made(data_dir)
    at, gone = leaf(file, ROWS // 2)
    monkeypatch.setattr(around, "UNREAD_ROWS_MAX", len(gone) - 1)
    with bad(file, 0, 0, eio=False) as tape:
        store = opened(data_dir)
        store.sql.execute("PRAGMA cache_size=10")
        store.all_after(0, 300)
        tape.bad_sectors[file.stat().st_ino] = range(at, at + 512)
        with pytest.raises(DiskTrouble):
            Around(store).all_after(min(gone) - 1, PAGE_ROWS)
        store.close()


def test_salvaged_events_are_read_around_as_well(data_dir: Path) -> None:
    made(data_dir)
    folder.place(data_dir).rename(data_dir / "corrupt-1")
    store = opened(data_dir)
    (old,) = store.sql.execute("SELECT DISTINCT epoch FROM salvaged").fetchone()
    filled(store, 1)  # an empty journal is packed at its start
    store.close()
    file = folder.place(data_dir) / folder.FILE
    at, gone = leaf(file, ROWS // 2)
    with bad(file, 0, 0, eio=False) as tape:
        store = opened(data_dir)
        store.sql.execute("PRAGMA cache_size=10")
        store.page(SALVAGED, 0, 300)
        tape.bad_sectors[file.stat().st_ino] = range(at, at + 512)
        reader = Around(store)
        rows = reader.page(SALVAGED, min(gone) - 3, 20)
        assert [one.seq for one in rows] == list(range(min(gone) - 2, min(gone) + 18))
        assert {one.seq for one in rows if not one.sound} == gone
        rows = reader.stretch(old, min(gone) - 2, ROWS)
        assert len(rows) == PAGE_ROWS
        assert {one.seq for one in rows if not one.sound} == gone
        store.close()


def test_a_question_that_is_not_read_is_answered_after_so_many_tries_and_commits_go_on(
    data_dir: Path,
) -> None:
    file = made(data_dir)
    at, gone = leaf(file, ROWS // 2)
    told: list[object] = []
    with bad(file, 0, 0, eio=False) as tape:

        def post(callback: Callable[[Any], None], message: object) -> bool:
            callback(message)
            return True

        class Told:
            troubled = committed = opened = lost = staticmethod(told.append)

        stores: list[Store] = []

        def opener() -> Store:
            stores.append(opened(data_dir))
            return stores[-1]

        inline = InlineWriter(opener, post, Told(), lambda: 0)
        inline.start()
        inline.ask(lambda store: store.sql.execute("PRAGMA cache_size=10"), told.append)
        inline.ask(lambda store: store.all_after(0, 300), lambda _: None)
        tape.bad_sectors[file.stat().st_ino] = range(at, at + 512)
        answers: list[list[StoredRow]] = []
        inline.ask(lambda store: store.all_after(min(gone) - 1, 5), answers.append)
        inline.commit(batch(row(ROWS + 1)))
        tries = 1 + 1  # by `ask` and by `commit`
        while not answers and tries < 100:
            inline.poke()
            tries += 1
        assert tries == ASK_TRIES_MAX + 1
        assert [one.seq for one in answers[0]] == list(range(min(gone), min(gone) + 5))
        assert not any(one.sound for one in answers[0])
        assert inline.poke()
        kept: list[int] = []
        inline.ask(lambda store: store.all_after(ROWS, 5), lambda rows: kept.append(len(rows)))
        inline.ask(lambda store: store.all_after(min(gone) - 1, 5), answers.append)
        assert kept == [1], "the commit behind it went on"
        assert len(answers) == 2, "the next question is not held up again"
        assert len(stores) == 1, "nothing is mended by opening it anew"
        stores[0].close()
