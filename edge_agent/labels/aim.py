"""AIM symbology identifiers: what kind of symbol a read comes from, `]` and two characters more.

A scanner puts one in front of a read when it is told to (ISO/IEC 15424). It is the only reliable
sign of how a read must be decoded: `Q12` is a quantity in one symbol and a place in another.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

IDENTIFIER_BYTES: Final = 3
"""Flag, code letter, modifier; only the system expansion `]Yn` has `n` more."""


class Decode(StrEnum):
    """How the text behind an identifier is to be read."""

    GS1 = "gs1"
    GTIN = "gtin"
    DI = "di"
    INSPECT = "inspect"


class Symbology(NamedTuple):
    """A kind of symbol, and how what it carries is decoded."""

    name: str
    decode: Decode


SYMBOLOGIES: Final = {
    "]A0": Symbology("Code 39", Decode.DI),
    "]A1": Symbology("Code 39 with check digit", Decode.DI),
    "]A4": Symbology("Code 39 full ASCII", Decode.DI),
    "]C0": Symbology("Code 128", Decode.INSPECT),
    "]C1": Symbology("GS1-128", Decode.GS1),
    "]C2": Symbology("Code 128 with FNC1 second", Decode.INSPECT),
    "]E0": Symbology("EAN-13 or UPC", Decode.GTIN),
    "]E3": Symbology("EAN-13 or UPC with add-on", Decode.GTIN),
    "]E4": Symbology("EAN-8", Decode.GTIN),
    "]F0": Symbology("Codabar", Decode.INSPECT),
    "]G0": Symbology("Code 93", Decode.INSPECT),
    "]I0": Symbology("ITF", Decode.INSPECT),
    "]I1": Symbology("ITF with check digit", Decode.INSPECT),
    "]J0": Symbology("DotCode", Decode.INSPECT),
    "]J1": Symbology("GS1 DotCode", Decode.GS1),
    "]L2": Symbology("PDF417", Decode.INSPECT),
    "]Q0": Symbology("QR code model 1", Decode.INSPECT),
    "]Q1": Symbology("QR code", Decode.INSPECT),
    "]Q2": Symbology("QR code with ECI", Decode.INSPECT),
    "]Q3": Symbology("GS1 QR code", Decode.GS1),
    "]Q4": Symbology("GS1 QR code with ECI", Decode.GS1),
    "]U0": Symbology("MaxiCode", Decode.INSPECT),
    "]U1": Symbology("MaxiCode with carrier message", Decode.INSPECT),
    "]d0": Symbology("Data Matrix before ECC 200", Decode.INSPECT),
    "]d1": Symbology("Data Matrix", Decode.INSPECT),
    "]d2": Symbology("GS1 DataMatrix", Decode.GS1),
    "]d3": Symbology("Data Matrix with FNC1 second", Decode.INSPECT),
    "]d4": Symbology("Data Matrix with ECI", Decode.INSPECT),
    "]d5": Symbology("GS1 DataMatrix with ECI", Decode.GS1),
    "]d6": Symbology("Data Matrix with FNC1 second and ECI", Decode.INSPECT),
    "]d7": Symbology("rectangular Data Matrix", Decode.INSPECT),
    "]d8": Symbology("rectangular Data Matrix with ECI", Decode.INSPECT),
    "]e0": Symbology("GS1 DataBar or composite", Decode.GS1),
    "]z0": Symbology("Aztec", Decode.INSPECT),
    "]z1": Symbology("Aztec with FNC1", Decode.INSPECT),
}
"""Identifier -> symbol, for those that are met in plants."""

UNLISTED: Final = Symbology("other symbol", Decode.INSPECT)
"""What an identifier outside the table means: look at the text."""

_FLAG = b"]"
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUXYZcdehopsz")
_MODIFIERS = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_EXPANSION = ord("Y")
_DIGITS = frozenset(b"0123456789")

_GS = 0x1D
_ENVELOPE = b"[)>"
_GS1_FIXED_BYTES = {
    **{b"%02d" % ai: 16 for ai in (1, 2, 3)},
    **{b"%02d" % ai: 8 for ai in range(11, 20)},
    **{b"%02d" % ai: 10 for ai in range(31, 37)},
    b"00": 20,
    b"04": 18,
    b"20": 4,
    b"41": 16,
}  # first two digits -> length with its AI, of what needs no separator behind it
_GS1_SERIAL = re.compile(
    rb"00\d{18}|(?:21|235|250|8004|8011)[^\x1d]|(?:253|8003)[^\x1d]{14}[^\x1d]|801[78]\d{18}"
)  # SSCC, serials, GIAI, CPID serial; GDTI and GRAI that have one; GSRN
_DI_SERIAL = re.compile(rb"(?:[1-6]?J|(?:[3-9]|1[578]|2[23]|37|42|96)?S|[25]5B)[^\x1d\x1e\x04]")
_DI_CLASS = re.compile(rb"\d{0,3}[PQTV]")
_LINK = (b"http://", b"https://", b"HTTP://", b"HTTPS://")
_TELLING = (_ENVELOPE, *_LINK)


def split(read: bytes) -> tuple[str | None, bytes]:
    """Part a read into its identifier and its text; (None, read) when it has no identifier.

    A bracket alone is none: code letter and modifier must be such as the standard gives out.
    """
    if read[:1] != _FLAG or len(read) < IDENTIFIER_BYTES:
        return None, read
    letter, modifier = read[1], read[2]
    if letter not in _LETTERS or modifier not in _MODIFIERS:
        return None, read
    end = IDENTIFIER_BYTES
    if letter == _EXPANSION:
        if modifier not in _DIGITS:
            return None, read
        end += modifier - ord("0")
        if len(read) < end or not _MODIFIERS.issuperset(read[IDENTIFIER_BYTES:end]):
            return None, read
    return read[:end].decode("ascii"), read[end:]


def symbology(identifier: str) -> Symbology:
    """Say what an identifier means."""
    return SYMBOLOGIES.get(identifier, UNLISTED)


def is_one_of_a_kind(identifier: str | None, text: bytes) -> bool:
    """Say whether a label with this text can be there only once.

    An article, a lot or a quantity is on as many labels as there are containers: reading one twice
    may be two of them. What nothing says more about is taken for the id of one thing, as a card's.
    """
    if identifier is None and not text.startswith(_TELLING):
        return True
    decode = Decode.INSPECT if identifier is None else symbology(identifier).decode
    if decode is Decode.GTIN:
        return False
    if decode is Decode.GS1:
        return _has_gs1_serial(text)
    if text.startswith(_ENVELOPE):
        return any(_DI_SERIAL.match(group) for group in text.split(b"\x1d")) or any(
            _has_gs1_serial(part[3:]) for part in text.split(b"\x1e") if part[:3] == b"05\x1d"
        )
    if text.startswith(_LINK):
        return b"/01/" not in text or b"/21/" in text
    return decode is not Decode.DI or _DI_CLASS.match(text) is None


def _has_gs1_serial(text: bytes) -> bool:
    at = 0
    while at < len(text):
        if text[at] == _GS:
            at += 1
        elif _GS1_SERIAL.match(text, at):
            return True
        elif length := _GS1_FIXED_BYTES.get(text[at : at + 2]):
            at += length
        else:
            at = text.find(b"\x1d", at) + 1 or len(text)
    return False
