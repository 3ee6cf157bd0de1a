"""`edge-agent safe-outputs`: what can be made safe is, what cannot is told with its remedy."""

import json
from pathlib import Path

import pytest

from drivers.gpio_pins import use_pins
from edge_agent.cli import main
from tests.kit.boards import Board

CONFIGURATION = """
[agent]
id = "pi-a2"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:1"
[site]
base = "a/b"
[[station]]
id = "A2"
[[device]]
name = "tower-twin"
kind = "simulated-lamp"
station = "A2"
file = "lamp"
[[device]]
name = "stop-a"
kind = "gpio-output"
pin = "GPIO26"
on_agent_loss = "stop"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIGURATION)
    return file


def test_every_output_is_left_as_its_wiring_needs_it(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = Board()
    use_pins(board)
    try:
        assert main(["safe-outputs", str(config)]) == 0
    finally:
        use_pins(None)
    assert capsys.readouterr().out == "tower-twin: safe\nstop-a: safe\n"
    assert not board.level("GPIO26"), "de-energised asks for the stop"
    said = [json.loads(line) for line in (config.parent / "lamp").read_text().splitlines()]
    assert {line["pattern"] for line in said} == {"off"}


def test_what_cannot_be_made_safe_is_told_and_the_rest_is_done(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = Board()
    board.busy.add("GPIO26")
    use_pins(board)
    try:
        assert main(["safe-outputs", str(config)]) == 2
    finally:
        use_pins(None)
    said = capsys.readouterr()
    assert said.out == "tower-twin: safe\n"
    assert said.err.startswith("stop-a: GPIO26 ")
    assert said.err.count("\n") == 1
