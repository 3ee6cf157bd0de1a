"""EPC URIs to the bits of a tag: the classic schemes ("+" schemes are written by `epc_plus`)."""

from edge_agent.labels import epc_unkeyed
from edge_agent.labels.epc_classic import PIECE_BITS
from edge_agent.labels.epc_layout import LEAD_BITS, Layout, Partition, headers, layout
from edge_agent.labels.epc_text import SIX, packed6, packed7
from edge_agent.labels.epc_values import Bits, only_digits
from edge_agent.labels.tag import Encoded, Impossible, padded, unescaped

_TAG = "urn:epc:tag:"
_IDENTITY = "urn:epc:id:"
_COMPANY_DIGITS_MIN, _COMPANY_DIGITS_MAX = 6, 12
_PIECE_DIGITS = 2
_NUMBER_DIGITS_MAX = 20


def encode(uri: str, scheme: str | None = None, filter_value: int = 0) -> Encoded:
    """Write a tag from its tag URI, or from its pure identity URI with scheme and filter.

    Never raises: what cannot be written is answered with `error`.
    """
    try:
        return Encoded(_written(uri, scheme, filter_value), None)
    except (AttributeError, TypeError, ValueError) as error:
        return Encoded(b"", str(error))


def _written(uri: str, scheme: str | None, filter_value: int) -> bytes:
    if uri.startswith(_TAG):
        name, _, body = uri.removeprefix(_TAG).partition(":")
        if headers().get(name) != epc_unkeyed.GID:
            number, _, body = body.partition(".")
            filter_value = _number(number, 1 << SIX)
    elif uri.startswith(_IDENTITY):
        kind, _, body = uri.removeprefix(_IDENTITY).partition(":")
        name = (scheme or "").lower()
        if name.partition("-")[0] != kind:
            raise Impossible(f"scheme {scheme!r} does not write {kind!r}")
    else:
        raise Impossible(f"{uri!r} is no EPC URI")
    header = headers().get(name)
    if header is None:
        raise Impossible(f"{name!r} is no classic EPC scheme")
    bits = Bits()
    bits.put(header, 8)
    keyed = layout(header)
    if keyed is not None:
        _keyed(keyed, body, filter_value, bits)
    elif header == epc_unkeyed.GID:
        _gid(body, bits)
    elif header == epc_unkeyed.USDOD:
        _usdod(body, filter_value, bits)
    else:
        _adi(body, filter_value, bits)
    return padded(bits.number, bits.count)


def _number(text: str, limit: int) -> int:
    """Read a number without leading zeros, below a limit."""
    number = int(only_digits(text, 1, _NUMBER_DIGITS_MAX))
    if number >= limit or str(number) != text:
        raise Impossible(f"{text!r} has leading zeros or is not below {limit}")
    return number


def _parts(body: str, count: int) -> list[str]:
    """Part the components; only the last may have dots of its own."""
    parts = body.split(".", count - 1)
    if len(parts) != count:
        raise Impossible(f"{body!r} has not {count} components")
    return parts


def _filter(value: int, bits: Bits, width: int) -> None:
    if not 0 <= value < 1 << width:
        raise Impossible(f"filter {value} does not fit {width} bits")
    bits.put(value, width)


def _keyed(scheme: Layout, body: str, filter_value: int, bits: Bits) -> None:
    _filter(filter_value, bits, 3)
    wanted = 2 + 2 * scheme.pieces + (scheme.serial_bits > 0 and scheme.serial != "zero")
    company, reference, *behind = _parts(body, wanted)
    only_digits(company, _COMPANY_DIGITS_MIN, _COMPANY_DIGITS_MAX)
    row = scheme.partitions[_COMPANY_DIGITS_MAX - len(company)]
    assert row is not None
    bits.put(row.value, LEAD_BITS - 8 - 3)
    bits.put(int(company), row.company_mask.bit_length())
    _reference(scheme, row, reference, bits)
    for piece in behind[: 2 * scheme.pieces]:
        bits.put(int(only_digits(piece, _PIECE_DIGITS, _PIECE_DIGITS)), PIECE_BITS)
    serial = 0
    if scheme.serial == "text":
        serial = packed7(unescaped(behind[-1]), scheme.serial_bits)
    elif scheme.serial == "prefixed":
        digits = len(str(scheme.serial_limit)) - 1
        serial = int("1" + only_digits(behind[-1], 1, digits))
    elif scheme.serial == "integer":
        serial = _number(behind[-1], scheme.serial_limit)
    bits.put(serial, scheme.serial_bits)


def _reference(scheme: Layout, row: Partition, text: str, bits: Bits) -> None:
    if scheme.reference == "padded":
        digits = row.reference_digits
        if not digits and text:
            raise Impossible(f"{text!r}: behind a company prefix of 12 digits is no reference")
        bits.put(int(only_digits(text, digits, digits)) if digits else 0, row.reference_bits)
    elif scheme.reference == "integer":
        bits.put(_number(text, row.reference_limit), row.reference_bits)
    elif scheme.reference == "six":
        if not text:
            raise Impossible("reference is empty")
        bits.put(*packed6(unescaped(text), row.reference_digits))
    else:
        characters = unescaped(text)
        if len(characters) > row.reference_digits:
            raise Impossible(f"{characters!r} has more than {row.reference_digits} characters")
        bits.put(packed7(characters, row.reference_bits), row.reference_bits)


def _gid(body: str, bits: Bits) -> None:
    for part, width in zip(_parts(body, 3), (28, 24, 36), strict=True):
        bits.put(_number(part, 1 << width), width)


def _code(code: str) -> str:
    if not epc_unkeyed.is_cage(code):
        raise Impossible(f"{code!r} is no CAGE code or DoDAAC")
    return code.rjust(6)


def _usdod(body: str, filter_value: int, bits: Bits) -> None:
    code, serial = _parts(body, 2)
    _filter(filter_value, bits, 4)
    bits.put(int.from_bytes(_code(code).encode()), 48)
    bits.put(_number(serial, 1 << 36), 36)


def _adi(body: str, filter_value: int, bits: Bits) -> None:
    code, part, serial = (unescaped(text) for text in _parts(body, 3))
    if why := epc_unkeyed.adi_fault(part, serial):
        raise Impossible(why)
    _filter(filter_value, bits, SIX)
    for character in _code(code):
        bits.put(ord(character) & 0x3F, SIX)
    bits.put(*packed6(part, epc_unkeyed.PART_MAX))
    bits.put(*packed6(serial, epc_unkeyed.SERIAL_MAX))
