"""What one event costs from the queue to its PUBACK: paho's publish against the lane of our own.

Both are driven by the same reactor over the same `Stream` (one large recv, one coalesced send),
both keep 20 in flight, so that only the way through paho differs. The peer is a process that
acknowledges whatever comes, and mosquitto where it is installed.

    python -m tests.bench.publish_lane
"""

import os
import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from edge_agent.clock import SystemClock
from edge_agent.reactor import Reactor
from edge_agent.records import NORMAL, Entry
from edge_agent.uplink import packets
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Accepted, Ending, Greeting, Heard, Session
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.stream import Stream
from edge_agent.uplink.suspicion import Suspicion
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.window import Book, Terms, Window
from tests.kit.brokers import MOSQUITTO, Mosquitto

EVENTS = 20_000
ROUNDS = 3
SLOTS = 20
PAYLOAD = b"x" * 560
TOPIC = b"acme/plant1/assembly/line3/A2/scan"


class PahoStream(Stream):
    """A `Stream` that leaves PUBACKs to paho."""

    def _pubacks(self, start: int, _end: int) -> int:
        return start

    def _other(self, start: int, end: int) -> int:
        body, stop = packets.length_at(self._buffer, start, end)
        if body == packets.CUT_SHORT or stop > end:
            return start
        self.shown, self._shown_at = self._buffer[start:stop], 0
        self.packet()
        return stop


class Shelf:
    """Rows enough for the bench, given in pages at once."""

    def __init__(self, captured_ns: int) -> None:
        self.rows = [Entry(number, TOPIC, PAYLOAD, captured_ns) for number in range(1, EVENTS + 1)]
        self.done = 0

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        rows = self.rows[after_seq : after_seq + 256] if lane == NORMAL else []
        reply(rows, len(rows) < 256)

    def leave_tip(self, lane: int) -> None:
        pass

    def acknowledged_upto(self, _lane: int) -> int:
        return 0

    def acknowledged(self, _lane: int, _seq: int) -> None:
        self.done += 1

    def set_aside(self, lane: int, seq: int, reason: str) -> None:
        raise AssertionError((lane, seq, reason))


class Lane:
    """Our own way."""

    stream_class: type[Stream] = Stream

    def __init__(self, reactor: Reactor, sock: socket.socket, version: Version) -> None:
        self.now = reactor.clock.mono_ns
        self.greeted = False
        self.window: Window | None = None
        self.version = version
        self.stream = self.stream_class(sock)
        self.shelf = Shelf(self.now())
        self.session = Session(
            reactor, self.stream, Greeting("bench", version, None, None, 60, "status", b"off"), self
        )
        self.session.open()

    def begin(self) -> None:
        book = Book(self.shelf, Standing(), Suspicion(Random(1)), Tally(), [0] * 7)
        terms = Terms(self.version, SLOTS, 1 << 20)
        self.window = Window(terms, book, self.stream.out, self, lambda: None)
        self.window.proven = True
        self.stream.puback = self.window.acknowledge
        for lane in self.window.lanes.values():
            lane.top_up()
        self.quiet()

    @property
    def done(self) -> int:
        return self.shelf.done

    def quiet(self) -> None:
        if self.window is not None:
            self.window.fill(self.now())
        self.session.flush()

    def accepted(self, _terms: Accepted) -> None:
        self.greeted = True

    def subscribed(self, granted: list[bool]) -> None: ...
    def heard(self, message: Heard) -> None: ...
    def ended(self, ending: Ending) -> None:
        raise AssertionError(ending)

    def status_answered(self, code: int) -> None: ...
    def publish_refused(self, reason: str, topic: bytes) -> None: ...
    def publish_taken(self, topic: bytes) -> None: ...
    def replay_settled(self, seq: int, reason: str) -> None: ...


class Paho(Lane):
    """paho's publish and on_publish, its queue never longer than the window."""

    stream_class = PahoStream

    def begin(self) -> None:
        self.client = self.session._client
        self.client._max_inflight_messages = 0  # our own window holds
        self.client.on_publish = self._published
        self.rows: Iterator[Entry] = iter(self.shelf.rows)
        self.in_flight: dict[int, int] = {}
        self.begun = True
        self.quiet()

    begun = False

    def _published(
        self, _client: object, _userdata: object, mid: int, _reason: object, _said: object
    ) -> None:
        self.shelf.acknowledged(NORMAL, self.in_flight.pop(mid))

    def quiet(self) -> None:
        if self.begun:
            topic = TOPIC.decode()
            while len(self.in_flight) < SLOTS and (entry := next(self.rows, None)) is not None:
                self.in_flight[self.client.publish(topic, entry.payload, qos=1).mid] = entry.seq
        self.session.flush()


def acknowledge_all(sock: socket.socket) -> None:
    """Answer CONNECT and every PUBLISH, as fast as plain Python can."""
    rest = b""
    while chunk := sock.recv(1 << 17):
        rest += chunk
        at, out = 0, bytearray()
        while len(rest) - at > 4:
            size, shift, body = 0, 0, at + 1
            while True:
                size |= (rest[body] & 127) << shift
                shift += 7
                body += 1
                if rest[body - 1] < 128:
                    break
            if body + size > len(rest):
                break
            if rest[at] == 0x10:
                out += b"\x20\x03\x00\x00\x00" if rest[body + 6] == 5 else b"\x20\x02\x00\x00"
            elif rest[at] & 0xF0 == 0x30:
                topic = struct.unpack_from(">H", rest, body)[0]
                out += b"\x40\x02" + rest[body + 2 + topic : body + 4 + topic]
            at = body + size
        rest = rest[at:]
        sock.sendall(out)


@contextmanager
def pair() -> Iterator[Callable[[], socket.socket]]:
    """Give connections to a process of our own."""
    children = []

    def connect() -> socket.socket:
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            try:
                acknowledge_all(theirs)
            finally:
                os._exit(0)
        theirs.close()
        children.append(child)
        return ours

    yield connect
    for child in children:
        os.waitpid(child, 0)


@contextmanager
def mosquitto() -> Iterator[Callable[[], socket.socket]]:
    """Give connections to a mosquitto."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:

        def connect() -> socket.socket:
            sock = socket.create_connection(("127.0.0.1", broker.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock

        yield connect


def once(way: type[Lane], version: Version, sock: socket.socket) -> tuple[float, float, float]:
    """Give CPU microseconds and wall microseconds per event, and turns per event."""
    sock.setblocking(False)
    reactor = Reactor(SystemClock())
    lane = way(reactor, sock, version)
    while not lane.greeted:
        reactor.turn()
    turns = reactor.turns
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    lane.begin()
    while lane.done < EVENTS:
        reactor.turn()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    turns = reactor.turns - turns
    lane.session.close()
    reactor.close()
    return cpu / EVENTS / 1000, wall / EVENTS / 1000, turns / EVENTS


def main() -> None:
    """Print a table."""
    peers = {"socketpair": pair} | ({} if MOSQUITTO is None else {"mosquitto": mosquitto})
    print(f"{EVENTS} events of {len(PAYLOAD)} bytes, {SLOTS} in flight, median of {ROUNDS}")
    print(f"{'peer':12}{'version':12}{'way':8}{'CPU us':>8}{'wall us':>9}{'turns':>7}")
    for name, peer in peers.items():
        with peer() as connect:
            for version in (Version.V5, Version.V311):
                for way in (Paho, Lane):
                    runs = [once(way, version, connect()) for _ in range(ROUNDS)]
                    cpu, wall, turns = (
                        statistics.median(column) for column in zip(*runs, strict=True)
                    )
                    print(
                        f"{name:12}{version.words:12}{way.__name__.lower():8}"
                        f"{cpu:8.2f}{wall:9.2f}{turns:7.3f}"
                    )


if __name__ == "__main__":
    main()
