"""`edge-agent doctor` as people call it: what it finds, how it ends, and what it leaves alone."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.doctor import presence
from edge_agent.doctor.presence import State
from edge_agent.wire.topics import Topics
from tests.kit.agents import BASE, Agent, command
from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.kit.oracle import checked
from tests.kit.scanners import Pty
from tests.uplink.peers import accepting, hold
from tests.uplink.rig import Audience

pytestmark = pytest.mark.broker
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")

NOWHERE = "mqtt://127.0.0.1:9"
CODES = {"ok": 0, "warn": 1, "fail": 2}
KEYS = {"name", "group", "verdict", "what", "remedy"}

Checks = dict[tuple[str, str], dict[str, Any]]


def asked(config: Path, *, code: int | None = None) -> dict[str, Any]:
    """Ask for the document; its form and the exit code are checked whatever it says."""
    ended = command("doctor", config, "--json")
    assert ended.err == ""
    (line,) = ended.out.splitlines()
    document: dict[str, Any] = json.loads(line)
    assert document.keys() == {"agent", "running", "verdict", "checks"}
    assert ended.code == CODES[document["verdict"]]
    assert ended.code == code or code is None, document
    for one in document["checks"]:
        assert one.keys() == KEYS
        assert all(isinstance(text, str) for text in one.values())
        assert one["verdict"] in CODES
        assert one["remedy"] or one["verdict"] == "ok", one
    return document


def checks(document: dict[str, Any]) -> Checks:
    return {(one["group"], one["name"]): one for one in document["checks"]}


def on_broker(found: Checks, url: str) -> dict[str, dict[str, Any]]:
    return {name.removeprefix(f"{url} "): one for (_, name), one in found.items() if url in name}


def written(folder: Path, **how: Any) -> Agent:  # noqa: ANN401 - as an agent of the kit takes it
    """Write a configuration and start nothing."""
    return Agent(folder, **how)


def content(folder: Path) -> dict[str, bytes | None]:
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(tmp_path / "broker") as made:
        yield made


# -- at rest -------------------------------------------------------------------------------------


def test_before_the_first_start_all_is_looked_at_and_nothing_is_made(
    tmp_path: Path, broker: Mosquitto
) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    agent = written(tmp_path / "a", url=url)
    before = content(agent.folder)
    document = asked(agent.config)
    assert document["agent"] == "pi-a2"
    assert document["running"] is False
    found = checks(document)
    groups = [one["group"] for one in document["checks"]]
    order = ["agent", "disk", "journal", "clock", "devices", "broker"]
    assert [group for group in dict.fromkeys(groups) if group in order] == order
    assert "the first start makes it" in found["disk", "data_dir"]["what"]
    assert found["devices", "gun-1"]["verdict"] == "ok"
    assert [one["verdict"] for one in on_broker(found, url).values()] == ["ok"] * 4
    assert content(agent.folder) == before
    broker.wait_for("as pi-a2-doctor-")


def test_a_page_for_people_says_the_same(tmp_path: Path, broker: Mosquitto) -> None:
    agent = written(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}")
    topics = Topics(BASE)
    with Audience(broker.port) as audience:
        ended = command("doctor", agent.config)
        audience.until(lambda: audience.messages, "what the doctor says to itself")
    (said,) = audience.messages
    assert said.topic == topics.doctor("pi-a2")
    assert checked(said.payload, said.topic, topics)
    assert ended.code in (0, 1)  # 1: nobody keeps the clock of this machine
    lines = ended.out.splitlines()
    assert any(line.startswith("ok    broker   mqtt://") for line in lines)
    assert any("there and back" in line for line in lines)
    assert max(map(len, lines)) <= 80 + len(os.fspath(tmp_path))  # a path is not broken


def test_where_nobody_listens_it_fails_and_says_what_to_do(tmp_path: Path) -> None:
    found = checks(asked(written(tmp_path / "a", url=NOWHERE).config, code=2))
    assert found["broker", f"{NOWHERE} connect"]["verdict"] == "fail"
    assert "start the broker" in found["broker", f"{NOWHERE} connect"]["remedy"]


def test_a_broker_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with accepting(hold) as port:
        url = f"mqtt://127.0.0.1:{port}"
        agent = written(tmp_path / "a", url=url, broker="connack_timeout_s = 0.1")
        found = on_broker(checks(asked(agent.config, code=2)), url)
    assert found["connect"]["verdict"] == "ok"
    assert "never answers" in found["login"]["what"]


def test_one_broker_of_two_is_only_a_warning(tmp_path: Path, broker: Mosquitto) -> None:
    good = f"mqtt://127.0.0.1:{broker.port}"
    found = checks(asked(written(tmp_path / "a", url=[NOWHERE, good]).config))
    assert on_broker(found, NOWHERE)["connect"]["verdict"] == "warn"
    assert on_broker(found, good)["login"]["verdict"] == "ok"


@needs_mosquitto
def test_a_password_that_is_refused_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    with Mosquitto(tmp_path / "broker", users={"pi": "right"}) as strict:
        url = f"mqtt://127.0.0.1:{strict.port}"
        login = f'username = "pi"\npassword_file = "{tmp_path / "secret"}"'
        found = on_broker(
            checks(asked(written(tmp_path / "a", url=url, broker=login).config, code=2)), url
        )
    assert found["login"]["verdict"] == "fail"
    assert "publish" not in found


def test_ports_are_looked_at_and_each_trouble_has_its_remedy(tmp_path: Path) -> None:
    free, busy = Pty(), Pty()
    holder = os.open(busy.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    ports = {"free": free.path, "busy": busy.path, "missing": tmp_path / "ttyUSB9"}
    more = "".join(
        f'[[device]]\nname = "{name}"\nkind = "serial-scanner"\nstation = "A2"\nport = "{port}"\n'
        for name, port in ports.items()
    )
    try:
        agent = written(tmp_path / "a", url=NOWHERE, guns=(), more=more)
        found = checks(asked(agent.config, code=2))
    finally:
        os.close(holder)
        free.unplug()
        busy.unplug()
    assert found["devices", "free"]["verdict"] == "ok"
    assert f"is held by pid {os.getpid()}" in found["devices", "busy"]["what"]
    assert "is not there" in found["devices", "missing"]["what"]


def test_a_board_without_gpio_is_a_failure_where_a_device_needs_it(tmp_path: Path) -> None:
    if list(Path("/dev").glob("gpiochip*")):
        pytest.skip("this board has GPIO")
    lamp = '[[device]]\nname = "tower"\nkind = "gpio-lamp"\nstation = "A2"\nred = "GPIO5"\n'
    found = checks(asked(written(tmp_path / "a", url=NOWHERE, more=lamp).config, code=2))
    assert found["gpio", "chip"]["verdict"] == "fail"
    assert "board with GPIO" in found["gpio", "chip"]["remedy"]


@pytest.mark.parametrize("place", ["file", "/proc/self/task"])
def test_a_place_where_nothing_can_be_kept_is_a_failure(tmp_path: Path, place: str) -> None:
    agent = written(tmp_path / "a", url=NOWHERE)
    (agent.folder / "file").write_bytes(b"")
    text = agent.config.read_text().replace('data_dir = "data"', f'data_dir = "{place}"')
    agent.config.write_text(text)
    found = checks(asked(agent.config, code=2))
    failed = {name for (group, name), one in found.items() if one["verdict"] == "fail"}
    assert failed & {"data_dir", "commit"}
    assert not any("has failed itself" in one["what"] for one in found.values())


def test_a_journal_at_rest_is_read_and_stays_as_it_is(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    with agent:
        agent.gun.scan("K-1", "K-2")
        agent.until_answered()
        agent.stop()
        before = content(agent.data_dir)
        found = checks(asked(agent.config, code=2))
        assert content(agent.data_dir) == before
    assert found["journal", "journal"]["verdict"] == "ok"
    assert found["disk", "commit"]["what"].startswith("median")
    with (agent.data_dir / "journal" / "events.db").open("r+b") as file:
        file.write(b"no journal at all")
    broken = content(agent.data_dir)
    found = checks(asked(agent.config, code=2))
    assert content(agent.data_dir) == broken
    assert found["journal", "journal"]["verdict"] == "fail"
    assert "corrupt-1" in found["journal", "journal"]["remedy"]


# -- beside a running agent ----------------------------------------------------------------------


def test_a_running_agent_is_asked_and_not_disturbed(tmp_path: Path, broker: Mosquitto) -> None:
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}")
    with agent:
        agent.until_connected()
        agent.gun.scan("K-1")
        agent.until_answered()
        before = agent.until_empty()
        names = sorted(path.name for path in agent.data_dir.rglob("*"))
        document = asked(agent.config)
        assert document["running"] is True
        after = agent.status()
        assert sorted(path.name for path in agent.data_dir.rglob("*")) == names
        agent.gun.scan("K-2")
        agent.until_answered()
    found = checks(document)
    assert f"process {after['pid']}" in found["agent", "process"]["what"]
    assert found["devices", "gun-1"]["what"] == "the agent says ok"
    assert found["disk", "commit"]["what"].startswith("the agent's own")
    assert found["journal", "journal"]["what"].startswith("the agent says ok; 0 events wait")
    assert found["broker", "the agent's word"]["verdict"] == "ok"
    for counted in ("tries", "connects"):
        assert after["broker"]["counters"][counted] == before["broker"]["counters"][counted] == 1
    assert not any("already connected" in line for line in broker.lines)


def test_trouble_that_the_running_agent_has_is_told_in_its_words(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB9"
    more = f'[[device]]\nname = "gun"\nkind = "serial-scanner"\nstation = "A2"\nport = "{port}"\n'
    with Agent(tmp_path / "a", url=NOWHERE, more=more) as agent:
        agent.until_status(
            lambda said: said["broker"]["condition"] == "trouble", "the broker is in trouble"
        )
        found = checks(asked(agent.config, code=2))
    assert found["devices", "gun"]["verdict"] == "fail"
    assert found["devices", "gun"]["what"] == f"{port} is not there"
    assert found["broker", "the agent's word"]["verdict"] == "fail"


def test_a_password_that_only_the_agent_has_is_a_warning(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "mqtt-password").write_text("right")
    with Mosquitto(tmp_path / "broker", users={"pi": "right"}) as strict:
        url = f"mqtt://127.0.0.1:{strict.port}"
        agent = Agent(
            tmp_path / "a",
            url=url,
            broker='username = "pi"',
            environ={"CREDENTIALS_DIRECTORY": os.fspath(secrets)},
        )
        with agent:
            agent.until_connected()
            login = on_broker(checks(asked(agent.config)), url)["login"]
    assert login["verdict"] == "warn"
    assert "the running agent itself is connected" in login["what"]
    assert "LoadCredential" in login["remedy"]


def test_an_agent_that_does_not_answer_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "ASK_S", 0.05)
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        agent.signal(signal.SIGSTOP)
        met = presence.presence(agent.data_dir)
        agent.signal(signal.SIGCONT)
        assert met.state is State.MUTE
        (agent.data_dir / "agent.sock").unlink()
        met = presence.presence(agent.data_dir)
        assert met.state is State.MUTE
        assert f"process {agent.process.pid}" in met.why
        found = checks(asked(agent.config, code=2))
    assert found["agent", "process"]["verdict"] == "fail"
    assert not {"devices", "journal"} & {group for group, _ in found}
    assert ("disk", "commit") not in found


def test_a_socket_of_an_agent_that_has_died_is_no_agent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(os.fspath(tmp_path / "agent.sock"))
    assert presence.presence(tmp_path).state is State.RESTING
    assert presence.presence(tmp_path / "nowhere").state is State.RESTING


# -- wrong calls ---------------------------------------------------------------------------------


def test_a_bad_configuration_is_78_with_its_errors(tmp_path: Path) -> None:
    agent = written(tmp_path / "a", url=NOWHERE, more="[nonsense]\n")
    ended = command("doctor", agent.config)
    assert ended.code == 78
    assert "nonsense" in ended.err
    assert ended.out == ""
    assert command("doctor", tmp_path / "missing.toml").code == 78


def test_wrong_usage_is_64(tmp_path: Path) -> None:
    assert command("doctor").code == 64
    assert command("doctor", tmp_path / "a.toml", "--loud").code == 64
