"""Who calls the store: answers in order, trouble as a state, an end that never hangs."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.journal import folder
from edge_agent.journal import store as store_module
from edge_agent.journal.store import Store
from edge_agent.journal.writer import REOPEN_EVERY, InlineWriter, Writer
from edge_agent.records import Batch, Broken, DiskTrouble, NewerJournal, Restored
from tests.kit.journals import batch, filled, opened, row

PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


class Owner:
    """The reactor's side of a writer: what it is told, in order."""

    def __init__(self) -> None:
        self.posts: queue.SimpleQueue[tuple[Callable[[Any], None], Any]] = queue.SimpleQueue()
        self.told: list[tuple[str, Any]] = []
        self.refuse = 0

    def post(self, callback: Callable[[Any], None], message: object) -> bool:
        if self.refuse:
            self.refuse -= 1
            return False
        self.posts.put((callback, message))
        return True

    def opened(self, restored: Restored) -> None:
        self.told.append(("opened", restored))

    def committed(self, answer: object) -> None:
        self.told.append(("committed", answer))

    def troubled(self, trouble: DiskTrouble | None) -> None:
        self.told.append(("troubled", trouble and trouble.kind))

    def lost(self, why: object) -> None:
        self.told.append(("lost", type(why)))

    def note(self, what: str) -> Callable[[Any], None]:
        return lambda answer: self.told.append((what, answer))

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.told]

    def turn(self) -> None:
        while not self.posts.empty():
            callback, message = self.posts.get()
            callback(message)

    def until(self, word: str, count: int = 1) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.words.count(word) < count:
            callback, message = self.posts.get(timeout=max(end - time.monotonic(), 0.001))
            callback(message)


class Place:
    """Where the journal is, and what is wrong with its disk just now."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.fault: Exception | None = None
        self.opens = 0
        self.store: Store | None = None
        self.spoil: Callable[[Store], None] | None = None

    def open(self) -> Store:
        self.opens += 1
        if self.fault is not None:
            raise self.fault
        self.store = opened(self.data_dir)
        if self.spoil is not None:
            self.spoil(self.store)
        return self.store


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def writer(place: Place, owner: Owner) -> Iterator[Writer]:
    made = Writer(place.open, owner.post, owner, time.monotonic_ns)
    made.start()
    yield made
    made.stop(lambda _: None)
    made.join(PATIENCE_S)
    assert not made._thread.is_alive(), "the journal's thread does not end"
    if place.store is not None:
        place.store.close()


def full(store: Store) -> None:
    """Let every write fail, as a full or read-only disk does."""
    store.sql.execute("PRAGMA query_only=1")


# -- order -------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_jobs(writer: Writer, owner: Owner) -> None:
    writer.commit(batch(row(1)))
    writer.ask(lambda store: store.high, owner.note("asked"))
    writer.commit(batch(row(2)))
    writer.ask(lambda store: store.high, owner.note("asked"))
    writer.ping(owner.note("ponged"))
    owner.until("ponged")
    assert owner.words == ["opened", "committed", "asked", "committed", "asked", "ponged"]
    assert [what for word, what in owner.told if word == "asked"] == [1, 2]
    kept, took_ns = next(what for word, what in owner.told if word == "committed")
    assert kept is None
    assert took_ns > 0


def test_an_answer_waits_for_a_full_inbox_and_is_not_lost(place: Place, owner: Owner) -> None:
    owner.refuse = 3
    writer = Writer(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    owner.until("opened")
    writer.stop(owner.note("stopped"))
    owner.until("stopped")
    writer.join(PATIENCE_S)
    assert place.store is not None
    place.store.close()


def test_stop_comes_after_what_was_handed_over(place: Place, owner: Owner) -> None:
    writer = Writer(place.open, owner.post, owner, time.monotonic_ns)
    for seq in range(1, 21):
        writer.commit(batch(row(seq)))
    writer.stop(owner.note("stopped"))
    writer.start()
    owner.until("stopped")
    assert owner.words == ["opened"] + ["committed"] * 20 + ["stopped"]
    writer.join(PATIENCE_S)
    assert place.store is not None
    assert place.store.high == 20
    place.store.close()


# -- trouble -----------------------------------------------------------------------------------


def test_trouble_is_told_once_pings_are_answered_and_it_recovers_by_itself(
    writer: Writer, owner: Owner, place: Place
) -> None:
    owner.until("opened")
    place.spoil = full
    writer.ask(full, owner.note("spoilt"))
    writer.commit(batch(row(1)))
    writer.ask(lambda store: store.high, owner.note("asked"))
    owner.until("troubled")
    opens = place.opens
    while place.opens < opens + 2:  # it is tried, and the file opened anew, again and again
        writer.ping(owner.note("ponged"))
        owner.until("ponged", owner.words.count("ponged") + 1)
    assert "committed" not in owner.words
    assert "asked" not in owner.words, "an answer has overtaken the job in trouble"
    assert owner.words.count("troubled") == 1, "told once, not at every attempt"
    place.spoil = None
    owner.until("asked")
    rest = [(word, what) for word, what in owner.told if word in ("committed", "troubled", "asked")]
    assert [word for word, _ in rest] == ["troubled", "committed", "troubled", "asked"]
    assert rest[0][1] == "read-only"
    assert rest[2][1] is None
    assert rest[3][1] == 1


def test_jobs_that_keep_coming_do_not_put_off_the_next_attempt(
    writer: Writer, owner: Owner, place: Place
) -> None:
    owner.until("opened")
    place.spoil = full
    writer.ask(full, owner.note("spoilt"))
    writer.commit(batch(row(1)))
    owner.until("troubled")
    opens, end = place.opens, time.monotonic() + PATIENCE_S
    knocking = threading.Event()

    def knock() -> None:
        while not knocking.is_set():
            writer.ping(lambda _: None)
            knocking.wait(0.01)

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        while place.opens == opens:
            assert time.monotonic() < end, "put off for ever by pings"
            owner.turn()
    finally:
        knocking.set()
        thread.join()


def test_another_kind_of_trouble_is_told_as_well(owner: Owner, place: Place) -> None:
    writer = InlineWriter(place.open, owner.post, owner, time.monotonic_ns)
    place.fault = DiskTrouble("full", "no space", "free some")
    writer.start()
    assert not writer.poke()
    place.fault = DiskTrouble("failing", "I/O error", "replace it")
    assert not writer.poke()
    place.fault = None
    assert writer.poke()
    owner.turn()
    assert owner.told[:2] == [("troubled", "full"), ("troubled", "failing")]
    assert owner.words[2:] == ["opened", "troubled"]
    assert owner.told[-1] == ("troubled", None)


def test_the_file_is_opened_anew_after_so_many_attempts(owner: Owner, place: Place) -> None:
    writer = InlineWriter(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    place.spoil = full
    writer.ask(full, owner.note("spoilt"))
    writer.commit(batch(row(1)))
    for attempt in range(2, 8):
        before = place.opens
        writer.poke()
        reopened = place.opens - before
        assert reopened == (1 if (attempt - 1) % REOPEN_EVERY == 0 else 0), attempt
    place.spoil = None
    while not writer.poke():
        pass
    owner.turn()
    assert owner.words[-2:] == ["committed", "troubled"]


def test_a_start_that_fails_while_reading_lets_the_file_go(owner: Owner, place: Place) -> None:
    writer = InlineWriter(place.open, owner.post, owner, time.monotonic_ns)

    def unreadable(store: Store) -> None:
        store.sql.set_authorizer(lambda *_: 1)  # SQLITE_DENY: the first read fails

    place.spoil = unreadable
    writer.start()
    held = place.store  # whoever holds on to it must not keep the lock
    place.spoil = None
    assert writer.poke(), "the first attempt holds the lock against the second"
    owner.turn()
    assert owner.words == ["troubled", "opened", "troubled"]
    assert held is not None


def test_stop_during_trouble_comes_at_once(owner: Owner, place: Place) -> None:
    place.fault = DiskTrouble("full", "no space", "free some")
    writer = Writer(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    owner.until("troubled")
    writer.commit(Batch(meta=[("k", "v")]))
    writer.stop(owner.note("stopped"))
    owner.until("stopped")
    writer.join(PATIENCE_S)
    assert not writer._thread.is_alive()
    assert "committed" not in owner.words


# -- the end of a file -------------------------------------------------------------------------


@pytest.mark.parametrize("why", [NewerJournal("newer"), Broken("broken")])
def test_no_going_on_is_told_and_ends_the_thread(
    owner: Owner, place: Place, why: Exception
) -> None:
    place.fault = why
    writer = Writer(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    owner.until("lost")
    assert owner.told == [("lost", type(why))]
    writer.join(PATIENCE_S)
    assert not writer._thread.is_alive()


def test_a_file_found_broken_when_it_is_opened_again_ends_the_writer(
    owner: Owner, place: Place
) -> None:
    writer = InlineWriter(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    assert place.store is not None
    filled(place.store, 100)
    place.store.checkpoint()
    file = folder.place(place.data_dir) / folder.FILE
    full(place.store)
    writer.commit(batch(row(101)))
    writer.poke()  # the file is let go
    with file.open("r+b") as spoiling:
        spoiling.write(b"\0" * 4096)
    writer.poke()
    owner.turn()
    assert writer.ended
    assert owner.told[-1] == ("lost", Broken)
    assert [path.name for path in folder.set_apart_before(place.data_dir)] == ["corrupt-1"]
    assert not [word for word in owner.words if word == "committed"]


def test_a_checkpoint_follows_when_enough_was_written_and_before_the_next_job(
    owner: Owner, place: Place
) -> None:
    writer = InlineWriter(place.open, owner.post, owner, time.monotonic_ns)
    writer.start()
    seq = 1
    store = place.store
    assert store is not None
    while not store.checkpoint_due():
        store.commit(batch(*(row(at) for at in range(seq, seq + 1000))))
        seq += 1000
    writer.commit(batch(row(seq)))
    assert not store.checkpoint_due()
    store.close()
