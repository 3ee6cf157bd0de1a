"""Lives of a journal to be recorded: what an agent does with it, faster and with less mercy."""

import random
from collections.abc import Callable
from pathlib import Path

from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.ports import Lane
from edge_agent.records import Batch, Cursor, Trim, row_crc
from edge_agent.wire import payload as wire
from tests.crash.ledger import Handed, Opened, Phase, Told

QUOTA_BYTES = 64 << 20

SIZES = (1, 1, 1, 2, 3, 5, 8, 20, 64)
"""Rows per commit: mostly a scan by itself, now and then a burst."""

TOPICS = ("p/A1/scan", "p/A2/scan", "p/A2/andon", "p/A1/alarm")

Mark = Callable[[object], None]


class World:
    """What surrounds a journal: scans that come, a broker that acknowledges, an agent that asks.

    `mark` writes down what was handed over and what was told; `ack_early` tells before it is so.
    """

    def __init__(self, rng: random.Random, mark: Mark, *, ack_early: bool = False) -> None:
        self._rng = rng
        self._mark = mark
        self._ack_early = ack_early
        self.seq = 0
        self._streams: dict[str, int] = {}
        self._envelopes: dict[tuple[str, str, str, str], int] = {}
        self._epoch = ""
        self._body = wire.BodyTemplate("4be1c2d3")
        self._counts: dict[str, int] = {}
        self._committed: dict[int, int] = {Lane.NORMAL: 0, Lane.URGENT: 0}
        self._cursor = Cursor()
        self._made = 0

    def open(self, data_dir: Path) -> Store:
        """Open the journal and go on from what it holds."""
        store = open_store(data_dir, quota_bytes=QUOTA_BYTES)
        self.adopt(store)
        return store

    def adopt(self, store: Store) -> None:
        """Go on from what an opened journal holds."""
        restored = store.restore()
        self._mark(Opened(restored))
        self.seq = restored.high
        self._streams = {topic: number for topic, (number, _) in restored.streams.items()}
        self._envelopes, self._epoch = dict(restored.envelopes), restored.epoch
        self._counts = {topic: n for topic, (_, n) in restored.streams.items()}
        self._cursor = restored.cursor
        self._committed = {Lane.NORMAL: restored.cursor.normal, Lane.URGENT: restored.cursor.urgent}

    def phase(self, name: str) -> None:
        """Begin a stretch of the life."""
        self._mark(Phase(name))

    def batch(self, size: int) -> Batch:
        """Make a batch of events, the cursor in its last row."""
        batch = Batch()
        for place in range(size):
            topic = self._rng.choice(TOPICS)
            if topic not in self._streams:
                self._streams[topic] = len(self._streams) + 1
                batch.streams.append((self._streams[topic], topic))
            stream = self._streams[topic]
            lane = Lane.NORMAL if topic.endswith("scan") else Lane.URGENT
            self.seq += 1
            n = self._counts[topic] = self._counts.get(topic, 0) + 1
            last = place == size - 1
            cursor = self._cursor.text() if last else None
            envelope = self._envelope(topic, lane, batch)
            said = b'{"seq":%d,' % self.seq + self._rng.randbytes(self._length_bytes())
            body = bytes(self._body.render(self.seq * 1000, self.seq, wire.SYNCED, said))
            crc = row_crc(self.seq, int(lane), stream, cursor, body, envelope)
            batch.rows.append((self.seq, int(lane), stream, n, cursor, crc, body, envelope))
        self._made += 1
        return batch

    def _envelope(self, topic: str, lane: Lane, batch: Batch) -> int:
        key = (f"/{topic}", topic.rpartition("/")[2], lane.name.lower(), "pi-a2")
        if key not in self._envelopes:
            self._envelopes[key] = len(self._envelopes) + 1
            batch.envelopes.append((self._envelopes[key], *key, self._epoch))
        return self._envelopes[key]

    def _length_bytes(self) -> int:
        return self._rng.choice((230, 250, 250, 300, 900)) if self._rng.random() < 0.98 else 6000

    def ornament(self, batch: Batch) -> Batch:
        """Let housekeeping ride along, as an agent does now and then."""
        if self._made % 4 == 0:
            upto = batch.rows[-1][0]
            batch.snapshots.append(("line", upto, self._rng.randbytes(700)))
        if self._made % 5 == 0:
            upto = min(self._cursor.normal, self._cursor.urgent)
            batch.trim = Trim(upto, upto // 2, 20_000, 0)
        if self._made % 7 == 0:
            batch.aside.append((batch.rows[0][1], batch.rows[0][0], "too large"))
        if self._made % 6 == 0:
            batch.commands.append((f"c-{self._made}", self._made, "done"))
        if self._made % 9 == 0:
            batch.boots.append((f"{self._made:08x}", self._rng.getrandbits(40)))
        return batch

    def commit(self, store: Store, batch: Batch) -> None:
        """Hand a batch over and tell when it is kept; the broker acknowledges some of the past."""
        carried = Cursor.parse(batch.rows[-1][4] or "")
        self._mark(Handed(batch, carried))
        if self._ack_early:
            self._mark(Told(batch, carried))
        store.commit(batch)
        if not self._ack_early:
            self._mark(Told(batch, carried))
        for row in batch.rows:
            self._committed[row[1]] = row[0]
        self._acknowledge()

    def _acknowledge(self) -> None:
        normal, urgent, salvaged = self._cursor
        if self._rng.random() < 0.6:
            normal = self._rng.randint(normal, self._committed[Lane.NORMAL])
        if self._rng.random() < 0.6:
            urgent = self._rng.randint(urgent, self._committed[Lane.URGENT])
        self._cursor = Cursor(normal, urgent, salvaged)

    def commits(self, store: Store, count: int, *, plain: bool = False) -> None:
        """Commit `count` batches of 1 to 64 rows."""
        for _ in range(count):
            batch = self.batch(self._rng.choice(SIZES))
            self.commit(store, batch if plain else self.ornament(batch))


def service(data_dir: Path, world: World) -> None:
    """Live through first boot, work, housekeeping, checkpoints, a clean end and a second boot."""
    world.phase("first boot")
    store = world.open(data_dir)
    world.phase("commits")
    world.commits(store, 12, plain=True)
    world.phase("cursor, trim, snapshot")
    world.commits(store, 30)
    world.phase("checkpoint")
    for _ in range(3):
        store.checkpoint()
        world.commits(store, 3)
    store.checkpoint()
    world.phase("clean close")
    store.close()
    world.phase("second boot")
    store = world.open(data_dir)
    world.phase("commits after it")
    world.commits(store, 12)
    store.close()
