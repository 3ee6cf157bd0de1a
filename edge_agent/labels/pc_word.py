"""The protocol control word of a UHF tag: how long its identifier is, and of which kind."""

from typing import Final, NamedTuple

_WORDS_SHIFT: Final = 11
_UMI: Final = 0x0400
_XI: Final = 0x0200
_TOGGLE: Final = 0x0100
_AFI: Final = 0x00FF


class ProtocolControl(NamedTuple):
    """`words` of 16 bits; user memory written; extended PC; with `toggle` an ISO identifier.

    `afi` says of which ISO standard; without `toggle` its bits are the attribute bits of an EPC.
    """

    words: int
    umi: bool
    xi: bool
    toggle: bool
    afi: int


def split_pc(pc: int) -> ProtocolControl:
    """Part a PC word (TDS 9.3, ISO/IEC 18000-63); what is above its 16 bits is not looked at."""
    return ProtocolControl(
        pc >> _WORDS_SHIFT & 0x1F,
        bool(pc & _UMI),
        bool(pc & _XI),
        bool(pc & _TOGGLE),
        pc & _AFI,
    )
