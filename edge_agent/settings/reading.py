"""The files of a configuration made into one document, where every key knows who says it.

1. `include` adds files; lists of tables grow, tables are joined, a value may be said once.
2. Every file is read once; one that includes itself, by whatever way, is refused.
3. All files are read before anything is refused, so that all troubles come at once.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from edge_agent.configuration import BadConfiguration, Problem
from edge_agent.settings.files import Unreadable, read_text
from edge_agent.settings.syntax import Malformed, parse
from edge_agent.settings.words import dotted, shown, visible
from edge_agent.toml_places import KeyPath, Place

FILES_MAX: Final = 64
"""One file more is refused at the `include` that asks for it."""

PROBLEMS_MAX: Final = 500
"""Problems that are told at once; where the next one is, the rest is told by number."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is said; relative paths said there begin at `folder`."""

    file: str
    line: int
    column: int
    folder: Path
    variable: str = ""

    def __str__(self) -> str:
        return self.variable or f"{self.file}:{self.line}:{self.column}"


@dataclass(slots=True)
class Document:
    """What all files and the environment say together, and what was wrong with it so far."""

    start: Spot
    values: dict[str, Any] = field(default_factory=dict)
    spots: dict[KeyPath, Spot] = field(default_factory=dict)
    problems: list[tuple[Spot, str, str, str]] = field(default_factory=list)
    order: dict[str, int] = field(default_factory=dict)

    def spot(self, path: KeyPath) -> Spot:
        """Say where a key stands, or the nearest table around it that somebody wrote."""
        while path:
            if path in self.spots:
                return self.spots[path]
            path = path[:-1]
        return self.start

    def refuse(self, path: KeyPath, wrong: str, remedy: str, *, at: KeyPath | None = None) -> None:
        """Note what is wrong with a key, where it stands or where `at` does."""
        self.problems.append((self.spot(at or path), dotted(path), wrong, remedy))

    def bad(self) -> BadConfiguration:
        """Make the exception of all that was noted: files in the order read, then variables."""
        ordered = sorted(
            self.problems,
            key=lambda one: (
                bool(one[0].variable),
                self.order.get(one[0].file, 0),
                one[0].line,
                one[0].column,
            ),
        )
        problems = [
            Problem(
                *(spot.file, spot.line, spot.column),
                *(visible(key), visible(wrong), visible(remedy)),
                spot.variable,
            )
            for spot, key, wrong, remedy in ordered
        ]
        problems = list(dict.fromkeys(problems))
        if len(problems) > PROBLEMS_MAX:
            rest = f"{len(problems) - PROBLEMS_MAX} more problems are not shown"
            last = replace(problems[PROBLEMS_MAX], wrong=rest, remedy="put these right first")
            problems[PROBLEMS_MAX:] = [last]
        return BadConfiguration(problems)


def read_document(path: Path) -> Document:
    """Read a file and all that it includes.

    Raises BadConfiguration when any file cannot be read; troubles between files are noted.
    """
    reader = _Reader(path)
    reader.read(path, None, None)
    if reader.document.problems:
        raise reader.document.bad()
    reader.join()
    return reader.document


class _Reader:
    def __init__(self, path: Path) -> None:
        self.document = Document(Spot(os.fspath(path), 1, 1, path.absolute().parent))
        self._parsed: list[tuple[Path, dict[str, Any], dict[KeyPath, Place]]] = []
        self._asked: dict[Path, Spot] = {}
        self._chain: list[Path] = []

    def read(self, path: Path, asked: Spot | None, asked_by: Path | None) -> None:
        """Read one file and then its includes, first come first."""
        file = os.fspath(path)
        here = asked or Spot(file, 1, 1, path.absolute().parent)
        real = Path(os.path.realpath(path))
        if unwanted := self._unwanted(path, real):
            self.document.problems.append((here, "include", *unwanted))
            return
        self._asked[real] = here
        self.document.order[file] = len(self.document.order)
        key = "include" if asked else "file"
        try:
            text = read_text(path, asked_by)
        except Unreadable as lost:
            spot = Spot(file, *lost.place, here.folder) if lost.place else here
            self.document.problems.append((spot, key, lost.wrong, lost.remedy))
            return
        try:
            values, places = parse(text)
        except Malformed as trouble:
            spot = Spot(file, *trouble.place, here.folder)
            self.document.problems.append((spot, trouble.key, trouble.wrong, trouble.remedy))
            return
        self._parsed.append((path, values, places))
        self._chain.append(real)
        self._includes(path, values.pop("include", []), places)
        self._chain.pop()

    def _unwanted(self, path: Path, real: Path) -> tuple[str, str] | None:
        if real in self._chain:
            way = " -> ".join(one.name for one in [*self._chain[self._chain.index(real) :], real])
            return f"goes in a circle: {way}", "remove one of these includes"
        if real in self._asked:
            return (
                f"{shown(os.fspath(path))} is included already, at {self._asked[real]}",
                "remove one of the two",
            )
        if len(self._asked) >= FILES_MAX:
            return f"more than {FILES_MAX} files are included", "join some of them"
        return None

    def _includes(self, path: Path, said: object, places: dict[KeyPath, Place]) -> None:
        folder = path.absolute().parent
        if not isinstance(said, list):
            said, places = [None], places | {("include", 0): places["include",]}
        for index, name in enumerate(said):
            spot = Spot(os.fspath(path), *places["include", index], folder)
            if isinstance(name, str) and name and name.isprintable():
                self.read(path.parent / name, spot, path)
            else:
                self.document.problems.append(
                    (spot, "include", "must be a list of file names", 'write ["loops.toml"]')
                )

    def join(self) -> None:
        """Put the files together, in the order read."""
        for path, values, places in self._parsed:
            join = _Join(self.document, path, places)
            join.tables(self.document.values, values, ())
            join.take_spots()


class _Join:
    """One file on its way into the document."""

    def __init__(self, document: Document, path: Path, places: dict[KeyPath, Place]) -> None:
        self.document = document
        self.places = places
        folder = path.absolute().parent
        self.spots = {at: Spot(os.fspath(path), *place, folder) for at, place in places.items()}
        self.offsets: dict[KeyPath, int] = {}

    def tables(self, into: dict[str, Any], values: dict[str, Any], path: KeyPath) -> None:
        for key, value in values.items():
            at = (*path, key)
            if key not in into:
                into[key] = value
            elif isinstance(value, dict) and isinstance(into[key], dict):
                self.tables(into[key], value, at)
            elif _is_tables(value) and _is_tables(into[key]):
                self.offsets[at] = len(into[key])
                into[key] += value
            else:
                self.document.problems.append(
                    (
                        self.spots[at],
                        dotted(at),
                        f"is said already, at {self.document.spot(at)}",
                        "keep one of the two and remove the other",
                    )
                )

    def take_spots(self) -> None:
        """Give the document the places; elements of a grown list have moved on."""
        for path, spot in self.spots.items():
            moved: KeyPath = ()
            for part in path:
                shift = self.offsets.get(moved, 0) if isinstance(part, int) else 0
                moved = (*moved, part + shift if isinstance(part, int) else part)
            self.document.spots.setdefault(moved, spot)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
