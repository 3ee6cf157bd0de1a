"""How the classic EPC schemes lay out their bits: the rows of `epc_schemes`, ready for use.

Rows are read when a tag first needs them, so that importing costs nothing.
"""

from functools import cache
from typing import Final, NamedTuple

from edge_agent.labels.epc_schemes import CLASSIC, COMPANY, UNPARTITIONED

HEADER_BITS: Final = 8
FILTER_BITS: Final = 3
PARTITION_BITS: Final = 3
LEAD_BITS: Final = HEADER_BITS + FILTER_BITS + PARTITION_BITS
"""What stands before the company prefix."""

GS1_KEY_CHARACTERS_MAX: Final = 30
"""Of GIAI and CPID, company prefix and reference together (GS1 General Specifications)."""


class Partition(NamedTuple):
    """One row of a partition table (TDS 14.5); shifts count from the end of the scheme's bits.

    `reference_digits` is how many a padded reference has, or an unpadded one may have.
    """

    value: int
    company_digits: int
    company_limit: int
    company_mask: int
    company_shift: int
    reference_digits: int
    reference_limit: int
    reference_mask: int
    reference_shift: int
    reference_bits: int
    form: str


class Layout(NamedTuple):
    """One classic scheme with a company prefix.

    `reference` is padded, integer, text (7 bits a character) or six (6 bits, ended by zeros);
    `serial` is integer, text, prefixed (digits behind a 1), zero (unused bits) or empty. The GS1
    key is `prefix`, company and reference (its first digit in front if `lead`), check digit;
    what is `joined` stands in the key, a serial that is not has an AI of its own. `plain` is a
    scheme with nothing but a number for a serial, in an AI of its own.
    """

    name: str
    header: int
    bits: int
    uri: str
    tag: str
    key_ai: str
    prefix: str
    lead: bool
    joined: bool
    serial_ai: str
    plain: bool
    reference: str
    partitions: tuple[Partition | None, ...]
    pieces: bool
    serial: str
    serial_bits: int
    serial_limit: int
    serial_mask: int


def _width(text: str) -> tuple[int, int]:
    """Read `bits` or `bits<digits` as bits and the first number that is too large."""
    bits, _, digits = text.partition("<")
    return int(bits), 10 ** int(digits) if digits else 1 << int(bits)


def _partition(value: int, company: str, reference: str, kind: str, behind: int) -> Partition:
    company_bits, company_digits = map(int, company.split("."))
    if kind == "padded":
        bits, digits = map(int, reference.split("."))
        limit = 10**digits
    elif kind == "integer":
        bits, limit = _width(reference)
        digits = len(str(limit - 1))
    else:
        bits, limit = int(reference), 1 << int(reference)
        digits = GS1_KEY_CHARACTERS_MAX - company_digits
    return Partition(
        value,
        company_digits,
        10**company_digits,
        (1 << company_bits) - 1,
        behind + bits,
        digits,
        limit,
        (1 << bits) - 1,
        behind,
        bits,
        f"%0{company_digits + digits}d" if kind == "padded" else f"%0{company_digits}d",
    )


@cache
def layout(header: int) -> Layout | None:
    """Give the layout a header byte stands for; None when it is of no partitioned scheme."""
    row = CLASSIC.get(header)
    if row is None:
        return None
    name, bits, uri, elements, kind, references, tail = row.split(" | ")
    fields = [field.split(":") for field in tail.split()]
    behind = sum(_width(field[1])[0] for field in fields)
    _, width, serial = fields[-1] if fields else ("", "0", "")
    serial_bits, serial_limit = _width(width)
    key_ai, _, key = elements.split()[0].partition("=")
    parts = key.split("+")
    rows = zip(COMPANY.split(), references.split(), strict=True)
    return Layout(
        name=name,
        header=header,
        bits=int(bits),
        uri=f"urn:epc:id:{uri}:",
        tag=f"urn:epc:tag:{name.lower()}:",
        key_ai=key_ai,
        prefix=parts[0] if parts[0].isdigit() else "",
        lead="lead" in parts,
        joined="serial" in parts,
        serial_ai=elements.partition(" ")[2].partition("=")[0],
        plain=kind == "padded" and serial == "integer" and " " in elements and len(fields) == 1,
        reference=kind,
        partitions=(
            *(_partition(value, *row, kind, behind) for value, row in enumerate(rows)),
            None,
        ),
        pieces="piece" in parts,
        serial=serial,
        serial_bits=serial_bits,
        serial_limit=serial_limit,
        serial_mask=(1 << serial_bits) - 1,
    )


@cache
def headers() -> dict[str, int]:
    """Give the name of a scheme, in lower case as in a tag URI -> its header."""
    return {
        row.partition(" ")[0].lower(): header
        for rows in (CLASSIC, UNPARTITIONED)
        for header, row in rows.items()
    }
