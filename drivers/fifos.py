"""FIFOs by which a twin is driven from outside, and files to which it appends."""

import errno
import os
import stat
from pathlib import Path

from drivers.reopening import Trouble


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
