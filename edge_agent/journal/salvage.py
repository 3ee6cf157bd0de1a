"""Reading what can still be read of a broken journal, row by row, by bisection.

A salvaged row keeps its epoch and its number; it goes into a table of its own and is published
before anything new. Rows that the broken journal knew to be acknowledged are taken over as such,
for replays. What cannot be read any more, up to the highest number seen, is reported.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from zlib import crc32

from edge_agent.journal import folder
from edge_agent.records import URGENT, Cursor, row_crc


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
    epoch, rows = _read_all(file)
    folder.drop_scratch(data_dir)
    cursor = Cursor()
    for row in rows:
        if row.cursor is not None:
            cursor = Cursor.parse(row.cursor)
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
        _insert(sql, epoch, done)
        if done:
            (upto,) = sql.execute("SELECT max(id) FROM salvaged").fetchone()
            sql.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('cursor', ?)",
                (Cursor(0, 0, upto).text(),),
            )
        _insert(sql, epoch, waiting)
        sql.execute(
            "INSERT INTO quarantine (folder, report) VALUES (?, ?)",
            (corrupt.name, json.dumps(report)),
        )
        sql.execute("COMMIT")
    except BaseException:
        if sql.in_transaction:
            sql.execute("ROLLBACK")
        raise


def _insert(sql: sqlite3.Connection, epoch: str, rows: list[_Old]) -> None:
    sql.executemany(
        "INSERT OR IGNORE INTO salvaged (epoch, seq, lane, topic, n, crc, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (epoch, row.seq, row.lane, row.topic, row.n, crc32(row.payload), row.payload)
            for row in rows
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


def _read_all(file: Path) -> tuple[str, list[_Old]]:
    """Read the epoch and every sound row of a broken file; nothing at all if it has no header."""
    try:
        sql = sqlite3.connect(f"file:{quote(str(file))}?psow=0", uri=True, isolation_level=None)
    except sqlite3.Error:
        return "", []
    try:
        sql.execute("PRAGMA locking_mode=EXCLUSIVE")
        epoch = sql.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        topics = dict(sql.execute("SELECT id, topic FROM stream").fetchall())
        high = _highest(sql)
        rows = sorted(set(_bisect(sql, topics, 1, high)))
        return (epoch[0] if epoch else ""), rows
    except sqlite3.Error:
        return "", []
    finally:
        sql.close()


def _highest(sql: sqlite3.Connection) -> int:
    try:
        return int(sql.execute("SELECT max(seq) FROM event").fetchone()[0] or 0)
    except sqlite3.Error:
        return 1 << 32  # its last page is gone: bisection finds what is below


def _bisect(
    sql: sqlite3.Connection, topics: dict[int, str], first: int, last: int
) -> Iterator[_Old]:
    """Yield the sound rows of a stretch; one that cannot be read is halved until it can."""
    stack = [(first, last)]
    while stack:
        low, high = stack.pop()
        try:
            found = sql.execute(
                "SELECT seq, lane, stream, n, cursor, crc, payload FROM event"
                " WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (low, high),
            ).fetchall()
        except sqlite3.Error:
            if low < high:
                middle = (low + high) // 2
                stack += [(middle + 1, high), (low, middle)]
            continue
        for seq, lane, stream, n, cursor, crc, payload in found:
            if stream in topics and row_crc(seq, lane, stream, cursor, payload) == crc:
                yield _Old(seq, lane, topics[stream], n, payload, cursor)
