"""Reading what can still be read of a broken journal, row by row, by bisection.

A salvaged row keeps its epoch and its number; it goes into a table of its own and is published
before anything new. Rows that the broken journal knew to be acknowledged are taken over as such,
for replays; only where another broken journal's rows still wait they are published once more.
What cannot be read any more, up to the highest number that rows, cursor or snapshots know of, is
reported.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from edge_agent.journal import folder, schema
from edge_agent.journal.names import Names
from edge_agent.journal.restoring import cursor_of, given_upto
from edge_agent.records import URGENT, Cursor, row_crc

FAILED_READS_MAX: Final = 1 << 17
"""Reads that may fail before salvaging gives up; the widest stretches are tried first, so that
whatever is readable in one piece has come out by then. Some seconds of a boot at most."""

ROW_BYTES_MIN: Final = 96
"""No row is smaller: by the size of a file it is known how many it may hold at most."""

_REFUSED: Final = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_NOMEM")

_ROWS: Final = "SELECT seq, lane, stream, n, cursor, crc, payload, envelope FROM event WHERE "


class _Old(NamedTuple):
    seq: int
    lane: int
    topic: str
    n: int
    payload: bytes
    cursor: str | None


def salvage(
    sql: sqlite3.Connection,
    data_dir: Path,
    corrupt: Path,
    *,
    why: str = "",
    unread_as_zeros: bool = False,
) -> None:
    """Take over the rows of `corrupt` into the open journal `sql`, in one transaction, once.

    `why` it was set apart goes into the report. What the disk does not read is trouble, to be
    tried again; with `unread_as_zeros` it is given up, and its bytes are counted in the report.
    """
    file, unread_bytes = folder.scratch_copy(data_dir, corrupt, unread_as_zeros=unread_as_zeros)
    epoch, beside, given, rows = _read_all(file)
    folder.drop_scratch(data_dir)
    in_row = next((row.cursor for row in reversed(rows) if row.cursor is not None), None)
    cursor = Cursor() if in_row is None else Cursor.parse(in_row)
    cursor = Cursor(*(max(pair) for pair in zip(cursor, beside, strict=True)))
    done = [
        row for row in rows if row.seq <= (cursor.urgent if row.lane == URGENT else cursor.normal)
    ]
    finished = {row.seq for row in done}
    waiting = [row for row in rows if row.seq not in finished]
    missing = _holes(rows, min(cursor.normal, cursor.urgent), given)
    report = {
        "folder": corrupt.name,
        "why": why,
        "epoch": epoch,
        "rows": len(rows),
        "waiting": len(waiting),
        "high": rows[-1].seq if rows else 0,
        "missing": missing,
        "unread_bytes": unread_bytes,
    }
    _take_over(sql, done, waiting, report)


def _take_over(
    sql: sqlite3.Connection, done: list[_Old], waiting: list[_Old], report: dict[str, object]
) -> None:
    epoch = str(report["epoch"])
    sql.execute("BEGIN IMMEDIATE")
    try:
        settled = cursor_of(sql)
        (top,) = sql.execute("SELECT max(id) FROM salvaged").fetchone()
        if top is None or top <= settled.salvaged:
            upto = settled.salvaged + len(done)
            _insert(sql, epoch, done, settled.salvaged + 1)
            _insert(sql, epoch, waiting, upto + 1)
            sql.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('cursor', ?)",
                (settled._replace(salvaged=upto).text_with_crc(),),
            )
        else:  # another broken journal's rows still wait: the cursor may not pass them
            _insert(sql, epoch, done + waiting, top + 1)
        sql.execute(
            "INSERT INTO quarantine (folder, report) VALUES (?, ?)",
            (report["folder"], json.dumps(report)),
        )
        sql.execute("COMMIT")
    except BaseException:
        if sql.in_transaction:
            sql.execute("ROLLBACK")
        raise


def _insert(sql: sqlite3.Connection, epoch: str, rows: list[_Old], first: int) -> None:
    sql.executemany(
        "INSERT OR IGNORE INTO salvaged (id, epoch, seq, lane, topic, n, crc, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, epoch, row.seq, row.lane, row.topic, row.n, crc32(row.payload), row.payload)
            for number, row in enumerate(rows, first)
        ),
    )


def _holes(rows: list[_Old], after: int, given: int) -> list[tuple[int, int]]:
    holes: list[tuple[int, int]] = []
    for row in rows:
        if row.seq > after + 1:
            holes.append((after + 1, row.seq - 1))
        after = max(after, row.seq)
    if given > after:
        holes.append((after + 1, given))
    return holes


def _read_all(file: Path) -> tuple[str, Cursor, int, list[_Old]]:
    """Read epoch, cursor, the highest number given and every sound row of a broken file.

    Nothing if it has no header.
    """
    try:
        sql = sqlite3.connect(f"file:{quote(str(file))}?psow=0", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        _only_broken(error)
        return "", Cursor(), 0, []
    try:
        sql.text_factory = schema.text_of
        sql.execute("PRAGMA locking_mode=EXCLUSIVE")
        _catch_up(sql)
        names = Names()
        names.read(sql, _only_broken)
        epoch = _told(sql, "epoch") or names.epoch
        beside = _told(sql, "cursor")
        first, likely, last = _ends(sql, _rows_max(file))
        found = set(_bisect(sql, names, likely, last))
        found.update(_bisect(sql, names, first, likely - 1))
        settled = Cursor.parse_with_crc(beside) if beside else Cursor()
        return epoch, settled, _given(sql), sorted(found)
    except sqlite3.Error as error:
        _only_broken(error)
        return "", Cursor(), 0, []
    except ValueError:
        return "", Cursor(), 0, []
    finally:
        sql.close()


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


def _ends(sql: sqlite3.Connection, rows_max: int) -> tuple[int, int, int]:
    """Say between which numbers all rows lie, and from which on nearly all of them do.

    Estimates, where the first or the last page is gone.
    """
    first, last = _one(sql, "SELECT min(seq) FROM event"), _one(sql, "SELECT max(seq) FROM event")
    if last is None:
        known = _one(sql, "SELECT max(upto) FROM snapshot") or 0
        urgent = _one(sql, "SELECT max(seq) FROM event INDEXED BY event_urgent WHERE lane = 1")
        last = max(known, urgent or 0, first or 0) + rows_max
    if first is None:
        return 1, max(last - rows_max, 1), last
    return first, first, last


def _one(sql: sqlite3.Connection, question: str) -> int | None:
    """Ask for one number; None where what would answer is gone."""
    try:
        return int(sql.execute(question).fetchone()[0] or 0)
    except sqlite3.Error as error:
        _only_broken(error)
        return None


def _bisect(sql: sqlite3.Connection, names: Names, first: int, last: int) -> Iterator[_Old]:
    """Yield the sound rows of a stretch; one that cannot be read is halved until it can."""
    stretches = deque([(first, last)])
    failed = 0
    while stretches and failed < FAILED_READS_MAX:
        low, high = stretches.popleft()
        try:
            found = sql.execute(_ROWS + "seq BETWEEN ? AND ? ORDER BY seq", (low, high)).fetchall()
        except sqlite3.Error as error:
            _only_broken(error)
            failed += 1
            if low < high:
                middle = (low + high) // 2
                stretches += [(low, middle), (middle + 1, high)]
                continue
            found = _alone(sql, low)
        for seq, lane, stream, n, cursor, crc, kept, envelope in found:
            if row_crc(seq, lane, stream, cursor, kept, envelope) == crc:
                named = names.named(stream, envelope, seq, n, kept)
                if named is not None:
                    yield _Old(seq, lane, named.topic, n, named.payload, cursor)
