"""Tag URIs of every classic scheme, drawn at random with a liking for the edges.

What is drawn comes from the URI syntax of the standard (TDS 6 and 12), not from the code under
test: digits and characters are counted here again.
"""

from collections.abc import Callable
from random import Random

PADDED = {
    "sgtin-96": 13,
    "sgtin-198": 13,
    "sscc-96": 17,
    "sgln-96": 12,
    "sgln-195": 12,
    "grai-96": 12,
    "grai-170": 12,
    "gsrn-96": 17,
    "gsrnp-96": 17,
    "gdti-96": 12,
    "gdti-113": 12,
    "gdti-174": 12,
    "sgcn-96": 12,
    "itip-110": 13,
    "itip-212": 13,
}
"""Scheme -> digits of company prefix and reference together."""

NUMBERS = {"sgtin-96": 38, "sgln-96": 41, "grai-96": 38, "gdti-96": 41, "itip-110": 38}
TEXTS = {"sgtin-198": 20, "sgln-195": 20, "grai-170": 16, "gdti-174": 17, "itip-212": 20}
DIGITS = {"gdti-113": 17, "sgcn-96": 12}
GIAI_96_BITS = {12: 42, 11: 45, 10: 48, 9: 52, 8: 55, 7: 58, 6: 62}

CHARACTERS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
PART = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-/"
CAGE = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ESCAPES = {character: f"%{ord(character):02X}" for character in '"%&/<>?#'}

SCHEMES = (
    *PADDED,
    "giai-96",
    "giai-202",
    "cpi-96",
    "cpi-var",
    "gid-96",
    "usdod-96",
    "adi-var",
)


def below(draw: Random, limit: int) -> int:
    return draw.choice((0, 1, limit - 1, draw.randrange(limit), draw.randrange(limit)))


def digits(draw: Random, count: int) -> str:
    return f"{below(draw, 10**count):0{count}d}" if count else ""


def text(draw: Random, characters: str, least: int, most: int) -> str:
    length = draw.choice((least, most, draw.randint(least, most)))
    return "".join(draw.choice(characters) for _ in range(length))


def escaped(plain: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in plain)


def padded(draw: Random, scheme: str) -> str:
    company = draw.randint(6, 12)
    body = f"{digits(draw, company)}.{digits(draw, PADDED[scheme] - company)}"
    if scheme.startswith("itip"):
        body += f".{digits(draw, 2)}.{digits(draw, 2)}"
    if scheme in NUMBERS:
        body += f".{below(draw, 1 << NUMBERS[scheme])}"
    elif scheme in TEXTS:
        body += "." + escaped(text(draw, CHARACTERS, 1, TEXTS[scheme]))
    elif scheme in DIGITS:
        body += "." + digits(draw, draw.randint(1, DIGITS[scheme]))
    return body


def giai(draw: Random, scheme: str) -> str:
    company = draw.randint(6, 12)
    asset = str(below(draw, 1 << GIAI_96_BITS[company]))
    if scheme == "giai-202":
        asset = escaped(text(draw, CHARACTERS, 1, 30 - company))
    return f"{digits(draw, company)}.{asset}"


def cpi(draw: Random, scheme: str) -> str:
    company = draw.randint(6, 12)
    part, serial = str(below(draw, 10 ** (15 - company))), below(draw, 1 << 31)
    if scheme == "cpi-var":
        part, serial = escaped(text(draw, PART + "#", 1, 30 - company)), below(draw, 10**12)
    return f"{digits(draw, company)}.{part}.{serial}"


def gid(draw: Random, _scheme: str) -> str:
    return f"{below(draw, 1 << 28)}.{below(draw, 1 << 24)}.{below(draw, 1 << 36)}"


def usdod(draw: Random, _scheme: str) -> str:
    return f"{text(draw, CAGE, 5, 6)}.{below(draw, 1 << 36)}"


def adi(draw: Random, _scheme: str) -> str:
    part, serial = text(draw, PART, 0, 32), text(draw, PART, 1, 29)
    return f"{text(draw, CAGE, 5, 6)}.{escaped(part)}.{escaped(draw.choice(('', '#')) + serial)}"


BODIES: dict[str, Callable[[Random, str], str]] = {
    "giai": giai,
    "cpi": cpi,
    "gid": gid,
    "usdod": usdod,
    "adi": adi,
}
FILTERS = {"usdod-96": 16, "adi-var": 64}


def tag_uri(draw: Random, scheme: str) -> str:
    """Draw a tag URI of a scheme."""
    body = BODIES.get(scheme.partition("-")[0], padded)(draw, scheme)
    lead = "" if scheme == "gid-96" else f"{draw.randrange(FILTERS.get(scheme, 8))}."
    return f"urn:epc:tag:{scheme}:{lead}{body}"


def identity_uri(tag: str) -> str:
    """Give the pure identity URI of a tag URI."""
    scheme, _, body = tag.removeprefix("urn:epc:tag:").partition(":")
    if scheme != "gid-96":
        body = body.partition(".")[2]
    return f"urn:epc:id:{scheme.partition('-')[0]}:{body}"
