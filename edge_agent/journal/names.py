"""What rows say by number only, topics and envelopes: kept twice, for no row is readable without.

A row keeps the body of its event and the numbers of its stream and its envelope. Each of the two
stands in a table of its own and once more in `meta`: a broken page takes one of the places.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from zlib import crc32

from edge_agent.records import Batch, EnvelopeRow
from edge_agent.wire.payload import Envelope

_STREAM: Final = "stream "
_ENVELOPE: Final = "envelope "
"""What the key of a second copy begins with, before the number."""


class Named(NamedTuple):
    """What the numbers of a row stand for: its topic, and its payload made whole."""

    topic: str
    payload: bytes


def _refuse(error: sqlite3.Error) -> None:
    raise error


class Names:
    """The topics and envelopes of one journal, by their numbers."""

    def __init__(self) -> None:
        self._envelopes: dict[int, Envelope] = {}
        self.topics: dict[int, str] = {}
        self.epoch = ""

    def read(
        self, sql: sqlite3.Connection, broken: Callable[[sqlite3.Error], None] = _refuse
    ) -> None:
        """Learn what a journal has; `broken` is told of a place that cannot be read."""
        for place in (self._second_places, self._streams, self._envelope_table):
            try:
                place(sql)
            except sqlite3.Error as error:
                broken(error)

    def learn(self, batch: Batch) -> None:
        """Take note of what a commit brought."""
        if batch.streams:
            self.topics.update(batch.streams)
        if batch.envelopes:
            self._learn_envelopes(batch.envelopes)

    def write(self, sql: sqlite3.Connection, batch: Batch) -> None:
        """Write what a batch brings in both places, within the transaction that is open."""
        sql.executemany("INSERT OR IGNORE INTO stream (id, topic) VALUES (?, ?)", batch.streams)
        sql.executemany(
            "INSERT OR IGNORE INTO envelope (id, source, type, lane, agent, epoch, crc)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((*row, _crc(row)) for row in batch.envelopes),
        )
        beside: list[tuple[str, tuple[int | str, ...]]]
        beside = [(f"{_STREAM}{row[0]}", row) for row in batch.streams]
        beside += [(f"{_ENVELOPE}{row[0]}", row) for row in batch.envelopes]
        sql.executemany(
            "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)",
            ((key, json.dumps([*row, _crc(row)])) for key, row in beside),
        )

    def numbers(self) -> dict[tuple[str, str, str, str], int]:
        """Say which number an envelope has, by source, type, lane and agent."""
        return {envelope.key: number for number, envelope in self._envelopes.items()}

    def stream_of(self, topic: str) -> int:
        """Say which number a topic has; 0 when it has none."""
        return next((number for number, known in self.topics.items() if known == topic), 0)

    def named(self, stream: int, envelope: int, seq: int, n: int, kept: bytes) -> Named | None:
        """Say what a row is; None where a name is gone or what it kept is no body."""
        topic = self.topics.get(stream)
        if topic is None:
            return None
        if not envelope:
            return Named(topic, kept)
        around = self._envelopes.get(envelope)
        if around is None:
            return None
        try:
            return Named(topic, around.whole(seq, n, kept))
        except ValueError:
            return None

    def _learn_envelopes(self, rows: Iterable[EnvelopeRow]) -> None:
        for number, source, kind, lane, agent, epoch in rows:
            self.epoch = epoch
            self._envelopes[number] = Envelope(
                source=source, kind=kind, lane=lane, agent=agent, epoch=epoch
            )

    def _streams(self, sql: sqlite3.Connection) -> None:
        for number, topic in sql.execute("SELECT id, topic FROM stream"):
            self.topics.setdefault(number, topic)  # the second place has a CRC, this one has none

    def _envelope_table(self, sql: sqlite3.Connection) -> None:
        found = sql.execute("SELECT id, source, type, lane, agent, epoch, crc FROM envelope")
        self._learn_envelopes(
            (number, source, kind, lane, agent, epoch)
            for number, source, kind, lane, agent, epoch, crc in found
            if _crc((number, source, kind, lane, agent, epoch)) == crc
        )

    def _second_places(self, sql: sqlite3.Connection) -> None:
        told = "SELECT key, value FROM meta WHERE key GLOB ? OR key GLOB ?"
        for key, value in sql.execute(told, (_STREAM + "*", _ENVELOPE + "*")):
            try:
                *row, crc = json.loads(value)
            except (ValueError, TypeError):  # damaged: the other place may be sound
                continue
            if crc != _crc(row):
                continue
            if key.startswith(_STREAM):
                self.topics[row[0]] = row[1]
            else:
                self._learn_envelopes([(row[0], row[1], row[2], row[3], row[4], row[5])])


def _crc(row: Iterable[int | str]) -> int:
    return crc32(json.dumps(list(row)).encode())
