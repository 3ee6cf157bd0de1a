"""A broken journal is set apart whole, its sound rows come out once, and what is gone is named."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from edge_agent.journal import folder, opening, wreck
from edge_agent.journal import store as store_module
from edge_agent.journal.store import Store
from edge_agent.records import NORMAL, SALVAGED, URGENT, Cursor, DiskTrouble
from tests.kit.journals import batch, filled, killed, opened, row, spoilt

PAGE = 4096


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


def made(data_dir: Path, count: int = 200, first: int = 1) -> str:
    """Leave a journal of so many rows in the database; returns its epoch."""
    store = opened(data_dir)
    filled(store, count, first)
    store.commit(batch(snapshots=[("streams", count, b"1 %d" % count)]))
    store.checkpoint()
    epoch = store.epoch
    store.close()
    return epoch


def broken_at(data_dir: Path, at: int, count: int = 1, fill: bytes = b"\xff") -> None:
    file = folder.place(data_dir) / folder.FILE
    with file.open("r+b") as spoiling:
        spoiling.seek(at * PAGE)
        spoiling.write(fill * PAGE * count)


def pages_of_rows(data_dir: Path) -> list[int]:
    """Say which pages hold rows, in the order of the rows."""
    content = (folder.place(data_dir) / folder.FILE).read_bytes()
    found = []
    for at in range(0, len(content), PAGE):
        page = content[at : at + PAGE]
        place = page.find(b'{"seq":')
        if page[:1] == b"\x0d" and place >= 0:
            found.append((max(seqs(page)), at // PAGE))
    return [page for _, page in sorted(found)]


def seqs(page: bytes) -> list[int]:
    parts = page.split(b'{"seq":')[1:]
    return [int(part.split(b",")[0]) for part in parts]


def all_salvaged(store: Store) -> list[int]:
    rows = store.page(SALVAGED, 0, 100_000, aside_too=True)
    assert all(found.sound for found in rows)
    return [found.n for found in rows]


def report(store: Store) -> dict[str, object]:
    (text,) = store.restore().quarantined
    told: dict[str, object] = json.loads(text)
    return told


def gone_of(data_dir: Path, page: int) -> set[int]:
    content = (folder.place(data_dir) / folder.FILE).read_bytes()
    return set(seqs(content[page * PAGE : (page + 1) * PAGE]))


@pytest.mark.parametrize("which", [0, 7, -1], ids=["first", "middle", "last"])
def test_a_bad_page_costs_its_rows_and_no_other(data_dir: Path, which: int) -> None:
    epoch = made(data_dir)
    page = pages_of_rows(data_dir)[which]
    gone = gone_of(data_dir, page)
    broken_at(data_dir, page)
    store = opened(data_dir)
    assert store.epoch != epoch
    assert store.high == 0
    assert all_salvaged(store) == [seq for seq in range(1, 201) if seq not in gone]
    told = report(store)
    assert (told["folder"], told["epoch"]) == ("corrupt-1", epoch)
    if which != -1:
        assert told["missing"] == [[min(gone), max(gone)]]
    assert [found.seq for found in store.stretch(epoch, 1, 200)] == all_salvaged(store)
    store.close()


def test_a_bad_first_page_of_rows_far_from_one_does_not_take_for_ever(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wreck, "FAILED_READS_MAX", 8_000)
    first = 50_000_000
    store = opened(data_dir)
    store.commit(batch(row(1), row(2)))
    store.close()
    spoilt(data_dir, "DELETE FROM event")
    made(data_dir, 300, first)
    pages = pages_of_rows(data_dir)
    gone = gone_of(data_dir, pages[0])
    broken_at(data_dir, pages[0])
    store = opened(data_dir)
    came = all_salvaged(store)
    assert came == [seq for seq in range(first, first + 300) if seq not in gone]
    store.close()


def test_a_bad_root_ends_the_search_and_the_agent_goes_on(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wreck, "FAILED_READS_MAX", 2_000)
    made(data_dir)
    sql = sqlite3.connect(folder.place(data_dir) / folder.FILE)
    (root,) = sql.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
    sql.close()
    broken_at(data_dir, root - 1)
    store = opened(data_dir)
    assert all_salvaged(store) == []
    filled(store, 1)
    store.close()


@pytest.mark.parametrize("how", ["dead header", "empty", "noise", "half"])
def test_what_cannot_be_read_is_set_apart_untouched(data_dir: Path, how: str) -> None:
    made(data_dir, 400)
    file = folder.place(data_dir) / folder.FILE
    content = file.read_bytes()
    spoilt_content = {
        "dead header": b"\0" * PAGE + content[PAGE:],
        "empty": b"",
        "noise": b"noise" * 5000,
        "half": content[: len(content) // 2 // PAGE * PAGE],
    }[how]
    file.write_bytes(spoilt_content)
    store = opened(data_dir)
    came = all_salvaged(store)
    assert came == sorted(set(came))
    (apart,) = folder.set_apart_before(data_dir)
    if how != "empty":  # there SQLite has made a file of it before anybody could ask
        assert (apart / folder.FILE).read_bytes() == spoilt_content
    filled(store, 3)
    store.close()
    again = opened(data_dir)
    assert (again.high, all_salvaged(again)) == (3, came), "once, and only once"
    again.close()


def test_a_broken_wal_costs_what_stood_only_there_and_invents_nothing(
    data_dir: Path, tmp_path: Path
) -> None:
    store = opened(data_dir)
    filled(store, 50)
    store.checkpoint()
    filled(store, 50, 51)
    after = killed(data_dir, tmp_path / "after")
    store.close()
    wal = folder.place(after) / (folder.FILE + "-wal")
    content = bytearray(wal.read_bytes())
    content[40 : len(content) : 777] = b"\xff" * len(range(40, len(content), 777))
    wal.write_bytes(content)
    again = opened(after)
    assert again.epoch != store.epoch, "51 and on were given, and would be given again"
    assert all_salvaged(again) == list(range(1, 51))
    again.close()


def test_database_and_wal_are_set_apart_together_and_both_are_read(
    data_dir: Path, tmp_path: Path
) -> None:
    store = opened(data_dir)
    filled(store, 100)
    store.checkpoint()
    filled(store, 20, 101)
    after = killed(data_dir, tmp_path / "after")
    store.close()
    page = pages_of_rows(after)[3]
    gone = gone_of(after, page)
    broken_at(after, page)
    before = {path.name: path.read_bytes() for path in folder.place(after).iterdir()}
    again = opened(after)
    assert all_salvaged(again) == [seq for seq in range(1, 121) if seq not in gone]
    again.close()
    (apart,) = folder.set_apart_before(after)
    assert {path.name: path.read_bytes() for path in apart.iterdir()} == before


def test_what_was_acknowledged_is_kept_for_replays_and_not_sent_again(data_dir: Path) -> None:
    store = opened(data_dir)
    rows = [row(seq, URGENT if seq % 5 == 0 else NORMAL) for seq in range(1, 100)]
    store.commit(batch(*rows, row(100, cursor="60 40 0")))
    store.close()
    store = opened(data_dir)
    epoch = store.epoch
    store.close()
    broken_at(data_dir, pages_of_rows(data_dir)[0])
    again = opened(data_dir)
    found = again.restore()
    waiting = [one.n for one in again.page(SALVAGED, found.cursor.salvaged)]
    expected = [n for n in range(1, 101) if n > (40 if n % 5 == 0 and n != 100 else 60)]
    assert waiting == expected
    assert found.waiting == (0, 0, len(expected))
    assert [one.seq for one in again.stretch(epoch, 30, 32)] == [30, 31, 32]
    again.close()


def test_the_cursor_in_the_books_of_the_broken_journal_is_believed(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 100)
    store.commit(batch(meta=[("cursor", Cursor(90, 90, 0).text_with_crc())]))
    store.close()
    broken_at(data_dir, pages_of_rows(data_dir)[0])
    again = opened(data_dir)
    assert again.restore().waiting == (0, 0, 10)
    assert report(again)["missing"] == []
    again.close()


def test_a_second_broken_journal_loses_nothing_of_the_first(data_dir: Path) -> None:
    made(data_dir, 100)
    first_gone = gone_of(data_dir, pages_of_rows(data_dir)[2])
    broken_at(data_dir, pages_of_rows(data_dir)[2])
    second = opened(data_dir)
    first_rows = [n for n in range(1, 101) if n not in first_gone]
    assert second.restore().waiting[SALVAGED] == len(first_rows)
    rows = [row(seq) for seq in range(1, 61)]
    second.commit(batch(*rows, row(61, cursor="60 60 0")))
    second.checkpoint()
    second.close()
    page = pages_of_rows(data_dir)[0]
    broken_at(data_dir, page)
    third = opened(data_dir)
    found = third.restore()
    waiting = third.page(SALVAGED, found.cursor.salvaged, 1000)
    of_first = [one.n for one in waiting][: len(first_rows)]
    assert of_first == first_rows, "what waited of the first journal is taken for acknowledged"
    assert 61 in [one.n for one in waiting][len(first_rows) :]
    assert len(found.quarantined) == 2
    third.close()


def test_a_folder_that_cannot_be_salvaged_yet_is_salvaged_by_the_next_start(
    data_dir: Path,
) -> None:
    made(data_dir, 50)
    shutil.copytree(folder.place(data_dir), data_dir / "corrupt-1")
    (data_dir / "salvage.tmp").mkdir()  # a cut has left it
    store = opened(data_dir)
    assert all_salvaged(store) == list(range(1, 51))
    assert not (data_dir / "salvage.tmp").exists()
    store.close()
    again = opened(data_dir)
    assert len(all_salvaged(again)) == 50
    assert len(again.restore().quarantined) == 1
    again.close()


def test_salvage_that_fails_lets_the_file_go_and_is_done_by_the_next_attempt(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(data_dir, 50)
    folder.place(data_dir).rename(data_dir / "corrupt-1")
    held: list[object] = []

    def full(sql: sqlite3.Connection, *_: object, **_named: object) -> None:
        held.append(sql)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(opening, "salvage", full)
        with pytest.raises(DiskTrouble):
            opened(data_dir)
    store = opened(data_dir)
    assert all_salvaged(store) == list(range(1, 51))
    assert len(held) == 1
    store.close()
