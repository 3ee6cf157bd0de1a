"""The validator as a process of its own says what it would say here, and is never waited on."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent import validation
from edge_agent.configuration import BadConfiguration, Configuration, Problem, from_wire, to_wire
from edge_agent.settings import load
from edge_agent.validation import Validation, validated

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60

EXAMPLES = sorted((ROOT / "config").rglob("*.toml"))


@pytest.mark.usefixtures("every_kind")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_wire_changes_nothing(path: Path) -> None:
    made = load(path, {})
    assert from_wire(to_wire(made)) == made


def test_the_wire_of_another_version_is_refused(
    loaded: Callable[..., Configuration], good: str
) -> None:
    wire = to_wire(loaded(good)).replace(b'"version": "', b'"version": "9')
    with pytest.raises(ValueError, match=r"version 90\.1\.0 validates, version 0\.1\.0 runs"):
        from_wire(wire)


def test_another_process_validates_the_same(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    environ = {**os.environ, "EDGE_AGENT__AGENT__ID": "pi-9"}
    assert validated(Path("c.toml"), environ) == load(Path("c.toml"), environ)


def test_another_process_refuses_the_same(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good + 'x = 1\n"Straße" = "é"\n', "utf-8")
    with pytest.raises(BadConfiguration) as there:
        validated(Path("c.toml"), os.environ)
    with pytest.raises(BadConfiguration) as here:
        load(Path("c.toml"), {})
    assert there.value.problems == here.value.problems


def test_what_lies_about_in_the_working_directory_is_not_run(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    (folder / "json.py").write_text("raise SystemExit(3)")
    assert validated(folder / "c.toml", os.environ).agent.id == "pi-a2"


def test_a_reactor_can_watch_it(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    running = Validation(folder / "c.toml", os.environ)
    ended = False
    while not ended:
        assert select.select([running.fd], [], [], LIMIT_S)[0], "the validator says nothing"
        ended = running.receive()
    assert running.receive()  # once more does not wait
    assert running.configuration().agent.id == "pi-a2"


def test_one_that_is_abandoned_leaves_nothing(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    running = Validation(folder / "c.toml", os.environ)
    pid = running._pid
    running.abandon()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(running.fd)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_one_whose_answer_nobody_awaits_ends_without_a_word(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [sys.executable, "-m", "edge_agent.settings", "--", "c.toml"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=LIMIT_S,
        check=False,
        env=validation._surroundings(os.environ),
    )
    os.close(theirs)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_one_that_dies_is_a_bad_configuration(folder: Path, good: str) -> None:
    (folder / "c.toml").write_text(good)
    running = Validation(Path("c.toml"), os.environ)
    os.kill(running._pid, signal.SIGKILL)
    with pytest.raises(BadConfiguration, match="the validator ended with signal 9"):
        running.configuration()


def test_one_that_says_too_much_is_killed(
    folder: Path, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "ANSWER_BYTES_MAX", 10)
    (folder / "c.toml").write_text(good)
    with pytest.raises(BadConfiguration, match="file: the validator"):
        validated(Path("c.toml"), os.environ)


def test_one_that_is_silent_is_killed(
    folder: Path, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "VALIDATION_S_MAX", 0)
    (folder / "c.toml").write_text(good)
    with pytest.raises(BadConfiguration, match="the validator ended with signal 9"):
        validated(Path("c.toml"), os.environ)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent.settings", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_the_command_prints_the_wire() -> None:
    done = run("config/minimal.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert from_wire(done.stdout.encode()).folder == ROOT / "config"


def test_the_command_prints_problems_as_lines(folder: Path) -> None:
    (folder / "c.toml").write_text("x = 1\n")
    done = run(str(folder / "c.toml"))
    lines = [Problem(**json.loads(line)) for line in done.stdout.splitlines()]
    assert (done.returncode, len(lines), lines[0].key) == (78, 5, "x")


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--what",), ("--schema",)])
def test_the_command_knows_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("usage: ")


def test_the_running_agent_does_not_carry_the_validator() -> None:
    code = (
        "import os, sys; from pathlib import Path; from edge_agent.validation import validated; "
        "from edge_agent.changes import changes; "
        "validated(Path('config/minimal.toml'), os.environ); "
        "sys.exit(', '.join({'pydantic', 'tomllib', 'edge_agent.settings'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == "\n"
