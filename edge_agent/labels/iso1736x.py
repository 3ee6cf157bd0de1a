"""Six-bit identifiers of ISO/IEC 17363 to 17367 on UHF tags: bits to text and back.

The toggle bit of the PC word says that it is one, its AFI of which standard, its count of words how
long it is. The text is one data identifier (ASC MH10.8.2) with its value; it is parted elsewhere.
"""

import string
from typing import Final, NamedTuple

from edge_agent.labels.epc_text import LETTERS, SIX
from edge_agent.labels.pc_word import split_pc
from edge_agent.labels.tag import WORD_BITS, WORDS_MAX, Impossible, octets, padded

MEANINGS: Final = {
    0x90: "vehicle (VIN)",
    0xA1: "product (ISO 17367)",
    0xA2: "transport unit (ISO 17365)",
    0xA3: "returnable transport item (ISO 17364)",
    0xA4: "product (ISO 17367), hazardous",
    0xA5: "product packaging (ISO 17366)",
    0xA6: "product packaging (ISO 17366), hazardous",
    0xA7: "transport unit (ISO 17365), hazardous",
    0xA8: "returnable transport item (ISO 17364), hazardous",
    0xA9: "freight container (ISO 17363)",
    0xAA: "freight container (ISO 17363), hazardous",
}
"""AFI -> what the tag is on (ISO/IEC 15961-2 register)."""

OCTETS_MAX: Final = WORDS_MAX * WORD_BITS // 8
CHARACTERS: Final = frozenset(chr(code) for code in range(0x20, 0x60))
"""What six bits can hold: the capital half of ASCII."""

_PAD = " "
_END = "!"
_CONTROLS = {"^": "GS", "_": "RS", "#": "FS", "$": "US"}
_PLAIN = frozenset(string.ascii_uppercase + string.digits + "-./+*(),:")
_DI_DIGITS_MAX = 3
_TEXT_MIN = 6
_PAD_BITS = 1 << (SIX - 1)
_TOGGLE = 0x0100
_WORDS_SHIFT = 11


class Uii(NamedTuple):
    """A six-bit identifier: its text, the AFI if there was a PC word, and what that means.

    `meaning` is None for an AFI that is not of these standards; with `error` there is no text.
    """

    text: str
    afi: int | None
    meaning: str | None
    warnings: tuple[str, ...]
    error: str | None


class Written(NamedTuple):
    """An identifier to write, in whole words, and its PC word; with `error` there is neither."""

    uii: bytes
    pc: int
    error: str | None


def decode(uii: bytes | str, pc: int | None = None) -> Uii:
    """Read the text of a tag, given as bytes or as hexadecimal text.

    With a PC word as many words are read as that counts, whatever the reader gave. Padding is taken
    off: the bits 100000 and what is left of them, or zeros. Never raises.
    """
    raw = uii if isinstance(uii, bytes) else octets(uii)
    if raw is None:
        return Uii("", None, None, (), "not hexadecimal")
    warnings: tuple[str, ...] = ()
    afi = meaning = None
    kept = raw[:OCTETS_MAX]
    if pc is not None:
        control = split_pc(pc)
        counted = control.words * WORD_BITS // 8
        if counted > len(raw):
            warnings += (f"the PC word counts {counted} bytes, {len(raw)} were read",)
        kept = kept[:counted]
        if control.toggle:
            afi = control.afi
            meaning = MEANINGS.get(afi)
        else:
            warnings += ("the PC word has no toggle bit: it says that this is an EPC",)
        if afi is not None and meaning is None:
            warnings += (f"AFI {afi:02X} is not one of ISO 17363 to 17367",)
    text, more = _read(kept)
    if not text:
        return Uii("", afi, meaning, warnings, "empty: there are no characters")
    return Uii(text, afi, meaning, warnings + more, None)


def _read(uii: bytes) -> tuple[str, tuple[str, ...]]:
    warnings: tuple[str, ...] = ()
    left = len(uii) * 8
    number = int.from_bytes(uii)
    text = ""
    while left >= SIX:
        left -= SIX
        value = number >> left & 0x3F
        text += chr(value + 0x40 if value < LETTERS else value)
    rest = number & ((1 << left) - 1)
    if rest not in (0, _PAD_BITS >> (SIX - left)):
        warnings += (f"the last {left} bits are no padding",)
    text = text.rstrip(_PAD)
    if text.endswith(_END):
        # the end of transmission, which some writers put before the padding (ISO 17364)
        text = text[:-1]
    if text.endswith("@"):
        text = text.rstrip("@")
        warnings += ("padded with zeros instead of 100000",)
    if controls := sorted(set(text) & set(_CONTROLS)):
        names = ", ".join(f"{character} for {_CONTROLS[character]}" for character in controls)
        warnings += (f"in ISO 17364's table {names}",)
    return text, warnings


def could_be_text(uii: bytes | str) -> bool:
    """Say whether a tag without a PC word can be such a text: a data identifier and plain value.

    It begins with one to three digits and a letter, or with the J of a licence plate: so no text
    in ASCII and no chip number is taken for one. Whether it is an EPC has to be asked first.
    """
    raw = uii if isinstance(uii, bytes) else octets(uii)
    text, warnings = _read((raw or b"")[:OCTETS_MAX])
    if warnings or len(text) < _TEXT_MIN or not _PLAIN.issuperset(text):
        return False
    value = text.lstrip(string.digits)
    digits = len(text) - len(value)
    if digits == 0:
        return value[0] == "J"
    return digits <= _DI_DIGITS_MAX and text[0] != "0" and value[:1].isalpha()


def encode(text: str, afi: int) -> Written:
    """Write a text with its padding and PC word. Never raises: what cannot be has `error`."""
    try:
        return _written(text, afi)
    except (TypeError, ValueError) as error:
        return Written(b"", 0, str(error))


def _written(text: str, afi: int) -> Written:
    if not text or not CHARACTERS.issuperset(text):
        raise Impossible(f"{text!r} is empty or has more than capitals, digits and signs")
    if text[-1] in f"{_PAD}{_END}@":
        raise Impossible(f"{text!r} ends with what would be read as padding")
    if not 0 <= afi <= 0xFF:  # noqa: PLR2004
        raise Impossible(f"AFI {afi} is not one byte")
    number = 0
    for character in text:
        number = number << SIX | ord(character) & 0x3F
    bits = SIX * len(text)
    while bits % WORD_BITS:
        taken = min(SIX, -bits % WORD_BITS)
        number = number << taken | _PAD_BITS >> (SIX - taken)
        bits += taken
    words = bits // WORD_BITS
    if words > WORDS_MAX:
        raise Impossible(f"{text!r} takes {words} words, a PC word counts {WORDS_MAX}")
    return Written(padded(number, bits), words << _WORDS_SHIFT | _TOGGLE | afi, None)
