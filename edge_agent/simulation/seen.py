"""What the judge has seen: pulls, events, and what he knows of each line."""

from dataclasses import dataclass, field
from typing import Any

from edge_agent.reactor import NEVER


@dataclass(slots=True)
class Pull:
    """A cord, or a box, that was opened while an agent was there to feel it."""

    at_ns: int
    station: str
    device: str
    life: int
    doubtful: bool = False
    alone: bool = False
    """Nothing was open at its station: it begins a call, and nobody can have muted that."""
    stopped: bool = False
    """Its call had stopped the line: a pull that clears that does so when it is let go."""
    let_go_ns: int | None = None
    """When it was let go, if the agent that felt it was there to feel that as well."""


@dataclass(slots=True)
class Event:
    """One event as the plant's subscriber has it; `at_ns` is the true moment of its capture."""

    at_ns: int
    said: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.said["type"])

    @property
    def place(self) -> str:
        """Its station or segment."""
        return str(self.said["source"]).rpartition("/")[2]


@dataclass(slots=True)
class Watch:
    """What is known of one line."""

    safe_ns: int = 0
    """Up to when everything that had happened was written."""
    position_ns: int = -NEVER
    requested_ns: int = -NEVER
    ready_ns: int = -NEVER
    expected: dict[str, str] | None = None
    stood: bool = False
    cuts: list[tuple[int, int]] = field(default_factory=list)
    """Moment of each cut, and up to when everything was safe then."""
    warned_ns: int | None = None
    """Since when a restart is announced."""
    warned_for_ns: int = 0
    first_ran: dict[str, int] = field(default_factory=dict)
