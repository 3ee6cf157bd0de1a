"""Figures side by side: medians with their spread, ratios within the run, targets beside them."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.bench.contenders import ALL, BARE, PRODUCT, SCRIPT

Medians = dict[str, float]
"""The median of each contender, by its key."""

_NAME = 42
_CELL = 33


@dataclass(frozen=True)
class Goal:
    """One target of the product: what it says, and whether these medians reach it."""

    text: str
    reached: Callable[[Medians], bool]
    mark: bool = False
    """Something to reach for: to miss it fails nothing."""


def at_most(limit: float, text: str = "") -> Goal:
    return Goal(text or f"at most {limit:,g}", lambda m: m[PRODUCT.key] <= limit)


def at_least(limit: float, text: str = "") -> Goal:
    return Goal(text or f"at least {limit:,g}", lambda m: m[PRODUCT.key] >= limit)


def mark(goal: Goal) -> Goal:
    """Make of a target something to reach for."""
    return Goal(goal.text, goal.reached, mark=True)


def times(rival: str, factor: float, *, at_most: bool, text: str) -> Goal:
    def reached(medians: Medians) -> bool:
        if at_most:
            return medians[PRODUCT.key] <= factor * medians[rival]
        return medians[PRODUCT.key] >= factor * medians[rival]

    return Goal(text, reached)


@dataclass
class Figure:
    """One measured thing; `samples` are the values of each contender: their median counts."""

    name: str
    unit: str
    goals: tuple[Goal, ...] = ()
    ratio: bool = True
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, key: str, *values: float) -> None:
        self.samples.setdefault(key, []).extend(values)

    def medians(self) -> Medians:
        return {key: statistics.median(values) for key, values in self.samples.items() if values}


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.3f}"


def cell(values: list[float]) -> str:
    """Write a median with lowest, highest and count."""
    if not values:
        return "-"
    median = _number(statistics.median(values))
    if len(values) == 1:
        return f"{median} (n=1)"
    return f"{median} ({_number(min(values))}..{_number(max(values))}, n={len(values)})"


def _ratio(medians: Medians, rival: str) -> str:
    mine, theirs = medians.get(PRODUCT.key), medians.get(rival)
    if mine is None or theirs is None or theirs == 0:
        return "-"
    return f"{mine / theirs:.3g}x"


def verdicts(figure: Figure) -> list[str]:
    """Say of each goal whether it is reached, as far as it can be said."""
    medians, said = figure.medians(), []
    for goal in figure.goals:
        try:
            word = "ok" if goal.reached(medians) else "not yet"
        except KeyError:
            word = "?"
        said.append(f"{goal.text}: {word}")
    return said


def table(title: str, figures: list[Figure]) -> str:
    """Print one group of figures."""
    head = f"{title:<{_NAME}}" + "".join(f"{c.title:<{_CELL}}" for c in ALL)
    lines = ["", head + f"{'to (a)':<8}{'to (b)':<8}target", "-" * (len(head) + 32)]
    for figure in figures:
        medians = figure.medians()
        row = f"{figure.name + (', ' + figure.unit if figure.unit else ''):<{_NAME}}"
        row += "".join(f"{cell(figure.samples.get(c.key, [])):<{_CELL}}" for c in ALL)
        for rival in (BARE.key, SCRIPT.key):
            row += f"{_ratio(medians, rival) if figure.ratio else '':<8}"
        lines.append((row + "; ".join(verdicts(figure))).rstrip())
    return "\n".join(lines)


NODE_RED_PER_S: Final = 28_800
"""Events a second of Node-RED, not durable, as measured elsewhere on such a machine."""
