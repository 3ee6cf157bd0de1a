"""Where in a TOML text each key stands: the line and column that tomllib does not tell.

1. Only places are found here; tomllib says what is valid and what the values are.
2. Everything that TOML 1.0 allows is walked exactly: the paths found in a valid text are the
   paths of the value that tomllib makes of it. Other texts are walked as far as they make sense.
3. Nothing is raised, whatever the text: a walk that cannot go on says where it stopped.
"""

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, NamedTuple

NESTING_MAX: Final = 64
"""How deep keys, lists and tables may nest; the walk stops there and says `too_deep`."""

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of tables, and positions in lists from 0."""

_GAP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*")
_BLANK = re.compile(r"[ \t]*+")
_LINE_END = re.compile(r"[ \t]*+(?:#[^\n]*+)?(?:\n|\Z)")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*"|'[^'\n]*+'""")
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})'''
    r"""|"(?:[^"\\\n]|\\[^\n])*"|'[^'\n]*+'""",
    re.DOTALL,
)
_SCALAR = re.compile(r"""[^"'\[\]{},#\s=]++(?:[ ]\d\d:[0-9:.+\-Zz]++)?""")


class Place(NamedTuple):
    """A place in a text; both count from 1, the column in characters."""

    line: int
    column: int


@dataclass(slots=True)
class Places:
    """What a walk found.

    `keys`: every key and every element of a list. `twice`: keys and tables said again, each with
    its second place. `stopped`: where the text makes no sense any more, and `opened` where the
    bracket stands that is still open there; `too_deep`: stopped because of `NESTING_MAX`.
    """

    keys: dict[KeyPath, Place] = field(default_factory=dict)
    twice: list[tuple[KeyPath, Place]] = field(default_factory=list)
    stopped: Place | None = None
    opened: Place | None = None
    too_deep: bool = False


def find_places(text: str) -> Places:
    """Walk a TOML text and say where its keys stand; never raises.

    Line ends count as tomllib counts them: CR LF is one.
    """
    walk = _Walk(text.replace("\r\n", "\n"))
    try:
        walk.statements()
    except _Stop as stop:
        walk.found.stopped = walk.place(walk.at)
        walk.found.too_deep = stop.too_deep
        walk.found.opened = walk.place(walk.open[-1]) if walk.open else None
    return walk.found


class _Stop(Exception):
    def __init__(self, *, too_deep: bool = False) -> None:
        self.too_deep = too_deep


class _Walk:
    """One pass over a text; `at` is the offset of what is looked at."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Places()
        self.open: list[int] = []
        self._starts = [0, *(end.end() for end in re.finditer(r"\n", text))]
        self._table: KeyPath = ()
        self._lengths: dict[KeyPath, int] = {}
        self._said: set[KeyPath] = set()

    def place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)

    def statements(self) -> None:
        while True:
            self._skip(_GAP)
            if self.at == len(self.text):
                return
            if self.text.startswith("[[", self.at):
                self._list_header()
            elif self.text.startswith("[", self.at):
                self._table_header()
            else:
                self._pair(self._table)
            if not self._skip(_LINE_END):
                raise _Stop

    # -- headers -------------------------------------------------------------------------------

    def _table_header(self) -> None:
        self.at += 1
        path = self._header_path()
        if path in self._said or path in self._lengths:
            self.found.twice.append((path, self._last_part))
        else:  # [a.b] may stand above [a]: what is missing in a is missing here
            self.found.keys[path] = self._last_part
        self._said.add(path)
        self._expect("]")
        self._table = path

    def _list_header(self) -> None:
        self.at += 2
        path = self._header_path()
        if path in self._said:
            self.found.twice.append((path, self._last_part))
        count = self._lengths.get(path, 0)
        self._lengths[path] = count + 1
        self._expect("]]")
        self._table = (*path, count)
        self.found.keys[self._table] = self._last_part

    def _header_path(self) -> KeyPath:
        """Read the name in a header; a list of tables on the way means its latest table."""
        path: KeyPath = ()
        for part, offset in self._key():
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
            path = (*path, part)
            self._last_part = self.place(offset)
            self.found.keys.setdefault(path, self._last_part)
        self._bound(path)
        return path

    # -- pairs and values ----------------------------------------------------------------------

    def _pair(self, path: KeyPath) -> None:
        for part, offset in self._key():
            path = (*path, part)
            place = self.place(offset)
            self.found.keys.setdefault(path, place)
        self._bound(path)
        if path in self._said or self.found.keys[path] != place:
            self.found.twice.append((path, place))
        self._said.add(path)
        self._expect("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self.text.startswith("[", self.at):
            self._list(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        elif not (self._skip(_STRING) or self._skip(_SCALAR)):
            raise _Stop

    def _list(self, path: KeyPath) -> None:
        self._bound((*path, 0))
        self.open.append(self.at)
        self.at += 1
        count = 0
        while True:
            self._skip(_GAP)
            if self.text.startswith("]", self.at):
                break
            element = (*path, count)
            self.found.keys[element] = self.place(self.at)
            self._value(element)
            count += 1
            self._skip(_GAP)
            if not self.text.startswith(",", self.at):
                break
            self.at += 1
        self._expect("]")
        self.open.pop()

    def _inline_table(self, path: KeyPath) -> None:
        self._bound((*path, ""))
        self.open.append(self.at)
        self.at += 1
        self._skip(_GAP)
        while not self.text.startswith("}", self.at):
            self._pair(path)
            self._skip(_GAP)
            if not self.text.startswith(",", self.at):
                break
            self.at += 1
            self._skip(_GAP)
        self._expect("}")
        self.open.pop()

    # -- tokens --------------------------------------------------------------------------------

    def _key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip(_BLANK)
            offset = self.at
            if not self._skip(_KEY_PART):
                raise _Stop
            parts.append((self._plain(self.text[offset : self.at]), offset))
            if len(parts) > NESTING_MAX:
                raise _Stop(too_deep=True)
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _plain(self, part: str) -> str:
        """Take the quotes off a part of a key; tomllib knows the escapes."""
        if part[0] == "'":
            return part[1:-1]
        if part[0] != '"':
            return part
        if "\\" not in part:
            return part[1:-1]
        try:
            return str(tomllib.loads(f"key = {part}")["key"])
        except tomllib.TOMLDecodeError:
            raise _Stop from None

    def _expect(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise _Stop
        self.at += len(token)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        return True

    def _bound(self, path: KeyPath) -> None:
        if len(path) > NESTING_MAX:
            raise _Stop(too_deep=True)
