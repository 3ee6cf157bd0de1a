"""The journal's folder: database and WAL live and move together, by one rename.

Rules:
1. `data_dir/journal/` holds `events.db`, its WAL, an empty file and nothing else. The name of that,
   `begun-N-SALTS` or `copied-N-SALTS`, says which round of the WAL this is
   (`edge_agent.journal.rounds`).
2. A broken journal is the whole folder renamed to `corrupt-N/`: one atomic step, so that no cut
   can part a database from its WAL (sqlite.org/howtocorrupt.html, 1.4).
3. Nothing in a `corrupt-N/` is ever written or deleted by us.
"""

import errno
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from edge_agent.journal.wal import salts

COPIED_BYTES: Final = 1 << 20
"""What a copy reads at once; where that fails it reads block by block."""

BLOCK_BYTES: Final = 4096
"""What is given up of a file where the disk does not read: a page of the journal."""

FILE: Final = "events.db"
_FOLDER: Final = "journal"
_SCRATCH: Final = "salvage.tmp"
_CORRUPT: Final = re.compile(r"corrupt-(\d+)")
_ROUND: Final = re.compile(r"(begun|copied)-(\d{1,18})(?:-([0-9a-f]{16}))?")


class Unread(OSError):
    """The disk does not read a stretch of a file."""


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
    _settle(folder / f"{FILE}-wal", round_of(folder))
    return folder / FILE


def _settle(wal: Path, named: "Round") -> None:
    """Write a WAL that was left behind anew: recovery believes it, and we publish what it says.

    One that still has the salts of the round that was copied is written empty: SQLite takes the
    salts of a header that was torn as they are, and frames of the round before would look like
    those of the next. One with other salts is needed: a checkpoint of it may have been cut.

    A process that was killed may not have flushed it, and after a flush that failed the kernel
    takes its pages for clean: another flush would say yes and write nothing. Not in place: its
    blocks hold acknowledged commits. Without room for the copy a flush has to do.
    """
    if not wal.exists() or not wal.stat().st_size:
        return
    copy = wal.with_name(f"{wal.name}.new")
    try:
        if named.copied and named.salts and salts(wal) == named.salts:
            copy.write_bytes(bytes(wal.stat().st_size))
        else:
            copied(wal, copy)
        _sync_file(copy)
    except OSError as error:
        copy.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _sync_file(wal)
        return
    copy.replace(wal)
    sync_folder(wal.parent)


class Round(NamedTuple):
    """What the name of a file says of the WAL: which round it is, and the salts that it has."""

    number: int = 0
    copied: bool = False
    salts: str = ""


def round_of(folder: Path) -> Round:
    """Say which round of the WAL a file's name tells; number 0 where none does."""
    return max((named for named, _ in _rounds(folder)), default=Round())


def name_round(folder: Path, named: Round) -> None:
    """Make the name say it, so that it survives a cut. Raises OSError."""
    name = folder / "-".join(
        filter(None, ("copied" if named.copied else "begun", str(named.number), named.salts))
    )
    names = sorted(_rounds(folder))
    if names:
        names[-1][1].rename(name)
    else:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    sync_folder(folder)


def _rounds(folder: Path) -> list[tuple[Round, Path]]:
    matched = ((_ROUND.fullmatch(path.name), path) for path in folder.iterdir())
    return [
        (Round(int(match[2]), match[1] == "copied", match[3] or ""), path)
        for match, path in matched
        if match
    ]


def set_apart(data_dir: Path, why: str) -> Path:
    """Rename the broken journal's folder to the next `corrupt-N`; return where it is now.

    Why is written beside it, for the salvage and for people; that it cannot be is no reason to
    keep the broken journal in its place.
    """
    target = next_apart(data_dir)
    (data_dir / _FOLDER).rename(target)
    with suppress(OSError):
        _why(target).write_text(" ".join(why.split()), "utf-8")
    sync_folder(data_dir)
    return target


def why_apart(corrupt: Path) -> str:
    """Say why a folder was set apart; nothing where that could not be written."""
    try:
        return _why(corrupt).read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _why(corrupt: Path) -> Path:
    return corrupt.with_name(f"{corrupt.name}.why")


def next_apart(data_dir: Path) -> Path:
    """Say where a broken journal's folder would be moved."""
    numbers = [
        int(match[1]) for path in data_dir.iterdir() if (match := _CORRUPT.fullmatch(path.name))
    ]
    return data_dir / f"corrupt-{max(numbers, default=0) + 1}"


def set_apart_before(data_dir: Path) -> list[Path]:
    """List the `corrupt-N` folders, oldest first."""
    found = [path for path in data_dir.iterdir() if _CORRUPT.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def scratch_copy(
    data_dir: Path, corrupt: Path, *, unread_as_zeros: bool = False
) -> tuple[Path, int]:
    """Copy a broken journal so that reading it (which recovers its WAL) leaves it as it was.

    Returns the file, and how many bytes the disk did not read: zeros stand for them.
    Raises Unread unless `unread_as_zeros`.
    """
    scratch = data_dir / _SCRATCH
    drop_scratch(data_dir)
    scratch.mkdir(mode=0o700)
    unread_bytes = journal_copied(corrupt, scratch, unread_as_zeros=unread_as_zeros)
    return scratch / FILE, unread_bytes


def journal_copied(source: Path, target: Path, *, unread_as_zeros: bool) -> int:
    """Copy database, WAL and the name that goes with them from one folder into another."""
    named = round_of(source)
    if named.number:
        name_round(target, named)
    return sum(
        copied(source / name, target / name, unread_as_zeros=unread_as_zeros)
        for name in (FILE, f"{FILE}-wal")
        if (source / name).exists()
    )


def copied(source: Path, target: Path, *, unread_as_zeros: bool = False) -> int:
    """Copy a file; returns for how many bytes zeros stand, where the disk does not read it.

    Raises Unread for those unless `unread_as_zeros`, and OSError.
    """
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            return _copy(reading, writing, unread_as_zeros=unread_as_zeros)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy(reading: int, writing: int, *, unread_as_zeros: bool) -> int:
    size_bytes, at, unread_bytes, step = os.fstat(reading).st_size, 0, 0, COPIED_BYTES
    while at < size_bytes:
        wanted = min(step - at % step, size_bytes - at)
        try:
            part = os.pread(reading, wanted, at)
        except OSError as error:
            if not unread_as_zeros:
                raise Unread(error.errno, f"{error.strerror} at byte {at}") from error
            if step > BLOCK_BYTES:
                step = BLOCK_BYTES
                continue
            part = bytes(wanted)
            unread_bytes += wanted
        if not part:
            break
        while part:
            done = os.write(writing, part)
            part, at = part[done:], at + done
        if at % COPIED_BYTES == 0:
            step = COPIED_BYTES
    return unread_bytes


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
