"""Ways in which a journal's file is found broken, and what of it can still be told apart.

A life is recorded, stopped at one moment, and its file spoilt: a page of rows, the page that all
rows are found through, the header, or the second half of the file.
"""

import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.crash.campaign import SEED
from tests.crash.ledger import Ledger, Told
from tests.crash.lives import World
from tests.kit.disk import Platter, lay_out
from tests.kit.recording_vfs import recording
from tests.kit.steps import Mark, Picture

PAGE_BYTES: Final = 4096
DATABASE: Final = "data/journal/events.db"

_LEAF: Final = b"\x0d"
_ROW: Final = re.compile(rb'\{"seq":(\d+),')
_EVERYTHING: Final = frozenset(range(1 << 12))


class Broken(NamedTuple):
    """A folder with a broken journal, what the world knows of it, and the rows that may be gone."""

    picture: Picture
    ledger: Ledger
    gone: frozenset[int]


Break = Callable[[bytes, Path], Iterator[tuple[bytes, frozenset[int]]]]


def a_page(database: bytes, _scratch: Path) -> Iterator[tuple[bytes, frozenset[int]]]:
    """Fill one page of rows, not the last, with noise; every such page, one after the other."""
    rng = random.Random(SEED)
    pages = _pages_of_rows(database)[:-1]
    rng.shuffle(pages)
    for gone, at in pages:
        yield _with(database, at, rng.randbytes(PAGE_BYTES)), frozenset(gone)


def the_last_page(database: bytes, _scratch: Path) -> Iterator[tuple[bytes, frozenset[int]]]:
    """Fill the page with the newest rows with noise: how many there were cannot be asked."""
    gone, at = _pages_of_rows(database)[-1]
    yield _with(database, at, random.Random(SEED).randbytes(PAGE_BYTES)), frozenset(gone)


def _pages_of_rows(database: bytes) -> list[tuple[list[int], int]]:
    """List the numbers on each leaf of rows and its place, oldest rows first."""
    found: list[tuple[list[int], int]] = []
    for at in range(0, len(database), PAGE_BYTES):
        page = database[at : at + PAGE_BYTES]
        numbers = sorted(int(seq) for seq in _ROW.findall(page))
        if page[:1] == _LEAF and numbers:
            found.append((numbers, at))
    return sorted(found)


def the_root(database: bytes, scratch: Path) -> Iterator[tuple[bytes, frozenset[int]]]:
    """Lose the page that all rows are found through."""
    file = scratch / "root.db"
    file.write_bytes(database)
    sql = sqlite3.connect(f"file:{file}?immutable=1", uri=True)
    (page,) = sql.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
    sql.close()
    file.unlink()
    yield _with(database, (page - 1) * PAGE_BYTES, bytes(PAGE_BYTES)), _EVERYTHING


def the_header(database: bytes, _scratch: Path) -> Iterator[tuple[bytes, frozenset[int]]]:
    """Fill the first page with noise: nothing can be read any more."""
    yield _with(database, 0, random.Random(SEED).randbytes(PAGE_BYTES)), _EVERYTHING


def the_second_half(database: bytes, _scratch: Path) -> Iterator[tuple[bytes, frozenset[int]]]:
    """Cut the file in the middle."""
    yield database[: len(database) // PAGE_BYTES // 2 * PAGE_BYTES], _EVERYTHING


def _with(database: bytes, at: int, page: bytes) -> bytes:
    return database[:at] + page + database[at + len(page) :]


def broken(scratch: Path, how: Break, *, wal: bool, commits: int = 30) -> Broken:
    """Record a life and break its file; with `wal` as a cut leaves it, else after a clean end."""
    picture, ledger = _life(scratch, commits, wal=wal)
    database = picture[DATABASE]
    assert database is not None
    for spoilt, gone in how(database, scratch):
        found = picture | {DATABASE: spoilt}
        if not _sound(found, scratch):
            return Broken(found, ledger, gone)
    raise AssertionError("no page of rows whose loss can be seen")


def _life(scratch: Path, commits: int, *, wal: bool) -> tuple[Picture, Ledger]:
    place = scratch / "life"
    place.mkdir()
    with recording(place) as tape:
        _work(place / "data", World(random.Random(SEED), tape.mark), commits)
    shutil.rmtree(place)
    steps = tape.trace.steps
    told = [
        at for at, step in enumerate(steps) if isinstance(step, Mark) and type(step.note) is Told
    ]
    platter, ledger = Platter(tape.trace), Ledger()
    for step in steps[: told[-1] + 1] if wal else steps:
        platter.take(step)
        if isinstance(step, Mark):
            ledger.take(step.note)
    return platter.live(), ledger


def _work(data_dir: Path, world: World, commits: int) -> None:
    """Leave many rows in the database and a few, newer ones, in the WAL alone."""
    store = world.open(data_dir)
    world.commits(store, commits // 2)
    world.commits(store, commits, plain=True)
    store.checkpoint()
    world.commits(store, 6, plain=True)
    store.close()


def _sound(picture: Picture, scratch: Path) -> bool:
    place = scratch / "looked-at"
    lay_out(picture, place)
    sql = sqlite3.connect(place / DATABASE)
    try:
        return bool(sql.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
    finally:
        sql.close()
        shutil.rmtree(place)
