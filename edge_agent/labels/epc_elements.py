"""Application identifiers in the bits of a "+" tag: which stands how, and one behind the other.

TDS 2.0: Table F says how each value stands, 15.3 how further ones follow the EPC.
"""

from functools import cache
from typing import Final

from edge_agent.labels.epc_moments import DATE, MINUTE, Country, Flag, Precision, Range, Sequence
from edge_agent.labels.epc_schemes import AI_DIGITS, VALUES
from edge_agent.labels.epc_values import (
    Bits,
    Cursor,
    Delimited,
    Digits,
    Form,
    Nibbles,
    Number,
    Text,
)
from edge_agent.labels.tag import Impossible, check_digit

_NIBBLE = 4
_KEY_BITS = 8
_CHECKED: Final = {
    "00": 18,
    "01": 14,
    "02": 14,
    "253": 13,
    "255": 13,
    "402": 17,
    "410": 13,
    "411": 13,
    "412": 13,
    "413": 13,
    "414": 13,
    "415": 13,
    "416": 13,
    "417": 13,
    "8003": 14,
    "8006": 14,
    "8017": 18,
    "8018": 18,
    "8026": 14,
}
"""AI -> how many of its digits end with a check digit (GS1 General Specifications)."""


def _expanded(names: str) -> list[str]:
    found = []
    for name in names.split():
        first, _, last = name.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        found += [f"{number:0{len(first)}d}" for number in numbers]
    return found


@cache
def _forms() -> dict[str, tuple[Form, ...]]:
    """Give AI -> how the one or two components of its value stand."""
    return {
        ai: tuple(_form(*component.split()) for component in form.split(" + "))
        for form, ais in VALUES.items()
        for ai in _expanded(ais)
    }


def _form(kind: str, *numbers: str) -> Form:
    one, two = (*map(int, numbers), 0, 0)[:2]
    forms: dict[str, Form] = {
        "nibbles": Nibbles(one),
        "digits": Digits(one, two),
        "text": Text(one, two),
        "number": Number(one, two),
        "delimited": Delimited(one, two),
        "date": DATE,
        "minute": MINUTE,
        "range": Range(),
        "precision": Precision(),
        "country": Country(),
        "bit": Flag(("0", "1")),
        "sign": Flag(("", "-")),
        "sequence": Sequence(),
    }
    return forms[kind]


@cache
def _key_digits() -> dict[str, int]:
    """Give the first two digits of an AI -> how many it has (Table K)."""
    return {start: length for length, starts in AI_DIGITS.items() for start in _expanded(starts)}


def read_value(ai: str, bits: Cursor) -> str:
    """Read the value of an AI; Impossible for a wrong check digit too."""
    forms = _forms().get(ai)
    if forms is None:
        raise Impossible(f"({ai}) has no place in an EPC")
    return _checked(ai, "".join(form.read(bits) for form in forms))


def write_value(ai: str, value: str, bits: Bits) -> None:
    """Append the value of an AI."""
    forms = _forms().get(ai)
    if forms is None:
        raise Impossible(f"({ai}) has no place in an EPC")
    _checked(ai, value)
    first = forms[0]
    if len(forms) > 1 and isinstance(first, Nibbles | Digits):
        first.write(value[: first.digits], bits)
        forms[1].write(value[first.digits :], bits)
    else:
        first.write(value, bits)


def read_elements(bits: Cursor) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the AIs behind an EPC (15.3) up to zero bits; what cannot be read is a warning."""
    found: dict[str, str] = {}
    try:
        while bits.left >= _KEY_BITS and bits.rest:
            ai = _read_ai(bits)
            found[ai] = read_value(ai, bits)
    except Impossible as error:
        return found, (f"further data was left out: {error}",)
    return found, ()


def _read_ai(bits: Cursor) -> str:
    ai = f"{bits.take(_KEY_BITS):02X}"
    more = _key_digits().get(ai, 0) - len(ai)
    if more < 0:
        raise Impossible(f"no AI begins with {ai}")
    return ai + (f"{bits.take(_NIBBLE * more):0{more}X}" if more else "")


def write_elements(values: dict[str, str], bits: Bits) -> None:
    """Append further AIs with their values."""
    for ai, value in values.items():
        if _key_digits().get(ai[:2]) != len(ai):
            raise Impossible(f"({ai}) is no AI")
        bits.put(int(ai, 16), _NIBBLE * len(ai))
        write_value(ai, value, bits)


def _checked(ai: str, value: str) -> str:
    length = _CHECKED.get(ai)
    if length is not None:
        right = check_digit(value[: length - 1])
        if value[length - 1 : length] != right:
            raise Impossible(f"({ai}){value}: its check digit should be {right}")
    if ai == "8003" and value[0] != "0":
        raise Impossible(f"({ai}){value}: it begins with 0")
    return value
