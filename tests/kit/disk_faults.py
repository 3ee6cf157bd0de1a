"""Four ways in which a disk treats unflushed writes when its power goes.

Each says which of the steps that wait on a platter were kept, and how.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tests.kit.disk import Platter
from tests.kit.steps import File, Resize, Step, Write, content_of

SECTOR_BYTES: Final = 512
"""The least a disk writes whole."""

BLAST_BYTES: Final = 4096
"""What a flash card may destroy around the write in flight when its power goes."""

HEAD_LIKELY: Final = 0.4
"""How often the write in flight is the oldest that waits."""


Fault = Callable[[Platter, random.Random], list[Step]]


def lost(_platter: Platter, _rng: random.Random) -> list[Step]:
    """Lose everything that was not flushed."""
    return []


def prefix(platter: Platter, rng: random.Random) -> list[Step]:
    """Keep the oldest of what was not flushed, in order, up to a random step."""
    return platter.pending[: rng.randint(0, len(platter.pending))]


def sectors(platter: Platter, rng: random.Random) -> list[Step]:
    """Keep random sectors of every unflushed write, random sizes, and a prefix of the names."""
    names = sum(content_of(step) is None for step in platter.pending)
    names_kept = rng.randint(0, names)
    likely = rng.choice((0.1, 0.5, 0.9))
    kept: list[Step] = []
    for step in platter.pending:
        if isinstance(step, Write):
            kept.extend(_torn(step, likely, rng))
        elif isinstance(step, Resize):
            if rng.random() < likely:
                kept.append(step)
        elif names_kept:
            names_kept -= 1
            kept.append(step)
    return kept


def _torn(step: Write, likely: float, rng: random.Random) -> Iterator[Write]:
    end = step.offset + len(step.payload)
    start = step.offset
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if rng.random() < likely:
            yield Write(step.file, start, step.payload[start - step.offset : stop - step.offset])
        start = stop


def blast(platter: Platter, rng: random.Random) -> list[Step]:
    """Keep a prefix, and destroy every 4 KiB block that the write behind it was touching."""
    in_flight = [i for i, step in enumerate(platter.pending) if isinstance(step, Write)]
    if not in_flight:
        return prefix(platter, rng)
    # a disk works through its queue: it is more often at the head of it than anywhere else
    at = in_flight[0] if rng.random() < HEAD_LIKELY else rng.choice(in_flight)
    kept = platter.pending[:at]
    hit = platter.pending[at]
    assert isinstance(hit, Write)
    end = hit.offset + len(hit.payload)
    size_bytes = max(_size_bytes(platter, kept, hit.file), end)
    start = hit.offset // BLAST_BYTES * BLAST_BYTES
    while start < end:
        stop = min(start + BLAST_BYTES, size_bytes)
        match rng.choice(("garbage", "garbage", "zeros", "old", "new")):
            case "garbage":
                kept.append(Write(hit.file, start, rng.randbytes(stop - start)))
            case "zeros":
                kept.append(Write(hit.file, start, bytes(stop - start)))
            case "new":
                low, high = max(start, hit.offset), min(stop, end)
                new = hit.payload[low - hit.offset : high - hit.offset]
                kept.append(Write(hit.file, low, new))
        start += BLAST_BYTES
    return kept


def _size_bytes(platter: Platter, kept: Sequence[Step], file: File) -> int:
    size_bytes = len(platter.contents.get(file, b""))
    for step in kept:
        if isinstance(step, Write) and step.file is file:
            size_bytes = max(size_bytes, step.offset + len(step.payload))
        elif isinstance(step, Resize) and step.file is file:
            size_bytes = step.size_bytes
    return size_bytes


FAULTS: Final[dict[str, Fault]] = {
    "lost": lost,
    "prefix": prefix,
    "sectors": sectors,
    "blast": blast,
}
"""What a disk may do with unflushed writes, by name."""
