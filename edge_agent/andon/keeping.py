"""The floor in the journal: written with the events that changed it, read back after a cut.

Rules:
1. What changes the floor writes its snapshot into the same commit as its events.
2. While anything is open a heartbeat is written every `HEARTBEAT_NS`, so that a boot knows for how
   long nobody watched; while nothing is, nothing is written.
3. How long a power cut lasted is the wall clock's word, and only where it was set on both sides.
   Until the clock of this boot is set the gap counts as none, and is put right then; a kill
   meanwhile does not hide it. A gap ends when contacts are felt again, journal or no journal.
4. Where what was open is not known, for the journal is damaged, every line stands until a hand
   starts it: to the line it is an agent that was dead.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from edge_agent.domain import survival
from edge_agent.domain.floor import Floor, Key
from edge_agent.domain.told import Told
from edge_agent.outbox import Outbox
from edge_agent.quarantine import Quarantines
from edge_agent.records import Restored

SNAPSHOT: Final = "andon"
"""Name of the snapshot in the journal."""

HEARTBEAT_NS: Final = 5_000_000_000
"""How often it is written that somebody still watches what is open."""

GAP_MAX_NS: Final = 366 * 86_400_000_000_000
"""A longer gap is nobody's power cut: a wall clock was wrong, and the gap is not known."""


class Keeping:
    """Writes a floor down and reads it back; `more` gives what others keep with it."""

    def __init__(self, outbox: Outbox, synced: Callable[[], bool]) -> None:
        self._outbox = outbox
        self._clock = outbox.clock
        self._synced = synced
        self._written = ""
        self._written_ns = 0
        self._cut_wall_ns: int | None = None  # of a gap that the clock of this boot will tell
        self.begun_ns = 0
        self._bypasses: dict[Key, int] = {}
        self._unknown = False
        self._for_good = False  # an earlier gap, of a boot whose clock was never set
        self.more: Callable[[], dict[str, Any]] = dict
        self.taken_away: list[Told] = []
        """What is to be told of stations that are not ours any more."""

    # -- writing -------------------------------------------------------------------------------

    def note(self, floor: Floor, now_ns: int, since: int = 0) -> None:
        """Have the floor written if it differs from what is written, or if it is time.

        `since` is the first event that was told of it since it was noted last; 0 for none.
        """
        if not self._outbox.open:
            return
        kept = {"floor": survival.plain(floor), "more": self.more()}
        beat = now_ns - self._written_ns >= HEARTBEAT_NS and survival.anything_open(floor)
        written = json.dumps(kept, separators=(",", ":"))  # a copy: what is kept goes on to change
        if written == self._written and not beat:
            return
        self._written, self._written_ns = written, now_ns
        clock = self._clock
        body = {
            "boot": clock.boot,
            "mono_ns": now_ns,
            "wall_ns": clock.wall_ns(),
            "synced": self._synced(),
            "begun_ns": self.begun_ns,
            "cut_wall_ns": self._cut_wall_ns,
            "unknown": self._unknown,
            "for_good": self._for_good,
        } | kept
        written = json.dumps(body, separators=(",", ":"))
        self._outbox.note_snapshot(SNAPSHOT, written.encode(), since=since)

    def due_ns(self, floor: Floor) -> int | None:
        """Say when the next heartbeat is due; None while nothing is open, or nobody can write."""
        if not self._outbox.open or not survival.anything_open(floor):
            return None
        return self._written_ns + HEARTBEAT_NS

    # -- reading back --------------------------------------------------------------------------

    def restore(self, floor: Floor, restored: Restored, begun_ns: int) -> dict[str, Any]:
        """Put the floor back, moved to this boot's clock; gives what `more` had written.

        `begun_ns` is since when contacts are felt: what is older was not watched since the cut.
        """
        _, body = restored.snapshots.get(SNAPSHOT, (0, b""))
        if not body:
            return {}
        kept: dict[str, Any] = json.loads(body)
        self.taken_away = survival.restore(floor, kept["floor"], kept["mono_ns"])
        gap_ns = self._gap(kept, begun_ns)
        open_now = survival.anything_open(floor)
        if kept["boot"] == self._clock.boot:
            self.begun_ns = kept.get("begun_ns", 0)
            self._cut_wall_ns = kept.get("cut_wall_ns")
            self._unknown = open_now and kept.get("unknown", False)
            self._for_good = self._unknown and kept.get("for_good", False)
        else:
            self.begun_ns = begun_ns
            self._for_good = open_now and kept.get("unknown", False)
            self._unknown = self._for_good or (open_now and gap_ns is None)
            if gap_ns is None and kept["synced"]:
                self._cut_wall_ns = kept["wall_ns"]
        gap_ns = gap_ns or 0
        shift_ns = begun_ns - gap_ns - int(kept["mono_ns"])
        # the last that is known was before the first that is felt
        survival.shift(floor, shift_ns - (kept["boot"] != self._clock.boot))
        survival.unseen(floor, gap_ns)
        self._bypasses = dict(floor.bypasses)
        survival.announce(floor, self._clock.mono_ns())
        more: dict[str, Any] = kept.get("more", {})
        cut_wall_ns = kept["wall_ns"] if kept["synced"] else None
        dead = {"cut_wall_ns": cut_wall_ns, "begun_ns": begun_ns, "was_open": open_now}
        return more | {"shift_ns": shift_ns, "gap_ns": gap_ns} | dead

    def lost(self, restored: Restored) -> bool:
        """Say whether what was open is not known: its snapshot is damaged, or was set apart."""
        gone = SNAPSHOT not in restored.snapshots and Quarantines.untold(restored)
        return gone or SNAPSHOT in restored.damaged

    def unknown(self, since_ns: int) -> bool:
        """Say whether nobody knows for how long what began then was not watched."""
        return self._unknown and since_ns < self.begun_ns

    def _gap(self, kept: dict[str, Any], begun_ns: int) -> int | None:
        """Say for how long nobody watched; None where nobody knows."""
        if kept["boot"] == self._clock.boot:
            return max(begun_ns - int(kept["mono_ns"]), 0)
        if not (kept["synced"] and self._synced()):
            return None
        gap_ns = self._wall(begun_ns) - int(kept["wall_ns"])
        return gap_ns if 0 <= gap_ns <= GAP_MAX_NS else None

    def clock_set(self, floor: Floor) -> int:
        """Put the gap right now that the clock is set; returns by how much it was longer, in ns."""
        if self._cut_wall_ns is None:
            return 0
        gap_ns, self._cut_wall_ns = self._wall(self.begun_ns) - self._cut_wall_ns, None
        if not 0 <= gap_ns <= GAP_MAX_NS:
            return 0
        survival.lengthen(floor, gap_ns, self.begun_ns, self._bypasses)
        self._unknown = self._for_good
        return gap_ns

    def _wall(self, at_ns: int) -> int:
        return self._clock.wall_ns() - (self._clock.mono_ns() - at_ns)
