"""A visit to a broker: how far one comes, what it ends with, and that nobody else notices."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.configuration import Address, Broker
from edge_agent.uplink import visit as visiting
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Cause
from edge_agent.uplink.visit import Visit, Visitor
from tests.kit.brokers import MOSQUITTO, Amqtt, Mosquitto, free_port
from tests.kit.tls import OPENSSL, Authority, listener
from tests.uplink.peers import accepting, answering, hold

pytestmark = pytest.mark.broker

TOPIC = "a/b/agent/pi-a2/doctor"
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


def visit(port: int, *, tls: bool = False, host: str = "127.0.0.1", **how: object) -> Visit:
    address = Address(host, port, tls)
    broker = Broker((address,), **how)  # type: ignore[arg-type]
    found = Visitor(address, broker, "pi-a2-doctor", TOPIC, time.monotonic_ns).go()
    assert found.over
    assert found.trouble is None or found.trouble.remedy
    return found


def why(found: Visit) -> str:
    assert found.trouble is not None
    return found.trouble.why


@contextmanager
def broker(folder: Path, **how: object) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(folder / "broker", **how) as made:  # type: ignore[arg-type]
        yield made


def test_all_stages_are_passed_and_the_message_comes_back(plain_broker: Mosquitto) -> None:
    found = visit(plain_broker.port)
    assert (found.trouble, found.refused) == (None, None)
    assert found.version is Version.V5
    assert {"look-up", "connect", "login", "publish"} <= found.took_ns.keys()
    assert found.may_hear
    assert found.returned_ns is not None
    assert found.returned_ns > 0


def test_a_broker_of_3_1_1_is_visited_as_well() -> None:
    with Amqtt() as old:
        found = visit(old.port)
    assert found.trouble is None
    assert found.version is Version.V311
    assert found.returned_ns is not None


def test_nothing_of_it_stays_at_the_broker(tmp_path: Path) -> None:
    with broker(tmp_path, settings=["log_type all"]) as telling:
        visit(telling.port)
        telling.wait_for(rf"Received PUBLISH from pi-a2-doctor \(d0, q1, r0, .*'{TOPIC}'")
        telling.wait_for("Received DISCONNECT from pi-a2-doctor")  # so no will was spoken
        assert any("No will message specified" in line for line in telling.lines)


@pytest.mark.parametrize("word", ["wrong", "right"])
def test_a_password_is_refused_or_taken(tmp_path: Path, word: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{word}\n")
    with broker(tmp_path, users={"pi": "right"}) as strict:
        found = visit(strict.port, username="pi", password_file=secret)
        nobody = visit(strict.port)
    assert (found.trouble is None) is (word == "right")
    for refused in [nobody] + ([found] if word == "wrong" else []):
        assert refused.stage == "login"
        assert refused.ending is not None
        assert refused.ending.cause is Cause.REFUSED


@pytest.mark.parametrize("readable", [True, False])
def test_a_broker_that_lets_us_write_may_still_keep_us_from_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    if not readable:
        monkeypatch.setattr(visiting, "RETURN_NS", 50_000_000)  # it is waited for in vain
    access = [f"topic {'readwrite' if readable else 'write'} {TOPIC}"]
    with broker(tmp_path, access=access) as strict:
        found = visit(strict.port)
    assert (found.trouble, found.refused) == (None, None)
    assert (found.returned_ns is not None) is readable


def test_a_publish_that_is_not_allowed_is_told_by_its_reason(tmp_path: Path) -> None:
    with broker(tmp_path, access=["topic write a/b/other"]) as strict:
        found = visit(strict.port)
    assert found.trouble is None
    assert found.refused == "not_authorized"


def test_where_nobody_listens_it_ends_there() -> None:
    found = visit(free_port())
    assert found.stage == "connect"
    assert why(found).startswith("nothing listens on")


def test_who_takes_the_connection_and_says_nothing_is_given_up() -> None:
    with accepting(hold) as port:
        found = visit(port, connack_timeout_s=0.05)
    assert found.stage == "login"
    assert "never answers" in why(found)


def test_who_hangs_up_at_once_is_told() -> None:
    with accepting(socket.socket.close) as port:
        found = visit(port)
    assert "hangs up before it answers" in why(found)


def test_who_talks_nonsense_is_told() -> None:
    with accepting(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2)) as port:
        found = visit(port, connack_timeout_s=0.05)
    assert found.stage == "login"
    assert why(found)


def test_a_name_that_nobody_knows_is_told() -> None:
    found = visit(1883, host="broker.invalid")
    assert found.stage == "look-up"
    assert "broker.invalid" in why(found)


# -- TLS -----------------------------------------------------------------------------------------


@contextmanager
def tls_broker(folder: Path, *, expired: bool = False, clients: bool = False) -> Iterator[int]:
    authority = Authority(folder / "authority")
    certificate, key = authority.issue("broker", alternative="IP:127.0.0.1", expired=expired)
    lines = listener(authority, certificate, key, clients=clients)
    with broker(folder, tls=lines) as secure:
        yield secure.port


@needs_openssl
def test_the_end_of_the_brokers_certificate_is_seen(tmp_path: Path) -> None:
    with tls_broker(tmp_path) as port:
        found = visit(port, tls=True, ca_file=tmp_path / "authority" / "ca.pem")
    assert found.trouble is None
    assert found.ends_s is not None
    assert 1 <= (found.ends_s - time.time()) / 86_400 <= 2


@needs_openssl
def test_another_ca_is_told(tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "Another CA")
    with tls_broker(tmp_path) as port:
        found = visit(port, tls=True, ca_file=stranger.certificate)
    assert found.stage == "TLS"
    assert "is not signed by our CA" in why(found)


@needs_openssl
def test_a_certificate_that_is_over_is_told(tmp_path: Path) -> None:
    with tls_broker(tmp_path, expired=True) as port:
        found = visit(port, tls=True, ca_file=tmp_path / "authority" / "ca.pem")
    assert found.stage == "TLS"
    assert "has expired" in why(found)


@needs_openssl
def test_a_broker_that_wants_our_certificate_says_so(tmp_path: Path) -> None:
    with tls_broker(tmp_path, clients=True) as port:
        found = visit(port, tls=True, ca_file=tmp_path / "authority" / "ca.pem")
    assert "refuses our certificate" in why(found)


def test_where_no_tls_is_spoken_it_is_told(plain_broker: Mosquitto) -> None:
    found = visit(plain_broker.port, tls=True)
    assert "does not speak TLS" in why(found)
