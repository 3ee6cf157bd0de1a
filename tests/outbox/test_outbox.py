"""Numbers, admission and batches: nothing is told before it is on the disk, nothing lost there."""

import json
from collections.abc import Callable
from pathlib import Path

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
from edge_agent.records import NORMAL, SALVAGED, URGENT, Cursor, DiskTrouble
from edge_agent.storage import Limits, Room
from edge_agent.wire import payload as wire
from tests.kit.journals import spoilt
from tests.kit.line_bench import MB, Bench, Gun

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


# -- the quota ---------------------------------------------------------------------------------

SMALL = Limits(quota_bytes=3 * MB, reserve_bytes=1 * MB, replay_bytes=2 * MB, replay_ns=10**18)


def filled_to_the_reserve(bench: Bench) -> int:
    taken = 0
    while bench.scan(b"%06d" % taken + b"x" * 4000):
        if bench.line.refused_storage:
            break
        taken += 1
        bench.turn()
        assert taken < 2000, "the quota is never reached"
    return taken


def test_normal_events_are_refused_at_the_reserve_and_urgent_ones_are_not(
    tmp_path: Path, keep: Keep
) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    taken = filled_to_the_reserve(bench)
    assert taken > 100
    used = bench.outbox.storage.used_bytes
    assert used <= SMALL.quota_bytes - SMALL.reserve_bytes + 20_000
    assert bench.gun.answers[-1][1:] == ("rejected", None, "storage")
    for _ in range(50):
        bench.line.agent_event("alarm.raised", b'{"x":"%b"}' % (b"y" * 1000))
        bench.turn()
    assert bench.kinds().count("alarm.raised") == 50
    while bench.outbox.room(Lane.URGENT, 2000) is Room.YES:
        bench.line.agent_event("alarm.raised", b'{"x":"%b"}' % (b"y" * 1500))
        bench.turn()
    assert bench.outbox.storage.used_bytes <= SMALL.quota_bytes + 20_000
    assert bench.outbox.trouble is None, "the quota was left to SQLite"


def test_a_trim_without_fruit_is_not_asked_for_again(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    filled_to_the_reserve(bench)
    bench.turn()
    commits = len(bench.gate.commits)
    for number in range(50):
        assert bench.scan(b"refused %d" % number + b"x" * 4000)
        bench.turn()
    assert len(bench.gate.commits) <= commits + 1
    assert bench.line.refused_storage >= 50


def test_acknowledged_rows_go_first_when_the_quota_is_reached(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    held: list[bytes] = []

    def offer() -> None:
        while held and bench.scan(held[0]):
            held.pop(0)

    bench.gun.on_resume = offer
    bench.connect()
    for number in range(1500):  # three times the quota
        text = b"%06d" % number + b"x" * 4000
        if held or not bench.scan(text):
            held.append(text)
        bench.turn(4)
        bench.acknowledge_all()
    assert bench.line.refused_storage == 0
    assert held == []
    assert bench.line.accepted == 1500
    assert bench.outbox.storage.used_bytes <= SMALL.quota_bytes


def test_room_comes_back_when_the_broker_comes_back(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    filled_to_the_reserve(bench)
    bench.connect()
    bench.gate.shut = True  # the last words of the broker come while a commit is running
    bench.outbox.note_meta("k", "v")
    bench.outbox.storage.trim_wanted = True
    bench.turn()
    bench.acknowledge_all()
    bench.gate.open()
    bench.turn()
    for number in range(5):
        if bench.scan(b"after %d" % number + b"x" * 4000):
            bench.turn()
            if bench.gun.outcomes[-1] == "accepted":
                break
        bench.turn()
    assert bench.gun.outcomes[-1] == "accepted", "everything is acknowledged and still no room"


# -- what is salvaged --------------------------------------------------------------------------


def test_salvaged_events_go_out_with_their_own_numbers_and_are_settled_apart(
    bench: Bench, keep: Keep
) -> None:
    scans(bench, 10)
    bench.turn()
    epoch = bench.outbox.epoch
    ids = [event["id"] for event in bench.events()]
    assert bench.store is not None
    bench.store.checkpoint()
    into = bench.data_dir
    bench.close()
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, bench.clock))
    assert found.outbox.epoch != epoch
    assert found.outbox.dispatch.salvaged_waiting() == 11
    found.connect()
    handed = found.carrier.handed[SALVAGED]
    assert [json.loads(entry.payload)["id"] for entry in handed] == ids
    for entry in handed[:4]:
        found.outbox.dispatch.acknowledged(SALVAGED, entry.seq)
    found.outbox.dispatch.set_aside(SALVAGED, handed[4].seq, "oversize")
    found.turn()
    gap = next(event for event in found.events() if event["type"] == "outbox.gap")
    assert gap["data"]["epoch"] == epoch
    assert gap["data"]["first"] == gap["data"]["last"] == 5
    found.scan(b"carries the cursor")
    found.turn()
    again = keep(found.again())
    assert again.outbox.dispatch.salvaged_waiting() == 6
    again.connect()
    assert [json.loads(entry.payload)["id"] for entry in again.carrier.handed[SALVAGED]] == ids[5:]


def test_what_a_broken_journal_took_with_it_is_explained_once(bench: Bench, keep: Keep) -> None:
    scans(bench, 10)
    bench.turn()
    epoch = bench.outbox.epoch
    into = bench.data_dir
    bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (4, 5, 9)")
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, bench.clock))
    gaps = [event["data"] for event in found.events() if event["type"] == "outbox.gap"]
    assert [(gap["epoch"], gap["first"], gap["last"]) for gap in gaps] == [
        (epoch, 4, 5),
        (epoch, 9, 9),
    ]
    again = keep(found.again())
    assert again.kinds().count("outbox.gap") == 2, "told once, not at every start"


def test_scans_during_a_commit_without_events_wait_for_their_own(bench: Bench) -> None:
    bench.connect()
    bench.acknowledge_all()
    bench.gate.shut = True
    bench.outbox.note_meta("k", "v")
    bench.turn()
    scans(bench, 3)
    bench.turn()
    bench.gate.shut = False
    jobs = bench.gate.waiting()
    jobs[0]()  # the commit without events, and no more
    bench.gate.shut = True
    bench.turn()
    assert bench.gun.answers == []
    assert bench.carrier.handed[NORMAL] == []
    bench.gate.open()
    bench.turn()
    assert bench.gun.outcomes == ["accepted"] * 3
