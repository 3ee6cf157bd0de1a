"""The demo's broker, both kinds: anybody may listen; it dies at once and comes back."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.demo.broker import PORTS, Broker, Link, NoBroker, choose_port, find_mosquitto
from edge_agent.reactor import Reactor

pytestmark = pytest.mark.broker

ENGINES = [pytest.param(find_mosquitto(), id="mosquitto"), pytest.param(None, id="amqtt")]
CONNECT = bytes.fromhex("101000044d5154540402003c000464656d6f")
CONNACK = bytes.fromhex("20020000")


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    loop = Reactor(SystemClock())
    yield loop
    loop.close()


def greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as visitor:
        visitor.settimeout(10)
        visitor.sendall(CONNECT)
        return visitor.recv(4)


@pytest.mark.parametrize("mosquitto", ENGINES)
def test_it_welcomes_anybody_dies_and_comes_back(
    reactor: Reactor, tmp_path: Path, mosquitto: str | None
) -> None:
    links: list[Link] = []
    broker = Broker(
        reactor, tmp_path, changed=lambda: links.append(broker.link), mosquitto=mosquitto
    )
    print(broker.engine)
    broker.start()
    try:
        assert greeting(broker.port) == CONNACK
        broker.cut()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", broker.port), 1)
        broker.start()
        assert greeting(broker.port) == CONNACK
    finally:
        broker.stop()
    assert links == [Link.UP, Link.CUT, Link.UP]


def test_a_death_that_nobody_ordered_is_said(reactor: Reactor, tmp_path: Path) -> None:
    links: list[Link] = []
    broker = Broker(
        reactor, tmp_path, changed=lambda: links.append(broker.link), mosquitto=find_mosquitto()
    )
    broker.start()
    os.kill(broker.pid or 0, signal.SIGTERM)
    while Link.DEAD not in links:
        reactor.turn()
    broker.restore()
    broker.stop()
    assert links == [Link.UP, Link.DEAD, Link.UP]


def test_a_taken_port_is_refused_with_what_to_do(reactor: Reactor, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NoBroker, match="choose another with --port"):
            Broker(reactor, tmp_path, port=port, changed=print)


def test_a_free_port_is_none_that_an_agent_could_connect_from() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert choose_port(None) in PORTS
    assert PORTS.stop <= lowest
