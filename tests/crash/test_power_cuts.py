"""The power goes at any step of the journal's life; what was told green is there afterwards.

The journal's own code runs, on real files, through a VFS that writes down every step; each cut
lays out what one of four disks would have kept, and the journal's own code opens that.
"""

import random
import shutil
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from edge_agent.journal import schema
from edge_agent.journal.opening import open_store
from tests.crash.campaign import CUTS, SEED, Tally, after_each, kept_and_goes_on, plan, run
from tests.crash.ledger import Ledger
from tests.crash.lives import QUOTA_BYTES, World, service
from tests.kit.disk import Platter, Trace, lay_out
from tests.kit.recording_vfs import recording
from tests.kit.steps import Mark, Picture, Sync
from tests.kit.tape import Tape

AGAIN = 4
"""Second cuts for each first one."""


def recorded_service(place: Path) -> Tape:
    place.mkdir()
    with recording(place) as tape:
        service(place / "data", World(random.Random(SEED), tape.mark))
    tape.faithful()
    return tape


@pytest.mark.usefixtures("small_wal")
def test_whole_life(scratch: Path, tally: Tally) -> None:
    tape = recorded_service(scratch / "recorded")
    run(tally, tape.trace, CUTS // 4, scratch, kept_and_goes_on)
    assert not tally.bad, tally.explain()


def test_whole_life_with_the_wal_grown_to_its_real_size(scratch: Path, tally: Tally) -> None:
    tape = recorded_service(scratch / "recorded")
    run(tally, tape.trace, CUTS // 40, scratch, kept_and_goes_on)
    assert not tally.bad, tally.explain()


@pytest.mark.usefixtures("small_wal")
def test_second_cut_while_recovering(scratch: Path, tally: Tally) -> None:
    trace = recorded_service(scratch / "recorded").trace
    for cut, picture, ledger in after_each(trace, plan(trace, CUTS // 16 // AGAIN, "first")):
        place = scratch / "first"
        lay_out(picture, place)
        run(tally, resumed(place, cut.rng()), AGAIN, scratch, kept_and_goes_on, ledger)
        shutil.rmtree(place)
    assert not tally.bad, tally.explain()


@pytest.mark.usefixtures("small_wal")
def test_cut_after_a_restart_without_one(scratch: Path, tally: Tally) -> None:
    """What a killed process left in the kernel's memory is read, published, and must be kept."""
    trace = recorded_service(scratch / "recorded").trace
    kills = CUTS // 32 // AGAIN
    before_a_flush = [at for at, step in enumerate(trace.steps) if isinstance(step, Sync)]
    chosen = sorted(random.Random(SEED).sample(before_a_flush, min(kills, len(before_a_flush))))
    platter, ledger, done = Platter(trace), Ledger(), 0
    for number, at in enumerate(chosen):
        for step in trace.steps[done:at]:
            platter.take(step)
            if isinstance(step, Mark):
                ledger.take(step.note)
        done = at
        place = scratch / "killed"
        lay_out(platter.live(), place)
        again = resumed(place, random.Random(f"{SEED} {number}"), durable=platter.picture([]))
        run(tally, again, AGAIN, scratch, kept_and_goes_on, ledger)
        shutil.rmtree(place)
    assert not tally.bad, tally.explain()


def resumed(place: Path, rng: random.Random, durable: Picture | None = None) -> Trace:
    """Record how a journal is opened after a cut and goes on for a while."""
    with recording(place, durable=durable) as tape:
        world = World(rng, tape.mark)
        world.phase("recovery")
        store = world.open(place / "data")
        world.phase("going on")
        world.commits(store, 2)
        store.close()
    tape.faithful()
    return tape.trace


def wider(connection: Connection) -> None:
    """Migrate as a later release may: a column more, every row written."""
    connection.execute(text("ALTER TABLE event ADD COLUMN extra TEXT"))
    connection.execute(text("UPDATE event SET extra = 'migrated'"))


def migrate_from_now_on(patch: pytest.MonkeyPatch) -> None:
    later = schema.VERSION + 1
    patch.setattr(schema, "VERSION", later)
    migrate = partial(schema.prepare, to=later, steps={later - 1: wider})
    patch.setattr(schema, "prepare", migrate)


def migrated(place: Path, ledger: Ledger) -> list[str]:
    found = kept_and_goes_on(place, ledger)
    store = open_store(place / "data", quota_bytes=QUOTA_BYTES)
    columns = [row[1] for row in store.sql.execute("PRAGMA table_info(event)")]
    (version,) = store.sql.execute("PRAGMA user_version").fetchone()
    store.close()
    if columns.count("extra") != 1 or version != schema.VERSION:
        found.append(f"migrated by half: version {version}, columns {columns}")
    return found


@pytest.mark.usefixtures("small_wal")
def test_migration(scratch: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    place, before = scratch / "recorded", Ledger()
    service(place / "data", World(random.Random(SEED), before.take))
    migrate_from_now_on(monkeypatch)
    trace = resumed(place, random.Random(SEED))
    run(tally, trace, CUTS // 20, scratch, migrated, before)
    assert not tally.bad, tally.explain()


@pytest.mark.usefixtures("small_wal")
def test_second_cut_while_migrating(
    scratch: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = recorded_service(scratch / "recorded").trace
    migrate_from_now_on(monkeypatch)
    for cut, picture, ledger in after_each(trace, plan(trace, CUTS // 16 // AGAIN, "old")):
        if not ledger.told_high:
            continue  # nothing to migrate yet: the later release begins anew
        place = scratch / "first"
        lay_out(picture, place)
        again = resumed(place, cut.rng())
        run(tally, again, AGAIN, scratch, migrated, ledger)
        shutil.rmtree(place)
    assert not tally.bad, tally.explain()
