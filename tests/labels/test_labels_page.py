"""docs/labels.md shows what people will see: every command of it is run."""

import re
import shlex
from pathlib import Path

import pytest

from edge_agent.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/labels.md").read_text("utf-8")
SHOWN = re.findall(r"^\$ edge-agent (.*)\n((?:.+\n)+?)(?=\n|```)", PAGE, re.MULTILINE)


def test_the_page_shows_something() -> None:
    assert len(SHOWN) == PAGE.count("$ edge-agent")


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_command_answers_as_the_page_says(
    command: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == shown
