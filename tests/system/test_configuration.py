"""What a person gets wrong before the agent runs: words, the right exit code, never a traceback."""

import json
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.agents import COMMAND, PATIENCE_S, Agent, command

NOWHERE = "mqtt://127.0.0.1:9"

GOOD = f"""
[agent]
id = "pi-a2"
data_dir = "data"
[broker]
url = "{NOWHERE}"
[site]
base = "acme/plant1"
[[station]]
id = "A2"
"""

WRONG = {
    "malformed": ("[agent\nid = 3", [":1:"]),
    "not-utf8": (b'[agent]\nid = "\xff"', [":2:"]),
    "empty": ("", ["agent", "broker", "site", "station"]),
    "wildcards-and-dots": (GOOD.replace("acme/plant1", "acme/+/pl.ant/#"), ["+", "#", "dot"]),
    "three-at-once": (
        GOOD.replace("data_dir", "data_dri").replace('"A2"', '"A 2"').replace("mqtt:", "http:"),
        ["data_dir", "A-2", "mqtt://"],
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not (tmp_path / "data").exists(), "a bad configuration has left something behind"


@pytest.mark.parametrize("what", WRONG)
def test_a_bad_configuration_is_refused_with_all_that_is_wrong(folder: Path, what: str) -> None:
    text, words = WRONG[what]
    file = folder / "agent.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran, checked = command("run", file), command("check", file)
    assert (ran.code, checked.code) == (78, 2)
    assert ran.err.splitlines() == checked.out.splitlines()
    for line in checked.out.splitlines():
        assert re.match(re.escape(str(file)) + r":\d+:\d+: [^:]+: .+; .+", line), line
    for word in words:
        assert word in checked.out
    assert len(checked.out.splitlines()) >= min(len(words), 3)


def test_a_configuration_that_is_not_there(folder: Path) -> None:
    file = folder / "none.toml"
    codes = {"run": 78, "check": 2, "status": 78, "outbox": 78, "watch": 78}
    for name, code in codes.items():
        ended = command(name, file, *(("list",) if name == "outbox" else ()))
        assert ended.code == code, name
        assert f"{file}:1:1: " in ended.out + ended.err


def test_wrong_usage_is_64() -> None:
    for words in ([], ["fly"], ["run"], ["status", "a", "b"], ["outbox", "a", "show"]):
        ended = command(*words)
        assert ended.code == 64, words
        assert ended.err


def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: Path) -> None:
    file = folder / "agent.toml"
    file.write_text(GOOD.replace("[site]", 'password = "hunter2"\n[site]'))
    ended = command("run", file)
    assert ended.code == 78
    assert "password_file" in ended.err
    assert "hunter2" not in ended.err


# -- data_dir ----------------------------------------------------------------------------------


def test_a_second_agent_on_one_data_dir_is_told_who_has_it(tmp_path: Path) -> None:
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        ended = command("run", agent.config)
        assert ended.code == 75
        assert f"process {agent.process.pid}" in ended.err
        assert len(ended.err.splitlines()) == 1
        agent.gun.scan("still-mine")
        agent.until_answered()
    assert agent.gun.outcomes("accepted")


def test_a_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    (tmp_path / "data").write_text("a file stands here")
    file.write_text(GOOD)
    ended = command("run", file)
    assert ended.code == 78
    assert "agent.data_dir" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_data_dir_that_is_missing_is_made(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    agent.config.write_text(agent.config.read_text().replace('"data"', '"deep/down/data"'))
    agent.data_dir = tmp_path / "a" / "deep" / "down" / "data"
    with agent:
        agent.gun.scan("first")
        agent.until_answered()
        assert agent.stop() == 0
    assert (agent.data_dir / "journal" / "events.db").exists()


# -- its own output ----------------------------------------------------------------------------


def test_under_systemd_the_log_is_json_lines(tmp_path: Path) -> None:
    with Agent(tmp_path / "a", url=NOWHERE, environ={"JOURNAL_STREAM": "8:1"}) as agent:
        agent.stop()
    for line in agent.lines():
        said = json.loads(line)
        assert {"time", "level", "logger", "message"} <= said.keys()


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_it_works_though_nobody_hears_it(tmp_path: Path, closed: str) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    agent.gun.open()
    script = f'exec "$@" {closed}'
    words = ["sh", "-c", script, "sh", *COMMAND, "run", os.fspath(agent.config)]
    with subprocess.Popen(words) as process:
        try:
            agent.gun.scan("heard", "all the same")
            pidfd = os.pidfd_open(process.pid)
            deadline = 1000
            while len(agent.gun.hear()) < 2 and deadline:
                gone, _, _ = select.select([pidfd], [], [], PATIENCE_S / 1000)
                assert not gone, "it ended"
                deadline -= 1
            os.close(pidfd)
            assert len(agent.gun.outcomes("accepted")) == 2
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            agent.gun.close()
