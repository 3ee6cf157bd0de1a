"""What a part of a GS1 element must be beyond its characters: check digits, dates, codes.

Each check takes the part and says what is wrong with it; nothing where it is right. The names are
those of the GS1 syntax dictionary, the rules those of the GS1 General Specifications.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from edge_agent.labels.gs1_lists import COUNTRIES, CURRENCIES, LETTERS, PACKAGES

Check = Callable[[str], str]

CSET82: Final = "".join(
    ("!\"%&'()", "*+,-./", digits, ":;<=>?", ascii_uppercase, "_", ascii_lowercase)
)
"""GS1 General Specifications 7.11, table 1, in the order that its check characters count in."""

_CSET32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (
    *(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37),
    *(41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83),
)
_GCP_DIGITS = 4
_LEAP_YEAR = 2000
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_digit(digits: str) -> str:
    """Give the check digit that belongs behind these digits (7.9: from the right 3, 1, 3, ...)."""
    codes = digits.encode()
    return "0987654321"[(3 * sum(codes[::-2]) + sum(codes[-2::-2]) - _ZEROS[len(codes) & 63]) % 10]


_ZEROS = tuple(48 * (3 * ((n + 1) // 2) + n // 2) % 10 for n in range(64))


def _csum(part: str) -> str:
    digit = check_digit(part[:-1])
    return "" if digit == part[-1] else f"the check digit of {part} should be {digit}"


def check_pair(text: str) -> str:
    """Give the check characters of a GMN (7.9.5: primes from the right, modulo 1021 and 32)."""
    total = sum(
        CSET82.index(one) * prime for one, prime in zip(reversed(text), _PRIMES, strict=False)
    )
    total %= 1021
    return _CSET32[total >> 5] + _CSET32[total & 31]


def _csumalpha(part: str) -> str:
    if len(part) <= 2:  # noqa: PLR2004 - the pair itself
        return f"{part} is too short for its two check characters"
    if len(part) - 2 > len(_PRIMES):
        return f"{part} is too long for its two check characters"
    pair = check_pair(part[:-2])
    return "" if pair == part[-2:] else f"the check characters of {part} should be {pair}"


def _company_prefix(part: str) -> str:
    if part[:_GCP_DIGITS].isdecimal() and len(part) >= _GCP_DIGITS:
        return ""
    return f"{part} does not begin with a GS1 company prefix"


def _date(year: int, month: str, day: str, *, open_end: bool) -> str:
    if not "01" <= month <= "12":
        return f"{month} is no month"
    if day == "00" and open_end:
        return ""
    if not 1 <= int(day) <= monthrange(year, int(month))[1]:
        return f"{day} is no day of month {month}"
    return ""


def _yymmdd(part: str) -> str:
    return _date(_LEAP_YEAR + int(part[:2]), part[2:4], part[4:6], open_end=False)


def _yymmd0(part: str) -> str:
    return _date(_LEAP_YEAR + int(part[:2]), part[2:4], part[4:6], open_end=True)


def _yyyymmdd(part: str) -> str:
    if part[:4] == "0000":
        return "0000 is no year"
    return _date(int(part[:4]), part[4:6], part[6:8], open_end=False)


def _below(limit: int, what: str) -> Check:
    def check(part: str) -> str:
        return "" if int(part) < limit else f"{part} is no {what}"

    return check


_hour, _minute, _second = _below(24, "hour"), _below(60, "minute"), _below(60, "second")


def _hhmi(part: str) -> str:
    return _hour(part[:2]) or _minute(part[2:])


def _in(known: frozenset[str], what: str) -> Check:
    def check(part: str) -> str:
        return "" if part in known else f"{part} is no {what}"

    return check


def _piece_of_total(part: str) -> str:
    piece, total = part[:2], part[2:]
    if "00" < piece <= total:
        return ""
    return f"{piece} of {total} is no piece of a total"


def _position(part: str) -> str:
    if part[1:2] == "/" and "1" <= part[0] <= part[2:] <= "9":
        return ""
    return f"{part} is no position in a sequence, such as 1/3"


def _iban(part: str) -> str:
    if len(part) <= _GCP_DIGITS or not (part.isascii() and part.isalnum() and part.isupper()):
        return f"{part} is no IBAN"
    if part[:2] not in LETTERS or not part[2:4].isdecimal():
        return f"{part} is no IBAN: it begins with a country and two digits"
    turned = "".join(str(int(one, 36)) for one in part[4:] + part[:4])
    return "" if int(turned) % 97 == 1 else f"{part} is no IBAN: its check digits are wrong"


def _rule(holds: Callable[[str], bool], what: str) -> Check:
    def check(part: str) -> str:
        return "" if holds(part) else f"{part} {what}"

    return check


_PREFIX = r"(?:0\d{6}|1\d{7}|2\d{8}|3\d{9}|4\d{10}|5\d{11}|6\d{12})"
_VALUE = r"(?:1\d|2\d{2}|3\d{3}|4\d{4}|5\d{5})"
_SERIAL = r"(?:0\d{6}|1\d{7}|2\d{8}|3\d{9}|4\d{10}|5\d{11}|6\d{12}|7\d{13}|8\d{14}|9\d{15})"
_RETAILER = r"(?:1\d{7}|2\d{8}|3\d{9}|4\d{10}|5\d{11}|6\d{12}|7\d{13})"
_MORE = rf"{_VALUE}[0-49]\d{{3}}(?:{_PREFIX}|9)"
_COUPON = re.compile(
    rf"{_PREFIX}\d{{6}}{_VALUE}{_VALUE}[0-49]\d{{3}}(?:1[0-3]{_MORE})?(?:2{_MORE})?"
    rf"(?:3(?P<ends>\d{{6}}))?(?:4(?P<begins>\d{{6}}))?(?:5{_SERIAL})?(?:6{_RETAILER})?"
    r"(?:9[01256][0-2]\d[01])?"
)
_OFFER = re.compile(rf"[01]{_PREFIX}\d{{6}}{_SERIAL}")


def _coupon(part: str) -> str:
    found = _COUPON.fullmatch(part)
    if found is None:
        return f"{part} is no coupon of North America"
    return next((_yymmdd(one) for one in found.group("ends", "begins") if one), "")


_MEDIA = frozenset(f"{one:02}" for one in (*range(1, 11), *range(80, 100)))
_DEGREES = 1_800_000_000

CHECKS: Final[dict[str, Check]] = {
    "csum": _csum,
    "csumalpha": _csumalpha,
    "gcppos1": _company_prefix,
    "gcppos2": _rule(lambda part: part[1:].isdecimal(), "has no GS1 company prefix"),
    "yymmdd": _yymmdd,
    "yymmd0": _yymmd0,
    "yyyymmdd": _yyyymmdd,
    "hh": _hour,
    "mi": _minute,
    "ss": _second,
    "hhmi": _hhmi,
    "iso3166": _in(COUNTRIES, "country (ISO 3166)"),
    "iso3166999": _in(COUNTRIES | {"999"}, "country (ISO 3166, or 999)"),
    "iso3166alpha2": _in(LETTERS, "country (ISO 3166, two letters)"),
    "iso4217": _in(CURRENCIES, "currency (ISO 4217)"),
    "iso5218": _in(frozenset("0129"), "sex (ISO 5218)"),
    "packagetype": _in(PACKAGES, "package type"),
    "mediatype": _in(_MEDIA, "type of an AIDC medium"),
    "winding": _in(frozenset("019"), "direction of winding"),
    "yesno": _in(frozenset("01"), "yes (1) or no (0)"),
    "hyphen": _in(frozenset("-"), "hyphen"),
    "zero": _in(frozenset("0"), "zero"),
    "nonzero": _rule(lambda part: part.strip("0") != "", "must not be zero"),
    "nozeroprefix": _rule(lambda part: part[:1] != "0" or part == "0", "must not begin with 0"),
    "hasnondigit": _rule(lambda part: not part.isdecimal(), "must not be digits alone"),
    "importeridx": _rule(
        lambda part: part.isascii() and (part.isalnum() or part in "-_"), "is no importer index"
    ),
    "latitude": _rule(lambda part: int(part) <= _DEGREES, "is no latitude"),
    "longitude": _rule(lambda part: int(part) <= 2 * _DEGREES, "is no longitude"),
    "pieceoftotal": _piece_of_total,
    "posinseqslash": _position,
    "pcenc": _rule(lambda part: _PERCENT.search(part) is None, "has a % without two hex digits"),
    "iban": _iban,
    "couponcode": _coupon,
    "couponposoffer": _rule(
        lambda part: _OFFER.fullmatch(part) is not None, "is no offer of a positive file"
    ),
}
"""Name in the dictionary -> check."""
