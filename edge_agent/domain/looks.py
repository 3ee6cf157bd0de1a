"""What a station's tower and horn say: conditions, how each looks and sounds, which one wins.

Rules:
1. A look is the whole tower with its rhythms, and no two conditions look the same.
2. The highest condition decides red, yellow and green whole. Every other light, and the tune, is
   that of the highest condition that names one.
3. Nothing outranks or silences the restart warning, and it is never a green light. Neither is
   green shown while an input is not to be trusted, or while it is not known how the station is,
   whatever else holds.
4. What nobody has answered is shown before what somebody has: safety first, then stops, then calls.
Source: IEC 60073 for colours and for the two rates of flashing (0.4 to 0.8 Hz, 1.4 to 2.8 Hz).
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple, Protocol


class Pattern(StrEnum):
    """The rhythm of a light; the last two are played once and end dark."""

    OFF = "off"
    STEADY = "steady"
    FLASH_SLOW = "flash-0.5hz"
    FLASH_FAST = "flash-2hz"
    PULSE = "pulse-150ms"
    BLINK_3 = "blink-3"


class Showing(StrEnum):
    """What a tower may have to show; the order here is the order of rank, highest first."""

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
    BYPASS = "bypass"
    UNWELL = "unwell"
    TRAINING = "training"
    CHANGEOVER = "changeover"
    BLOCKED = "blocked"
    STARVED = "starved"
    OVERRUN = "overrun"
    NORMAL = "normal"
    NOT_SCHEDULED = "not-scheduled"


class Tune(StrEnum):
    """What a horn can play; which rhythm that is, is the horn's."""

    SILENCE = ""
    A = "A"
    B = "B"
    C = "C"
    D = "D"
    S = "S"
    RESTART = "restart"


class Shown(NamedTuple):
    """How a condition looks and sounds; red, yellow and green that are not named are off."""

    lights: Mapping[str, Pattern]
    tune: str = Tune.SILENCE


Looks = Mapping[Showing, Shown]


class Change(Protocol):
    """How a plant has a condition look: its lights anew, and its tune where it says one."""

    @property
    def condition(self) -> str: ...
    @property
    def lights(self) -> Iterable[tuple[str, str]]: ...
    @property
    def tune(self) -> str | None: ...


WHOLE: Final = ("red", "yellow", "green")
"""The lights that the highest condition decides together."""

LIGHTS: Final = (*WHOLE, "blue", "white")
"""The lights that a tower may have."""

NEVER_GREEN: Final = frozenset({Showing.RESTART_WARNING, Showing.FAULT, Showing.UNWELL})
"""What takes the green from whichever condition is shown."""

REPEATING: Final = frozenset(Pattern) - {Pattern.PULSE, Pattern.BLINK_3}
"""What a condition may look like: it lasts, and a rhythm that is played once does not."""


def _shown(tune: str = Tune.SILENCE, **lights: Pattern) -> Shown:
    return Shown(lights, tune)


_ON, _SLOW, _FAST = Pattern.STEADY, Pattern.FLASH_SLOW, Pattern.FLASH_FAST
_S = Showing

SHIPPED: Final[Looks] = {
    _S.RESTART_WARNING: _shown(Tune.RESTART, red=_ON, yellow=_FAST, blue=_FAST, white=_FAST),
    _S.FAULT: _shown(red=_SLOW, yellow=_ON),
    _S.SAFETY_CALL: _shown(Tune.S, red=_FAST, yellow=_FAST),
    _S.SAFETY_ACKED: _shown(red=_ON, yellow=_ON),
    _S.STOPPED: _shown(Tune.B, red=_FAST),
    _S.STOPPED_ACKED: _shown(red=_ON),
    _S.HOLD: _shown(Tune.B, red=_FAST, yellow=_SLOW),
    _S.CALLED: _shown(Tune.A, yellow=_FAST),
    _S.MAINTENANCE_CALL: _shown(Tune.D, yellow=_FAST, green=_SLOW, blue=_FAST),
    _S.MATERIAL_CALL: _shown(Tune.C, yellow=_FAST, green=_ON, blue=_FAST),
    _S.ACKED: _shown(yellow=_ON),
    _S.MAINTENANCE_ACKED: _shown(yellow=_ON, green=_SLOW, blue=_ON),
    _S.MATERIAL_ACKED: _shown(yellow=_ON, green=_ON, blue=_ON),
    _S.BYPASS: _shown(red=_SLOW, green=_ON),
    _S.UNWELL: _shown(yellow=_SLOW),
    _S.TRAINING: _shown(yellow=_SLOW, green=_FAST),
    _S.CHANGEOVER: _shown(yellow=_SLOW, green=_SLOW, white=_ON),
    _S.BLOCKED: _shown(green=_FAST),
    _S.STARVED: _shown(green=_SLOW),
    _S.OVERRUN: _shown(yellow=_SLOW, green=_ON),
    _S.NORMAL: _shown(green=_ON),
    _S.NOT_SCHEDULED: _shown(white=_ON),
}
"""What a plant gets that changes nothing: distinct already on red, yellow and green."""

_CALLS: Final = {
    "safety": (_S.SAFETY_CALL, _S.SAFETY_ACKED),
    "maintenance": (_S.MAINTENANCE_CALL, _S.MAINTENANCE_ACKED),
    "material": (_S.MATERIAL_CALL, _S.MATERIAL_ACKED),
}


def of_call(category: str, *, acked: bool) -> Showing:
    """Say what a call of this category shows, from the pull or from its acknowledgement on."""
    return _CALLS.get(category, (_S.CALLED, _S.ACKED))[acked]


def tower(conditions: Collection[Showing], looks: Looks) -> dict[str, Pattern]:
    """Say what each light of a station shows; of no condition at all, that nothing is known."""
    held = _by_rank(conditions)
    first = looks[held[0]].lights
    shown = {light: first.get(light, Pattern.OFF) for light in WHOLE}
    for one in held:
        for light, pattern in looks[one].lights.items():
            if light not in shown:
                shown[light] = pattern
    for light in LIGHTS:
        shown.setdefault(light, Pattern.OFF)
    if not NEVER_GREEN.isdisjoint(held):
        shown["green"] = Pattern.OFF
    return shown


def tune(conditions: Collection[Showing], looks: Looks, *, muted: bool) -> str:
    """Say what a station's horn plays, "" for silence; the restart warning plays muted or not."""
    if _S.RESTART_WARNING in conditions:
        return looks[_S.RESTART_WARNING].tune
    if muted:
        return Tune.SILENCE
    tunes = (looks[one].tune for one in _by_rank(conditions))
    return next(filter(None, tunes), Tune.SILENCE)


def clashes(looks: Looks, lights: Iterable[str]) -> list[tuple[Showing, Showing]]:
    """Give the conditions that look the same on a tower that has these lights, higher one first."""
    there = tuple(lights)
    seen = {
        one: tuple(looks[one].lights.get(light, Pattern.OFF) for light in there) for one in Showing
    }
    return [(a, b) for a, b in combinations(Showing, 2) if seen[a] == seen[b]]


def with_changes(looks: Looks, changes: Iterable[Change]) -> dict[Showing, Shown]:
    """Give the looks with some of them changed.

    Raises ValueError, `key: what is wrong; what to write instead`, for one that cannot be shown.
    """
    changed = dict(looks)
    for change in changes:
        if change.condition not in set(Showing):
            said, known = change.condition, ", ".join(Showing)
            raise ValueError(f"condition: {said!r} is none; write one of {known}")
        one = Showing(change.condition)
        played = changed[one].tune if change.tune is None else _tune_of(one, change.tune)
        changed[one] = Shown(_lights_of(one, change.lights), played)
    return changed


def _by_rank(conditions: Collection[Showing]) -> list[Showing]:
    return [one for one in Showing if one in conditions] or [Showing.UNWELL]


def _lights_of(one: Showing, lights: Iterable[tuple[str, str]]) -> dict[str, Pattern]:
    shown = {}
    for light, pattern in lights:
        if light not in LIGHTS:
            raise ValueError(f"{light}: no tower has this light; write {', '.join(LIGHTS)}")
        if pattern not in REPEATING:
            words = ", ".join(pattern for pattern in Pattern if pattern in REPEATING)
            raise ValueError(f"{light}: {pattern!r} is no rhythm that lasts; write {words}")
        if light == "green" and pattern != Pattern.OFF and one in NEVER_GREEN:
            raise ValueError(f"green: {one} is never a green light; leave it out")
        shown[light] = Pattern(pattern)
    return shown


def _tune_of(one: Showing, said: str) -> str:
    if said not in set(Tune):
        words = ", ".join(tune for tune in Tune if tune)
        raise ValueError(f'tune: {said!r} is none; write {words}, or "" for silence')
    if one is Showing.RESTART_WARNING and said != Tune.RESTART:
        raise ValueError('tune: people are warned before a start by its own; write "restart"')
    if one is not Showing.RESTART_WARNING and said == Tune.RESTART:
        raise ValueError('tune: "restart" warns of a line that starts; write another one')
    return Tune(said)
