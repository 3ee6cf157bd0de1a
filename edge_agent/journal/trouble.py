"""What an error of SQLite or of the file system means, and what a person can do about it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from edge_agent.journal.schema import SettingRefused
from edge_agent.records import Broken, DiskTrouble

_FULL: Final = {"SQLITE_FULL"}
_READ_ONLY: Final = {"SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH"}
_BROKEN: Final = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
UNREAD: Final = {
    "SQLITE_IOERR_CORRUPTFS",  # what SQLite makes of EIO
    "SQLITE_IOERR_DATA",
    "SQLITE_IOERR_READ",
    "SQLITE_IOERR_SHORT_READ",
}
"""Errors of a disk that does not read what it holds."""

_ERRNO: Final = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read-only",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
}

_REMEDIES: Final = {
    "full": "free space on the partition of data_dir, or lower [journal] quota_mb",
    "read-only": "the card may be worn out: check 'dmesg', replace it; or remount read-write",
    "failing": "check 'dmesg' and the card; replace it if this comes back",
    "busy": "another program has the journal open: close it",
}


def trouble_of(error: sqlite3.Error | OSError) -> DiskTrouble | Broken:
    """Say which kind of trouble an error of SQLite or of the file system is."""
    if isinstance(error, OSError):
        kind = _ERRNO.get(error.errno or 0, "failing")
        return DiskTrouble(kind, str(error), _REMEDIES[kind])
    name = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    family = "_".join(name.split("_")[:2])
    why = f"{error} ({name})"
    if family in _BROKEN:
        return Broken(why)
    if family in _FULL:
        kind = "full"
    elif family in _READ_ONLY:
        kind = "read-only"
    elif family in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        kind = "busy"
    else:
        kind = "failing"
    return DiskTrouble(kind, why, _REMEDIES[kind])


def unread(trouble: DiskTrouble) -> bool:
    """Say whether a trouble that this room raised is a disk that does not read what it holds."""
    cause = trouble.__cause__
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    return (getattr(cause, "sqlite_errorname", None) or "") in UNREAD


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """Raise DiskTrouble or Broken for what SQLite raises, wrapped by SQLAlchemy or not."""
    try:
        yield
    except sqlite3.Error as error:
        raise trouble_of(error) from error
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        raise trouble_of(error.orig) from error
    except SettingRefused as error:
        raise DiskTrouble("failing", str(error), "check the file system of data_dir") from error
