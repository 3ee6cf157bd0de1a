"""Making a damaged WAL readable behind its damage, in a copy, for salvaging.

SQLite ends its recovery at the first frame whose checksum does not fit; each covers all
frames before it. Here every checksum is computed anew, so that all frames of the round are read; a
frame that lost its header is written over with the one before it. The page that was damaged stays
damaged: rows are believed by their own CRC. The format is SQLite's "WAL-mode File Format".
"""

import struct
from collections import Counter
from pathlib import Path
from typing import Final

from edge_agent.journal.wal import FRAME_HEADER_BYTES, HEADER_BYTES

_MAGIC: Final = 0x377F0682  # checksums of little-endian words
_FORMAT: Final = 3_007_000
_MASK: Final = 0xFFFFFFFF

_Sums = tuple[int, int]


def rechained(wal: Path, page_bytes: int) -> bool:
    """Write header and checksums anew; False where there is nothing to read. Raises OSError."""
    try:
        old = bytearray(wal.read_bytes())
    except FileNotFoundError:
        return False
    frame_bytes = FRAME_HEADER_BYTES + page_bytes
    count = max(len(old) - HEADER_BYTES, 0) // frame_bytes
    places = [HEADER_BYTES + number * frame_bytes for number in range(count)]
    salts = _salts(old, places)
    own = [number for number, at in enumerate(places) if old[at + 8 : at + 16] == salts]
    if not own:
        return False
    header = struct.pack(">IIII", _MAGIC, _FORMAT, page_bytes, 0) + salts
    sums = _added(header, (0, 0))
    old[:HEADER_BYTES] = header + struct.pack(">II", *sums)
    for number in range(own[-1] + 1):
        at = places[number]
        if old[at + 8 : at + 16] != salts:
            if number == 0:
                return False
            before = places[number - 1]
            old[at : at + frame_bytes] = old[before : before + frame_bytes]
            old[at + 4 : at + 8] = bytes(4)  # it ends no transaction
        sums = _added(old[at : at + 8], sums)
        sums = _added(old[at + FRAME_HEADER_BYTES : at + frame_bytes], sums)
        old[at + 16 : at + FRAME_HEADER_BYTES] = struct.pack(">II", *sums)
    wal.write_bytes(old)
    return True


def _salts(wal: bytearray, places: list[int]) -> bytes:
    """Say which salts the round has: those of the header, or of most of the first frames."""
    said = bytes(wal[16:24])
    first = [bytes(wal[at + 8 : at + 16]) for at in places[:8]]
    if said in first or not first:
        return said
    return Counter(first).most_common(1)[0][0]


def _added(words: bytes | bytearray, sums: _Sums) -> _Sums:
    first, second = sums
    for one, other in struct.iter_unpack("<II", words):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second
