"""Findings on paper: 80 columns for a person, or one JSON document."""

import textwrap
from collections.abc import Iterator, Sequence
from json import dumps
from typing import Final

from edge_agent.doctor.findings import Finding, worst
from edge_agent.ports import Verdict
from edge_agent.watch_words import printable

COLUMNS: Final = 80
_VERDICT_COLUMNS: Final = 6
_GROUP_COLUMNS: Final = 9
_INDENT: Final = " " * (_VERDICT_COLUMNS + _GROUP_COLUMNS)


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Give the findings in lines, and a last one that sums up."""
    for one in findings:
        head = f"{one.verdict:<{_VERDICT_COLUMNS}}{one.group:<{_GROUP_COLUMNS}}"
        yield from _wrapped(head, f"{one.name}: {one.what}", "")
        if one.remedy:
            yield from _wrapped(f"{_INDENT}-> ", one.remedy, "   ")
    count = {verdict: sum(one.verdict is verdict for one in findings) for verdict in Verdict}
    yield (
        f"{worst(findings)}: {_counted(count[Verdict.FAIL], 'failure')},"
        f" {_counted(count[Verdict.WARN], 'warning')}, {count[Verdict.OK]} ok"
    )


def document(agent: str, running: bool | None, findings: Sequence[Finding]) -> str:
    """Give the findings as JSON; `running` is null where that cannot be known."""
    return dumps(
        {
            "agent": agent,
            "running": running,
            "verdict": worst(findings),
            "checks": [one._asdict() for one in findings],
        },
        ensure_ascii=False,
    )


def _wrapped(head: str, text: str, more: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        COLUMNS,
        initial_indent=head,
        subsequent_indent=_INDENT + more,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
