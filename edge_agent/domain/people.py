"""Who may do what: badges, roles, presence at a station, and what a scanned text means.

Rules:
1. A badge tells who is there; what he may do is said by his roles, from a table.
2. A scan makes somebody present at the station for `PRESENT_NS`; presence cannot be claimed from
   afar.
3. A badge without the skill that a station asks for warns the leader, and does nothing else.
4. A scanned text is a badge, a reason or a word of command by its prefix, or a badge as it is
   written down; anything else is nothing to andon, and nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PRESENT_NS: Final = 60_000_000_000
"""How long who has scanned his badge counts as being at the station."""


class Act(StrEnum):
    """What people do about calls, beside pulling: everybody may pull."""

    TAKE = "ack"
    CLEAR = "clear"
    CONFIRM_STOP = "confirm-stop"
    RESET_FAULT = "reset-fault"
    MUTE = "mute"
    LAMP_TEST = "lamp-test"
    BYPASS = "bypass"
    TRAINING = "training"
    REASON = "reason"
    COUNT = "count"
    CHANGEOVER = "changeover"
    WORKED = "worked"
    HANDOVER = "handover"
    MAINTAINED = "maintained"


_ALL: Final = frozenset(Act)
_ANSWERS: Final = frozenset({Act.TAKE, Act.CLEAR, Act.MUTE, Act.REASON})

MAY: Final[Mapping[str, frozenset[Act]]] = {
    "leader": _ALL,
    "group-leader": _ALL,
    "manager": _ALL,
    "maintenance": _ANSWERS | {Act.RESET_FAULT, Act.LAMP_TEST, Act.BYPASS, Act.MAINTAINED},
    "quality": _ANSWERS | {Act.CONFIRM_STOP},
    "material": _ANSWERS,
    "safety": _ANSWERS | {Act.CONFIRM_STOP},
    "operator": frozenset({Act.REASON, Act.COUNT, Act.CHANGEOVER}),
    "counter": frozenset({Act.COUNT}),
    "board": frozenset({Act.TAKE}),
    "admin": frozenset({Act.LAMP_TEST}),
}
"""Role -> what it may do; a role that is not here may nothing."""


def may(roles: tuple[str, ...], act: Act) -> bool:
    """Say whether one of these roles may do this."""
    return any(act in MAY.get(role, ()) for role in roles)


def roles_that_may(act: Act) -> list[str]:
    """List the roles that may, to name them in a refusal."""
    return [role for role, acts in MAY.items() if act in acts]


@dataclass(frozen=True, slots=True)
class Person:
    """Who a badge belongs to; `shifts` empty: on every one."""

    badge: str
    name: str
    roles: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()


class Meaning(StrEnum):
    """What a scanned text is to andon."""

    BADGE = "badge"
    REASON = "reason"
    WORD = "word"


_PREFIXES: Final = {"E:": Meaning.BADGE, "R:": Meaning.REASON, "X:": Meaning.WORD}


@dataclass(slots=True)
class People:
    """Everybody who has a badge, and who is where; `skills` are those a station asks for."""

    people: dict[str, Person] = field(default_factory=dict)
    reasons: frozenset[str] = frozenset()
    skills: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _there: dict[str, tuple[str, int]] = field(default_factory=dict)

    def meaning(self, text: str) -> tuple[Meaning, str] | None:
        """Say what a scanned text is, and the part of it that counts; None for anything else."""
        if text in self.people:
            return Meaning.BADGE, text
        meaning = _PREFIXES.get(text[:2])
        if meaning is Meaning.BADGE:
            return None  # a badge of nobody that is written down
        if meaning is Meaning.REASON:
            return (meaning, text[2:]) if text[2:] in self.reasons or not self.reasons else None
        return None if meaning is None else (meaning, text[2:])

    def arrives(self, station: str, badge: str, at_ns: int) -> Person:
        """Take a badge that was scanned at a station."""
        self._there[station] = (badge, at_ns)
        return self.people[badge]

    def present(self, station: str, now_ns: int) -> Person | None:
        """Say who is at a station, by the last badge; None when that is too long ago."""
        badge, at_ns = self._there.get(station, ("", 0))
        person = self.people.get(badge)
        return person if person is not None and now_ns - at_ns <= PRESENT_NS else None

    def lacks(self, station: str, person: Person) -> list[str]:
        """List the skills that a station asks for and somebody has not."""
        return [one for one in self.skills.get(station, ()) if one not in person.skills]

    def may_work(self, name: str | None, shift: str) -> bool:
        """Say whether somebody works in a shift; of who is not written down nobody knows."""
        known = [one for one in self.people.values() if one.name == name]
        return not known or any(not one.shifts or shift in one.shifts for one in known)

    def on_duty(self, role: str, shift: str | None) -> list[str]:
        """Name who has a role and works in the shift that runs; in no shift: everybody who has."""
        return [
            one.name
            for one in self.people.values()
            if role in one.roles and (shift is None or not one.shifts or shift in one.shifts)
        ]
