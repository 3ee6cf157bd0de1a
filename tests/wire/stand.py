"""A reactor on a bench, and an agent that has only its wire: it numbers, publishes and replays."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.clock import SystemClock
from edge_agent.configuration import Address, Broker, Configuration, Site, Station
from edge_agent.configuration import Agent as AgentSettings
from edge_agent.reactor import Reactor
from edge_agent.uplink.listener import Listener
from edge_agent.wire import command, messages, payload
from edge_agent.wire.topics import Topics

BASE = "acme/plant1/assembly/line3"
TOPICS = Topics(BASE)
EPOCH, BOOT, NONCE = "7f3a9c0d1e2f", "4be1c2d3", "9b1f5c0e7d2a4c68"
ASOF = "2026-11-21T06:12:05.000Z"

DEADLINE_S = 20.0
LOOK_NS = 5_000_000


def broker_at(*ports: int, tls: bool = False) -> Broker:
    addresses = tuple(Address("127.0.0.1", port, tls) for port in ports)
    return Broker(addresses, backoff_min_s=0.02, backoff_max_s=0.2)


class Bench:
    """A real reactor with the real clock; `until` turns it."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.reactor = Reactor(self.clock)
        self.reactor.timer(lambda now_ns: now_ns + LOOK_NS, 0)
        self.at_end: list[Callable[[], None]] = []

    def close(self) -> None:
        for end in self.at_end:
            end()
        self.reactor.close()

    def until(self, predicate: Callable[[], object], what: str) -> None:
        end = time.monotonic() + DEADLINE_S
        while not predicate():
            assert time.monotonic() < end, f"never: {what}"
            self.reactor.turn()


class Agent:
    """Publishes numbered scans and says what became of replays; `lose` swallows numbers once."""

    def __init__(self, bench: Bench, broker: Broker, *, station: str = "A2") -> None:
        self.asked: list[command.Replay] = []
        self.refused: list[str] = []
        self.sent: dict[int, bytes] = {}
        self.gone: set[int] = set()
        self._bench = bench
        self._topic = TOPICS.scan(station)
        self._template = payload.ScanTemplate("gun-1")
        self._envelope = payload.Envelope(
            source=TOPICS.source_of_station(station),
            kind=payload.SCAN_READ,
            lane=payload.NORMAL,
            agent="pi-a2",
            epoch=EPOCH,
        )
        self._body = payload.BodyTemplate(BOOT)
        self.listener = Listener(bench.reactor, broker, TOPICS.agent_commands("pi-a2"), self._hear)
        self.listener.start()
        bench.at_end.append(self.listener.stop)
        bench.until(lambda: self.listener.listening, "the agent is connected")

    def scan(self, text: bytes, *, lost: bool = False) -> int:
        number = len(self.sent) + 1
        clock = self._bench.clock
        said = self._template.read(text)
        body = self._body.render(clock.wall_ns(), clock.mono_ns(), payload.SYNCED, said)
        made = self._envelope.whole(number, number, body)
        self.sent[number] = payload.stamp_recorded(made, payload.rfc3339(clock.wall_ns()))
        if not lost:
            self.send(number)
        return number

    def send(self, number: int) -> None:
        assert self.listener.publish(self._topic, self.sent[number])

    def say(self, topic: str, said: bytes) -> None:
        assert self.listener.publish(topic, said)

    def status(self, *, online: bool = True, connection: int = 1) -> bytes:
        return messages.status(
            agent="pi-a2",
            online=online,
            connection=connection,
            boot=BOOT,
            nonce=NONCE,
            version="0.1.0",
            asof=ASOF,
        )

    def _hear(self, topic: str, said: bytes) -> None:
        try:
            heard = command.parse(TOPICS, topic, said, retained=False)
            wall_ns = self._bench.clock.wall_ns()
            command.judge(heard, wall_ns=wall_ns, synced=True, nonce=NONCE)
            order = command.replay(heard, TOPICS)
        except command.Nonsense as nonsense:
            if nonsense.wrong is not command.Wrong.OUT_OF_PLACE:  # our own results come back too
                self.refused.append(nonsense.why)
            return
        self.asked.append(order)
        numbers = range(order.first, order.last + 1)
        for number in numbers:
            if number not in self.gone:
                self.send(number)
        missing = [messages.Missing(n, n, "expired") for n in numbers if n in self.gone]
        replay = messages.replayed(
            epoch=EPOCH,
            topic=order.topic,
            first=order.first,
            last=order.last,
            sent=len(numbers) - len(missing),
            missing=missing,
        )
        told = messages.result(
            command_id=heard.id,
            kind=heard.kind,
            outcome=messages.Outcome.DONE,
            agent="pi-a2",
            asof=ASOF,
            replay=replay,
        )
        self.say(TOPICS.result(topic), told)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def configuration(port: int, folder: Path) -> Configuration:
    return Configuration(
        agent=AgentSettings("pi-a2", folder),
        broker=broker_at(port),
        site=Site(BASE),
        folder=folder,
        stations=(Station("A2"),),
    )
