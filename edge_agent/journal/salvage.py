"""Reading what can still be read of a broken journal, row by row, by bisection.

A salvaged row keeps its epoch and its number; it goes into a table of its own and is published
before anything new. Rows that the broken journal knew to be acknowledged are taken over as such,
for replays; only where another broken journal's rows still wait they are published once more.
What cannot be read any more, up to the highest number seen, is reported.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from edge_agent.journal import folder
from edge_agent.journal.restoring import cursor_of
from edge_agent.records import URGENT, Cursor, row_crc

FAILED_READS_MAX: Final = 1 << 18
"""Reads that may fail before salvaging gives up; the widest stretches are tried first, so that
whatever is readable in one piece has come out by then. Some seconds of a boot at most."""

BEHIND_SNAPSHOT_MAX: Final = 1 << 15
"""Rows that may lie behind the last snapshot: what waits in memory, and a batch or two."""


_ROWS: Final = "SELECT seq, lane, stream, n, cursor, crc, payload FROM event WHERE "


class _Old(NamedTuple):
    seq: int
    lane: int
    topic: str
    n: int
    payload: bytes
    cursor: str | None


def salvage(sql: sqlite3.Connection, data_dir: Path, corrupt: Path) -> None:
    """Take over the rows of `corrupt` into the open journal `sql`, in one transaction, once."""
    file = folder.scratch_copy(data_dir, corrupt)
    epoch, beside, rows = _read_all(file)
    folder.drop_scratch(data_dir)
    in_row = next((row.cursor for row in reversed(rows) if row.cursor is not None), None)
    cursor = Cursor() if in_row is None else Cursor.parse(in_row)
    cursor = Cursor(*(max(pair) for pair in zip(cursor, beside, strict=True)))
    done = [
        row for row in rows if row.seq <= (cursor.urgent if row.lane == URGENT else cursor.normal)
    ]
    finished = {row.seq for row in done}
    waiting = [row for row in rows if row.seq not in finished]
    seen = {row.seq for row in rows}
    high = max(seen, default=0)
    after = min(cursor.normal, cursor.urgent)
    missing = _holes(seen, after, high)
    report = {
        "folder": corrupt.name,
        "epoch": epoch,
        "rows": len(rows),
        "waiting": len(waiting),
        "high": high,
        "missing": missing,
    }
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
                (settled._replace(salvaged=upto).text(),),
            )
        else:  # another broken journal's rows still wait: the cursor may not pass them
            _insert(sql, epoch, done + waiting, top + 1)
        sql.execute(
            "INSERT INTO quarantine (folder, report) VALUES (?, ?)",
            (corrupt.name, json.dumps(report)),
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


def _holes(seen: set[int], after: int, high: int) -> list[list[int]]:
    holes: list[list[int]] = []
    for seq in range(after + 1, high + 1):
        if seq in seen:
            continue
        if holes and holes[-1][1] == seq - 1:
            holes[-1][1] = seq
        else:
            holes.append([seq, seq])
    return holes


def _read_all(file: Path) -> tuple[str, Cursor, list[_Old]]:
    """Read epoch, cursor and every sound row of a broken file; nothing if it has no header."""
    try:
        sql = sqlite3.connect(f"file:{quote(str(file))}?psow=0", uri=True, isolation_level=None)
    except sqlite3.Error:
        return "", Cursor(), []
    try:
        sql.execute("PRAGMA locking_mode=EXCLUSIVE")
        epoch = sql.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        topics = dict(sql.execute("SELECT id, topic FROM stream").fetchall())
        beside = sql.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
        rows = sorted(set(_bisect(sql, topics, *_ends(sql))))
        return (
            epoch[0] if epoch else "",
            Cursor.parse(beside[0]) if beside else Cursor(),
            rows,
        )
    except sqlite3.Error:
        return "", Cursor(), []
    finally:
        sql.close()


def _alone(sql: sqlite3.Connection, seq: int) -> list[tuple[Any, ...]]:
    """Read one row without a look at the next: that may stand on a page that is gone."""
    try:
        return sql.execute(_ROWS + "seq = ?", (seq,)).fetchall()
    except sqlite3.Error:
        return []


def _ends(sql: sqlite3.Connection) -> tuple[int, int]:
    """Say between which numbers all rows lie; estimates where the first or last page is gone."""
    known = _one(sql, "SELECT max(upto) FROM snapshot")
    urgent = _one(sql, "SELECT max(seq) FROM event INDEXED BY event_urgent WHERE lane = 1")
    guess = max(known or 0, urgent or 0) + BEHIND_SNAPSHOT_MAX
    first, last = _one(sql, "SELECT min(seq) FROM event"), _one(sql, "SELECT max(seq) FROM event")
    return 1 if first is None else first, guess if last is None else last


def _one(sql: sqlite3.Connection, question: str) -> int | None:
    """Ask for one number; None where what would answer is gone."""
    try:
        return int(sql.execute(question).fetchone()[0] or 0)
    except sqlite3.Error:
        return None


def _bisect(
    sql: sqlite3.Connection, topics: dict[int, str], first: int, last: int
) -> Iterator[_Old]:
    """Yield the sound rows of a stretch; one that cannot be read is halved until it can."""
    stretches = deque([(first, last)])
    failed = 0
    while stretches and failed < FAILED_READS_MAX:
        low, high = stretches.popleft()
        try:
            found = sql.execute(_ROWS + "seq BETWEEN ? AND ? ORDER BY seq", (low, high)).fetchall()
        except sqlite3.Error:
            failed += 1
            if low < high:
                middle = (low + high) // 2
                stretches += [(low, middle), (middle + 1, high)]
                continue
            found = _alone(sql, low)
        for seq, lane, stream, n, cursor, crc, payload in found:
            if stream in topics and row_crc(seq, lane, stream, cursor, payload) == crc:
                yield _Old(seq, lane, topics[stream], n, payload, cursor)
