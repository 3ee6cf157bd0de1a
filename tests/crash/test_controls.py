"""The same recorder, disk and check must find the losses of journals that are known to lose.

Each control is the real journal with one setting spoilt; what a cut leaves is opened by the
unspoilt code. If a control comes out clean the harness is blind, and so is `test_power_cuts`.
One loss is asked for, ten are seen: "found", whatever the seed, and not "how many".
"""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import pytest

from edge_agent.journal import schema
from edge_agent.journal.store import Store
from tests.crash.campaign import SEED, Tally, kept_and_goes_on, run
from tests.crash.lives import World
from tests.kit.disk_faults import FAULTS
from tests.kit.recording_vfs import recording

CUTS_EACH: Final = 120
"""Forty for each fault of the disk: of those, ten or more lose in every control but `psow=1`."""

Spoil = Callable[[pytest.MonkeyPatch], None]

GOOD: Final = {"locking_mode": "EXCLUSIVE", "journal_mode": "WAL", "synchronous": "FULL"}


def settings(**changed: str) -> Spoil:
    """Open with other pragmas than the journal's own."""

    def apply(connection: sqlite3.Connection, **_: object) -> None:
        for name, value in (GOOD | {"wal_autocheckpoint": "0"} | changed).items():
            connection.execute(f"PRAGMA {name}={value}").fetchall()

    return lambda patch: patch.setattr(schema, "apply_settings", apply)


def powersafe_overwrite(patch: pytest.MonkeyPatch) -> None:
    """Let SQLite believe that bytes beside a write are never harmed."""
    real: Callable[..., object] = sqlite3.connect

    def connect(address: str, **named: object) -> sqlite3.Connection:
        return cast("sqlite3.Connection", real(address.replace("psow=0", "psow=1"), **named))

    patch.setattr(sqlite3, "connect", connect)


def nothing(_patch: pytest.MonkeyPatch) -> None:
    """Spoil nothing."""


def spoilt_life(data_dir: Path, world: World) -> None:
    """Open, commit, checkpoint, commit: the losses of controls are all in the commits."""
    world.phase("first boot")
    store: Store = world.open(data_dir)
    world.phase("commits")
    world.commits(store, 25)
    store.checkpoint()
    world.commits(store, 15)
    world.phase("clean close")
    store.close()


def cut(
    scratch: Path, tally: Tally, spoil: Spoil, count: int = CUTS_EACH, *, ack_early: bool = False
) -> None:
    place = scratch / "recorded"
    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        spoil(patch)
        with recording(place) as tape:
            world = World(random.Random(SEED), tape.mark, ack_early=ack_early)
            spoilt_life(place / "data", world)
    tape.faithful()
    run(tally, tape.trace, count, scratch, kept_and_goes_on)
    print(tally.explain())


@pytest.mark.usefixtures("small_wal")
@pytest.mark.parametrize(
    ("spoil", "faults", "cuts"),
    [
        pytest.param(settings(synchronous="NORMAL"), tuple(FAULTS), CUTS_EACH, id="WAL+NORMAL"),
        pytest.param(settings(synchronous="OFF"), tuple(FAULTS), CUTS_EACH // 2, id="WAL+OFF"),
        pytest.param(
            settings(journal_mode="DELETE", locking_mode="NORMAL"),
            ("lost",),
            CUTS_EACH,
            id="DELETE+FULL",
        ),
        pytest.param(powersafe_overwrite, ("blast",), CUTS_EACH * 2, id="psow=1"),
    ],
)
def test_control_that_loses(
    scratch: Path, tally: Tally, spoil: Spoil, faults: tuple[str, ...], cuts: int
) -> None:
    cut(scratch, tally, spoil, cuts)
    for fault in faults:
        assert tally.bad[fault] > 0, f"no loss found under {fault}\n{tally.explain()}"


@pytest.mark.usefixtures("small_wal")
def test_control_that_answers_before_the_commit(scratch: Path, tally: Tally) -> None:
    cut(scratch, tally, nothing, ack_early=True)
    for fault in FAULTS:
        assert tally.bad[fault] > 0, f"no loss found under {fault}\n{tally.explain()}"


@pytest.mark.usefixtures("small_wal")
def test_control_that_keeps_all(scratch: Path, tally: Tally) -> None:
    """The spoiling itself costs nothing: with nothing spoilt the same life loses nothing."""
    cut(scratch, tally, settings())
    assert not tally.bad, tally.explain()
