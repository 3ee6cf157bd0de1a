"""Digits and text in the bits of a "+" tag (TDS 2.0, 14.5.2 to 14.5.6 and 14.5.13).

Each way a value may stand is one class with `read` and `write`; what cannot be raises Impossible.
Dates and other odd ones are in `epc_moments`, which AI stands how in `epc_elements`.
"""

import string
from typing import Final, NamedTuple, Protocol

from edge_agent.labels.tag import PART_CHARACTERS, SERIAL_CHARACTERS, Impossible

INDICATOR_BITS: Final = 3
BASE64: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
"""RFC 4648 section 5, as TDS 14.5.6.4 has it."""

CODE40: Final = "\0" + string.ascii_uppercase + "-.:" + string.digits
"""URN Code 40: three characters in 16 bits (TDS 14.5.6.5)."""

_UPPER, _LOWER = "0123456789ABCDEF", "0123456789abcdef"
_ASCII = (SERIAL_CHARACTERS + PART_CHARACTERS).decode()
_NIBBLE = 4
_DELIMITER, _TERMINATOR = 0xE, 0xF


class Cursor:
    """Bits that are read from the left; `left` is how many there are still."""

    __slots__ = ("_number", "left")

    def __init__(self, raw: bytes) -> None:
        self._number = int.from_bytes(raw)
        self.left = len(raw) * 8

    def take(self, bits: int) -> int:
        """Read a number; Impossible when there are not so many bits."""
        self.left -= bits
        if self.left < 0:
            raise Impossible("too short: the bits end within a value")
        return self._number >> self.left & ((1 << bits) - 1)

    @property
    def rest(self) -> int:
        """Give what is still there, as a number."""
        return self._number & ((1 << self.left) - 1)


class Bits:
    """Bits that are written to the right."""

    __slots__ = ("count", "number")

    def __init__(self) -> None:
        self.number = 0
        self.count = 0

    def put(self, number: int, bits: int) -> None:
        """Append a number that is known to fit."""
        self.number = self.number << bits | number
        self.count += bits


class Form(Protocol):
    """One way a value stands in the bits."""

    def read(self, bits: Cursor) -> str: ...
    def write(self, value: str, bits: Bits) -> None: ...


def only_digits(value: str, least: int, most: int) -> str:
    """Give a value that is of so many digits; Impossible otherwise."""
    if not (value.isascii() and value.isdigit() and least <= len(value) <= most):
        raise Impossible(f"{value!r} is not of {most} digits")
    return value


def _whole(digits: int) -> int:
    """Give the bits that any number of so many digits needs (Table B)."""
    most: int = 10**digits - 1
    return most.bit_length()


class Nibbles(NamedTuple):
    """Digits, four bits each (14.5.4)."""

    digits: int

    def read(self, bits: Cursor) -> str:
        text = f"{bits.take(_NIBBLE * self.digits):0{self.digits}X}"
        if not text.isdigit():
            raise Impossible(f"{text} has a letter where digits belong")
        return text

    def write(self, value: str, bits: Bits) -> None:
        bits.put(int(only_digits(value, self.digits, self.digits), 16), _NIBBLE * self.digits)


class Digits(NamedTuple):
    """A number with its leading zeros, in a fixed number of bits (14.5.2)."""

    digits: int
    width: int

    def read(self, bits: Cursor) -> str:
        text = f"{bits.take(self.width):0{self.digits}d}"
        if len(text) > self.digits:
            raise Impossible(f"{text} has more than {self.digits} digits")
        return text

    def write(self, value: str, bits: Bits) -> None:
        bits.put(int(only_digits(value, self.digits, self.digits)), self.width)


class Number(NamedTuple):
    """A count of digits, then these as a number (14.5.13)."""

    length_bits: int
    most: int

    def read(self, bits: Cursor) -> str:
        length = bits.take(self.length_bits)
        if not 0 < length <= self.most:
            raise Impossible(f"{length} digits, of 1 to {self.most}")
        return Digits(length, _whole(length)).read(bits)

    def write(self, value: str, bits: Bits) -> None:
        length = len(only_digits(value, 1, self.most))
        bits.put(length, self.length_bits)
        bits.put(int(value), _whole(length))


def read_code40(bits: Cursor, length: int) -> str:
    """Read so many characters of URN Code 40."""
    text = ""
    for _ in range(-(-length // 3)):
        triple = bits.take(16) - 1
        if not 0 <= triple < len(CODE40) ** 3:
            raise Impossible("not URN Code 40")
        text += CODE40[triple // 1600] + CODE40[triple // 40 % 40] + CODE40[triple % 40]
    if text[length:].strip("\0") or "\0" in text[:length]:
        raise Impossible("URN Code 40 does not have the characters that were counted")
    return text[:length]


def write_code40(text: str, bits: Bits) -> None:
    """Append text that is known to be of URN Code 40."""
    for at in range(0, len(text), 3):
        one, two, three = (
            CODE40.index(character) for character in text[at : at + 3].ljust(3, "\0")
        )
        bits.put(1600 * one + 40 * two + three + 1, 16)


class Text(NamedTuple):
    """How it is packed (Table E), a count of characters, the characters (14.5.6)."""

    length_bits: int
    most: int

    def read(self, bits: Cursor) -> str:
        packing = bits.take(INDICATOR_BITS)
        length = bits.take(self.length_bits)
        if not 0 < length <= self.most:
            raise Impossible(f"{length} characters, of 1 to {self.most}")
        if packing == 0:
            return Digits(length, _whole(length)).read(bits)
        if packing in (1, 2):
            form = _UPPER if packing == 1 else _LOWER
            return "".join(form[bits.take(_NIBBLE)] for _ in range(length))
        if packing == 3:  # noqa: PLR2004 (the numbers are those of Table E)
            return "".join(BASE64[bits.take(6)] for _ in range(length))
        if packing == 4:  # noqa: PLR2004
            text = "".join(chr(bits.take(7)) for _ in range(length))
            if strange := set(text) - set(_ASCII):
                raise Impossible(f"character {min(strange)!r} is not in GS1's character sets")
            return text
        if packing == 5:  # noqa: PLR2004
            return read_code40(bits, length)
        raise Impossible(f"encoding indicator {packing} is not assigned")

    def write(self, value: str, bits: Bits) -> None:
        """Choose the packing that takes the fewest bits (14.5.6, decision tree)."""
        length = len(value)
        if not 0 < length <= self.most or not set(value) <= set(_ASCII):
            raise Impossible(f"{value!r} is not of 1 to {self.most} of GS1's characters")
        sizes = [
            (4 * length, 1, _UPPER),
            (4 * length, 2, _LOWER),
            (16 * -(-length // 3), 5, CODE40),
            (6 * length, 3, BASE64),
            (7 * length, 4, _ASCII),
        ]
        packing = 0
        if not value.isdigit():
            packing = min(row[:2] for row in sizes if set(value) <= set(row[2]))[1]
        bits.put(packing, INDICATOR_BITS)
        bits.put(length, self.length_bits)
        if packing == 0:
            bits.put(int(value), _whole(length))
        elif packing == 5:  # noqa: PLR2004
            write_code40(value, bits)
        else:
            width = {1: 4, 2: 4, 3: 6, 4: 7}[packing]
            for character in value:
                if packing == 4:  # noqa: PLR2004
                    code = ord(character)
                else:
                    code = {1: _UPPER, 2: _LOWER, 3: BASE64}[packing].index(character)
                bits.put(code, width)


class Delimited(NamedTuple):
    """Digits up to a nibble F, or up to a nibble E and text behind it (14.5.5)."""

    length_bits: int
    most: int

    def read(self, bits: Cursor) -> str:
        text = ""
        while (nibble := bits.take(_NIBBLE)) < 10:  # noqa: PLR2004
            text += str(nibble)
        if nibble == _DELIMITER:
            text += Text(self.length_bits, self.most).read(bits)
        elif nibble != _TERMINATOR:
            raise Impossible(f"{nibble:X} where a digit or the end of digits belongs")
        if not 0 < len(text) <= self.most:
            raise Impossible(f"{len(text)} characters, of 1 to {self.most}")
        return text

    def write(self, value: str, bits: Bits) -> None:
        if not 0 < len(value) <= self.most or not value.isascii():
            raise Impossible(f"{value!r} is not of 1 to {self.most} of GS1's characters")
        rest = value.lstrip(string.digits)
        for digit in value[: len(value) - len(rest)]:
            bits.put(int(digit), _NIBBLE)
        bits.put(_DELIMITER if rest else _TERMINATOR, _NIBBLE)
        if rest:
            Text(self.length_bits, self.most).write(rest, bits)
