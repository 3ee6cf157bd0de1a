"""Reading rows of an open journal, made whole; one that does not fit its CRC comes as unsound."""

import sqlite3
from typing import Final
from zlib import crc32

from edge_agent.journal.names import Names
from edge_agent.records import NORMAL, PAGE_ROWS, SALVAGED, URGENT, Cursor, StoredRow, row_fits

STEP_ROWS: Final = 1024
"""Rows that one question for a topic looks at, most of them of other topics: a commit that comes
meanwhile waits for no more than this."""

_EVENTS: Final = (
    "SELECT e.seq, e.lane, e.n, e.payload, e.cursor, e.crc, e.stream, e.envelope"
    " FROM event e WHERE "
)
_SALVAGED: Final = "SELECT id, seq, lane, topic, n, crc, payload FROM salvaged WHERE "

NOT_ASIDE: Final = (
    " AND NOT EXISTS (SELECT 1 FROM set_aside a WHERE a.lane = e.lane AND a.seq = e.seq)"
)


def page(
    sql: sqlite3.Connection,
    names: Names,
    lane: int,
    after: int,
    rows_max: int,
    *,
    aside_too: bool,
) -> list[StoredRow]:
    """Read rows of a lane above a number, in order; those set aside only on demand."""
    if lane == SALVAGED:
        aside = (
            "" if aside_too else f"id NOT IN (SELECT seq FROM set_aside WHERE lane={SALVAGED}) AND "
        )
        return _salvaged(sql, aside + "id > ? ORDER BY id LIMIT ?", (after, rows_max))
    # the lane stands in the text, not in a parameter: only so can the partial index be used
    where = f"e.lane = {int(lane)} AND e.seq > ?{'' if aside_too else NOT_ASIDE}"
    return _events(sql, names, where + " ORDER BY e.seq LIMIT ?", (after, rows_max))


def stretch(
    sql: sqlite3.Connection, names: Names, own_epoch: str, epoch: str, first: int, last: int
) -> list[StoredRow]:
    """Read rows `first..last` of an epoch, whatever became of them; one page at most."""
    if epoch == own_epoch:
        where = "e.seq BETWEEN ? AND ? ORDER BY e.seq LIMIT ?"
        return _events(sql, names, where, (first, last, PAGE_ROWS))
    where = "epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
    return _salvaged(sql, where, (epoch, first, last, PAGE_ROWS), numbered=True)


def stretch_of_topic(
    sql: sqlite3.Connection,
    names: Names,
    own_epoch: str,
    epoch: str,
    topic: str,
    first: int,
    last: int,
    after: int,
) -> tuple[list[StoredRow], int | None]:
    """Read rows of a topic with `streamseq` in `first..last` among the next rows above `after`.

    At most `STEP_ROWS` are looked at and a page is given; with it comes the number above which to
    go on, None when there is no more.
    """
    after = max(after, first - 1)  # no event has a higher number on its topic than in its epoch
    own = epoch == own_epoch
    table, where = ("event", "seq > ?") if own else ("salvaged", "seq > ? AND epoch = ?")
    upto, seen = sql.execute(
        f"SELECT max(seq), count(*) FROM (SELECT seq FROM {table} WHERE {where}"
        " ORDER BY seq LIMIT ?)",
        (after, *(() if own else (epoch,)), STEP_ROWS),
    ).fetchone()
    if not seen:
        return [], None
    if own:
        where = "e.stream = ? AND e.n BETWEEN ? AND ? AND e.seq > ? AND e.seq <= ?"
        stream = names.stream_of(topic)
        parameters: tuple[object, ...] = (stream, first, last, after, upto, PAGE_ROWS)
        rows = _events(sql, names, where + " ORDER BY e.seq LIMIT ?", parameters)
    else:
        where = "epoch = ? AND seq > ? AND seq <= ? AND topic = ? AND n BETWEEN ? AND ?"
        parameters = (epoch, after, upto, topic, first, last, PAGE_ROWS)
        rows = _salvaged(sql, where + " ORDER BY seq LIMIT ?", parameters, numbered=True)
    if len(rows) == PAGE_ROWS:
        upto = rows[-1].seq
    elif seen < STEP_ROWS:
        return rows, None
    return rows, None if rows and rows[-1].n >= last else upto


def first_waiting(sql: sqlite3.Connection, names: Names, cursor: Cursor) -> bytes | None:
    """Read the oldest event that is sound and not settled; one page is looked at."""
    waiting = "((e.lane = ? AND e.seq > ?) OR (e.lane = ? AND e.seq > ?))"
    where = f"{waiting}{NOT_ASIDE} ORDER BY e.seq LIMIT ?"
    parameters = (NORMAL, cursor.normal, URGENT, cursor.urgent, PAGE_ROWS)
    rows = _events(sql, names, where, parameters)
    return next((row.payload for row in rows if row.sound), None)


def all_after(sql: sqlite3.Connection, names: Names, seq: int, rows_max: int) -> list[StoredRow]:
    """Read events above a number, of either lane and whatever became of them."""
    return _events(sql, names, "e.seq > ? ORDER BY e.seq LIMIT ?", (seq, rows_max))


def _events(
    sql: sqlite3.Connection, names: Names, where: str, parameters: tuple[object, ...]
) -> list[StoredRow]:
    rows: list[StoredRow] = []
    for seq, lane, n, kept, cursor, crc, stream, envelope in sql.execute(
        _EVENTS + where, parameters
    ):
        sound = row_fits(crc, seq, lane, stream, cursor, kept, envelope)
        named = names.named(stream, envelope, seq, n, kept) if sound else None
        topic = names.topics.get(stream, "")
        rows.append(
            StoredRow(seq, lane, topic, n, kept, sound=False)
            if named is None
            else StoredRow(seq, lane, topic, n, named.payload, sound=True)
        )
    return rows


def _salvaged(
    sql: sqlite3.Connection, where: str, parameters: tuple[object, ...], *, numbered: bool = False
) -> list[StoredRow]:
    return [
        StoredRow(seq if numbered else number, lane, topic, n, payload, crc32(payload) == crc)
        for number, seq, lane, topic, n, crc, payload in sql.execute(_SALVAGED + where, parameters)
    ]
