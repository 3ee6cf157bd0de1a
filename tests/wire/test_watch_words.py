"""The lines that people read: one per message, nothing that a terminal would obey."""

import json
import time
from collections.abc import Iterator

import pytest

from edge_agent.follower import Ask, Gap
from edge_agent.watch import replay_command
from edge_agent.watch_words import TEXT_MAX, Words
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
        "state.info": TOPICS.state("A2", "info"),
        "cmd.replay": TOPICS.replay("pi-a2"),
        "result": TOPICS.result(TOPICS.replay("pi-a2")),
        "state.segment": TOPICS.segment_state("SEG-A"),
        "stop.started": TOPICS.stop("SEG-A"),
        "stop.ended": TOPICS.stop("SEG-A"),
    }
    topics |= {name: TOPICS.state("A2", "andon") for name in ("state.andon", "state.display")}
    topics |= {
        name: TOPICS.station_command("A2", "leader", name.removeprefix("cmd."))
        for name in LINE_COMMANDS
    }
    words = Words(TOPICS, bench.clock)
    line = words.message(topics.get(name, TOPICS.alarm("A2")), EXAMPLES[name])
    if name == "health" or name.startswith("state."):
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
