"""A subscriber on a raw socket, light enough never to be what is measured.

It keeps the bytes of each PUBLISH with the moment of their arrival and looks into them only after
the run. It never blocks: whoever owns it selects on `fileno` and calls `pump`.
"""

import re
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

SCAN_BYTES: Final = b"BENCH-LOT-%010d"
"""What the bench scans; the digits count the scans made."""

TOPIC: Final = "acme/plant1/assembly/line3/A2/scan"
"""The topic that is followed unless another is given."""

_TEXT = re.compile(rb'"text": ?"BENCH-LOT-(\d{10})"')
_ID = re.compile(rb'"id": ?"([^"]+)"')
_CHUNK_BYTES = 262_144


def _packet(kind: int, body: bytes) -> bytes:
    left, head = len(body), bytearray((kind,))
    while left >= 128:
        head.append(left & 127 | 128)
        left >>= 7
    head.append(left)
    return bytes(head) + body


def _whole(stream: bytes, at: int) -> tuple[int, int] | None:
    """Say where the body of the packet at `at` begins and how long it is; None while it is cut."""
    left, shift, body, end = 0, 0, at + 1, len(stream)
    while body < end:
        digit = stream[body]
        left |= (digit & 127) << shift
        shift += 7
        body += 1
        if digit < 128:
            return (body, left) if body + left <= end else None
    return None


@dataclass
class Balance:
    """What arrived, against what was made: all counts, `arrived_ns` by the number of the scan."""

    arrived_ns: dict[int, int] = field(default_factory=dict)
    repeats: int = 0  # the same id again
    twice: int = 0  # the same scan under another id
    disorder: int = 0  # a first arrival behind a later scan
    invented: int = 0  # not a scan of ours


class Subscriber:
    """One persistent session, QoS 0 or 1; `first_ns` is when it was last let in."""

    def __init__(self, port: int, *, qos: int, name: str = "bench", topic: str = TOPIC) -> None:
        self.port, self.qos, self.name = port, qos, name
        self._wanted = struct.pack(">H", len(topic)) + topic.encode() + bytes((qos,))
        self.sock: socket.socket | None = None
        self.arrivals: list[tuple[int, int, bytes]] = []
        self.first_ns = 0
        self.subscribed = False
        self._rest = b""

    def fileno(self) -> int:
        return -1 if self.sock is None else self.sock.fileno()

    def connect(self) -> bool:
        """Try once; False when nobody listens."""
        try:
            sock = socket.create_connection(("127.0.0.1", self.port), timeout=1)
        except OSError:
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = self.name.encode()
        body = b"\x00\x04MQTT\x04\x00\x00\x00" + struct.pack(">H", len(name)) + name
        sock.sendall(_packet(0x10, body))
        sock.sendall(_packet(0x82, b"\x00\x01" + self._wanted))
        sock.setblocking(False)
        self.sock, self._rest, self.subscribed = sock, b"", False
        return True

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        self.subscribed = False

    def pump(self) -> None:
        """Take what is there."""
        if self.sock is None:
            return
        try:
            chunk = self.sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        now_ns = time.monotonic_ns()
        if not chunk:
            self.close()
            return
        self.take(chunk, now_ns)

    def take(self, chunk: bytes, now_ns: int) -> None:
        """Take bytes of the stream, cut anywhere, that arrived at `now_ns`."""
        stream = self._rest + chunk if self._rest else chunk
        at, acks = 0, []
        while (body_left := _whole(stream, at)) is not None:
            body, left = body_left
            kind = stream[at] & 0xF0
            if kind == 0x30:
                if self.qos:
                    pid_at = body + 2 + (stream[body] << 8 | stream[body + 1])
                    acks.append(b"\x40\x02" + stream[pid_at : pid_at + 2])
                self.arrivals.append((now_ns, stream[at], stream[body : body + left]))
            elif kind == 0x20:
                self.first_ns = now_ns
            elif kind == 0x90:
                self.subscribed = True
            at = body + left
        self._rest = stream[at:]
        if acks and self.sock is not None:
            try:
                self.sock.sendall(b"".join(acks))
            except OSError:
                self.close()

    def balance(self) -> Balance:
        """Look into all that has arrived."""
        found, ids, last = Balance(), set(), -1
        for at_ns, head, body in self.arrivals:
            scan, event_id = _TEXT.search(body), _ID.search(body)
            if scan is None or event_id is None:
                found.invented += 1
                continue
            if event_id[1] in ids:
                # with DUP it is the broker that says it again to us, not the publisher to it
                found.repeats += not head & 0x08
                continue
            ids.add(event_id[1])
            number = int(scan[1])
            if number in found.arrived_ns:
                found.twice += 1
                continue
            found.arrived_ns[number] = at_ns
            found.disorder += number < last
            last = max(last, number)
        return found
