"""Reads in, answers and events out: repeats, refusals, held devices, alarms, balanced books."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent import outbox as outbox_module
from edge_agent.journal import store as store_module
from edge_agent.line import ANSWERS_MAX
from edge_agent.ports import Condition, Flaw, Outcome
from edge_agent.records import DiskTrouble
from tests.kit.journals import quick_folder
from tests.kit.line_bench import Bench, Gun

Keep = Callable[[Bench], Bench]


def read_now(bench: Bench, text: bytes, flaw: Flaw = Flaw.NONE) -> tuple[str, str | None]:
    """Scan, and give outcome and reason once they are told."""
    before = len(bench.gun.answers)
    assert bench.scan(text, flaw)
    bench.turn()
    assert len(bench.gun.answers) == before + 1
    _, outcome, _, reason = bench.gun.answers[-1]
    return outcome.value, reason


def scan_events(bench: Bench) -> list[tuple[str, str]]:
    return [
        (event["type"], event["data"]["text"])
        for event in bench.events()
        if event["type"].startswith("scan.")
    ]


# -- answers -----------------------------------------------------------------------------------


def test_a_scan_is_answered_with_the_id_of_its_event(bench: Bench) -> None:
    assert read_now(bench, b"]d2K-0417") == ("accepted", None)
    event = bench.events()[-1]
    assert bench.gun.answers == [(b"]d2K-0417", Outcome.ACCEPTED, event["id"], None)]
    assert (event["type"], event["data"]["text"], event["data"]["symbology"]) == (
        "scan.read",
        "K-0417",
        "]d2",
    )


@pytest.mark.parametrize("flaw", [Flaw.EMPTY, Flaw.TOO_LONG])
def test_a_flawed_read_is_refused_with_its_reason_and_makes_an_event(
    bench: Bench, flaw: Flaw
) -> None:
    assert read_now(bench, b"xx", flaw) == ("rejected", flaw.value)
    assert read_now(bench, b"xx", flaw) == ("rejected", flaw.value), "no repeat of a refusal"
    event = bench.events()[-1]
    assert (event["type"], event["data"]["reason"]) == ("scan.rejected", flaw.value)
    assert event["data"]["message"]
    assert bench.gun.answers[-1][2] == event["id"]
    assert bench.line.reads()["rejected"] == 2


def test_a_read_refused_for_want_of_storage_is_answered_counted_and_makes_no_event(
    bench: Bench,
) -> None:
    bench.outbox.troubled(DiskTrouble("full", "no space", "free some"))
    bench.turn()
    high = bench.outbox.high
    assert bench.scan(b"K-1")
    assert bench.gun.answers == [(b"K-1", Outcome.REJECTED, None, "storage")]
    assert bench.outbox.high == high
    reads = bench.line.reads()
    assert (reads["rejected"], reads["refused_storage"], reads["pending"]) == (1, 1, 0)
    bench.outbox.troubled(None)
    bench.turn()
    assert read_now(bench, b"K-1") == ("accepted", None), "a refusal is forgotten at once"


def test_before_the_journal_is_open_nothing_is_accepted(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    assert bench.scan(b"K-1")
    assert bench.gun.answers == [(b"K-1", Outcome.REJECTED, None, "storage")]
    bench.gun.why, bench.gun.remedy = "no such port", "plug it in"
    bench.line.tell(bench.gun, Condition.TROUBLE, "no such port", "plug it in")
    bench.start()
    assert bench.kinds() == ["agent.started", "alarm.raised"]
    bench.line.tell(bench.gun, Condition.OK, "", "")
    bench.turn()
    assert bench.kinds() == ["agent.started", "alarm.raised", "alarm.cleared"]
    bench.close()


def test_a_held_device_keeps_its_read_and_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "PENDING_EVENTS_MAX", 5)
    bench.gate.shut = True
    texts = [b"K-%d" % number for number in range(12)]
    offered = list(texts)

    def offer() -> None:
        while offered and bench.scan(offered[0]):
            offered.pop(0)

    bench.gun.on_resume = offer
    offer()
    assert len(offered) == 7
    assert bench.line.reads()["received"] == 5, "a read that is held is not received yet"
    bench.gate.open()
    bench.turn(30)
    assert offered == []
    assert [raw for raw, *_ in bench.gun.answers] == texts
    assert bench.line.reads()["accepted"] == 12


# -- repeats -----------------------------------------------------------------------------------


def test_a_repeat_within_the_window_shares_the_answer_and_makes_no_event(bench: Bench) -> None:
    assert read_now(bench, b"K-1") == ("accepted", None)
    first_id = bench.gun.answers[-1][2]
    bench.pass_s(1.9)
    assert read_now(bench, b"K-1") == ("suppressed", None)
    assert bench.gun.answers[-1][2] == first_id
    assert scan_events(bench) == [("scan.read", "K-1")]


def test_the_window_does_not_slide(bench: Bench) -> None:
    read_now(bench, b"K-1")
    outcomes = []
    for _ in range(4):
        bench.pass_s(0.9)
        outcomes.append(read_now(bench, b"K-1")[0])
    assert outcomes == ["suppressed", "suppressed", "accepted", "suppressed"]


def test_the_window_counts_from_the_answer_when_that_is_later(bench: Bench) -> None:
    bench.gate.shut = True
    bench.scan(b"K-1")
    bench.turn()
    bench.pass_s(5)
    bench.gate.open()
    bench.turn()
    bench.pass_s(1.9)
    assert read_now(bench, b"K-1")[0] == "suppressed"
    bench.pass_s(0.2)
    assert read_now(bench, b"K-1")[0] == "accepted"


def test_repeats_of_a_pending_scan_wait_for_its_answer_and_share_it(bench: Bench) -> None:
    bench.gate.shut = True
    for _ in range(3):
        bench.scan(b"K-1")
    bench.turn()
    assert bench.gun.answers == []
    assert bench.line.reads()["pending"] == 3
    bench.gate.open()
    bench.turn()
    assert bench.gun.outcomes == ["accepted", "suppressed", "suppressed"]
    assert len({answer[2] for answer in bench.gun.answers}) == 1
    assert bench.line.reads()["pending"] == 0


@pytest.mark.parametrize(
    "text", [b"]E05412345000013", b"]C10105412345000013", b"]C110ABC123", b"]A0Q20", b"]A0PP1"]
)
def test_what_stands_on_many_containers_is_never_a_repeat(bench: Bench, text: bytes) -> None:
    assert [read_now(bench, text)[0] for _ in range(3)] == ["accepted"] * 3


def test_each_device_has_a_window_of_its_own_and_none_when_it_is_off(bench: Bench) -> None:
    off, long = Gun("gun-2", "A2", window_s=0), Gun("gun-3", "A2", window_s=10)
    bench.line.add(off)
    bench.line.add(long)
    for gun in (bench.gun, off, long):
        bench.scan(b"K-1", gun=gun)
        bench.turn()
    for gun in (bench.gun, off, long):
        assert gun.outcomes == ["accepted"]
        bench.scan(b"K-1", gun=gun)
    bench.turn()
    bench.pass_s(5)
    for gun in (bench.gun, off, long):
        bench.scan(b"K-1", gun=gun)
    bench.turn()
    assert bench.gun.outcomes == ["accepted", "suppressed", "accepted"]
    assert off.outcomes == ["accepted"] * 3
    assert long.outcomes == ["accepted", "suppressed", "suppressed"]


def test_so_many_answers_are_remembered_and_the_oldest_is_forgotten_first(bench: Bench) -> None:
    for number in range(ANSWERS_MAX + 1):
        bench.scan(b"K-%d" % number)
    bench.turn()
    assert read_now(bench, b"K-1")[0] == "suppressed"
    assert read_now(bench, b"K-0")[0] == "accepted"
    (reader,) = bench.line._readers.values()
    assert len(reader.heard) == ANSWERS_MAX


def test_a_step_of_the_wall_clock_changes_no_window(bench: Bench) -> None:
    read_now(bench, b"K-1")
    bench.clock.wall_lead_ns += 3600 * 10**9
    bench.pass_s(1)
    assert read_now(bench, b"K-1")[0] == "suppressed"
    bench.clock.wall_lead_ns -= 7200 * 10**9
    bench.pass_s(1.2)
    assert read_now(bench, b"K-1")[0] == "accepted"


def test_a_scan_after_a_restart_is_a_scan(bench: Bench, keep: Keep) -> None:
    read_now(bench, b"K-1")
    again = keep(bench.again())
    assert read_now(again, b"K-1") == ("accepted", None)


# -- alarms ------------------------------------------------------------------------------------


def test_a_device_in_trouble_is_one_alarm_and_its_end_another(bench: Bench) -> None:
    bench.gun.why, bench.gun.remedy = "unplugged", "plug it in"
    for _ in range(3):
        bench.line.tell(bench.gun, Condition.TROUBLE, "unplugged", "plug it in")
    bench.pass_s(90)
    for _ in range(2):
        bench.line.tell(bench.gun, Condition.OK, "", "")
    bench.turn()
    alarms = [event for event in bench.events() if event["type"].startswith("alarm.")]
    assert [event["type"] for event in alarms] == ["alarm.raised", "alarm.cleared"]
    assert alarms[0]["data"]["message"] == "unplugged"
    assert alarms[0]["data"]["alarm"] == alarms[1]["data"]["alarm"] == "device:gun-1"
    assert alarms[1]["data"]["lasted_s"] == 90.0
    assert {event["lane"] for event in alarms} == {"urgent"}


def test_the_alarm_of_a_device_that_is_taken_away_is_cleared(bench: Bench) -> None:
    bench.line.tell(bench.gun, Condition.TROUBLE, "unplugged", "plug it in")
    bench.line.remove(bench.gun)
    bench.turn()
    assert bench.kinds()[1:] == ["alarm.raised", "alarm.cleared"]


def test_a_removed_device_is_still_answered_what_it_waits_for(bench: Bench) -> None:
    bench.gate.shut = True
    bench.scan(b"K-1")
    bench.line.remove(bench.gun)
    bench.gate.open()
    bench.turn()
    assert bench.gun.outcomes == ["accepted"]


def test_it_is_told_when_a_device_waits_for_no_answer_any_more(bench: Bench) -> None:
    told: list[str] = []
    bench.line.when_answered(bench.gun, lambda: told.append("none"))
    bench.gate.shut = True
    bench.scan(b"K-1")
    bench.turn()
    bench.scan(b"K-2")
    bench.line.remove(bench.gun)
    bench.line.when_answered(bench.gun, lambda: told.append(",".join(bench.gun.outcomes)))
    bench.turn()
    assert told == ["none"]
    for commit in bench.gate.waiting():
        commit()
    bench.turn()
    assert (bench.gun.outcomes, told[1:]) == (["accepted"], [])
    bench.gate.open()
    bench.turn()
    assert told[1:] == ["accepted,accepted"]


def test_trouble_of_the_disk_is_one_alarm_written_when_it_is_over(bench: Bench) -> None:
    assert bench.store is not None
    bench.store.sql.execute("PRAGMA query_only=1")
    bench.scan(b"K-1")
    bench.turn()
    bench.clock.now_ns += 30 * 10**9
    while not bench.inline.poke():  # the file is opened anew, and takes what waits
        assert bench.outbox.trouble is not None
    bench.turn()
    alarms = [event for event in bench.events() if event["type"].startswith("alarm.")]
    assert [event["type"] for event in alarms] == ["alarm.raised", "alarm.cleared"]
    assert alarms[0]["data"]["message"].startswith("read-only")
    assert alarms[1]["data"]["lasted_s"] == 30.0


def test_trouble_before_the_journal_could_be_opened_is_told_as_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.fault = DiskTrouble("full", "no space", "free some")
    bench.start()
    bench.clock.now_ns += 10 * 10**9
    bench.fault = None
    assert bench.inline.poke()
    bench.turn()
    assert bench.kinds() == ["agent.started", "alarm.raised", "alarm.cleared"]
    assert bench.events()[-1]["data"]["lasted_s"] == 10.0
    bench.close()


def test_a_run_says_how_the_one_before_ended(bench: Bench, keep: Keep) -> None:
    again = keep(bench.again())
    again.outbox.note_meta("run", "clean")
    again.turn()
    last = keep(again.again())
    ends = [e["data"]["previous_end"] for e in last.events() if e["type"] == "agent.started"]
    assert ends == ["none", "cut", "clean"]


# -- any sequence of reads ---------------------------------------------------------------------


class Reads(RuleBasedStateMachine):
    """Anything a device, a disk and time may do: each read is answered once, and rightly."""

    @initialize(window_s=st.sampled_from([0.0, 2.0]))
    def begin(self, window_s: float) -> None:
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(store_module, "GROWN_WAL_BYTES", 8192)
        self.patched.setattr(outbox_module, "PENDING_EVENTS_MAX", 6)
        self.folder = quick_folder()
        self.bench = Bench(Path(self.folder.name) / "data")
        self.bench.gun.repeat_window_ns = int(window_s * 1e9)
        self.bench.start()
        self.offered = 0

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()
            self.folder.cleanup()
            self.patched.undo()

    @rule(text=st.sampled_from([b"K-1", b"K-2", b"]E05412345000013", b"\xff\0"]))
    def scan(self, text: bytes) -> None:
        self.offered += self.bench.scan(text)

    @rule(flaw=st.sampled_from([Flaw.EMPTY, Flaw.TOO_LONG]))
    def flawed(self, flaw: Flaw) -> None:
        self.offered += self.bench.scan(b"", flaw)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.5]))
    def wait(self, seconds: float) -> None:
        self.bench.pass_s(seconds)

    @rule()
    def stall(self) -> None:
        self.bench.gate.shut = True

    @rule()
    def flow(self) -> None:
        self.bench.gate.open()
        self.bench.turn()

    @rule(kind=st.sampled_from(["full", "failing"]))
    def trouble(self, kind: str) -> None:
        self.bench.outbox.troubled(DiskTrouble(kind, "why", "remedy"))

    @rule()
    def well(self) -> None:
        self.bench.outbox.troubled(None)

    @invariant()
    def every_read_is_answered_once_or_pending(self) -> None:
        if not hasattr(self, "bench"):
            return
        reads = self.bench.line.reads()
        answers = self.bench.gun.answers
        assert reads["received"] == self.offered
        assert reads["pending"] == self.offered - len(answers)
        assert reads["pending"] >= 0
        for outcome in Outcome:
            assert reads[outcome.value] == self.bench.gun.outcomes.count(outcome.value)

    @invariant()
    def accepted_means_on_the_disk(self) -> None:
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        assert bench.store is not None
        on_disk = {
            json.loads(row.payload)["id"]: json.loads(row.payload)["type"]
            for row in bench.store.all_after(0, 10_000)
        }
        for _, outcome, event_id, reason in bench.gun.answers:
            if outcome is Outcome.REJECTED:
                assert event_id is None if reason == "storage" else event_id in on_disk
            else:
                assert on_disk[str(event_id)] == "scan.read"
        reads = list(on_disk.values()).count("scan.read")
        assert reads >= bench.line.accepted


Reads.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, print_blob=True
)
TestReads = Reads.TestCase
