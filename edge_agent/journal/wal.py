"""How much of the WAL is in use: SQLite tells nobody before a checkpoint.

The file format is public (SQLite, "WAL-mode File Format"): a header of 32 bytes, then frames of 24
bytes and a page each. A frame belongs to the present round if it has the salts of the header; those
of the round before stand behind the last one, so the boundary is found by halving.
"""

import os
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
_SALTS: Final = slice(16, 24)
_FRAME_SALTS: Final = slice(8, 16)
_PAGE_AND_SIZE: Final = slice(8)
_SIZE_AFTER_COMMIT: Final = slice(4, 8)  # zero in a frame that ends no transaction

TORN_COMMITS_MAX: Final = 6
"""Commit frames that may stand behind the last whole transaction and are no loss: of one that was
being written (`psow=0` writes its last frame twice), and of some that failed before it and were
written over in part."""


def salts(wal: Path) -> str:
    """Say which salts the header has, in hex; "" where there is no header. Raises OSError."""
    with wal.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return header[_SALTS].hex() if len(header) == HEADER_BYTES else ""


def frames(wal: Path, page_bytes: int) -> int:
    """Count the frames of the present round, committed or not; raises OSError."""
    fd = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _frames(fd, FRAME_HEADER_BYTES + page_bytes)
    finally:
        os.close(fd)


def _frames(fd: int, frame_bytes: int) -> int:
    own = os.pread(fd, HEADER_BYTES, 0)[_SALTS]
    used, beyond = 0, (os.fstat(fd).st_size - HEADER_BYTES) // frame_bytes + 1
    while beyond - used > 1:
        middle = (used + beyond) // 2
        at = HEADER_BYTES + (middle - 1) * frame_bytes
        if os.pread(fd, FRAME_HEADER_BYTES, at)[_FRAME_SALTS] == own:
            used = middle
        else:
            beyond = middle
    return used


def stops_early(wal: Path, page_bytes: int, recovered: int) -> bool:
    """Say whether whole transactions stand behind the `recovered` frames: one before is damaged.

    SQLite ends its recovery at the first frame that does not fit its checksum, and says nothing of
    those behind it. Raises OSError.
    """
    frame_bytes = FRAME_HEADER_BYTES + page_bytes
    fd = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    try:
        own = os.pread(fd, HEADER_BYTES, 0)[_SALTS]
        at = HEADER_BYTES + recovered * frame_bytes
        last = os.pread(fd, FRAME_HEADER_BYTES, at - frame_bytes)
        if os.pread(fd, FRAME_HEADER_BYTES, at)[_PAGE_AND_SIZE] == last[_PAGE_AND_SIZE]:
            at += frame_bytes  # the last frame of what is recovered, written twice
        commits = 0
        while header := os.pread(fd, FRAME_HEADER_BYTES, at):
            commits += header[_FRAME_SALTS] == own and any(header[_SIZE_AFTER_COMMIT])
            at += frame_bytes
    finally:
        os.close(fd)
    return commits > TORN_COMMITS_MAX
