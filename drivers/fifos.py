"""FIFOs by which a twin is driven from outside, and files to which it appends."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from drivers.reopening import Trouble
from edge_agent.ports import Examined, Verdict

_FIFO = "a FIFO"


def opened_fifo(path: Path) -> int:
    """Open a FIFO for reading and writing, so that it has no end when its writers go.

    Made if it is missing. Raises Trouble, also for anything else that stands there.
    """
    try:
        if not path.exists():
            os.mkfifo(path, 0o600)
        elif not stat.S_ISFIFO(path.stat().st_mode):
            raise _no_fifo(path)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise explained(path, error) from error
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # exchanged meanwhile
        os.close(fd)
        raise _no_fifo(path)
    return fd


def opened_to_append(path: Path) -> int:
    """Open a file to append lines to it; raises Trouble."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise explained(path, error) from error


def examined_fifo(path: Path) -> Iterator[Examined]:
    """Look at a FIFO without opening it: who writes into it must not notice."""
    yield _examined(path, _FIFO)


def examined_sheet(path: Path) -> Iterator[Examined]:
    """Look at a file that lines are appended to."""
    yield _examined(path, "a file")


def _examined(path: Path, what: str) -> Examined:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        return _failed(explained(path, error))
    if what == _FIFO and mode is not None and not stat.S_ISFIFO(mode):
        return _failed(_no_fifo(path))
    wanted, rights = (path.parent, os.W_OK | os.X_OK) if mode is None else (path, os.W_OK)
    if os.access(wanted, rights, effective_ids=True):
        return Verdict.OK, f"{path}: {what}, {'made at the start' if mode is None else 'there'}", ""
    missing = errno.EACCES if wanted.exists() else errno.ENOENT
    return _failed(explained(path, OSError(missing, os.strerror(missing))))


def _failed(trouble: Trouble) -> Examined:
    return Verdict.FAIL, trouble.why, trouble.remedy


def explained(path: Path, error: OSError) -> Trouble:
    """Say what is wrong with a file of a twin, and what to do about it."""
    if error.errno == errno.ENOENT:
        return Trouble(
            f"the folder of {path} is not there", f"make it: `mkdir -p {path.absolute().parent}`"
        )
    return Trouble(
        f"{path} does not open: {error.strerror}",
        "give the agent's user the right to read and write it, or write another path",
    )


def _no_fifo(path: Path) -> Trouble:
    return Trouble(
        f"{path} is there and is no FIFO",
        "write another path, or move that file away: a FIFO is made in its place",
    )
