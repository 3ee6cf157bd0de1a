"""A journal in a folder whose flushes cost nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.journal.store import Store
from tests.kit.journals import opened, quick_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder whose flushes cost nothing: there are thousands, and nobody cuts the power."""
    with quick_folder() as made:
        yield Path(made)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = opened(data_dir)
    yield made
    made.close()
