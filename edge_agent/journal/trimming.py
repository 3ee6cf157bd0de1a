"""Deleting what is acknowledged and older than the replay window, within a commit of events."""

import sqlite3
from typing import Final

from edge_agent.journal.pages import NOT_ASIDE
from edge_agent.records import SALVAGED, Trim

TRIM_ROWS_MAX: Final = 1024
"""Rows that one housekeeping commit deletes at most; there is one every 256 events."""


def trimmed(sql: sqlite3.Connection, trim: Trim, payload_bytes: int) -> int:
    """Delete the oldest rows that may go; the newest stays: numbers never restart.

    `payload_bytes` is what all rows keep. Returns how much of it is gone.
    """
    excess = payload_bytes - trim.keep_bytes
    last, gone_bytes = 0, 0
    candidates = sql.execute(
        f"SELECT seq, length(payload) FROM event AS e WHERE seq <= ?{NOT_ASIDE}"
        " ORDER BY seq LIMIT ?",
        (trim.upto, TRIM_ROWS_MAX),
    )
    for seq, row_bytes in candidates:
        if excess <= 0 and seq > trim.aged_upto:
            break
        last = seq
        excess -= row_bytes
    if last:
        going = "seq <= ? AND seq < (SELECT max(seq) FROM event)" + NOT_ASIDE
        (gone_bytes,) = sql.execute(
            "SELECT total(length(payload)) FROM event AS e WHERE " + going, (last,)
        ).fetchone()
        sql.execute("DELETE FROM event AS e WHERE " + going, (last,))
    if excess > 0:
        sql.execute(
            "DELETE FROM salvaged WHERE id <= ? AND id NOT IN"
            " (SELECT seq FROM set_aside WHERE lane = ?)",
            (trim.salvaged_upto, SALVAGED),
        )
    return int(gone_bytes)
