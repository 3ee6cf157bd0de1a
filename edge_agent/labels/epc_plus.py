"""EPC schemes of TDS 2: application identifiers as they are ("+"), and with a hostname ("++").

Bits: header, one that says that further AIs follow, three of filter, date (DSGTIN only), the AIs
of the key, the hostname ("++" only), further AIs. No length of a company prefix is in them, so that
there is no URN, but a GS1 Digital Link URI. The headers of "++" are those of TDS 2.3, table 14-1:
plants have raw numbers that begin with them, so what does not hold together is unknown, not wrong.
"""

from functools import cache
from typing import Final, NamedTuple
from urllib.parse import quote

from edge_agent.labels.epc_elements import read_elements, read_value, write_elements, write_value
from edge_agent.labels.epc_hostname import read_hostname, write_hostname
from edge_agent.labels.epc_schemes import PLUS
from edge_agent.labels.epc_values import Bits, Cursor
from edge_agent.labels.tag import Encoded, Impossible, Tag, impossible, padded, unknown

HOSTED: Final = {
    0xE6: "CPI",
    0xE7: "GSRN",
    0xE8: "GSRNP",
    0xE9: "SGLN",
    0xEA: "GDTI",
    0xEB: "GRAI",
    0xEC: "SGCN",
    0xED: "ITIP",
    0xEE: "GIAI",
    0xEF: "SSCC",
    0xFC: "DSGTIN",
    0xFD: "SGTIN",
}
"""Header -> scheme, of the "++" schemes."""

PLUS_HEADERS: Final = frozenset(PLUS) | frozenset(HOSTED)
HOST: Final = "id.gs1.org"
"""Where a "+" tag's link leads (GS1 Digital Link URI, canonical form)."""

HEADER_BITS: Final = 8
FILTER_MAX: Final = 7
_KIND_BITS = 4
_QUALIFIERS_MAX = 3


class Plus(NamedTuple):
    """One scheme: the AIs of its key, those that follow it in the path of a link, its dates."""

    name: str
    ais: tuple[str, ...]
    qualifiers: tuple[str, ...]
    dates: tuple[str, ...]
    hosted: bool


@cache
def plus_scheme(header: int) -> Plus:
    """Give the scheme of a header of PLUS_HEADERS."""
    rows = {row.partition("+")[0]: row for row in PLUS.values()}
    row = PLUS.get(header) or rows[HOSTED[header]]
    name, ais, qualifiers, dates = row.split(" | ")
    hosted = header in HOSTED
    return Plus(
        name + "+" * hosted,
        tuple(ais.split()),
        tuple(qualifiers.split()),
        tuple(dates.split()),
        hosted,
    )


def decode_plus(raw: bytes) -> Tag:
    """Read a tag whose header is one of PLUS_HEADERS."""
    scheme = plus_scheme(raw[0])
    try:
        tag, behind = _read(scheme, raw)
    except Impossible as error:
        return unknown() if scheme.hosted else impossible(scheme.name, str(error))
    if not behind:
        return tag
    if scheme.hosted:
        return unknown()
    return tag._replace(warnings=(*tag.warnings, "bits after the end of the code are not zero"))


def _read(scheme: Plus, raw: bytes) -> tuple[Tag, int]:
    """Read a tag, and what is behind its end."""
    bits = Cursor(raw)
    bits.take(HEADER_BITS)
    further = bits.take(1)
    filter_value = bits.take(3)
    fields: dict[str, str] = {}
    dated: dict[str, str] = {}
    if scheme.dates:
        kind = bits.take(_KIND_BITS)
        if kind >= len(scheme.dates):
            raise Impossible(f"{kind} is no kind of date")
        # a date of harvest may be two, but the one in front is always one (TDS 14.5.3)
        dated[scheme.dates[kind]] = read_value("11", bits)
    for ai in scheme.ais:
        fields[ai] = read_value(ai, bits)
    fields |= dated
    host = read_hostname(bits) if scheme.hosted else HOST
    more, warnings = read_elements(bits) if further else ({}, ())
    if scheme.hosted and warnings:
        raise Impossible(warnings[0])
    fields |= {ai: value for ai, value in more.items() if ai not in fields}
    link = digital_link(scheme, fields, host)
    tag = Tag(scheme.name, None, None, link, fields, filter_value, warnings, None)
    return tag, 0 if warnings else bits.rest


def digital_link(scheme: Plus, fields: dict[str, str], host: str = HOST) -> str:
    """Give the GS1 Digital Link URI: key and qualifiers in the path, everything else behind `?`."""
    key = scheme.ais[0]
    path = [key, *(ai for ai in scheme.qualifiers if ai in fields)]
    link = f"https://{host}" + "".join(f"/{ai}/{quote(fields[ai], safe='')}" for ai in path)
    others = [f"{ai}={quote(value, safe='')}" for ai, value in fields.items() if ai not in path]
    return link + ("?" + "&".join(others) if others else "")


def encode_plus(
    scheme: str, fields: dict[str, str], filter_value: int = 0, hostname: str | None = None
) -> Encoded:
    """Write a tag of a "+" scheme, or of a "++" scheme with its hostname, from its AIs.

    AIs beyond those of the scheme follow it (TDS 15.3). Never raises: what cannot be written is
    answered with `error`.
    """
    try:
        return Encoded(_written(scheme, dict(fields), filter_value, hostname), None)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Encoded(b"", str(error))


def _written(scheme: str, fields: dict[str, str], filter_value: int, hostname: str | None) -> bytes:
    header = _headers().get(scheme)
    if header is None:
        raise Impossible(f"{scheme!r} is no scheme of TDS 2")
    plus = plus_scheme(header)
    if not 0 <= filter_value <= FILTER_MAX:
        raise Impossible(f"filter {filter_value} is not of 0 to {FILTER_MAX}")
    if (hostname is not None) != plus.hosted:
        raise Impossible(f"{scheme} has {'a' if plus.hosted else 'no'} hostname")
    if missing := [ai for ai in plus.ais if ai not in fields]:
        raise Impossible(f"({missing[0]}) is missing")
    key = {ai: fields.pop(ai) for ai in plus.ais}
    dates = [ai for ai in plus.dates if ai in fields][:1]
    dated = {ai: fields.pop(ai) for ai in dates}
    bits = Bits()
    bits.put(header, HEADER_BITS)
    bits.put(bool(fields), 1)
    bits.put(filter_value, 3)
    if plus.dates:
        if not dated:
            raise Impossible("the date is missing")
        bits.put(plus.dates.index(dates[0]), _KIND_BITS)
        write_value("11", dated[dates[0]], bits)
    for ai, value in key.items():
        write_value(ai, value, bits)
    if hostname is not None:
        write_hostname(hostname, bits)
    write_elements(fields, bits)
    return padded(bits.number, bits.count)


@cache
def _headers() -> dict[str, int]:
    return {plus_scheme(header).name: header for header in PLUS_HEADERS}
