"""Lanes and watermarks: every committed row is acknowledged, set aside or waiting."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent import status
from edge_agent.journal import store as store_module
from edge_agent.ports import Lane
from edge_agent.records import NORMAL, URGENT, Entry
from edge_agent.wire import payload as wire
from tests.kit.journals import quick_folder, spoilt
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def balance(bench: Bench) -> None:
    found = status.events(bench.outbox)
    parts = ("acknowledged", "waiting", "set_aside", "dropped")
    assert found["stored"] == sum(found[part] or 0 for part in parts), found
    reads = bench.line.reads()
    assert reads["received"] == sum(
        reads[part] for part in ("accepted", "rejected", "suppressed", "pending")
    )
    assert min(reads.values()) >= 0


def commit(bench: Bench, count: int) -> None:
    for _ in range(count):
        assert bench.scan(b"K-%d" % bench.outbox.high)
    bench.turn()


# -- order of acknowledgements -----------------------------------------------------------------


def test_the_watermark_follows_whatever_the_order(bench: Bench) -> None:
    bench.connect()
    commit(bench, 9)
    dispatch = bench.outbox.dispatch
    for seq in (5, 3, 9, 4, 3, 3, 2):
        dispatch.acknowledged(NORMAL, seq)
    assert dispatch.acknowledged_upto(NORMAL) == 5
    assert dispatch.waiting() == 5  # 6, 7, 8, 10 and the start of the agent
    dispatch.acknowledged(NORMAL, 7)
    dispatch.acknowledged(NORMAL, 6)
    assert dispatch.acknowledged_upto(NORMAL) == 7
    balance(bench)


def test_a_new_connection_is_handed_exactly_what_is_not_settled(bench: Bench) -> None:
    bench.connect()
    commit(bench, 9)
    for seq in (5, 3, 9):
        bench.outbox.dispatch.acknowledged(NORMAL, seq)
    bench.outbox.dispatch.set_aside(NORMAL, 7, "too_large")
    bench.turn()
    bench.connect()
    assert [entry.seq for entry in bench.carrier.handed[NORMAL]] == [2, 4, 6, 8, 10]
    assert [entry.seq for entry in bench.carrier.handed[URGENT]] == [1, 11]
    balance(bench)


def test_a_page_of_an_ended_connection_is_not_answered_and_counts_nothing(bench: Bench) -> None:
    """The connection breaks while its page is being read, and the next one asks for the same."""
    commit(bench, 20)
    heard: list[str] = []
    mine: list[Entry] = []
    dispatch = bench.outbox.dispatch
    bench.gate.shut = True
    dispatch.page(NORMAL, 0, lambda _entries, _tip: heard.append("the ended one"))
    dispatch.leave_tip(NORMAL)
    dispatch.page(NORMAL, 0, lambda entries, _tip: mine.extend(entries))
    bench.gate.open()
    bench.turn()
    assert heard == []
    for entry in mine:
        dispatch.acknowledged(NORMAL, entry.seq)
    commit(bench, 1)
    assert dispatch.acknowledged_upto(NORMAL) == 21
    assert [entry.seq for entry in bench.carrier.handed[NORMAL]] == [22]
    dispatch.acknowledged(NORMAL, 22)
    assert dispatch.acknowledged_upto(NORMAL) == 22, "the watermark stands still for ever"
    assert len(dispatch._lanes[NORMAL].handed) == 0


def test_nothing_is_kept_in_memory_for_a_connection_that_ended_while_it_read(
    bench: Bench,
) -> None:
    commit(bench, 3)
    bench.gate.shut = True
    bench.outbox.dispatch.page(NORMAL, 0, lambda _entries, _tip: None)
    bench.outbox.dispatch.leave_tip(NORMAL)
    bench.gate.open()
    bench.turn()
    for _ in range(5):
        commit(bench, 100)
    assert len(bench.outbox.dispatch._lanes[NORMAL].handed) == 0
    assert bench.carrier.handed[NORMAL] == []


def test_an_urgent_event_without_a_connection_hurries_the_next_one(bench: Bench) -> None:
    before = bench.carrier.hurried
    commit(bench, 3)
    assert bench.carrier.hurried == before
    bench.gate.shut = True  # the disk stands still: it is tried meanwhile
    bench.line.agent_event("alarm.raised", b"{}")
    assert bench.carrier.hurried == before + 1
    bench.gate.open()
    bench.turn()
    assert bench.carrier.hurried == before + 1
    bench.connect()
    bench.line.agent_event("alarm.raised", b"{}")
    bench.turn()
    assert bench.carrier.hurried == before + 1
    assert len(bench.carrier.handed[URGENT]) == 3


# -- set aside ---------------------------------------------------------------------------------


def gaps(bench: Bench) -> list[dict[str, object]]:
    return [event["data"] for event in bench.events() if event["type"] == "outbox.gap"]


def test_a_row_set_aside_is_explained_with_its_number_and_its_topic(bench: Bench) -> None:
    bench.connect()
    commit(bench, 4)
    bench.outbox.dispatch.set_aside(NORMAL, 3, "oversize")
    bench.outbox.dispatch.set_aside(NORMAL, 3, "oversize")
    bench.turn()
    (gap,) = gaps(bench)
    assert gap == {
        "epoch": bench.outbox.epoch,
        "first": 3,
        "last": 3,
        "reason": "too_large",
        "streams": [{"topic": "acme/plant1/assembly/line3/A2/scan", "first": 2, "last": 2}],
    }
    assert bench.outbox.dispatch.set_aside_count == 1
    balance(bench)


def test_an_explanation_that_is_refused_is_not_explained_for_ever(bench: Bench) -> None:
    bench.connect()
    commit(bench, 1)
    bench.outbox.dispatch.set_aside(NORMAL, 2, "refused")
    bench.turn()
    gap = bench.outbox.committed_upto
    bench.outbox.dispatch.set_aside(URGENT, gap, "refused")
    bench.turn()
    assert len(gaps(bench)) == 1
    assert bench.outbox.dispatch.set_aside_count == 2
    balance(bench)


def test_a_number_is_set_aside_and_explained_in_one_commit_or_not_at_all(
    bench: Bench, keep: Keep
) -> None:
    bench.connect()
    commit(bench, 3)
    bench.gate.shut = True
    bench.outbox.dispatch.set_aside(NORMAL, 3, "too_large")
    bench.outbox.note_meta("k", "v")  # a commit that happens anyway
    bench.turn()
    bench.gate.open()
    bench.inline.poke()
    again = keep(bench.again())  # cut before the explanation was written
    again.connect()
    explained = [gap["first"] for gap in gaps(again)]
    handed = [entry.seq for entry in again.carrier.handed[NORMAL]]
    assert (3 in handed) != (3 in explained), "neither sent again nor explained"


def test_a_damaged_row_is_set_aside_explained_and_never_handed_over(
    bench: Bench, keep: Keep
) -> None:
    commit(bench, 5)
    into = bench.data_dir
    bench.close()
    spoilt(into, "UPDATE event SET payload = X'7B7D' WHERE seq IN (2, 4)")
    found = keep(Bench(into, bench.clock))
    found.connect()
    found.turn()
    assert [entry.seq for entry in found.carrier.handed[NORMAL]] == [3, 5, 6]
    assert sorted(str(gap["first"]) for gap in gaps(found)) == ["2", "4"]
    assert {gap["reason"] for gap in gaps(found)} == {"damaged"}
    found.acknowledge_all()
    balance(found)
    assert found.outbox.dispatch.acknowledged_upto(NORMAL) >= 6
    again = keep(found.again())
    again.connect()
    assert not {2, 4} & {entry.seq for entry in again.carrier.handed[NORMAL]}
    assert len(gaps(again)) == 2, "explained again at every start"
    balance(again)


@pytest.mark.parametrize("head", ["X''", "X'7B7D'", "CAST('no json at all' AS BLOB)"])
def test_an_agent_starts_though_its_oldest_event_is_damaged(
    bench: Bench, keep: Keep, head: str
) -> None:
    commit(bench, 3)
    into = bench.data_dir
    bench.close()
    spoilt(into, f"UPDATE event SET payload = {head} WHERE seq = 1")
    found = keep(Bench(into, bench.clock))
    assert found.outbox.open
    balance(found)


def test_missing_numbers_are_explained_and_counted(bench: Bench, keep: Keep) -> None:
    commit(bench, 6)
    into = bench.data_dir
    bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (3, 4)")
    found = keep(Bench(into, bench.clock))
    (gap,) = gaps(found)
    assert (gap["first"], gap["last"], gap["reason"]) == (3, 4, "damaged")
    balance(found)
    assert found.outbox.dispatch.dropped_count == 2


# -- age ---------------------------------------------------------------------------------------


def test_the_age_of_what_waits_is_monotonic_and_survives_a_boot(bench: Bench, keep: Keep) -> None:
    commit(bench, 1)
    bench.pass_s(90)
    dispatch = bench.outbox.dispatch
    assert dispatch.oldest_waiting_ns(bench.clock.mono_ns()) == 90 * 10**9
    bench.clock.wall_lead_ns += 3600 * 10**9
    assert dispatch.oldest_waiting_ns(bench.clock.mono_ns()) == 90 * 10**9
    bench.clock.wall_lead_ns -= 3600 * 10**9
    again = keep(bench.again(boot="feedbeef"))
    oldest_ns = again.outbox.dispatch.oldest_waiting_ns(again.clock.mono_ns())
    assert oldest_ns == pytest.approx(90 * 10**9, abs=10**7)


# -- any order of all of it --------------------------------------------------------------------


class Lanes(RuleBasedStateMachine):
    """What a broker may do to an outbox, against a dictionary of what was committed."""

    @initialize()
    def begin(self) -> None:
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(store_module, "GROWN_WAL_BYTES", 8192)
        self.folder = quick_folder()
        self.bench = Bench(Path(self.folder.name) / "data").start()
        self.fate: dict[int, str] = {}
        self.flying: list[tuple[int, int]] = []
        self.connected = False

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()
            self.folder.cleanup()
            self.patched.undo()

    @rule(count=st.integers(1, 5))
    def scan(self, count: int) -> None:
        for _ in range(count):
            self.bench.scan(b"K-%d" % self.bench.outbox.high)

    @rule()
    def alarm(self) -> None:
        if self.bench.outbox.room(Lane.URGENT, 500).value == "yes":
            self.bench.line.agent_event("alarm.raised", b"{}")

    @rule(times=st.integers(1, 6))
    def turn(self, times: int) -> None:
        self.bench.turn(times)

    @rule()
    def stall(self) -> None:
        self.bench.gate.shut = True

    @rule()
    def flow(self) -> None:
        self.bench.gate.open()

    @rule()
    def connect(self) -> None:
        """Begin a new connection, also while a page of the last one is being read."""
        for lane in (URGENT, NORMAL):
            self.bench.carrier.handed[lane] = []
            self.bench.outbox.dispatch.leave_tip(lane)
            self.bench.page(lane, self.bench.outbox.dispatch.acknowledged_upto(lane))
        self.connected = True

    @rule()
    def disconnect(self) -> None:
        for lane in (URGENT, NORMAL):
            self.bench.outbox.dispatch.leave_tip(lane)
            self.bench.carrier.handed[lane] = []
        self.connected = False

    @precondition(lambda self: self._handed())
    @rule(data=st.data(), what=st.sampled_from(["ack", "ack", "ack", "twice", "aside"]))
    def settle(self, data: st.DataObject, what: str) -> None:
        lane, entry = data.draw(st.sampled_from(self._handed()))
        dispatch = self.bench.outbox.dispatch
        if what == "aside":
            dispatch.set_aside(lane, entry.seq, "refused")
            self.fate.setdefault(entry.seq, "aside")
        else:
            dispatch.acknowledged(lane, entry.seq)
            if what == "twice":
                dispatch.acknowledged(lane, entry.seq)
            self.fate.setdefault(entry.seq, "acknowledged")
        self.bench.carrier.handed[lane].remove(entry)

    @rule()
    def reread(self) -> None:
        for lane in (URGENT, NORMAL):
            self.bench.carrier.handed[lane] = []
            self.bench.page(lane, self.bench.outbox.dispatch.acknowledged_upto(lane))

    @rule()
    def kill(self) -> None:
        """Cut it: what was settled and not written yet is sent again, the rest is not."""
        self.bench = self.bench.again().start()
        self.fate = {}
        self.connected = False

    def _handed(self) -> list[tuple[int, Entry]]:
        handed = self.bench.carrier.handed
        return [(lane, entry) for lane in (URGENT, NORMAL) for entry in handed[lane]]

    @invariant()
    def books_balance(self) -> None:
        if hasattr(self, "bench"):
            balance(self.bench)

    @invariant()
    def nothing_is_handed_over_twice_or_before_its_commit(self) -> None:
        if not hasattr(self, "bench"):
            return
        for lane in (URGENT, NORMAL):
            numbers = [entry.seq for entry in self.bench.carrier.handed[lane]]
            assert numbers == sorted(set(numbers))
            assert not set(numbers) & set(self.fate)
            assert all(seq <= self.bench.outbox.committed_upto for seq in numbers)

    @rule()
    def drain(self) -> None:
        """Let the broker come back and take it all: every number has its fate."""
        bench = self.bench
        bench.gate.open()
        bench.turn()
        for lane in (URGENT, NORMAL):
            bench.outbox.dispatch.leave_tip(lane)
        bench.connect()
        numbers = {entry.seq for _, entry in self._handed()}
        assert bench.store is not None
        aside = {seq for _, seq in bench.store.reasons()}
        everything = {row.seq for row in bench.store.all_after(0, 10_000)}
        assert not numbers & set(self.fate), "settled and sent again on a living agent"
        cursor = bench.outbox.dispatch.cursor()
        owed = {
            row.seq
            for row in bench.store.all_after(0, 10_000)
            if row.seq not in self.fate
            and row.seq not in aside
            and row.seq > (cursor.urgent if row.lane else cursor.normal)
        }
        assert owed <= numbers, "committed, not settled, and not sent"
        for _ in range(3):
            bench.acknowledge_all()
        self.fate.update(dict.fromkeys(numbers, "acknowledged"))
        assert bench.outbox.dispatch.waiting() == 0
        cursor = bench.outbox.dispatch.cursor()
        assert cursor[:2] == (bench.outbox.committed_upto,) * 2
        assert max(everything) <= bench.outbox.committed_upto
        explained = {gap["first"] for gap in gaps(bench)}
        urgent = {row.seq for row in bench.store.all_after(0, 10_000) if row.lane == URGENT}
        assert {seq for seq in aside if seq not in urgent} <= explained


Lanes.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, print_blob=True
)
TestLanes = Lanes.TestCase


def test_entries_carry_when_they_were_captured(bench: Bench) -> None:
    bench.connect()
    commit(bench, 1)
    (entry,) = bench.carrier.handed[NORMAL]
    assert entry.captured_ns == bench.clock.mono_ns()
    assert json.loads(entry.payload)["monons"] == str(entry.captured_ns)
    assert wire.captured(entry.payload) == (bench.clock.boot, entry.captured_ns)
