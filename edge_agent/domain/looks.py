"""What each condition of a station looks and sounds like, and which of several is shown.

Rules:
1. No two conditions look the same, where a look is the whole tower with its rhythms; that holds
   already on red, yellow and green.
2. The highest condition decides red, yellow and green whole; blue and white come from the highest
   one that names them, the tune from the highest one that has one and is not muted.
3. The restart warning outranks everything, cannot be muted, and is never with a green light.
Rates: 0.5 and 2 Hz lie inside the bands reported for IEC 60073 (24-48 and 84-168 a minute) and
below 3 Hz; an intermittent light means more urgency than the steady one.
"""

from collections.abc import Collection, Iterable
from collections.abc import Mapping as Map
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple


class Pattern(StrEnum):
    """The rhythm of a light; the last two are played once and end dark."""

    OFF = "off"
    STEADY = "steady"
    FLASH_SLOW = "flash-0.5hz"
    FLASH_FAST = "flash-2hz"
    PULSE = "pulse-150ms"
    BLINK_3 = "blink-3"


LASTING: Final = (Pattern.OFF, Pattern.STEADY, Pattern.FLASH_SLOW, Pattern.FLASH_FAST)
"""Rhythms that a tower may have."""

LIGHTS: Final = ("red", "yellow", "green", "blue", "white")
WHOLE: Final = ("red", "yellow", "green")
"""Lights that the highest condition decides together."""

Look = Map[str, Pattern]
"""Light -> its rhythm; a light that is not named is off."""


class Showing(StrEnum):
    """What may be true of a station, the highest first."""

    RESTART_WARNING = "restart-warning"
    FAULT = "fault"
    SAFETY_CALL = "safety-call"
    SAFETY_ACKED = "safety-acked"
    STOPPED = "stopped"
    STOPPED_ACKED = "stopped-acked"
    HOLD = "hold"
    CALLED = "called"
    MAINTENANCE_CALL = "maintenance-call"
    MATERIAL_CALL = "material-call"
    ACKED = "acked"
    MAINTENANCE_ACKED = "maintenance-acked"
    MATERIAL_ACKED = "material-acked"
    UNWELL = "unwell"
    BYPASS = "bypass"
    TRAINING = "training"
    CHANGEOVER = "changeover"
    BLOCKED = "blocked"
    STARVED = "starved"
    OVERRUN = "overrun"
    NORMAL = "normal"
    NOT_SCHEDULED = "not-scheduled"


RANK: Final = {one: rank for rank, one in enumerate(Showing)}


class Shown(NamedTuple):
    """Lights and tune of one condition; no tune is silence."""

    look: Look
    tune: str = ""


Mapping = Map[Showing, Shown]
"""Condition -> what it looks and sounds like."""

TUNES: Final = ("A", "B", "C", "D", "S", "restart")

_S, _SLOW, _FAST = Pattern.STEADY, Pattern.FLASH_SLOW, Pattern.FLASH_FAST
_ON: Final = Showing


def _shown(tune: str = "", **look: Pattern) -> Shown:
    return Shown(look, tune)


SHIPPED: Final[Mapping] = {
    _ON.RESTART_WARNING: _shown("restart", red=_S, yellow=_FAST, blue=_FAST, white=_FAST),
    _ON.FAULT: _shown(red=_SLOW, yellow=_S),
    _ON.SAFETY_CALL: _shown("S", red=_FAST, yellow=_FAST),
    _ON.SAFETY_ACKED: _shown(red=_S, yellow=_S),
    _ON.STOPPED: _shown("B", red=_FAST),
    _ON.STOPPED_ACKED: _shown(red=_S),
    _ON.HOLD: _shown("B", red=_FAST, yellow=_SLOW),
    _ON.CALLED: _shown("A", yellow=_FAST),
    _ON.MAINTENANCE_CALL: _shown("D", yellow=_FAST, green=_SLOW, blue=_FAST),
    _ON.MATERIAL_CALL: _shown("C", yellow=_FAST, green=_S, blue=_FAST),
    _ON.ACKED: _shown(yellow=_S),
    _ON.MAINTENANCE_ACKED: _shown(yellow=_S, green=_SLOW, blue=_S),
    _ON.MATERIAL_ACKED: _shown(yellow=_S, green=_S, blue=_S),
    _ON.UNWELL: _shown(yellow=_SLOW),
    _ON.BYPASS: _shown(green=_S, red=_SLOW),
    _ON.TRAINING: _shown(green=_FAST, yellow=_SLOW),
    _ON.CHANGEOVER: _shown(yellow=_SLOW, green=_SLOW, white=_S),
    _ON.BLOCKED: _shown(green=_FAST),
    _ON.STARVED: _shown(green=_SLOW),
    _ON.OVERRUN: _shown(green=_S, yellow=_SLOW),
    _ON.NORMAL: _shown(green=_S),
    _ON.NOT_SCHEDULED: _shown(white=_S),
}

_OF_CATEGORY: Final = {
    "safety": (_ON.SAFETY_CALL, _ON.SAFETY_ACKED),
    "maintenance": (_ON.MAINTENANCE_CALL, _ON.MAINTENANCE_ACKED),
    "material": (_ON.MATERIAL_CALL, _ON.MATERIAL_ACKED),
}


def call_shows(category: str, *, acked: bool) -> Showing:
    """Say which condition a call of a category makes, until it stops its segment."""
    return _OF_CATEGORY.get(category, (_ON.CALLED, _ON.ACKED))[acked]


def tower(conditions: Collection[Showing], mapping: Mapping) -> dict[str, Pattern]:
    """Give the look of a tower of which these are true; nothing is dark."""
    ranked = sorted(conditions, key=RANK.__getitem__)
    look: dict[str, Pattern] = {}
    if ranked:
        highest = mapping[ranked[0]].look
        look = {light: highest[light] for light in WHOLE if light in highest}
    for light in LIGHTS[len(WHOLE) :]:
        found = next(
            (mapping[one].look[light] for one in ranked if light in mapping[one].look), None
        )
        if found is not None:
            look[light] = found
    return {light: pattern for light, pattern in look.items() if pattern is not Pattern.OFF}


def tune(conditions: Collection[Showing], mapping: Mapping, *, muted: bool) -> str:
    """Give the tune of a station of which these are true; muting cannot silence a warning."""
    for one in sorted(conditions, key=RANK.__getitem__):
        if mapping[one].tune and (not muted or one is Showing.RESTART_WARNING):
            return mapping[one].tune
    return ""


def clashes(mapping: Mapping, lights: Iterable[str] = WHOLE) -> list[tuple[Showing, Showing]]:
    """List the conditions that look the same on a tower that has these lights."""
    seen = {
        one: tuple(
            pattern if (pattern := mapping[one].look.get(light)) is not None else Pattern.OFF
            for light in lights
        )
        for one in Showing
    }
    return [pair for pair in combinations(Showing, 2) if seen[pair[0]] == seen[pair[1]]]


def changed(
    mapping: Mapping, changes: Iterable[tuple[str, Look, str | None]]
) -> dict[Showing, Shown]:
    """Give the mapping with other looks for some conditions; no tune keeps the one it has.

    Raises ValueError for a green light with the restart warning.
    """
    made = dict(mapping)
    for name, look, said in changes:
        one = Showing(name)
        if one is Showing.RESTART_WARNING and look.get("green", Pattern.OFF) is not Pattern.OFF:
            raise ValueError("lights: a restart is never announced by green; take another light")
        made[one] = Shown(dict(look), made[one].tune if said is None else said)
    return made
