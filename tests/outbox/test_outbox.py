"""Numbers, admission and batches: nothing is told before it is on the disk, nothing lost there."""

from collections.abc import Callable

import pytest

from edge_agent import outbox as outbox_module
from edge_agent.dispatch import CURSOR_ACKS_MAX
from edge_agent.outbox import (
    CURSOR_IDLE_NS,
    HOUSEKEEPING_EVENTS,
    PENDING_BYTES_MAX,
    PENDING_EVENTS_MAX,
    PENDING_URGENT_EXTRA,
)
from edge_agent.ports import Flaw, Lane
from edge_agent.records import NORMAL, URGENT, Cursor, DiskTrouble
from edge_agent.storage import Room
from edge_agent.wire import payload as wire
from tests.kit.line_bench import Bench, Gun

Keep = Callable[[Bench], Bench]


def scans(bench: Bench, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        assert bench.scan(b"K-%06d" % number)


# -- numbers -----------------------------------------------------------------------------------


def test_numbers_are_without_gaps_for_the_agent_and_for_each_topic(
    bench: Bench, keep: Keep
) -> None:
    other = Gun("gun-2", "A3")
    bench.line.add(other)
    for number in range(20):
        bench.scan(b"a%d" % number)
        bench.scan(b"b%d" % number, gun=other)
        if number % 7 == 0:
            bench.scan(b"", Flaw.EMPTY)
        if number % 3 == 0:
            bench.turn()
    bench.turn()
    again = keep(bench.again())
    again.scan(b"after the cut")
    again.turn()
    events = again.events()
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    by_topic: dict[str, list[int]] = {}
    for event in events:
        by_topic.setdefault(event["source"], []).append(int(event["streamseq"]))
    assert len(by_topic) == 3
    for numbers in by_topic.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_numbers_of_a_topic_go_on_when_its_rows_are_trimmed(bench: Bench, keep: Keep) -> None:
    bench.connect()
    scans(bench, 1)
    other = Gun("gun-2", "A3")
    bench.line.add(other)
    bench.outbox.storage.limits = bench.limits._replace(replay_bytes=0)
    for number in range(3 * HOUSEKEEPING_EVENTS):
        bench.scan(b"b%d" % number, gun=other)
        if number % 50 == 0:
            bench.turn()
            bench.acknowledge_all()
    assert bench.store is not None
    bench.turn()
    assert not bench.store.stretch(bench.outbox.epoch, 2, 2), "the row is to be trimmed by now"
    again = keep(bench.again())
    again.scan(b"the second of its topic")
    again.turn()
    last = again.events()[-1]
    assert (last["source"][-2:], int(last["streamseq"])) == ("A2", 2)


# -- commit before anything else ---------------------------------------------------------------


def test_nothing_is_answered_or_handed_over_before_the_commit(bench: Bench) -> None:
    bench.connect()
    bench.acknowledge_all()
    bench.gate.shut = True
    scans(bench, 3)
    bench.turn()
    assert bench.gate.outstanding == 1
    assert bench.gun.answers == []
    assert bench.carrier.handed[NORMAL] == []
    assert bench.outbox.committed_upto < bench.outbox.high
    bench.gate.open()
    bench.turn()
    assert bench.gun.outcomes == ["accepted"] * 3
    assert [entry.seq for entry in bench.carrier.handed[NORMAL]] == [2, 3, 4]


def test_one_commit_runs_and_all_the_rest_is_the_next_one(bench: Bench) -> None:
    commits = len(bench.gate.commits)
    bench.gate.shut = True
    scans(bench, 5)
    bench.turn()
    for first in range(5, 100, 5):
        scans(bench, 5, first)
        bench.turn()
    assert len(bench.gate.commits) == commits + 1
    bench.gate.open()
    bench.turn()
    sizes = [len(batch.rows) for batch in bench.gate.commits[commits:]]
    assert sizes == [5, 95]


def test_a_burst_of_one_turn_shares_a_commit(bench: Bench) -> None:
    commits = len(bench.gate.commits)
    scans(bench, 200)
    bench.turn()
    assert [len(batch.rows) for batch in bench.gate.commits[commits:]] == [200]


def test_recordedtime_is_when_the_commit_begins(bench: Bench) -> None:
    bench.gate.shut = True
    bench.scan(b"runs")
    bench.turn()
    bench.scan(b"waits")
    captured = wire.rfc3339(bench.clock.wall_ns()).decode()
    bench.clock.now_ns += 3_000_000_000
    begins = wire.rfc3339(bench.clock.wall_ns()).decode()
    bench.gate.open()
    bench.turn()
    event = bench.events()[-1]
    assert (event["data"]["text"], event["time"], event["recordedtime"]) == (
        "waits",
        captured,
        begins,
    )


# -- admission ---------------------------------------------------------------------------------


def test_so_many_events_may_wait_then_devices_are_held_and_go_on(bench: Bench) -> None:
    bench.gate.shut = True
    scans(bench, 1)
    bench.turn()
    scans(bench, PENDING_EVENTS_MAX - 1, 1)
    assert bench.outbox.pending() == PENDING_EVENTS_MAX
    assert not bench.scan(b"one too many")
    assert bench.outbox.pending() == PENDING_EVENTS_MAX
    assert bench.outbox.room(Lane.URGENT, 400) is Room.YES, "an alarm still comes"
    resumed = bench.gun.resumed
    bench.gate.open()
    bench.turn()
    assert bench.gun.resumed > resumed
    assert bench.scan(b"one too many")
    bench.turn()
    assert bench.outbox.pending() == 0
    assert bench.line.accepted == PENDING_EVENTS_MAX + 1


def test_so_many_bytes_may_wait(bench: Bench) -> None:
    bench.gate.shut = True
    text = b"x" * 60_000
    taken = 0
    while bench.scan(b"%05d" % taken + text):
        taken += 1
        assert taken < 1000
    assert PENDING_BYTES_MAX - 2 * 61_000 < taken * 60_000 <= PENDING_BYTES_MAX
    assert bench.outbox.room(Lane.URGENT, 400) is Room.YES
    resumed = bench.gun.resumed
    bench.gate.open()
    bench.turn()
    assert bench.gun.resumed > resumed
    assert bench.scan(text)


def test_urgent_events_have_a_bound_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "PENDING_EVENTS_MAX", 100)
    bench.gate.shut = True
    bench.turn()
    for number in range(100 + PENDING_URGENT_EXTRA):
        assert bench.outbox.room(Lane.URGENT, 400) is Room.YES, number
        bench.line.agent_event("alarm.raised", b"{}")
    assert bench.outbox.room(Lane.NORMAL, 400) is Room.WAIT
    assert bench.outbox.room(Lane.URGENT, 400) is Room.WAIT
    high = bench.outbox.high
    bench.line.agent_event("alarm.raised", b"{}")
    assert bench.outbox.high == high, "an event without room must not take a number"
    bench.gate.open()
    bench.turn()
    assert bench.outbox.room(Lane.URGENT, 400) is Room.YES


@pytest.mark.parametrize(
    ("kind", "room"), [("full", Room.NO), ("read-only", Room.NO), ("failing", Room.YES)]
)
def test_a_disk_in_trouble_refuses_at_once_what_it_cannot_keep(
    bench: Bench, kind: str, room: Room
) -> None:
    bench.outbox.troubled(DiskTrouble(kind, "why", "remedy"))
    assert bench.outbox.room(Lane.NORMAL, 400) is room
    assert bench.outbox.room(Lane.URGENT, 400) is Room.YES
    bench.outbox.troubled(None)
    assert bench.outbox.room(Lane.NORMAL, 400) is Room.YES


def test_what_was_admitted_is_written_when_the_disk_is_well_again(bench: Bench) -> None:
    assert bench.store is not None
    bench.store.sql.execute("PRAGMA query_only=1")
    scans(bench, 3)
    bench.turn()
    assert bench.outbox.trouble is not None
    assert bench.gun.answers == []
    assert not bench.outbox.settled()
    bench.store.sql.execute("PRAGMA query_only=0")
    assert bench.inline.poke()
    bench.turn()
    assert bench.outbox.trouble is None
    assert bench.gun.outcomes == ["accepted"] * 3
    assert [event["data"].get("text") for event in bench.events()][1:4] == [
        "K-000000",
        "K-000001",
        "K-000002",
    ]


# -- the cursor --------------------------------------------------------------------------------


def test_the_cursor_rides_in_the_last_row_of_the_next_batch(bench: Bench) -> None:
    bench.connect()
    scans(bench, 5)
    bench.turn()
    bench.acknowledge_all()
    commits = len(bench.gate.commits)
    scans(bench, 2, 5)
    bench.turn()
    (batch,) = bench.gate.commits[commits:]
    assert [row[4] or "" for row in batch.rows] == ["", "6 6 0"]
    assert bench.store is not None
    assert bench.store.restore().cursor == Cursor(6, 6, 0)


def test_the_cursor_is_written_alone_after_many_acknowledgements(bench: Bench) -> None:
    bench.connect()
    scans(bench, CURSOR_ACKS_MAX + 10)
    bench.turn()
    commits = len(bench.gate.commits)
    entries = bench.carrier.handed[URGENT] + bench.carrier.handed[NORMAL]
    for entry in entries[: CURSOR_ACKS_MAX - 1]:
        bench.outbox.dispatch.acknowledged(
            URGENT if entry in bench.carrier.handed[URGENT] else NORMAL, entry.seq
        )
    bench.turn()
    assert len(bench.gate.commits) == commits
    bench.outbox.dispatch.acknowledged(NORMAL, entries[CURSOR_ACKS_MAX - 1].seq)
    bench.turn()
    assert len(bench.gate.commits) == commits + 1
    assert bench.store is not None
    assert bench.store.restore().cursor.normal == CURSOR_ACKS_MAX


def test_the_cursor_is_written_alone_after_a_minute_and_not_again(bench: Bench) -> None:
    bench.connect()
    scans(bench, 3)
    bench.turn()
    bench.acknowledge_all()
    commits = len(bench.gate.commits)
    bench.pass_s(CURSOR_IDLE_NS / 1e9 - 1)
    assert len(bench.gate.commits) == commits
    bench.pass_s(1.5)
    assert len(bench.gate.commits) == commits + 1
    assert bench.store is not None
    assert bench.store.restore().cursor == Cursor(4, 4, 0)
    bench.pass_s(1000)
    assert len(bench.gate.commits) == commits + 1


def test_the_cursor_never_goes_back_when_an_idle_lane_gets_work(bench: Bench) -> None:
    bench.connect()
    bench.acknowledge_all()
    for number in range(30):
        scans(bench, 1, number)
        bench.turn()
        bench.acknowledge_all()
    before = bench.outbox.dispatch.cursor()
    bench.line.agent_event("alarm.raised", b"{}")
    bench.turn()
    after = bench.outbox.dispatch.cursor()
    assert after.urgent >= before.urgent
    assert after.normal >= before.normal
    assert bench.outbox.dispatch.settled_upto() >= min(before[:2])


def test_a_trim_that_no_event_carries_writes_the_cursor_it_rests_on(
    bench: Bench, keep: Keep
) -> None:
    bench.connect()
    scans(bench, 60)
    bench.turn()
    bench.outbox.dispatch.set_aside(NORMAL, 5, "refused")
    bench.turn()
    bench.acknowledge_all()
    bench.outbox.storage.limits = bench.limits._replace(replay_bytes=0)
    bench.outbox.storage.trim_wanted = True
    bench.outbox.note_meta("k", "v")
    bench.turn()
    assert bench.store is not None
    assert len(bench.store.all_after(0, 1000)) < 10
    again = keep(bench.again())
    assert again.restored.missing == [], "rows that were trimmed are taken for lost"
    assert again.outbox.dispatch.waiting() <= 1 + 1  # agent.started of this run, and the newest
