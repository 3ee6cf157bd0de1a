"""Fixed-position layouts: labels whose fields are columns, as plants of Toyota's kind print them.

Rules:
1. The text is never trimmed: blanks are columns.
2. A label may be longer than its layout says, and is refused when it is shorter.
3. The first layout whose marks are all there is the one; whoever declares them sees to the order.
"""

from dataclasses import dataclass
from typing import Final

LAYOUTS_MAX: Final = 64
FIELDS_MAX: Final = 64
COLUMNS_MAX: Final = 4096
"""Bounds of what may be declared; beyond them the configuration is refused."""

TYPES: Final = ("text", "digits", "number")
"""What a field may be: anything; digits alone; digits with a point."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A text that stands at a column, counted from 0."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """Columns `start` to `start + length`; with `strip` blanks around the value are taken off."""

    name: str
    start: int
    length: int
    strip: bool = True
    type: str = "text"

    @property
    def end(self) -> int:
        """The first column behind it."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of label: how it is known, and where its fields are.

    `min_len` and `max_len` are characters; 0 asks for as many as the fields need, or for any.
    `aim` is the symbology identifier that it must come with, if any.
    """

    name: str
    marks: tuple[Mark, ...] = ()
    fields: tuple[Field, ...] = ()
    min_len: int = 0
    max_len: int = 0
    aim: str | None = None

    @property
    def needed(self) -> int:
        """How many characters a label has at least."""
        return self.min_len or max((one.end for one in self.fields), default=0)

    def claims(self, text: str, aim: str | None) -> bool:
        """Say whether a text has its marks, is not too long, and came in its symbol."""
        if self.aim is not None and aim != self.aim:
            return False
        if self.max_len and len(text) > self.max_len:
            return False
        return all(text.startswith(one.text, one.at) for one in self.marks)

    def read(self, text: str) -> tuple[dict[str, str], str | None]:
        """Give the fields of a text that it claims, or what is wrong with it."""
        if len(text) < self.needed:
            return {}, f"has {len(text)} characters, and {self.name} needs {self.needed}"
        found: dict[str, str] = {}
        for one in self.fields:
            value = text[one.start : one.end]
            value = value.strip() if one.strip else value
            if said := _mistyped(one, value):
                return {}, said
            found[one.name] = value
        return found, None


def _mistyped(field: Field, value: str) -> str:
    plain = value.strip()
    if field.type == "text" or not plain:
        return ""
    digits = plain.replace(".", "", 1) if field.type == "number" else plain
    if digits.isascii() and digits.isdecimal():
        return ""
    return f"{field.name} is {plain!r}, which is not {field.type}"
