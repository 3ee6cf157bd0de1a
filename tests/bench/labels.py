"""How many labels and tags are decoded in a second, by one core, through the one door."""

import statistics
import time
from collections.abc import Callable
from typing import Final

from edge_agent.labels.decoder import Decoder
from tests.bench.contenders import PRODUCT
from tests.bench.report import Figure, at_least
from tests.bench.speed import Run

ROUNDS: Final = 5
COUNT: Final = 40_000

GS1_128: Final = "]C10104150000021126172506302112345ABC\x1d10LOT42X"
TRANSPORT: Final = (
    "[)>\x1e06\x1dP8613013591\x1dQ448\x1d1T2200004739\x1d6JUN449113031000007248\x1e\x04"
)
SGTIN_96: Final = "3074257BF7194E4000001A85"


def labels(run: Run) -> list[Figure]:
    """Decode each of some labels again and again."""
    decoder = Decoder()
    cases: list[tuple[str, Callable[[], object], float | None]] = [
        ("GS1-128, four elements", lambda: decoder.text(GS1_128), 100_000),
        ("SGTIN-96", lambda: decoder.tag(SGTIN_96), 150_000),
        ("ISO 15434, four groups", lambda: decoder.text(TRANSPORT), None),
        ("a plant's own card", lambda: decoder.text("K-0417"), None),
    ]
    figures = []
    for name, decode, least in cases:
        goals = () if least is None else (at_least(least),)
        figure = Figure(f"decodes/s, {name}", "", goals, ratio=False)
        figure.add(PRODUCT.key, *(_per_second(decode, run) for _ in range(ROUNDS)))
        figures.append(figure)
    return figures


def _per_second(decode: Callable[[], object], run: Run) -> float:
    count = COUNT // 10 if run.quick else COUNT
    took = []
    for _ in range(3):
        began_s = time.perf_counter()
        for _ in range(count):
            decode()
        took.append(time.perf_counter() - began_s)
    return count / statistics.median(took)
