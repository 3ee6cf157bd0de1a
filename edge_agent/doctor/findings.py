"""What a check has found, and how bad all of it is together; pure."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from edge_agent.ports import Verdict

_RANK: Final = (Verdict.OK, Verdict.WARN, Verdict.FAIL)


class Finding(NamedTuple):
    """One thing that was looked at: its name and group, how bad, what was found, what to do."""

    name: str
    group: str
    verdict: Verdict
    what: str
    remedy: str = ""


class Check(NamedTuple):
    """A probe with its time limit; `standing` says what it waits for, and what to do about that.

    `probe` may block, and gives findings as it comes to them.
    """

    name: str
    group: str
    limit_s: float
    probe: Callable[[], Iterable[Finding]]
    standing: Callable[[], tuple[str, str]] = lambda: ("it has not answered", "see `dmesg`")


def worst(findings: Iterable[Finding]) -> Verdict:
    """Give the verdict on all of it."""
    return max((one.verdict for one in findings), key=_RANK.index, default=Verdict.OK)
