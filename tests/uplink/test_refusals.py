"""What a broker will not have: set aside with its reason, never in the way of the rest."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.ports import Condition
from edge_agent.records import NORMAL
from edge_agent.uplink import connection, suspicion
from edge_agent.uplink.suspicion import CLOSES_LIKE_OTHERS_MAX, CLOSES_MAX
from edge_agent.uplink.window import PUBLISH_BYTES_MAX
from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.kit.proxy import Packets, Proxy
from tests.uplink.peers import accepting
from tests.uplink.rig import ANDON, STATUS, TOPIC, Audience, Rig

pytestmark = pytest.mark.broker

USERS = {"agent": "a", "audience": "b"}
LOGIN = {"username": "audience", "password": "b"}
MAY_ALL = ["user audience", "topic readwrite #", "user agent", "topic readwrite acme/#"]
INFO = "acme/plant1/assembly/line3/A2/state/info"
NO_SCANS = [
    *MAY_ALL[:2],
    "user agent",
    "topic readwrite acme/plant1/assembly/line3/agent/#",
    f"topic write {ANDON.decode()}",
]
NOTHING = [*MAY_ALL[:2], "user agent", "topic read acme/#"]


@contextmanager
def guarded(folder: Path, access: list[str], *settings: str) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(folder / "guarded", users=USERS, access=access, settings=settings) as broker:
        yield broker


@contextmanager
def older(port: int) -> Iterator[Proxy]:
    """Leave MQTT 3.1.1 only."""
    with Proxy(port) as proxy:
        proxy.hang_up_on = {5}
        yield proxy


@pytest.fixture
def short_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a connection stand for some 50 ms without the accused, not for some seconds."""
    monkeypatch.setattr(suspicion, "STAND_MIN_NS", 20_000_000)
    monkeypatch.setattr(suspicion, "STAND_MAX_NS", 80_000_000)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("a\n", "utf-8")
    return path


def test_a_topic_that_we_may_not_write(tmp_path: Path, secret: Path) -> None:
    with (
        guarded(tmp_path, NO_SCANS) as broker,
        Audience(broker.port, **LOGIN) as audience,
        Rig(broker.port, username="agent", password_file=secret) as rig,
    ):
        rig.connected().scans(30)
        rig.pull()
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, seq, "not_authorized") for seq in range(1, 31)]
        rig.until(lambda: audience.numbers(ANDON) == [31], "what we may write")
        assert not audience.numbers(TOPIC)
        assert rig.uplink.connected
        assert rig.uplink.condition is Condition.TROUBLE
        assert f"refuses what we publish on {TOPIC.decode()}: not authorized" in rig.uplink.why
        assert "access rules" in rig.uplink.remedy
        assert len(rig.told) == 2, "told once, not thirty times"
        assert rig.counter("refused_not_authorized") == 30


def test_a_topic_that_we_may_write_again_is_no_trouble_any_more(
    tmp_path: Path, secret: Path
) -> None:
    with (
        guarded(tmp_path, NO_SCANS) as broker,
        Audience(broker.port, **LOGIN) as audience,
        Rig(broker.port, username="agent", password_file=secret) as rig,
    ):
        rig.connected().scans(1)
        rig.settled()
        rig.uplink.publish_state(INFO, b"1")
        rig.until(lambda: rig.counter("refused_not_authorized") == 2, "both are refused")
        taken = rig.counter("acknowledged")
        rig.uplink.publish_state(STATUS + "/other", b"1")
        rig.until(lambda: rig.counter("acknowledged") > taken, "another topic is taken")
        assert TOPIC.decode() in rig.uplink.why
        broker.set_access(MAY_ALL)
        broker.reload()
        rig.scans(1)
        rig.until(lambda: TOPIC.decode() not in rig.uplink.why, "scans are taken again")
        assert rig.uplink.condition is Condition.TROUBLE
        assert f"refuses what we publish on {INFO}" in rig.uplink.why, "the other one is not yet"
        rig.uplink.publish_state(INFO, b"2")
        rig.until(lambda: rig.uplink.condition is Condition.OK, "well again")
        assert (rig.uplink.why, rig.uplink.remedy) == ("", "")
        assert [condition for condition, *_ in rig.told][-3:] == [
            Condition.TROUBLE,
            Condition.TROUBLE,
            Condition.OK,
        ]
        audience.until(lambda: audience.payloads(INFO.encode()) == [b"2"], "it is really retried")
        assert rig.counter("connects") == 1


def test_silent_refusal_of_the_older_version_is_found_by_our_own_status(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOOP_BACK_NS", 300_000_000)
    with (
        guarded(tmp_path, NOTHING) as broker,
        older(broker.port) as proxy,
        Audience(broker.port, **LOGIN) as other,
        Rig(proxy.port, username="agent", password_file=secret) as rig,
    ):
        other.publish(STATUS, b'{"state": "online", "connection": 0}', retain=True)
        rig.scans(10)
        rig.until(lambda: rig.uplink.condition is Condition.TROUBLE, "trouble")
        assert "does not deliver our own status: events wait" in rig.uplink.why
        assert "(ACL)" in rig.uplink.remedy
        rig.until(lambda: rig.counter("disconnects_no_loop_back") >= 2, "tried again")
        assert not rig.outbox.aside
        assert not rig.outbox.acknowledged_order, "no event left"
        broker.set_access(MAY_ALL)
        broker.reload()
        with Audience(broker.port, **LOGIN) as audience:
            rig.connected().settled()
            rig.until(lambda: audience.numbers() == list(range(1, 11)), "all scans")
        assert rig.uplink.condition is Condition.OK


@pytest.mark.parametrize("version", [5, 4])
def test_the_status_that_comes_back_must_be_of_this_connection(
    plain_broker: Mosquitto, version: int
) -> None:
    with Proxy(plain_broker.port) as proxy, Rig(proxy.port) as rig:
        proxy.hang_up_on = set() if version == 5 else {5}
        rig.connected()
        assert rig.counter("mqtt_version") == version
        rig.until(lambda: rig.counter("acknowledged"), "the birth")
        came = {0} if version == 5 else {1, 2}  # ours, behind one that an earlier test has left
        assert rig.counter("messages_in") in came
        assert not rig.commands, "our own status is no command"


def test_larger_than_the_broker_says(own_broker: Mosquitto) -> None:
    config = own_broker._config
    config.write_text(config.read_text("utf-8") + "max_packet_size 2000\n", "utf-8")
    own_broker.start()
    with Audience(own_broker.port) as audience, Rig(own_broker.port) as rig:
        rig.connected().scans(1)
        rig.scans(1, size=3000)
        rig.scans(1)
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, 2, "oversize")]
        rig.until(lambda: audience.numbers() == [1, 3], "the others")
        assert rig.counter("connects") == 1
        assert "too large" in rig.uplink.why


def test_larger_than_a_message_may_be_there(own_broker: Mosquitto) -> None:
    config = own_broker._config
    config.write_text(config.read_text("utf-8") + "message_size_limit 1000\n", "utf-8")
    own_broker.start()
    with Audience(own_broker.port) as audience, Rig(own_broker.port) as rig:
        rig.connected().scans(1)
        rig.scans(1, size=3000)
        rig.scans(1)
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, 2, "packet_too_large")]
        rig.until(lambda: audience.numbers() == [1, 3], "the others")
        assert rig.counter("connects") == 1


def test_larger_than_anything_we_send(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(plain_broker.port) as rig:
        rig.connected().scans(1, size=PUBLISH_BYTES_MAX - len(TOPIC))
        rig.scans(1, size=PUBLISH_BYTES_MAX - len(TOPIC) + 1)
        rig.scans(1)
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, 2, "oversize")]
        rig.until(lambda: audience.numbers() == [1, 3], "the others")


def test_a_message_that_makes_the_broker_hang_up(own_broker: Mosquitto, short_trials: None) -> None:
    """MQTT 3.1.1 has no word for a limit: mosquitto closes, at every attempt."""
    del short_trials
    config = own_broker._config
    config.write_text(config.read_text("utf-8") + "max_packet_size 2000\n", "utf-8")
    own_broker.start()
    with (
        older(own_broker.port) as proxy,
        Audience(own_broker.port) as audience,
        Rig(proxy.port, backoff_max_s=0.03) as rig,
    ):
        rig.connected().scans(25)
        rig.scans(1, size=3000)
        rig.scans(25)
        rig.pull()
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, 26, "ends_connections")]
        rig.until(lambda: len(set(audience.numbers())) == 50, "the others")
        assert audience.numbers(ANDON)
        assert rig.counter("poison") == 1
        assert rig.counter("connects") <= 2 * CLOSES_MAX, "a slow machine makes some not count"


def test_a_network_that_cuts_is_not_taken_for_a_broker_that_hangs_up(
    proxy: Proxy, short_trials: None
) -> None:
    """Only the first PUBACK of a connection ever comes through, and then it is cut."""
    del short_trials
    with Rig(proxy.port) as rig:
        rig.connected().scans(5)
        rig.settled()
        proxy.puback = "drop"
        rig.scans(1)
        for number in range(2, CLOSES_MAX + 20):
            rig.until(lambda: proxy.pubacks_seen >= 1, "on its way")
            proxy.puback = "pass_first"
            proxy.pubacks_seen = 0
            proxy.cut()
            rig.until(lambda: rig.counter("connects") == number, "back")  # noqa: B023
        proxy.puback = "pass"
        rig.settled()
        assert not rig.outbox.aside


def dismissing(code: int) -> Callable[[socket.socket], None]:
    """Take everything but scans; to a scan say goodbye, with this reason."""

    def answer(sock: socket.socket) -> None:
        cut = Packets()
        while chunk := sock.recv(65536):
            for packet in cut.feed(chunk):
                if packet[0] == 0x10:
                    sock.sendall(b"\x20\x03\x00\x00\x00")
                elif TOPIC in packet:
                    sock.sendall(bytes((0xE0, 1, code)))
                    return
                elif packet[0] & 0xF0 == 0x30:
                    at = packet.index(b"status") + len(b"status")
                    sock.sendall(b"\x40\x02" + packet[at : at + 2])

    return answer


def test_a_goodbye_that_names_the_size_convicts_who_is_alone() -> None:
    with accepting(dismissing(0x95)) as port, Rig(port) as rig:
        rig.scans(2)
        rig.settled()
        assert rig.outbox.aside == [(NORMAL, n, "ends_connections") for n in (1, 2)]
        assert rig.counter("disconnects_goodbye") == 3, "two together, then each alone"


def test_a_broker_that_shuts_down_convicts_nobody() -> None:
    with accepting(dismissing(0x8B)) as port, Rig(port, backoff_max_s=0.02) as rig:
        rig.scans(1)
        rig.until(lambda: rig.counter("disconnects_goodbye") > CLOSES_LIKE_OTHERS_MAX, "often")
        assert not rig.outbox.aside
        assert "shutting down" in " ".join(why for _, why, _ in rig.told)
