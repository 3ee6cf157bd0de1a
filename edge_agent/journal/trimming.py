"""Deleting what is settled and older than the replay window, within a commit of events."""

import sqlite3
from typing import Final

from edge_agent.records import SALVAGED, Trim

TRIM_ROWS_MAX: Final = 1024
"""Rows that one housekeeping commit deletes at most; there is one every 256 events."""

_COUNT_ASIDE_GONE: Final = (
    "INSERT INTO meta (key, value) VALUES ('set_aside_gone', ?) ON CONFLICT (key)"
    " DO UPDATE SET value = CAST(meta.value AS INTEGER) + CAST(excluded.value AS INTEGER)"
)


def trimmed(sql: sqlite3.Connection, trim: Trim, payload_bytes: int) -> int:
    """Delete the oldest rows that may go; the newest stays: numbers never restart.

    `payload_bytes` is what all rows keep. Returns how much of it is gone.
    """
    excess = payload_bytes - trim.keep_bytes
    last, gone_bytes = 0, 0
    candidates = sql.execute(
        "SELECT seq, length(payload) FROM event WHERE seq <= ? ORDER BY seq LIMIT ?",
        (trim.upto, TRIM_ROWS_MAX),
    )
    for seq, row_bytes in candidates:
        if excess <= 0 and seq > trim.aged_upto:
            break
        last = seq
        excess -= row_bytes
    if last:
        going = "seq <= ? AND seq < (SELECT max(seq) FROM event)"
        (gone_bytes,) = sql.execute(
            "SELECT total(length(payload)) FROM event WHERE " + going, (last,)
        ).fetchone()
        aside = sql.execute(f"DELETE FROM set_aside WHERE lane <> {SALVAGED} AND {going}", (last,))
        sql.execute("DELETE FROM event WHERE " + going, (last,))
        if aside.rowcount:
            sql.execute(_COUNT_ASIDE_GONE, (aside.rowcount,))
    if trim.salvaged_upto:
        _trim_salvaged(sql, trim.salvaged_upto)
    return int(gone_bytes)


def _trim_salvaged(sql: sqlite3.Connection, upto: int) -> None:
    going = "SELECT id FROM salvaged WHERE id <= ? ORDER BY id LIMIT ?"
    (last,) = sql.execute(f"SELECT max(id) FROM ({going})", (upto, TRIM_ROWS_MAX)).fetchone()
    if last is not None:
        sql.execute("DELETE FROM salvaged WHERE id <= ?", (last,))
        sql.execute("DELETE FROM set_aside WHERE lane = ? AND seq <= ?", (SALVAGED, last))
