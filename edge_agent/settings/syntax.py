"""TOML text to values and places; where it is not TOML, what the writer most likely meant."""

import re
import tomllib
from typing import Any, Final, NamedTuple

from edge_agent.settings.words import dotted, shown
from edge_agent.toml_places import NESTING_MAX, KeyPath, Place, Places, find_places

INTEGER_MAX: Final = (1 << 63) - 1
"""What TOML promises of whole numbers; a larger one is refused as malformed."""

_POSITION = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_TYPOGRAPHIC = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb\u00b4`"
_TRUTH = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no", "off"), "false"),
}
_KEY_LETTERS = "keys have letters a to z, digits, _ and -"
_EXAMPLE = 'write KEY = VALUE, with text in double quotes, as in id = "pi-a2"'


class Malformed(Exception):
    """The text is not TOML; one trouble, where it was met."""

    def __init__(self, place: Place, key: str, wrong: str, remedy: str) -> None:
        super().__init__(f"{place.line}:{place.column}: {key}: {wrong}; {remedy}")
        self.place = place
        self.key = key
        self.wrong = wrong
        self.remedy = remedy


def parse(text: str) -> tuple[dict[str, Any], dict[KeyPath, Place]]:
    """Read a TOML text; raises `Malformed` and nothing else."""
    text = text.replace("\r\n", "\n")
    found = find_places(text)
    if found.too_deep and found.stopped:  # before tomllib, which would recurse into it
        raise Malformed(
            found.stopped,
            "syntax",
            f"keys and brackets are nested more than {NESTING_MAX} deep",
            "write it flatter; no key of this file is nested more than 3 deep",
        )
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise _explained(text, str(error), found) from None
    for path, value in _leaves(values):
        if isinstance(value, int) and not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
            place = found.keys[path]
            raise Malformed(place, dotted(path), "has more than 64 bits", "write a smaller number")
    return values, found.keys


class _Line(NamedTuple):
    """What was being read when it went wrong: the line, its key and what is right of the `=`."""

    whole: str
    rest: str
    key: str
    value: str


def _explained(text: str, said: str, found: Places) -> Malformed:
    parts = _POSITION.match(said)
    trouble = parts.group(1) if parts else said
    lines = text.split("\n")
    end = Place(len(lines), len(lines[-1]) + 1)
    place = Place(int(parts[2]), int(parts[3])) if parts and parts[2] else end
    if not parts:  # int() refuses thousands of digits, and says nothing about where
        digits = re.search(r"[0-9][0-9_]{999,}", text)
        if digits:
            before = text.count("\n", 0, digits.start())
            place = Place(before + 1, digits.start() - text.rfind("\n", 0, digits.start()))
        return Malformed(place, _key_at(found, place), "is a number that is far too long", _EXAMPLE)
    if found.twice and trouble.startswith(("Cannot", "Duplicate")):
        return _said_twice(found, trouble)
    if place == end:  # said of what was never closed: where it begins, tells more
        place = found.opened or found.stopped or place
    whole = lines[place.line - 1]
    if trouble.startswith("Unescaped") and whole[: place.column - 1][-2:-1] == "\\":
        place = Place(place.line, place.column - 2)  # tomllib has read on already
    value = re.split(r"\s#", whole.partition("=")[2])[0].strip()
    line = _Line(whole, whole[place.column - 1 :], whole.partition("=")[0].strip(), value)
    wrong, remedy = _advice(trouble, line)
    if trouble.startswith("Unclosed") and found.opened and found.opened != place:
        if found.opened.line != place.line:
            wrong += f" (it begins on line {found.opened.line})"
        return Malformed(place, _key_at(found, found.opened), wrong, remedy)
    return Malformed(place, _key_at(found, place), wrong, remedy)


def _said_twice(found: Places, trouble: str) -> Malformed:
    path, place = found.twice[0]
    first = found.keys[path].line
    key = dotted(path)
    if trouble.startswith("Cannot declare") or key in {"device", "station"}:
        wrong = f"this table is there already, on line {first}"
        remedy = (
            f"write [[{key}]] in double brackets for each of them"
            if key in {"device", "station"}
            else "move its keys there"
        )
        return Malformed(place, key, wrong, remedy)
    return Malformed(
        place, key, f"is said already, on line {first}", "keep one of the two and remove the other"
    )


def _advice(trouble: str, line: _Line) -> tuple[str, str]:
    """Say what is wrong and what to write, from tomllib's words and from what stands there."""
    if any(mark in line.rest[:1] for mark in _TYPOGRAPHIC if line.rest):
        return (
            f"{line.rest[0]} is a typographic quote, as word processors make them",
            'write the straight quote "',
        )
    for beginning, advise in _ADVICE:
        if trouble.startswith(beginning):
            return advise(line)
    return f"is not TOML ({trouble[:1].lower()}{trouble[1:]})", _EXAMPLE


def _no_value(line: _Line) -> tuple[str, str]:
    word = re.split(r"[,\]}#]", line.rest)[0].strip()
    if not word:
        return "has no value", _EXAMPLE
    if word.lower() in _TRUTH:
        return f"{word} is not a word of TOML", f"write {_TRUTH[word.lower()]}, in small letters"
    if word.lower() in {"none", "null", "nil"}:
        return f"{word} is not a word of TOML", "leave the key out"
    if "\\" in word:
        return "is text without quotes", "write it in single quotes, which keep \\ as it is: '...'"
    return f"{shown(word)} is text without quotes", f"write {shown(word)}"


def _too_much(line: _Line) -> tuple[str, str]:
    if line.whole.lstrip().startswith("["):
        return "something follows the header", "write it on a line of its own"
    if re.fullmatch(r"[+-]?\d+,\d+", line.value):
        return (
            f"{line.value} has a decimal comma",
            f"write a decimal point: {line.value.replace(',', '.')}",
        )
    if re.fullmatch(r"[+-]?0\d+", line.value):
        plain = line.value.lstrip("+-0") or "0"
        return f"{line.value} begins with a zero", f'write {plain}, or "{line.value}" if it is text'
    if line.value.startswith(('"', "'")):
        wrong = f"{shown(line.rest.strip())} follows the end of the text"
        if line.value[0] == "'":
            return wrong, "a text with ' inside goes in double quotes"
        return wrong, 'write one " at each end; inside it is written \\"'
    return f"{shown(line.value)} is not one value", f"if it is text, write {shown(line.value)}"


def _no_equals(line: _Line) -> tuple[str, str]:
    if line.rest.startswith(":"):
        return "a colon follows the key", "write = in place of the colon"
    words = line.key.split()
    if "=" in line.whole and len(words) > 1:
        return "a key has no spaces", f"write {'_'.join(words)}"
    if line.rest.strip():
        return f"{shown(line.rest[0])} cannot stand in a key", _KEY_LETTERS
    return "no = follows the key", _EXAMPLE


def _no_statement(line: _Line) -> tuple[str, str]:
    if line.rest.startswith((";", "//", "/*", "--", "%", "!")):
        return "a comment does not begin like this", "begin it with #"
    if line.rest.startswith("="):
        return "no key stands before the =", _EXAMPLE
    return (
        f"{shown(line.rest.strip())} is neither KEY = VALUE nor [TABLE]",
        f"{_KEY_LETTERS}; a comment begins with #",
    )


def _open_text(_line: _Line) -> tuple[str, str]:
    return "the text does not end", "close it with the quote it began with, on the same line"


def _open_list(_line: _Line) -> tuple[str, str]:
    return (
        "the list does not go on like this, or does not end",
        'write a comma between two values and ] after the last: ["a", "b"]',
    )


def _open_table(_line: _Line) -> tuple[str, str]:
    return (
        "the table in { } does not go on like this, or does not end",
        'write it on one line, with commas between: { id = "a", name = "b" }',
    )


def _backslash(_line: _Line) -> tuple[str, str]:
    return (
        "in double quotes a \\ begins an escape, and this is none",
        "write the text in single quotes, which keep \\ as it is, or write \\\\",
    )


def _control(line: _Line) -> tuple[str, str]:
    code = ord(line.rest[0]) if line.rest else 10
    if code == ord("\n"):
        return _open_text(line)
    return f"the invisible character U+{code:04X} is not allowed here", f"write \\u{code:04X}"


def _header(line: _Line) -> tuple[str, str]:
    double = line.whole.lstrip().startswith("[[")
    name = re.split(r"[\]#]", line.whole.strip(" [\t"))[0].strip()
    return "the header does not end", f"write [[{name}]]" if double else f"write [{name}]"


def _no_key(_line: _Line) -> tuple[str, str]:
    return "a key should stand here", _KEY_LETTERS


def _date(_line: _Line) -> tuple[str, str]:
    return "is no date that exists", "write YEAR-MONTH-DAY, or put text in double quotes"


_ADVICE: Final = (
    ("Invalid value", _no_value),
    ("Expected newline or end of document", _too_much),
    ("Expected '=' after a key", _no_equals),
    ("Invalid statement", _no_statement),
    ("Unescaped", _backslash),
    ("Invalid hex value", _backslash),
    ("Escaped character", _backslash),
    ("Unterminated string", _open_text),
    ("Expected '\"'", _open_text),
    ('Expected "\'"', _open_text),
    ("Expected \"'''\"", _open_text),
    ("Illegal character", _control),
    ("Found invalid character", _control),
    ("Unclosed array", _open_list),
    ("Unclosed inline table", _open_table),
    ("Expected ']", _header),
    ("Invalid initial character", _no_key),
    ("Invalid date", _date),
)
"""How tomllib begins its message -> what to say instead; others are passed on in its words."""


def _key_at(found: Places, place: Place) -> str:
    """Name the last key at or before a place, if it stands on the same line."""
    before = [
        (where, path)
        for path, where in found.keys.items()
        if where.line == place.line and where.column <= place.column
    ]
    if not before:
        return "syntax"
    return dotted(max(before, key=lambda one: (one[0], len(one[1])))[1])


def _leaves(values: dict[str, Any]) -> list[tuple[KeyPath, Any]]:
    """List every value that is neither a table nor a list; `parse` has bounded the nesting."""
    leaves: list[tuple[KeyPath, Any]] = []
    waiting: list[tuple[KeyPath, Any]] = [((), values)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, key), one) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), one) for index, one in enumerate(value)]
        else:
            leaves.append((path, value))
    return leaves
