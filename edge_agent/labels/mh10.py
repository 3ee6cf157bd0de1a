"""ISO/IEC 15434 envelopes, and ANSI MH10.8.2 data identifiers with or without one.

Rules:
1. `[)>` RS, formats that each begin with two digits, GS before each group, RS behind each format,
   EOT at the end: what real labels make of that is taken, and each deviation is said.
2. An identifier is the longest run of digits and one letter, at the beginning of its group.
3. Keys stay as they are written: partners agree on meanings that the dictionary does not know.
4. Without an envelope a text is data identifiers only where the symbol or the plant says so, or
   where no other reading is left: a place that is called `Q12` is no quantity.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from edge_agent.labels.gs1 import elements
from edge_agent.labels.mh10_dictionary import TITLES
from edge_agent.labels.recover import EOT, GS, RS, recovered

GROUPS_MAX: Final = 256
"""Groups of one message that are read; more are an error."""

Fields = dict[str, str | list[str]]

_BEGIN = re.compile(r"[\s\x02]*(?P<mark>>?\[\)>|\[\]>)")
_FORMAT = re.compile(
    r"(?P<rs>RS(?=\d\dGS)|[^0-9A-Za-z]{0,2})(?P<code>0[1-9]|1[0-2])"
    r"(?P<gs>GS|[^0-9A-Za-z])?"
)
_DI = re.compile(r"0*(\d{0,3})([A-Z])(.*)", re.DOTALL)
_SMALL_DI = re.compile(r"0*(\d{0,3})([a-z])(.*)", re.DOTALL)
_LINEAR = re.compile(r"(\d{0,3}[A-Z])(.+)", re.DOTALL)
_ELEMENTS, _IDENTIFIERS, _TEXT = "05", "06", "12"
_IDS = {
    "P": "part",
    "1P": "supplier_part",
    "Q": "quantity",
    "7Q": "quantity",
    "S": "serial",
    "3S": "package",
    "T": "lot",
    "1T": "lot",
    "J": "licence_plate",
    "1J": "licence_plate",
    "2J": "licence_plate",
    "3J": "licence_plate",
    "4J": "licence_plate",
    "5J": "licence_plate",
    "6J": "licence_plate",
    "15K": "kanban",
    "V": "supplier",
    "13V": "supplier",
    "25S": "uii",
    "37S": "uii",
    "25B": "rti",
    "55B": "rti",
}
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+"), "is not a number"
_DAY = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"), "is no date YYYYMMDD"
_WANTED = {
    "Q": _NUMBER,
    "7Q": (
        re.compile(r"[0-9]*\.?[0-9]+(?:[A-Z][A-Z0-9]|[0-9][A-Z])"),
        "has no unit of two characters",
    ),
    "14D": _DAY,
    "15D": _DAY,
    "16D": _DAY,
}


class Message(NamedTuple):
    """What a text holds by data identifier; with an error there is nothing."""

    fields: Fields
    warnings: tuple[str, ...]
    error: str | None


@cache
def titles() -> dict[str, str]:
    """Give the title of every data identifier."""
    pairs = (one.partition("=") for one in TITLES.replace("\n", "").split(";") if one)
    return {di: title for di, _, title in pairs}


def begins_envelope(text: str) -> bool:
    """Say whether a text claims to be an envelope, or what printers make of one."""
    return _BEGIN.match(text) is not None


def envelope(text: str) -> Message | None:
    """Read an envelope; None when a text does not begin as one. Never raises."""
    begin = _BEGIN.match(text)
    if begin is None:
        return None
    said: list[str] = []
    if begin["mark"] != "[)>":
        said.append(recovered(begin["mark"], "[)>"))
    body = _separated(text[begin.end() :], said)
    if body is None:
        return Message({}, (), "no format of two digits follows [)>")
    fields: Fields = {}
    parts = [one for one in _untrailed(body, said).split(RS) if one]
    if len(parts) > GROUPS_MAX or body.count(GS) > GROUPS_MAX:
        return Message({}, (), f"more than {GROUPS_MAX} groups")
    for part in parts:
        if error := _format(part, fields, said):
            return Message({}, (), error)
    if not fields and not said:
        said.append("nothing is in it")
    return Message(fields, tuple(dict.fromkeys(said)), None)


def _separated(body: str, said: list[str]) -> str | None:
    """Give the body from its first format on, with the separators that it should have."""
    head = _FORMAT.match(body)
    if head is None:
        return None
    rs, gs = head["rs"], head["gs"] or ""
    rest = body[head.start("code") :]
    if rs != RS:
        said.append(recovered(rs, "RS") if rs else "no RS behind [)>")
    if GS not in body and gs and gs != RS:
        said.append(recovered(gs, "GS"))
        rest = rest.replace(gs, GS)
        if rs and rs.strip(RS) and rs not in ("\x00", " "):
            rest = rest.replace(rs, RS)
            if rs == "^" and rest.endswith(RS + "d"):
                rest = rest[:-1] + EOT
    return rest


def _untrailed(body: str, said: list[str]) -> str:
    """Take the trailer away, in whichever of its forms."""
    body = body.rstrip("\r\n\t ")
    for trailer, deviation in (
        (RS + EOT, ""),
        (RS + "EOT", recovered("EOT", "the character EOT")),
        (GS + "EOT", recovered("EOT", "the character EOT")),
        (EOT, "no RS before EOT"),
        (RS, "no EOT at its end"),
    ):
        if body.endswith(trailer):
            if deviation:
                said.append(deviation)
            return body[: -len(trailer)]
    said.append("no trailer")
    return body


def _format(part: str, fields: Fields, said: list[str]) -> str:
    """Read one format into the fields; gives what is wrong with it."""
    code, rest = part[:2], part[2:]
    if not (code.isascii() and code.isdecimal()):
        return f"{part[:8]!r} begins with no format of two digits"
    if code not in (_ELEMENTS, _IDENTIFIERS, _TEXT):
        said.append(f"format {code} is not read: {rest[:40]!r}")
        return ""
    if rest[:1] != GS:
        said.append(f"no GS behind format {code}")
    groups = rest.removeprefix(GS)
    if code == _ELEMENTS:
        return _elements(groups, fields, said)
    return _groups(groups.split(GS), fields, said, text=code == _TEXT)


def _elements(groups: str, fields: Fields, said: list[str]) -> str:
    found = elements(groups.strip(GS))
    fields.update(found.fields)
    said.extend(found.warnings)
    return found.error or ""


def _groups(groups: list[str], fields: Fields, said: list[str], *, text: bool) -> str:
    """Read groups by data identifier, or by the word before a blank; an error when none is one."""
    while groups and not groups[-1]:
        groups.pop()
        said.append("an empty group at the end")
    good = 0
    for place, group in enumerate(groups, 1):
        if not group:
            said.append(f"group {place} is empty")
            continue
        di, value = _word(group) if text else _identifier(group, said)
        if di:
            good += 1
            _add(fields, di, value)
            said.extend(doubts(di, value) if not text else ())
        else:
            said.append(f"group {place} has no data identifier: {group[:40]!r}")
    return "" if good or not groups else "no group has a data identifier"


def _word(group: str) -> tuple[str, str]:
    word, _, value = group.partition(" ")
    return word, value


def _identifier(group: str, said: list[str]) -> tuple[str, str]:
    found = _DI.fullmatch(group)
    if found is None:
        found = _SMALL_DI.fullmatch(group)
        if found is None or (found[1] + found[2].upper()) not in titles():
            return "", ""
        said.append(recovered(found[2], found[2].upper()))
    if group[0] == "0":
        said.append(f"zeros before data identifier {found[1]}{found[2].upper()}")
    return found[1] + found[2].upper(), found[3]


def _add(fields: Fields, di: str, value: str) -> None:
    had = fields.get(di)
    if had is None:
        fields[di] = value
    elif isinstance(had, list):
        had.append(value)
    else:
        fields[di] = [had, value]


def doubts(di: str, value: str) -> list[str]:
    """Say what a value should not be like; partners may have agreed on it all the same."""
    if di not in titles():
        return [f"{di} is no data identifier of MH10.8.2"]
    wanted = _WANTED.get(di)
    if wanted is None or not value or wanted[0].fullmatch(value.strip()):
        return []
    return [f"{di} {wanted[1]}: {value!r}"]


def single(text: str) -> Message | None:
    """Read one linear symbol of one identifier, as AIAG B-10 prints it; None when it is none."""
    found = _LINEAR.fullmatch(text)
    if found is None or found[1] not in titles():
        return None
    return Message({found[1]: found[2]}, tuple(doubts(found[1], found[2])), None)


def bare(text: str) -> Message | None:
    """Read groups that lost their envelope: two or more by GS, or three by blanks with a part."""
    by_gs = GS in text
    groups = text.strip(GS + RS + EOT).split(GS) if by_gs else text.split(" ")
    found = [_LINEAR.fullmatch(one) for one in groups if one]
    if len(found) < (2 if by_gs else 3) or len(found) > GROUPS_MAX:
        return None
    fields: Fields = {}
    said = [recovered("" if by_gs else " ", "an envelope that is missing")]
    for one in found:
        if one is None or one[1] not in titles():
            return None
        _add(fields, one[1], one[2])
        said += doubts(one[1], one[2])
    if not by_gs and not fields.keys() & {"P", "1P"}:
        return None
    return Message(fields, tuple(said), None)


def ids(fields: Fields) -> dict[str, str]:
    """Name what identifies something, as far as it is there once."""
    found: dict[str, str] = {}
    for di, name in _IDS.items():
        value = fields.get(di)
        if isinstance(value, str) and value:
            found.setdefault(name, value)
    return found
