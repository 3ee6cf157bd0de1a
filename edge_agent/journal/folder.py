"""The journal's folder: database and WAL live and move together, by one rename.

Rules:
1. `data_dir/journal/` holds `events.db` and its WAL and nothing else.
2. A broken journal is the whole folder renamed to `corrupt-N/`: one atomic step, so that no cut
   can part a database from its WAL (sqlite.org/howtocorrupt.html, 1.4).
3. Nothing in a `corrupt-N/` is ever written or deleted by us.
"""

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Final

FILE: Final = "events.db"
_FOLDER: Final = "journal"
_SCRATCH: Final = "salvage.tmp"
_CORRUPT: Final = re.compile(r"corrupt-(\d+)")


def place(data_dir: Path) -> Path:
    """Say where the journal's folder is, or would be."""
    return data_dir / _FOLDER


def journal_file(data_dir: Path) -> Path:
    """Make the folder if it is missing, so that its name survives a cut; return the file's path."""
    folder = data_dir / _FOLDER
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o700)
    # at every start: the one that made it may have failed, or been cut, before its flush
    sync_folder(folder)
    sync_folder(data_dir)
    if os.access(data_dir.parent, os.R_OK):
        sync_folder(data_dir.parent)
    _settle(folder / f"{FILE}-wal")
    return folder / FILE


def _settle(wal: Path) -> None:
    """Write a WAL that was left behind anew: recovery believes it, and we publish what it says.

    A process that was killed may not have flushed it, and after a flush that failed the kernel
    takes its pages for clean: another flush would say yes and write nothing. Not in place: its
    blocks hold acknowledged commits. Without room for the copy a flush has to do.
    """
    if not wal.exists() or not wal.stat().st_size:
        return
    copy = wal.with_name(f"{wal.name}.new")
    try:
        shutil.copyfile(wal, copy)
        _sync_file(copy)
    except OSError as error:
        copy.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _sync_file(wal)
        return
    copy.replace(wal)
    sync_folder(wal.parent)


def set_apart(data_dir: Path) -> Path:
    """Rename the broken journal's folder to the next `corrupt-N`; return where it is now."""
    numbers = [
        int(match[1]) for path in data_dir.iterdir() if (match := _CORRUPT.fullmatch(path.name))
    ]
    target = data_dir / f"corrupt-{max(numbers, default=0) + 1}"
    (data_dir / _FOLDER).rename(target)
    sync_folder(data_dir)
    return target


def set_apart_before(data_dir: Path) -> list[Path]:
    """List the `corrupt-N` folders, oldest first."""
    found = [path for path in data_dir.iterdir() if _CORRUPT.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def scratch_copy(data_dir: Path, corrupt: Path) -> Path:
    """Copy a broken journal so that reading it (which recovers its WAL) leaves it as it was."""
    scratch = data_dir / _SCRATCH
    drop_scratch(data_dir)
    scratch.mkdir(mode=0o700)
    for name in (FILE, FILE + "-wal"):
        if (corrupt / name).exists():
            shutil.copyfile(corrupt / name, scratch / name)
    return scratch / FILE


def drop_scratch(data_dir: Path) -> None:
    """Remove the copy; a cut may have left one behind."""
    scratch = data_dir / _SCRATCH
    if scratch.exists():
        shutil.rmtree(scratch)


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
