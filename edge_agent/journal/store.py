"""The journal's file while it is open, synchronously: commit, read, checkpoint.

Rules:
1. One connection, owned by one thread; nobody else opens the file while it is open here.
2. `commit` returns only when the batch is on the disk; whatever it raises, the batch is not, and
   committing it again is safe: one that did reach the disk is recognised by its first number.
3. Every method raises DiskTrouble or Broken and nothing of SQLite's own.
"""

import json
import os
import sqlite3
from pathlib import Path
from typing import Final
from zlib import crc32

from sqlalchemy import Engine

from edge_agent.journal import pages, schema, wal
from edge_agent.journal.names import Names
from edge_agent.journal.restoring import given_upto, restored
from edge_agent.journal.rounds import Rounds
from edge_agent.journal.trimming import trimmed
from edge_agent.journal.trouble import sqlite_errors
from edge_agent.records import (
    PAGE_ROWS,
    SALVAGED,
    Batch,
    Broken,
    DiskTrouble,
    Kept,
    Restored,
    StoredRow,
)

CHECKPOINT_PAGES: Final = 900
"""Pages in the WAL at which a checkpoint is due; it copies them into the database."""

LOOK_PAGES: Final = 32
"""Pages written, by a guess that is never twice too high, after which the WAL is looked at."""

GROWN_WAL_BYTES: Final = 4 * 1024 * 1024
"""Size that the WAL is grown to once: a commit that need not extend the file costs one flush.
It has `CHECKPOINT_PAGES`, what may come before they are seen, and a commit of a thousand scans."""

COMMANDS_KEPT: Final = 1024
"""Ids of executed commands that are remembered; the oldest go first."""

_COMMIT_PAGES: Final = 3  # WAL frames of a commit beside its full pages: measured
_FULL_PAGE_BYTES: Final = 3300  # payload bytes to a WAL frame when many share a commit: measured

_INSERT: Final = (
    "INSERT INTO event (seq, lane, stream, n, cursor, crc, payload, envelope)"
    " VALUES (?, ?, ?, ?, nullif(?, ''), ?, ?, ?)"
)


class Store:
    """An open journal; `edge_agent.journal.opening` makes it."""

    def __init__(self, engine: Engine, file: Path) -> None:
        self._engine = engine
        self._pooled = engine.raw_connection()
        connection = self._pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        self.sql = connection
        self._wal = Path(f"{file}-wal")
        self._written_pages = 0
        self._payload_bytes = 0
        self._rounds = Rounds(self.sql, file)
        self.epoch = ""
        self.high = 0
        self.commits = 0
        with sqlite_errors():
            self._rounds.recognise()
            self._know_itself()
            self._names = Names()
            self._names.read(self.sql)
            self._make_durable()
            self._grow_wal()
            if self._rounds.due:
                self._begin_if_there_is_room()

    def _make_durable(self) -> None:
        """Have what is read here on the disk before anybody is told of it.

        Recovery believes what a killed process left in the kernel's memory, and what a failed
        flush left there: the kernel forgets that it still has to write it. A checkpoint writes it
        anew, into the database, and flushes that; the commit behind it begins the WAL anew, or a
        part of the old one could come back over what is in the database.
        """
        try:
            self._rounds.look_behind(self._copy_out())
            self._rounds.copied()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_FULL":
                raise
            self._flush_wal()
        else:
            self._begin_if_there_is_room()

    def _begin_if_there_is_room(self) -> None:
        try:
            self._rounds.begin()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_FULL":
                raise
            self._flush_wal()

    def _flush_wal(self) -> None:
        fd = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _know_itself(self) -> None:
        found = self.sql.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if found is None:
            self.epoch = os.urandom(6).hex()
            self.sql.execute("INSERT INTO meta (key, value) VALUES ('epoch', ?)", (self.epoch,))
        else:
            self.epoch = found[0]
        self.high = self.sql.execute("SELECT max(seq) FROM event").fetchone()[0] or 0
        given = given_upto(self.sql)
        if given > self.high:  # a file or a WAL that lost its end: numbers would be given twice
            raise Broken(f"numbers up to {given} were given, and no row is above {self.high}")
        total = self.sql.execute("SELECT total(length(payload)) FROM event").fetchone()[0]
        self._payload_bytes = int(total)

    def _grow_wal(self) -> None:
        try:
            # a cut between growing and dropping leaves a WAL that is grown, and the ballast
            self.sql.execute("DROP TABLE IF EXISTS ballast")
            if self._wal.exists() and self._wal.stat().st_size >= GROWN_WAL_BYTES:
                return
            self.sql.execute("BEGIN IMMEDIATE")
            self.sql.execute("CREATE TABLE ballast (b BLOB)")
            self.sql.execute("INSERT INTO ballast VALUES (zeroblob(?))", (GROWN_WAL_BYTES,))
            self.sql.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self.sql.in_transaction:
                self.sql.execute("ROLLBACK")
            if error.sqlite_errorname != "SQLITE_FULL":
                raise
            return  # no room to grow in: what is kept can be read and sent all the same
        self._checkpoint()
        self.sql.execute("DROP TABLE ballast")
        if not self.high:
            # the ballast's pages would be taken again one by one, and each commit that takes one
            # would write a page of the list that they are on: an eighth of all that is written
            self.sql.execute("VACUUM")

    def knows_of(self, folder: str) -> bool:
        """Say whether a folder that was set apart is in the books: salvaged, once."""
        found = self.sql.execute("SELECT 1 FROM quarantine WHERE folder = ?", (folder,))
        return found.fetchone() is not None

    def why_apart(self, folder: str) -> str:
        """Say why a folder was set apart; empty where nobody knows."""
        with sqlite_errors():
            found = self.sql.execute("SELECT report FROM quarantine WHERE folder = ?", (folder,))
            row = found.fetchone()
            return "" if row is None else str(json.loads(row[0]).get("why", ""))

    def restore(self) -> Restored:
        """Read what a boot must know: numbers, cursor, counters, snapshots, holes."""
        with sqlite_errors():
            return restored(self.sql, self._names, self.epoch, self.high, self._kept())

    # -- writing -------------------------------------------------------------------------------

    def commit(self, batch: Batch) -> Kept | None:
        """Write a batch in one transaction; returns what is kept when the batch asked for a trim.

        Raises DiskTrouble and Broken with nothing of the batch written.
        """
        with sqlite_errors():
            sql = self.sql
            rows = batch.rows
            if rows and rows[0][0] <= self.high and self._has(rows[0][0]):
                # it did reach the disk before the error that was reported
                self.high = rows[-1][0]
                self._names.learn(batch)
                return self._kept() if batch.trim else None
            if self._rounds.due:
                self._rounds.begin()
            sql.execute("BEGIN IMMEDIATE")
            try:
                gone_bytes = self._write(batch)
                sql.execute("COMMIT")
            except BaseException:
                if sql.in_transaction:
                    sql.execute("ROLLBACK")
                raise
            self._names.learn(batch)
            self.commits += 1
            self._payload_bytes -= gone_bytes
            if rows:
                self.high = rows[-1][0]
                written_bytes = sum(len(row[6]) for row in rows)
                self._payload_bytes += written_bytes
                self._written_pages += written_bytes // _FULL_PAGE_BYTES
            self._written_pages += _COMMIT_PAGES
            return self._kept() if batch.trim else None

    def _write(self, batch: Batch) -> int:
        """Write within the transaction; returns the payload bytes that its trim removed."""
        sql = self.sql
        if batch.aside:
            sql.executemany(
                "INSERT OR IGNORE INTO set_aside (lane, seq, reason) VALUES (?, ?, ?)", batch.aside
            )
        # what is set aside is counted when it goes, so it is known first; and a full file has no
        # page for the rows before the trim has freed some
        gone_bytes = 0 if batch.trim is None else trimmed(sql, batch.trim, self._payload_bytes)
        if batch.streams or batch.envelopes:
            self._names.write(sql, batch)
        if batch.rows:
            sql.executemany(_INSERT, batch.rows)
        if batch.boots:
            sql.executemany(
                "INSERT OR REPLACE INTO boot (boot, offset_ns) VALUES (?, ?)", batch.boots
            )
        if batch.meta:
            sql.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", batch.meta)
        for name, upto, body in batch.snapshots:
            sql.execute(
                "INSERT OR REPLACE INTO snapshot (name, upto, crc, body) VALUES (?, ?, ?, ?)",
                (name, upto, crc32(body, upto & 0xFFFFFFFF), body),
            )
        if batch.commands:
            sql.executemany(
                "INSERT OR IGNORE INTO command (id, at, result) VALUES (?, ?, ?)", batch.commands
            )
            sql.execute(
                "DELETE FROM command WHERE rowid <= (SELECT max(rowid) FROM command) - ?",
                (COMMANDS_KEPT,),
            )
        return gone_bytes

    def _has(self, seq: int) -> bool:
        return self.sql.execute("SELECT 1 FROM event WHERE seq = ?", (seq,)).fetchone() is not None

    def _kept(self) -> Kept:
        sql = self.sql
        (pages,) = sql.execute("PRAGMA page_count").fetchone()
        (free,) = sql.execute("PRAGMA freelist_count").fetchone()
        oldest = sql.execute("SELECT min(seq) FROM event").fetchone()[0] or 0
        salvaged = sql.execute("SELECT min(id) FROM salvaged").fetchone()[0] or 0
        used_bytes = (pages - free) * schema.PAGE_BYTES
        return Kept(used_bytes, self._payload_bytes, oldest, salvaged)

    # -- reading -------------------------------------------------------------------------------

    def page(
        self, lane: int, after: int, rows_max: int = PAGE_ROWS, *, aside_too: bool = False
    ) -> list[StoredRow]:
        """Read rows of a lane above a number, in order; those set aside only on demand."""
        with sqlite_errors():
            return pages.page(self.sql, self._names, lane, after, rows_max, aside_too=aside_too)

    def stretch(self, epoch: str, first: int, last: int) -> list[StoredRow]:
        """Read rows `first..last` of an epoch for a replay; one page at most."""
        with sqlite_errors():
            return pages.stretch(self.sql, self._names, self.epoch, epoch, first, last)

    def stretch_of_topic(
        self, epoch: str, topic: str, first: int, last: int, after: int
    ) -> tuple[list[StoredRow], int | None]:
        """Read rows of one topic by `streamseq` in a bounded step; and say where to go on."""
        with sqlite_errors():
            return pages.stretch_of_topic(
                self.sql, self._names, self.epoch, epoch, topic, first, last, after
            )

    def all_after(self, seq: int, rows_max: int) -> list[StoredRow]:
        """Read events above a number, of either lane and whatever became of them."""
        with sqlite_errors():
            return pages.all_after(self.sql, self._names, seq, rows_max)

    def salvaged(self, number: int) -> list[StoredRow]:
        """Read what was salvaged with this number, in whatever epochs; as rows of their lane."""
        with sqlite_errors():
            ids = self.sql.execute(
                "SELECT id FROM salvaged INDEXED BY salvaged_number"
                " WHERE epoch >= '' AND seq = ? ORDER BY id",
                (number,),
            ).fetchall()
        return [row for (id_,) in ids for row in self.page(SALVAGED, id_ - 1, 1, aside_too=True)]

    def limit(self, quota_bytes: int) -> None:
        """Let the file grow to another quota."""
        with sqlite_errors():
            schema.limit_pages(self.sql, schema.max_pages(quota_bytes))

    def executed(self, command_id: str) -> str | None:
        """Say what became of a command that was executed before; None when it was not."""
        with sqlite_errors():
            found = self.sql.execute("SELECT result FROM command WHERE id = ?", (command_id,))
            row = found.fetchone()
            return None if row is None else row[0]

    def reasons(self) -> dict[tuple[int, int], str]:
        """Say what is set aside and why, by (lane, number)."""
        with sqlite_errors():
            found = self.sql.execute("SELECT lane, seq, reason FROM set_aside")
            return {(lane, seq): reason for lane, seq, reason in found}

    # -- keeping house -------------------------------------------------------------------------

    def checkpoint_due(self) -> bool:
        """Say whether the WAL is as full as it may get."""
        if self._written_pages < LOOK_PAGES:
            return False
        self._written_pages = 0
        try:
            return wal.frames(self._wal, schema.PAGE_BYTES) >= CHECKPOINT_PAGES
        except OSError:  # the commit is done all the same; the checkpoint will say what is wrong
            return True

    def checkpoint(self) -> None:
        """Copy the WAL into the database, explicitly: automatic ones never report an I/O error.

        The next round is begun at once: nobody waits for that here, and a scan would.
        """
        with sqlite_errors():
            self._checkpoint()
            self._begin_if_there_is_room()

    def rest(self) -> None:
        """Copy all out and begin the WAL anew: the next start finds next to nothing in it."""
        with sqlite_errors():
            self._checkpoint()
            said = "INSERT OR REPLACE INTO meta (key, value) VALUES ('rested', ?)"
            self.sql.execute(said, (str(self.high),))

    def _checkpoint(self) -> None:
        self._copy_out()
        self._rounds.copied()

    def _copy_out(self) -> int:
        """Copy the WAL into the database; returns how many pages it has."""
        busy, in_log, copied = self.sql.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if busy or in_log != copied:
            raise DiskTrouble(
                "failing", f"a checkpoint copied {copied} of {in_log} pages", "check the card"
            )
        self._written_pages = 0
        return max(int(in_log), 0)

    def close(self) -> None:
        """Let go of the file. SQLite then removes the WAL, which costs growing it again."""
        self._pooled.close()
        self._engine.dispose()
