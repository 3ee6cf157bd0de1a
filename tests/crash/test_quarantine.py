"""A broken file is set apart and salvaged; cut there too, and again, every row comes out once.

What can be read of a broken file is found out first, without a cut; every cut must come to that.
"""

import random
import shutil
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.records import SALVAGED, Cursor, StoredRow
from tests.crash.breakage import (
    Break,
    Broken,
    a_page,
    broken,
    the_header,
    the_last_page,
    the_root,
    the_second_half,
)
from tests.crash.campaign import CUTS, SEED, Check, Tally, after_each, asked, plan, run
from tests.crash.ledger import Known, Ledger, all_rows, complaints
from tests.crash.lives import QUOTA_BYTES, World
from tests.kit.disk import Trace, lay_out
from tests.kit.recording_vfs import recording
from tests.kit.tape import look_at

AGAIN: Final = 4
"""Second cuts for each first one."""

CASES: Final = [
    pytest.param(a_page, True, id="page-and-wal"),
    pytest.param(a_page, False, id="page"),
    pytest.param(the_last_page, False, id="last-page"),
    pytest.param(the_root, False, id="root"),
    pytest.param(the_header, False, id="header"),
    pytest.param(the_second_half, False, id="half"),
    pytest.param(the_second_half, True, id="half-and-wal"),
]

pytestmark = pytest.mark.usefixtures("small_wal")


class Salvaged(NamedTuple):
    """What came out of a broken journal, in the order of publishing and by number."""

    rows: list[StoredRow]
    numbered: dict[int, Known]
    cursor: Cursor


def salvaged(store: Store, epoch: str) -> Salvaged:
    rows: list[StoredRow] = []
    while page := store.page(SALVAGED, rows[-1].seq if rows else 0, aside_too=True):
        rows += page
    numbered = {
        row.seq: Known(row.lane, row.topic, row.n, row.payload) for row in all_rows(store, epoch)
    }
    return Salvaged(rows, numbered, store.restore().cursor)


def without_a_cut(case: Broken, scratch: Path) -> Salvaged:
    """Open the broken journal in peace, and hold what comes out against what the world knows."""
    place = scratch / "peace"
    lay_out(case.picture, place)
    found: list[Salvaged] = []

    def look(place: Path, ledger: Ledger) -> list[str]:
        store = open_store(place / "data", quota_bytes=QUOTA_BYTES)
        found.append(salvaged(store, ledger.epoch or ""))
        store.close()
        return []

    assert asked(look, place, case.ledger) == []
    shutil.rmtree(place)
    (came_out,) = found
    known = case.ledger.rows
    invented = [seq for seq, row in came_out.numbered.items() if known.get(seq) != row]
    assert not invented, f"SEED={SEED}: invented {invented}"
    kept = range(case.ledger.trimmed_upto + 1, case.ledger.told_high + 1)
    lost = set(kept) - case.gone - set(came_out.numbered)
    assert not lost, f"SEED={SEED}: lost {sorted(lost)} though only {sorted(case.gone)} are gone"
    assert len(came_out.rows) == len(came_out.numbered)
    return came_out


def check_of(case: Broken, expected: Salvaged, *, untouched: bool = True) -> Check:
    """Make the check of a cut: salvaged all, once; set apart once and untouched; new rows kept."""

    def check(place: Path, ledger: Ledger) -> list[str]:
        store = open_store(place / "data", quota_bytes=QUOTA_BYTES)
        try:
            came_out = salvaged(store, case.ledger.epoch or "")
            found = complaints(store, ledger)
        finally:
            store.close()
        if came_out.rows != expected.rows or came_out.numbered != expected.numbered:
            found.append(f"salvaged {len(came_out.rows)} rows, not {len(expected.rows)}")
        if came_out.cursor.salvaged != expected.cursor.salvaged:
            found.append(f"the cursor of what was salvaged is {came_out.cursor}")
        apart = [path.name for path in folder.set_apart_before(place / "data")]
        if apart != ["corrupt-1"]:
            found.append(f"set apart: {apart}")
        elif untouched and (changed := changed_apart(place, case)):
            found.append(f"written to after it was set apart: {changed}")
        return found

    return check


def changed_apart(place: Path, case: Broken) -> list[str]:
    now = look_at(place / "data" / "corrupt-1")
    before = {
        path.removeprefix("data/journal/"): content
        for path, content in case.picture.items()
        if path.startswith("data/journal/")
    }
    # an empty WAL is left by looking: nothing was known of the break before
    now = {name: content for name, content in now.items() if content or name in before}
    return [name for name in sorted(now | before) if now.get(name) != before.get(name)]


def salvaging(place: Path, rng: random.Random) -> Trace:
    """Record how a broken journal is opened and a new one goes on in its place."""
    with recording(place) as tape:
        world = World(rng, tape.mark)
        world.phase("set apart and salvage")
        store = world.open(place / "data")
        world.phase("going on")
        world.commits(store, 3)
        store.close()
    tape.faithful()
    return tape.trace


@pytest.mark.parametrize(("how", "wal"), CASES)
def test_cut_while_salvaging(scratch: Path, tally: Tally, how: Break, *, wal: bool) -> None:
    case = broken(scratch, how, wal=wal)
    expected = without_a_cut(case, scratch)
    lay_out(case.picture, scratch / "broken")
    trace = salvaging(scratch / "broken", random.Random(SEED))
    before = Ledger(handed_cursor=expected.cursor)
    count = CUTS // 40 if wal else CUTS // 80
    run(tally, trace, count, scratch, check_of(case, expected), before)
    assert not tally.bad, tally.explain()


def test_second_cut_while_salvaging(scratch: Path, tally: Tally) -> None:
    case = broken(scratch, a_page, wal=True)
    expected = without_a_cut(case, scratch)
    lay_out(case.picture, scratch / "broken")
    trace = salvaging(scratch / "broken", random.Random(SEED))
    before, check = Ledger(handed_cursor=expected.cursor), check_of(case, expected)
    for cut, picture, ledger in after_each(trace, plan(trace, CUTS // 40 // AGAIN), before):
        lay_out(picture, scratch / "first")
        again = salvaging(scratch / "first", cut.rng())
        run(tally, again, AGAIN, scratch, check, ledger)
        shutil.rmtree(scratch / "first")
    assert not tally.bad, tally.explain()
