"""A real journal in a folder: rows for it, and the ways in which it ends."""

import os
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.records import NORMAL, Batch, Row, row_crc

QUOTA_BYTES = 64 << 20


def opened(data_dir: Path, quota_bytes: int = QUOTA_BYTES) -> Store:
    data_dir.mkdir(exist_ok=True)
    return open_store(data_dir, quota_bytes=quota_bytes)


def quick_folder() -> TemporaryDirectory[str]:
    """Give a folder whose flushes cost nothing, where there is one: for thousands of them."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)


def row(
    seq: int,
    lane: int = NORMAL,
    stream: int = 1,
    n: int | None = None,
    cursor: str | None = None,
    payload: bytes | None = None,
) -> Row:
    """Make one row; its payload says its number and is as long as a scan's."""
    body = b'{"seq":%d,"fill":"%b"}' % (seq, b"x" * 380) if payload is None else payload
    n = seq if n is None else n
    return (seq, lane, stream, n, cursor, row_crc(seq, lane, stream, cursor, body), body, 0)


def batch(*rows: Row, **more: object) -> Batch:
    """Make a batch; the first row brings the streams with it."""
    made = Batch(rows=list(rows))
    if rows and rows[0][0] == 1:
        made.streams = [(number, f"p/A{number}/scan") for number in (1, 2, 3)]
    for name, what in more.items():
        setattr(made, name, what)
    return made


def filled(store: Store, count: int, first: int = 1) -> None:
    """Commit so many rows, one batch of them, behind what is there."""
    store.commit(batch(*(row(seq) for seq in range(first, first + count))))


def killed(data_dir: Path, into: Path) -> Path:
    """Give the journal as SIGKILL leaves it: database and WAL as they stand, open or not."""
    into.mkdir()
    shutil.copytree(folder.place(data_dir), folder.place(into))
    return into


def spoilt(data_dir: Path, *statements: str) -> None:
    """Change a journal that nobody has open, as a card that forgets would."""
    sql = sqlite3.connect(folder.place(data_dir) / folder.FILE, isolation_level=None)
    for statement in statements:
        sql.execute(statement)
    sql.close()
