"""The open journal: what is committed comes back, what is damaged does not, what goes is named."""

import sqlite3
from pathlib import Path

import pytest

from edge_agent.journal import folder, schema
from edge_agent.journal import store as store_module
from edge_agent.journal.opening import open_store
from edge_agent.journal.pages import STEP_ROWS
from edge_agent.journal.store import COMMANDS_KEPT, GROWN_WAL_BYTES, Store
from edge_agent.records import (
    NORMAL,
    PAGE_ROWS,
    URGENT,
    DiskTrouble,
    Trim,
)
from tests.kit.journals import QUOTA_BYTES, batch, filled, killed, opened, row, spoilt


@pytest.fixture(autouse=True)
def _small_wal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grow the WAL to 64 KiB only, where it is not what is looked at."""
    if "wal_is_grown" not in request.node.name:
        monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


# -- settings ----------------------------------------------------------------------------------

SETTINGS = {
    "page_size": 4096,
    "auto_vacuum": 0,
    "locking_mode": "exclusive",
    "journal_mode": "wal",
    "synchronous": 2,
    "wal_autocheckpoint": 0,
    "max_page_count": schema.max_pages(QUOTA_BYTES),
    "user_version": schema.VERSION,
    "application_id": schema.APPLICATION_ID,
}


def test_an_open_journal_has_every_setting(store: Store) -> None:
    found = {name: store.sql.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    assert found == SETTINGS


def test_a_journal_that_was_killed_is_opened_without_a_shared_index(
    store: Store, data_dir: Path, tmp_path: Path
) -> None:
    filled(store, 3)
    after = killed(data_dir, tmp_path / "after")
    again = opened(after)
    assert sorted(path.name for path in folder.place(after).iterdir()) == [
        "begun-{}-{}".format(*folder.round_of(folder.place(after))[::2]),
        folder.FILE,
        folder.FILE + "-wal",
    ]
    again.close()


class Deaf:
    """A connection that takes every setting but one."""

    def __init__(self, real: sqlite3.Connection, deaf_to: str) -> None:
        self._real = real
        self._deaf_to = deaf_to

    def execute(self, statement: str) -> sqlite3.Cursor:
        if statement.startswith(f"PRAGMA {self._deaf_to}="):
            return self._real.execute("SELECT 0")
        return self._real.execute(statement)


@pytest.mark.parametrize(
    "name", ["auto_vacuum", "locking_mode", "journal_mode", "synchronous", "wal_autocheckpoint"]
)
def test_a_setting_that_is_not_taken_is_refused(tmp_path: Path, name: str) -> None:
    real = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    if name in {"auto_vacuum", "synchronous"}:  # where the default is what we want, begin elsewhere
        real.execute(f"PRAGMA {name}=1")
    with pytest.raises(schema.SettingRefused, match=name):
        schema.apply_settings(Deaf(real, name), max_pages=1000)  # type: ignore[arg-type]
    real.close()


def test_a_file_of_another_page_size_is_not_ours_and_is_set_apart(data_dir: Path) -> None:
    place = folder.journal_file(data_dir)
    foreign = sqlite3.connect(place, isolation_level=None)
    foreign.execute("PRAGMA page_size=1024")
    foreign.execute("PRAGMA journal_mode=WAL")
    foreign.execute("CREATE TABLE t (a)")
    foreign.close()
    store = opened(data_dir)
    assert store.sql.execute("PRAGMA page_size").fetchone() == (4096,)
    assert len(folder.set_apart_before(data_dir)) == 1
    store.close()


def test_a_quota_that_was_lowered_below_the_file_does_not_stop_a_start(data_dir: Path) -> None:
    big = opened(data_dir)
    rows = [row(seq, payload=bytes(40_000)) for seq in range(1, 301)]
    big.commit(batch(*rows))
    big.checkpoint()
    big.close()
    assert (folder.place(data_dir) / folder.FILE).stat().st_size > schema.max_pages(0) * 4096
    small = opened(data_dir, quota_bytes=0)
    assert small.high == 300
    small.close()


def above_its_quota(data_dir: Path) -> Store:
    big = opened(data_dir)
    big.commit(batch(*(row(seq, payload=bytes(40_000)) for seq in range(1, 301))))
    big.close()
    return opened(data_dir, quota_bytes=0)


def test_a_file_above_a_lowered_quota_frees_pages_before_it_takes_rows(data_dir: Path) -> None:
    small = above_its_quota(data_dir)
    wide = row(301, payload=bytes(2 * schema.PAGES_TO_GO_ON * schema.PAGE_BYTES))
    with pytest.raises(DiskTrouble):
        small.commit(batch(wide))
    small.commit(batch(wide, aside=[(NORMAL, 7, "refused")], trim=Trim(300, 0, 0, 0)))
    assert [found.seq for found in small.all_after(0, 1000)] == [300, 301]
    small.close()


@pytest.mark.parametrize("running", [False, True])
def test_a_lowered_quota_leaves_pages_to_go_on_with(data_dir: Path, running: bool) -> None:
    small = above_its_quota(data_dir)
    if running:
        small.limit(QUOTA_BYTES)
        small.commit(batch(*(row(seq, payload=bytes(40_000)) for seq in range(301, 401))))
        small.limit(0)
    for seq in range(small.high + 1, small.high + 21):
        small.commit(batch(row(seq, payload=bytes(40_000))))
    small.close()


def test_the_wal_is_grown_before_the_first_event(store: Store, data_dir: Path) -> None:
    wal = folder.place(data_dir) / (folder.FILE + "-wal")
    before = wal.stat().st_size
    assert before >= GROWN_WAL_BYTES
    filled(store, 100)
    assert wal.stat().st_size == before, "a commit extends the file: two flushes each"


def test_a_second_opener_is_told_that_another_has_it(store: Store, data_dir: Path) -> None:
    with pytest.raises(DiskTrouble) as caught:
        open_store(data_dir, quota_bytes=QUOTA_BYTES)
    assert caught.value.kind == "busy"
    filled(store, 1)


# -- commit and read ---------------------------------------------------------------------------


def test_what_is_committed_is_there_after_a_kill(store: Store, tmp_path: Path) -> None:
    store.commit(batch(row(1), row(2, URGENT), row(3, stream=2, n=1)))
    after = opened(killed(tmp_path / "data", tmp_path / "after"))
    assert (after.epoch, after.high) == (store.epoch, 3)
    assert [(r.seq, r.topic, r.n, r.sound) for r in after.page(NORMAL, 0)] == [
        (1, "p/A1/scan", 1, True),
        (3, "p/A2/scan", 1, True),
    ]
    assert [r.seq for r in after.page(URGENT, 0)] == [2]
    assert after.page(NORMAL, 0)[0].payload == row(1)[6]
    after.close()


def test_a_page_is_bounded_and_goes_on_behind(store: Store) -> None:
    filled(store, PAGE_ROWS + 10)
    first = store.page(NORMAL, 0)
    assert [r.seq for r in first] == list(range(1, PAGE_ROWS + 1))
    assert [r.seq for r in store.page(NORMAL, PAGE_ROWS)] == list(
        range(PAGE_ROWS + 1, PAGE_ROWS + 11)
    )


def test_what_is_set_aside_is_read_only_on_demand(store: Store) -> None:
    filled(store, 4)
    store.commit(batch(aside=[(NORMAL, 2, "too_large")]))
    assert [r.seq for r in store.page(NORMAL, 0)] == [1, 3, 4]
    assert [r.seq for r in store.page(NORMAL, 0, aside_too=True)] == [1, 2, 3, 4]
    assert [r.seq for r in store.stretch(store.epoch, 1, 4)] == [1, 2, 3, 4]
    assert store.reasons() == {(NORMAL, 2): "too_large"}
    assert store.restore().waiting == (3, 0, 0)


def test_a_stretch_is_read_by_epoch_or_by_topic_and_page_by_page(store: Store) -> None:
    store.commit(batch(*(row(seq, stream=1 + seq % 2, n=(seq + 1) // 2) for seq in range(1, 1001))))
    assert [r.seq for r in store.stretch(store.epoch, 10, 12)] == [10, 11, 12]
    assert store.stretch("0" * 12, 10, 12) == []
    assert len(store.stretch(store.epoch, 1, 1000)) == PAGE_ROWS
    of_topic, onward = store.stretch_of_topic(store.epoch, "p/A2/scan", 3, 5, 0)
    assert [(r.seq, r.n) for r in of_topic] == [(5, 3), (7, 4), (9, 5)]
    assert onward is None
    assert [r.seq for r in store.stretch_of_topic(store.epoch, "p/A2/scan", 3, 5, 7)[0]] == [9]
    assert store.stretch_of_topic("0" * 12, "p/A2/scan", 3, 5, 0) == ([], None)
    page, onward = store.stretch_of_topic(store.epoch, "p/A2/scan", 1, 500, 0)
    assert (len(page), onward) == (PAGE_ROWS, page[-1].seq)


def test_a_question_for_a_topic_looks_at_so_many_rows_and_says_where_to_go_on(store: Store) -> None:
    """One event in five hundred is of the topic: each question costs the same, and finds them."""
    count = 5 * STEP_ROWS
    rare = set(range(500, count + 1, 500))
    store.commit(
        batch(
            *(
                row(seq, stream=2 if seq in rare else 1, n=seq // 500 if seq in rare else seq)
                for seq in range(1, count + 1)
            )
        )
    )
    found: list[int] = []
    costs: list[int] = []
    after: int | None = 0
    while after is not None:
        steps: list[None] = []
        store.sql.set_progress_handler(lambda steps=steps: steps.append(None), 100)
        rows, after = store.stretch_of_topic(store.epoch, "p/A2/scan", 1, 10**6, after)
        store.sql.set_progress_handler(None, 0)
        costs.append(len(steps) * 100)
        found += [one.seq for one in rows]
    assert found == sorted(rare)
    assert len(costs) >= 5
    assert max(costs) <= 40 * STEP_ROWS, "a question looks at more than its step"


@pytest.mark.parametrize(
    "change",
    [
        "payload = CAST(replace(CAST(payload AS TEXT), 'xx', 'xy') AS BLOB)",
        "crc = crc + 1",
        "cursor = '9 9 9'",
        "stream = 2",
        "stream = 77",
        "payload = X''",
    ],
)
def test_a_row_that_changed_on_the_disk_is_read_as_unsound(data_dir: Path, change: str) -> None:
    store = opened(data_dir)
    filled(store, 3)
    store.close()
    spoilt(data_dir, f"UPDATE event SET {change} WHERE seq = 2")
    again = opened(data_dir)
    assert [(r.seq, r.sound) for r in again.page(NORMAL, 0)] == [(1, True), (2, False), (3, True)]
    assert again.restore().waiting == (3, 0, 0), "an unsound row waits until it is set aside"
    again.close()


def test_a_row_that_moved_is_unsound(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 3)
    store.close()
    spoilt(data_dir, "UPDATE event SET seq = 4 WHERE seq = 2")
    again = opened(data_dir)
    assert [(r.seq, r.sound) for r in again.page(NORMAL, 0)] == [(1, True), (3, True), (4, False)]
    again.close()


def test_the_oldest_that_waits_is_sound_and_not_set_aside(data_dir: Path) -> None:
    store = opened(data_dir)
    filled(store, 4)
    store.commit(batch(aside=[(NORMAL, 1, "refused")]))
    store.close()
    spoilt(data_dir, "UPDATE event SET payload = X'00' WHERE seq = 2")
    again = opened(data_dir)
    assert again.restore().oldest_waiting == row(3)[6]
    again.close()


def test_a_batch_is_whole_or_not_at_all(store: Store) -> None:
    filled(store, 3)
    with pytest.raises(DiskTrouble):
        store.commit(
            batch(
                row(4), row(4), meta=[("k", "v")], aside=[(NORMAL, 1, "refused")], boots=[("b", 1)]
            )
        )
    assert store.high == 3
    found = store.restore()
    assert (found.high, found.boots, found.set_aside) == (3, {}, 0)
    assert "k" not in found.meta
    filled(store, 2, 4)
    assert store.high == 5


def test_a_batch_that_did_reach_the_disk_is_recognised(data_dir: Path, tmp_path: Path) -> None:
    store = opened(data_dir)
    filled(store, 3)
    handed = batch(row(4, cursor="3 3 0"), row(5), snapshots=[("streams", 5, b"1 5")])
    store.commit(handed)
    after = opened(killed(data_dir, tmp_path / "after"))
    store.close()
    after.commit(handed)  # nobody was told that it was written: it is handed over again
    after.commit(batch(row(6)))
    assert [r.seq for r in after.page(NORMAL, 0)] == [1, 2, 3, 4, 5, 6]
    assert after.high == 6
    after.close()


def test_executed_commands_are_remembered_so_many(store: Store) -> None:
    filling = [(f"a-{number}", 0, '"x"') for number in range(COMMANDS_KEPT - 20)]
    store.commit(batch(commands=filling))
    for number in range(30):
        store.commit(batch(commands=[(f"c-{number}", number, f'"{number}"')]))
    assert store.executed("a-9") is None
    assert store.executed("a-10") == '"x"'
    assert store.executed("c-29") == '"29"'
    store.commit(batch(commands=[("c-10", 5, "another")]))
    assert store.executed("c-10") == '"10"', "the first result stands"
