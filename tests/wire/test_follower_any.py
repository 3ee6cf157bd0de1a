"""The follower under anything: its bounds, nonsense, and any order, repetition and loss."""

import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent import follower as core
from edge_agent.follower import Ask, Follower, Gap
from tests.wire.numbered import (
    AGENT,
    ALARM,
    EPOCH,
    HEALTH,
    RESULT,
    STATUS,
    TOPIC,
    Message,
    S,
    event,
    gap_event,
    health,
    hear,
    words,
)

# -- bounds ------------------------------------------------------------------------------------


def test_too_many_holes_give_the_oldest_up() -> None:
    follower = Follower()
    hear(follower, *range(1, 2 * core.HOLES_MAX + 6, 2))
    notices = follower.due(2 * S)
    assert words(notices)[:2] == [("given_up", 2, 2), ("given_up", 4, 4)]
    assert len(follower.open_gaps()) == core.HOLES_MAX
    assert hear(follower, 2) == [False]


def test_holes_that_nobody_waits_for_go_first() -> None:
    follower = Follower()
    last = 2 * core.HOLES_MAX + 1
    hear(follower, *range(1, last + 1, 2))
    follower.hear(ALARM, gap_event(last + 1, 10, 10), 0)
    hear(follower, last + 3)
    notices = follower.due(2 * S)
    assert {word for word, _, _ in words(notices)} == {"missing"}
    assert hear(follower, 2, 10) == [True, False]


def test_too_many_numberings_forget_the_quietest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "STREAMS_MAX", 50)
    follower = Follower()
    for number in range(core.STREAMS_MAX + 1):
        follower.hear(TOPIC, event(7, agent=f"pi-{number}"), number)
        follower.hear(STATUS, {"agent": f"pi-{number}", "state": "online"}, number)
    assert follower.hear(TOPIC, event(7, agent="pi-0"), number)  # forgotten, so fresh again
    assert not follower.hear(TOPIC, event(7, agent="pi-2"), number)
    assert len(follower._streams) == len(follower._agents) == core.STREAMS_MAX


@pytest.mark.parametrize("by_topic", [False, True])
def test_lists_where_names_belong_make_it_no_worse(by_topic: bool) -> None:
    follower = Follower(by_topic=by_topic)
    hear(follower, 1, 5)
    odd = {"first": 2, "last": 3, "topic": [], "epoch": {}}
    follower.hear(ALARM, gap_event(6, 2, 3, streams=[odd], epoch=[]) | {"epoch": EPOCH}, 0)
    follower.hear(RESULT, {"agent": AGENT, "replay": odd | {"missing": [odd]}}, 0)
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": [], "topics": {TOPIC: {}}}}), 0)
    assert words(follower.due(2 * S))[0] == ("missing", 2, 4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
keys = st.sampled_from(
    [
        "agent",
        "epoch",
        "sequence",
        "streamseq",
        "lane",
        "type",
        "data",
        "last_seq",
        "replay",
        "topic",
        "first",
        "last",
        "missing",
        "streams",
        "state",
        "boot",
        "connection",
        "topics",
    ]
)
likely = st.sampled_from([AGENT, EPOCH, TOPIC, "1", "outbox.gap", "urgent", "online", 1, 2, 10**18])
nested = st.recursive(
    likely,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=5,
)
payloads = st.dictionaries(keys, nested, max_size=7).map(
    lambda said: {"agent": AGENT, "epoch": EPOCH} | said
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([TOPIC, STATUS, HEALTH, RESULT]), payloads | json_values),
        max_size=4,
    ),
    st.booleans(),
)
def test_no_payload_makes_it_raise(messages: list[tuple[str, object]], by_topic: bool) -> None:
    follower = Follower(by_topic=by_topic, from_first=True)
    for at, (topic, payload) in enumerate(messages):
        follower.hear(topic, payload, at * S)
        follower.due(at * S)
    follower.due(10_000 * S)


# -- any order, repetition and loss ------------------------------------------------------------


@dataclass
class Line:
    """An agent that keeps its events, and a broker that loses, repeats and delays them."""

    chance: random.Random
    loss: float
    gone: set[int]
    lanes: dict[int, str] = field(default_factory=dict)
    wire: deque[tuple[str, Message]] = field(default_factory=deque)

    def send(self, topic: str, payload: Message) -> None:
        if self.chance.random() >= self.loss:
            for _ in range(1 + (self.chance.random() < 0.2)):
                self.wire.append((topic, payload))

    def make(self, count: int) -> None:
        """Make events and send them, the urgent ones first."""
        made = range(len(self.lanes) + 1, len(self.lanes) + 1 + count)
        self.lanes |= {n: self.chance.choice(["normal", "normal", "urgent"]) for n in made}
        for lane in ("urgent", "normal"):
            for number in made:
                if self.lanes[number] == lane and number not in self.gone:
                    self.send(TOPIC, event(number, lane=lane))

    def replay(self, ask: Ask) -> None:
        asked = range(ask.first, min(ask.last, len(self.lanes)) + 1)
        for number in asked:
            if number not in self.gone:
                self.send(TOPIC, event(number, lane=self.lanes[number]))
        missing = [{"first": n, "last": n, "reason": "expired"} for n in asked if n in self.gone]
        replay = {"epoch": ask.epoch, "topic": ask.topic, "missing": missing}
        self.send(RESULT, {"agent": AGENT, "replay": replay})

    def mix(self) -> list[tuple[str, Message]]:
        """Let what is on the wire arrive a little out of order."""
        late = [at + self.chance.randint(0, 3) for at in range(len(self.wire))]
        arriving = [self.wire[at] for at in sorted(range(len(late)), key=late.__getitem__)]
        self.wire.clear()
        return arriving


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.floats(0, 0.6),
    st.sets(st.integers(1, 100), max_size=6),
)
@example(1, [40] * 8, 0.5, {1, 40})
def test_whatever_is_lost_each_event_is_used_once_and_no_gap_stays_unexplained(
    seed: int, bursts: list[int], loss: float, gone: set[int]
) -> None:
    line = Line(random.Random(seed), loss, gone)
    follower = Follower(from_first=True)
    used: list[object] = []
    notices: list[Gap | Ask] = []
    now_s = 0

    def live() -> None:
        nonlocal now_s
        now_s += 1
        for topic, payload in line.mix():
            if follower.hear(topic, payload, now_s * S) and topic == TOPIC:
                used.append(payload["id"])
        for notice in follower.due(now_s * S):
            notices.append(notice)
            if isinstance(notice, Ask):
                line.replay(notice)

    for burst in bursts:
        line.make(burst)
        live()
    line.loss = min(line.loss, 0.3)  # a broker that loses two of three for an hour is given up
    for _ in range(1500):
        if now_s % 60 == 0:
            line.send(HEALTH, health(**{EPOCH: {"sequence": len(line.lanes)}}))
        live()
    whole = {event(number)["id"] for number in line.lanes if number not in gone}
    assert len(used) == len(set(used))
    assert set(used) == whole, (seed, bursts, loss, gone)
    assert follower.open_gaps() == []
    missing = [(n.first, n.last) for n in notices if isinstance(n, Gap) and n.word == "missing"]
    ended = [
        (n.first, n.last)
        for n in notices
        if isinstance(n, Gap) and n.word in ("arrived", "explained")
    ]
    assert sorted(missing) == sorted(ended)
