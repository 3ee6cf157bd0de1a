"""What the agent says of itself: counters that balance, the disk's condition, the days left."""

import json
from pathlib import Path

import pytest

from edge_agent import status
from edge_agent.outbox_words import answer
from edge_agent.ports import Condition
from edge_agent.records import NORMAL, DiskTrouble, Kept
from edge_agent.storage import AGE_MARKS_MAX, Limits, Room, Storage
from tests.kit.line_bench import MB, Bench

DAY_NS = 86_400 * 10**9


def told(bench: Bench) -> dict[str, object]:
    return status.counters(bench.outbox, bench.line.reads(), 0, 0)


def test_the_document_is_json_and_its_counters_balance(bench: Bench) -> None:
    bench.connect()
    for number in range(10):
        bench.scan(b"K-%d" % (number // 2))
    bench.gate.shut = True
    bench.turn()
    found = json.loads(json.dumps(told(bench)))
    assert found["unwritten"] == 5
    assert found["reads"]["pending"] == 10
    bench.gate.open()
    bench.turn()
    bench.outbox.dispatch.acknowledged(NORMAL, 3)
    bench.outbox.dispatch.set_aside(NORMAL, 4, "refused")
    bench.turn()
    found = json.loads(json.dumps(told(bench)))
    assert found["events"] == {
        "stored": 7,
        "acknowledged": 1,
        "waiting": 5,
        "set_aside": 1,
        "dropped": 0,
    }
    assert found["reads"]["suppressed"] == 5
    assert found["commit_ms_p99"] >= found["commit_ms_p50"] >= 0


def test_the_disk_is_starting_well_stalled_or_in_trouble(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    assert status.journal_condition(bench.outbox)[0] is Condition.STARTING
    bench.start()
    assert status.journal_condition(bench.outbox)[0] is Condition.OK
    bench.gate.shut = True
    bench.scan(b"K-1")
    bench.turn()
    bench.pass_s(0.9)
    assert status.journal_condition(bench.outbox)[0] is Condition.OK
    bench.pass_s(1.1)
    condition, why, remedy = status.journal_condition(bench.outbox)
    assert condition is Condition.TROUBLE
    assert "2.0 s" in why
    assert remedy
    bench.gate.open()
    bench.turn()
    bench.outbox.troubled(DiskTrouble("full", "no space", "free some"))
    assert status.journal_condition(bench.outbox) == (
        Condition.TROUBLE,
        "full: no space",
        "free some",
    )
    bench.close()


def test_days_of_autonomy_follow_the_rate_and_are_silent_at_first(bench: Bench) -> None:
    started_ns = bench.clock.mono_ns()
    for number in range(600):
        bench.scan(b"K-%d" % number)
        if number % 60 == 59:
            bench.pass_s(3)
    assert status.counters(bench.outbox, {}, 0, started_ns)["days_of_autonomy"] is None
    bench.pass_s(31)
    days = status.counters(bench.outbox, {}, 0, started_ns)["days_of_autonomy"]
    rate = bench.outbox.storage.recorded_bytes / 61
    assert days == pytest.approx((56 * MB - 600 * 450) / rate / 86_400, rel=0.1)


def test_the_outbox_is_listed_shown_and_exported(bench: Bench) -> None:
    bench.connect()
    for number in range(5):
        bench.scan(b"K-%d" % number)
    bench.turn()
    for seq in (1, 2, 3):
        bench.outbox.dispatch.acknowledged(NORMAL if seq > 1 else 1, seq)
    bench.outbox.dispatch.set_aside(NORMAL, 5, "refused")
    bench.turn()
    cursor = bench.outbox.dispatch.cursor()

    def ask(*question: str) -> list[dict[str, object]]:
        lines: list[dict[str, object]] = []
        after: object = None
        while True:
            page, after = answer(bench.store, cursor, list(question), after)
            lines += page
            if after is None:
                return lines

    assert [(line["seq"], line["state"]) for line in ask("export")] == [
        (1, "kept"),
        (2, "kept"),
        (3, "kept"),
        (4, "waiting"),
        (5, "set_aside"),
        (6, "waiting"),
        (7, "waiting"),
    ]
    assert [(line["seq"], line.get("reason")) for line in ask("list")] == [
        (4, None),
        (5, "refused"),
        (6, None),
        (7, None),
    ]
    (shown,) = ask("show", "5")
    assert shown["event"]["data"]["text"] == "K-3"  # type: ignore[index]
    assert "error" in ask("show", "99")[0]
    assert "error" in ask("dance")[0]


# -- the quota's books -------------------------------------------------------------------------

LIMITS = Limits(quota_bytes=1000, reserve_bytes=200, replay_bytes=500, replay_ns=30 * DAY_NS)


def books(used: int, payload: int, oldest: int = 1) -> Storage:
    storage = Storage(LIMITS)
    storage.opened(Kept(used, payload, oldest), 10, 0)
    return storage


@pytest.mark.parametrize(
    ("used", "size", "urgent", "room"),
    [
        (0, 800, False, Room.YES),
        (0, 801, False, Room.NO),
        (0, 1000, True, Room.YES),
        (0, 1001, True, Room.NO),
        (700, 100, False, Room.YES),
    ],
)
def test_room_up_to_the_reserve_and_up_to_the_quota(
    used: int, size: int, urgent: bool, room: Room
) -> None:
    assert books(used, used).room(size, 0, urgent=urgent) is room


def test_a_trim_that_frees_less_than_was_written_since_is_no_trim_in_vain() -> None:
    storage = books(700, 700)
    storage.written(100, 0)
    assert storage.room(50, 5, urgent=False) is Room.WAIT
    storage.trim(10, 5, 0, 0)
    storage.trimmed(Kept(760, 760, 2))  # 40 bytes went: less than the 100 that came
    assert storage.room(50, 5, urgent=False) is Room.WAIT, "there is more to be freed"


def test_acknowledgements_during_a_trim_in_vain_are_not_forgotten() -> None:
    storage = books(800, 800)
    assert storage.room(50, 5, urgent=False) is Room.WAIT
    storage.trim(10, 5, 0, 0)
    storage.trimmed(Kept(800, 800, 1))
    assert storage.room(50, 5, urgent=False) is Room.NO
    assert storage.room(50, 9, urgent=False) is Room.WAIT


def test_rows_grow_old_at_the_end_of_a_long_replay_window_and_not_before() -> None:
    storage = books(0, 0)
    seq = 10
    for hour in range(31 * 24):
        seq += 10
        trim = storage.trim(seq, seq, 0, hour * 3_600 * 10**9)
        if hour < 30 * 24 - 1:
            assert trim.aged_upto == 0
    assert 10 <= trim.aged_upto < 10 + 10 * 2 * 24
    assert len(storage._marks) <= AGE_MARKS_MAX
