"""What people at the line would miss is told before they miss it."""

from pathlib import Path

import pytest

from edge_agent.configuration import Configuration
from edge_agent.doctor import reach
from edge_agent.ports import Verdict
from edge_agent.settings import load

_AT_A2 = 'kind = "serial-scanner"\nstation = "A2"'
EXAMPLE = Path(__file__).parents[2] / "config" / "four-station-segment.toml"


def made(folder: Path, *changes: tuple[str, str]) -> Configuration:
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "line.toml"
    file.write_text(text)
    return load(file, {})


def warned(configuration: Configuration) -> dict[str, str]:
    found = list(reach.judged(configuration))
    assert all(one.remedy for one in found if one.verdict is Verdict.WARN)
    return {one.name: one.what for one in found if one.verdict is Verdict.WARN}


def test_the_example_lacks_nothing(tmp_path: Path) -> None:
    (found,) = reach.judged(made(tmp_path))
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ([('purpose = "clear"', 'purpose = "mute"')], "A1", "nothing there clears a call"),
        (
            [('cancel = "second-pull"', 'cancel = "leader"'), ('"ack"', '"mute"')],
            "A1",
            "nothing there shows that one came",
        ),
        ([("restart_warning_s = 5.0", "restart_warning_s = 0.0")], "SEG-A", "as soon as"),
        (
            [('kind = "gpio-horn"', 'kind = "gpio-output"\non_agent_loss = "run"')],
            "SEG-A",
            "not heard",
        ),
    ],
)
def test_what_nobody_could_do_there_is_a_warning(
    tmp_path: Path, changes: list[tuple[str, str]], name: str, words: str
) -> None:
    ((where, what),) = warned(made(tmp_path, *changes)).items()
    assert where == name
    assert words in what


def test_a_scanner_takes_badges_and_words_where_no_button_is(tmp_path: Path) -> None:
    found = warned(made(tmp_path, ('kind = "serial-scanner"\nstation = "A3"', _AT_A2)))
    assert list(found) == ["A3"]
