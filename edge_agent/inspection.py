"""A journal that nobody runs, looked at without changing it: for `status` and `outbox`.

The files are copied beside and the copy is opened: reading a journal recovers its WAL, and that
would be a change. The copy is gone when the look is over.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store

_ROOM_BYTES = 1 << 40


@contextmanager
def resting_journal(data_dir: Path) -> Iterator[Store | None]:
    """Open a copy of the journal in `data_dir`; None when there is none.

    Raises DiskTrouble and NewerJournal, and OSError where it may not be read.
    """
    source = folder.place(data_dir)
    if not (source / folder.FILE).exists():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="edge-agent-look-") as scratch:
        copy = folder.place(Path(scratch))
        copy.mkdir()
        for name in (folder.FILE, folder.FILE + "-wal"):
            if (source / name).exists():
                shutil.copyfile(source / name, copy / name)
        store = open_store(Path(scratch), quota_bytes=_ROOM_BYTES)
        try:
            yield store
        finally:
            store.close()
