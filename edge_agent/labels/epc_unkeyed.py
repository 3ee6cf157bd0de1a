"""Classic EPC schemes that hold no GS1 key: GID, and those of defence and aviation."""

from collections.abc import Callable
from typing import Final

from edge_agent.labels.epc_classic import too_short
from edge_agent.labels.epc_text import LETTERS, SIX, behind, text6
from edge_agent.labels.tag import Impossible, Tag, impossible
from edge_agent.labels.tag import escaped as urn

GID, USDOD, ADI = 0x35, 0x2F, 0x3B
"""Headers (TDS 14.2)."""

BITS: Final = 96
CAGE_CHARACTERS: Final = frozenset("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
CAGE_LENGTHS: Final = (5, 6)
"""A CAGE code has five characters, a DoDAAC six: a space in front makes both six."""

PART_MAX, SERIAL_MAX = 32, 30
"""Characters of an ADI."""


def _number(name: str, raw: bytes) -> tuple[int, tuple[str, ...]] | Tag:
    spare = len(raw) * 8 - BITS
    if spare < 0:
        return too_short(name, BITS, raw)
    number = int.from_bytes(raw)
    return number >> spare, behind(number, spare)


def gid(raw: bytes) -> Tag:
    """Read GID-96: three numbers that only their manager understands."""
    read = _number("GID-96", raw)
    if isinstance(read, Tag):
        return read
    number, warnings = read
    identity = f"{number >> 60 & 0xFFFFFFF}.{number >> 36 & 0xFFFFFF}.{number & 0xFFFFFFFFF}"
    uri, tag_uri = f"urn:epc:id:gid:{identity}", f"urn:epc:tag:gid-96:{identity}"
    return Tag("GID-96", uri, tag_uri, None, {}, None, warnings, None)


def is_cage(code: str) -> bool:
    """Say whether this can be a CAGE code or a DoDAAC: no I and no O."""
    return len(code) in CAGE_LENGTHS and CAGE_CHARACTERS.issuperset(code)


def usdod(raw: bytes) -> Tag:
    """Read USDOD-96: CAGE code or DoDAAC in ASCII, and a number."""
    read = _number("USDOD-96", raw)
    if isinstance(read, Tag):
        return read
    number, warnings = read
    code = (number >> 36 & 0xFFFFFFFFFFFF).to_bytes(6).decode("latin-1").removeprefix(" ")
    if not is_cage(code):
        return impossible("USDOD-96", f"{code!r} is no CAGE code or DoDAAC")
    filter_value = raw[1] >> 4
    identity = f"{code}.{number & 0xFFFFFFFFF}"
    uri, tag_uri = f"urn:epc:id:usdod:{identity}", f"urn:epc:tag:usdod-96:{filter_value}.{identity}"
    return Tag("USDOD-96", uri, tag_uri, None, {}, filter_value, warnings, None)


def adi(raw: bytes) -> Tag:
    """Read ADI-var: CAGE code or DoDAAC, part number or none, serial."""
    left = len(raw) * 8 - 8 - SIX - 6 * SIX
    if left < 0:
        return impossible("ADI-var", "too short")
    number = int.from_bytes(raw)
    values = [number >> shift & 0x3F for shift in range(left + 5 * SIX, left - 1, -SIX)]
    code = "".join(chr(value + 0x40 if value < LETTERS else value) for value in values)
    code = code.removeprefix(" ")
    if not is_cage(code):
        return impossible("ADI-var", f"{code!r} is no CAGE code or DoDAAC")
    try:
        part, left = text6(number, left, PART_MAX)
        serial, left = text6(number, left, SERIAL_MAX)
    except Impossible as error:
        return impossible("ADI-var", str(error))
    if why := adi_fault(part, serial):
        return impossible("ADI-var", why)
    filter_value = raw[1] >> 2
    identity = f"{code}.{urn(part)}.{urn(serial)}"
    uri, tag_uri = f"urn:epc:id:adi:{identity}", f"urn:epc:tag:adi-var:{filter_value}.{identity}"
    return Tag("ADI-var", uri, tag_uri, None, {}, filter_value, behind(number, left), None)


def adi_fault(part: str, serial: str) -> str | None:
    """Say what is wrong with the texts of an ADI: a # may only begin a serial."""
    if serial in ("", "#"):
        return "serial is empty"
    return "# stands where it may not" if "#" in part + serial[1:] else None


READERS: Final[dict[int, Callable[[bytes], Tag]]] = {GID: gid, USDOD: usdod, ADI: adi}
