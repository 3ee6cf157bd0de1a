"""One TCP or TLS connection: whole MQTT packets in, one coalesced send out.

Rules:
1. A wake-up is one large `recv` into the buffer made at start; a turn is one `send`.
2. PUBACKs go straight to the window. Every other packet is shown to paho, whole, one at a time,
   through `recv` and `send`: to paho this is its socket.
3. Nothing here raises on the network's behalf: the connection's end is a word in `ended`.
4. Whoever closes, the descriptor stays open until `shut`: the reactor must forget it first.
"""

import socket
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from edge_agent.uplink import packets

INBOUND_BYTES_MAX: Final = 64 * 1024
"""The largest packet taken in; a longer one is acknowledged, counted and thrown away unread."""

OUTBOUND_BYTES_FULL: Final = 256 * 1024
"""With this much unsent nothing more is put in flight until the broker has read some."""

OUTBOUND_BYTES_MAX: Final = 1024 * 1024
"""With this much unsent, control packets included, the connection is given up as stuck."""

READS_MAX: Final = 8
"""TLS records taken in one wake-up; the rest comes in the next turn."""

_PUBACK_BYTES = 4
_ID_BYTES = 2
_HEAD_BYTES_MAX = 5
_FIRST_TYPE = 0x10
_TYPE_AND_QOS2 = 0xF4
_QOS1 = 0x02

_TRY_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class End(StrEnum):
    """How a connection ended, as far as its bytes tell."""

    OPEN = ""
    CLOSED = "closed"
    LOST = "lost"
    NONSENSE = "nonsense"
    STUCK = "stuck"


class Stream:
    """The connection of one session; `sock` is connected and non-blocking.

    `puback` is called with packet id and reason code, `packet` when `shown` is a whole packet,
    for paho to `recv`. `ended` is not OPEN once nothing will come any more, `fault` the error if
    any; `cut_off` says that the kernel refused some of what was to be sent.
    """

    __slots__ = (
        "_buffer",
        "_fill",
        "_pending",
        "_room",
        "_shown_at",
        "_skip",
        "_sock",
        "bytes_in",
        "bytes_out",
        "cut_off",
        "dropped_by_paho",
        "ended",
        "fault",
        "out",
        "packet",
        "puback",
        "shown",
        "too_large",
    )

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pending = sock.pending if isinstance(sock, ssl.SSLSocket) else _none_pending
        self._buffer = bytearray(INBOUND_BYTES_MAX)
        self._room = memoryview(self._buffer)
        self._fill = 0
        self._skip = 0
        self.shown = bytearray()
        self._shown_at = 0
        self.puback: Callable[[int, int], None] = _nobody
        self.packet: Callable[[], None] = _nothing
        self.out = bytearray()
        self.ended = End.OPEN
        self.fault: OSError | None = None
        self.cut_off = False
        self.dropped_by_paho = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.too_large = 0

    # -- the session's side --------------------------------------------------------------------

    def read(self) -> bool:
        """Take what has arrived and hand it out; True when TLS holds more for the next turn."""
        sock = self._sock
        for _ in range(READS_MAX):
            try:
                count = sock.recv_into(self._room[self._fill :])
            except _TRY_LATER:
                return False
            except OSError as fault:
                self._end(fault)
                return False
            if count == 0:
                self._end(self.fault)
                return False
            self.bytes_in += count
            self._cut(self._fill + count)
            if self.ended or self.dropped_by_paho or not self._pending():
                return False
        return True

    def flush(self) -> bool:
        """Send what waits; False when the kernel took only a part and EPOLLOUT is needed."""
        out = self.out
        while out:
            try:
                count = self._sock.send(out)
            except _TRY_LATER:
                return False
            except OSError as fault:
                # what the broker said last may still be unread: reading finds the end
                self.fault = fault
                self.cut_off = True
                out.clear()
                return True
            self.bytes_out += count
            if count == len(out):
                out.clear()
            else:
                del out[:count]
        return True

    def shut(self) -> None:
        """Close the descriptor; call after the reactor has forgotten it."""
        self._sock.close()

    # -- paho's side ---------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Give paho the next bytes of the packet it is shown; BlockingIOError after its end."""
        chunk = bytes(self.shown[self._shown_at : self._shown_at + size])
        if not chunk:
            raise BlockingIOError
        self._shown_at += len(chunk)
        return chunk

    def send(self, chunk: bytes | bytearray) -> int:
        """Take a control packet of paho into the next send; ConnectionError when stuck."""
        if self.ended:
            raise ConnectionError(self.ended)
        if len(self.out) + len(chunk) > OUTBOUND_BYTES_MAX:
            self.ended = End.STUCK
            raise ConnectionError(self.ended)
        self.out += chunk
        return len(chunk)

    def close(self) -> None:
        """Note that paho has done with this connection."""
        self.dropped_by_paho = True

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        assert not flag, "paho drives this from outside"

    # -- inside --------------------------------------------------------------------------------

    def _end(self, fault: OSError | None) -> None:
        self.fault = fault
        if fault is None or isinstance(fault, _CLOSED):
            self.ended = End.CLOSED
        elif isinstance(fault, ssl.SSLError):
            self.ended = End.NONSENSE
        else:
            self.ended = End.LOST

    def _cut(self, end: int) -> None:
        """Hand out the whole packets before `end`; what is left moves to the front."""
        start = min(self._skip, end)
        self._skip -= start
        while not (self.ended or self.dropped_by_paho):
            start = self._pubacks(start, end)
            stop = self._other(start, end)
            if stop == start:
                break
            start = stop
        self._fill = end - start
        if start and self._fill:
            self._buffer[: self._fill] = self._buffer[start:end]

    def _pubacks(self, start: int, end: int) -> int:
        """Hand out a run of plain PUBACKs: nearly all that ever comes."""
        buffer, puback = self._buffer, self.puback
        while (
            end - start >= _PUBACK_BYTES
            and buffer[start] == packets.PUBACK
            and buffer[start + 1] == _ID_BYTES
        ):
            puback(buffer[start + 2] << 8 | buffer[start + 3], 0)
            start += _PUBACK_BYTES
        return start

    def _other(self, start: int, end: int) -> int:
        """Hand out one packet of any kind; returns `start` if none is whole yet."""
        body, stop = packets.length_at(self._buffer, start, end)
        if body == packets.CUT_SHORT:
            return start
        if body == packets.LENGTH_BROKEN or not self._known(start, body, stop):
            self.ended = End.NONSENSE
            return start
        if stop - start > INBOUND_BYTES_MAX:
            return self._refuse(start, body, stop, end)
        if stop > end:
            return start
        if self._buffer[start] == packets.PUBACK:
            buffer = self._buffer
            code = buffer[body + _ID_BYTES] if stop - body > _ID_BYTES else 0
            self.puback(buffer[body] << 8 | buffer[body + 1], code)
        else:
            self.shown, self._shown_at = self._buffer[start:stop], 0
            self.packet()
        return stop

    def _known(self, start: int, body: int, stop: int) -> bool:
        kind, size = self._buffer[start], stop - body
        if size <= INBOUND_BYTES_MAX - _HEAD_BYTES_MAX:
            # type 0 is reserved, and a PUBACK has a packet id
            return kind >= _FIRST_TYPE and (kind != packets.PUBACK or size >= _ID_BYTES)
        return kind & _TYPE_AND_QOS2 == packets.PUBLISH  # only a message may be so long

    def _refuse(self, start: int, body: int, stop: int, end: int) -> int:
        """Acknowledge a message that is too large, and skip it, once its packet id is here."""
        buffer = self._buffer
        if buffer[start] & _QOS1:
            if body + _ID_BYTES > end:
                return start
            id_at = body + _ID_BYTES + (buffer[body] << 8 | buffer[body + 1])
            if id_at + _ID_BYTES - start > INBOUND_BYTES_MAX:
                self.ended = End.NONSENSE
                return start
            if id_at + _ID_BYTES > end:
                return start
            self.out += packets.puback_for(buffer[id_at] << 8 | buffer[id_at + 1])
        self.too_large += 1
        self._skip = max(stop - end, 0)
        return min(stop, end)


def _nobody(_packet_id: int, _code: int) -> None:
    return


def _nothing() -> None:
    return


def _none_pending() -> int:
    return 0
