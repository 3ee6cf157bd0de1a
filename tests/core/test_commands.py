"""Commands: judged, executed once whatever happens between, and answered."""

from collections.abc import Callable
from typing import Any

import pytest

from edge_agent.commands import ORDERS_MAX
from edge_agent.wire import payload as wire
from tests.core.orders import REPLAY, Rig
from tests.kit.line_bench import AGENT, TOPICS, Bench

Keep = Callable[[Bench], Bench]


# -- once --------------------------------------------------------------------------------------


def test_the_result_is_sent_when_it_is_on_the_disk_and_not_before(rig: Rig) -> None:
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2})
    rig.bench.turn()
    rig.bench.gate.shut = True
    rig.finish()
    assert rig.sent() == [1, 2]
    assert rig.sender.said == []
    rig.bench.gate.open()
    rig.finish()
    assert rig.sender.last["outcome"] == "done"
    assert rig.bench.store is not None
    assert rig.bench.store.executed("c-1") is not None


def test_a_repeated_id_gets_its_result_again_and_nothing_is_sent(rig: Rig, keep: Keep) -> None:
    order = {"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2}
    rig.order(order)
    rig.order(order)  # doubled by the broker, while the first is under way
    rig.finish()
    assert sorted(said["outcome"] for _, said in rig.sender.said) == ["done", "repeated"]
    rig.order(order)
    rig.finish()
    assert rig.sender.last["outcome"] == "repeated"
    assert rig.sender.last["replay"]["sent"] == 2
    assert rig.sent() == [1, 2]
    again = Rig(keep(rig.bench.again()))
    again.order(order)
    again.finish()
    assert again.sender.last["outcome"] == "repeated"
    assert again.sender.last["replay"]["sent"] == 2
    assert again.sent() == []
    again.order(order, command_id="c-2")
    again.finish()
    assert again.sent() == [1, 2]


def test_so_many_replays_wait_and_one_more_is_refused_and_may_come_again(rig: Rig) -> None:
    order = {"epoch": rig.bench.outbox.epoch, "first": 1, "last": 1}
    for number in range(ORDERS_MAX + 1):
        rig.order(order, command_id=f"c-{number}")
    refused = [said for _, said in rig.sender.said if said["outcome"] == "refused"]
    assert [said["reason"] for said in refused] == ["busy"]
    rig.finish()
    assert rig.sent() == [1] * ORDERS_MAX
    rig.order(order, command_id=f"c-{ORDERS_MAX}")
    rig.finish()
    assert rig.sender.last["outcome"] == "done"


# -- refused -----------------------------------------------------------------------------------


def expires(rig: Rig, in_s: int) -> str:
    return wire.rfc3339(rig.bench.clock.wall_ns() + in_s * 10**9).decode()


def test_a_retained_command_is_refused(rig: Rig) -> None:
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2}, retained=True)
    rig.finish()
    assert (rig.sender.last["outcome"], rig.sender.last["reason"]) == ("refused", "retained")
    assert rig.sent() == []


@pytest.mark.parametrize(
    ("in_s", "is_set", "outcome", "reason"),
    [
        (60, True, "done", None),
        (-1, True, "refused", "expired"),
        (0, True, "refused", "expired"),
        (60, False, "refused", "no_clock"),
    ],
)
def test_what_is_expired_is_refused_by_a_clock_that_is_set(
    rig: Rig, in_s: int, is_set: bool, outcome: str, reason: str | None
) -> None:
    rig.bench.synchrony.synced = is_set
    order = {"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2, "nonce": None}
    rig.order(order | {"expires": expires(rig, in_s)})
    rig.finish()
    assert rig.sender.last["outcome"] == outcome
    assert rig.sender.last.get("reason") == reason
    assert bool(rig.sent()) == (outcome == "done")


def test_what_expires_while_the_disk_stands_still_is_not_done(rig: Rig) -> None:
    rig.bench.turn()
    rig.bench.gate.shut = True
    topic = TOPICS.station_command("A2", "leader", "clear")
    data = {"nonce": None, "expires": expires(rig, 5)}
    rig.order(data, topic=topic, kind="cmd.clear")
    rig.bench.turn()
    rig.bench.clock.now_ns += 3600 * 10**9
    rig.bench.gate.open()
    rig.finish()
    assert rig.obeyed == []
    assert (rig.sender.last["outcome"], rig.sender.last["reason"]) == ("refused", "expired")
    rig.order(data | {"expires": expires(rig, 5)}, topic=topic, kind="cmd.clear")
    rig.finish()
    assert len(rig.obeyed) == 1, "it may be sent again, with the same id"


def test_a_replay_on_a_roles_topic_is_out_of_place_before_anything_else(rig: Rig) -> None:
    rig.bench.synchrony.synced = False
    data = {"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2, "nonce": None}
    topic = TOPICS.agent_command(AGENT, "leader", "replay")
    rig.order(data | {"expires": expires(rig, 60)}, topic=topic)
    rig.finish()
    assert (rig.sender.last["outcome"], rig.sender.last["reason"]) == ("refused", "out_of_place")
    assert rig.sent() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": {"nonce": "of another run"}}, "nonce"),
        ({"kind": "cmd.stop"}, "out_of_place"),
        ({"data": {"first": 9, "last": 2}}, "malformed"),
        ({"data": {"first": 0}}, "malformed"),
        (
            {"topic": TOPICS.agent_command(AGENT, "leader", "sing"), "kind": "cmd.sing"},
            "unknown",
        ),
        (
            {"topic": TOPICS.agent_command(AGENT, "leader", "mute"), "kind": "cmd.mute"},
            "out_of_place",
        ),
        (
            {"topic": TOPICS.station_command("A2", "leader", "mute"), "kind": "cmd.mute"},
            "illegal",
        ),
    ],
)
def test_what_is_no_command_of_ours_is_refused_with_its_reason(
    rig: Rig, change: dict[str, Any], reason: str
) -> None:
    data = {"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2} | change.pop("data", {})
    rig.order(data, **change)
    rig.finish()
    assert (rig.sender.last["outcome"], rig.sender.last["reason"]) == ("refused", reason)
    assert rig.sent() == []
    assert rig.commands.refused == 1


def test_the_line_does_what_it_is_asked_once_whatever_is_repeated(rig: Rig, keep: Keep) -> None:
    asked = {"topic": TOPICS.station_command("A2", "leader", "ack"), "kind": "cmd.ack"}
    rig.order({"call": "c-7"}, **asked)
    rig.order({"call": "c-7"}, **asked)
    rig.bench.gate.shut = True
    rig.finish()
    assert [said["outcome"] for _, said in rig.sender.said] == ["repeated"]
    rig.bench.gate.open()
    rig.finish()
    assert (rig.sender.last["outcome"], rig.sender.last["message"]) == ("done", "done")
    assert rig.sender.last["call"] == "c-7"
    ((order, _),) = rig.obeyed
    assert (order.station, order.role, order.actor, order.call) == ("A2", "leader", "me", "c-7")
    again = Rig(keep(rig.bench.again()))
    again.order({"call": "c-7"}, **asked)
    again.finish()
    assert again.sender.last["outcome"] == "repeated"
    assert (again.sender.last["message"], again.sender.last["call"]) == ("done", "c-7")
    assert again.obeyed == []


def test_what_the_line_refuses_may_be_asked_again(rig: Rig) -> None:
    asked = {"topic": TOPICS.station_command("A2", "leader", "mute"), "kind": "cmd.mute"}
    for _ in range(2):
        rig.order({}, **asked)
        rig.finish()
        assert (rig.sender.last["outcome"], rig.sender.last["reason"]) == ("refused", "illegal")
    assert len(rig.obeyed) == 2


def test_results_are_heard_as_well_and_are_no_commands(rig: Rig) -> None:
    rig.order({"first": 1, "last": 2}, topic=TOPICS.result(REPLAY), command_id="c-9")
    rig.commands.hear(TOPICS.result(REPLAY), b'{"id":"c-1","outcome":"done"}', False)
    rig.finish()
    assert rig.sender.said == []
    assert (rig.commands.heard, rig.commands.refused) == (0, 0)


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff", b"[" * 5000, b'{"id":1}'])
def test_noise_is_counted_and_answered_to_nobody(rig: Rig, payload: bytes) -> None:
    rig.commands.hear(REPLAY, payload, False)
    rig.finish()
    assert rig.sender.said == []
    assert (rig.commands.heard, rig.commands.refused) == (1, 1)
