"""The journal's tables, its engine and its settings, each read back; SQLAlchemy owns them.

Why these settings: `durability.md` measured them. WAL with `synchronous=FULL` loses nothing in a
power cut; `psow=0` pads each commit to whole pages so that no later write shares a sector block
with an acknowledged one; one connection with `locking_mode=EXCLUSIVE` makes SQLite's WAL-reset
defect (3.7.0 to 3.51.2) impossible; automatic checkpoints are off because their I/O errors are
never reported.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import (
    BLOB,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from edge_agent.records import Broken

VERSION: Final = 2
"""`PRAGMA user_version` of a journal written by this release."""

APPLICATION_ID: Final = 0x45_64_67_41  # "EdgA"
PAGE_BYTES: Final = 4096

PAGE_SLACK: Final = 2048
"""Pages beyond the quota, for the tables that do not hold events."""

PAGES_TO_GO_ON: Final = 256
"""Pages that a file above its quota may still take: trims are written with what they follow."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_strict=True,
)
stream = Table(
    "stream",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", Text, nullable=False, unique=True),
    sqlite_strict=True,
)
envelope = Table(
    "envelope",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("crc", Integer, nullable=False),
    sqlite_strict=True,
)
event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("lane", Integer, nullable=False),
    Column("stream", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("cursor", Text),
    Column("crc", Integer, nullable=False),
    Column("payload", BLOB, nullable=False),
    Column("envelope", Integer, nullable=False, server_default=text("0")),
    sqlite_strict=True,
)
Index("event_urgent", event.c.seq, sqlite_where=event.c.lane == 1)

snapshot = Table(
    "snapshot",
    metadata,
    Column("name", Text, primary_key=True),
    Column("upto", Integer, nullable=False),
    Column("crc", Integer, nullable=False),
    Column("body", BLOB, nullable=False),
    sqlite_strict=True,
)
set_aside = Table(
    "set_aside",
    metadata,
    Column("lane", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    sqlite_strict=True,
)
command = Table(
    "command",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("result", Text, nullable=False),
    sqlite_strict=True,
)
boot = Table(
    "boot",
    metadata,
    Column("boot", Text, primary_key=True),
    Column("offset_ns", Integer, nullable=False),
    sqlite_strict=True,
)
salvaged = Table(
    "salvaged",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("crc", Integer, nullable=False),
    Column("payload", BLOB, nullable=False),
    Index("salvaged_number", "epoch", "seq", unique=True),
    sqlite_strict=True,
)
quarantine = Table(
    "quarantine",
    metadata,
    Column("folder", Text, primary_key=True),
    Column("report", Text, nullable=False),
    sqlite_strict=True,
)


def _bodies_and_envelopes(connection: Connection) -> None:
    """Let rows keep bodies; those that are there are whole and stay so."""
    envelope.create(connection)
    connection.exec_driver_sql("ALTER TABLE event ADD COLUMN envelope INTEGER NOT NULL DEFAULT 0")


MIGRATIONS: Final[dict[int, Callable[[Connection], None]]] = {1: _bodies_and_envelopes}
"""From version -> the step to the next one; each runs in one transaction with its version."""


class SettingRefused(Exception):
    """SQLite did not take a setting that the promise rests on."""


def engine_of(file: Path, *, max_pages: int, vfs: str | None = None) -> Engine:
    """Make the engine of a journal file: one connection, kept, with every setting read back.

    `vfs` names another SQLite virtual file system (tests record and cut power there).
    """

    def connect() -> sqlite3.Connection:
        query = "psow=0" if vfs is None else f"psow=0&vfs={quote(vfs)}"
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?{query}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=0,
            cached_statements=64,
        )
        connection.text_factory = text_of
        try:
            apply_settings(connection, max_pages=max_pages)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def text_of(stored: bytes) -> str:
    """Read a text; bytes that are none are damage, to be found by its CRC and not by an error."""
    return stored.decode(errors="replace")


def apply_settings(connection: sqlite3.Connection, *, max_pages: int) -> None:
    """Set and read back everything the promise rests on, in the only order that works.

    `page_size` and `auto_vacuum` come before WAL: after it they are silently ignored; and
    `locking_mode` before anything reads a WAL that is there already: later, the index of that WAL
    would be kept in a file shared with others.
    Raises SettingRefused, and Broken for a header that cannot be ours.
    """
    wanted: tuple[tuple[str, str, object], ...] = (
        ("locking_mode", "EXCLUSIVE", "exclusive"),
        ("page_size", str(PAGE_BYTES), PAGE_BYTES),
        ("auto_vacuum", "NONE", 0),
        ("journal_mode", "WAL", "wal"),
        ("synchronous", "FULL", 2),
        ("wal_autocheckpoint", "0", 0),
        ("foreign_keys", "OFF", 0),
        ("temp_store", "MEMORY", 2),
        # Debian's default is ON: each page that a trim frees would be zeroed, through the WAL
        ("secure_delete", "OFF", 0),
    )
    for name, value, expected in wanted:
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != expected and name == "page_size":
            # a cut in a checkpoint may have hit the header in the file: that in the WAL counts,
            # and SQLite looks there with the first question
            connection.execute("PRAGMA schema_version").fetchall()
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != expected and name == "page_size":  # it was 4096 when the file was made
            raise Broken(f"the header says pages of {found} bytes, not {expected}")
        if found != expected:
            raise SettingRefused(f"PRAGMA {name} is {found!r} and not {expected!r}")
    limit_pages(connection, max_pages)


def limit_pages(connection: sqlite3.Connection, wanted: int) -> None:
    """Let the file have so many pages, or a few more than it has where a quota was lowered.

    SQLite never takes less than what is there; without the few no commit would find a page, not
    even one that frees thousands. Raises SettingRefused.
    """
    (present,) = connection.execute("PRAGMA page_count").fetchone()
    least = max(wanted, present + PAGES_TO_GO_ON)
    (found,) = connection.execute(f"PRAGMA max_page_count={least}").fetchone()
    if found != least:
        raise SettingRefused(f"PRAGMA max_page_count is {found!r} and not {least!r}")


def max_pages(quota_bytes: int) -> int:
    """Say how many pages the file may have for a quota."""
    return quota_bytes // PAGE_BYTES + PAGE_SLACK


def prepare(
    connection: Connection,
    *,
    to: int = VERSION,
    steps: Mapping[int, Callable[[Connection], None]] = MIGRATIONS,
) -> None:
    """Create the tables of an empty file, or migrate those of an older release, step by step.

    A cut or an error between leaves the last whole step; the next start goes on from there.
    """
    version = connection.execute(text("PRAGMA user_version")).scalar_one()
    if version == 0:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
        connection.exec_driver_sql("COMMIT")
        return
    while version < to:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            steps[version](connection)
            connection.exec_driver_sql(f"PRAGMA user_version={version + 1}")
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        version += 1
