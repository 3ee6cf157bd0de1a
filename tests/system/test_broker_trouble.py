"""Brokers that refuse, hang, lie or are not there: a state in words, and no scan lost meanwhile."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.agents import Agent
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import MOSQUITTO, Mosquitto, free_port
from tests.kit.tls import OPENSSL, Authority, listener

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="amqtt knows neither these users nor TLS"),
]

QUICK = "connect_timeout_s = 0.5\nconnack_timeout_s = 0.5\n"


@contextmanager
def server(*, answers: bytes | None) -> Iterator[int]:
    """Take connections; say `answers` and hang up, or say nothing for ever."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    caller, _ = door.accept()
                except OSError:
                    return
                kept.append(caller)
                if answers is not None:
                    caller.recv(4096)
                    caller.sendall(answers)
                    caller.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(door.getsockname()[1])
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in kept:
                one.close()


def suffer(agent: Agent, url: str, words: str, broker: str = "") -> None:
    """Reload with another broker, wait for the words of its trouble, scan once under it."""
    agent.url, agent.broker = url, QUICK + broker
    agent.write()
    agent.signal(signal.SIGHUP)
    said = agent.until_status(
        lambda said: said["broker"]["condition"] == "trouble" and words in said["broker"]["why"],
        words,
    )
    assert said["broker"]["remedy"]
    agent.gun.scan(f"while-{words}")
    agent.until_answered()


def test_every_broker_trouble_is_a_state_and_loses_nothing(tmp_path: Path) -> None:
    closed = Mosquitto(tmp_path / "closed", users={"pi": "right"})
    good = Mosquitto(tmp_path / "good")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "password").write_text("wrong\n")
    login = 'username = "pi"\npassword_file = "password"\n'
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    with (
        closed,
        good,
        server(answers=b"") as hanging,
        server(answers=None) as mute,
        server(answers=b"HTTP/1.1 400 Bad Request\r\n" + b"X" * 200) as other,
        Agent(tmp_path / "a", url=nobody, broker=QUICK) as agent,
        Arrivals(good.port) as arrivals,
    ):
        suffer(agent, nobody, "nothing listens on")
        suffer(agent, f"mqtt://127.0.0.1:{closed.port}", "does not allow us", login)
        absent = login.replace('"password"', '"absent"')
        suffer(agent, f"mqtt://127.0.0.1:{closed.port}", "No such file", absent)
        suffer(agent, f"mqtt://127.0.0.1:{hanging}", "hangs up before it answers")
        suffer(agent, f"mqtt://127.0.0.1:{mute}", "never answers")
        suffer(agent, f"mqtt://127.0.0.1:{other}", "not MQTT")
        suffer(agent, f"mqtts://127.0.0.1:{good.port}", "does not speak TLS")
        agent.url, agent.broker = f"mqtt://127.0.0.1:{good.port}", ""
        agent.write()
        agent.signal(signal.SIGHUP)
        agent.until_connected()
        agent.until_empty()
        arrivals.until_texts(agent.gun.made)
        judge(arrivals, agent.guns)
        assert agent.stop() == 0
    said = "\n".join(agent.lines())
    assert "Traceback" not in said, said
    assert "wrong\n" not in said


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_a_wrong_ca_is_named_and_the_right_one_is_taken_by_a_reload(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs", "Other CA")
    certificate, key = ours.issue("broker", alternative="IP:127.0.0.1")
    tls = listener(ours, certificate, key, clients=False)
    with Mosquitto(tmp_path / "tls", tls=tls) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        wrong = f'ca_file = "{theirs.certificate}"\n'
        with Agent(tmp_path / "a", url=url, broker=wrong) as agent:
            suffer(agent, url, "is not signed by our CA", wrong)
            agent.broker = f'ca_file = "{ours.certificate}"\n'
            agent.write()
            agent.signal(signal.SIGHUP)
            agent.until_connected()
            agent.until_empty()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the agent a name server")
def test_a_name_server_that_says_nothing(tmp_path: Path) -> None:
    """The agent goes on scanning while a look-up hangs, and leaves in good time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        try:
            mute.bind(("127.0.0.77", 53))
        except OSError:
            pytest.skip("port 53 is taken")
        names = tmp_path / "resolv.conf"
        names.write_text("nameserver 127.0.0.77\noptions timeout:30 attempts:5\n")
        agent = Agent(tmp_path / "a", url="mqtt://broker.plant.example", broker=QUICK)
        bind = f'mount --bind {names} /etc/resolv.conf && exec "$@"'
        agent.prefix = ["unshare", "-m", "sh", "-c", bind, "sh"]
        with agent:
            said = agent.until_status(
                lambda said: said["broker"]["condition"] == "trouble", "the broker is in trouble"
            )
            assert "name server" in said["broker"]["why"]
            agent.gun.scan("in spite of it")
            agent.until_answered()
            assert agent.stop() == 0
