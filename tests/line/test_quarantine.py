"""A journal that was set apart is told on the bus: once, and by an alarm that ends."""

from collections.abc import Callable
from typing import Any

import pytest

from edge_agent.records import SALVAGED
from edge_agent.wire import models
from tests.kit.line_bench import AGENT, LIMITS, TOPICS, Bench

Keep = Callable[[Bench], Bench]


def broken(bench: Bench, number: int = 1) -> Bench:
    """End a run and have its folder set apart, as a start does with what is not sound."""
    again = bench.again()
    (again.data_dir / "journal").rename(again.data_dir / f"corrupt-{number}")
    return again


def told(bench: Bench) -> list[dict[str, Any]]:
    wanted = ("journal.quarantined", "alarm.raised", "alarm.cleared")
    return [event for event in bench.events() if event["type"] in wanted]


def kinds(bench: Bench) -> list[str]:
    return [event["type"] for event in told(bench)]


@pytest.fixture
def five(bench: Bench) -> Bench:
    """Give a journal with agent.started and four scans."""
    for number in range(4):
        assert bench.scan(b"K-%d" % number)
    bench.turn()
    return bench


def test_it_is_told_what_was_set_apart_what_came_out_and_what_did_not(
    five: Bench, keep: Keep
) -> None:
    found = keep(broken(five))
    said, raised = told(found)
    assert said["type"] == "journal.quarantined"
    assert said["lane"] == "urgent"
    assert said["source"] == TOPICS.source_of_agent(AGENT)
    models.JournalQuarantined.model_validate(said)
    data = said["data"]
    assert (data["folder"], data["epoch"]) == ("corrupt-1", five.outbox.epoch)
    assert (data["rows"], data["waiting"], data["last"], data["lost"]) == (5, 5, 5, 0)
    models.AlarmRaised.model_validate(raised)
    assert raised["data"]["kind"] == "storage"
    assert raised["data"]["alarm"] == "quarantine:corrupt-1"
    for word in ("corrupt-1", five.outbox.epoch, "5 events", "number 5"):
        assert word in raised["data"]["message"]


def test_the_highest_number_is_also_that_of_what_is_lost(five: Bench, keep: Keep) -> None:
    again = five.again()
    keep(again)
    again.store.sql.execute("DELETE FROM event WHERE seq IN (2, 3)")  # type: ignore[union-attr]
    found = keep(broken(again))
    data = told(found)[0]["data"]
    assert (data["rows"], data["last"], data["lost"]) == (4, 6, 2)
    assert "2 are lost" in told(found)[1]["data"]["message"]


def test_it_is_told_once(five: Bench, keep: Keep) -> None:
    found = keep(broken(five))
    for _ in range(3):
        found = keep(found.again())
        assert kinds(found) == ["journal.quarantined", "alarm.raised"], "told again"


def test_the_alarm_ends_when_the_broker_has_what_was_salvaged(five: Bench, keep: Keep) -> None:
    found = keep(broken(five))
    found.pass_s(30)
    assert kinds(found) == ["journal.quarantined", "alarm.raised"]
    found.connect()
    assert len(found.carrier.handed[SALVAGED]) == 5
    found.acknowledge_all()
    found.pass_s(2)
    cleared = told(found)[-1]
    models.AlarmCleared.model_validate(cleared)
    assert cleared["data"]["alarm"] == "quarantine:corrupt-1"
    assert cleared["data"]["lasted_s"] == 32.0
    found = keep(found.again())
    found.pass_s(30)
    assert kinds(found) == ["journal.quarantined", "alarm.raised", "alarm.cleared"]


def test_a_later_run_ends_the_alarm_of_an_earlier_one(five: Bench, keep: Keep) -> None:
    found = keep(keep(broken(five)).again())
    found.connect()
    found.acknowledge_all()
    found.pass_s(2)
    assert kinds(found)[-1] == "alarm.cleared"
    assert "lasted_s" not in told(found)[-1]["data"], "nobody knows: another run saw it begin"


def test_a_cut_before_it_is_on_the_disk_has_the_next_start_tell_it(five: Bench, keep: Keep) -> None:
    cut = broken(five)
    cut.gate.shut = True
    keep(cut)
    assert kinds(keep(cut.again())) == ["journal.quarantined", "alarm.raised"]


def test_what_finds_no_room_is_not_taken_for_told(five: Bench, keep: Keep) -> None:
    full = broken(five)
    full.outbox.storage.limits = LIMITS._replace(quota_bytes=1, reserve_bytes=1)
    keep(full)
    full.pass_s(5)
    assert told(full) == []
    assert kinds(keep(full.again())) == ["journal.quarantined", "alarm.raised"]


def test_a_file_that_nobody_can_read_has_no_epoch_and_no_number(bench: Bench, keep: Keep) -> None:
    into = bench.again().data_dir
    file = into / "journal" / "events.db"
    file.write_bytes(b"not a database" * 1000)
    for other in file.parent.iterdir():
        if other != file:
            other.unlink()
    found = keep(Bench(into, bench.clock))
    said, raised, cleared = told(found)
    models.JournalQuarantined.model_validate(said)
    assert (said["data"]["rows"], "epoch" in said["data"]) == (0, False)
    assert said["data"]["why"] in raised["data"]["message"]
    assert cleared["type"] == "alarm.cleared", "there is nothing that waits"


def test_the_run_before_has_ended_in_a_journal_that_was_set_apart(five: Bench, keep: Keep) -> None:
    found = keep(keep(broken(five)).again())
    ends = [e["data"]["previous_end"] for e in found.events() if e["type"] == "agent.started"]
    assert ends == ["quarantined", "cut"]
