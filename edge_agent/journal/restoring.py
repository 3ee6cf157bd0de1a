"""What a boot must know of the journal: numbers, cursor, counters, snapshots, holes.

A snapshot is believed up to the number it is stamped with; the rows behind are folded onto it.
"""

import sqlite3
from zlib import crc32

from edge_agent.journal.names import Names
from edge_agent.journal.pages import NOT_ASIDE, first_waiting
from edge_agent.records import (
    NORMAL,
    SALVAGED,
    URGENT,
    Cursor,
    Kept,
    Restored,
    row_fits,
)


def restored(sql: sqlite3.Connection, names: Names, epoch: str, high: int, kept: Kept) -> Restored:
    """Read all of it, in one pass over what is not acknowledged and not in a snapshot."""
    cursor = cursor_of(sql)
    snapshots = {name: (upto, body) for name, upto, body in _snapshots(sql) if upto <= high}
    return Restored(
        epoch=epoch,
        high=high,
        cursor=cursor,
        streams=_streams(sql, names, snapshots),
        envelopes=names.numbers(),
        snapshots=snapshots,
        boots=dict(sql.execute("SELECT boot, offset_ns FROM boot").fetchall()),
        meta=dict(sql.execute("SELECT key, value FROM meta").fetchall()),
        waiting=_waiting(sql, cursor),
        oldest_waiting=first_waiting(sql, names, cursor),
        set_aside=_set_aside(sql),
        missing=_missing(sql, min(cursor.normal, cursor.urgent)),
        kept=kept,
        quarantined=[row[0] for row in sql.execute("SELECT report FROM quarantine")],
        damaged=[
            name for (name,) in sql.execute("SELECT name FROM snapshot") if name not in snapshots
        ],
    )


def cursor_of(sql: sqlite3.Connection) -> Cursor:
    """Say up to where each lane is settled, never beyond the highest number.

    The salvaged lane is not held against its rows: they go when they are trimmed, and the numbers
    of those that come later begin behind the cursor.
    """
    (high,) = sql.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
    said = _cursor_said(sql)
    return Cursor(min(said.normal, high), min(said.urgent, high), said.salvaged)


def _cursor_said(sql: sqlite3.Connection) -> Cursor:
    """Read the cursor of the latest row that says it, or of the books."""
    newest = sql.execute(
        "SELECT seq, lane, stream, cursor, payload, envelope, crc FROM event"
        " WHERE cursor IS NOT NULL"
        " ORDER BY seq DESC"
    )
    in_row = Cursor()
    for seq, lane, stream, cursor, payload, envelope, crc in newest:
        # a damaged one could skip events
        if row_fits(crc, seq, lane, stream, cursor, payload, envelope):
            in_row = Cursor.parse(cursor)
            break
    beside = sql.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
    in_meta = Cursor() if beside is None else Cursor.parse_with_crc(beside[0])
    return Cursor(*(max(pair) for pair in zip(in_row, in_meta, strict=True)))


def given_upto(sql: sqlite3.Connection) -> int:
    """Say up to which number the cursor and the snapshots bear out that events were numbered."""
    said = _cursor_said(sql)
    return max(said.normal, said.urgent, *(upto for _, upto, _ in _snapshots(sql)))


def _snapshots(sql: sqlite3.Connection) -> list[tuple[str, int, bytes]]:
    """Read the snapshots that fit their CRC."""
    return [
        (name, upto, body)
        for name, upto, crc, body in sql.execute("SELECT name, upto, crc, body FROM snapshot")
        if crc32(body, upto & 0xFFFFFFFF) == crc
    ]


def _streams(
    sql: sqlite3.Connection, names: Names, snapshots: dict[str, tuple[int, bytes]]
) -> dict[str, tuple[int, int]]:
    upto, body = snapshots.get("streams", (0, b""))
    counted: dict[int, int] = {}
    for line in body.splitlines():
        stream, _, n = line.partition(b" ")
        counted[int(stream)] = int(n)
    tail = "SELECT stream, max(n) FROM event WHERE seq > ? GROUP BY stream"
    for number, n in sql.execute(tail, (upto,)):
        counted[number] = max(n, counted.get(number, 0))
    return {topic: (number, counted.get(number, 0)) for number, topic in names.topics.items()}


def _waiting(sql: sqlite3.Connection, cursor: Cursor) -> tuple[int, int, int]:
    count = "SELECT count(*) FROM event e WHERE lane = ? AND seq > ?" + NOT_ASIDE
    (normal,) = sql.execute(count, (NORMAL, cursor.normal)).fetchone()
    (urgent,) = sql.execute(count, (URGENT, cursor.urgent)).fetchone()
    (salvaged,) = sql.execute(
        "SELECT count(*) FROM salvaged WHERE id > ? AND id NOT IN"
        " (SELECT seq FROM set_aside WHERE lane = ?)",
        (cursor.salvaged, SALVAGED),
    ).fetchone()
    return normal, urgent, salvaged


def _set_aside(sql: sqlite3.Connection) -> int:
    """Count what was ever set aside in this epoch, also what a trim took since."""
    (there,) = sql.execute("SELECT count(*) FROM set_aside WHERE lane <> ?", (SALVAGED,)).fetchone()
    (gone,) = sql.execute(
        "SELECT total(CAST(value AS INTEGER)) FROM meta WHERE key = 'set_aside_gone'"
    ).fetchone()
    return int(there + gone)


def _missing(sql: sqlite3.Connection, after: int) -> list[tuple[int, int]]:
    """Find holes in what is not acknowledged: SQLite silently drops what fails its own checks."""
    rows = sql.execute(
        "SELECT before + 1, seq - 1 FROM (SELECT seq, lag(seq) OVER (ORDER BY seq) AS before"
        " FROM event WHERE seq >= ?) WHERE before IS NOT NULL AND seq <> before + 1",
        (after,),
    )
    return [(first, last) for first, last in rows]
