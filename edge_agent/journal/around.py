"""Reading on where the disk does not read a page: an event on it comes as unsound, by its number.

Used when a question was tried often enough: what waits behind it is more than what cannot be had.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from edge_agent.journal.store import Store
from edge_agent.journal.trouble import sqlite_errors, unread
from edge_agent.records import NORMAL, PAGE_ROWS, SALVAGED, URGENT, DiskTrouble, StoredRow

UNREAD_ROWS_MAX: Final = 256
"""Events that one answer may be without; with more the question is in trouble for ever, which ends
with the file being opened anew, found unreadable and set apart."""


_Found = TypeVar("_Found")


class Around:
    """A store as questions see it, that answers without what is not read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._store, name)

    def page(
        self, lane: int, after: int, rows_max: int = PAGE_ROWS, *, aside_too: bool = False
    ) -> list[StoredRow]:
        """Read rows of a lane above a number, in order; those set aside only on demand."""
        if lane == SALVAGED:
            rows = self._salvaged(after)
        else:
            rows = (row for row in self._events(after) if row.lane == lane)
        aside = {} if aside_too else self.reasons()
        return list(islice((row for row in rows if (lane, row.seq) not in aside), rows_max))

    def stretch(self, epoch: str, first: int, last: int) -> list[StoredRow]:
        """Read rows `first..last` of an epoch for a replay; one page at most."""
        return list(islice(self._stretch(epoch, first, last), PAGE_ROWS))

    def stretch_of_topic(
        self, epoch: str, topic: str, first: int, last: int, after: int
    ) -> tuple[list[StoredRow], int | None]:
        """Read rows of one topic by `streamseq`; of one that is not read the topic is not known."""
        top = self._number("SELECT coalesce(max(seq), 0) FROM salvaged WHERE epoch = ?", epoch)
        rows = self._stretch(epoch, after + 1, max(top, self._store.high))
        of_topic = (row for row in rows if row.topic == topic and first <= row.n <= last)
        page = list(islice(of_topic, PAGE_ROWS))
        return page, page[-1].seq if len(page) == PAGE_ROWS else None

    def all_after(self, seq: int, rows_max: int) -> list[StoredRow]:
        """Read events above a number, of either lane and whatever became of them."""
        return list(islice(self._events(seq), rows_max))

    def executed(self, command_id: str) -> str | None:
        """Say what became of a command; one that is not read was not executed."""
        return _tried(lambda: self._store.executed(command_id), None)

    def reasons(self) -> dict[tuple[int, int], str]:
        """Say what is set aside and why; nothing where that is not read."""
        return _tried(self._store.reasons, {})

    # -- row by row ----------------------------------------------------------------------------

    def _events(self, after: int) -> Iterator[StoredRow]:
        """Read as many at once as can be read; in front of a bad page it is one by one."""
        store, wanted, gone = self._store, PAGE_ROWS, 0
        while after < store.high:
            try:
                rows = store.all_after(after, wanted)
            except DiskTrouble as trouble:
                if not unread(trouble) or gone >= UNREAD_ROWS_MAX:
                    raise
                if wanted > 1:
                    wanted = max(wanted // 8, 1)
                    continue
                rows = self._alone(after + 1)
                gone += not rows[0].sound
            else:
                wanted = min(wanted * 8, PAGE_ROWS)
            if not rows:
                return
            yield from rows
            after = rows[-1].seq

    def _alone(self, seq: int) -> list[StoredRow]:
        """Read one row by its number: what is above another one is looked for on the page of that.

        The lane of one that is not read is known by the index of urgent ones.
        """
        store = self._store
        urgent = "SELECT count(seq) FROM event INDEXED BY event_urgent WHERE lane = 1 AND seq = ?"
        nothing: list[StoredRow] = []
        found = _tried(partial(store.stretch, store.epoch, seq, seq), nothing)
        return found or [_gone(seq, URGENT if self._number(urgent, seq) else NORMAL)]

    def _stretch(self, epoch: str, first: int, last: int) -> Iterator[StoredRow]:
        if epoch == self._store.epoch:
            for row in self._events(first - 1):
                if row.seq > last:
                    return
                yield row
            return
        where = "epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
        for row, _ in self._by_index(where, epoch, first, last, PAGE_ROWS):
            yield row

    def _salvaged(self, after: int) -> Iterator[StoredRow]:
        ids = [after]
        while ids:
            found = self._by_index("epoch >= '' AND id > ? ORDER BY id LIMIT ?", ids[-1], PAGE_ROWS)
            ids = []
            for row, number in found:
                ids.append(number)
                yield row._replace(seq=number)

    def _by_index(self, where: str, *parameters: object) -> Iterator[tuple[StoredRow, int]]:
        """Find salvaged rows in the index, and read each for itself."""
        known = "SELECT epoch, seq, id FROM salvaged INDEXED BY salvaged_number WHERE "
        with sqlite_errors():
            found = self._store.sql.execute(known + where, parameters).fetchall()
        for epoch, seq, number in found:
            read = partial(self._store.stretch, epoch, seq, seq)
            (row,) = _tried(read, [_gone(seq, NORMAL)])
            yield row, number

    def _number(self, question: str, *parameters: object) -> int:
        def read() -> int:
            with sqlite_errors():
                (number,) = self._store.sql.execute(question, parameters).fetchone()
                return int(number)

        return _tried(read, 0)


def _gone(seq: int, lane: int) -> StoredRow:
    """Stand for an event that is not read."""
    return StoredRow(seq, lane, "", 0, b"", sound=False)


def _tried(what: Callable[[], _Found], else_: _Found) -> _Found:
    try:
        return what()
    except DiskTrouble as trouble:
        if not unread(trouble):
            raise
        return else_
