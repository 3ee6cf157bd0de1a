"""A socket that cannot be made is tried again, and an agent without one is not called away."""

import os
from pathlib import Path

import pytest

from edge_agent import asking
from edge_agent.desk import NAME, OPEN_AGAIN_NS, Desk
from edge_agent.possession import possess
from edge_agent.reactor import Reactor
from tests.kit.scanners import HandClock

CONFIGURATION = """
[agent]
id = "pi-a2"
data_dir = "{data_dir}"
[broker]
url = "mqtt://127.0.0.1:1"
[site]
base = "a/b"
[[station]]
id = "A2"
"""


def test_a_socket_is_made_as_soon_as_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock()
    reactor = Reactor(clock)
    data_dir = tmp_path / "data"  # not there yet: as good as a card that takes nothing
    desk = Desk(reactor, data_dir, lambda *_: None)
    desk.open()
    for _ in range(5):
        clock.now_ns += OPEN_AGAIN_NS
        reactor.turn(wait=False)
    assert len([one for one in caplog.records if "cannot be asked" in one.message]) == 1
    data_dir.mkdir()
    clock.now_ns += OPEN_AGAIN_NS
    reactor.turn(wait=False)
    assert (data_dir / NAME).is_socket()
    desk.close()
    assert reactor.next_due_ns() > clock.now_ns + 10**15
    reactor.close()


def test_an_agent_without_a_socket_runs_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"
    held = possess(data_dir)
    config = tmp_path / "agent.toml"
    config.write_text(CONFIGURATION.format(data_dir=data_dir))
    assert asking.status(config, {}, as_json=False) == asking.OK
    said = capsys.readouterr().out
    assert "pi-a2: running" in said
    assert "its socket is not there" in said
    assert asking.outbox(config, {}, "list") == asking.OK
    assert "its socket is not there" in capsys.readouterr().out
    os.close(held)
