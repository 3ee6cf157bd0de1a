"""How settings speak: values as TOML shows them, the nearest word, and pydantic's errors retold.

A message is read by somebody at night, beside a line that stands: it says what is there, why it
cannot be, and what to write instead.
"""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, Final

from edge_agent.toml_places import KeyPath

SHOWN_MAX: Final = 48
"""Characters of a value that a message repeats; the rest is cut and marked by dots."""

MESSAGE_MAX: Final = 1000
"""Characters of half a message; a driver may say more, and nobody would read it."""

_SYNONYMS: Final = {
    "address": "url",
    "baud_rate": "baud",
    "baudrate": "baud",
    "bytesize": "bits",
    "databits": "bits",
    "device": "port",
    "host": "url",
    "hostname": "url",
    "server": "url",
    "terminator": "suffix",
    "topic": "base",
    "topic_prefix": "base",
    "tty": "port",
    "type": "kind",
    "uri": "url",
    "user": "username",
}
"""What people write who know other programs -> the word here; only where that word is a key."""

_UNITS = re.compile(r"_(?:s|ms|mb|days|bytes|max|min|file)$")


def dotted(path: KeyPath) -> str:
    """Write the way to a key as people say it; positions in lists are told by line and column."""
    return ".".join(_part(one) for one in path if isinstance(one, str)) or "file"


def _part(key: str) -> str:
    return key if re.fullmatch(rf"[A-Za-z0-9_-]{{1,{SHOWN_MAX}}}", key) else shown(key)


def shown(value: object, *, cut: bool = True) -> str:
    """Write a value as TOML would, cut to `SHOWN_MAX`, with nothing in it that moves a terminal."""
    if isinstance(value, str):
        if cut and len(value) > SHOWN_MAX:
            value = value[: SHOWN_MAX - 3] + "..."
        return '"' + "".join(_letter(one) for one in value) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)[:SHOWN_MAX]


def written_out(value: object) -> str:
    """Write an example as TOML would, all of it."""
    if isinstance(value, list):
        return f"[{', '.join(written_out(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {written_out(one)}' for key, one in value.items())} }}"
    return shown(value, cut=False)


def visible(message: str) -> str:
    """Make a message safe to print: no character that moves a terminal, at most so many."""
    if len(message) > MESSAGE_MAX:
        message = message[: MESSAGE_MAX - 3] + "..."
    return "".join(one if one.isprintable() else _letter(one) for one in message)


_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _letter(one: str) -> str:
    if one in _ESCAPES:
        return _ESCAPES[one]
    if one.isprintable():
        return one
    return f"\\u{ord(one):04X}" if one <= "\uffff" else f"\\U{ord(one):08X}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the word that was probably meant: same letters, a synonym, or a slip of the finger."""
    import difflib  # only who mistypes pays for it

    flat = {_flat(one): one for one in known}
    flat |= {_flat(_UNITS.sub("", one)): one for one in flat.values() if _UNITS.search(one)}
    meant = _flat(word)
    for guess in (meant, meant.removesuffix("s"), f"{meant}s", _SYNONYMS.get(word.lower(), "")):
        if guess in flat:
            return flat[guess]
    close = difflib.get_close_matches(meant, flat, n=1, cutoff=0.6)
    return flat[close[0]] if close else None


def _flat(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def listed(words: Iterable[str]) -> str:
    """Join words for a sentence: `a, b or c`."""
    *front, last = words
    return f"{', '.join(front)} or {last}" if front else last


class Wrong(ValueError):
    """What a validator of ours found: pairs of what is wrong and what to write instead."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__("\n".join(f"{wrong}; {remedy}" for wrong, remedy in faults))
        self.faults = list(faults)


def retold(error: dict[str, Any], rule: dict[str, Any]) -> list[tuple[str, str]]:
    """Say one of pydantic's errors in our words: what is wrong, what to write instead.

    `rule` is what is known of the key: `ge`, `le`, `unit`, `example`.
    """
    kind, value = error["type"], error["input"]
    if kind == "value_error":
        trouble = error["ctx"]["error"]
        return trouble.faults if isinstance(trouble, Wrong) else [split_remedy(str(trouble))]
    if kind in _NOTHING:
        return [(_NOTHING[kind], f"write {rule['example']}" if "example" in rule else "add it")]
    if kind in {"literal_error", "enum"}:
        choices = re.findall(r"'([^']*)'|(\d+(?:\.\d+)?)", error["ctx"]["expected"])
        words = [f'"{text}"' if text else number for text, number in choices]
        return [(f"{shown(value)} is not known here", f"write {listed(words)}")]
    if kind in _TYPES:
        return [(f"must be {_TYPES[kind]}, not {_named(value)}", _retyped(kind, value, rule))]
    if kind.startswith(("greater_than", "less_than", "finite")):
        return [(f"{shown(value)} is out of range", f"write {_range(rule)}")]
    return [(f"{shown(value)} cannot be used ({error['msg']})", "write another value")]


_NOTHING: Final = {"missing": "is missing", "too_short": "is empty"}

_TYPES: Final = {
    "string_type": "text",
    "bytes_type": "text",
    "is_instance_of": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
}


def _named(value: object) -> str:
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, bool | list | tuple | dict):
        return shown(value)
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    return f"the date or time {shown(value)}"


def _retyped(kind: str, value: object, rule: dict[str, Any]) -> str:
    if _TYPES[kind] == "text" and not isinstance(value, list | tuple | dict):
        return f"write it in quotes: {shown(shown(value))}"
    if kind.startswith(("int", "float")):
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value.strip()):
            return f"write it without quotes: {value.strip()}"
        return f"write {_range(rule)}"
    if kind == "bool_type":
        return "write true or false, without quotes"
    if "example" in rule:
        return f"write {rule['example']}"
    return 'write text in double quotes: "..."' if _TYPES[kind] == "text" else "write [...]"


def _range(rule: dict[str, Any]) -> str:
    unit = f" {rule['unit']}" if "unit" in rule else ""
    if "ge" in rule and "le" in rule:
        low, high = (f"{rule[bound]:.15g}" for bound in ("ge", "le"))
        return f"a number from {low} to {high}{unit}"
    return f"a number{unit}"


def split_remedy(said: str) -> tuple[str, str]:
    """Take `what is wrong; what to write instead` apart."""
    wrong, _, remedy = said.rpartition("; ")
    return (wrong, remedy) if wrong else (said, "write another value")
