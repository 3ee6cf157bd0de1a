"""Numbers and cursor are believed only as far as the rows bear them out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.journal import store as store_module
from edge_agent.records import SALVAGED, Cursor
from tests.kit.journals import batch, filled, opened, quick_folder, row, spoilt


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Give a folder whose flushes cost nothing: nobody cuts the power."""
    with quick_folder() as made:
        yield Path(made) / "data"


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


@pytest.mark.parametrize(
    "change",
    [
        "replace(value, '4', '6')",
        "'4 2'",
        "'x y z 1'",
        "''",
        "CAST(X'B4' || substr(value, 2) AS TEXT)",
    ],
)
def test_a_cursor_in_the_books_that_changed_is_none(data_dir: Path, change: str) -> None:
    store = opened(data_dir)
    filled(store, 9)
    store.commit(batch(row(10, cursor="3 1 0")))
    store.commit(batch(meta=[("cursor", Cursor(4, 2, 0).text_with_crc())]))
    assert store.restore().cursor == Cursor(4, 2, 0)
    store.close()
    spoilt(data_dir, f"UPDATE meta SET value = {change} WHERE key = 'cursor'")
    again = opened(data_dir)
    assert again.restore().cursor == Cursor(3, 1, 0)
    again.close()


def test_a_cursor_in_a_row_that_is_no_text_any_more_is_none(data_dir: Path) -> None:
    store = opened(data_dir)
    store.commit(batch(row(1), row(2, cursor="1 0 0"), row(3, cursor="2 0 0")))
    store.close()
    spoilt(data_dir, "UPDATE event SET cursor = CAST(X'B22030' AS TEXT) WHERE seq = 3")
    again = opened(data_dir)
    assert again.restore().cursor == Cursor(1, 0, 0)
    again.close()


def test_a_cursor_never_passes_the_highest_number(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 5)
    store.commit(batch(meta=[("cursor", Cursor(9, 5, 7).text_with_crc())]))
    assert store.restore().cursor == Cursor(5, 5, 7)
    filled(store, 5, 6)
    store.close()


@pytest.mark.parametrize("knows", ["a snapshot", "the books"])
def test_numbers_that_were_given_are_not_given_again(data_dir: Path, knows: str) -> None:
    store = opened(data_dir)
    filled(store, 9)
    if knows == "a snapshot":
        store.commit(batch(snapshots=[("streams", 9, b"1 9")]))
    else:
        store.commit(batch(meta=[("cursor", Cursor(1, 9, 0).text_with_crc())]))
    epoch = store.epoch
    store.close()
    spoilt(data_dir, "DELETE FROM event WHERE seq > 5")
    again = opened(data_dir)
    assert (again.high, again.epoch == epoch) == (0, False)
    assert [one.seq for one in again.stretch(epoch, 1, 9)] == [1, 2, 3, 4, 5]
    found = again.restore()
    (report,) = (json.loads(text) for text in found.quarantined)
    assert (report["epoch"], report["missing"]) == (epoch, [[6, 9]])
    assert len(again.page(SALVAGED, found.cursor.salvaged)) == (5 if knows == "a snapshot" else 4)
    again.close()
