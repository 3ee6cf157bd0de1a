"""A TCP proxy with faults, between a client and a broker; it reads the MQTT that passes.

One thread, one `select` loop. Faults are switched while it runs:
- `refuse()`: nobody listens; `listen()`: somebody does again, on the same port
- `hole()`: everything is swallowed, connections stand, new ones are taken; `heal()` ends it
- `cut()`: every connection is reset now
- `cut_after(n)`: each connection, old or new, is reset when so many more bytes came from the client
- `hang_up_on`: protocol versions whose CONNECT is answered by closing
- `puback`: what to do with a PUBACK: `pass`, `drop`, `double`, `hold` (until `release()`), or
  `pass_first`: only the first of each connection, and drop the others
`accepted_ns` and `connack_ns` keep the moments of connections and of the CONNACKs that came.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

CONNECT, CONNACK, PUBACK = 0x10, 0x20, 0x40
SEND_S = 10.0


class Packets:
    """Cuts a stream of MQTT into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        self._rest += chunk
        found = []
        while (size := self._size()) is not None and size <= len(self._rest):
            found.append(self._rest[:size])
            self._rest = self._rest[size:]
        return found

    def _size(self) -> int | None:
        value = shift = 0
        for at in range(1, min(5, len(self._rest))):
            value |= (self._rest[at] & 127) << shift
            if self._rest[at] < 128:
                return at + 1 + value
            shift += 7
        return None


class Pair:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, broker: socket.socket | None) -> None:
        self.client = client
        self.broker = broker
        self.from_client = Packets()
        self.from_broker = Packets()
        self.held: list[bytes] = []
        self.left: int | None = None
        self.first = True
        self.answered = False
        self.greeted = False

    def reset(self) -> None:
        for sock in (self.client, self.broker):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()


class Proxy:
    """Listens on `port`, forwards to `upstream_port` of this machine."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.hang_up_on: set[int] = set()
        self.puback = "pass"
        self.connections = 0
        self.hung_up = 0
        self.pubacks_seen = 0
        self.accepted_ns: list[int] = []
        self.connack_ns: list[int] = []
        self._cut_after: int | None = None
        self._hole = False
        self._pairs: dict[socket.socket, Pair] = {}
        self._selector = selectors.DefaultSelector()
        self._orders: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._listener: socket.socket | None = None
        self.port = 0
        self._open()
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    # -- the test's side -----------------------------------------------------------------------

    def refuse(self) -> None:
        """Listen no more; connections that stand are reset."""

        def act() -> None:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
            self._reset_all()

        self._order(act)

    def listen(self) -> None:
        self._order(self._open)

    def hole(self) -> None:
        self._order(lambda: setattr(self, "_hole", True))

    def heal(self) -> None:
        """Let things pass again; what was swallowed is gone, and its connections are reset."""

        def act() -> None:
            self._hole = False
            self._reset_all()

        self._order(act)

    def cut(self) -> None:
        self._order(self._reset_all)

    def cut_after(self, count: int | None) -> None:
        def act() -> None:
            self._cut_after = count
            for pair in self._pairs.values():
                pair.left = count

        self._order(act)

    def release(self) -> None:
        """Deliver the PUBACKs that were held."""

        def act() -> None:
            self.puback = "pass"
            for pair in set(self._pairs.values()):
                held, pair.held = pair.held, []
                self._send(pair, pair.client, b"".join(held))

        self._order(act)

    def close(self) -> None:
        def act() -> None:
            self._running = False

        self._order(act)
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _order(self, act: Callable[[], None]) -> None:
        done = threading.Event()
        self._orders.append((act, done))
        self._wake_in.send(b"!")
        assert done.wait(SEND_S), "the proxy is stuck"

    # -- the proxy's thread --------------------------------------------------------------------

    def _open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self.port = listener.getsockname()[1]
        self._selector.register(listener, selectors.EVENT_READ)
        self._listener = listener

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._wake_out:
                    self._obey()
                elif sock is self._listener:
                    self._accept(sock)
                elif sock in self._pairs:
                    self._forward(self._pairs[sock], sock)
        self._reset_all()
        if self._listener is not None:
            self._listener.close()
        self._wake_in.close()
        self._wake_out.close()
        self._selector.close()

    def _obey(self) -> None:
        self._wake_out.recv(64)
        while self._orders:
            act, done = self._orders.popleft()
            act()
            done.set()

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        self.connections += 1
        self.accepted_ns.append(time.monotonic_ns())
        broker: socket.socket | None = None
        if not self._hole:
            try:
                broker = socket.create_connection(("127.0.0.1", self.upstream_port), SEND_S)
            except OSError:
                client.close()
                return
        pair = Pair(client, broker)
        pair.left = self._cut_after
        for sock in (client, broker):
            if sock is not None:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(SEND_S)
                self._pairs[sock] = pair
                self._selector.register(sock, selectors.EVENT_READ)

    def _forward(self, pair: Pair, sock: socket.socket) -> None:
        try:
            chunk = sock.recv(65536)
        except OSError:
            self._reset(pair)
            return
        if not chunk and self._hole:
            self._selector.unregister(sock)  # nobody hears of it
        elif not chunk:
            self._close(pair)
        elif self._hole or pair.broker is None:
            return
        elif sock is pair.client:
            self._from_client(pair, chunk)
        else:
            self._from_broker(pair, chunk)

    def _from_client(self, pair: Pair, chunk: bytes) -> None:
        assert pair.broker is not None
        if pair.first and self.hang_up_on:
            pair.first = False
            if chunk[0] == CONNECT and chunk[chunk.index(b"MQTT") + 4] in self.hang_up_on:
                self.hung_up += 1
                self._close(pair)
                return
        if pair.left is not None:
            if len(chunk) >= pair.left:
                self._send(pair, pair.broker, chunk[: pair.left])
                self._reset(pair)
                return
            pair.left -= len(chunk)
        self._send(pair, pair.broker, chunk)

    def _from_broker(self, pair: Pair, chunk: bytes) -> None:
        if not pair.greeted and chunk[0] == CONNACK:
            pair.greeted = True
            self.connack_ns.append(time.monotonic_ns())
        if self.puback == "pass" and not pair.from_broker._rest:
            self._send(pair, pair.client, chunk)
            return
        out = b""
        for packet in pair.from_broker.feed(chunk):
            if packet[0] != PUBACK:
                out += packet
                continue
            self.pubacks_seen += 1
            if self.puback == "hold":
                pair.held.append(packet)
            elif self.puback == "pass_first":
                out += b"" if pair.answered else packet
            else:
                out += packet * {"pass": 1, "drop": 0, "double": 2}[self.puback]
            pair.answered = True
        self._send(pair, pair.client, out)

    def _send(self, pair: Pair, sock: socket.socket, chunk: bytes) -> None:
        try:
            sock.sendall(chunk)
        except OSError:
            self._reset(pair)

    def _forget(self, pair: Pair) -> None:
        for sock in (pair.client, pair.broker):
            if sock is None or self._pairs.pop(sock, None) is None:
                continue
            if sock in self._selector.get_map():
                self._selector.unregister(sock)

    def _reset(self, pair: Pair) -> None:
        self._forget(pair)
        pair.reset()

    def _close(self, pair: Pair) -> None:
        self._forget(pair)
        for sock in (pair.client, pair.broker):
            if sock is not None:
                sock.close()

    def _reset_all(self) -> None:
        for pair in set(self._pairs.values()):
            self._reset(pair)
