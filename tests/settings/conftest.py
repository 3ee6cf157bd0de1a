"""What the tests of the settings share: a file that is written, and what is said about it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import drivers
from edge_agent.configuration import BadConfiguration, Configuration
from edge_agent.settings import load
from edge_agent.settings.devices import model_of
from tests.kit.floor_parts import KINDS, SHIPPED

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


LINE = """\
[agent]
id = "pi-a"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:1883"
[site]
base = "acme/plant1/assembly/line3"
time_zone = "Europe/Berlin"
calendar = "two-shift"

[[calendar]]
id = "two-shift"
days_off = ["2026-12-25"]
[[calendar.shift]]
id = "early"
days = ["mon", "tue", "wed", "thu", "fri"]
start = "06:00"
end = "14:00"
breaks = ["09:00-09:10", "11:30-12:00"]
[[calendar.shift]]
id = "late"
days = ["mon", "tue", "wed", "thu"]
start = "14:00"
end = "22:00"

[[segment]]
id = "SEG-A"
takt_s = 60.0
fixed_position = "pulse:pulse-a"
stop_output = "stop-a"
start_input = "start-a"

[[station]]
id = "A1"
[[station]]
id = "A2"
segment = "SEG-A"
roles = ["consumer"]

[[andon]]
station = "A2"
category = "quality"
stops = true
cancel = "second-pull"
escalate = [
  { level = 2, after_s = 60.0, notify = "group-leader" },
  { level = 3, after_s = 300.0, notify = "manager" },
]

[[person]]
badge = "E:1007"
name = "L. Weber"
roles = ["leader"]
shifts = ["early"]

[[reason]]
code = "FIT"
text = "Does not fit"

[[device]]
name = "cord-a2"
kind = "a-cord"
station = "A2"
category = "quality"
pin = "GPIO17"
[[device]]
name = "pulse-a"
kind = "a-button"
station = "A2"
purpose = "fixed-position"
pin = "GPIO27"
[[device]]
name = "start-a"
kind = "a-button"
station = "A2"
purpose = "start"
pin = "GPIO22"
[[device]]
name = "tower-a2"
kind = "a-lamp"
station = "A2"
red = "GPIO5"
[[device]]
name = "stop-a"
kind = "an-output"
pin = "GPIO26"
[[device]]
name = "beat-a"
kind = "an-output"
pin = "GPIO20"
purpose = "heartbeat"
"""
"""A line that is right: what it says of one thing stands in one place."""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the text of a line whose devices are of nobody; their kinds are known meanwhile."""
    for kind, name in KINDS.items():
        monkeypatch.setitem(drivers.KINDS, kind, ("tests.kit.floor_parts", name))  # type: ignore[misc]
    model_of.cache_clear()
    yield LINE
    model_of.cache_clear()


@pytest.fixture
def every_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the examples that are shipped be loaded: a kind without a driver has a stand-in."""
    for kind, name in SHIPPED.items():
        if kind not in drivers.KINDS:
            monkeypatch.setitem(drivers.KINDS, kind, ("tests.kit.floor_parts", name))  # type: ignore[misc]
    model_of.cache_clear()
    yield
    model_of.cache_clear()
