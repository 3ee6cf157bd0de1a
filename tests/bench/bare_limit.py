"""Rival (a), the bare limit: what this design costs in Python when nothing else is asked of it.

    bare_limit.py TTY BROKER_PORT DB_FILE

One thread, one epoll loop. Reads scans from a tty, commits every group of them in one transaction
(WAL, synchronous=FULL, psow=0, one exclusive connection, so one fdatasync), answers each with one
byte, and only then publishes it by hand-made MQTT 3.1.1 packets, QoS 1, 20 in flight. Rows that
were not acknowledged are published at the next start. No configuration, no labels, no state; it
was made to be measured against and for nothing else.
"""

import json
import os
import select
import signal
import socket
import sqlite3
import struct
import sys
import termios
import time
import tty
import zlib
from collections import deque
from itertools import islice

SUFFIX = b"\r\n"
GOOD_READ = b"\x06"
TOPIC = b"acme/plant1/assembly/line3/A2/scan"
WINDOW = 20
WAITING_MAX = 16_384  # beyond it rows are read back from the journal in pages
PAGE_ROWS = 256
KEEP_ROWS = 100_000  # acknowledged rows that stay for a replay
TRIM_EVERY = 256
RETRY_S = 0.2
KEEPALIVE_S = 30
TTY_BYTES = 16_384

WAL_FIRST_BYTES = 4_500_000  # the log is grown once, so that later commits change no metadata
PRAGMAS = (
    "page_size=4096",
    "locking_mode=EXCLUSIVE",
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=1000",
)
SCHEMA = """
create table if not exists ev(seq integer primary key, acked integer, crc integer, p blob) strict;
create table if not exists meta(epoch text) strict;
"""


class Journal:
    """Rows on disk; `record` returns once they are safe."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(f"file:{path}?psow=0", uri=True, isolation_level=None)
        for pragma in PRAGMAS:
            self.db.execute(f"pragma {pragma}").fetchall()
        self.db.executescript(SCHEMA)
        self.db.execute("create table grow(z blob)")
        self.db.execute("insert into grow values (zeroblob(?))", (WAL_FIRST_BYTES,))
        self.db.execute("drop table grow")
        self.db.execute("pragma wal_checkpoint(PASSIVE)").fetchall()
        if self.db.execute("select count(*) from meta").fetchone()[0] == 0:
            self.db.execute("insert into meta values (?)", (os.urandom(6).hex(),))
        (self.epoch,) = self.db.execute("select epoch from meta").fetchone()
        last = self.db.execute("select seq, acked from ev order by seq desc limit 1").fetchone()
        self.last: int = last[0] if last else 0
        self.acked: int = last[1] if last else 0
        self.trimmed = self.last
        self.commits = 0

    def record(self, payloads: list[bytes]) -> int:
        """Commit one group; return the number of its first row."""
        first = self.last + 1
        acked, crc = self.acked, zlib.crc32
        execute = self.db.execute
        execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "insert into ev values (?,?,?,?)",
            ((seq, acked, crc(p), p) for seq, p in enumerate(payloads, first)),
        )
        if first - self.trimmed >= TRIM_EVERY:
            execute("delete from ev where seq <= ?", (acked - KEEP_ROWS,))
            self.trimmed = first
        execute("COMMIT")
        self.last += len(payloads)
        self.commits += 1
        return first

    def tell(self) -> None:
        print(json.dumps({"commits": self.commits}), file=sys.stderr, flush=True)

    def page(self, after: int) -> list[tuple[int, bytes]]:
        rows = self.db.execute(
            "select seq, p, crc from ev where seq > ? order by seq limit ?", (after, PAGE_ROWS)
        )
        return [(seq, p) for seq, p, crc in rows if zlib.crc32(p) == crc]


class Uplink:
    """Committed rows to the broker, in order, at most `WINDOW` without a PUBACK."""

    def __init__(self, port: int, journal: Journal, epoll: select.epoll) -> None:
        self.port, self.journal, self.epoll = port, journal, epoll
        self.sock: socket.socket | None = None
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.loaded = journal.acked  # the last row that is in `waiting` or was
        self.in_flight: deque[int] = deque()
        self.early: set[int] = set()
        self.rest = b""
        self.unsent = b""
        self.heads: dict[int, bytes] = {}
        self.spoke_s = 0.0

    def connect(self) -> bool:
        sock = None
        try:
            sock = socket.create_connection(("127.0.0.1", self.port), timeout=1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = b"bare-limit"
            body = b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", 2 * KEEPALIVE_S, len(name)) + name
            sock.sendall(bytes((0x10, len(body))) + body)
            let_in = sock.recv(4) == b"\x20\x02\x00\x00"
        except OSError:
            let_in = False
        if sock is None or not let_in:
            if sock is not None:
                sock.close()
            return False
        sock.setblocking(False)
        self.sock, self.rest, self.unsent = sock, b"", b""
        self.waiting.clear()
        self.in_flight.clear()
        self.early.clear()
        self.loaded = self.journal.acked
        self.epoll.register(sock.fileno(), select.EPOLLIN)
        self.spoke_s = time.monotonic()
        self.pump()
        return True

    def hang_up(self) -> None:
        if self.sock is not None:
            self.epoll.unregister(self.sock.fileno())
            self.sock.close()
            self.sock = None

    def committed(self, first: int, payloads: list[bytes]) -> None:
        if self.loaded == first - 1 and len(self.waiting) < WAITING_MAX:
            self.waiting.extend(enumerate(payloads, first))
            self.loaded += len(payloads)
        self.pump()

    def pump(self) -> None:
        room = WINDOW - len(self.in_flight)
        if self.sock is None or room <= 0 or self.unsent:
            return
        waiting = self.waiting
        if not waiting and self.loaded < self.journal.last:
            waiting.extend(self.journal.page(self.loaded))
            self.loaded = waiting[-1][0] if waiting else self.journal.last
        rows = list(islice(waiting, room))
        if not rows:
            return
        packets: list[bytes] = []
        for seq, payload in rows:
            waiting.popleft()
            head = self.heads.get(len(payload)) or self.head(len(payload))
            packets += (head, (seq % 65_535 + 1).to_bytes(2, "big"), payload)
            self.in_flight.append(seq)
        self.send(b"".join(packets))

    def head(self, payload_bytes: int) -> bytes:
        left = 2 + len(TOPIC) + 2 + payload_bytes
        head = bytearray((0x32,))
        while left >= 128:
            head.append(left & 127 | 128)
            left >>= 7
        head.append(left)
        made = bytes(head) + struct.pack(">H", len(TOPIC)) + TOPIC
        self.heads[payload_bytes] = made
        return made

    def send(self, packets: bytes) -> None:
        assert self.sock is not None
        try:
            sent = self.sock.send(packets)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.hang_up()
            return
        self.unsent = packets[sent:]
        self.epoll.modify(self.sock.fileno(), select.EPOLLIN | bool(self.unsent) * select.EPOLLOUT)

    def ready(self, events: int) -> None:
        assert self.sock is not None
        if events & select.EPOLLOUT and self.unsent:
            self.send(self.unsent)
        if events & ~select.EPOLLOUT and self.sock is not None:
            try:
                chunk = self.sock.recv(4096)
            except OSError:
                chunk = b""
            if not chunk:
                self.hang_up()
                return
            self.acknowledge(self.rest + chunk)
            self.pump()

    def acknowledge(self, packets: bytes) -> None:
        in_flight, at = self.in_flight, 0
        while len(packets) - at >= 2 and len(packets) - at >= 2 + packets[at + 1]:
            if packets[at] == 0x40:
                pid = packets[at + 2] << 8 | packets[at + 3]
                if in_flight and in_flight[0] % 65_535 + 1 == pid:
                    self.journal.acked = in_flight.popleft()
                else:
                    self.early.add(pid)
                while self.early and in_flight and in_flight[0] % 65_535 + 1 in self.early:
                    self.early.discard(in_flight[0] % 65_535 + 1)
                    self.journal.acked = in_flight.popleft()
            at += 2 + packets[at + 1]
        self.rest = packets[at:]

    def tick(self, now_s: float) -> None:
        if self.sock is None:
            self.connect()
        elif now_s - self.spoke_s > KEEPALIVE_S and not self.unsent:
            self.spoke_s = now_s
            self.send(b"\xc0\x00")


class Scanner:
    """The tty: bytes in, payloads out, one byte back for each that is safe."""

    def __init__(self, path: str, journal: Journal) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)  # what waits in it stays
        self.journal = journal
        self.tail = b""
        self.second, self.stamp = 0, b""

    def read(self) -> list[bytes]:
        chunk = os.read(self.fd, TTY_BYTES)
        if not chunk:
            raise SystemExit("the tty is gone")
        now_ns, mono_ns = time.time_ns(), time.monotonic_ns()
        scans = (self.tail + chunk).split(SUFFIX)
        self.tail = scans.pop()
        second = now_ns // 1_000_000_000
        if second != self.second:
            self.second = second
            self.stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        template = (
            b'{"specversion":"1.0","id":"%s-%%012d","source":"/acme/plant1/assembly/line3/A2",'
            b'"type":"scan.read","time":"%s.%03dZ","monons":"%d","data":{"device":"gun-1","text":%%b}}'
            % (
                self.journal.epoch.encode(),
                self.stamp,
                now_ns // 1_000_000 % 1000,
                mono_ns,
            )
        )
        first = self.journal.last + 1
        return [template % (seq, self.quoted(s)) for seq, s in enumerate(scans, first)]

    def quoted(self, scan: bytes) -> bytes:
        if scan.isalnum() or scan.replace(b"-", b"").isalnum():
            return b'"%s"' % scan
        return json.dumps(scan.decode("utf-8", "replace")).encode()

    def answer(self, count: int) -> None:
        try:
            os.write(self.fd, GOOD_READ * count)
        except BlockingIOError:
            pass  # nobody listens for the beep


def main() -> None:
    tty_path, port, db_file = sys.argv[1:]
    journal = Journal(db_file)
    signal.signal(signal.SIGUSR1, lambda *_: journal.tell())
    epoll = select.epoll()
    scanner = Scanner(tty_path, journal)
    uplink = Uplink(int(port), journal, epoll)
    uplink.connect()
    epoll.register(scanner.fd, select.EPOLLIN)
    tty_fd, poll, next_tick_s = scanner.fd, epoll.poll, 0.0
    while True:
        ready = poll(RETRY_S if uplink.sock is None else KEEPALIVE_S, 4)
        readable = False
        for fd, events in ready:
            if fd == tty_fd:
                readable = True
            elif uplink.sock is not None:
                uplink.ready(events)  # first: the broker works while we wait for the disk
        if readable and (payloads := scanner.read()):
            first = journal.record(payloads)
            scanner.answer(len(payloads))
            uplink.committed(first, payloads)
        now_s = time.monotonic()
        if now_s >= next_tick_s:
            next_tick_s = now_s + RETRY_S
            uplink.tick(now_s)


if __name__ == "__main__":
    main()
