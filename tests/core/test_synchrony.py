"""A clock that nobody has set: events say so, are put right once it is, and keep id and order."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge_agent.ports import Condition
from edge_agent.records import NORMAL, URGENT
from tests.kit.line_bench import Bench, WallClock

Keep = Callable[[Bench], Bench]
WRONG_BY_NS = 40 * 365 * 86_400 * 10**9


@pytest.fixture
def unset(tmp_path_factory: pytest.TempPathFactory, keep: Keep) -> Bench:
    clock = WallClock()
    clock.is_set = False
    clock.wall_lead_ns -= WRONG_BY_NS
    return keep(Bench(tmp_path_factory.mktemp("unset") / "data", clock))


def set_the_clock(bench: Bench) -> None:
    bench.clock.is_set = True
    bench.clock.wall_lead_ns += WRONG_BY_NS
    bench.pass_s(1.1)


def handed(bench: Bench, lane: int = NORMAL) -> list[dict[str, Any]]:
    return [json.loads(entry.payload) for entry in bench.carrier.handed[lane]]


def corrections(bench: Bench) -> list[dict[str, Any]]:
    return [e["data"] for e in bench.events() if e["type"] == "clock.corrected"]


def scan(bench: Bench, text: bytes) -> None:
    assert bench.scan(text)
    bench.turn()


def test_a_clock_that_is_set_is_said_so(bench: Bench) -> None:
    scan(bench, b"K-1")
    assert {event["clock"] for event in bench.events()} == {"synced"}
    assert bench.synchrony.condition is Condition.OK
    bench.pass_s(100)
    assert corrections(bench) == []


def test_what_waits_is_put_right_before_it_goes_out_and_keeps_its_id(unset: Bench) -> None:
    scan(unset, b"K-1")
    scan(unset, b"K-2")
    assert unset.synchrony.condition is Condition.TROUBLE
    stored = unset.events()
    assert {event["clock"] for event in stored} == {"unsynced"}
    captured_ns = unset.clock.mono_ns()
    set_the_clock(unset)
    assert unset.carrier.reread_count == 1, "what the uplink holds already must be read again"
    unset.connect()
    sent = handed(unset)
    assert [event["clock"] for event in sent] == ["corrected"] * 2
    assert [event["id"] for event in sent] == [event["id"] for event in stored[1:3]]
    assert [event["data"]["text"] for event in sent] == ["K-1", "K-2"]
    assert sent[0]["time"][:4] == "2023", sent[0]["time"]
    assert sent[0]["monons"] == str(captured_ns)
    assert unset.events()[:3] == stored, "a stored row never changes"


def test_clock_corrected_has_the_range_and_the_offset(unset: Bench) -> None:
    scan(unset, b"K-1")
    scan(unset, b"K-2")
    set_the_clock(unset)
    (told,) = corrections(unset)
    assert (told["epoch"], told["boot"]) == (unset.outbox.epoch, unset.clock.boot)
    assert (told["first"], told["last"]) == (1, 3)
    assert told["offset_s"] == unset.clock.wall_lead_ns / 1e9
    scan(unset, b"K-3")
    assert unset.events()[-1]["clock"] == "synced"
    unset.pass_s(100)
    assert len(corrections(unset)) == 1


def test_events_that_are_being_written_when_it_is_set_go_out_put_right(unset: Bench) -> None:
    unset.connect()
    unset.carrier.handed[NORMAL].clear()
    unset.gate.shut = True
    scan(unset, b"runs")
    unset.scan(b"waits")
    set_the_clock(unset)
    unset.gate.open()
    unset.turn()
    assert [(e["data"]["text"], e["clock"]) for e in handed(unset)] == [
        ("runs", "corrected"),
        ("waits", "corrected"),
    ]


def test_a_restart_in_the_same_boot_puts_right_what_the_run_before_could_not(
    unset: Bench, keep: Keep
) -> None:
    scan(unset, b"K-1")
    again = unset.again()
    again.clock.is_set = True
    again.clock.wall_lead_ns += WRONG_BY_NS
    keep(again)
    (told,) = corrections(again)
    assert (told["first"], told["last"]) == (1, 2)
    again.connect()
    assert [(e["data"]["text"], e["clock"]) for e in handed(again)] == [("K-1", "corrected")]
    assert [e["clock"] for e in handed(again, URGENT)][:2] == ["corrected", "synced"]
    last = keep(again.again())
    assert len(corrections(last)) == 1, "told once"


def test_two_runs_without_a_clock_are_corrected_together(unset: Bench, keep: Keep) -> None:
    scan(unset, b"K-1")
    again = keep(unset.again())
    scan(again, b"K-2")
    set_the_clock(again)
    (told,) = corrections(again)
    assert (told["first"], told["last"]) == (1, 4)
    again.connect()
    assert [(e["data"]["text"], e["clock"]) for e in handed(again)] == [
        ("K-1", "corrected"),
        ("K-2", "corrected"),
    ]


def test_another_boot_cannot_put_right_what_it_did_not_see(unset: Bench, keep: Keep) -> None:
    scan(unset, b"K-1")
    again = keep(unset.again(boot="feedbeef"))
    scan(again, b"K-2")
    set_the_clock(again)
    (told,) = corrections(again)
    assert (told["boot"], told["first"], told["last"]) == ("feedbeef", 3, 4)
    again.connect()
    assert [(e["data"]["text"], e["clock"]) for e in handed(again)] == [
        ("K-1", "unsynced"),
        ("K-2", "corrected"),
    ]


def test_a_known_boot_is_put_right_in_a_later_boot(unset: Bench, keep: Keep) -> None:
    scan(unset, b"K-1")
    set_the_clock(unset)
    again = keep(unset.again(boot="feedbeef"))
    again.connect()
    assert [(e["data"]["text"], e["clock"]) for e in handed(again)] == [("K-1", "corrected")]


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_step_of_the_wall_clock_changes_no_order_and_no_duration(
    bench: Bench, step_s: int
) -> None:
    bench.gun.why = bench.gun.remedy = "x"
    bench.connect()
    bench.carrier.handed[NORMAL].clear()
    bench.line.tell(bench.gun, Condition.TROUBLE, "x", "x")
    for number in range(10):
        scan(bench, b"K-%d" % number)
        bench.pass_s(1)
        if number == 4:
            bench.clock.wall_lead_ns += step_s * 10**9
    bench.line.tell(bench.gun, Condition.OK, "", "")
    bench.turn()
    assert bench.synchrony.steps == 1
    sent = handed(bench)
    assert [event["data"]["text"] for event in sent] == [f"K-{n}" for n in range(10)]
    monotonic = [int(event["monons"]) for event in bench.events()]
    assert monotonic == sorted(monotonic)
    cleared = next(e for e in bench.events() if e["type"] == "alarm.cleared")
    assert cleared["data"]["lasted_s"] == 10.0
    assert bench.outbox.dispatch.oldest_waiting_ns(bench.clock.mono_ns()) == 10 * 10**9
    assert corrections(bench) == [], "a clock that was set before says nothing wrong"


def test_a_kernel_that_does_not_say_is_taken_for_unset(
    bench: Bench, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_clock: WallClock) -> bool:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(WallClock, "synced", refused)
    again = keep(bench.again())
    scan(again, b"K-1")
    again.pass_s(5)
    assert again.events()[-1]["clock"] == "unsynced"
    assert not again.synchrony.synced
