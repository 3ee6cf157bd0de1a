"""Separators that were mangled on their way, put back; what is put back is always said.

Keyboard wedges, terminals and web pages show control characters by names and signs. Only what
cannot be meant as data is read as a separator here; substitutes that could be are the business of
the format that knows where a separator has to stand.
"""

import re
from typing import Final, NamedTuple

GS: Final = "\x1d"
RS: Final = "\x1e"
EOT: Final = "\x04"

_NAMES: Final = {"GS": GS, "RS": RS, "EOT": EOT, "FNC1": GS, "FS": "\x1c", "US": "\x1f"}
_CODES: Final = {"1D": GS, "1E": RS, "04": EOT, "1C": "\x1c", "1F": "\x1f"}
_SIGNS: Final = {
    "\u241d": GS,
    "\u241e": RS,
    "\u2404": EOT,
    "\u241c": "\x1c",
    "\u241f": "\x1f",
    "^]": GS,
    "^^": RS,
    "^D": EOT,
    "^\\": "\x1c",
    "^_": "\x1f",
    "\\035": GS,
    "\\036": RS,
    "\\004": EOT,
    "\\F": GS,
    "~d029": GS,
    "~d030": RS,
    "~d004": EOT,
}
_MANGLED = re.compile(
    r"[<{\[](?:(?P<name>GS|RS|EOT|FNC1|FS|US|gs|rs|eot|fnc1)|(?:0x|0X)?(?P<code>1[CDEFcdef]))[>}\]]"
    r"|\\(?:x|u00)(?P<hex>1[cdefCDEF]|04)"
    r"|\^[\]^D\\_](?![a-z])|\\(?:035|036|004|F(?=[0-9]))|~d0(?:29|30|04)"
    "|[\u2404\u241c-\u241f]"
)
_SUSPICIOUS = re.compile("[<{\\[\\\\^~\u2404\u241c-\u241f]")
"""What a separator that is written out has in it: nothing else is looked at."""


class Readable(NamedTuple):
    """A text with its separators, and what was taken for them; nothing where nothing was."""

    text: str
    taken: tuple[str, ...]


def readable(text: str) -> Readable:
    """Put back the separators that are written out."""
    if _SUSPICIOUS.search(text) is None:
        return Readable(text, ())
    taken: dict[str, None] = {}

    def put_back(found: re.Match[str]) -> str:
        taken[found[0]] = None
        if found["name"]:
            return _NAMES[found["name"].upper()]
        if code := found["code"] or found["hex"]:
            return _CODES[code.upper()]
        return _SIGNS[found[0]]

    back = _MANGLED.sub(put_back, text)
    return Readable(back, tuple(taken))


def recovered(taken: tuple[str, ...] | str, what: str = "separators") -> str:
    """Word the warning: it begins with `recovered`, so that a program can find it."""
    words = ", ".join(repr(one) for one in ((taken,) if isinstance(taken, str) else taken))
    return f"recovered: {words} read as {what}"
