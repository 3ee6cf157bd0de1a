"""A journal that nobody runs, looked at: what is broken is said to be, and nothing is changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.asking import outbox, status
from edge_agent.journal import folder
from edge_agent.journal import store as store_module
from tests.kit.journals import batch, filled, killed, opened, row

CONFIG = """
[agent]
id = "pi-a2"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:9"
[site]
base = "acme/plant1/assembly/line3"
[[station]]
id = "A2"
"""


PAYLOAD = b'{"specversion":"1.0","id":"aaaaaaaaaaaa-%012d","fill":"' + b"x" * 300 + b'"}'


@pytest.fixture(autouse=True)
def _small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "GROWN_WAL_BYTES", 64 * 1024)


def noise(file: Path) -> None:
    with file.open("r+b") as spoiling:
        spoiling.seek(file.stat().st_size // 2)
        spoiling.write(b"\xff" * 8192)


def no_wal(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


def looked_at(data_dir: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}


def at_rest(tmp_path: Path, broken: Callable[[Path], None] | None) -> Path:
    """Leave a journal as a kill does, and spoil it; returns the configuration."""
    (tmp_path / "run").mkdir()
    store = opened(tmp_path / "run" / "data")
    for first in (1, 101):
        rows = (row(n, payload=PAYLOAD % n) for n in range(first, first + 100))
        store.commit(batch(*rows))
        store.checkpoint()
    filled(store, 1, 201)
    killed(tmp_path / "run" / "data", tmp_path / "data")
    store.close()
    if broken is not None:
        broken(folder.place(tmp_path / "data") / folder.FILE)
    config = tmp_path / "station.toml"
    config.write_text(CONFIG, "utf-8")
    return config


@pytest.mark.parametrize("broken", [noise, no_wal])
def test_a_broken_journal_is_told_as_broken_and_what_becomes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: Callable[[Path], None]
) -> None:
    config = at_rest(tmp_path, broken)
    before = looked_at(tmp_path / "data")
    assert status(config, {}, as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["journal"]["condition"] == "trouble"
    assert "broken" in told["journal"]["why"]
    assert "corrupt-1" in told["journal"]["remedy"]
    assert told["counters"]["salvaged_waiting"] > 0
    assert status(config, {}, as_json=False) == 3
    assert "journal: trouble: the file is broken" in capsys.readouterr().out
    assert looked_at(tmp_path / "data") == before


def test_the_folder_that_it_will_be_is_the_next_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = at_rest(tmp_path, noise)
    (tmp_path / "data" / "corrupt-7").mkdir()
    status(config, {}, as_json=False)
    assert "corrupt-8" in capsys.readouterr().out


def test_a_sound_journal_is_told_as_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = at_rest(tmp_path, None)
    assert status(config, {}, as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["journal"]["condition"] == "ok"
    assert told["counters"]["events"]["stored"] == 201


def test_what_was_salvaged_is_shown_by_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = at_rest(tmp_path, no_wal)
    assert outbox(config, {}, "show 7") == 0
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["seq"], line["lane"], line["state"]) == (7, "salvaged", "waiting")
    assert line["event"]["id"].endswith("-000000000007")
    assert outbox(config, {}, "show 9999") == 0
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert "error" in line
