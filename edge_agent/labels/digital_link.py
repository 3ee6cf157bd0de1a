"""GS1 Digital Link URIs: the same elements, as a web address.

Rules (GS1 Digital Link Standard: URI Syntax; the behaviour of GS1's syntax engine):
1. `http` or `https`, in small or in capital letters; any host, any stem before the key.
2. The rightmost primary key of the path counts; its qualifiers follow it, in their order.
3. The query adds elements that may stand there; words are passed over, numbers that are no
   application identifier are an error, as is one that is said twice.
4. An address that has no key is no Digital Link, and no error.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from edge_agent.labels.gs1 import ELEMENTS_MAX, Elements, Rule, related, rules, wrong

SCHEMES: Final = ("https://", "http://", "HTTPS://", "HTTP://")
"""How an address begins that may be a Digital Link; a scheme in mixed letters is none."""

_HOST = re.compile(r"[A-Za-z0-9.\-_~%\[\]:@!$&'+()*,;=]+")
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'+()*,;=%]+")
_QUERY = re.compile("[&;]")
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def link(text: str) -> Elements | None:
    """Read an address; None when it is one of something else."""
    scheme = next((one for one in SCHEMES if text.startswith(one)), None)
    if scheme is None:
        return None
    address, _, query = text[len(scheme) :].partition("#")[0].partition("?")
    host, *segments = address.split("/")
    at = _key(segments)
    if at is None:
        return None
    if said := _malformed(text, host):
        return _wrong(said)
    rule = rules()[segments[at]]
    fields: dict[str, str] = {}
    said = _path(rule, segments[at:], fields) or _attributes(query, fields)
    return _wrong(said) if said else Elements(fields, related(tuple(fields)), None)


def _malformed(text: str, host: str) -> str:
    if _ADDRESS.fullmatch(text) is None:
        return "there is a character that no address has"
    if _BARE_PERCENT.search(text):
        return "there is a % without two hex digits"
    return "" if _HOST.fullmatch(host) else "there is no host"


def _key(segments: list[str]) -> int | None:
    """Find the rightmost primary key that has something behind it."""
    known = rules()
    for at in range(len(segments) - 2, -1, -1):
        rule = known.get(segments[at])
        if rule is not None and rule.key is not None:
            return at
    return None


def _path(key: Rule, segments: list[str], fields: dict[str, str]) -> str:
    if len(segments) % 2:
        return f"({key.ai}) is followed by an odd number of parts; does it end with a slash?"
    pairs = list(zip(segments[::2], segments[1::2], strict=True))
    names = [ai for ai, _ in pairs[1:]]
    if not any(_in_order(names, row) for row in key.key or ()) and names:
        return f"({key.ai}) is not followed by its qualifiers in their order: {'/'.join(names)}"
    return next((said for ai, value in pairs if (said := _take(ai, value, fields))), "")


def _in_order(names: list[str], row: tuple[str, ...]) -> bool:
    places = [row.index(one) if one in row else -1 for one in names]
    return -1 not in places and places == sorted(set(places))


def _attributes(query: str, fields: dict[str, str]) -> str:
    for pair in _QUERY.split(query):
        name, equals, value = pair.partition("=")
        if not name.isdecimal() or not name.isascii():
            continue
        rule = rules().get(name)
        if rule is None:
            return f"({name}) in the query is no application identifier"
        if not rule.in_query:
            return f"({name}) may not be in the query"
        if not equals or len(fields) >= ELEMENTS_MAX:
            return f"({name}) in the query has no value"
        if said := _take(name, value.replace("+", " "), fields):
            return said
    return ""


def _take(ai: str, value: str, fields: dict[str, str]) -> str:
    if ai in fields:
        return f"({ai}) is there twice"
    rule = rules()[ai]
    fields[ai] = unquote_to_bytes(value).decode("latin-1") if "%" in value else value
    return wrong(rule, fields[ai])


def _wrong(error: str) -> Elements:
    return Elements({}, (), error)
