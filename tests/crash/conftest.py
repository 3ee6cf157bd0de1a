"""A place in memory for folders that live for milliseconds, and the table of what was found."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.journal import store
from tests.crash.campaign import SEED, Tally
from tests.kit.disk_faults import FAULTS

_MEMORY = Path("/dev/shm")
_tallies: list[Tally] = []


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Give a folder on a RAM disk where there is one: the durability tested here is simulated."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    place = Path(tempfile.mkdtemp(prefix="edge-agent-crash-", dir=memory))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grow the WAL to 64 KiB only: the same steps, sixty times fewer of them."""
    monkeypatch.setattr(store, "GROWN_WAL_BYTES", 64 * 1024)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Give a row of the table, named after the test."""
    made = Tally(request.node.name.removeprefix("test_").replace("_", " "))
    _tallies.append(made)
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table: bad cuts of all cuts, by what the disk did with unflushed writes."""
    rows = [made for made in _tallies if made.cuts]
    if not rows:
        return
    terminalreporter.section(f"power cuts: bad/all by fault of the disk (SEED={SEED})")
    terminalreporter.write_line(f"{'':<52}" + "".join(f"{fault:>9}    " for fault in FAULTS))
    for made in rows:
        terminalreporter.write_line(made.line())
    total = sum(made.cuts.total() for made in rows)
    terminalreporter.write_line(f"{total} cuts in {sum(made.took_s for made in rows):.1f} s")
