"""Commands: judged, executed once whatever happens between, and answered with what is missing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge_agent.commands import ORDERS_MAX, Commands
from edge_agent.ports import Flaw
from edge_agent.records import PAGE_ROWS, Entry
from edge_agent.wire import payload as wire
from tests.kit.journals import spoilt
from tests.kit.line_bench import AGENT, TOPICS, Bench

Keep = Callable[[Bench], Bench]
NONCE = "abc123"
REPLAY = TOPICS.replay(AGENT)
SCANS = TOPICS.scan("A2")


class Sender:
    """The uplink's side: what is said, what is sent again; it takes a page at a time."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.replayed: list[Entry] = []
        self.pages: list[int] = []

    def send(self, topic: str | bytes, payload: bytes) -> bool:
        self.said.append((str(topic), json.loads(payload)))
        return True

    def replay(self, entries: list[Entry], *, more: bool = False) -> None:
        del more
        self.replayed += entries
        self.pages.append(len(entries))

    @property
    def last(self) -> dict[str, Any]:
        return self.said[-1][1]


class Rig:
    """A bench with commands."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sender = Sender()
        self.commands = Commands(
            topics=TOPICS,
            agent=AGENT,
            outbox=bench.outbox,
            sender=self.sender,
            nonce=NONCE,
            synced=lambda: bench.synchrony.synced,
        )

    def order(
        self,
        data: dict[str, Any],
        *,
        command_id: str = "c-1",
        retained: bool = False,
        topic: str = REPLAY,
        kind: str = "cmd.replay",
    ) -> None:
        data = {"actor": "me", "nonce": NONCE} | data
        message = {
            "specversion": "1.0",
            "id": command_id,
            "type": kind,
            "source": "/desk",
            "data": {name: what for name, what in data.items() if what is not None},
        }
        self.commands.hear(topic, json.dumps(message).encode(), retained)

    def finish(self) -> None:
        for _ in range(30):
            self.bench.turn()
            self.commands.more()

    def sent(self) -> list[int]:
        return [int(json.loads(entry.payload)["sequence"]) for entry in self.sender.replayed]


@pytest.fixture
def rig(bench: Bench) -> Iterator[Rig]:
    for number in range(20):
        bench.scan(b"K-%d" % number)
        if number == 9:
            bench.line.agent_event("alarm.raised", b"{}")
    bench.turn()
    return Rig(bench)


# -- replay ------------------------------------------------------------------------------------


def test_a_range_of_an_epoch_is_sent_again_with_the_same_ids(rig: Rig) -> None:
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 3, "last": 6})
    rig.finish()
    assert rig.sent() == [3, 4, 5, 6]
    stored = [event["id"] for event in rig.bench.events()]
    assert [wire.event_id(entry.payload) for entry in rig.sender.replayed] == stored[2:6]
    ((topic, said),) = rig.sender.said
    assert topic == REPLAY + "/result"
    assert (said["id"], said["outcome"]) == ("c-1", "done")
    assert said["replay"]["sent"] == 4
    assert said["replay"]["missing"] == []


def test_a_range_of_a_topic_is_sent_again(rig: Rig) -> None:
    rig.order({"topic": SCANS, "first": 9, "last": 12})
    rig.finish()
    numbers = [int(json.loads(entry.payload)["streamseq"]) for entry in rig.sender.replayed]
    assert numbers == [9, 10, 11, 12]
    assert {entry.topic.decode() for entry in rig.sender.replayed} == {SCANS}


def test_a_topic_of_another_epoch_is_not_answered_with_events_of_this_one(rig: Rig) -> None:
    rig.order({"epoch": "0123456789ab", "topic": SCANS, "first": 1, "last": 3})
    rig.finish()
    assert rig.sent() == []
    (missing,) = rig.sender.last["replay"]["missing"]
    assert (missing["first"], missing["last"]) == (1, 3)


def test_a_long_replay_comes_in_pages_as_they_are_asked_for(rig: Rig) -> None:
    for number in range(3 * PAGE_ROWS):
        rig.bench.scan(b"L-%d" % number)
    rig.bench.turn()
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2 * PAGE_ROWS + 10})
    rig.bench.turn()
    assert rig.sender.pages == [PAGE_ROWS], "only as fast as they are taken"
    rig.finish()
    assert rig.sender.pages == [PAGE_ROWS, PAGE_ROWS, 10]
    assert rig.sent() == list(range(1, 2 * PAGE_ROWS + 11))


def test_a_replay_of_exactly_one_page_ends(rig: Rig) -> None:
    for number in range(PAGE_ROWS):
        rig.bench.scan(b"L-%d" % number)
    rig.bench.turn()
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 1, "last": PAGE_ROWS})
    rig.finish()
    assert rig.sender.last["outcome"] == "done"
    assert rig.sent() == list(range(1, PAGE_ROWS + 1))


def test_what_a_replay_cannot_send_is_told_and_why(rig: Rig, keep: Keep) -> None:
    into = rig.bench.data_dir
    rig.bench.close()
    spoilt(
        into,
        "DELETE FROM event WHERE seq < 4",
        "UPDATE event SET payload = X'00' WHERE seq = 7",
    )
    again = Rig(keep(Bench(into, rig.bench.clock)))
    high = again.bench.outbox.committed_upto
    again.order({"epoch": again.bench.outbox.epoch, "first": 1, "last": high + 5})
    again.finish()
    said = [tuple(gone.values()) for gone in again.sender.last["replay"]["missing"]]
    assert said == [(1, 3, "expired"), (7, 7, "damaged"), (high + 1, high + 5, "unknown")]
    assert again.sender.last["replay"]["sent"] == high - 4


def test_numbers_that_are_not_written_yet_are_not_told_as_gone(rig: Rig) -> None:
    rig.order({"topic": SCANS, "first": 20, "last": 21})
    rig.bench.turn(1)  # its rows are read now, and the answer is in the inbox
    rig.bench.scan(b"comes meanwhile")
    rig.finish()
    missing = [tuple(gone.values()) for gone in rig.sender.last["replay"]["missing"]]
    assert missing == [(21, 21, "unknown")]


def test_only_where_numbers_are_missing_the_last_ones_are_looked_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[dict[str, int]] = []
    last_numbers = rig.bench.outbox.last_numbers

    def counted() -> dict[str, int]:
        looked.append(last_numbers())
        return looked[-1]

    monkeypatch.setattr(rig.bench.outbox, "last_numbers", counted)
    rig.order({"topic": SCANS, "first": 1, "last": 20})
    rig.finish()
    assert (rig.sender.last["replay"]["sent"], len(looked)) == (20, 0)
    rig.order({"topic": SCANS, "first": 20, "last": 21}, command_id="c-2")
    rig.finish()
    assert (rig.sender.last["replay"]["sent"], len(looked)) == (1, 1)


def test_refused_reads_are_replayed_like_others(rig: Rig) -> None:
    rig.bench.scan(b"", Flaw.EMPTY)
    rig.bench.turn()
    high = rig.bench.outbox.committed_upto
    rig.order({"epoch": rig.bench.outbox.epoch, "first": high, "last": high})
    rig.finish()
    assert rig.sent() == [high]


# -- once --------------------------------------------------------------------------------------


def test_the_result_is_sent_when_it_is_on_the_disk_and_not_before(rig: Rig) -> None:
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 1, "last": 2})
    rig.bench.turn(1)
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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": {"nonce": "of another run"}}, "nonce"),
        ({"kind": "cmd.stop"}, "out_of_place"),
        ({"data": {"first": 9, "last": 2}}, "malformed"),
        ({"data": {"first": 0}}, "malformed"),
        (
            {"topic": TOPICS.agent_command(AGENT, "leader", "mute"), "kind": "cmd.mute"},
            "unknown",
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
