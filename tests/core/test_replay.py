"""What is sent again on request: all of it, once the broker has it, with what is missing told."""

import json
from collections.abc import Callable

import pytest

from edge_agent.commands import MISSING_MAX
from edge_agent.journal import pages
from edge_agent.ports import Flaw
from edge_agent.records import PAGE_ROWS
from edge_agent.wire import payload as wire
from tests.core.orders import REPLAY, SCANS, Rig
from tests.kit.journals import spoilt
from tests.kit.line_bench import TOPICS, Bench, Gun

Keep = Callable[[Bench], Bench]


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
    assert missing(rig) == [(1, 3, "unknown")]


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


def missing(rig: Rig) -> list[tuple[int, int, str]]:
    return [tuple(gone.values()) for gone in rig.sender.last["replay"]["missing"]]


def test_an_epoch_that_nobody_knows_is_unknown_and_not_expired(rig: Rig) -> None:
    rig.order({"epoch": "0123456789ab", "first": 1, "last": 3})
    rig.finish()
    assert missing(rig) == [(1, 3, "unknown")]


def test_rows_that_are_lost_are_damaged_and_not_expired(rig: Rig, keep: Keep) -> None:
    into = rig.bench.data_dir
    rig.bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (5, 6, 9)", "DELETE FROM event WHERE seq < 3")
    again = Rig(keep(Bench(into, rig.bench.clock)))
    again.order({"epoch": again.bench.outbox.epoch, "first": 1, "last": 10})
    again.finish()
    assert missing(again) == [(1, 2, "expired"), (5, 6, "damaged"), (9, 9, "damaged")]
    again.order({"epoch": again.bench.outbox.epoch, "first": 5, "last": 5}, command_id="c-2")
    again.finish()
    assert missing(again) == [(5, 5, "damaged")], "also when only it is asked for"


def test_a_lost_row_stays_damaged_when_all_around_it_has_expired(rig: Rig, keep: Keep) -> None:
    into = rig.bench.data_dir
    rig.bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (5, 6)")
    found = keep(Bench(into, rig.bench.clock))
    found.close()
    spoilt(into, "DELETE FROM event WHERE seq < 9")
    again = Rig(keep(Bench(into, rig.bench.clock)))
    again.order({"epoch": again.bench.outbox.epoch, "first": 1, "last": 9})
    again.finish()
    assert missing(again) == [(1, 4, "expired"), (5, 6, "damaged"), (7, 8, "expired")]


def test_rows_of_a_topic_that_are_lost_are_damaged_where_that_is_known(
    rig: Rig, keep: Keep
) -> None:
    into = rig.bench.data_dir
    rig.bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (5, 6)")
    again = Rig(keep(Bench(into, rig.bench.clock)))
    again.order({"topic": SCANS, "first": 4, "last": 5})  # agent.started is number 1
    again.finish()
    assert missing(again) == [(4, 5, "damaged")], "nothing was ever trimmed"
    again.bench.close()
    spoilt(into, "DELETE FROM event WHERE seq < 3")
    last = Rig(keep(Bench(into, rig.bench.clock)))
    last.order({"topic": SCANS, "first": 1, "last": 6}, command_id="c-2")
    last.finish()
    assert missing(last) == [(1, 1, "expired"), (4, 5, "damaged")]


def test_of_a_journal_that_was_set_apart_it_is_known_what_was_lost(rig: Rig, keep: Keep) -> None:
    epoch, into = rig.bench.outbox.epoch, rig.bench.data_dir
    high = rig.bench.outbox.committed_upto
    rig.bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (4, 5)")
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, rig.bench.clock))
    assert found.store is not None
    found.store.sql.execute("DELETE FROM salvaged WHERE seq = 2")  # as a trim would
    again = Rig(found)
    again.order({"epoch": epoch, "first": 1, "last": high + 2})
    again.finish()
    assert missing(again) == [
        (2, 2, "expired"),
        (4, 5, "damaged"),
        (high + 1, high + 2, "unknown"),
    ]
    again.order({"epoch": epoch, "topic": SCANS, "first": 1, "last": 1}, command_id="c-2")
    again.finish()
    assert missing(again) == [(1, 1, "expired")]


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


def test_a_replay_is_done_when_the_broker_has_taken_all_of_it_and_not_before(rig: Rig) -> None:
    rig.order({"epoch": rig.bench.outbox.epoch, "first": 3, "last": 6})
    rig.bench.turn()
    rig.commands.more()
    rig.bench.turn()
    assert rig.sent() == [3, 4, 5, 6]
    for seq in (4, 3, 6, 4, 99):
        rig.commands.settled(seq, "")
    rig.bench.turn()
    assert rig.sender.said == [], "one of them has not been acknowledged"
    assert rig.commands.replayed == 3
    rig.commands.settled(5, "")
    rig.bench.turn()
    assert (rig.sender.last["outcome"], rig.sender.last["replay"]["sent"]) == ("done", 4)


def test_a_replay_that_a_cut_ended_is_not_done_and_may_be_asked_for_again(
    rig: Rig, keep: Keep
) -> None:
    order = {"epoch": rig.bench.outbox.epoch, "first": 3, "last": 6}
    rig.order(order)
    rig.bench.turn()
    rig.commands.settled(3, "")
    again = Rig(keep(rig.bench.again()))
    again.order(order)
    again.finish()
    assert again.sent() == [3, 4, 5, 6]
    assert again.sender.last["outcome"] == "done"


def test_what_the_broker_refuses_of_a_replay_is_told_as_missing(rig: Rig) -> None:
    rig.order({"topic": SCANS, "first": 9, "last": 12})
    rig.bench.turn()
    first, second, *_ = rig.sender.waiting
    rig.commands.settled(second, "packet_too_large")
    rig.commands.settled(first, "not_authorized")
    rig.sender.waiting = rig.sender.waiting[2:]
    rig.finish()
    said = rig.sender.last["replay"]
    assert said["sent"] == 2
    assert [tuple(gone.values()) for gone in said["missing"]] == [
        (9, 9, "refused"),
        (10, 10, "too_large"),
    ]


def test_so_many_stretches_are_told_and_those_beyond_are_summed_up(rig: Rig) -> None:
    for number in range(2 * MISSING_MAX):
        rig.bench.scan(b"L-%d" % number)
    rig.bench.turn()
    rig.order({"topic": SCANS, "first": 1, "last": 2 * MISSING_MAX})
    rig.bench.turn()
    rig.acknowledge("not_authorized")
    rig.finish()
    said = rig.sender.last["replay"]
    assert said["sent"] == 0
    assert len(said["missing"]) == MISSING_MAX
    assert said["missing"][-1]["last"] == 2 * MISSING_MAX


def test_a_commit_waits_for_one_step_of_a_replay_by_topic_at_the_most(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many events the last few are of the topic; a scan comes while they are looked for."""
    monkeypatch.setattr(pages, "STEP_ROWS", 10)
    other = Gun("gun-2", "A9")
    rig.bench.line.add(other)
    for number in range(300):
        rig.bench.scan(b"L-%d" % number)
    rig.bench.scan(b"rare", gun=other)
    rig.bench.turn()
    done: list[str] = []
    gate, ask, commit = rig.bench.gate, rig.bench.gate.ask, rig.bench.gate.commit
    monkeypatch.setattr(gate, "ask", lambda job, reply: (done.append("ask"), ask(job, reply)))
    monkeypatch.setattr(gate, "commit", lambda batch: (done.append("commit"), commit(batch)))
    rig.order({"topic": TOPICS.scan("A9"), "first": 1, "last": 1})
    rig.bench.turn(6)
    asked = len(done)
    rig.bench.scan(b"comes meanwhile")
    rig.bench.turn()
    rig.finish()
    assert done[asked : asked + 3].count("commit") == 1, "it waited for more than a step"
    assert done.count("ask") > 300 // 10
    assert rig.sender.last["replay"]["sent"] == 1


def test_refused_reads_are_replayed_like_others(rig: Rig) -> None:
    rig.bench.scan(b"", Flaw.EMPTY)
    rig.bench.turn()
    high = rig.bench.outbox.committed_upto
    rig.order({"epoch": rig.bench.outbox.epoch, "first": high, "last": high})
    rig.finish()
    assert rig.sent() == [high]
