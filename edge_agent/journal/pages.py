"""Reading rows of an open journal, made whole; one that does not fit its CRC comes as unsound."""

import sqlite3
from typing import Final
from zlib import crc32

from edge_agent.journal.names import Names
from edge_agent.records import NORMAL, PAGE_ROWS, SALVAGED, URGENT, Cursor, StoredRow, row_crc

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
) -> list[StoredRow]:
    """Read rows of a topic with `streamseq` in `first..last` and `seq` above `after`; one page."""
    if epoch != own_epoch:
        where = "epoch = ? AND topic = ? AND n BETWEEN ? AND ? AND seq > ? ORDER BY seq LIMIT ?"
        parameters = (epoch, topic, first, last, after, PAGE_ROWS)
        return _salvaged(sql, where, parameters, numbered=True)
    where = "e.stream = ? AND e.n BETWEEN ? AND ? AND e.seq > ? ORDER BY e.seq LIMIT ?"
    return _events(sql, names, where, (names.stream_of(topic), first, last, after, PAGE_ROWS))


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
        sound = row_crc(seq, lane, stream, cursor, kept, envelope) == crc
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
