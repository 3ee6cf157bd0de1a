"""Cuts the power of a recorded life, many times, and asks the real code what is left.

Rules:
1. Cuts are spread evenly over the phases of the life and over the faults of the disk; within a
   phase any two operations are as likely to be parted, only `blast` needs a write in flight.
2. Each cut has its own generator, made of seed, position and fault: one cut can be looked at again.
3. After the check the journal must go on: one more commit, a clean end, another start.
"""

import os
import random
import secrets
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge_agent.journal import folder
from edge_agent.journal.opening import open_store
from tests.crash.ledger import Ledger, Phase, complaints
from tests.crash.lives import QUOTA_BYTES, World
from tests.kit.disk import Platter, Trace, lay_out
from tests.kit.disk_faults import FAULTS
from tests.kit.steps import Mark, Picture, Write

SEED = int(os.environ.get("SEED") or secrets.randbits(32))
"""Of every random choice in this room; set `SEED` in the environment to repeat a run."""

CUTS = int(os.environ.get("CUTS") or 1000)
"""About how often the power is cut in the whole room, controls not counted (`make crash`: more)."""

ANSWER_S = 20
"""A journal that is not open, checked and open again by then never will be; it takes 10 ms."""

SHOWN_MAX = 3
"""Complaints that a failing test shows whole."""


class NoAnswer(Exception):
    """The code under test did not come back; not an OSError, or it would be taken for trouble."""


class Cut(NamedTuple):
    """One cut: after how many steps, what the disk does, in which phase."""

    upto: int
    fault: str
    phase: str
    number: int

    def rng(self) -> random.Random:
        """Make the generator of this cut."""
        return random.Random(f"{SEED} {self.upto} {self.fault} {self.number}")


@dataclass
class Tally:
    """What a campaign found: cuts and bad cuts by fault, and the first complaints in words."""

    name: str
    cuts: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def add(self, cut: Cut, found: list[str]) -> None:
        """Count one cut."""
        self.cuts[cut.fault] += 1
        self.phases[cut.phase] += 1
        if found:
            self.bad[cut.fault] += 1
            if len(self.words) < SHOWN_MAX:
                self.words.append(f"{cut}: " + "; ".join(found))

    def line(self) -> str:
        """Write it as a row of the table."""
        cells = "".join(f"{self.bad[fault]:>6}/{self.cuts[fault]:<6}" for fault in FAULTS)
        cuts = self.cuts.total()
        ms = f"{1000 * self.took_s / cuts:.1f} ms" if cuts else ""
        return f"{self.name:<52}{cells}{ms:>8}"

    def explain(self) -> str:
        """Say what broke and how to see it again."""
        return "\n".join([f"SEED={SEED}", self.line(), *self.words])


def plan(trace: Trace, count: int, name: str = "") -> list[Cut]:
    """Choose `count` cuts of a trace, in the order of their positions."""
    rng = random.Random(f"{SEED} {name}")
    starts, names = [0], ["before"]
    for at, step in enumerate(trace.steps):
        if isinstance(step, Mark) and isinstance(step.note, Phase):
            starts.append(at)
            names.append(step.note.name)
    ends = [*starts[1:], len(trace.steps)]
    stretches = [
        (start, end, phase)
        for start, end, phase in zip(starts, ends, names, strict=True)
        if end > start
    ]
    cuts: list[Cut] = []
    shift = rng.randrange(len(FAULTS) * len(stretches))
    for number in range(count):
        start, end, phase = stretches[((number + shift) // len(FAULTS)) % len(stretches)]
        fault = list(FAULTS)[(number + shift) % len(FAULTS)]
        upto = rng.randint(start, end)
        if fault == "blast":
            upto = _after_a_write(trace, upto, end)
        cuts.append(Cut(upto, fault, phase, number))
    return sorted(cuts)


def _after_a_write(trace: Trace, upto: int, end: int) -> int:
    for at in range(max(upto, 1), end + 1):
        if isinstance(trace.steps[at - 1], Write):
            return at
    return upto


def after_each(
    trace: Trace, cuts: list[Cut], before: Ledger | None = None
) -> Iterator[tuple[Cut, Picture, Ledger]]:
    """Give the disk as each cut leaves it, with what the world had been told by then."""
    platter, ledger, done = Platter(trace), Ledger() if before is None else before.copy(), 0
    for cut in cuts:
        for step in trace.steps[done : cut.upto]:
            platter.take(step)
            if isinstance(step, Mark):
                ledger.take(step.note)
        done = cut.upto
        yield cut, platter.picture(FAULTS[cut.fault](platter, cut.rng())), ledger


Check = Callable[[Path, Ledger], list[str]]


def run(
    tally: Tally,
    trace: Trace,
    count: int,
    scratch: Path,
    check: Check,
    before: Ledger | None = None,
) -> None:
    """Cut `count` times; `check` gets each folder as the machine finds it, and the ledger."""
    began_s = time.perf_counter()
    chosen = plan(trace, count, f"{tally.name} {tally.cuts.total()}")
    for cut, picture, ledger in after_each(trace, chosen, before):
        place = scratch / "cut"
        lay_out(picture, place)
        tally.add(cut, asked(check, place, ledger))
        shutil.rmtree(place)
    tally.took_s += time.perf_counter() - began_s


def asked(check: Check, place: Path, ledger: Ledger) -> list[str]:
    """Ask `check`; whatever it raises is a finding too, and so is no answer in `ANSWER_S`."""
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(ANSWER_S)
    try:
        return check(place, ledger)
    except Exception as error:  # noqa: BLE001 - whatever the code under test raises is a finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _too_long(_signal: int, _frame: object) -> None:
    raise NoAnswer(f"no answer for {ANSWER_S} s")


def kept_and_goes_on(place: Path, ledger: Ledger) -> list[str]:
    """Open with the real code, compare with the ledger, commit once more, end, open again."""
    data_dir = place / "data"
    told = ledger.copy()
    store = open_store(data_dir, quota_bytes=QUOTA_BYTES)
    try:
        found = complaints(store, told)
        world = World(random.Random(0), told.take)
        world.adopt(store)
        world.commits(store, 1)
    finally:
        store.close()
    store = open_store(data_dir, quota_bytes=QUOTA_BYTES)
    try:
        found += [f"after going on: {what}" for what in complaints(store, told)]
    finally:
        store.close()
    found += [
        f"set apart without need: {path.name}: {folder.why_apart(path)}"
        for path in folder.set_apart_before(data_dir)
    ]
    return found
