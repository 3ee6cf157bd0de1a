"""A broker of MQTT 5 on virtual time, as far as the agents and one subscriber make use of it.

The agents' uplink is the one that ships: each connection is a pair of sockets, of which the broker
holds the other end. What it says takes `WAY_NS`; it goes away, and comes back, when it is told to.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from edge_agent.configuration import Address
from edge_agent.configuration import Broker as Said
from edge_agent.uplink.dial import DIAL_THREAD, Dialled

WAY_NS: Final = 4_000_000
"""How long a word of the broker is on its way; what is published reaches subscribers as soon."""

_CONNECT, _PUBLISH, _SUBSCRIBE, _UNSUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 8, 10, 12, 14
_CONNACK: Final = b"\x20\x03\x00\x00\x00"
_PINGRESP: Final = b"\xd0\x00"
_READ_BYTES: Final = 65_536
_NO_SUBSCRIBER: Final = 0x10

Heard = Callable[[str, bytes], None]


class Message(NamedTuple):
    """What was published."""

    topic: str
    payload: bytes
    retain: bool


class _Link:
    """One connection of one agent, seen from the broker."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.client = ""
        self.will: Message | None = None
        self.filters: list[str] = []
        self.over = False
        self._bytes = bytearray()

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Give first byte and body of every packet that has come whole."""
        try:
            while part := self.sock.recv(_READ_BYTES):
                self._bytes += part
            self.over = True
        except BlockingIOError:
            pass
        except OSError:
            self.over = True
        while (whole := _whole(self._bytes)) is not None:
            first, body, length = whole
            del self._bytes[:length]
            yield first, body

    def say(self, packet: bytes) -> None:
        """Send it; an agent that is gone hears nothing."""
        try:
            self.sock.send(packet)
        except OSError:
            self.over = True


class Broker:
    """Takes what agents publish and hands them commands; `heard` is the plant's subscriber.

    `later(after_ns, do)` has something done so much later.
    """

    def __init__(self, later: Callable[[int, Callable[[], None]], None], heard: Heard) -> None:
        self.up = True
        self._gate = threading.Lock()
        self._gate.acquire()
        self.retained: dict[str, bytes] = {}
        self._later = later
        self._heard = heard
        self._links: list[_Link] = []

    def opening(
        self,
        address: Address,  # noqa: ARG002 - there is but one
        broker: Said,  # noqa: ARG002
        stage: Callable[[str], None],  # noqa: ARG002
    ) -> Dialled:
        """Let an agent in (`edge_agent.uplink.dial.Opening`), in its connect thread."""
        with self._gate:  # not while a turn runs: nothing here may depend on who is faster
            if not self.up:
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            return self._let_in()

    def let_dial(self) -> None:
        """Wait for the connect threads that have begun; between two turns."""
        dialling = [one for one in threading.enumerate() if one.name == DIAL_THREAD]
        if dialling:
            self._gate.release()
            for thread in dialling:
                thread.join()
            self._gate.acquire()

    def _let_in(self) -> Dialled:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self._links.append(_Link(ours))
        return Dialled(theirs, None)

    def look(self) -> bool:
        """Read what agents have sent; says whether anybody has sent something."""
        moved = False
        for link in [*self._links]:
            for first, body in link.packets():
                moved = True
                self._take(link, first, body)
            if link.over:
                self._part(link)
        return moved

    def go(self) -> None:
        """Go away, and let every connection drop."""
        self.up = False
        for link in [*self._links]:
            self._part(link)

    def come(self) -> None:
        """Be there again."""
        self.up = True

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Have somebody publish something; returns how many agents are told."""
        links = [one for one in self._links if any(matches(f, topic) for f in one.filters)]
        for link in links:
            self._tell(link, Message(topic, payload, retain))
        return len(links)

    # -- inside --------------------------------------------------------------------------------

    def _take(self, link: _Link, first: int, body: bytes) -> None:
        match first >> 4:
            case kind if kind == _CONNECT:
                self._greet(link, body)
            case kind if kind == _PUBLISH:
                self._publish(link, first, body)
            case kind if kind in (_SUBSCRIBE, _UNSUBSCRIBE):
                self._subscribe(link, body, wanted=kind == _SUBSCRIBE)
            case kind if kind == _PINGREQ:
                self._answer(link, _PINGRESP)
            case kind if kind == _DISCONNECT:
                link.will = None
                link.over = True
            case _:
                pass

    def _greet(self, link: _Link, body: bytes) -> None:
        flags = body[7]
        _, at = _block(body, 10)
        client, at = _text(body, at)
        link.client = client.decode()
        if flags & 0x04:
            _, at = _block(body, at)
            topic, at = _text(body, at)
            payload, at = _text(body, at)
            link.will = Message(topic.decode(), payload, bool(flags & 0x20))
        for other in [*self._links]:
            if other is not link and other.client == link.client:
                self._part(other)
        self._answer(link, _CONNACK)

    def _publish(self, link: _Link, first: int, body: bytes) -> None:
        topic, at = _text(body, 0)
        number = body[at : at + 2]
        _, at = _block(body, at + 2)
        self._spread(Message(topic.decode(), body[at:], bool(first & 0x01)))
        self._answer(link, b"\x40\x02" + number)

    def _spread(self, message: Message) -> None:
        if message.retain:
            if message.payload:
                self.retained[message.topic] = message.payload
            else:
                self.retained.pop(message.topic, None)
        self._later(WAY_NS, lambda: self._heard(message.topic, message.payload))

    def _subscribe(self, link: _Link, body: bytes, *, wanted: bool) -> None:
        number = body[:2]
        _, at = _block(body, 2)
        codes = bytearray()
        while at < len(body):
            wish, at = _text(body, at)
            if wanted:
                at += 1
                link.filters.append(wish.decode())
                codes.append(1)
            else:
                link.filters.remove(wish.decode())
                codes.append(0)
        head = 0x90 if wanted else 0xB0
        self._answer(link, bytes((head, 3 + len(codes))) + number + b"\x00" + bytes(codes))

    def _tell(self, link: _Link, message: Message) -> None:
        topic = message.topic.encode()
        body = len(topic).to_bytes(2, "big") + topic + b"\x00\x01\x00" + message.payload
        first = 0x32 | message.retain
        self._answer(link, bytes((first,)) + _length(len(body)) + body)

    def _answer(self, link: _Link, packet: bytes) -> None:
        self._later(WAY_NS, lambda: link.say(packet))

    def _part(self, link: _Link) -> None:
        if link not in self._links:
            return
        self._links.remove(link)
        link.sock.close()
        if link.will is not None:
            self._spread(link.will)


def matches(wish: str, topic: str) -> bool:
    """Say whether a topic is what a subscription asks for (MQTT 5, 4.7)."""
    wanted, there = wish.split("/"), topic.split("/")
    if wanted[-1] == "#":
        return len(there) >= len(wanted) - 1 and _fit(wanted[:-1], there)
    return len(there) == len(wanted) and _fit(wanted, there)


def _fit(wanted: list[str], there: list[str]) -> bool:
    return all(one in ("+", level) for one, level in zip(wanted, there, strict=False))


def _whole(received: bytearray) -> tuple[int, bytes, int] | None:
    length = shift = 0
    for at in range(1, min(5, len(received))):
        length |= (received[at] & 0x7F) << shift
        shift += 7
        if not received[at] & 0x80:
            end = at + 1 + length
            return (
                (received[0], bytes(received[at + 1 : end]), end) if len(received) >= end else None
            )
    return None


def _length(count: int) -> bytes:
    said = bytearray()
    while True:
        count, low = count >> 7, count & 0x7F
        said.append(low | (0x80 if count else 0))
        if not count:
            return bytes(said)


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : end], end


def _block(body: bytes, at: int) -> tuple[bytes, int]:
    """Pass over a block of properties; ours are shorter than 128 bytes, or have two bytes."""
    length, begin = body[at], at + 1
    if length & 0x80:
        length, begin = length & 0x7F | body[at + 1] << 7, at + 2
    return body[begin : begin + length], begin + length
