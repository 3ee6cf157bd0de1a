"""Diagrams and tables in docs/andon.md are those of the rules; a change of one shows here."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from edge_agent.domain import call, looks, people, segment

PAGE = Path(__file__).parents[2] / "docs" / "andon.md"


def drawn(edges: Iterable[tuple[str, str, str]]) -> str:
    """Draw edges (from, to, words) as Mermaid, those between the same two states as one."""
    joined: dict[tuple[str, str], list[str]] = {}
    for start, end, words in edges:
        joined.setdefault((start, end), []).append(words)
    lines = [
        f"    {_name(start)} --> {_name(end)}: {', '.join(words)}"
        for (start, end), words in joined.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _name(state: str) -> str:
    return state.replace("-", "_")


def calls() -> str:
    """Draw what moves a call; a fault is left to where the call stood."""
    return drawn(
        (state, "idle, or where it stood" if trigger is call.Trigger.HEAL else row.to, trigger)
        for state, rows in call.TABLE.items()
        for trigger, row in rows.items()
        if row.to is not state
    ).replace("idle, or where it stood", "idle")


def segments() -> str:
    """Draw what moves a segment, and what is asked of the outputs."""
    return drawn(
        (state, row.to, f"{trigger} / {row.asks}" if row.asks else trigger)
        for state, rows in segment.TABLE.items()
        for trigger, row in rows.items()
        if row.to is not state
    )


def towers() -> str:
    """List what each condition looks and sounds like, the highest first."""
    rows = [
        "| condition | red | yellow | green | blue, white | tune |",
        "|---|---|---|---|---|---|",
    ]
    for one in looks.Showing:
        shown = looks.SHIPPED[one]
        whole = [shown.lights.get(light, "") for light in looks.WHOLE]
        more = [
            f"{light} {shown.lights[light]}" for light in ("blue", "white") if light in shown.lights
        ]
        rows.append(
            f"| {' | '.join([one, *whole, ', '.join(more), shown.tune])} |".replace("  ", " ")
        )
    return "\n".join(rows)


def roles() -> str:
    """List who may do what."""
    rows = ["| role | may |", "|---|---|"]
    rows += [
        f"| {role} | {', '.join(act for act in people.Act if act in acts)} |"
        for role, acts in people.MAY.items()
    ]
    return "\n".join(rows)


@pytest.mark.parametrize("diagram", [calls, segments, towers, roles])
def test_the_page_shows_the_table(diagram: object) -> None:
    assert callable(diagram)
    text = diagram()
    assert text in PAGE.read_text("utf-8"), (
        f"docs/andon.md is not the table; it has to say:\n{text}"
    )
