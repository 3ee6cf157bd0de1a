"""What the world was told before the power went, and the check that the journal kept it.

Rules:
1. `Handed` is marked before a commit is asked for, `Told` after it returned: only then did
   somebody see a green light.
2. What was told must be there, whole; what was only handed over may be there, whole; nothing else.
3. A row may be missing only where a trim was allowed to take it.
"""

import copy
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Self

from edge_agent.journal.store import Store
from edge_agent.records import Batch, Cursor, Restored, StoredRow
from edge_agent.wire.payload import Envelope

EVER = 1 << 40
"""A number above any that a test gives out."""


class Phase(NamedTuple):
    """A stretch of the journal's life, for the choice of cuts and for the table."""

    name: str


class Opened(NamedTuple):
    """The journal is open, and what it holds is published from now on: it must never vanish."""

    restored: Restored


class Handed(NamedTuple):
    """A commit is about to be asked for."""

    batch: Batch
    cursor: Cursor


class Told(NamedTuple):
    """The commit returned; the lights went green."""

    batch: Batch
    cursor: Cursor


class Known(NamedTuple):
    """One event as it was handed over."""

    lane: int
    topic: str
    n: int
    payload: bytes


@dataclass
class Ledger:
    """What is known outside, folded from the marks up to the cut."""

    epoch: str | None = None
    rows: dict[int, Known] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    envelopes: dict[int, Envelope] = field(default_factory=dict)
    told_high: int = 0
    handed_high: int = 0
    told_cursor: Cursor = field(default_factory=Cursor)
    handed_cursor: Cursor = field(default_factory=Cursor)
    trimmed_upto: int = 0
    told_snapshots: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    handed_snapshots: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    told_aside: set[tuple[int, int]] = field(default_factory=set)
    told_commands: dict[str, str] = field(default_factory=dict)
    told_boots: dict[str, int] = field(default_factory=dict)

    def take(self, note: object) -> None:
        """Fold one mark in."""
        match note:
            case Opened(restored):
                self._open(restored)
            case Handed(batch, cursor):
                self._hand_over(batch, cursor)
            case Told(batch, cursor):
                self._tell(batch, cursor)

    def copy(self) -> Self:
        """Make one that goes its own way."""
        twin = copy.copy(self)
        for item in fields(self):
            held = getattr(self, item.name)
            if isinstance(held, dict | set):
                setattr(twin, item.name, held.copy())
        return twin

    def _open(self, restored: Restored) -> None:
        self.epoch = restored.epoch
        self.rows = {seq: row for seq, row in self.rows.items() if seq <= restored.high}
        self.topics = {number: topic for topic, (number, _) in restored.streams.items()}
        self.envelopes = {
            number: _envelope(*key, restored.epoch) for key, number in restored.envelopes.items()
        }
        self.told_high = self.handed_high = restored.high
        self.told_cursor = self.handed_cursor = restored.cursor
        self.told_snapshots = dict(restored.snapshots)
        self.handed_snapshots = dict(restored.snapshots)

    def _hand_over(self, batch: Batch, cursor: Cursor) -> None:
        self.topics.update(batch.streams)
        self.envelopes.update((number, _envelope(*said)) for number, *said in batch.envelopes)
        for seq, lane, stream, n, _, _, body, envelope in batch.rows:
            payload = self.envelopes[envelope].whole(seq, n, body)
            self.rows[seq] = Known(lane, self.topics[stream], n, payload)
            self.handed_high = seq
        self.handed_cursor = cursor
        if batch.trim is not None:
            self.trimmed_upto = batch.trim.upto
        for name, upto, body in batch.snapshots:
            self.handed_snapshots[name] = (upto, body)

    def _tell(self, batch: Batch, cursor: Cursor) -> None:
        if batch.rows:
            self.told_high = batch.rows[-1][0]
        self.told_cursor = cursor
        for name, upto, body in batch.snapshots:
            self.told_snapshots[name] = (upto, body)
        self.told_aside.update((lane, seq) for lane, seq, _ in batch.aside)
        self.told_commands.update({id_: result for id_, _, result in batch.commands})
        self.told_boots.update(dict(batch.boots))


def _envelope(source: str, kind: str, lane: str, agent: str, epoch: str) -> Envelope:
    return Envelope(source=source, kind=kind, lane=lane, agent=agent, epoch=epoch)


def complaints(store: Store, ledger: Ledger) -> list[str]:
    """List how an opened journal differs from what the world was told; empty when it kept all."""
    found = [*_of_rows(store, ledger), *_of_state(store, ledger)]
    (verdict,) = store.sql.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        found.append(f"integrity: {verdict}")
    return found


def _of_rows(store: Store, ledger: Ledger) -> list[str]:
    found: list[str] = []
    if ledger.told_high and store.epoch != ledger.epoch:
        return [f"epoch was {ledger.epoch} and is {store.epoch}"]
    present = {row.seq: row for row in all_rows(store, store.epoch)}
    lost = set(range(ledger.trimmed_upto + 1, ledger.told_high + 1)) - set(present)
    if lost:
        found.append(f"lost {len(lost)} acknowledged rows: {min(lost)}..{max(lost)}")
    for seq, row in present.items():
        if not row.sound or ledger.rows.get(seq) != (row.lane, row.topic, row.n, row.payload):
            found.append(f"row {seq} is not what was handed over (sound: {row.sound})")
    if store.high not in (ledger.told_high, ledger.handed_high):
        found.append(f"high is {store.high}, told {ledger.told_high}")
    holes = set(range(ledger.trimmed_upto + 1, store.high + 1)) - set(present) - lost
    if holes:
        found.append(f"holes in what was handed over: {min(holes)}..{max(holes)}")
    return found


def _of_state(store: Store, ledger: Ledger) -> list[str]:
    restored = store.restore()
    found = [f"holes reported: {restored.missing}"] if restored.missing else []
    low, high = ledger.told_cursor, ledger.handed_cursor
    if not all(a <= b <= c for a, b, c in zip(low, restored.cursor, high, strict=True)):
        found.append(f"cursor {restored.cursor} is not between {low} and {high}")
    for name, told in ledger.told_snapshots.items():
        if restored.snapshots.get(name) not in (told, ledger.handed_snapshots[name]):
            found.append(f"snapshot {name} upto {told[0]} is gone")
    for name, kept in restored.snapshots.items():
        if kept not in (ledger.told_snapshots.get(name), ledger.handed_snapshots.get(name)):
            found.append(f"snapshot {name} upto {kept[0]} was never handed over")
        if kept[0] > restored.high:
            found.append(f"snapshot {name} upto {kept[0]} runs ahead of the rows")
    aside = {(lane, seq) for lane, seq in ledger.told_aside if seq > ledger.trimmed_upto}
    if not aside <= set(store.reasons()):
        found.append("a row set aside has lost its reason")
    if any(store.executed(id_) != result for id_, result in ledger.told_commands.items()):
        found.append("an executed command is forgotten")
    if not ledger.told_boots.items() <= restored.boots.items():
        found.append("the offset of a boot is forgotten")
    return found


def all_rows(store: Store, epoch: str) -> list[StoredRow]:
    """Read every row of an epoch, page by page."""
    rows: list[StoredRow] = []
    while page := store.stretch(epoch, rows[-1].seq + 1 if rows else 1, EVER):
        rows += page
    return rows
