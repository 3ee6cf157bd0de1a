"""Classic EPC schemes that begin with a company prefix: bits to URI and GS1 keys (TDS 14.5)."""

from edge_agent.labels.epc_layout import LEAD_BITS, Layout, Partition
from edge_agent.labels.epc_text import behind, text6, text7
from edge_agent.labels.tag import Impossible, Tag, check_digit, escaped, impossible

PIECE_BITS = 7
PIECE_MAX = 99
"""Piece and total of an ITIP have two digits (Fixed Width Integer)."""


def too_short(name: str, bits: int, raw: bytes) -> Tag:
    """Answer a tag whose header promises more bits than there are."""
    return impossible(name, f"too short: {name} has {bits} bits, there are {len(raw) * 8}")


def padded(scheme: Layout, raw: bytes) -> Tag:
    """Read a scheme whose reference has leading zeros; the hot path."""
    spare = len(raw) * 8 - scheme.bits
    if spare < 0:
        return too_short(scheme.name, scheme.bits, raw)
    number = int.from_bytes(raw)
    warnings: tuple[str, ...] = ()
    if spare:
        warnings = behind(number, spare)
        number >>= spare
    row = scheme.partitions[raw[1] >> 2 & 7]
    if row is None:
        return impossible(scheme.name, "partition value 7 is not assigned")
    company = number >> row.company_shift & row.company_mask
    reference = number >> row.reference_shift & row.reference_mask
    if company >= row.company_limit or reference >= row.reference_limit:
        return _too_large(scheme, row, company)
    digits = row.form % (company * row.reference_limit + reference)
    company_text = digits[: row.company_digits]
    reference_text = digits[row.company_digits :]
    if scheme.lead:
        digits = reference_text[0] + company_text + reference_text[1:]
    key = f"{scheme.prefix}{digits}{check_digit(digits)}"
    if scheme.plain:
        serial = str(number & scheme.serial_mask)
        identity = f"{company_text}.{reference_text}.{serial}"
        fields = {scheme.key_ai: key, scheme.serial_ai: serial}
    else:
        fields = {scheme.key_ai: key}
        try:
            tail, more = _tail(scheme, number, fields)
        except Impossible as error:
            return impossible(scheme.name, str(error))
        identity = f"{company_text}.{reference_text}{tail}"
        warnings += more
    filter_value = raw[1] >> 5
    return Tag(
        scheme.name,
        scheme.uri + identity,
        f"{scheme.tag}{filter_value}.{identity}",
        None,
        fields,
        filter_value,
        warnings,
        None,
    )


def _too_large(scheme: Layout, row: Partition, company: int) -> Tag:
    if company >= row.company_limit:
        what = f"company prefix: {company} has more than {row.company_digits} digits"
    else:
        what = f"reference: it has more than {row.reference_digits} digits"
    return impossible(scheme.name, f"no {what}, the most that partition value {row.value} allows")


def _tail(scheme: Layout, number: int, fields: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Put piece, total and serial where they belong; give what a URI has of them, and warnings."""
    if scheme.serial == "zero":
        return "", behind(number, scheme.serial_bits)
    tail = ""
    if scheme.pieces:
        for shift in (scheme.serial_bits + PIECE_BITS, scheme.serial_bits):
            piece = number >> shift & 0x7F
            if piece > PIECE_MAX:
                raise Impossible(f"piece or total is {piece}: it has two digits")
            fields[scheme.key_ai] += f"{piece:02d}"
            tail += f".{piece:02d}"
    serial, warnings = _serial(scheme, number & scheme.serial_mask)
    if scheme.joined:
        fields[scheme.key_ai] += serial
    else:
        fields[scheme.serial_ai] = serial
    return f"{tail}.{escaped(serial)}", warnings


def _serial(scheme: Layout, serial: int) -> tuple[str, tuple[str, ...]]:
    if scheme.serial == "text":
        return text7(serial, scheme.serial_bits)
    if serial >= scheme.serial_limit:
        raise Impossible(f"serial {serial} is too large")
    text = str(serial)
    if scheme.serial == "integer":
        return text, ()
    # its digit 1 keeps the leading zeros (TDS 14.3.6, Numeric String)
    if text[0] != "1" or len(text) == 1:
        raise Impossible("serial has not the digit 1 in front of its digits")
    return text[1:], ()


def unpadded(scheme: Layout, raw: bytes) -> Tag:
    """Read a scheme whose reference is a number without leading zeros, or text (GIAI, CPI-96)."""
    spare = len(raw) * 8 - scheme.bits
    if spare < 0:
        return too_short(scheme.name, scheme.bits, raw)
    number = int.from_bytes(raw)
    warnings = behind(number, spare)
    number >>= spare
    row = scheme.partitions[raw[1] >> 2 & 7]
    if row is None:
        return impossible(scheme.name, "partition value 7 is not assigned")
    company = number >> row.company_shift & row.company_mask
    reference = number >> row.reference_shift & row.reference_mask
    if company >= row.company_limit or reference >= row.reference_limit:
        return _too_large(scheme, row, company)
    text = str(reference)
    if scheme.reference == "text":
        try:
            text, more = text7(reference, row.reference_bits)
        except Impossible as error:
            return impossible(scheme.name, str(error))
        if len(text) > row.reference_digits:
            return impossible(scheme.name, f"reference has {len(text)} characters, too many")
        warnings += more
    key = (row.form % company, text)
    return _part(scheme, raw[1] >> 5, key, number & scheme.serial_mask, warnings)


def _part(
    scheme: Layout, filter_value: int, key: tuple[str, str], serial: int, warnings: tuple[str, ...]
) -> Tag:
    """Put together what has company, reference and perhaps a serial, and no check digit."""
    company, reference = key
    fields = {scheme.key_ai: company + reference}
    identity = f"{company}.{escaped(reference)}"
    if scheme.serial_ai:
        if serial >= scheme.serial_limit:
            return impossible(scheme.name, f"serial {serial} is too large")
        fields[scheme.serial_ai] = str(serial)
        identity += f".{serial}"
    return Tag(
        scheme.name,
        scheme.uri + identity,
        f"{scheme.tag}{filter_value}.{identity}",
        None,
        fields,
        filter_value,
        warnings,
        None,
    )


def variable(scheme: Layout, raw: bytes) -> Tag:
    """Read CPI-var: a part reference that ends with six zero bits, then the serial."""
    left = len(raw) * 8 - LEAD_BITS
    row = scheme.partitions[raw[1] >> 2 & 7] if left > 0 else None
    if row is None:
        why = "partition value 7 is not assigned" if left > 0 else "too short"
        return impossible(scheme.name, why)
    number = int.from_bytes(raw)
    left -= row.company_mask.bit_length()
    try:
        if left < 0:
            return too_short(scheme.name, LEAD_BITS + row.company_mask.bit_length(), raw)
        company = number >> left & row.company_mask
        text, left = text6(number, left, row.reference_digits)
    except Impossible as error:
        return impossible(scheme.name, str(error))
    left -= scheme.serial_bits
    if company >= row.company_limit:
        return _too_large(scheme, row, company)
    if left < 0 or not text:
        return impossible(scheme.name, "too short" if text else "reference is empty")
    key = (row.form % company, text)
    serial = number >> left & scheme.serial_mask
    return _part(scheme, raw[1] >> 5, key, serial, behind(number, left))
