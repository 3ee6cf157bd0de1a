"""The looks that a plant changes: known conditions, lights and rhythms, and no two the same."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from edge_agent.configuration import Condition
from edge_agent.domain.looks import (
    LIGHTS,
    REPEATING,
    SHIPPED,
    WHOLE,
    Pattern,
    Showing,
    Tune,
    clashes,
    with_changes,
)
from edge_agent.ports import Part
from edge_agent.settings.floor import Floor
from edge_agent.settings.neighbours import own_id
from edge_agent.settings.sections import check
from edge_agent.settings.tables import Table
from edge_agent.settings.words import Wrong, listed, nearest, shown, split_remedy
from edge_agent.toml_places import KeyPath

RHYTHMS: Final = tuple(str(one) for one in Pattern if one in REPEATING)
TUNES: Final = tuple(str(one) for one in Tune)


def _one_of(*words: str) -> AfterValidator:
    """Make a validator that knows these words."""

    def check_it(said: str) -> str:
        if said in words:
            return said
        near = nearest(said, words)
        every = listed(shown(one) for one in words)
        remedy = f"did you mean {shown(near)}?" if near else f"write {every}"
        raise Wrong((f"{shown(said)} is not known here", remedy))

    return AfterValidator(check_it)


def _enum(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"enum": list(words)})


_CONDITIONS: Final = tuple(str(one) for one in Showing)
ShownCondition = Annotated[str, _one_of(*_CONDITIONS), _enum(*_CONDITIONS)]
Tunes = Annotated[str, _one_of(*TUNES), _enum(*TUNES)]
Lights = Annotated[
    dict[Annotated[str, _one_of(*LIGHTS)], Annotated[str, _one_of(*RHYTHMS)]],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {light: {"enum": list(RHYTHMS)} for light in LIGHTS},
            "additionalProperties": False,
        }
    ),
]


class LookTable(Table):
    """How a condition looks and sounds where it is not as shipped."""

    condition: ShownCondition = Field(description="What is shown", examples=["called"])
    lights: Lights = Field(
        description="Each light with its rhythm; a light that is not named is off",
        examples=[{"yellow": "flash-2hz"}],
    )
    tune: Tunes | None = Field(None, description='What the horn plays, "" for silence')


def check_looks(floor: Floor) -> tuple[Condition, ...]:
    """Check what is changed of the looks; gives what is right of it."""
    right: dict[Showing, tuple[KeyPath, Condition]] = {}
    conditions: dict[str, KeyPath] = {}
    for at, said in floor.tables("look"):
        values = check(floor.document, at, LookTable, "a [[look]]").values
        own_id(floor.document, (*at, "condition"), said.get("condition"), conditions, "look")
        if values is None:
            continue
        one = _condition(values)
        if _may_be_shown(floor, at, one):
            right.setdefault(Showing(one.condition), (at, one))
    looks = with_changes(SHIPPED, [one for _, one in right.values()])
    lights = _everywhere(floor)
    for high, low in clashes(looks, lights):
        changed = right.get(low) or right[high]
        floor.document.refuse(
            (*changed[0], "lights"),
            f"{shown(str(high))} and {shown(str(low))} look the same on a tower of "
            f"{', '.join(lights)}",
            "write other lights or rhythms for one of them",
        )
    return tuple(one for _, one in right.values())


def _condition(values: dict[str, Any]) -> Condition:
    return Condition(values["condition"], tuple(values["lights"].items()), values["tune"])


def _may_be_shown(floor: Floor, at: KeyPath, one: Condition) -> bool:
    """Refuse what no plant may change; says whether nothing was."""
    parts = [Condition(one.condition, (light,)) for light in one.lights]
    parts += [Condition(one.condition, (), one.tune)]
    right = True
    for part in parts:
        try:
            with_changes(SHIPPED, [part])
        except ValueError as trouble:
            key, _, text = str(trouble).partition(": ")
            where = (*at, key) if key == "tune" else (*at, "lights", key)
            floor.document.refuse(where, *split_remedy(text))
            right = False
    return right


def _everywhere(floor: Floor) -> tuple[str, ...]:
    """Say on which lights conditions must be told apart: those that every tower has."""
    towers: Iterable[tuple[str, ...]] = [
        one.lights for one in floor.devices.values() if one.part is Part.LAMP and one.lights
    ]
    return tuple(
        light for light in LIGHTS if light in WHOLE or all(light in tower for tower in towers)
    )
