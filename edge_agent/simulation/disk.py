"""The journal's thread on virtual time: a real SQLite file behind a card that takes its time.

Rules:
1. Jobs are done one after the other, each when its moment has come; a card that hangs does none.
2. A power cut loses what was not written; the write that was under way may have come through.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from edge_agent.journal.store import Store
from edge_agent.journal.writer import InlineWriter, Posting, Told
from edge_agent.reactor import NEVER, Reactor
from edge_agent.records import Batch

OPEN_NS: Final = 300_000_000
READ_NS: Final = 400_000
COMMIT_MIN_NS: Final = 1_500_000
COMMIT_SPREAD_NS: Final = 4_500_000
"""How long a good card takes: to be opened and checked, to be read, to be written."""

_MS: Final = 1_000_000
_POKE_NS: Final = 200_000_000


class _Job(NamedTuple):
    due_ns: int
    writes: bool
    do: Callable[[], None]


class Disk:
    """What an agent has for its journal's thread (`edge_agent.edges.Writing`).

    `hang_until_ns` (monotonic) is set by whoever has the card hang.
    """

    def __init__(
        self,
        opener: Callable[[], Store],
        post: Posting,
        told: Told,
        mono_ns: Callable[[], int],
        *,
        reactor: Reactor,
        random: Random,
    ) -> None:
        self._inline = InlineWriter(opener, post, told, mono_ns)
        self._mono_ns = mono_ns
        self._random = random
        self._jobs: deque[_Job] = deque()
        self._timer = reactor.timer(self._ring)
        self._trouble = False
        self.hang_until_ns = 0

    @property
    def idle(self) -> bool:
        """Whether everything that it was handed is written."""
        return not self._jobs and not self._trouble

    def start(self) -> None:
        """Open the journal."""
        self._hand(OPEN_NS, self._inline.start)

    def commit(self, batch: Batch) -> None:
        """Write a batch."""
        takes_ns = COMMIT_MIN_NS + int(self._random.random() * COMMIT_SPREAD_NS)
        self._hand(takes_ns, lambda: self._inline.commit(batch), writes=True)

    def ask(self, job: Callable[[Store], Any], reply: Callable[[Any], None]) -> None:
        """Run a reading job."""
        self._hand(READ_NS, lambda: self._inline.ask(job, reply))

    def ping(self, reply: Callable[[None], None]) -> None:
        """Answer."""
        self._inline.ping(reply)

    def stop(self, done: Callable[[None], None]) -> None:
        """Finish and leave the file."""
        self._hand(READ_NS, lambda: self._inline.stop(done))

    def cut(self) -> None:
        """Lose the power: the first write may have come through, nothing else has."""
        under_way = bool(self._jobs) and self._jobs[0].writes and not self._trouble
        if under_way and self._random.getrandbits(1):
            self._jobs[0].do()
        self._jobs.clear()

    def _hand(self, takes_ns: int, do: Callable[[], None], *, writes: bool = False) -> None:
        now_ns = self._mono_ns()
        after_ns = self._jobs[-1].due_ns if self._jobs else now_ns
        self._jobs.append(_Job(max(now_ns, after_ns) + takes_ns, writes, do))
        self._timer.due_ns = min(self._timer.due_ns, self._jobs[0].due_ns)

    def _ring(self, now_ns: int) -> int:
        if now_ns < self.hang_until_ns:
            return self.hang_until_ns
        if self._trouble:
            self._trouble = not self._inline.poke()
        while self._jobs and not self._trouble and self._jobs[0].due_ns <= now_ns:
            self._jobs.popleft().do()
            self._trouble = not self._inline.poke()
        if self._trouble:
            return now_ns + _POKE_NS
        return max(self._jobs[0].due_ns, now_ns + _MS) if self._jobs else NEVER
