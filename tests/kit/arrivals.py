"""A subscriber of everything under the base, on a raw socket, and the judge of what arrived.

It asks for a persistent session, so that a broker which is stopped in good order keeps what it
owes us; it acknowledges at once. What it heard is kept as it came.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from edge_agent.follower import OVERTAKEN_NS, Follower, Gap
from tests.kit.agents import BASE, Gun
from tests.kit.proxy import Packets

PATIENCE_S = 60.0
_S_NS = 1_000_000_000


@dataclass(frozen=True)
class Arrival:
    """One PUBLISH: `dup` is the broker's word to us."""

    topic: str
    payload: bytes
    retained: bool
    dup: bool

    def read(self) -> dict[str, Any]:
        said = json.loads(self.payload) if self.payload else {}
        assert isinstance(said, dict)
        return said


class Arrivals:
    """Subscribed while it is entered; `connect` again after the broker was away."""

    def __init__(self, port: int, *, name: str = "arrivals", base: str = BASE) -> None:
        self.port = port
        self.heard: list[Arrival] = []
        self._name = name.encode()
        self._filter = f"{base}/#".encode()
        self._news = threading.Condition()
        self._sock: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._subscribed = False

    def connect(self) -> Self:
        """Be subscribed when this returns."""
        self.leave()
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = struct.pack(">H", len(self._name)) + self._name
        sock.sendall(packet(0x10, b"\x00\x04MQTT\x04\x00\x00\x00" + name))
        wanted = struct.pack(">H", len(self._filter)) + self._filter + b"\x01"
        sock.sendall(packet(0x82, b"\x00\x01" + wanted))
        sock.settimeout(None)
        self._sock, self._subscribed = sock, False
        self._thread = threading.Thread(target=self._read, args=(sock,), daemon=True)
        self._thread.start()
        self.until(lambda: self._subscribed, "the subscription is taken")
        return self

    def leave(self) -> None:
        """Hang up; the session stays with the broker."""
        if self._sock is not None:
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # the broker has gone before us
                pass
        if self._thread is not None:
            self._thread.join()
        if self._sock is not None:
            self._sock.close()
        self._sock = self._thread = None

    def publish(self, topic: str, payload: bytes) -> None:
        """Send something, QoS 0."""
        assert self._sock is not None
        name = topic.encode()
        self._sock.sendall(packet(0x30, struct.pack(">H", len(name)) + name + payload))

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait until `true()`, looked at with every arrival."""
        with self._news:
            assert self._news.wait_for(true, PATIENCE_S), f"waited in vain: {what}"

    def until_texts(self, texts: Iterable[str]) -> None:
        """Wait until each of these texts has arrived."""
        wanted = {text.encode() for text in texts}
        seen, missing = 0, set(wanted)

        def all_here() -> bool:
            nonlocal seen
            while seen < len(self.heard):
                arrival = self.heard[seen]
                seen += 1
                if arrival.topic.endswith("/scan"):
                    missing.discard(arrival.read()["data"]["text"].encode())
            return not missing

        try:
            self.until(all_here, "all texts")
        except AssertionError:
            raise AssertionError(f"{len(missing)} never arrived: {sorted(missing)[:5]}") from None

    def until_heard(self, true: Callable[[str, dict[str, Any]], object], what: str) -> Arrival:
        """Wait for a message for which `true(topic, payload)` holds; returns the first one."""
        found: list[Arrival] = []
        seen = 0

        def here() -> bool:
            nonlocal seen
            while seen < len(self.heard) and not found:
                arrival = self.heard[seen]
                seen += 1
                if true(arrival.topic, arrival.read()):
                    found.append(arrival)
            return bool(found)

        self.until(here, what)
        return found[0]

    def events(self) -> list[dict[str, Any]]:
        """Give the numbered events as they came, repeats included."""
        with self._news:
            heard = list(self.heard)
        said = [arrival.read() | {"topic": arrival.topic} for arrival in heard]
        return [one for one in said if "sequence" in one]

    def _read(self, sock: socket.socket) -> None:
        packets = Packets()
        while True:
            try:
                chunk = sock.recv(65_536)
            except OSError:
                chunk = b""
            if not chunk:
                return
            acks, fresh = b"", []
            for one in packets.feed(chunk):
                if one[0] & 0xF0 == 0x30:
                    ack, arrival = _published(one)
                    acks += ack
                    fresh.append(arrival)
                self._subscribed = self._subscribed or one[0] == 0x90
            if acks:
                try:
                    sock.sendall(acks)
                except OSError:
                    pass  # it will be sent to us again
            with self._news:
                self.heard += fresh
                self._news.notify_all()

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(self, *_: object) -> None:
        self.leave()


def packet(kind: int, body: bytes) -> bytes:
    left, head = len(body), bytearray((kind,))
    while left >= 128:
        head.append(left & 127 | 128)
        left >>= 7
    head.append(left)
    return bytes(head) + body


def _published(one: bytes) -> tuple[bytes, Arrival]:
    at = 1
    while one[at] & 128:
        at += 1
    at += 1
    (length,) = struct.unpack_from(">H", one, at)
    topic = one[at + 2 : at + 2 + length].decode()
    at += 2 + length
    ack = b""
    if one[0] & 0x06:
        ack = packet(0x40, one[at : at + 2])
        at += 2
    arrival = Arrival(topic, one[at:], bool(one[0] & 1), bool(one[0] & 8))
    return ack, arrival


# -- the judge ---------------------------------------------------------------------------------


def judge(
    arrivals: Arrivals, guns: Iterable[Gun], *, replayed: bool = False, from_first: bool = True
) -> int:
    """Assert that nothing was lost, nothing invented, all in order; returns how many repeats.

    `replayed`: the subscriber itself has lost messages and asked for them, so that what was asked
    for comes late. `from_first` False: it came later than the agent's first event.
    """
    guns, events = list(guns), arrivals.events()
    first: dict[str, dict[str, Any]] = {}
    for event in events:
        known = first.setdefault(event["id"], event)
        differ = {key for key in known.keys() | event.keys() if known.get(key) != event.get(key)}
        if known["clock"] != event["clock"]:  # put right when it was sent again; the id stays
            differ -= {"clock", "time", "recordedtime"}
        assert not differ, f"one id, two events, unlike in {differ}:\n{known}\n{event}"
        assert not event["recordedtime"].startswith("0000"), f"sent before its commit: {event}"
    numbers = {(event["epoch"], event["sequence"]) for event in events}
    assert len(numbers) == len(first), "one number, two ids"
    _nothing_lost_or_invented(first, guns)
    _no_unexplained_gap(list(first.values()), from_first=from_first)
    _follower_agrees(arrivals)
    if not replayed:
        _in_order(first.values())
    return len(events) - len(first)


def _nothing_lost_or_invented(first: dict[str, dict[str, Any]], guns: list[Gun]) -> None:
    scans = [event for event in first.values() if event["type"] == "scan.read"]
    for gun in guns:
        arrived = [e["data"]["text"] for e in scans if e["data"]["device"] == gun.name]
        assert len(arrived) == len(set(arrived)), "a scan arrived under two ids"
        invented = set(arrived) - set(gun.made)
        assert not invented, f"never scanned: {sorted(invented)[:5]}"
        for answer in gun.outcomes("accepted"):
            event = first.get(answer["id"])
            assert event is not None, f"accepted and lost: {answer}"
            assert event["data"]["text"] == answer["text"]
            assert event["data"]["device"] == gun.name


def _no_unexplained_gap(events: list[dict[str, Any]], *, from_first: bool) -> None:
    explained: dict[str, set[int]] = {}
    for event in events:
        if event["type"] == "outbox.gap":
            gap = event["data"]
            stretch = range(int(gap["first"]), int(gap["last"]) + 1)
            explained.setdefault(gap["epoch"], set()).update(stretch)
    for key in (("epoch",), ("epoch", "topic")):
        numbers: dict[tuple[str, ...], set[int]] = {}
        for event in events:
            number = event["sequence" if key == ("epoch",) else "streamseq"]
            numbers.setdefault(tuple(event[k] for k in key), set()).add(int(number))
        for name, seen in numbers.items():
            start = 1 if from_first else min(seen)
            missing = set(range(start, max(seen) + 1)) - seen
            if key == ("epoch",):
                missing -= explained.get(name[0], set())
            elif explained.get(name[0]):
                continue  # told by `streams`, which the follower's own tests hold
            assert not missing, f"{name}: no word of {sorted(missing)[:5]}"


def _in_order(events: Iterable[dict[str, Any]]) -> None:
    """Per station and lane; and no normal event before an urgent one of lower number."""
    last: dict[tuple[str, str, str], int] = {}
    for event in events:
        place, number = (event["epoch"], event["source"]), int(event["sequence"])
        lanes = ("normal", "urgent") if event["lane"] == "urgent" else ("normal",)
        for lane in lanes:
            before = last.get((*place, lane), 0)
            assert before < number, f"{event['id']} came behind {before} of lane {lane}"
        last[(*place, event["lane"])] = number


def _follower_agrees(arrivals: Arrivals) -> None:
    follower, now_ns, open_gaps = Follower(), time.monotonic_ns(), []
    for arrival in list(arrivals.heard):
        follower.hear(arrival.topic, arrival.read(), now_ns)
    for _ in range(3):
        now_ns += OVERTAKEN_NS + _S_NS
        open_gaps = [n for n in follower.due(now_ns) if isinstance(n, Gap) and n.word == "missing"]
        assert not open_gaps, open_gaps
    assert not follower.open_gaps()
