"""Alarms and gaps that find no room: kept, in order, within limits, said when there is room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent import gaps as gaps_module
from edge_agent import outbox as outbox_module
from edge_agent import status, urgent
from edge_agent.ports import Condition, Lane
from edge_agent.records import NORMAL
from edge_agent.storage import Limits, Room
from tests.kit.line_bench import MB, Bench, Gun

Keep = Callable[[Bench], Bench]
SMALL = Limits(quota_bytes=3 * MB, reserve_bytes=1 * MB, replay_bytes=2 * MB, replay_ns=10**18)


def alarms(bench: Bench) -> list[tuple[str, str]]:
    return [
        (event["type"], event["data"].get("device", event["data"]["alarm"]))
        for event in bench.events()
        if event["type"].startswith("alarm.")
    ]


def gaps(bench: Bench) -> list[dict[str, Any]]:
    return [event["data"] for event in bench.events() if event["type"] == "outbox.gap"]


def balance(bench: Bench) -> dict[str, Any]:
    found = status.events(bench.outbox)
    parts = ("acknowledged", "waiting", "set_aside", "dropped")
    assert found["stored"] == sum(found[part] or 0 for part in parts), found
    return found


@pytest.fixture
def no_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the journal take nothing at all; the returned call gives the room back."""
    patched = monkeypatch.context()
    patch = patched.__enter__()
    patch.setattr(outbox_module, "PENDING_EVENTS_MAX", 0)
    patch.setattr(outbox_module, "PENDING_URGENT_EXTRA", 0)
    assert bench.outbox.room(Lane.URGENT, 100) is Room.WAIT

    def back() -> None:
        patched.__exit__(None, None, None)
        assert bench.outbox.room(Lane.URGENT, 100) is Room.YES

    return back


def trouble(bench: Bench, gun: Gun) -> None:
    gun.why, gun.remedy = "unplugged", "plug it in"
    bench.line.tell(gun, Condition.TROUBLE, "unplugged", "plug it in")


def well(bench: Bench, gun: Gun) -> None:
    bench.line.tell(gun, Condition.OK, "", "")


# -- as soon as there is room ------------------------------------------------------------------


def test_an_alarm_without_room_is_written_once_there_is_room_with_its_own_time(
    bench: Bench, no_room: Callable[[], None]
) -> None:
    began_ns = bench.clock.mono_ns()
    trouble(bench, bench.gun)
    bench.pass_s(30)
    well(bench, bench.gun)
    bench.pass_s(30)
    assert alarms(bench) == []
    assert bench.line.urgent.counters()["urgent_unwritten"] == 2
    no_room()
    bench.pass_s(urgent.RETRY_NS / 1e9)
    assert alarms(bench) == [("alarm.raised", "gun-1"), ("alarm.cleared", "gun-1")]
    raised, cleared = bench.events()[-2:]
    assert int(raised["monons"]) == began_ns
    assert int(cleared["monons"]) == began_ns + 30 * 10**9
    assert raised["time"] < cleared["time"] < cleared["recordedtime"]
    assert cleared["data"]["lasted_s"] == 30.0
    assert bench.line.urgent.counters()["urgent_unwritten"] == 0


def test_what_waits_is_not_overtaken(bench: Bench, no_room: Callable[[], None]) -> None:
    trouble(bench, bench.gun)
    no_room()
    well(bench, bench.gun)  # there is room for this one, and the first still waits
    bench.pass_s(urgent.RETRY_NS / 1e9)
    assert [kind for kind, _ in alarms(bench)] == ["alarm.raised", "alarm.cleared"]


def test_a_full_quota_holds_alarms_until_something_is_acknowledged(
    tmp_path: Path, keep: Keep
) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    while bench.outbox.room(Lane.URGENT, 2000) is Room.YES:
        bench.line.agent_event("clock.corrected", b'{"x":"%b"}' % (b"y" * 1500))
        bench.turn()
    trouble(bench, bench.gun)
    bench.pass_s(5)
    assert alarms(bench) == []
    bench.connect()
    bench.acknowledge_all()
    bench.pass_s(1)
    bench.pass_s(1)
    assert alarms(bench) == [("alarm.raised", "gun-1")]


# -- gaps --------------------------------------------------------------------------------------


def set_aside(bench: Bench, *numbers: int) -> None:
    for seq in numbers:
        bench.outbox.dispatch.set_aside(NORMAL, seq, "not_authorized")
    bench.turn()


def test_gaps_without_room_join_their_neighbours_and_are_said_with_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    for number in range(9):
        bench.scan(b"K-%d" % number)
    bench.turn()
    with monkeypatch.context() as patch:
        patch.setattr(outbox_module, "PENDING_EVENTS_MAX", 0)
        patch.setattr(outbox_module, "PENDING_URGENT_EXTRA", 0)
        set_aside(bench, 2, 3, 4, 8)
        assert gaps(bench) == []
    bench.pass_s(1)
    scans = "acme/plant1/assembly/line3/A2/scan"
    assert [(gap["first"], gap["last"], gap["streams"]) for gap in gaps(bench)] == [
        (2, 4, [{"topic": scans, "first": 1, "last": 3}]),
        (8, 8, [{"topic": scans, "first": 7, "last": 7}]),
    ]
    assert balance(bench)["set_aside"] == 4


def test_a_gap_without_room_outlives_a_cut(
    bench: Bench, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.connect()
    for number in range(5):
        bench.scan(b"K-%d" % number)
    bench.turn()
    with monkeypatch.context() as patch:
        patch.setattr(outbox_module, "PENDING_EVENTS_MAX", 0)
        patch.setattr(outbox_module, "PENDING_URGENT_EXTRA", 0)
        set_aside(bench, 2, 3)
    again = keep(bench.again())
    assert [(gap["first"], gap["last"], gap["reason"]) for gap in gaps(again)] == [
        (2, 3, "refused")
    ]
    once = keep(again.again())
    assert len(gaps(once)) == 1, "said again at every start"
    assert balance(once)["set_aside"] == 2


def test_so_many_gaps_wait_apart_and_the_nearest_become_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps_module, "UNSAID_MAX", 3)
    bench.connect()
    for number in range(30):
        bench.scan(b"K-%d" % number)
    bench.turn()
    with monkeypatch.context() as patch:
        patch.setattr(outbox_module, "PENDING_EVENTS_MAX", 0)
        patch.setattr(outbox_module, "PENDING_URGENT_EXTRA", 0)
        set_aside(bench, 2, 10, 12, 20, 29)
        assert bench.line.urgent.counters()["urgent_unwritten"] == 3
        assert bench.line.urgent.counters()["gaps_widened"] == 2
    bench.pass_s(1)
    told = [(gap["first"], gap["last"]) for gap in gaps(bench)]
    assert sorted(told) == [(2, 12), (20, 20), (29, 29)]


# -- limits ------------------------------------------------------------------------------------


def test_of_too_many_alarms_the_latest_of_each_stays(
    bench: Bench, no_room: Callable[[], None]
) -> None:
    other = Gun("gun-2", "A3")
    bench.line.add(other)
    trouble(bench, other)
    for _ in range(urgent.HELD_MAX // 2):
        trouble(bench, bench.gun)
        well(bench, bench.gun)
    counted = bench.line.urgent.counters()
    assert counted["urgent_unwritten"] == 2
    assert counted["urgent_thinned"] == urgent.HELD_MAX - 1
    assert counted["urgent_lost"] == 0
    no_room()
    bench.pass_s(1)
    assert alarms(bench) == [("alarm.raised", "gun-2"), ("alarm.cleared", "gun-1")]


def test_beyond_the_limit_the_oldest_goes_and_is_counted(
    bench: Bench, no_room: Callable[[], None]
) -> None:
    for number in range(urgent.HELD_MAX + 3):
        bench.line.agent_event("clock.corrected", b'{"n":%d}' % number)
    counted = bench.line.urgent.counters()
    assert (counted["urgent_unwritten"], counted["urgent_lost"]) == (urgent.HELD_MAX, 3)
    no_room()
    bench.pass_s(1)
    told = [event["data"]["n"] for event in bench.events() if event["type"] == "clock.corrected"]
    assert told == list(range(3, urgent.HELD_MAX + 3))
