"""The lines that people read: one per message, nothing that a terminal would obey."""

import json
import time
from collections.abc import Iterator

import pytest

from edge_agent.follower import Ask, Gap
from edge_agent.line_words import LINES, STANDINGS
from edge_agent.watch import replay_command
from edge_agent.watch_words import STANDINGS_MAX, TEXT_MAX, Words
from edge_agent.wire import command
from edge_agent.wire.examples import EXAMPLES
from edge_agent.wire.line_examples import LINE_COMMANDS
from tests.wire.stand import (
    BASE,
    EPOCH,
    NONCE,
    TOPICS,
    Bench,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_message_has_a_line_or_is_not_for_people(bench: Bench, name: str) -> None:
    topics = {
        "status": TOPICS.status("pi-a2"),
        "health": TOPICS.health("pi-a2"),
        "doctor": TOPICS.doctor("pi-a2"),
        "state.info": TOPICS.state("A2", "info"),
        "cmd.replay": TOPICS.replay("pi-a2"),
        "result": TOPICS.result(TOPICS.replay("pi-a2")),
        "state.segment": TOPICS.segment_state("SEG-A"),
        "stop.started": TOPICS.stop("SEG-A"),
        "stop.ended": TOPICS.stop("SEG-A"),
    }
    topics |= {
        name: TOPICS.state("A2", name.removeprefix("state."))
        for name in ("state.andon", "state.display", "state.takt")
    }
    topics |= {
        name: TOPICS.station_command("A2", "leader", name.removeprefix("cmd."))
        for name in LINE_COMMANDS
    }
    words = Words(TOPICS, bench.clock)
    line = words.message(topics.get(name, TOPICS.alarm("A2")), EXAMPLES[name])
    if name in ("health", "doctor", "state.andon", "state.info", "state.takt"):
        assert line == ""
    else:
        assert line.isprintable()
        assert "None" not in line
        assert "{" not in line


def test_an_event_that_nobody_has_words_for_is_shown_as_it_is(bench: Bench) -> None:
    said = EXAMPLES["scan.read"] | {"type": "kanban.moved", "data": {"card": "K-0417"}}
    line = Words(TOPICS, bench.clock).message(f"{BASE}/A2/kanban/LP-7", said)
    assert line.endswith('A2        kanban.moved  {"card": "K-0417"}')


class Noon:
    """A clock that stands: noon, UTC, of 21 November 2026."""

    boot = "4be1c2d3"
    mono_ns = staticmethod(lambda: 0)
    wall_ns = staticmethod(lambda: 1_795_262_400 * 10**9)

    def synced(self) -> bool:
        return True


@pytest.fixture
def east(monkeypatch: pytest.MonkeyPatch) -> Iterator[Words]:
    """Words one hour east of Greenwich."""
    monkeypatch.setenv("TZ", "UTC-1")
    time.tzset()
    yield Words(TOPICS, Noon())
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ({"time": "2026-11-21T06:12:03.417Z"}, "07:12:03  A2"),
        ({"time": "2026-11-20T23:12:03.417Z"}, "00:12:03  A2"),
        ({"time": "2026-11-20T22:12:03.417Z"}, "2026-11-20 23:12:03  A2"),
        ({"time": "1970-01-01T00:00:09.000Z", "clock": "unsynced"}, "1970-01-01 01:00:09?  A2"),
        ({"time": 7}, "--:--:--  A2"),
        ({"time": "0001-01-01T00:00:00"}, "--:--:--  A2"),
        ({"time": "0001-01-01T00:00:00+10:00"}, "--:--:--  A2"),
    ],
)
def test_the_moment_is_local_and_dated_unless_it_is_today(
    east: Words, said: dict[str, object], when: str
) -> None:
    assert east.message(TOPICS.scan("A2"), EXAMPLES["scan.read"] | said).startswith(when)


# -- the line ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "line"),
    [
        ("andon.raised", {}, "CALL      quality (cord-a2); the line stops at 07:13:00"),
        ("andon.raised", {"due": None}, "CALL      quality (cord-a2)"),
        ("andon.raised", {"stops": False, "due": None}, "CALL      quality (cord-a2)"),
        ("andon.taken", {}, "taken     quality: somebody is on the way (L. Weber)"),
        ("andon.acked", {}, "acked     quality after 12.5 s (L. Weber)"),
        ("andon.escalated", {}, "LEVEL 2   quality: group-leader: M. Sato"),
        ("andon.escalated", {"people": []}, "quality: group-leader: nobody is on shift"),
        ("andon.stopped", {}, "STOPPED   quality after 40 s"),
        ("andon.cleared", {}, "cleared   quality after 25 s (L. Weber)"),
        ("andon.cleared", {"stopped": True}, "quality after 25 s, the line had stopped (L. Weber)"),
        ("andon.cleared", {"ttr_s": 540.0}, "cleared   quality after 9.0 min (L. Weber)"),
        ("andon.closed", {}, "closed    quality: FIT"),
        ("andon.fault", {}, "FAULT     quality input: wire-break (cord-a2)"),
        ("andon.bypassed", {}, "BYPASS    quality stops nothing until 09:00:00 (L. Weber): TOOL"),
        ("andon.handover", {}, "handover  early to late: 1 call is open (L. Weber)"),
        ("andon.handover", {"calls": ["a", "b"]}, "early to late: 2 calls are open (L. Weber)"),
        ("andon.handover", {"calls": []}, "early to late: nothing open (L. Weber)"),
        ("stop.started", {}, "STOP      SEG-A: quality at A2"),
        ("stop.ended", {}, "runs      SEG-A again after 7.0 min"),
        ("takt.cycle", {}, "cycle     58.4 s of 60 s"),
        ("takt.cycle", {"cycle_s": None, "class": "first"}, "cycle     the first of a run"),
        ("takt.cycle", {"cycle_s": 600.0, "class": "down"}, "10.0 min of 60 s, it was down"),
        ("takt.overrun", {"suggest_call": True}, "LATE      63 s of 60 s; better call"),
        ("takt.changeover_started", {"from": None}, "from no product to P2 begins (L. Weber)"),
        (
            "takt.changeover_ended",
            {},
            "to P2 is done after 10.2 min, last good to first good 11.7 min",
        ),
        ("takt.pm_due", {}, "PM DUE    5000 cycles of 5000: maintenance is due"),
        ("takt.starved", {"cause": None}, "starved   nothing comes from upstream"),
        ("takt.blocked", {"cause": "x-1"}, "blocked   nothing can be handed on (stop x-1)"),
        ("takt.flowing", {}, "flows     again after 85.5 s"),
        (
            "takt.no_pulse",
            {},
            "SILENT    SEG-A: no pulse from pulse-a for 90 s; nothing stops",
        ),
        ("kpi.hour", {}, "06:00:00 to 07:00:00: 3 pulls, stopped 2.8 min, 52 of 55 parts"),
        ("kpi.hour", {"actual": None}, "06:00:00 to 07:00:00: 3 pulls, stopped 2.8 min"),
    ],
)
def test_the_line_is_told_in_the_words_of_the_floor(
    east: Words, kind: str, more: dict[str, object], line: str
) -> None:
    said = EXAMPLES[kind] | {"data": EXAMPLES[kind]["data"] | more}
    topic = TOPICS.stop("SEG-A") if kind.startswith("stop.") else TOPICS.andon("A2")
    assert east.message(topic, said).endswith(line)


def test_what_is_made_in_training_says_so(east: Words) -> None:
    said = EXAMPLES["andon.closed"] | {"training": True}
    assert east.message(TOPICS.andon("A2"), said).endswith("quality: FIT [training]")
    assert "training" not in east.message(TOPICS.andon("A2"), EXAMPLES["andon.closed"])


def test_a_command_is_told_with_its_role(east: Words) -> None:
    line = east.message(TOPICS.station_command("A2", "leader", "ack"), EXAMPLES["cmd.ack"])
    assert line.endswith("A2        asked     cmd.ack by L. Weber as leader")


def test_what_is_not_well_is_told_once_to_who_begins_to_watch(east: Words) -> None:
    display, segment = TOPICS.state("A2", "display"), TOPICS.segment_state("SEG-A")
    calls = EXAMPLES["state.display"]
    stopped = EXAMPLES["state.segment"] | {
        "state": "stopped",
        "stop": {"stop": "x-1", "since": "2026-11-21T06:13:00.000Z", "calls": [], "primary": "c"},
    }
    told = east.message(display, calls)
    assert told.startswith("07:12:05  A2        now       quality called: the line stops")
    assert east.message(display, calls | {"lines": ["another"]}) == "", "events tell what changes"
    assert east.message(segment, stopped).endswith(
        "SEG-A     now       SEG-A is stopped since 07:13:00"
    )
    assert east.message(TOPICS.state("A3", "display"), calls | {"severity": "ok"}) == ""
    assert east.message(TOPICS.segment_state("SEG-B"), stopped | {"state": "running"}) == ""


def test_more_states_than_can_be_remembered_are_told_again(east: Words) -> None:
    first = EXAMPLES["state.display"]
    assert east.message(TOPICS.state("S0", "display"), first)
    for number in range(STANDINGS_MAX):
        east.message(TOPICS.state(f"S{number}", "display"), first)
    assert east.message(TOPICS.state("S0", "display"), first) == ""
    east.message(TOPICS.state("one-more", "display"), first)
    assert east.message(TOPICS.state("S0", "display"), first)


ODD: tuple[object, ...] = (
    *(None, True, False, 0, -1, 7, 10**400, 1.5, float("inf"), float("nan")),
    *("", "x", "a\nb", "\ud800", "x" * 1000, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+10:00"),
    *([], [None], [[1], {}], {}, {"since": 7}, {"since": None}),
)


def spoilt(whole: dict[str, object]) -> Iterator[dict[str, object]]:
    """Give it with each odd thing under each key, under all of them, and with keys gone."""
    yield {}
    for key in whole:
        yield {name: what for name, what in whole.items() if name != key}
    for odd in ODD:
        yield dict.fromkeys(whole, odd)
        for key in whole:
            yield whole | {key: odd}


@pytest.mark.parametrize("kind", LINES)
def test_whatever_an_event_says_it_makes_a_line(east: Words, kind: str) -> None:
    for said in spoilt(EXAMPLES[kind]["data"]):
        line = east.message(TOPICS.andon("A2"), EXAMPLES[kind] | {"data": said})
        assert line.isprintable()
        assert len(line) < 3 * (TEXT_MAX + 50), "place, word and text are cut, each by itself"


@pytest.mark.parametrize("name", STANDINGS)
def test_whatever_a_state_says_it_makes_a_line_or_none(name: str) -> None:
    topic = TOPICS.segment_state("S") if name == "segment" else TOPICS.state("A2", name)
    for said in spoilt(EXAMPLES[f"state.{name}"]):
        assert Words(TOPICS, Noon()).message(topic, said).isprintable()


def test_a_text_of_any_length_makes_a_line_of_bounded_length(bench: Bench) -> None:
    words = Words(TOPICS, bench.clock)
    line = words.message(f"{BASE}/A2/x", "x" * 10**6)
    assert len(line) < TEXT_MAX + 100
    assert line.endswith("characters)")


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (
            Gap("missing", "pi", EPOCH, None, 5, 7),
            "events 5 to 7 are missing; asking for what is missing",
        ),
        (Gap("arrived", "pi", EPOCH, None, 5, 5), "event 5 has arrived after all"),
        (
            Gap("explained", "pi", EPOCH, None, 5, 7, "expired"),
            "events 5 to 7 are accounted for: expired",
        ),
        (Gap("given_up", "pi", EPOCH, "t", 5, 7, "why"), "events 5 to 7 of t are given up: why"),
    ],
)
def test_gaps_are_named(bench: Bench, gap: Gap, text: str) -> None:
    assert Words(TOPICS, bench.clock).gap(gap).endswith(text)


def test_a_request_of_the_follower_is_a_command_of_the_contract(bench: Bench) -> None:
    for ask in (Ask("pi", EPOCH, None, 5, 7, 1), Ask("pi", EPOCH, TOPICS.scan("A2"), 5, 7, 1)):
        for nonce in (None, NONCE):
            raw = json.dumps(
                replay_command(ask, "/x", "me", nonce=nonce, wall_ns=bench.clock.wall_ns())
            )
            said = command.parse(TOPICS, TOPICS.replay("pi"), raw.encode(), retained=False)
            command.judge(said, wall_ns=bench.clock.wall_ns(), synced=True, nonce=NONCE)
            order = command.replay(said, TOPICS)
            assert order == command.Replay(EPOCH, ask.topic, 5, 7)
