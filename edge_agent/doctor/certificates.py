"""When certificates end: read from the files of [broker], judged by the days that are left."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from edge_agent.configuration import Broker
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Verdict

GROUP: Final = "broker"

DAYS_LEFT: Final = 30
"""A certificate that ends sooner is a warning."""

CERTIFICATES_MAX: Final = 8
"""A file with more is a store of everybody's: some of those have always ended."""

_END = "-----END CERTIFICATE-----"
_BEGIN = "-----BEGIN CERTIFICATE-----"
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80
_DAY_S: Final = 86_400


def files_looked_at(broker: Broker, now_s: float) -> Iterator[Finding]:
    """Say when the certificates end that this side has: its CA, and its own."""
    for key, path in (("ca_file", broker.ca_file), ("cert_file", broker.cert_file)):
        if path is None:
            continue
        try:
            ends = ends_of(path)
        except (OSError, ValueError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else str(fault)
            remedy = "correct the path in [broker], or the file and its permissions"
            yield Finding(key, GROUP, Verdict.FAIL, f"{path}: {why}", remedy)
            continue
        if len(ends) <= CERTIFICATES_MAX:
            yield judged(key, str(path), ends, now_s)


def judged(name: str, whose: str, ends: list[int], now_s: float) -> Finding:
    """Judge certificates by when they end; one of several that has ended is only a warning."""
    first_s = min(ends)
    left = int((first_s - now_s) // _DAY_S)
    when = f"{datetime.fromtimestamp(first_s, UTC):%Y-%m-%d %H:%M UTC}"
    one = "certificate" if len(ends) == 1 else f"first of {len(ends)} certificates"
    if now_s > first_s:
        verdict = Verdict.FAIL if now_s > max(ends) else Verdict.WARN
        what = f"{whose}: the {one} ended at {when}"
        return Finding(name, GROUP, verdict, what, "renew it, or set the clock of this device")
    what = f"{whose}: the {one} is good until {when}, {left} days"
    if left < DAYS_LEFT:
        return Finding(name, GROUP, Verdict.WARN, what, "renew it before then")
    return Finding(name, GROUP, Verdict.OK, what)


def ends_of(path: Path) -> list[int]:
    """Read when the certificates of a PEM file end, in seconds since 1970.

    Raises OSError, and ValueError where it has none that can be read.
    """
    text = path.read_text("ascii", "replace")
    blocks = [f"{_BEGIN}{part.partition(_END)[0]}{_END}" for part in text.split(_BEGIN)[1:]]
    if not blocks:
        raise ValueError("it has no certificate (PEM)")
    return [end_of(ssl.PEM_cert_to_DER_cert(block)) for block in blocks]


class _Item(NamedTuple):
    tag: int
    inside: bytes
    behind: bytes


def end_of(der: bytes) -> int:
    """Read when a certificate ends (RFC 5280, 4.1); raises ValueError for what is none."""
    try:
        told = _item(_item(der).inside).inside
        if _item(told).tag == _VERSION:
            told = _item(told).behind
        for _ in ("serial number", "signature", "issuer"):
            told = _item(told).behind
        ends = _item(_item(_item(told).inside).behind)
        when = ends.inside.decode("ascii")
    except (IndexError, UnicodeDecodeError) as fault:
        raise ValueError("a certificate in it is damaged") from fault
    if ends.tag == _UTC_TIME:
        when = ("20" if when < "50" else "19") + when
    return int(datetime.strptime(when, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())


def _item(der: bytes) -> _Item:
    """Take the first item of DER apart; raises IndexError where there is none."""
    size, at = der[1], 2
    if size & _LONG:
        at += size & ~_LONG
        size = int.from_bytes(der[2:at], "big")
    if len(der) < at + size:
        raise IndexError
    return _Item(der[0], der[at : at + size], der[at + size :])
