"""Fixed-position layouts of labels: marks, columns, and no two that cannot be told apart."""

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from edge_agent.labels.layout import (
    COLUMNS_MAX,
    FIELDS_MAX,
    LAYOUTS_MAX,
    Layout,
    Mark,
)
from edge_agent.labels.layout import Field as Columns
from edge_agent.settings.floor import Floor
from edge_agent.settings.neighbours import own_id
from edge_agent.settings.sections import check
from edge_agent.settings.tables import Id, Name, Several, Table, fixed, limits
from edge_agent.settings.words import shown
from edge_agent.toml_places import KeyPath

NAME: Final = "layout"


class MatchTable(Table):
    """How a label is known: a text at a column, its length, its symbol."""

    called: ClassVar = "a mark of match"
    sample: ClassVar = 'match = { at = 0, text = "K-" }'
    at: Annotated[int, limits(0, COLUMNS_MAX, "characters", "Column of the text, from 0")] = 0
    text: str | None = Field(None, description="What stands there", examples=["K-"])
    min_len: Annotated[
        int, limits(0, COLUMNS_MAX, "characters", "Shortest label; 0: as the fields need")
    ] = 0
    max_len: Annotated[
        int, limits(0, COLUMNS_MAX, "characters", "Longest label; 0: any longer one")
    ] = 0
    aim: Annotated[str, Field(pattern=r"^\][A-Za-z][0-9A-Za-z]$")] | None = Field(
        None, description="Symbology identifier that it must come with", examples=["]Q1"]
    )


class FieldTable(Table):
    """Some columns of a label."""

    called: ClassVar = "a field of fields"
    sample: ClassVar = 'fields = [{ name = "card", start = 0, length = 6 }]'
    name: Name = Field(description="What events call it", examples=["card"])
    start: Annotated[int, limits(0, COLUMNS_MAX, "characters", "Its first column, from 0")]
    length: Annotated[int, limits(1, COLUMNS_MAX, "characters", "How many columns it has")]
    strip: bool = Field(True, description="Whether blanks around the value are taken off")
    type: Literal["text", "digits", "number"] = Field(
        "text", description="What must stand there; a label with anything else is refused"
    )


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, dict) else fixed(value)


def _marks_schema() -> dict[str, object]:
    one = MatchTable.model_json_schema()
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


Marks = Annotated[
    Several[MatchTable], BeforeValidator(_one_or_several), WithJsonSchema(_marks_schema())
]


class LayoutTable(Table):
    """One kind of label whose fields are columns."""

    name: Id = Field(description="Its name in events: layout:NAME", examples=["plant-card"])
    match: Marks = Field(description="How it is known; several marks must all be there")
    fields: Several[FieldTable] = Field(description="Where what stands")


def check_layouts(floor: Floor) -> tuple[Layout, ...]:
    """Check the layouts; gives what is right of them, in their order."""
    right: list[Layout] = []
    names: dict[str, KeyPath] = {}
    for number, (at, said) in enumerate(floor.tables(NAME)):
        if number == LAYOUTS_MAX:
            floor.document.refuse(at, f"is one of more than {LAYOUTS_MAX}", "remove some")
        values = check(floor.document, at, LayoutTable, "a [[layout]]").values
        own_id(floor.document, (*at, "name"), said.get("name"), names, "layout")
        if values is not None:
            made = _layout(values)
            _reachable(floor, at, made, right)
            _columns(floor, at, made)
            right.append(made)
    return tuple(right)


def _layout(values: dict[str, Any]) -> Layout:
    marks: tuple[MatchTable, ...] = values["match"]
    return Layout(
        values["name"],
        tuple(Mark(one.at, one.text) for one in marks if one.text),
        tuple(Columns(**dict(one)) for one in values["fields"]),
        max((one.min_len for one in marks), default=0),
        max((one.max_len for one in marks), default=0),
        next((one.aim for one in marks if one.aim), None),
    )


def _implied(mark: Mark, made: Layout) -> bool:
    """Say whether a label of a layout always has a mark, of another one too."""
    return any(
        one.at <= mark.at and one.text.startswith(mark.text, mark.at - one.at) for one in made.marks
    )


def _columns(floor: Floor, at: KeyPath, made: Layout) -> None:
    document = floor.document
    if not made.fields or len(made.fields) > FIELDS_MAX:
        document.refuse(
            (*at, "fields"), f"has {len(made.fields)} fields", f"write 1 to {FIELDS_MAX}"
        )
    named: set[str] = set()
    for index, one in enumerate(made.fields):
        where = (*at, "fields", index)
        if one.name in named:
            document.refuse((*where, "name"), f"{shown(one.name)} is said already", "keep one")
        named.add(one.name)
        longest = made.max_len or made.min_len
        if longest and one.end > (made.min_len or longest):
            document.refuse(
                (*where, "length"),
                f"{shown(one.name)} ends at column {one.end}, and a label may be of "
                f"{made.min_len or longest} characters",
                "write a min_len that has room for it, or shorten the field",
            )
    if made.max_len and made.max_len < made.min_len:
        document.refuse(
            (*at, "match"),
            f"max_len {made.max_len} is below min_len {made.min_len}",
            "write the longest label",
        )
    _overlaps(floor, at, made)


def _overlaps(floor: Floor, at: KeyPath, made: Layout) -> None:
    ordered = sorted(range(len(made.fields)), key=lambda one: made.fields[one].start)
    for before, after in pairwise(ordered):
        first, second = made.fields[before], made.fields[after]
        if second.start < first.end:
            floor.document.refuse(
                (*at, "fields", after, "start"),
                f"{shown(second.name)} begins at column {second.start}, within "
                f"{shown(first.name)}, which ends at {first.end}",
                "write columns of its own: counting begins at 0",
            )


def _reachable(floor: Floor, at: KeyPath, made: Layout, before: list[Layout]) -> None:
    """Refuse a layout that an earlier one always takes the labels of, and one without a mark."""
    if not made.marks and made.aim is None and not (made.min_len and made.max_len):
        floor.document.refuse(
            (*at, "match"),
            "says nothing that only such labels have",
            'write match = { at = 0, text = "K-" }, an aim, or min_len and max_len',
        )
    for one in before:
        wider = one.aim in (None, made.aim) and all(_implied(mark, made) for mark in one.marks)
        if wider and (not one.max_len or (made.max_len and made.max_len <= one.max_len)):
            floor.document.refuse(
                (*at, "match"),
                f"is never looked at: {shown(one.name)}, before it, takes each of its labels",
                "put the one with more marks first, or tell them apart",
            )
            return
