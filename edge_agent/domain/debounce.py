"""One contact, from raw edges to settled levels: a pure function of (time, level).

Rules:
1. The wait begins anew with every change; a level is settled when it has stood for the whole of it.
2. A settled change happened when the contact first left its old level, not when it was believed.
3. Edges may be lost or merged on their way: what the line reads now is said again and again
   (`look`), so that no state stays stuck because of an edge that never came.
4. A contact that returns before its time is a glitch when it changed once and came back, and is
   counted; changes beyond the first and the last of a settled one are bounces.
"""

from typing import Final, NamedTuple

FILTER_MIN_MS: Final = 1
FILTER_MAX_MS: Final = 1_000
"""Bounds of a filter: below, an edge's own ringing passes; above, a hand has long let go."""


class Settled(NamedTuple):
    """A level that is believed now, and since when the contact had left the one before."""

    level: bool
    at_ns: int


class Debounce:
    """One contact. `filter_ns` is how long a level must stand; `level` is the settled one."""

    __slots__ = (
        "_changes",
        "_filter_ns",
        "_left_ns",
        "_raw",
        "_since_ns",
        "bounces",
        "glitches",
        "level",
        "missed",
    )

    def __init__(self, filter_ns: int, level: bool) -> None:
        self._filter_ns = filter_ns
        self.level = level
        self._raw = level
        self._since_ns = 0  # of the last raw change
        self._left_ns = 0  # when the settled level was left
        self._changes = 0  # raw changes since then
        self.glitches = 0
        self.bounces = 0
        self.missed = 0

    @property
    def due_ns(self) -> int | None:
        """Say when `settle` has to be called; None while the contact stands as it is settled."""
        return self._since_ns + self._filter_ns if self._changes else None

    @property
    def left_ns(self) -> int:
        """Say when the settled level was left, while it is not settled what came."""
        return self._left_ns

    @property
    def moved_ns(self) -> int:
        """Say when it last changed, settled or not."""
        return self._since_ns

    def edge(self, level: bool, at_ns: int) -> Settled | None:
        """Take a raw level with the moment of its edge; moments never run backwards.

        Returns a change that was settled before this edge, as `settle` would.
        """
        settled = self.settle(at_ns)
        if level is self._raw:  # the edge between was lost: nothing is known of how short it was
            return settled
        if not self._changes:
            self._left_ns = at_ns
        self._raw = level
        self._since_ns = at_ns
        self._changes += 1
        return settled

    def look(self, level: bool, now_ns: int) -> Settled | None:
        """Take what the line reads now, for an edge that never came, or not yet: it is counted."""
        self.missed += level is not self._raw
        return self.edge(level, now_ns)

    def settle(self, now_ns: int) -> Settled | None:
        """Believe a level that has stood long enough; None when there is no change to tell."""
        if not self._changes or now_ns - self._since_ns < self._filter_ns:
            return None
        changes, self._changes = self._changes, 0
        if self._raw is self.level:
            self.glitches += 1
            return None
        self.bounces += changes - 1
        self.level = self._raw
        return Settled(self.level, self._left_ns)
