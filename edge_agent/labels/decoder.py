"""Says what a read is: picks the decoder by symbology, mark and look, and never raises.

Rules:
1. What the plant has declared comes first: its layouts, then its prefixes.
2. The symbology identifier decides what a text claims to be. Without one a text must show it: by an
   envelope, an address, a separator, or a key with the right check digit; each of these is said.
3. What claims to be something and is not is an error, never something else.
4. Separators that were put back are a warning that begins with `recovered`.
"""

import re
from collections.abc import Mapping
from typing import Final

from edge_agent.labels import aim, digital_link, epc, gs1, iso1736x, label, mh10
from edge_agent.labels.aim import Decode
from edge_agent.labels.label import Label
from edge_agent.labels.layout import Layout
from edge_agent.labels.pc_word import split_pc
from edge_agent.labels.recover import GS, readable, recovered
from edge_agent.labels.tag import Tag, octets

TEXT_MAX: Final = 16_384
"""Characters of a text that are looked at: no symbol holds more; beyond it is an error."""

PREFIXES: Final[dict[str, str]] = {
    "K:": "card",
    "C:": "container",
    "E:": "badge",
    "P:": "place",
    "R:": "reason",
    "X:": "command",
}
"""What a plant's own texts begin with, and what they are."""

PC_DIGITS: Final = 4
"""A PC word is sixteen bits."""

_HEX = frozenset("0123456789abcdefABCDEF")
_TAIL = "\r\n\t"
_ECI_SYMBOLS = frozenset(("]Q2", "]Q4", "]Q6", "]d4", "]d5", "]d6", "]d8", "]L1"))
_ECI = re.compile(r"\\(?:[0-9]{6}|\\)")
_ITF = frozenset(("]I0", "]I1"))
_BRACKET = re.compile(r"\(([0-9]{2,4})\)")
_CARET = re.compile(r"\^[0-9]{2}")
_NOT_IN_82 = re.compile("[^!\"%&'+()*,\\-./0-9:;<=>?A-Z_a-z]")
_KEYS = ("00", "01", "02", "8003", "8006", "8017", "8018", "253", "414")
_COMPOSITE = "|]e0"
_OPAQUE = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-./_"
_KEY_BYTES = tuple(one.encode() for one in _KEYS)


class Decoder:
    """Decodes texts of scanners, by what a plant has declared.

    `layouts` are tried in their order; `prefixes` name what a plant's own texts begin with;
    `di_symbols` are symbology identifiers whose texts are single data identifiers, beside those of
    Code 39.
    """

    def __init__(
        self,
        layouts: tuple[Layout, ...] = (),
        prefixes: Mapping[str, str] = PREFIXES,
        di_symbols: frozenset[str] = frozenset(),
    ) -> None:
        self._layouts = layouts
        self._prefixes = tuple(prefixes.items())
        self._di_symbols = di_symbols

    def text(self, text: str, symbol: str | None = None) -> Label:
        """Say what a text is; an identifier in front of it is taken for `symbol` where none is."""
        if symbol is None and text[:1] == "]":
            symbol, text = _parted(text)
        if len(text) > TEXT_MAX:
            what = f"{len(text)} characters, and no symbol holds more than {TEXT_MAX}"
            return Label(label.PLAIN, symbol, {}, {}, (), what)
        for one in self._layouts:
            if one.claims(text, symbol):
                fields, error = one.read(text)
                return Label(label.LAYOUT + one.name, symbol, {}, {**fields}, (), error)
        decode = Decode.INSPECT if symbol is None else aim.symbology(symbol).decode
        if symbol in self._di_symbols:
            decode = Decode.DI
        text = text.rstrip(_TAIL)
        if symbol in _ECI_SYMBOLS and "\\" in text:
            text = _ECI.sub(lambda found: "\\" if found[0] == "\\\\" else "", text)
        match decode:
            case Decode.GS1:
                return _element_string(text, symbol)
            case Decode.GTIN:
                return _article(text, symbol)
            case Decode.DI:
                return _identifier(text, symbol) or self._inspected(text, symbol)
            case _:
                return self._inspected(text, symbol)

    def is_opaque(self, text: bytes) -> bool:
        """Say whether a text without an identifier is plain, before anything is made of it.

        No mark, no separator, no key of GS1's: most cards of a plant are such.
        """
        return not (self._layouts or text.startswith(_KEY_BYTES) or text.translate(None, _OPAQUE))

    def tag(self, words: str, pc: str | None = None) -> Label:
        """Say what a tag is, by its words and its PC word, both in hexadecimal.

        Without a PC word its header decides, then whether it can be six-bit text; a number that is
        neither is passed on as it is.
        """
        control = _pc_word(pc)
        if control is None and pc:
            return Label(label.EPC, None, {}, {}, (), f"pc: {pc[:8]!r} is not four hex digits")
        if control is not None and split_pc(control).toggle:
            return _of_uii(iso1736x.decode(words, control))
        found = epc.decode(words, control)
        if found.scheme is None and found.error is None:
            if control is None and (raw := octets(words)) and iso1736x.could_be_text(raw):
                return _of_uii(iso1736x.decode(raw))
            return Label(label.PLAIN, None, {"epc": words.upper()}, {}, found.warnings)
        return _of_epc(found)

    def _inspected(self, text: str, symbol: str | None) -> Label:
        for prefix, kind in self._prefixes:
            if text.startswith(prefix):
                return Label(label.PLAIN, symbol, {kind: text}, {})
        back, taken = readable(text)
        said = (recovered(taken),) if taken else ()
        found = (
            _enveloped(back, symbol, said)
            or _linked(text, symbol)
            or _itf(text, symbol)
            or _shown(text, back, symbol, said)
            or _bare(back, symbol)
        )
        return found or Label(label.PLAIN, symbol, {}, {})


def _parted(text: str) -> tuple[str | None, str]:
    symbol, _ = aim.split(text[:12].encode("latin-1", "replace"))
    return (None, text) if symbol is None else (symbol, text[len(symbol) :])


def _of_elements(
    found: gs1.Elements, symbol: str | None, said: tuple[str, ...] = (), kind: str = label.GS1
) -> Label:
    warnings = said + found.warnings if said else found.warnings
    fields: mh10.Fields = found.fields  # type: ignore[assignment] # nobody writes into it
    return Label(kind, symbol, gs1.ids(found.fields), fields, warnings, found.error)


def _of_groups(
    found: mh10.Message, symbol: str | None, kind: str, said: tuple[str, ...] = ()
) -> Label:
    return Label(
        kind, symbol, mh10.ids(found.fields), found.fields, said + found.warnings, found.error
    )


# -- tags ------------------------------------------------------------------------------------------


def _pc_word(pc: str | None) -> int | None:
    """Read a PC word; None when it is none."""
    digits = (pc or "").removeprefix("0x")
    if len(digits) != PC_DIGITS or not set(digits) <= _HEX:
        return None
    return int(digits, 16)


def _of_epc(tag: Tag) -> Label:
    names = {"uri": tag.uri, "tag_uri": tag.tag_uri, "digital_link": tag.digital_link}
    ids = {name: one for name, one in names.items() if one is not None}
    fields: mh10.Fields = tag.fields  # type: ignore[assignment] # nobody writes into it
    return Label(label.EPC, None, ids | gs1.ids(tag.fields), fields, tag.warnings, tag.error)


def _of_uii(uii: iso1736x.Uii) -> Label:
    if uii.error is not None:
        return Label(label.ISO1736X, None, {}, {}, uii.warnings, uii.error)
    found = mh10.single(uii.text)
    ids = {"text": uii.text} | ({} if uii.meaning is None else {"object": uii.meaning})
    if found is None:
        doubt = ("it begins with no data identifier",)
        return Label(label.ISO1736X, None, ids, {}, uii.warnings + doubt)
    warnings = uii.warnings + found.warnings
    return Label(label.ISO1736X, None, ids | mh10.ids(found.fields), found.fields, warnings)


# -- what the symbology says -----------------------------------------------------------------------


def _element_string(text: str, symbol: str | None) -> Label:
    back, taken = readable(text)
    said = (recovered(taken),) if taken else ()
    found = gs1.elements(back)
    if found.error is None:
        return _of_elements(found, symbol, said)
    if back[:1] == GS:
        again = gs1.elements(back[1:])
        if again.error is None:
            lead = ("a separator before the first element",)
            return _of_elements(again, symbol, said + lead)
    for sign in dict.fromkeys(_NOT_IN_82.findall(text)):
        again = gs1.elements(text.replace(sign, GS).removeprefix(GS))
        if again.error is None and sign != GS:
            return _of_elements(again, symbol, (recovered(sign, "separator"),))
    return _of_elements(found, symbol)


def _article(text: str, symbol: str | None) -> Label:
    """Read the number of an EAN or UPC symbol, with its add-on or its composite if there is one."""
    primary, bar, composite = text.partition(_COMPOSITE)
    said: tuple[str, ...] = ()
    digits = primary
    if symbol == "]E3" and len(primary) in (15, 18):
        digits = primary[:13]
        said = (f"add-on {primary[13:]} is no part of the number",)
    found = gs1.article(digits)
    if bar and found.error is None:
        more = gs1.elements(composite)
        if more.error is not None:
            return _of_elements(more, symbol)
        fields = found.fields | {ai: one for ai, one in more.fields.items() if ai != "01"}
        found = gs1.Elements(fields, gs1.related(tuple(fields)), None)
    return _of_elements(found, symbol, said)


def _identifier(text: str, symbol: str | None) -> Label | None:
    if mh10.begins_envelope(text):
        return None
    found = mh10.single(text)
    return None if found is None else _of_groups(found, symbol, label.DI)


# -- what the text shows ---------------------------------------------------------------------------


def _enveloped(back: str, symbol: str | None, said: tuple[str, ...]) -> Label | None:
    found = mh10.envelope(back)
    return None if found is None else _of_groups(found, symbol, label.ISO15434, said)


def _linked(text: str, symbol: str | None) -> Label | None:
    found = digital_link.link(text)
    return None if found is None else _of_elements(found, symbol, kind=label.DIGITAL_LINK)


def _itf(text: str, symbol: str | None) -> Label | None:
    """Take fourteen digits of an interleaved symbol with the right check digit for a carton's."""
    if symbol not in _ITF or len(text) != 14:  # noqa: PLR2004 - GTIN-14
        return None
    found = gs1.article(text)
    return None if found.error else _of_elements(found, symbol)


def _shown(text: str, back: str, symbol: str | None, said: tuple[str, ...]) -> Label | None:
    """Read element strings whose symbol nobody named, where the text shows that it is one."""
    if back[:1] == GS and back[1:3].isdecimal():
        lead = ("the first separator read as FNC1",)
        return _of_elements(gs1.elements(back[1:]), symbol, said + lead)
    if _CARET.match(text):
        found = gs1.elements(text[1:].replace("^", GS))
        return _of_elements(found, symbol, (recovered("^", "FNC1"),))
    if (read := _bracketed(text)) is not None:
        return _of_elements(read, symbol, (recovered("()", "application identifiers"),))
    if GS in back or (symbol is None and back.startswith(_KEYS) and back[:16].isdecimal()):
        found = gs1.elements(back)
        if found.error is None:
            lead = ("read as GS1 by its look: no symbology identifier says so",)
            return _of_elements(found, symbol, said + lead)
    return None


def _bracketed(text: str) -> gs1.Elements | None:
    """Read what stands under a symbol for people; None when its first number is no identifier."""
    known = gs1.rules()
    first = _BRACKET.match(text)
    if first is None or first[1] not in known:
        return None
    message, at, ai = "", first.end(), first[1]
    for found in _BRACKET.finditer(text, at):
        if found[1] in known:
            message += ai + text[at : found.start()] + GS
            at, ai = found.end(), found[1]
    return gs1.elements(message + ai + text[at:])


def _bare(back: str, symbol: str | None) -> Label | None:
    found = mh10.bare(back) if GS in back or " " in back else None
    return None if found is None else _of_groups(found, symbol, label.DI)
