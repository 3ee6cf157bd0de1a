"""Opening the journal: make it, check it, migrate it, or set it apart and salvage what it held.

Rules:
1. A file that is not sound is set apart whole and salvaged, never written to, never deleted.
2. A file of a newer release is refused: opening it could lose what it knows.
3. Every step may be cut short; the next start begins again and comes to the same end.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_agent.journal import folder, schema
from edge_agent.journal.salvage import salvage
from edge_agent.journal.store import Store
from edge_agent.journal.trouble import sqlite_errors, trouble_of, unread
from edge_agent.records import Broken, DiskTrouble, NewerJournal

_ERROR_CODE: Final = re.compile(r"error code=(\d+)")
_SQLITE_IOERR: Final = 10
_NO_PAGE: Final = "failed to get page "  # of a long row: quick_check does not say why


def open_store(
    data_dir: Path, *, quota_bytes: int, vfs: str | None = None, unreadable_is_broken: bool = False
) -> Store:
    """Open the journal in `data_dir`; `vfs` names another SQLite file system.

    A page that the disk does not read is trouble, to be tried again; with `unreadable_is_broken`
    the file is set apart for it, and what can be read is salvaged.

    Raises DiskTrouble (try again later) and NewerJournal (refuse to start).
    """
    max_pages = schema.max_pages(quota_bytes)
    try:
        try:
            store = _open(
                _settled(data_dir, unreadable_is_broken=unreadable_is_broken),
                *(max_pages, vfs),
                apart=data_dir,
                unreadable_is_broken=unreadable_is_broken,
            )
        except Broken:
            store = _open(folder.journal_file(data_dir), max_pages, vfs)
        try:
            _take_over(store, data_dir, quota_bytes, unread_as_zeros=unreadable_is_broken)
        except BaseException:
            store.close()  # or it would hold the lock against the next attempt
            raise
    except OSError as error:
        raise trouble_of(error) from error
    except DiskTrouble as trouble:
        if trouble.kind == "failing" and os.statvfs(data_dir).f_flag & os.ST_RDONLY:
            # SQLite only says that it cannot open the file
            why = f"{data_dir} is on a read-only file system"
            raise trouble_of(OSError(errno.EROFS, why)) from trouble
        raise
    except Broken as error:
        why = f"a new journal is broken too: {error}"
        raise DiskTrouble("failing", why, "replace the card") from error
    return store


def _settled(data_dir: Path, *, unreadable_is_broken: bool) -> Path:
    """Give the file with its WAL settled; set it apart where that WAL counts as broken."""
    try:
        return folder.journal_file(data_dir)
    except folder.Unread as error:
        if not unreadable_is_broken:
            raise
        why = f"the WAL cannot be read: {error}"
        folder.set_apart(data_dir, why)
        raise Broken(why) from error


def _open(
    file: Path,
    max_pages: int,
    vfs: str | None,
    *,
    apart: Path | None = None,
    unreadable_is_broken: bool = False,
) -> Store:
    """Open one file; a broken one is set apart when `apart` is its data_dir."""
    engine = schema.engine_of(file, max_pages=max_pages, vfs=vfs)
    try:
        with _as_broken(unreadable_is_broken), sqlite_errors(), engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > schema.VERSION:
                _refuse(file, version)
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if verdict != "ok":
                _judge(verdict, unreadable_is_broken=unreadable_is_broken)
            if 0 < version < schema.VERSION:
                # recovery ends in the middle of a block: the migration would share it with an
                # acknowledged commit, if that were not copied out first
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            schema.prepare(connection)
        with _as_broken(unreadable_is_broken):
            return Store(engine, file)
    except Broken as broken:
        try:
            if apart is not None:
                # while it is open: SQLite sees that the file has moved, and does not copy the WAL
                # into it when it is closed
                folder.set_apart(apart, str(broken))
        finally:
            engine.dispose()
        raise
    except BaseException:
        engine.dispose()
        raise


@contextmanager
def _as_broken(wanted: bool) -> Iterator[None]:
    """Take a disk that does not read for a broken file, where that is wanted."""
    try:
        yield
    except DiskTrouble as trouble:
        if wanted and unread(trouble):
            raise Broken(f"the journal cannot be read: {trouble}") from trouble
        raise


def _refuse(file: Path, version: int) -> None:
    raise NewerJournal(
        f"{file} was written by a newer release (journal version {version}, this one knows"
        f" {schema.VERSION}); install that release again, or give this agent another data_dir"
    )


def _judge(verdict: str, *, unreadable_is_broken: bool) -> None:
    """Tell a broken file from one that the disk does not read just now."""
    code = _ERROR_CODE.search(verdict)
    unread = int(code[1]) & 0xFF == _SQLITE_IOERR if code else _NO_PAGE in verdict
    if unread and not unreadable_is_broken:
        raise DiskTrouble("failing", f"the journal cannot be read: {verdict}", "check the card")
    raise Broken(verdict)


def _take_over(store: Store, data_dir: Path, quota_bytes: int, *, unread_as_zeros: bool) -> None:
    """Salvage every folder that was set apart and is not in our books yet."""
    folder.drop_scratch(data_dir)
    with sqlite_errors():
        for corrupt in folder.set_apart_before(data_dir):
            if not store.knows_of(corrupt.name):
                salvage(
                    store.sql,
                    data_dir,
                    corrupt,
                    quota_bytes=quota_bytes,
                    unread_as_zeros=unread_as_zeros,
                )
