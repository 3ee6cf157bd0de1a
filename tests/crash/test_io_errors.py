"""Operation number 1, 2, 3 ... of the disk fails, once or until somebody mends it.

Every run is repeated with the next number until one passes untouched. The journal may raise its
documented trouble and nothing else; the batch in hand is handed over again, as the writer does;
nothing told is lost, nothing appears twice, and a power cut finds it on the platter: what waited
for a flush that failed is not written by a later one, unless its page was changed again.
"""

import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from edge_agent.journal import store as store_module
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.writer import opens_anew
from edge_agent.records import DiskTrouble
from tests.crash.breakage import a_page, broken
from tests.crash.campaign import CUTS, SEED, Check, Tally, asked, kept_and_goes_on, run
from tests.crash.ledger import Ledger, complaints
from tests.crash.lives import QUOTA_BYTES, World
from tests.crash.test_quarantine import check_of, without_a_cut
from tests.kit.disk import Trace, lay_out
from tests.kit.recording_vfs import recording
from tests.kit.steps import Mark, Picture
from tests.kit.tape import (
    FULL,
    NAMES,
    READ,
    SYNC,
    TRUNCATE,
    WRITE,
    Tape,
    Trouble,
    look_at,
)

MENDED_AFTER: Final = 5
"""Attempts at one job after which the disk is mended: two reopenings have failed by then."""

CUTS_EACH: Final = max(1, CUTS // 1000)
"""Power cuts somewhere in each run; `CUTS_AFTER_FEW` where there are but a few runs."""

CUTS_AFTER_FEW: Final = 4 * CUTS_EACH

SALVAGE_STRIDE: Final = 1 if CUTS > 10_000 else 8
"""Every operation fails while salvaging in a long campaign; every eighth in the test command."""

KINDS: Final = {
    "read": (READ,),
    "sync": (SYNC,),
    "truncate": (TRUNCATE,),
    "names": (NAMES,),
    "full": (FULL,),
    "dead": (WRITE, SYNC, TRUNCATE, NAMES),
}

FEW: Final = ("sync", "truncate", "names")
"""Kinds of which a short life has few operations, and which decide what a cut leaves."""

forever = pytest.mark.parametrize("forever", [False, True], ids=["once", "until-mended"])


@pytest.fixture(autouse=True)
def tiny_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 12 * 1024)


class Agent:
    """Does its jobs one after the other, each until it is done, as the journal's writer does."""

    def __init__(self, data_dir: Path, tape: Tape) -> None:
        self._data_dir = data_dir
        self._tape = tape
        self.world = World(random.Random(SEED), tape.mark)
        self.store: Store | None = None
        self.troubles: list[DiskTrouble] = []
        self._epoch = ""

    def do(self, job: Callable[[Store], object]) -> None:
        """Try until it is done; after `MENDED_AFTER` attempts the disk is mended."""
        for attempt in range(1, MENDED_AFTER + 3):
            if attempt > MENDED_AFTER:
                self._tape.trouble = None
            try:
                job(self.store or self._open())
            except DiskTrouble as trouble:
                self.troubles.append(trouble)
                if opens_anew(trouble, attempt):
                    self.let_go()
            else:
                return
        raise AssertionError(f"not done though the disk was mended: {self.troubles[-1]}")

    def _open(self) -> Store:
        self.store = store = open_store(self._data_dir, quota_bytes=QUOTA_BYTES)
        if not self._epoch:
            self.world.adopt(store)
            self._epoch = store.epoch
        assert store.epoch == self._epoch, "a sound journal was set apart"
        return store

    def commit(self, size: int) -> None:
        if not self._epoch:
            self.do(lambda _store: None)
        batch = self.world.ornament(self.world.batch(size))
        self.do(lambda store: self.world.commit(store, batch))

    def let_go(self) -> None:
        if self.store is not None:
            self.store.close()
            self.store = None


def first_boot(agent: Agent) -> None:
    agent.commit(2)
    agent.let_go()


def work(agent: Agent) -> None:
    agent.commit(3)
    agent.do(lambda store: store.checkpoint())
    agent.commit(30)
    agent.commit(1)
    agent.let_go()


class Trial(NamedTuple):
    """What is done to a disk that fails, from where, and what must be true afterwards.

    `stride` is 1 but for trials that every run pays tens of milliseconds for.
    """

    live: Callable[[Agent], None]
    begin: Callable[[Path], object]
    before: Ledger
    check: Check
    after_cut: Check
    stride: int = 1


def hold(trial: Trial, kind: str, scratch: Path, tally: Tally, *, lasting: bool) -> None:
    """Run after run with the next operation failing, until one passes untouched."""
    place, found = scratch / "recorded", list[str]()
    number, struck = 1 - trial.stride, 1
    while struck:
        number += trial.stride
        trial.begin(place)
        trouble = Trouble(KINDS[kind], number, forever=lasting)
        with recording(place, trouble, trap_reads=kind == "read") as tape:
            agent = Agent(place / "data", tape)
            trial.live(agent)
        what = asked(trial.check, place, told(tape.trace, trial.before)) + wrong_words(agent, kind)
        found.extend(f"operation {number}: {words}" for words in what)
        cuts = CUTS_AFTER_FEW if kind in FEW else CUTS_EACH
        run(tally, tape.trace, cuts, scratch, trial.after_cut, trial.before)
        shutil.rmtree(place)
        struck = trouble.struck
    assert number > 1, f"no operation of the kind {kind} was seen"
    assert not found, f"SEED={SEED}\n" + "\n".join(found[:5])
    assert not tally.bad, tally.explain()


def told(trace: Trace, before: Ledger) -> Ledger:
    ledger = before.copy()
    for step in trace.steps:
        if isinstance(step, Mark):
            ledger.take(step.note)
    return ledger


def kept(place: Path, ledger: Ledger) -> list[str]:
    store = open_store(place / "data", quota_bytes=QUOTA_BYTES)
    try:
        return complaints(store, ledger)
    finally:
        store.close()


def wrong_words(agent: Agent, kind: str) -> list[str]:
    expected = "full" if kind == "full" else "failing"
    return [f"called {t.kind}: {t}" for t in agent.troubles if t.kind != expected]


@forever
@pytest.mark.parametrize("kind", ["read", "names", "dead"])
def test_first_boot(scratch: Path, tally: Tally, kind: str, *, forever: bool) -> None:
    trial = Trial(first_boot, Path.mkdir, Ledger(), kept, kept_and_goes_on)
    hold(trial, kind, scratch, tally, lasting=forever)


def worn_in(scratch: Path) -> tuple[Picture, Ledger]:
    """Give a journal that has worked and was stopped in the middle of it, and its ledger."""
    place, ledger = scratch / "before", Ledger()
    world = World(random.Random(SEED), ledger.take)
    store = world.open(place / "data")
    world.commits(store, 6)
    picture = look_at(place)
    store.close()
    shutil.rmtree(place)
    return picture, ledger


@forever
@pytest.mark.parametrize("kind", KINDS)
def test_work(scratch: Path, tally: Tally, kind: str, *, forever: bool) -> None:
    picture, before = worn_in(scratch)
    trial = Trial(work, partial(lay_out, picture), before, kept, kept_and_goes_on)
    hold(trial, kind, scratch, tally, lasting=forever)


@forever
@pytest.mark.parametrize("kind", ["read", "names", "dead"])
def test_setting_apart_and_salvaging(
    scratch: Path, tally: Tally, kind: str, *, forever: bool
) -> None:
    case = broken(scratch, a_page, wal=True, commits=8)
    expected = without_a_cut(case, scratch)
    # not untouched: a start that fails before the break is seen closes it as if it were sound
    check = check_of(case, expected, untouched=False)
    before = Ledger(handed_cursor=expected.cursor)
    begin = partial(lay_out, case.picture)
    stride = 1 if kind in FEW else SALVAGE_STRIDE
    trial = Trial(first_boot, begin, before, check, check, stride)
    hold(trial, kind, scratch, tally, lasting=forever)
