"""The journal: at rest by looking at a copy, running by the agent's word."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge_agent.doctor.findings import Finding
from edge_agent.inspection import resting_journal
from edge_agent.journal import folder
from edge_agent.ports import Verdict
from edge_agent.records import DiskTrouble, NewerJournal

GROUP: Final = "journal"

_LIST: Final = "`edge-agent outbox CONFIG list` shows them, each with its reason"


class Rest(NamedTuple):
    """A journal at rest: how many events wait, were set aside; `broken` says why it is not used."""

    stored: int
    waiting: int
    set_aside: int
    broken: str = ""
    remedy: str = ""


def rest_of(data_dir: Path) -> Rest | None:
    """Look at a copy of the journal; None when there is none yet.

    Raises DiskTrouble, NewerJournal, OSError; NoRoom where the copy would not fit.
    """
    source = folder.place(data_dir)
    needed = sum(path.stat().st_size for path in source.glob(f"{folder.FILE}*"))
    there = Path(tempfile.gettempdir())
    told = os.statvfs(there)
    if told.f_bavail * told.f_frsize < needed:
        raise NoRoom(there, needed)
    with resting_journal(data_dir) as resting:
        if resting is None:
            return None
        found = resting.store.restore()
        waiting = sum(found.waiting)
        return Rest(found.high, waiting, found.set_aside, resting.broken, resting.remedy)


class NoRoom(Exception):
    """A copy of the journal would not fit where copies are made."""

    def __init__(self, there: Path, needed_bytes: int) -> None:
        super().__init__(f"a copy of {needed_bytes} bytes does not fit into {there}")


def looked_at(data_dir: Path) -> Iterator[Finding]:
    """Say what the next start will find, and do."""
    try:
        rest = rest_of(data_dir)
    except NoRoom as trouble:
        what = f"not looked at: {trouble}"
        remedy = "name a folder with room: `TMPDIR=/var/tmp edge-agent doctor ...`"
        yield Finding("journal", GROUP, Verdict.WARN, what, remedy)
    except NewerJournal as trouble:
        what, remedy = str(trouble), "install that release again; nothing is lost"
        yield Finding("journal", GROUP, Verdict.FAIL, what, remedy)
    except DiskTrouble as trouble:
        what = f"it cannot be looked at: {trouble.kind}: {trouble.why}"
        yield Finding("journal", GROUP, Verdict.FAIL, what, trouble.remedy)
    except OSError as error:
        what = f"it cannot be looked at: {error.strerror or error}"
        remedy = "let this user read agent.data_dir; see `dmesg` for errors of the disk"
        yield Finding("journal", GROUP, Verdict.FAIL, what, remedy)
    else:
        yield from judged_rest(rest)


def judged_rest(rest: Rest | None) -> Iterator[Finding]:
    """Judge a journal at rest."""
    if rest is None:
        yield Finding("journal", GROUP, Verdict.OK, "none yet: the first start makes it")
        return
    if rest.broken:
        yield Finding("journal", GROUP, Verdict.FAIL, rest.broken, rest.remedy)
        return
    what = f"sound; {rest.stored} events in this epoch, {rest.waiting} wait for the broker"
    yield Finding("journal", GROUP, Verdict.OK, what)
    yield from _aside(rest.set_aside)


def judged_word(said: dict[str, Any], verdict: tuple[Verdict, str, str]) -> Iterator[Finding]:
    """Judge the word of a running agent: its status document, and its journal's condition."""
    events = (said.get("counters") or {}).get("events") or {}
    bad, what, remedy = verdict
    if bad is Verdict.OK:
        what = f"the agent says ok; {events.get('waiting', '?')} events wait for the broker"
    yield Finding("journal", GROUP, bad, what, remedy)
    aside = events.get("set_aside")
    yield from _aside(aside if isinstance(aside, int) else 0)


def _aside(count: int) -> Iterator[Finding]:
    if count:
        what = f"{count} events were set aside: the broker did not take them"
        yield Finding("set aside", GROUP, Verdict.WARN, what, _LIST)
