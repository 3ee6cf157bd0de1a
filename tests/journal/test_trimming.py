"""What may go goes, the oldest first and in portions; what may not stays."""

from pathlib import Path

import pytest

from edge_agent.journal import store as store_module
from edge_agent.journal.store import Store
from edge_agent.journal.trimming import TRIM_ROWS_MAX
from edge_agent.records import NORMAL, Trim
from tests.kit.journals import batch, filled, killed, opened, row


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


def kept(store: Store) -> list[int]:
    return [found.seq for found in store.all_after(0, 100_000)]


def test_trim_keeps_so_many_bytes_and_takes_the_oldest(store: Store) -> None:
    filled(store, 100)
    size = len(row(100)[6])
    left = store.commit(batch(trim=Trim(80, 0, 60 * size, 0)))
    assert left is not None
    assert len(kept(store)) == pytest.approx(60, abs=1)
    assert kept(store) == list(range(left.oldest_seq, 101))
    assert left.payload_bytes == sum(len(r.payload) for r in store.all_after(0, 1000))


def test_trim_takes_nothing_beyond_what_it_is_told(store: Store) -> None:
    filled(store, 100)
    store.commit(batch(trim=Trim(30, 0, 0, 0)))
    assert kept(store) == list(range(31, 101))


def test_trim_takes_the_aged_whatever_the_bytes(store: Store) -> None:
    filled(store, 100)
    store.commit(batch(trim=Trim(50, 20, 1 << 40, 0)))
    assert kept(store) == list(range(21, 101))
    store.commit(batch(trim=Trim(50, 90, 1 << 40, 0)))
    assert kept(store) == list(range(51, 101)), "what is not acknowledged does not grow old"


def test_trim_never_takes_the_newest_so_that_numbers_never_restart(
    data_dir: Path, store: Store, tmp_path: Path
) -> None:
    filled(store, 10)
    store.commit(batch(trim=Trim(10, 10, 0, 0)))
    assert kept(store) == [10]
    after = opened(killed(data_dir, tmp_path / "after"))
    assert after.high == 10
    after.close()


def test_trim_takes_what_is_set_aside_like_the_rest_and_keeps_its_count(
    data_dir: Path, store: Store, tmp_path: Path
) -> None:
    filled(store, 100)
    store.commit(batch(aside=[(NORMAL, 7, "refused"), (NORMAL, 30, "too large")]))
    store.commit(batch(aside=[(NORMAL, 60, "refused")], trim=Trim(50, 0, 0, 0)))
    assert kept(store) == list(range(51, 101))
    assert store.reasons() == {(NORMAL, 60): "refused"}
    assert store.restore().set_aside == 3, "the counters balance over the epoch"
    store.commit(batch(trim=Trim(100, 100, 0, 0)))
    assert store.restore().set_aside == 3
    after = opened(killed(data_dir, tmp_path / "after"))
    assert (after.high, after.restore().set_aside, after.reasons()) == (100, 3, {})
    after.close()


def test_the_newest_is_kept_with_its_reason(store: Store) -> None:
    filled(store, 10)
    store.commit(batch(aside=[(NORMAL, 10, "refused")]))
    store.commit(batch(trim=Trim(10, 10, 0, 0)))
    assert kept(store) == [10]
    assert store.reasons() == {(NORMAL, 10): "refused"}
    assert store.page(NORMAL, 0) == []


def test_trim_is_bounded_and_goes_on_next_time(store: Store) -> None:
    filled(store, TRIM_ROWS_MAX + 500)
    store.commit(batch(trim=Trim(TRIM_ROWS_MAX + 400, 0, 0, 0)))
    assert kept(store)[0] == TRIM_ROWS_MAX + 1
    store.commit(batch(trim=Trim(TRIM_ROWS_MAX + 400, 0, 0, 0)))
    assert kept(store)[0] == TRIM_ROWS_MAX + 401


def test_what_is_trimmed_gives_its_pages_to_what_comes(store: Store) -> None:
    filled(store, 1000)
    first = store.commit(batch(trim=Trim(900, 0, 0, 0)))
    assert first is not None
    for turn in range(5):
        at = 1001 + turn * 900
        filled(store, 900, at)
        now = store.commit(batch(trim=Trim(at + 800, 0, 0, 0)))
        assert now is not None
        assert now.used_bytes <= first.used_bytes + 64 * 4096
