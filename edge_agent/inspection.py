"""A journal that nobody runs, looked at without changing it: for `status` and `outbox`.

The files are copied beside and the copy is opened: reading a journal recovers its WAL, and that
would be a change. The copy is gone when the look is over.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store

_ROOM_BYTES = 1 << 40


class Resting(NamedTuple):
    """A journal at rest: as the next start would find it, once it has done what it must.

    `broken` says why that start would set the folder apart, and `remedy` what becomes of it; both
    are empty for a sound one.
    """

    store: Store
    broken: str = ""
    remedy: str = ""


@contextmanager
def resting_journal(data_dir: Path) -> Iterator[Resting | None]:
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
        unread_bytes = folder.journal_copied(source, copy, unread_as_zeros=True)
        store = open_store(Path(scratch), quota_bytes=_ROOM_BYTES)
        try:
            yield _judged(store, data_dir, folder.set_apart_before(Path(scratch)), unread_bytes)
        finally:
            store.close()


def _judged(store: Store, data_dir: Path, apart: list[Path], unread_bytes: int) -> Resting:
    """Say what the next start will do with the file that was copied."""
    if not apart and not unread_bytes:
        return Resting(store)
    why = store.why_apart(apart[-1].name) if apart else ""
    if unread_bytes:
        why = f"the disk does not read {unread_bytes} bytes" + (f"; {why}" if why else "")
    name = folder.next_apart(data_dir).name
    remedy = (
        f"the next start keeps the folder untouched as {name}, sends what can still be read under"
        " its own ids, tells the numbers that are gone and goes on in a new file and epoch; check"
        " the card with 'dmesg'"
    )
    return Resting(store, f"the file is broken: {why}", remedy)
