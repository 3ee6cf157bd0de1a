"""The line as it is written, rightly or not: what its tables say of each other, to be looked up.

What is no text where text belongs is left out; its own table has refused it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.ports import Part, Purpose
from edge_agent.settings.devices import Placed
from edge_agent.settings.line_tables import place
from edge_agent.settings.reading import Document
from edge_agent.settings.shop_time import Stretch
from edge_agent.toml_places import KeyPath

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Floor:
    """What is written of a line; `stations` says of each id whether it may be one."""

    document: Document
    stations: Mapping[str, bool]
    devices: Mapping[str, Placed]
    calendars: Mapping[str, list[Stretch]]

    def tables(self, name: str) -> list[tuple[KeyPath, Said]]:
        """Give the tables of a name: where each is, and what it says."""
        return [
            ((name, index), said) for index, said in enumerate(self.document.values.get(name) or ())
        ]

    @property
    def calendar(self) -> str | None:
        """Say which calendar the site names."""
        return text(self.document.values.get("site") or {}, "calendar")

    def shifts(self) -> list[str]:
        """Give the ids of all shifts."""
        return [
            name
            for _, said in self.tables("calendar")
            for one in (said["shift"] if isinstance(said.get("shift"), list) else ())
            if isinstance(one, dict) and (name := text(one, "id"))
        ]

    def segment_of(self, station: str) -> str | None:
        """Say in which segment a station stands."""
        for _, said in self.tables("station"):
            if said.get("id") == station:
                return text(said, "segment")
        return None

    def segment(self, name: str | None) -> Said | None:
        """Give what is said of a segment."""
        return next((said for _, said in self.tables("segment") if said.get("id") == name), None)

    def callers(self, category: str) -> list[Placed]:
        """Give the cords and buttons that call this category."""
        return [
            one
            for one in self.devices.values()
            if one.part is Part.CONTACT
            and one.purpose in (Purpose.CALL, None)
            and one.category == category
        ]

    def has_its_own(self, station: str, category: str) -> bool:
        """Say whether a station has an [[andon]] of its own for a category."""
        return any(
            said.get("station") == station and said.get("category") == category
            for _, said in self.tables("andon")
        )

    def unreadable_devices(self) -> bool:
        """Say whether some device is not understood: then nobody knows what it calls."""
        return any(one.part is None for one in self.devices.values())


def text(said: Said, key: str) -> str | None:
    """Give what is said of a key when it is text."""
    one = said.get(key)
    return one if isinstance(one, str) else None


def number(said: Said, key: str) -> float | None:
    """Give what is said of a key when it is a number."""
    one = said.get(key)
    return one if isinstance(one, int | float) and not isinstance(one, bool) else None


def fixed_position(said: Said) -> tuple[str, str | None] | None:
    """Say how a segment's fixed position is known, None when what is written is none."""
    return place(said.get("fixed_position", "call-only"))
