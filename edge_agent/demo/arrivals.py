"""The subscriber who counts what arrives: a real one, with the core that integrators copy."""

import json
from collections.abc import Callable
from typing import Final

from edge_agent.configuration import Address, Broker
from edge_agent.demo.line import AGENTS
from edge_agent.follower import Ask, Follower, Gap
from edge_agent.line_words import LINES
from edge_agent.ports import Clock
from edge_agent.reactor import NEVER, Reactor
from edge_agent.uplink.listener import Listener
from edge_agent.watch import replay_command
from edge_agent.wire.topics import Topics

BACKOFF_S: Final = 0.1
"""Pause between attempts to connect: the subscriber likes to sit before the curtain rises again."""

_DUE_NS: Final = 250_000_000


class Arrivals:
    """Hears everything under `base`, once; asks for what is missing; passes scans on.

    `arrived(id, station, text)` is called for every scan event, `noted(line)` for what happens on
    the floor and to the numbers. `replays` counts requests.
    """

    def __init__(
        self,
        reactor: Reactor,
        clock: Clock,
        port: int,
        base: str,
        *,
        arrived: Callable[[str, str, str], None],
        noted: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._topics = Topics(base)
        self._arrived = arrived
        self._noted = noted
        self._follower = Follower(from_first=True)
        self._listener = Listener(
            reactor,
            Broker(
                addresses=(Address("127.0.0.1", port, tls=False),),
                backoff_min_s=BACKOFF_S,
                backoff_max_s=BACKOFF_S,
            ),
            (self._topics.everything(),),
            self._hear,
        )
        self._timer = reactor.timer(self._due)
        self._nonces: dict[str, str] = {}
        self.replays = 0

    @property
    def listening(self) -> bool:
        """Say whether the broker has taken the subscription."""
        return self._listener.listening

    @property
    def repeats(self) -> int:
        """Say how many events came more than once."""
        return self._follower.repeats

    @property
    def missing(self) -> int:
        """Say how many numbers were left out and are still to come."""
        return sum(gap.last - gap.first + 1 for gap in self._follower.open_gaps())

    def start(self) -> None:
        """Connect, and stay so."""
        self._listener.start()
        self._timer.due_ns = self._reactor.clock.mono_ns()

    def stop(self) -> None:
        """Leave."""
        self._timer.due_ns = NEVER
        self._listener.stop()

    def _hear(self, topic: str, payload: bytes) -> None:
        try:
            told = json.loads(payload)
        except ValueError:  # an empty retained message, or a visitor's
            return
        if not self._follower.hear(topic, told, self._reactor.clock.mono_ns()):
            return
        place = self._topics.parse(topic)
        match told:
            case {
                "id": str(event_id),
                "type": "scan.read" | "scan.rejected",
                "data": {"text": str(text)},
            }:
                if place is not None and place.station is not None:
                    self._arrived(event_id, place.station, text)
            case {"type": str(kind), "data": dict(said)} if kind in LINES:
                where = "?" if place is None else place.station or place.segment or "?"
                what, text = LINES[kind](said)
                self._noted(f"{where} {what} {text}")
            case {"state": "online", "agent": str(agent), "nonce": str(nonce)}:
                if agent in AGENTS:
                    self._nonces[agent] = nonce

    def _due(self, now_ns: int) -> int:
        for notice in self._follower.due(now_ns):
            if isinstance(notice, Ask):
                self._ask(notice)
            else:
                self._note(notice)
        return now_ns + _DUE_NS

    def _note(self, gap: Gap) -> None:
        reason = f" ({gap.reason})" if gap.reason else ""
        self._noted(f"the subscriber sees {gap.agent} {gap.first} to {gap.last} {gap.word}{reason}")

    def _ask(self, ask: Ask) -> None:
        command = replay_command(
            ask,
            f"/{self._topics.base}/demo",
            "demo",
            nonce=self._nonces.get(ask.agent),
            wall_ns=self._clock.wall_ns(),
        )
        if self._listener.publish(self._topics.replay(ask.agent), json.dumps(command).encode()):
            self.replays += 1
            self._noted(f"the subscriber asks {ask.agent} for {ask.first} to {ask.last} again")
