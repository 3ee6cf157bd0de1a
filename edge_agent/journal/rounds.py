"""The rounds of the WAL: begun with a word that a name bears out, and ended by a checkpoint.

Rules:
1. A round's first commit counts it (`begun` in `meta`). Then an empty file in the folder takes the
   name `begun-N-SALTS`, and only then an event follows: a start that finds the name without the
   word knows that the WAL is lost, and events with it.
2. A checkpoint that copied all gives it the name `copied-N-SALTS`: a WAL with these salts may be
   written over from then on and is nobody's loss.
3. While it is `begun-N` and the WAL has the salts that the name says, whole transactions behind a
   damaged one are events that recovery passed over without a word. With other salts a next round
   had been begun, and what stands behind it is copied.
In each of the two cases numbers would be given twice, so the file is Broken.
"""

import sqlite3
from pathlib import Path

from edge_agent.journal import folder, schema, wal
from edge_agent.journal.folder import Round
from edge_agent.journal.trouble import trouble_of
from edge_agent.records import Broken

_SAID = "INSERT OR REPLACE INTO meta (key, value) VALUES ('begun', ?)"
_KNOWN = "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = 'begun'"


class Rounds:
    """The rounds of one open journal; `due` says that the next one is still to be begun.

    Raises DiskTrouble where the folder cannot be written, and Broken as above.
    """

    def __init__(self, sql: sqlite3.Connection, file: Path) -> None:
        self._sql = sql
        self._wal = Path(f"{file}-wal")
        self._named = folder.round_of(file.parent)
        self._number = self._named.number
        self.due = True

    def recognise(self) -> None:
        """Compare what the name says with what the journal knows."""
        (known,) = self._sql.execute(_KNOWN).fetchone()
        if self._number > known:
            raise Broken(
                "the file with the latest commits (events.db-wal) is gone or cannot be read"
                f" (round {self._number}, found {known})"
            )
        self._number = known

    def look_behind(self, recovered: int) -> None:
        """Look whether recovery, of so many pages, passed over whole transactions."""
        if self._named.copied or not self._named.salts or not recovered:
            return
        try:
            early = wal.salts(self._wal) == self._named.salts and wal.stops_early(
                self._wal, schema.PAGE_BYTES, recovered
            )
        except OSError as error:
            raise trouble_of(error) from error
        if early:
            raise Broken(f"the WAL is damaged behind {recovered} pages, and goes on")

    def copied(self) -> None:
        """End the round: all of it is in the database."""
        self.due = True
        if not self._named.copied and self._number:
            self._name(Round(self._number, copied=True, salts=self._named.salts))

    def begin(self) -> None:
        """Begin the next round."""
        number = self._number + 1
        self._sql.execute(_SAID, (str(number),))
        self._number = number
        try:
            salts = wal.salts(self._wal)
        except FileNotFoundError:  # no WAL but a journal of another kind: nothing to recognise
            salts = ""
        except OSError as error:
            raise trouble_of(error) from error
        self._name(Round(number, salts=salts))
        self.due = False

    def _name(self, named: Round) -> None:
        try:
            folder.name_round(self._wal.parent, named)
        except OSError as error:
            raise trouble_of(error) from error
        self._named = named
