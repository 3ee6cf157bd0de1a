"""The `watch` command against a real broker: events once, gaps named and closed, a clean end."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent import follower
from edge_agent.watch import Page, Watch
from edge_agent.wire import command
from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.wire.stand import (
    ASOF,
    BASE,
    EPOCH,
    NONCE,
    TOPICS,
    Agent,
    Bench,
    broker_at,
    configuration,
    lines_of,
)

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed"),
]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    # what is lost here stays lost: two seconds of hope prove nothing more than a tenth
    monkeypatch.setattr(follower, "GRACE_NS", 100_000_000)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as made:
        yield made


class Seen:
    """A watch in this process, and what it wrote."""

    def __init__(self, bench: Bench, port: int, folder: Path, *, as_json: bool) -> None:
        self.out = io.StringIO()
        self.watch = Watch(
            bench.reactor, bench.clock, configuration(port, folder), Page(self.out), json=as_json
        )
        self.watch.start()
        self._stopped = False
        bench.at_end.append(self.stop)
        bench.until(lambda: self.watch.listening, "it listens")

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.watch.stop()

    @property
    def text(self) -> str:
        return self.out.getvalue()

    @property
    def told(self) -> list[dict[str, Any]]:
        return lines_of(self.text)

    def scans(self) -> list[str]:
        return [said["data"]["text"] for said in self.told if said.get("type") == "scan.read"]

    def gaps(self) -> list[tuple[str, int, int]]:
        gaps = [said["gap"] for said in self.told if "gap" in said]
        return [(gap["word"], gap["first"], gap["last"]) for gap in gaps]


# -- in this process ---------------------------------------------------------------------------


def test_each_event_once_and_what_was_lost_is_asked_for_and_arrives(
    bench: Bench, broker: Mosquitto, tmp_path: Path
) -> None:
    seen = Seen(bench, broker.port, tmp_path, as_json=True)
    agent = Agent(bench, broker_at(broker.port))
    agent.say(TOPICS.status("pi-a2"), agent.status())
    agent.scan(b"K-1")
    agent.scan(b"K-2", lost=True)
    agent.scan(b"K-3", lost=True)
    agent.gone.add(3)
    agent.scan(b"K-4")
    agent.send(4)
    bench.until(lambda: ("explained", 2, 3) in seen.gaps(), "the gap is closed")
    assert agent.asked == [command.Replay(EPOCH, None, 2, 3)]
    assert agent.refused == []
    assert seen.scans() == ["K-1", "K-4", "K-2"]
    assert seen.gaps() == [("missing", 2, 3), ("explained", 2, 3)]
    scan = next(said for said in seen.told if said.get("id") == f"{EPOCH}-000000000001")
    assert scan.pop("topic") == TOPICS.scan("A2")
    assert scan == json.loads(agent.sent[1])
    orders = [said for said in seen.told if said.get("type") == "cmd.replay" and "nonce" in said]
    assert [order["nonce"] for order in orders] == [NONCE]
    seen.stop()
    assert seen.told[-1] == {"summary": {"events": 3, "repeats": 1, "replays": 1, "missing": 0}}


def test_without_a_nonce_the_request_expires_and_is_taken_all_the_same(
    bench: Bench, broker: Mosquitto, tmp_path: Path
) -> None:
    seen = Seen(bench, broker.port, tmp_path, as_json=True)
    agent = Agent(bench, broker_at(broker.port))
    agent.scan(b"K-1")
    agent.scan(b"K-2", lost=True)
    agent.scan(b"K-3")
    bench.until(lambda: seen.scans() == ["K-1", "K-3", "K-2"], "what was lost has come")
    assert agent.refused == []
    order = next(said for said in seen.told if said.get("type") == "cmd.replay")
    assert "nonce" not in order
    assert order["expires"] > ASOF


def test_people_read_a_line_per_event_and_hear_of_gaps(
    bench: Bench, broker: Mosquitto, tmp_path: Path
) -> None:
    seen = Seen(bench, broker.port, tmp_path, as_json=False)
    agent = Agent(bench, broker_at(broker.port))
    for _ in range(2):  # a status is said again every minute, and is news only once
        agent.say(TOPICS.status("pi-a2"), agent.status())
    agent.say(TOPICS.health("pi-a2"), b'{"agent":"pi-a2"}')
    agent.say(TOPICS.state("A2", "info"), b'{"agent":"pi-a2"}')
    agent.scan(b"K-0417")
    agent.scan(b"lost", lost=True)
    agent.scan(b"\x1b[2Jboo")
    agent.say(f"{BASE}/A2/elsewhere", b"not JSON \x07")
    agent.say(f"{BASE}/A2/elsewhere", b"[" * 900 + b"]" * 900)
    bench.until(lambda: "lost   (gun-1)" in seen.text, "what was lost has come")
    seen.stop()
    lines = [line.split(maxsplit=3) for line in seen.text.splitlines()]
    said = [(where, what, text) for _, where, what, text in lines]
    for line in (
        ("broker", "ok", f"listening to {BASE}"),
        ("pi-a2", "online", "version 0.1.0"),
        ("A2", "scan", "K-0417   (gun-1)"),
        ("A2", "scan", r"\x1b[2Jboo   (gun-1)"),
        ("?", "message", rf"{BASE}/A2/elsewhere: not JSON \x07"),
        ("pi-a2", "gap", "event 2 is missing; asking for what is missing"),
        ("A2", "scan", "lost   (gun-1)"),
    ):
        assert said.count(line) == 1, line
    assert "{" not in seen.text
    assert lines[-1] == [
        "3",
        "events;",
        "0",
        "repeats removed; 1 replays asked for; 0 numbers missing",
    ]


def test_a_broker_that_goes_away_is_told_once_and_so_is_its_return(
    bench: Bench, broker: Mosquitto, tmp_path: Path
) -> None:
    seen = Seen(bench, broker.port, tmp_path, as_json=True)
    broker.kill()

    def told() -> list[str]:
        return [said["broker"]["condition"] for said in seen.told if "broker" in said]

    bench.until(lambda: len(told()) == 3, "it went away, and nobody listens there any more")
    turns = bench.reactor.turns
    bench.until(lambda: bench.reactor.turns > turns + 100, "many attempts later")
    assert told() == ["ok", "trouble", "trouble"]
    broker.start()
    bench.until(lambda: len(told()) == 4, "it is back")
    assert told()[-1] == "ok"
