"""TLS: who is trusted, who is not, and what people are told about it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.ports import Condition
from edge_agent.uplink import connection
from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.kit.tls import OPENSSL, Authority, listener
from tests.uplink.peers import accepting, hold, trouble
from tests.uplink.rig import Rig

pytestmark = pytest.mark.broker

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def tls_broker(
    folder: Path, authority: Authority, *, name: str = "IP:127.0.0.1", **how: bool
) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    expired = how.get("expired", False)
    certificate, key = authority.issue("broker", alternative=name, expired=expired)
    lines = listener(authority, certificate, key, clients=how.get("clients", False))
    with Mosquitto(folder / "tls", tls=lines) as broker:
        yield broker


@needs_openssl
def test_tls_with_the_right_ca(authority: Authority, tmp_path: Path) -> None:
    with (
        tls_broker(tmp_path, authority) as broker,
        Rig(broker.port, tls=True, ca_file=authority.certificate) as rig,
    ):
        rig.connected().scans(500, size=2000)
        rig.settled()
        assert rig.counter("acknowledged") == 501


@needs_openssl
def test_tls_with_another_ca(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "Another CA")
    with (
        tls_broker(tmp_path, authority) as broker,
        Rig(broker.port, tls=True, ca_file=stranger.certificate) as rig,
    ):
        trouble(rig, "is not signed by our CA", "broker.ca_file")


@needs_openssl
def test_tls_with_a_certificate_for_somebody_else(authority: Authority, tmp_path: Path) -> None:
    with (
        tls_broker(tmp_path, authority, name="DNS:elsewhere.plant") as broker,
        Rig(broker.port, tls=True, ca_file=authority.certificate) as rig,
    ):
        trouble(rig, "is not for 127.0.0.1", "broker.url")


@needs_openssl
def test_tls_with_a_certificate_that_has_expired(authority: Authority, tmp_path: Path) -> None:
    with (
        tls_broker(tmp_path, authority, expired=True) as broker,
        Rig(broker.port, tls=True, ca_file=authority.certificate) as rig,
    ):
        trouble(rig, "has expired", "the clock of this device")


@needs_openssl
def test_tls_where_the_broker_wants_our_certificate(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("pi-a2", alternative="DNS:pi-a2")
    with tls_broker(tmp_path, authority, clients=True) as broker:
        with Rig(broker.port, tls=True, ca_file=authority.certificate) as rig:
            trouble(rig, "refuses our certificate", "cert_file and key_file")
        ours = {"cert_file": certificate, "key_file": key, "ca_file": authority.certificate}
        with Rig(broker.port, tls=True, **ours) as rig:
            rig.connected()


@needs_openssl
@pytest.mark.parametrize("which", ["ca_file", "cert_file"])
def test_tls_with_a_file_that_cannot_be_used(
    authority: Authority, plain_broker: Mosquitto, tmp_path: Path, which: str
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("this is no certificate", "utf-8")
    files = {"ca_file": authority.certificate, which: broken}
    with Rig(plain_broker.port, tls=True, **files) as rig:
        trouble(rig, f"{which} {broken}", "permissions")


def test_tls_where_none_is_spoken(plain_broker: Mosquitto) -> None:
    with Rig(plain_broker.port, tls=True) as rig:
        trouble(rig, "does not speak TLS", "mqtt://")


def test_tls_where_nothing_is_said() -> None:
    with accepting(hold) as port, Rig(port, tls=True, connect_timeout_s=0.3) as rig:
        trouble(rig, "says nothing: no TLS", "TLS port")


@needs_openssl
def test_no_tls_where_it_is_wanted(authority: Authority, tmp_path: Path) -> None:
    with tls_broker(tmp_path, authority) as broker, Rig(broker.port, connack_timeout_s=1.0) as rig:
        rig.until(lambda: rig.uplink.condition is Condition.TROUBLE, "trouble")
        assert "TLS" in rig.uplink.remedy or "MQTT port" in rig.uplink.remedy


@needs_openssl
def test_tls_holds_nothing_back_that_came_in_one_record(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LEAVE_NS", 0)  # this peer acknowledges no farewell
    certificate, key = authority.issue("server", alternative="IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    message = b"\x30\x08\x00\x05topic\x00"

    def answer(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b"\x20\x03\x00\x00\x00" + message * 1500)
            while secure.recv(4096):
                pass

    files = {"ca_file": authority.certificate}
    with accepting(answer) as port, Rig(port, tls=True, **files) as rig:
        rig.until(lambda: len(rig.commands) == 1500, "all of them")
