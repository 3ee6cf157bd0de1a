"""The small subscriber: hears all, comes back for ever, and says what is wrong."""

import select
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.configuration import Broker
from edge_agent.ports import Condition
from edge_agent.uplink import ear
from edge_agent.uplink.listener import Listener
from edge_agent.uplink.packets import Version
from tests.kit import tls
from tests.kit.brokers import MOSQUITTO, Amqtt, Mosquitto
from tests.kit.proxy import Proxy
from tests.wire.stand import Bench, broker_at

pytestmark = pytest.mark.broker
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


class Hearing:
    """A listener and all that it said."""

    def __init__(self, bench: Bench, broker: Broker) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.told: list[tuple[Condition, str, str]] = []
        self.bench = bench
        self.listener = Listener(
            bench.reactor,
            broker,
            ("a/#",),
            lambda topic, payload: self.heard.append((topic, payload)),
            tell=lambda *said: self.told.append(said),
        )
        self.listener.start()
        bench.at_end.append(self.listener.stop)

    def listening(self) -> "Hearing":
        self.bench.until(lambda: self.listener.listening, f"listening; {self.told}")
        return self

    def trouble(self) -> str:
        self.bench.until(lambda: self.told, "trouble is told")
        condition, why, remedy = self.told[-1]
        assert condition is Condition.TROUBLE
        assert remedy
        return why


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@needs_mosquitto
def test_it_hears_what_is_said_and_is_heard(bench: Bench, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        one, other = (Hearing(bench, broker_at(broker.port)).listening() for _ in range(2))
        assert one.listener.version is Version.V5
        assert one.listener.publish("a/b", b"hello")
        bench.until(lambda: one.heard and other.heard, "both have heard")
        assert one.heard == other.heard == [("a/b", b"hello")]
        one.listener.stop()
        assert not one.listener.publish("a/b", b"too late")


@needs_mosquitto
def test_a_flood_and_a_giant_arrive_whole_and_in_order(bench: Bench, tmp_path: Path) -> None:
    with Mosquitto(tmp_path, settings=["max_inflight_messages 0"]) as broker:
        hearing, speaker = (Hearing(bench, broker_at(broker.port)).listening() for _ in range(2))
        giant = bytes(range(256)) * 1200
        for number in range(2000):
            said = b"%d" % number
            bench.until(lambda said=said: speaker.listener.publish("a/n", said), "there is room")
        bench.until(lambda: speaker.listener.publish("a/giant", giant), "there is room")
        bench.until(lambda: len(hearing.heard) == 2001, "all is heard")
        assert hearing.heard[:2000] == [("a/n", b"%d" % number) for number in range(2000)]
        assert hearing.heard[2000] == ("a/giant", giant)


def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_3_1_1(bench: Bench) -> None:
    with Amqtt() as broker:
        hearing = Hearing(bench, broker_at(broker.port)).listening()
        assert hearing.listener.version is Version.V311
        assert hearing.listener.publish("a/b", b"hello")
        bench.until(lambda: hearing.heard, "heard")
        assert [condition for condition, _, _ in hearing.told] == [Condition.OK]


@needs_mosquitto
def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_3_1_1(
    bench: Bench, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        proxy.hang_up_on = {5}
        hearing = Hearing(bench, broker_at(proxy.port)).listening()
        assert hearing.listener.version is Version.V311


@needs_mosquitto
def test_it_comes_back_and_says_each_change_once(bench: Bench, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path).start()
    hearing = Hearing(bench, broker_at(broker.port)).listening()
    broker.kill()
    bench.until(lambda: len(hearing.told) >= 3, "it is away, and nobody listens there")
    broker.start()
    hearing.listening()
    assert hearing.listener.publish("a/b", b"again")
    bench.until(lambda: hearing.heard, "heard again")
    words = [(condition, why) for condition, why, _ in hearing.told]
    assert Counter(words).most_common(1)[0][1] <= 2
    assert [condition for condition, _ in words].count(Condition.OK) == 2
    assert words[0] == words[-1] == (Condition.OK, "")
    broker.kill()


@needs_mosquitto
def test_a_connection_cut_in_the_middle_of_a_packet_is_made_anew(
    bench: Bench, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        hearing = Hearing(bench, broker_at(proxy.port)).listening()
        proxy.cut()
        bench.until(lambda: len(hearing.told) > 1, "the cut is seen")
        hearing.listening()
        assert [condition for condition, _, _ in hearing.told] == [
            Condition.OK,
            Condition.TROUBLE,
            Condition.OK,
        ]


@needs_mosquitto
def test_the_next_address_is_tried(bench: Bench, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and nobody listens
        hearing = Hearing(bench, broker_at(unused.getsockname()[1], broker.port)).listening()
        assert hearing.told[0][0] is Condition.TROUBLE
        assert hearing.told[-1][0] is Condition.OK


@needs_mosquitto
def test_a_wrong_password_is_named(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("right\n", "utf-8")
    with Mosquitto(tmp_path / "broker", users={"pi": "right"}) as broker:
        named = replace(broker_at(broker.port), username="pi", password_file=secret)
        Hearing(bench, named).listening()
        secret.write_text("wrong\n", "utf-8")
        hearing = Hearing(bench, named)
        assert "allow us to connect" in hearing.trouble()
        assert not hearing.listener.listening


def test_a_broker_that_never_answers_is_given_up(bench: Bench) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        hearing = Hearing(bench, replace(broker_at(mute.getsockname()[1]), connack_timeout_s=0.05))
        assert "never answers" in hearing.trouble()


def test_a_thousand_packets_in_one_read_are_all_heard(bench: Bench) -> None:
    with socket.socket() as broker:
        broker.bind(("127.0.0.1", 0))
        broker.listen()
        hearing = Hearing(bench, broker_at(broker.getsockname()[1]))
        broker.setblocking(False)
        bench.until(lambda: select.select([broker], [], [], 0)[0], "it calls")
        client, _ = broker.accept()
        with client:
            client.setblocking(True)
            bench.until(lambda: select.select([client], [], [], 0)[0], "it says CONNECT")
            client.recv(4096)
            client.sendall(b"\x20\x03\x00\x00\x00")
            bench.until(lambda: select.select([client], [], [], 0)[0], "it says SUBSCRIBE")
            subscribe = client.recv(4096)
            suback = b"\x90\x04" + subscribe[2:4] + b"\x00\x01"
            client.sendall(suback + b"\x30\x06\x00\x03a/b\x00" * 1000)
            bench.until(lambda: len(hearing.heard) == 1000, "all are heard")
            assert hearing.listener.listening


def test_what_is_no_broker_is_told_as_such(bench: Bench) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        hearing = Hearing(bench, broker_at(other.getsockname()[1]))
        other.setblocking(False)
        callers: list[socket.socket] = []

        def called() -> bool:
            try:
                callers.append(other.accept()[0])
            except BlockingIOError:
                return False
            callers[-1].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            callers[-1].close()
            return True

        bench.until(called, "it connects")
        bench.until(called, "it tries the other version")
        assert hearing.trouble()
        assert not hearing.listener.listening


@needs_mosquitto
@pytest.mark.skipif(tls.OPENSSL is None, reason="openssl is not installed")
def test_it_hears_over_tls(bench: Bench, tmp_path: Path) -> None:
    authority = tls.Authority(tmp_path / "ca")
    pair = authority.issue("broker", alternative="IP:127.0.0.1")
    lines = tls.listener(authority, *pair, clients=False)
    with Mosquitto(tmp_path / "broker", tls=lines) as broker:
        trusting = replace(broker_at(broker.port, tls=True), ca_file=authority.certificate)
        hearing = Hearing(bench, trusting).listening()
        for number in range(50):
            hearing.listener.publish("a/n", b"%d" % number)
        bench.until(lambda: len(hearing.heard) == 50, "all is heard")
        other = tls.Authority(tmp_path / "other", "Other CA")
        stranger = Hearing(bench, replace(trusting, ca_file=other.certificate))
        assert "certificate" in stranger.trouble()


@needs_mosquitto
def test_more_commands_than_it_holds_are_refused(bench: Bench, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        hearing = Hearing(bench, broker_at(broker.port)).listening()
        broker.pause()
        answers = [hearing.listener.publish("a/b", b"x") for _ in range(200)]
        broker.resume()
        taken = answers.index(False)
        assert taken >= ear.PUBLISHES_MAX
        assert answers == [True] * taken + [False] * (200 - taken)
        bench.until(lambda: len(hearing.heard) == taken, "what was taken has arrived")
