"""GS1 element strings: application identifiers and their values, every one checked.

Rules (GS1 General Specifications 7.8, syntax dictionary):
1. A separator ends an element that has no known length; one behind any element is tolerated, two in
   a row are an error.
2. A value is right in length, characters, check digits, dates and codes, or the whole is an error:
   half a label is worse than none.
3. What elements must or must not be together is a warning: real labels break it.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Final, NamedTuple

from edge_agent.labels.gs1_checks import CHECKS, Check
from edge_agent.labels.gs1_dictionary import ENTRIES

GS: Final = "\x1d"
"""The separator on the wire, FNC1 in the symbol."""

ELEMENTS_MAX: Final = 64
"""Elements in one message; one more is an error. A symbol has no room for as many."""

_CLASSES = {
    "N": "[0-9]",
    "X": "[!\"%&'+()*,\\-./0-9:;<=>?A-Z_a-z]",
    "Y": "[#\\-/0-9A-Z]",
    "Z": "[0-9A-Za-z_\\-]",
}
_PART = re.compile(r"(\[?)([NXYZ])(\.\.)?([0-9]+)\]?((?:,[a-z0-9]+)*)")
_IDS = {
    "00": "sscc",
    "01": "gtin",
    "02": "content",
    "03": "mto_gtin",
    "253": "gdti",
    "255": "gcn",
    "401": "ginc",
    "402": "gsin",
    "414": "gln",
    "417": "party",
    "8003": "grai",
    "8004": "giai",
    "8006": "itip",
    "8010": "cpid",
    "8013": "gmn",
    "8017": "gsrnp",
    "8018": "gsrn",
    "10": "lot",
    "21": "serial",
    "22": "cpv",
    "235": "tpx",
    "8011": "cpid_serial",
    "30": "count",
    "37": "count",
    "241": "customer_part",
    "254": "gln_extension",
}


class Rule(NamedTuple):
    """What one application identifier asks of its value; `length` 0: a separator ends it."""

    ai: str
    title: str
    length: int
    match: Callable[[str], re.Match[str] | None]
    shape: str
    checks: tuple[tuple[int, Check], ...]
    needs: tuple[tuple[tuple[str, ...], ...], ...]
    bars: tuple[str, ...]
    key: tuple[tuple[str, ...], ...] | None
    in_query: bool


class Elements(NamedTuple):
    """What a message holds, in its order; with an error there is nothing."""

    fields: dict[str, str]
    warnings: tuple[str, ...]
    error: str | None


@cache
def rules() -> dict[str, Rule]:
    """Give the rule of every application identifier; made when the first label is read."""
    found: dict[str, Rule] = {}
    for line in ENTRIES.splitlines():
        numbers, flags, parts, attributes, title = line.split("|")
        first, _, last = numbers.partition("-")
        needs, bars, key = _relations(attributes)
        shaped = _shaped(parts)
        length = shaped.longest if "*" in flags else 0
        for number in range(int(first), int(last or first) + 1):
            ai = str(number).zfill(len(first))
            found[ai] = Rule(
                *(ai, title, length, shaped.match, shaped.words, shaped.checks),
                *(needs, bars, key, "?" in flags),
            )
    return found


@cache
def _widths() -> dict[str, int]:
    """Say by its first two digits how long an application identifier is."""
    return {ai[:2]: len(ai) for ai in rules()}


class _Shape(NamedTuple):
    match: Callable[[str], re.Match[str] | None]
    checks: tuple[tuple[int, Check], ...]
    longest: int
    words: str


@cache
def _shaped(parts: str) -> _Shape:
    pattern, checks, longest, least = "", [], 0, 0
    for at, (optional, kind, upto, size, lints) in enumerate(_PART.findall(parts), 1):
        longest += int(size)
        least += 0 if optional else 1 if upto else int(size)
        count = f"{{1,{size}}}" if upto else f"{{{size}}}"
        pattern += f"({_CLASSES[kind]}{count})" + ("?" if optional else "")
        checks += [(at, CHECKS[name]) for name in lints.split(",")[1:]]
    kinds = "digits" if set(parts) & set("NXYZ") == {"N"} else "characters"
    words = f"{longest} {kinds}" if least == longest else f"{least} to {longest} {kinds}"
    return _Shape(re.compile(pattern).fullmatch, tuple(checks), longest, words)


def _relations(
    attributes: str,
) -> tuple[
    tuple[tuple[tuple[str, ...], ...], ...],
    tuple[str, ...],
    tuple[tuple[str, ...], ...] | None,
]:
    needs, bars, key = [], [], None
    for one in attributes.split():
        name, _, said = one.partition("=")
        if name == "req":
            needs.append(tuple(tuple(group.split("+")) for group in said.split(",")))
        elif name == "ex":
            bars += said.split(",")
        else:
            key = tuple(tuple(row.split(",")) for row in said.split("/")) if said else ()
    return tuple(needs), tuple(bars), key


def elements(text: str) -> Elements:
    """Read a message behind its symbology identifier, or behind the first FNC1.

    Never raises; an error says which element, and what is wrong with it.
    """
    known, widths = rules(), _widths()
    fields: dict[str, str] = {}
    at, end = 0, len(text)
    if not end:
        return _wrong("there is nothing behind the symbology identifier")
    while at < end:
        width = widths.get(text[at : at + 2])
        rule = known.get(text[at : at + width]) if width else None
        if width is None or rule is None:
            return _wrong(_unknown(text, at))
        at += width
        stop = text.find(GS, at)
        if stop < 0:
            stop = end
        if rule.length and at + rule.length < stop:
            stop = at + rule.length
        value = text[at:stop]
        if said := wrong(rule, value):
            return _wrong(said)
        if fields.setdefault(rule.ai, value) != value:
            return _wrong(f"({rule.ai}) is there twice, as {fields[rule.ai]} and as {value}")
        at = stop + 1 if text[stop : stop + 1] == GS else stop
        if len(fields) > ELEMENTS_MAX:
            return _wrong(f"more than {ELEMENTS_MAX} elements")
    return Elements(fields, related(tuple(fields)), None)


def wrong(rule: Rule, value: str) -> str:
    """Say what is wrong with the value of an element; nothing where it is right."""
    found = rule.match(value)
    if found is None:
        return f"({rule.ai}) {_mismatch(rule, value)}"
    for group, check in rule.checks:
        part = found[group]
        if part is not None and (said := check(part)):
            return f"({rule.ai}) {said}"
    return ""


def _mismatch(rule: Rule, value: str) -> str:
    if not value:
        return f"has no value, and {rule.title or 'it'} is {rule.shape}"
    return f"{value!r} is not {rule.shape}" + ("" if value.isascii() else " of plain ASCII")


def _unknown(text: str, at: int) -> str:
    if text[at] == GS:
        where = "two separators in a row" if at else "a separator before the first element"
        return f"{where}, at character {at + 1}"
    return f"{text[at : at + 4]!r} at character {at + 1} begins no application identifier"


def _wrong(error: str) -> Elements:
    return Elements({}, (), error)


@lru_cache(maxsize=256)
def related(present: tuple[str, ...]) -> tuple[str, ...]:
    """Say of application identifiers that are together which of them miss or bar another."""
    known, said = rules(), []
    for ai in present:
        rule = known[ai]
        for groups in rule.needs:
            if not any(all(_there(one, ai, present) for one in group) for group in groups):
                wanted = " or ".join("with ".join(f"({one}) " for one in g).strip() for g in groups)
                said.append(f"({ai}) needs {wanted}")
        said += [
            f"({ai}) must not be with ({one})" for one in rule.bars if _there(one, ai, present)
        ]
    return tuple(said)


def _there(wanted: str, ai: str, present: Iterable[str]) -> bool:
    """Say whether one like `wanted` is there beside `ai`; `n` stands for any digit."""
    stem = wanted.rstrip("n")
    return any(one != ai and len(one) == len(wanted) and one.startswith(stem) for one in present)


def message(fields: dict[str, str]) -> str:
    """Write elements as a message, with a separator behind each that needs one and is not last.

    The values are not checked; `elements` of the message says what is wrong with them.
    """
    known, text = rules(), ""
    for ai, value in fields.items():
        text += ai + value + ("" if known[ai].length else GS)
    return text.removesuffix(GS)


def ids(fields: dict[str, str]) -> dict[str, str]:
    """Name what identifies something: keys, serials, lots."""
    return {_IDS[ai]: value for ai, value in fields.items() if ai in _IDS}


def article(digits: str) -> Elements:
    """Read an article number of 8, 12, 13 or 14 digits as a `01`.

    The check digit is the same, whatever zeros stand in front.
    """
    if len(digits) not in (8, 12, 13, 14):
        return _wrong(f"{digits!r} is not 8, 12, 13 or 14 digits")
    padded = digits.zfill(14)
    said = wrong(rules()["01"], padded)
    return _wrong(said) if said else Elements({"01": padded}, (), None)
