"""An uplink on a bench: a real reactor, a small outbox, and somebody who listens at the broker."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as mqtt

from edge_agent.clock import SystemClock
from edge_agent.configuration import Address, Broker
from edge_agent.ports import Condition
from edge_agent.reactor import Reactor
from edge_agent.records import NORMAL, URGENT
from edge_agent.uplink import Hooks, Uplink
from tests.uplink.fake_outbox import FakeOutbox

TOPIC = b"acme/plant1/assembly/line3/A2/scan"
ANDON = b"acme/plant1/assembly/line3/A2/andon"
STATUS = "acme/plant1/assembly/line3/agent/pi-a2/status"
COMMAND = "acme/plant1/assembly/line3/agent/pi-a2/cmd/+/+"

DEADLINE_S = 20.0
LOOK_NS = 5_000_000


class Rig:
    """Everything of one agent that the uplink needs; `until` turns the reactor."""

    def __init__(
        self,
        *ports: int,
        seed: int = 1,
        client_id: str = "pi-a2",
        **settings: Any,  # noqa: ANN401 - keys of Broker
    ) -> None:
        print(f"seed {seed}")
        self.reactor = Reactor(SystemClock())
        self.outbox = FakeOutbox(self.reactor)
        self.told: list[tuple[Condition, str, str]] = []
        self.commands: list[tuple[str, bytes, bool]] = []
        self.connections = 0
        opening = settings.pop("opening", None)
        tls = settings.pop("tls", False)
        host = settings.pop("host", "127.0.0.1")
        addresses = tuple(Address(host, port, tls) for port in ports)
        quick = {"backoff_min_s": 0.02, "backoff_max_s": 0.2}
        self.broker = Broker(addresses, **(quick | settings))
        self.hooks = Hooks(
            client_id=client_id,
            status_topic=STATUS,
            status=self._status,
            next_connection=self._next_connection,
            subscriptions=(COMMAND,),
            on_command=lambda *message: self.commands.append(message),
            tell=lambda *words: self.told.append(words),
        )
        more = {} if opening is None else {"opening": opening}
        self.uplink = Uplink(
            self.reactor, self.broker, self.outbox, self.hooks, random=Random(seed), **more
        )
        self.outbox.carrier = self.uplink
        self._looking = self.reactor.timer(lambda now_ns: now_ns + LOOK_NS, 0)
        self._number = 0

    def _status(self, state: str, connection: int) -> bytes:
        return json.dumps({"state": state, "connection": connection, "boot": "4be1c2d3"}).encode()

    def _next_connection(self) -> int:
        self.connections += 1
        return self.connections

    def start(self) -> Self:
        self.uplink.start()
        return self

    def until(
        self, predicate: Callable[[], object], what: str, deadline_s: float = DEADLINE_S
    ) -> None:
        """Turn the reactor until the predicate holds; fail loudly at the dead-line."""
        end = time.monotonic() + deadline_s
        while not predicate():
            assert time.monotonic() < end, f"never: {what}; {self.describe()}"
            self.reactor.turn()

    def describe(self) -> str:
        uplink = self.uplink
        return f"{uplink.phase} {uplink.condition} {uplink.why!r} {uplink.counters()} {self.told}"

    def connected(self) -> Self:
        """Wait until events may flow and the birth is acknowledged: the subscriptions stand."""

        def stands() -> bool:
            connection = self.uplink._connection
            return connection is not None and connection.flowing and connection._acknowledged

        self.until(stands, "connected")
        return self

    def scans(self, count: int, size: int = 60) -> None:
        """Commit so many scans, in one batch; the payload is their number."""
        self.outbox.commit(*((NORMAL, TOPIC, self.payload(size)) for _ in range(count)))

    def pull(self) -> None:
        self.outbox.commit((URGENT, ANDON, self.payload(60)))

    def payload(self, size: int) -> bytes:
        self._number += 1
        return f"{self._number:012d}".encode().ljust(size, b".")

    def settled(self) -> None:
        self.until(self.outbox.settled, "all settled")

    def counter(self, name: str) -> float:
        return self.uplink.counters().get(name, 0)

    def reconfigure(self, **settings: Any) -> None:  # noqa: ANN401 - keys of Broker
        self.broker = replace(self.broker, **settings)
        self.uplink.reconfigure(self.broker)

    def stop(self) -> None:
        gone: list[bool] = []
        self.uplink.stop(lambda: gone.append(True))
        self.until(lambda: gone, "stopped")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        self.uplink._targets.leave_behind()
        connection = self.uplink._connection
        if connection is not None:
            connection._session.close()
        self.reactor.close()


class Audience:
    """Hears everything of the base at a broker, in order, in a thread of paho's."""

    def __init__(self, port: int, *, topic: str = "acme/#", **login: str) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        self._there = threading.Event()
        self._heard = threading.Condition()
        client = self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if login:
            client.username_pw_set(login["username"], login["password"])
        client.on_connect = lambda *_: client.subscribe(topic, 1)
        client.on_subscribe = lambda *_: self._there.set()
        client.on_message = self._hear
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert self._there.wait(DEADLINE_S), "the audience was not let in"

    def _hear(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        with self._heard:
            self.messages.append(message)
            self._heard.notify_all()

    def until(self, predicate: Callable[[], object], what: str) -> None:
        """Wait for what nobody's reactor must turn for."""
        with self._heard:
            assert self._heard.wait_for(predicate, DEADLINE_S), f"never: {what}"

    def payloads(self, topic: bytes = TOPIC) -> list[bytes]:
        return [one.payload for one in list(self.messages) if one.topic.encode() == topic]

    def numbers(self, topic: bytes = TOPIC) -> list[int]:
        return [int(payload[:12]) for payload in self.payloads(topic)]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def first_arrivals(numbers: list[int]) -> list[int]:
    """Remove repeats, keep the order of first arrival."""
    return list(dict.fromkeys(numbers))
