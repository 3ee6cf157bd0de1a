"""The hostname in a "++" tag (TDS 2.3, 14.5.16), with its optimisation tables 14-11 to 14-15.

The tables are not in the published translation files; they stand here as two implementations give
them that agree with each other and with the examples of TDS 2.3, annex E.3.
"""

import string
from typing import Final

from edge_agent.labels.epc_values import Bits, Cursor, read_code40, write_code40
from edge_agent.labels.tag import Impossible

LENGTH_BITS: Final = 6
CHARACTER_BITS: Final = 7

SHORT: Final = {
    0x1E: "qr.",
    0x1F: "www.",
    0x20: "id.",
    0x5B: ".com",
    0x5C: ".org",
    0x5D: ".net",
    0x5E: ".int",
    0x60: ".edu",
    0x7B: ".gov",
    0x7C: ".mil",
    0x7D: ".biz",
    0x7E: ".eco",
    0x7F: ".med",
}
"""Code -> what it stands for, where ASCII has a character that no hostname has (table A)."""

LONG: Final = (
    (
        "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo "
        "bq br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk "
        "dm do dz ec ee eg eh er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq "
        "gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh "
        "ki km kn kp kr kw ky kz la lb lc li"
    ),
    (
        "lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz "
        "na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re "
        "ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn sr ss st su sv sx sy sz tc td tf tg th "
        "tj tk tl tm tn to tr tt tv tw tz ua ug us uy uz va vc ve vg vi vn vu wf ws ye yt za zm "
        "zw"
    ),
    (
        "com.au net.au org.au co.at com.bd co.bd com.br net.br co.nz com.ng com.pk co.in com.in "
        "co.il co.jp co.za co.kr com.es com.lk co.th co.tt com.tt com.tr biz.tr com.ua co.uk "
        "co.zm com.zm com.cn org.cn net.cn gov.cn"
    ),
    "tech",
)
"""First code -> endings by the second one, each with a dot in front (tables B1 to B4)."""

_CHARACTERS = string.ascii_letters + string.digits + "-._"
_LABEL = frozenset(string.ascii_letters + string.digits + "-_")


def read_hostname(bits: Cursor) -> str:
    """Read a hostname; Impossible for what is none."""
    seven = bits.take(1)
    left = bits.take(LENGTH_BITS)
    if not seven:
        return _plausible(read_code40(bits, left).lower())
    name = ""
    while left > 0:
        left -= 1
        code = bits.take(CHARACTER_BITS)
        if code < len(LONG):
            left -= 1
            endings = LONG[code].split()
            second = bits.take(CHARACTER_BITS)
            if second >= len(endings) or left < 0:
                raise Impossible("no ending of a hostname has this number")
            name += "." + endings[second]
        elif code in SHORT:
            name += SHORT[code]
        elif chr(code) in _CHARACTERS:
            name += chr(code)
        else:
            raise Impossible(f"{chr(code)!r} is in no hostname")
    return _plausible(name)


def write_hostname(name: str, bits: Bits) -> None:
    """Append a hostname, with the shortest of its parts' codes (14.5.16); Impossible for others."""
    _plausible(name)
    codes: list[int] = []
    shorts = {text: [code] for code, text in SHORT.items()}
    longs = {
        "." + ending: [table, number]
        for table, endings in enumerate(LONG)
        for number, ending in enumerate(endings.split())
    }
    at = 0
    while at < len(name):
        rest = name[at:]
        # an ending is one of the whole name only, a beginning one of its beginning
        known = longs.get(rest) or shorts.get(rest)
        if known is None and at == 0:
            starts = (text for text in shorts if text.endswith(".") and name.startswith(text))
            rest = next(starts, "")
            known = shorts.get(rest)
        if known is None:
            known, rest = [ord(name[at])], name[at]
        codes += known
        at += len(rest)
    if len(codes) >= 1 << LENGTH_BITS:
        raise Impossible(f"hostname {name!r} is too long")
    bits.put(1, 1)
    bits.put(len(codes), LENGTH_BITS)
    for code in codes:
        bits.put(code, CHARACTER_BITS)


def write_hostname40(name: str, bits: Bits) -> None:
    """Append a hostname in URN Code 40, which has no small letters and no tables."""
    if len(name) >= 1 << LENGTH_BITS or "_" in _plausible(name):
        raise Impossible(f"hostname {name!r} is too long, or has what URN Code 40 has not")
    bits.put(len(name), 1 + LENGTH_BITS)
    write_code40(name.upper(), bits)


def _plausible(name: str) -> str:
    """Hold a name against what a host may be called: so no raw number is taken for one."""
    labels = name.split(".")
    if len(labels) == 1 or not all(label and _LABEL.issuperset(label) for label in labels):
        raise Impossible(f"{name!r} is no hostname")
    return name
