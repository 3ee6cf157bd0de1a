"""What goes into the journal, what comes out of it and what can go wrong: values, no SQLite.

Rules:
1. An event row is `(seq, lane, stream, n, cursor, crc, payload, envelope)`; `seq` counts without
   gaps. `payload` is the body that the envelope of that number makes whole; 0 is none: it is whole.
2. `crc` covers the row's number, lane, stream, cursor, payload and envelope.
3. The cursor is the acknowledgement watermark of each lane; it rides in the last row of a batch
   and the latest row that has one is believed.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zlib import crc32

NORMAL: Final = 0
URGENT: Final = 1
SALVAGED: Final = 2

SEQUENCE_DIGITS: Final = 12

PAGE_ROWS: Final = 256
"""Rows of one read from the journal: 0.1 ms of its thread's time."""

Row = tuple[int, int, int, int, "str | None", int, bytes | bytearray, int]
"""An empty cursor is none: SQLite's module is slow to bind None."""


class Cursor(NamedTuple):
    """Up to which number each lane is acknowledged; the salvaged lane counts salvaged rows."""

    normal: int = 0
    urgent: int = 0
    salvaged: int = 0

    def text(self) -> str:
        """Write it as the column holds it."""
        return f"{self.normal} {self.urgent} {self.salvaged}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read the column; raises ValueError."""
        normal, urgent, salvaged = (int(part) for part in text.split(" "))
        return cls(normal, urgent, salvaged)

    def text_with_crc(self) -> str:
        """Write it for a place that no other CRC covers."""
        text = self.text()
        return f"{text} {crc32(text.encode())}"

    @classmethod
    def parse_with_crc(cls, text: str) -> "Cursor":
        """Read that; one that changed is none, which only costs that events are sent again."""
        plain, _, crc = text.rpartition(" ")
        return cls.parse(plain) if crc == str(crc32(plain.encode())) else cls()


EnvelopeRow = tuple[int, str, str, str, str, str]
"""Number, source, type, lane, agent and epoch of an envelope."""


class StoredRow(NamedTuple):
    """One event as read back, whole; `sound` is False when its CRC does not fit its bytes."""

    seq: int
    lane: int
    topic: str
    n: int
    payload: bytes
    sound: bool


class Entry(NamedTuple):
    """One event on its way to the broker.

    `seq` counts in its lane's own space (salvaged rows have numbers of their own); `captured_ns`
    is the monotonic clock of this boot, estimated for what an earlier boot captured.
    """

    seq: int
    topic: bytes
    payload: bytes
    captured_ns: int


@dataclass(slots=True)
class Batch:
    """What one transaction writes.

    `rows` are event rows in order; `streams` are (id, topic) of topics seen for the first time,
    `envelopes` those of this epoch that were never used before;
    `aside` are (lane, seq, reason); `commands` are (id, at, result) of executed commands;
    `snapshots` are (name, upto, body); `boots` are (boot, offset_ns); `housekeeping` asks for the
    trim that goes with this transaction.
    """

    rows: list[Row] = field(default_factory=list)
    streams: list[tuple[int, str]] = field(default_factory=list)
    envelopes: list[EnvelopeRow] = field(default_factory=list)
    aside: list[tuple[int, int, str]] = field(default_factory=list)
    commands: list[tuple[str, int, str]] = field(default_factory=list)
    snapshots: list[tuple[str, int, bytes]] = field(default_factory=list)
    boots: list[tuple[str, int]] = field(default_factory=list)
    meta: list[tuple[str, str]] = field(default_factory=list)
    trim: "Trim | None" = None

    def empty(self) -> bool:
        """Say whether there is nothing to write."""
        return not (
            self.rows
            or self.streams
            or self.envelopes
            or self.aside
            or self.commands
            or self.snapshots
            or self.boots
            or self.meta
            or self.trim
        )


class Trim(NamedTuple):
    """What may go: rows up to `upto` (settled and folded into a snapshot).

    Of those the oldest go until at most `keep_bytes` of payloads remain; those up to `aged_upto`
    go whatever the bytes. Of salvaged rows those up to `salvaged_upto` go, 0 for none.
    """

    upto: int
    aged_upto: int
    keep_bytes: int
    salvaged_upto: int


class Kept(NamedTuple):
    """What the journal holds after a housekeeping commit."""

    used_bytes: int
    payload_bytes: int
    oldest_seq: int
    oldest_salvaged: int = 0


@dataclass(slots=True)
class Restored:
    """What a boot finds."""

    epoch: str
    high: int
    cursor: Cursor
    streams: dict[str, tuple[int, int]]
    envelopes: dict[tuple[str, str, str, str], int]
    snapshots: dict[str, tuple[int, bytes]]
    boots: dict[str, int]
    meta: dict[str, str]
    waiting: tuple[int, int, int]
    oldest_waiting: bytes | None
    set_aside: int
    missing: list[tuple[int, int]]
    kept: Kept
    quarantined: list[str]
    damaged: list[str] = field(default_factory=list)
    """Names of snapshots that do not fit their CRC: what they said is not known."""


class DiskTrouble(Exception):
    """The disk did not keep what it was given; nothing is acknowledged, and it is tried again.

    `kind` is `full`, `read-only`, `failing` or `busy`; `remedy` says what a person can do.
    """

    def __init__(self, kind: str, why: str, remedy: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why
        self.remedy = remedy


class Broken(Exception):
    """The file is not a sound journal any more: it is set apart whole and salvaged."""


class NewerJournal(Exception):
    """The file was written by a newer release; opening it could lose what it knows."""


def row_crc(
    seq: int,
    lane: int,
    stream: int,
    cursor: str | None,
    payload: bytes | bytearray,
    envelope: int = 0,
) -> int:
    """Give the CRC-32 of one event row, its place included: a row that moved is bad too."""
    # it takes the low 32 bits by itself; the small numbers stay small, which makes no garbage
    crc = crc32(payload, seq << 12 ^ (envelope << 5 ^ stream << 1 ^ lane))
    return crc32(cursor.encode(), crc) if cursor else crc


def sealed(plain: object) -> str:
    """Write something down as JSON for a place that no other CRC covers."""
    text = json.dumps(plain, separators=(",", ":"))
    return f"{crc32(text.encode())} {text}"


def unsealed(text: str) -> Any:  # noqa: ANN401 - whatever `sealed` was given
    """Read what `sealed` wrote; None for what has changed since, or was never written."""
    crc, _, plain = text.partition(" ")
    return json.loads(plain) if crc == str(crc32(plain.encode())) and plain else None


def row_fits(crc: object, *row: Any) -> bool:  # noqa: ANN401
    """Say whether a row, as `row_crc` takes it, fits; a damaged one may have anything in it."""
    try:
        return row_crc(*row) == crc
    except (TypeError, AttributeError, OverflowError):
        return False
