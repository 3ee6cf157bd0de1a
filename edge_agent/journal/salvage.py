"""Taking over what can still be read of a broken journal.

Rules:
1. A salvaged row keeps its epoch and its number; it goes into a table of its own and is published
   before anything new. What waited is taken over whatever room it needs.
2. Rows that the broken journal knew to be acknowledged are taken over as such, for replays, the
   newest ones and as far as there is room; only where another broken journal's rows still wait
   they are published once more.
3. What cannot be read any more is reported.
"""

import json
import sqlite3
from pathlib import Path
from typing import Final
from zlib import crc32

from edge_agent.journal import folder, rechain, schema, wreck
from edge_agent.journal.restoring import cursor_of
from edge_agent.journal.wreck import Old, Wreck
from edge_agent.records import URGENT, Cursor

ROOM_PARTS: Final = 4
"""A part of the quota so large is what salvaged rows for replays may take."""

_ROW_EXTRA_BYTES: Final = 160  # beside its payload: topic, epoch, numbers and their index


def salvage(
    sql: sqlite3.Connection,
    data_dir: Path,
    corrupt: Path,
    *,
    quota_bytes: int,
    unread_as_zeros: bool = False,
) -> None:
    """Take over the rows of `corrupt` into the open journal `sql`, in one transaction, once.

    Why it was set apart goes into the report. What the disk does not read is trouble, to be
    tried again; with `unread_as_zeros` it is given up, and its bytes are counted in the report.
    """
    found, unread_bytes = _read(data_dir, corrupt, unread_as_zeros=unread_as_zeros)
    rows = found.rows
    in_row = next((row.cursor for row in reversed(rows) if row.cursor is not None), None)
    cursor = Cursor() if in_row is None else Cursor.parse(in_row)
    cursor = Cursor(*(max(pair) for pair in zip(cursor, found.cursor, strict=True)))
    done = [
        row for row in rows if row.seq <= (cursor.urgent if row.lane == URGENT else cursor.normal)
    ]
    finished = {row.seq for row in done}
    waiting = [row for row in rows if row.seq not in finished]
    missing = _holes(rows, min(cursor.normal, cursor.urgent), found.given)
    report = {
        "folder": corrupt.name,
        "why": folder.why_apart(corrupt),
        "epoch": found.epoch,
        "rows": len(rows),
        "waiting": len(waiting),
        "high": rows[-1].seq if rows else 0,
        "missing": missing,
        "unread_bytes": unread_bytes,
    }
    _take_over(sql, _newest(done, quota_bytes // ROOM_PARTS), waiting, report, quota_bytes)


def _read(data_dir: Path, corrupt: Path, *, unread_as_zeros: bool) -> tuple[Wreck, int]:
    """Read it as it stands, and once more with what stands behind the damage in its WAL."""
    file, unread_bytes = folder.scratch_copy(data_dir, corrupt, unread_as_zeros=unread_as_zeros)
    found = wreck.read(file)
    file, _ = folder.scratch_copy(data_dir, corrupt, unread_as_zeros=unread_as_zeros)
    if rechain.rechained(Path(f"{file}-wal"), schema.PAGE_BYTES):
        found = found.and_of(wreck.read(file))
    folder.drop_scratch(data_dir)
    return found, unread_bytes


def _newest(rows: list[Old], room_bytes: int) -> list[Old]:
    taken = 0
    for at in range(len(rows) - 1, -1, -1):
        taken += len(rows[at].payload) + _ROW_EXTRA_BYTES
        if taken > room_bytes:
            return rows[at + 1 :]
    return rows


def _take_over(
    sql: sqlite3.Connection,
    done: list[Old],
    waiting: list[Old],
    report: dict[str, object],
    quota_bytes: int,
) -> None:
    epoch = str(report["epoch"])
    (present,) = sql.execute("PRAGMA page_count").fetchone()
    needed_bytes = sum(len(row.payload) + _ROW_EXTRA_BYTES for row in (*done, *waiting))
    # whatever the quota: it was accepted
    schema.limit_pages(sql, present + needed_bytes * 2 // schema.PAGE_BYTES)
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
    finally:
        schema.limit_pages(sql, schema.max_pages(quota_bytes))


def _insert(sql: sqlite3.Connection, epoch: str, rows: list[Old], first: int) -> None:
    sql.executemany(
        "INSERT OR IGNORE INTO salvaged (id, epoch, seq, lane, topic, n, crc, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, epoch, row.seq, row.lane, row.topic, row.n, crc32(row.payload), row.payload)
            for number, row in enumerate(rows, first)
        ),
    )


def _holes(rows: tuple[Old, ...], after: int, given: int) -> list[tuple[int, int]]:
    holes: list[tuple[int, int]] = []
    for row in rows:
        if row.seq > after + 1:
            holes.append((after + 1, row.seq - 1))
        after = max(after, row.seq)
    if given > after:
        holes.append((after + 1, given))
    return holes
