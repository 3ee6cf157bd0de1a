"""The pace that demand asks for: net time by pieces, and what is planned by now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Takt:
    """Net time of a stretch, in ns, by the pieces asked for in it. Raises ValueError for none."""

    net_ns: int
    demand: int

    def __post_init__(self) -> None:
        if self.demand <= 0 or self.net_ns <= 0:
            raise ValueError("takt: net time and demand must be more than nothing")

    @property
    def takt_ns(self) -> int:
        """Say how much net time there is for one piece."""
        return self.net_ns // self.demand

    def planned(self, worked_ns: int) -> int:
        """Say how many pieces are planned after so much net time: whole ones, and never more."""
        return min(max(worked_ns, 0) * self.demand // self.net_ns, self.demand)


def planned(stretches: list[tuple[int, Takt]]) -> int:
    """Add up what is planned where the product changed: (net ns worked, takt) of each stretch."""
    return sum(takt.planned(worked_ns) for worked_ns, takt in stretches)
