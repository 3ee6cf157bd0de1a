"""EPC memory of an RFID tag to identification: every scheme of the GS1 EPC Tag Data Standard.

The header byte picks the scheme (TDS 14.2). Many numbers in plants are no EPC at all, among them
the own numbers of chips (E280...): they are answered as unknown, and it is for the caller to pass
them on as they are.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from edge_agent.labels import epc_unkeyed
from edge_agent.labels.epc_classic import padded, unpadded, variable
from edge_agent.labels.epc_layout import layout
from edge_agent.labels.epc_plus import PLUS_HEADERS, decode_plus
from edge_agent.labels.pc_word import split_pc
from edge_agent.labels.tag import WORD_BITS, WORDS_MAX, Tag, impossible, octets, unknown

OCTETS_MAX: Final = WORDS_MAX * WORD_BITS // 8
"""What lies beyond cannot be counted by a PC word: it is another bank, or no tag."""

_READERS: dict[int, Callable[[bytes], Tag]] = {}


def decode(epc: bytes | str, pc: int | None = None) -> Tag:
    """Say what EPC memory holds, as bytes or as hexadecimal text; zero bits may follow the code.

    With the PC word its count of words decides how much of it is read (TDS 9.3), unless a scheme
    needs more and finds it there; an ISO identifier (toggle bit) is unknown here. Never raises.
    """
    raw = epc if isinstance(epc, bytes) else octets(epc)
    if not raw:
        return impossible(None, "not hexadecimal" if raw is None else "empty: there is no header")
    if pc is not None or len(raw) > OCTETS_MAX:
        return _counted(raw, pc)
    return (_READERS.get(raw[0]) or _reader(raw[0]))(raw)


def _counted(raw: bytes, pc: int | None) -> Tag:
    warnings: tuple[str, ...] = ()
    kept = raw[:OCTETS_MAX]
    if raw[OCTETS_MAX:].strip(b"\0"):
        warnings += (f"more than {OCTETS_MAX} bytes: what is behind them was left out",)
    tag = None
    if pc is not None:
        control = split_pc(pc)
        if control.toggle:
            return unknown()
        counted = control.words * WORD_BITS // 8
        if counted > len(kept):
            warnings += (f"the PC word counts {counted} bytes, {len(kept)} were read",)
        elif counted < len(kept):
            tag = decode(kept[:counted])
            if tag.error is not None:
                tag = None
                warnings += (f"the PC word counts only {counted} bytes",)
    if tag is None:
        tag = decode(kept)
    return tag._replace(warnings=tag.warnings + warnings) if warnings else tag


def _reader(header: int) -> Callable[[bytes], Tag]:
    """Find what reads a header; there are 256, so that all may be kept."""
    reader: Callable[[bytes], Tag] = _raw_number
    scheme = layout(header)
    if scheme is not None:
        read = {"padded": padded, "six": variable}.get(scheme.reference, unpadded)
        reader = partial(read, scheme)
    elif header in PLUS_HEADERS:
        reader = decode_plus
    elif header in epc_unkeyed.READERS:
        reader = epc_unkeyed.READERS[header]
    _READERS[header] = reader
    return reader


def _raw_number(_raw: bytes) -> Tag:
    return unknown()
