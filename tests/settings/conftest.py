"""What the tests of the settings share: a file that is written, and what is said about it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.configuration import BadConfiguration, Configuration
from edge_agent.settings import load

GOOD = """\
[agent]
id = "pi-a2"
data_dir = "data"

[broker]
url = "mqtt://127.0.0.1:1883"

[site]
base = "acme/plant1/assembly/line3"

[[station]]
id = "A2"

[[device]]
name = "gun-1"
kind = "simulated-scanner"
station = "A2"
fifo = "gun"
"""
"""A small configuration that is right; its last table is the device."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def loaded(folder: Path) -> Callable[..., Configuration]:
    """Load a text, with variables of the environment as keywords."""

    def load_it(text: str | bytes, **environ: str) -> Configuration:
        content = text.encode() if isinstance(text, str) else text
        (folder / "c.toml").write_bytes(content)
        return load(Path("c.toml"), environ)

    return load_it


@pytest.fixture
def refused(loaded: Callable[..., Configuration]) -> Callable[..., list[str]]:
    """Load a text that is wrong and give the lines that are said about it."""

    def refuse_it(text: str | bytes, **environ: str) -> list[str]:
        with pytest.raises(BadConfiguration) as bad:
            loaded(text, **environ)
        return [str(problem) for problem in bad.value.problems]

    return refuse_it
