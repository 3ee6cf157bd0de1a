"""Dates, times and other small values in the bits of a "+" tag (TDS 2.0, 14.5.7 to 14.5.15)."""

import string
from datetime import date
from typing import Final, NamedTuple

from edge_agent.labels.epc_values import Bits, Cursor, only_digits
from edge_agent.labels.tag import Impossible

_DAY = (7, 4, 5)
_TIME = (5, 6, 6)
_TIME_MAX = (23, 59, 59)
_DATE_DIGITS = 6
_DATE_ONLY = 3
_LETTER_BITS = 6
_SEQUENCE_MAX = 9


class Moment(NamedTuple):
    """YYMMDD and perhaps hhmmss or the first of it, each pair of digits in its own bits."""

    widths: tuple[int, ...]

    def read(self, bits: Cursor) -> str:
        text = "".join(f"{bits.take(width):02d}" for width in self.widths)
        return self._checked(text)

    def write(self, value: str, bits: Bits) -> None:
        self._checked(value)
        for at, width in enumerate(self.widths):
            bits.put(int(value[2 * at : 2 * at + 2]), width)

    def _checked(self, text: str) -> str:
        digits = 2 * len(self.widths)
        only_digits(text, digits, digits)
        year, month, day, *time = (int(text[at : at + 2]) for at in range(0, digits, 2))
        try:
            # day 00 is the last of its month (General Specifications 3.4)
            date(2000 + year, month, day or 1)
        except ValueError:
            raise Impossible(f"{text} is no date") from None
        if any(part > most for part, most in zip(time, _TIME_MAX, strict=False)):
            raise Impossible(f"{text} has no such time")
        return text


DATE: Final = Moment(_DAY)
MINUTE: Final = Moment(_DAY + _TIME[:2])


class Range(NamedTuple):
    """One date or two, behind a bit that says which (14.5.10)."""

    def read(self, bits: Cursor) -> str:
        return DATE.read(bits) + DATE.read(bits) if bits.take(1) else DATE.read(bits)

    def write(self, value: str, bits: Bits) -> None:
        two = len(value) > _DATE_DIGITS
        bits.put(two, 1)
        DATE.write(value[:_DATE_DIGITS], bits)
        if two:
            DATE.write(value[_DATE_DIGITS:], bits)


class Precision(NamedTuple):
    """A date with hours, minutes or seconds, or with none, behind two bits (14.5.11)."""

    def read(self, bits: Cursor) -> str:
        parts = (bits.take(2) + 1) % (_DATE_ONLY + 1)
        return Moment(_DAY + _TIME[:parts]).read(bits)

    def write(self, value: str, bits: Bits) -> None:
        parts = (len(value) - _DATE_DIGITS) // 2
        if not 0 <= parts <= len(_TIME):
            raise Impossible(f"{value!r} is no date with a time")
        bits.put((parts - 1) % (_DATE_ONLY + 1), 2)
        Moment(_DAY + _TIME[:parts]).write(value, bits)


class Country(NamedTuple):
    """Two letters of ISO 3166-1 (14.5.12)."""

    def read(self, bits: Cursor) -> str:
        letters = [bits.take(_LETTER_BITS), bits.take(_LETTER_BITS)]
        if max(letters) >= len(string.ascii_uppercase):
            raise Impossible("a country has two capital letters")
        return "".join(string.ascii_uppercase[letter] for letter in letters)

    def write(self, value: str, bits: Bits) -> None:
        if len(value) != len("DE") or not set(value) <= set(string.ascii_uppercase):
            raise Impossible(f"{value!r}: a country has two capital letters")
        for letter in value:
            bits.put(string.ascii_uppercase.index(letter), _LETTER_BITS)


class Flag(NamedTuple):
    """One bit: 0 or 1 (14.5.7), or whether a minus sign follows (14.5.14)."""

    texts: tuple[str, str]

    def read(self, bits: Cursor) -> str:
        return self.texts[bits.take(1)]

    def write(self, value: str, bits: Bits) -> None:
        if value not in self.texts:
            raise Impossible(f"{value!r} is neither {self.texts[0]!r} nor {self.texts[1]!r}")
        bits.put(self.texts.index(value), 1)


class Sequence(NamedTuple):
    """One digit of another, as 2/3 (14.5.15)."""

    def read(self, bits: Cursor) -> str:
        one, of = bits.take(4), bits.take(4)
        if not (0 < one <= _SEQUENCE_MAX and 0 < of <= _SEQUENCE_MAX):
            raise Impossible("a sequence has two digits that are not 0")
        return f"{one}/{of}"

    def write(self, value: str, bits: Bits) -> None:
        one, _, of = value.partition("/")
        for digit in (one, of):
            if digit == "0":
                raise Impossible(f"{value!r}: a sequence has two digits that are not 0")
            bits.put(int(only_digits(digit, 1, 1)), 4)
