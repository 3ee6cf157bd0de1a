"""Names, addresses and paths as people write them: what is allowed, why not, what instead.

Each function takes what was written and gives the value, or raises `Wrong` with all its faults.
"""

import re
import socket
from pathlib import Path
from typing import Any, Final

from edge_agent.configuration import Address
from edge_agent.settings.words import Wrong, nearest, shown

RESERVED: Final = ("agent", "loop", "segment", "master")
"""Levels of topics that mean something else: never a station, never a level of the base."""

ID_CHARS_MAX: Final = 64
BASE_CHARS_MAX: Final = 200
"""Longer names are refused: with them a topic stays far below what any broker takes."""

ID: Final = "[A-Za-z0-9_-]+"
"""What an id, and each level of the base, is made of; a regular expression."""

ROLE: Final = "[a-z-]+"
"""What a role is made of, which is a level of the topics of commands; a regular expression."""

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_SCHEMES = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts", "tcps": "mqtts"}
PORT_MAX: Final = 65_535

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)
_WHY = {
    "+": "the wildcard + belongs to those who subscribe",
    "#": "the wildcard # belongs to those who subscribe",
    ".": "a dot is rewritten to a slash by some brokers and refused by others",
    "/": "a slash begins another level",
    " ": "a space does not survive every broker and tool",
    "$": "$ begins the topics of the broker itself",
}


# -- ids and the base --------------------------------------------------------------------------


def plain(text: str) -> str:
    """Make of a text what is allowed in an id: nothing is left of what cannot be written so."""
    import unicodedata  # only who writes a wrong name pays for it

    letters = unicodedata.normalize("NFKD", text.translate(_UMLAUTS))
    ascii_only = letters.encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_only).strip("-")[:ID_CHARS_MAX]


def identifier(text: str) -> str:
    """Check an id."""
    if not text:
        raise Wrong(("is empty", "write letters a to z, digits, _ and -"))
    faults = [(f"{shown(text)}: {why}", _instead(plain(text))) for why in _strange(text)]
    if len(text) > ID_CHARS_MAX:
        faults.append((f"has {len(text)} characters", f"write at most {ID_CHARS_MAX}"))
    if faults:
        raise Wrong(*faults)
    return text


def station_id(text: str) -> str:
    """Check the id of a station, which is a level of its topics."""
    if text in RESERVED:
        raise Wrong(_reserved(text))
    return identifier(text)


def role(text: str) -> str:
    """Check the role of a person: `leader`, `group-leader`."""
    if not re.fullmatch(ROLE, text):
        better = re.sub(r"[^a-z-]+", "-", plain(text).lower()).strip("-")
        raise Wrong((f"{shown(text)} is not a role: letters a to z and -", _instead(better)))
    return text


def base(text: str) -> str:
    """Check the base of all topics, every level of it."""
    if not text.strip("/"):
        raise Wrong(
            ("has no level", 'write at least one, better four: "acme/plant1/assembly/line3"')
        )
    levels = text.strip("/").split("/")
    names = (plain(level) for level in levels)
    better = _instead("/".join(f"{one}-1" if one in RESERVED else one for one in names if one))
    faults = []
    if text.startswith("/"):
        faults.append(("begins with a slash, which makes an empty level", better))
    if text.endswith("/"):
        faults.append(("ends with a slash, which makes an empty level", better))
    if "" in levels:
        faults.append(("two slashes with nothing between make an empty level", better))
    for level in dict.fromkeys(levels):
        faults += [(f"level {shown(level)}: {why}", better) for why in _strange(level)]
        if level in RESERVED:
            faults.append((_reserved(level)[0], better))
    if len(text) > BASE_CHARS_MAX:
        faults.append((f"has {len(text)} characters", f"write at most {BASE_CHARS_MAX}"))
    if faults:
        raise Wrong(*faults)
    return text


def _strange(text: str) -> list[str]:
    """Say why each character that may not be in a name may not."""
    strange = dict.fromkeys(re.sub(ID, "", text))
    known = [_WHY[one] for one in strange if one in _WHY]
    others = "".join(one for one in strange if one not in _WHY)
    if others:
        known.append(f"{shown(others)} is not among the letters a to z, digits, _ and -")
    return known


def _instead(better: str) -> str:
    return f"write {shown(better, cut=False)}" if better else "write letters a to z, digits, _, -"


def _reserved(level: str) -> tuple[str, str]:
    return (
        f"{shown(level)} is reserved: it stands for something else in the topics",
        f"write another name, such as {shown(level + '-1')}",
    )


# -- addresses and files -----------------------------------------------------------------------


def address(url: str) -> Address:
    """Take the address of a broker apart; a secret in it is not repeated."""
    found = _URL.fullmatch(url)
    if found is None:
        likely = f"mqtt://{url}" if _HOST.match(url) else "mqtt://HOST:1883"
        raise Wrong((f"{shown(url)} does not say how to talk to it", f"write {shown(likely)}"))
    scheme, rest = found["scheme"].lower(), found["rest"]
    if scheme not in _PORTS:
        right = _SCHEMES.get(scheme, "mqtt")
        raise Wrong(
            (
                f"{shown(scheme + '://')} is not spoken here",
                f"write {shown(right + '://')}, or mqtts:// for TLS",
            )
        )
    if "@" in rest:
        raise Wrong(
            (
                "a user or a password has no place in the address",
                f"write {shown(f'{scheme}://' + rest.rpartition('@')[2])}, username, password_file",
            )
        )
    host, port = _host_and_port(url, rest.removesuffix("/"))
    return Address(host, port or _PORTS[scheme], scheme == "mqtts")


def _host_and_port(url: str, rest: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:/?#\[\]]*)(?::([^:/?#]*))?", rest)
    if found is None:
        raise Wrong(
            (
                f"{shown(url)} has more than a host and a port",
                'write "mqtt://HOST:PORT", with [ ] around an IPv6 address and nothing behind',
            )
        )
    host, port = found[1], found[2]
    if port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) <= PORT_MAX):
        raise Wrong(
            (f"{shown(port)} is not a port", f"write a number from 1 to {PORT_MAX}, mostly 1883")
        )
    if host.startswith("["):
        host = host[1:-1]
        if not _is_ipv6(host):
            raise Wrong((f"{shown(host)} is not an IPv6 address", 'write one as in "[fd00::1]"'))
    elif not _HOST.fullmatch(host):
        raise Wrong((f"{shown(host)} is not the name of a host", "write its name or IP address"))
    return host, int(port) if port else None


def _is_ipv6(host: str) -> bool:
    bare, _, zone = host.partition("%")
    try:
        socket.inet_pton(socket.AF_INET6, bare)
    except (OSError, UnicodeEncodeError, ValueError):
        return False
    return "%" not in host or re.fullmatch(r"[A-Za-z0-9_.-]+", zone) is not None


def file_path(value: object) -> object:
    """Make a path of a text, as it stands; whoever knows the folder resolves it."""
    if not isinstance(value, str):
        return value
    if not value:
        raise Wrong(("is empty", "write the path of a file, or leave the key out"))
    if not value.isprintable():
        raise Wrong((f"{shown(value)} holds an invisible character", "write a path without it"))
    if value.startswith("~"):
        raise Wrong((f"{shown(value)}: ~ means nothing to a service", "write the whole path"))
    return Path(value)


def one_or_more(value: object) -> object:
    """Let one text stand for a list of one, and make of a list what is not changed any more."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


def at_least_one(urls: tuple[Any, ...]) -> tuple[Any, ...]:
    """Check that a list of addresses has one."""
    if not urls:
        raise Wrong(("names no broker", 'write url = "mqtt://HOST:1883"'))
    return urls


def printable(value: str) -> str:
    """Check a name that is not ours to rule: it must be there, and visible."""
    if not value or not value.isprintable():
        raise Wrong((f"{shown(value)} is empty or has an invisible character", "write a name"))
    return value


def time_zone(text: str) -> str:
    """Check that a time zone is known here; `UTC` needs no zones of the system."""
    import zoneinfo  # only who names a zone pays for it

    if text == "UTC":
        return text
    try:
        zoneinfo.ZoneInfo(text)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        names = zoneinfo.available_timezones()
        if not names:
            raise Wrong(
                (f"{shown(text)}: no time zones on this system", "install its package tzdata")
            ) from None
        near = nearest(text, sorted(names))
        remedy = f"did you mean {shown(near)}?" if near else 'write one such as "Europe/Berlin"'
        raise Wrong((f"{shown(text)} is not a time zone", remedy)) from None
    return text
