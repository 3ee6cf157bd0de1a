"""What is felt before the journal could say what is open: kept in order, and done again then."""

import logging
from collections.abc import Callable
from typing import Final

from edge_agent.domain.told import Told
from edge_agent.ports import Purpose

EARLY_MAX: Final = 4_096
"""Acts kept until the journal is open; beyond it they still light and stop, and make no event."""

PASSING: Final = frozenset({Purpose.FIXED_POSITION, Purpose.MUTE, Purpose.LAMP_TEST})
"""What is over when the journal opens; the stop that a fixed position made is kept by itself."""

_log = logging.getLogger(__name__)


class Early:
    """Acts that wait for the journal; `lost` counts those for which there was no room."""

    def __init__(self) -> None:
        self._acts: list[tuple[int, Callable[[], list[Told]]]] = []
        self.lost = 0

    def keep(self, at_ns: int, act: Callable[[], list[Told]]) -> None:
        """Keep an act with its moment."""
        if len(self._acts) < EARLY_MAX:
            self._acts.append((at_ns, act))
        else:
            self.lost += 1

    def again(self, settle: Callable[[list[Told], int], object]) -> None:
        """Do all of them again, in their order, and forget them."""
        acts, self._acts = self._acts, []
        for at_ns, act in acts:
            settle(act(), at_ns)
        if self.lost:
            _log.error("%d acts before the journal opened make no event", self.lost)
