"""What can still be read of a broken journal, row by row, by bisection.

Rules:
1. A stretch is halved as long as it gives fewer rows than numbers: a damaged page may raise
   an error, and it may as well end an answer early without a word.
2. Rows are believed by their CRC alone, wherever they were found.
3. What cannot be read, up to the highest number that rows, cursor or snapshots know of, is missing.
"""

import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from edge_agent.journal import schema
from edge_agent.journal.names import Names
from edge_agent.journal.restoring import given_upto
from edge_agent.records import Cursor, row_fits

FAILED_READS_MAX: Final = 1 << 17
"""Reads that may fall short before it is given up; the widest stretches are tried first, so that
whatever is readable in one piece has come out by then. Some seconds of a boot at most."""

ROW_BYTES_MIN: Final = 96
"""No row is smaller: by the size of a file it is known how many it may hold at most."""

PAD_BYTES_MAX: Final = 1 << 30
"""A header that says more is not believed."""

END_ROWS: Final = 64
"""So many rows are looked at from either end for one that is sound: more than a page holds."""

_CONSTANT: Final = (
    b"SQLite format 3\0" + schema.PAGE_BYTES.to_bytes(2, "big") + b"\2\2\0\x40\x20\x20"
)
_PAGES_AT: Final = slice(28, 32)  # of the header: how many pages the file has
_REFUSED: Final = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_NOMEM")

_ROWS: Final = "SELECT seq, lane, stream, n, cursor, crc, payload, envelope FROM event WHERE "


class Old(NamedTuple):
    """A row of the broken journal, made whole."""

    seq: int
    lane: int
    topic: str
    n: int
    payload: bytes
    cursor: str | None


class Wreck(NamedTuple):
    """What was read: rows in order, and what else is known of numbers."""

    epoch: str = ""
    cursor: Cursor = Cursor()
    given: int = 0
    rows: tuple[Old, ...] = ()

    def and_of(self, other: "Wreck") -> "Wreck":
        """Join two readings of the same journal."""
        rows = {row.seq: row for row in (*other.rows, *self.rows)}
        cursor = Cursor(*(max(pair) for pair in zip(self.cursor, other.cursor, strict=True)))
        return Wreck(
            self.epoch or other.epoch,
            cursor,
            max(self.given, other.given),
            tuple(rows[seq] for seq in sorted(rows)),
        )


def read(file: Path) -> Wreck:
    """Read epoch, cursor, the highest number given and every sound row; nothing without a header.

    Reading recovers the WAL, which changes the file: it has to be a copy. Raises sqlite3.Error
    where the disk refuses.
    """
    try:
        _mend(file)
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?psow=0", uri=True, isolation_level=None
        )
        with closing(connection) as sql:
            return _read(sql, _rows_max(file))
    except sqlite3.Error as error:
        _only_broken(error)
        return Wreck()
    except ValueError:
        return Wreck()


def _mend(file: Path) -> None:
    """Put the constant part of the header right, and give a file that was cut off its pages back.

    Without either SQLite would read nothing at all.
    """
    with file.open("r+b") as raw:
        header = raw.read(_PAGES_AT.stop)
        if len(header) == _PAGES_AT.stop and not header.startswith(_CONSTANT):
            raw.seek(0)
            raw.write(_CONSTANT)
    missing_bytes = (
        int.from_bytes(header[_PAGES_AT], "big") * schema.PAGE_BYTES - file.stat().st_size
    )
    if 0 < missing_bytes <= PAD_BYTES_MAX:
        os.truncate(file, file.stat().st_size + missing_bytes)


def _read(sql: sqlite3.Connection, rows_max: int) -> Wreck:
    sql.text_factory = schema.text_of
    sql.execute("PRAGMA locking_mode=EXCLUSIVE")
    _catch_up(sql)
    names = Names()
    names.read(sql, _only_broken)
    beside = _told(sql, "cursor")
    given = _given(sql)
    first, likely, last = _ends(sql, rows_max, given)
    found = {row.seq: row for row in _bisect(sql, names, likely, last)}
    found.update((row.seq, row) for row in _bisect(sql, names, first, likely - 1))
    known = _one(sql, "SELECT max(seq) FROM event") or 0
    return Wreck(
        _told(sql, "epoch") or names.epoch,
        Cursor.parse_with_crc(beside) if beside else Cursor(),
        max(given, known if known <= last else 0),
        tuple(found[seq] for seq in sorted(found)),
    )


def _catch_up(sql: sqlite3.Connection) -> None:
    """Give the copy of an older release's file the column that it is read by."""
    try:
        known = sql.execute("SELECT 1 FROM pragma_table_info('event') WHERE name = 'envelope'")
        if known.fetchone() is None:
            sql.execute("ALTER TABLE event ADD COLUMN envelope INTEGER NOT NULL DEFAULT 0")
    except sqlite3.Error as error:
        _only_broken(error)


def _told(sql: sqlite3.Connection, key: str) -> str:
    """Read a fact of the books; none where they are broken."""
    try:
        found = sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    except sqlite3.Error as error:
        _only_broken(error)
        return ""
    return found[0] if found else ""


def _given(sql: sqlite3.Connection) -> int:
    """Say which numbers were given besides those of rows; none where what knows it is gone."""
    try:
        return given_upto(sql)
    except sqlite3.Error as error:
        _only_broken(error)
        return 0


def _only_broken(error: sqlite3.Error) -> None:
    """Pass over what is broken; a disk that refuses to read is trouble, to be tried again."""
    if (getattr(error, "sqlite_errorname", None) or "").startswith(_REFUSED):
        raise error


def _alone(sql: sqlite3.Connection, seq: int) -> list[tuple[Any, ...]]:
    """Read one row without a look at the next: that may stand on a page that is gone."""
    try:
        return sql.execute(_ROWS + "seq = ?", (seq,)).fetchall()
    except sqlite3.Error as error:
        _only_broken(error)
        return []


def _rows_max(file: Path) -> int:
    wal = Path(f"{file}-wal")
    size_bytes = file.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    return size_bytes // ROW_BYTES_MIN


def _ends(sql: sqlite3.Connection, rows_max: int, given: int) -> tuple[int, int, int]:
    """Say between which numbers all rows lie, and from which on nearly all of them do.

    A number is believed with a sound row, or when a file of this size could hold it; else it is
    estimated.
    """
    last, sound_last = _one(sql, "SELECT max(seq) FROM event"), _sound_end(sql, "DESC")
    known = max(given, sound_last or 0)
    if last is None or last > known + rows_max:
        last = known + rows_max
    first, sound_first = _one(sql, "SELECT min(seq) FROM event"), _sound_end(sql, "ASC")
    if sound_first is not None and sound_first <= last:
        first = sound_first if first is None else min(max(first, 1), sound_first)
    if first is None or not last - rows_max <= first <= last:
        return 1, max(last - rows_max, 1), last
    return first, first, last


def _sound_end(sql: sqlite3.Connection, order: str) -> int | None:
    """Give the number of a sound row at one end; None where none is read there."""
    sound: int | None = None
    try:
        for seq, lane, stream, _, cursor, crc, kept, envelope in sql.execute(
            f"{_ROWS} 1 ORDER BY seq {order} LIMIT ?", (END_ROWS,)
        ):
            if row_fits(crc, seq, lane, stream, cursor, kept, envelope):
                sound = seq if sound is None else (max if order == "DESC" else min)(sound, seq)
    except sqlite3.Error as error:
        _only_broken(error)
    return sound


def _one(sql: sqlite3.Connection, question: str) -> int | None:
    """Ask for one number; None where what would answer is gone."""
    try:
        return int(sql.execute(question).fetchone()[0] or 0)
    except sqlite3.Error as error:
        _only_broken(error)
        return None


def _bisect(sql: sqlite3.Connection, names: Names, first: int, last: int) -> Iterator[Old]:
    """Yield the sound rows of a stretch; one that gives less than it should is halved.

    Rows may be yielded again.
    """
    stretches = deque([(first, last)])
    short = 0
    while stretches and short < FAILED_READS_MAX:
        low, high = stretches.popleft()
        if low > high:
            continue
        try:
            found = sql.execute(_ROWS + "seq BETWEEN ? AND ? ORDER BY seq", (low, high)).fetchall()
        except sqlite3.Error as error:
            _only_broken(error)
            found = [] if low < high else _alone(sql, low)
        for seq, lane, stream, n, cursor, crc, kept, envelope in found:
            if row_fits(crc, seq, lane, stream, cursor, kept, envelope):
                named = names.named(stream, envelope, seq, n, kept)
                if named is not None:
                    yield Old(seq, lane, named.topic, n, named.payload, cursor)
        if low < high and len({row[0] for row in found}) <= high - low:
            short += 1
            middle = (low + high) // 2
            stretches += [(low, middle), (middle + 1, high)]
