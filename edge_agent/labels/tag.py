"""What an RFID tag's EPC says, and the few rules that all of its codings share.

A tag that cannot be what its header claims is answered with `error` in plain words and no fields;
a number that claims nothing (a chip's own number, a plant's raw one) with neither scheme nor error.
"""

from typing import Final, NamedTuple

WORD_BITS: Final = 16
"""EPC memory is written and counted in words."""

WORDS_MAX: Final = 31
"""The longest EPC: the PC word counts its words in five bits (TDS 9.3)."""

SERIAL_CHARACTERS: Final = (
    b"!\"%&'*+,-./0123456789:;<=>?()ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
"""GS1 AI encodable character set 82 (TDS annex A)."""

PART_CHARACTERS: Final = b"#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""GS1 AI encodable character set 39, and what an ADI holds (TDS annex G)."""

_URN = str.maketrans({character: f"%{ord(character):02X}" for character in '"#%&/<>?'})
_NEXT_TEN = "0987654321"
_ZERO = ord("0")


class Tag(NamedTuple):
    """One EPC: `fields` has the AIs with their check digits; `scheme` is None for a raw number.

    `uri` and `tag_uri` are of the classic schemes, which know how long a company prefix is;
    `digital_link` is of the "+" and "++" schemes, which do not. A GLN without extension has the
    extension 0, as it is encoded (TDS 6.3.3).
    """

    scheme: str | None
    uri: str | None
    tag_uri: str | None
    digital_link: str | None
    fields: dict[str, str]
    filter: int | None
    warnings: tuple[str, ...]
    error: str | None


class Encoded(NamedTuple):
    """An EPC to write, padded with zero bits to whole words; empty, with `error`, if it cannot be.

    `words` is what the PC word has to count.
    """

    epc: bytes
    error: str | None

    @property
    def words(self) -> int:
        """Give the number of 16-bit words."""
        return len(self.epc) * 8 // WORD_BITS


class Impossible(ValueError):
    """What stands there cannot be; the message says why, in plain words. Never leaves `labels`."""


def unknown(*warnings: str) -> Tag:
    """Answer a number that is no EPC: the caller passes it on as it is."""
    return Tag(None, None, None, None, {}, None, warnings, None)


def impossible(scheme: str | None, error: str) -> Tag:
    """Answer a tag that cannot be what its header claims."""
    return Tag(scheme, None, None, None, {}, None, (), error)


def octets(text: str) -> bytes | None:
    """Read hexadecimal text as readers print it, blanks and all; None when it is none.

    Codes of any length (ADI-var, the "+" schemes) are printed with an odd number of digits.
    """
    try:
        digits = "".join(text.split())
        return bytes.fromhex(digits + "0" * (len(digits) % 2))
    except (AttributeError, TypeError, ValueError):
        return None


def check_digit(digits: str) -> str:
    """Give the check digit that belongs behind digits (GS1 General Specifications 7.9.1)."""
    encoded = digits.encode()
    tripled = encoded[::-2]
    once = encoded[-2::-2]
    total = 3 * sum(tripled) + sum(once) - _ZERO * (3 * len(tripled) + len(once))
    return _NEXT_TEN[total % 10]


def escaped(text: str) -> str:
    """Write a serial or a part reference as it stands in a URN (TDS annexes A and G)."""
    return text if text.isalnum() else text.translate(_URN)


def unescaped(text: str) -> str:
    """Read a component of a URN; Impossible for a percent sign that escapes nothing."""
    if "%" not in text:
        return text
    first, *pieces = text.split("%")
    for piece in pieces:
        if len(piece) < 2 or not set(piece[:2]) <= set("0123456789ABCDEFabcdef"):  # noqa: PLR2004
            raise Impossible(f"%{piece[:2]} is no escaped character")
    return first + "".join(chr(int(piece[:2], 16)) + piece[2:] for piece in pieces)


def padded(number: int, bits: int) -> bytes:
    """Give `bits` bits as whole words, zero bits behind."""
    spare = -bits % WORD_BITS
    return (number << spare).to_bytes((bits + spare) // 8)
