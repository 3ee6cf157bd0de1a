"""The retained topics of this agent: remembered over restarts, cleared once they are not ours.

Rules:
1. A topic is in the journal's books from before it is first said until the broker has acknowledged
   that it is cleared: whatever ends the agent between, the next run clears what it finds there.
2. A topic that is ours again is not cleared. One that another agent has taken over meanwhile is
   missing for as long as that one says nothing: `announcing.STATE_NS` at most.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from edge_agent.outbox import Outbox
from edge_agent.records import sealed, unsealed

LEFT_MAX: Final = 256
"""Topics not ours any more that wait to be cleared; the oldest beyond stay with the broker."""

_BOOKS: Final = "retained"


class Retained:
    """Knows what this agent has said retained; `clear` publishes nothing on a topic, retained."""

    def __init__(self, outbox: Outbox, clear: Callable[[str], object]) -> None:
        self._outbox = outbox
        self._clear = clear
        self._ours: list[str] = []
        self._left: list[str] = []
        self._written = ""

    def restore(self, meta: Mapping[str, str]) -> None:
        """Take up what the runs before this one have said."""
        self._written = meta.get(_BOOKS, "")
        self._left = unsealed(self._written) or []

    def now(self, ours: Iterable[str]) -> None:
        """Have these remembered, and clear what was ours before and is not among them."""
        known = (*self._left, *self._ours)
        self._ours = list(ours)
        left = [topic for topic in dict.fromkeys(known) if topic not in self._ours]
        self._left = left[-LEFT_MAX:]
        self._note()
        for topic in self._left:
            self._clear(topic)

    def retry(self) -> None:
        """Clear once more what is not ours and not cleared yet: the broker may have refused it."""
        for topic in self._left:
            self._clear(topic)

    def cleared(self, topic: str) -> None:
        """Take the broker's word that nothing is retained on a topic any more."""
        if topic in self._left:
            self._left.remove(topic)
            self._note()

    def _note(self) -> None:
        books = sealed([*self._left, *self._ours])
        if books != self._written:
            self._written = books
            self._outbox.note_meta(_BOOKS, books)
