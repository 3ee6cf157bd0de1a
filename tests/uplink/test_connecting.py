"""Each way in which no connection comes about: a state with its remedy, and the way out of it."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.configuration import Address, Broker
from edge_agent.ports import Condition
from edge_agent.uplink.dial import Dialled, dial
from edge_agent.uplink.targets import DIALS_MAX
from tests.kit.brokers import MOSQUITTO, Amqtt, Mosquitto, free_port
from tests.kit.proxy import Packets, Proxy
from tests.uplink.peers import accepting, answering, hold, trouble
from tests.uplink.rig import Audience, Rig

pytestmark = pytest.mark.broker

SUBSCRIBE, PUBLISH = 0x80, 0x30

# -- passwords and rights --------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(tmp_path / "guarded", users={"anna": "right", "audience": "all"}) as broker:
        yield broker


def test_a_wrong_password_and_then_the_right_one(guarded: Mosquitto, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong\n", "utf-8")
    with Rig(guarded.port, username="anna", password_file=secret) as rig:
        trouble(rig, "does not allow us to connect", "user name and password")
        secret.write_text("right\n", "utf-8")
        rig.connected()  # the file is read again at every attempt
        assert rig.told[-1] == (Condition.OK, "", "")
        assert rig.counter("disconnects_refused") >= 1


def test_no_password_where_one_is_wanted(guarded: Mosquitto) -> None:
    with Rig(guarded.port) as rig:
        trouble(rig, "does not allow us to connect")


@pytest.mark.parametrize(("content", "word"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8")])
def test_a_password_file_that_cannot_be_used(
    plain_broker: Mosquitto, tmp_path: Path, content: bytes | None, word: str
) -> None:
    secret = tmp_path / "password"
    if content is not None:
        secret.write_bytes(content)
    with Rig(plain_broker.port, username="anna", password_file=secret) as rig:
        trouble(rig, "password_file", word, "permissions")


# -- addresses -------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with Rig(free_port()) as rig:
        trouble(rig, "nothing listens on 127.0.0.1", "start the broker")
        rig.until(lambda: rig.counter("tries") > 3, "several tries")
        assert len(rig.told) == 1, "told on change only"


def test_an_unknown_name() -> None:
    def opening(address: Address, _broker: Broker, stage: Callable[[str], None]) -> Dialled:
        stage("look-up")
        raise socket.gaierror(socket.EAI_NONAME, f"no {address.host}")

    with Rig(1883, host="brokr.plant", opening=opening) as rig:
        trouble(rig, "the name brokr.plant is unknown", "broker.url")


def test_a_host_name_that_can_be_none() -> None:
    with Rig(1883, host="b" * 70 + ".plant") as rig:
        trouble(rig, "cannot be a host name", "broker.url")


def test_a_mute_name_server_holds_nothing_up(plain_broker: Mosquitto) -> None:
    heard = threading.Event()

    def opening(address: Address, broker: Broker, stage: Callable[[str], None]) -> Dialled:
        if address.host == "mute":
            stage("look-up")
            heard.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "at last")
        return dial(address, broker, stage)

    with Rig(
        plain_broker.port, plain_broker.port, opening=opening, connect_timeout_s=0.1, host="mute"
    ) as rig:
        trouble(rig, "the name server does not answer for mute", "IP address")
        rig.until(lambda: rig.counter("tries") > 3 * DIALS_MAX, "many tries")
        alive = [one for one in threading.enumerate() if one.name == "uplink-dial"]
        assert len(alive) == DIALS_MAX, "so many for all addresses, however often they are tried"
        assert rig.reactor.late_max_ns < 1_000_000_000, "the reactor waited for a thread"
        heard.set()
        trouble(rig, "no name server answers for mute")


def test_an_answer_that_comes_late_is_used(plain_broker: Mosquitto) -> None:
    ask = threading.Event()
    asked: list[str] = []

    def opening(address: Address, broker: Broker, stage: Callable[[str], None]) -> Dialled:
        asked.append(address.host)
        stage("look-up")
        ask.wait()
        return dial(address, broker, stage)

    with Rig(plain_broker.port, opening=opening, connect_timeout_s=0.1) as rig:
        trouble(rig, "the name server does not answer")
        ask.set()
        rig.connected()
        assert 1 <= len(asked) <= DIALS_MAX
        assert rig.counter("connects") == 1, "what the others bring is closed"


def test_the_next_broker_takes_over_and_the_first_comes_first_again(
    plain_broker: Mosquitto, own_broker: Mosquitto
) -> None:
    with Audience(plain_broker.port) as audience, Rig(own_broker.port, plain_broker.port) as rig:
        rig.connected().scans(1)
        rig.settled()
        rig.until(audience.numbers, "the scan at the second")
        own_broker.start()
        with Proxy(plain_broker.port):
            rig.uplink.renew()  # its connection is dropped: the first is there now
            with Audience(own_broker.port) as at_first:
                rig.until(lambda: rig.counter("connects") == 2, "connected again")
                rig.scans(1)
                rig.settled()
                rig.until(at_first.numbers, "the scan at the first")


def test_trouble_names_every_broker(tmp_path: Path) -> None:
    one, two = free_port(), free_port()
    with Rig(one, two) as rig:
        trouble(rig, f"nothing listens on 127.0.0.1:{one}", f"nothing listens on 127.0.0.1:{two}")
        told = len(rig.told)
        rig.until(lambda: rig.counter("tries") > 6, "several tries")
        assert len(rig.told) == told
    assert tmp_path


# -- peers that are no brokers ---------------------------------------------------------------------


def test_a_peer_that_hangs_up() -> None:
    with accepting(lambda _: None) as port, Rig(port) as rig:
        trouble(rig, "hangs up before it answers", "mqtts://")


def test_a_peer_that_never_answers() -> None:
    with accepting(hold) as port, Rig(port, connack_timeout_s=1.0) as rig:
        trouble(rig, "takes the connection and never answers", "MQTT port")


@pytest.mark.parametrize("said", [b"\x00\x00\x00", b"\x20\x02\x00\x00\x20\xff\xff\xff\xff\xff\xff"])
def test_a_peer_that_speaks_something_else(said: bytes) -> None:
    def answer(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(said)
        hold(sock)

    with accepting(answer) as port, Rig(port) as rig:
        trouble(rig, "sends what is not MQTT", "broker.url")


# -- versions --------------------------------------------------------------------------------------


def test_a_broker_that_hangs_up_on_mqtt_5_is_greeted_in_the_older_version(
    proxy: Proxy, plain_broker: Mosquitto
) -> None:
    proxy.hang_up_on = {5}
    with Audience(plain_broker.port) as audience, Rig(proxy.port) as rig:
        rig.connected().scans(100)
        rig.settled()
        rig.until(lambda: len(audience.numbers()) == 100, "all scans")
        assert rig.counter("mqtt_version") == 4
        assert rig.counter("tries") == 2
        assert not rig.told[0][1], "a version is no trouble"
        proxy.cut()
        rig.until(lambda: rig.counter("connects") == 2, "back")
        assert proxy.hung_up == 1, "what worked is remembered"


def test_a_broker_that_only_speaks_the_older_version() -> None:
    with Amqtt() as broker, Audience(broker.port) as audience, Rig(broker.port) as rig:
        rig.connected().scans(50)
        rig.settled()
        rig.until(lambda: len(audience.numbers()) == 50, "all scans")
        assert audience.numbers() == list(range(1, 51))
        assert rig.counter("mqtt_version") == 4
        assert rig.counter("disconnects_no_connack") == 1, "it has no word for MQTT 5"


def test_a_broker_that_is_slow_in_both_versions_keeps_mqtt_5() -> None:
    greeted: list[int] = []

    def answer(sock: socket.socket) -> None:
        connect = sock.recv(4096)
        greeted.append(connect[connect.index(b"MQTT") + 4])
        sock.settimeout(1.2)
        try:
            sock.recv(4096)
        except TimeoutError:
            sock.sendall(b"\x20\x03\x00\x00\x00" if greeted[-1] == 5 else b"\x20\x02\x00\x00")

    with accepting(answer) as port, Rig(port) as rig:
        rig.until(lambda: len(greeted) == 3 and rig.uplink.connected, "the third greeting")
        assert greeted == [5, 4, 5]
        assert rig.counter("mqtt_version") == 5


def test_a_refused_version_is_tried_in_the_other_one() -> None:
    greeted: list[int] = []

    def answer(sock: socket.socket) -> None:
        connect = sock.recv(4096)
        greeted.append(connect[connect.index(b"MQTT") + 4])
        sock.sendall(b"\x20\x03\x00\x84\x00" if greeted[-1] == 5 else b"\x20\x02\x00\x01")
        hold(sock)

    with accepting(answer) as port, Rig(port) as rig:
        trouble(rig, "speaks neither MQTT 5 nor 3.1.1")
        assert greeted[:2] == [5, 4]


# -- two with one name -----------------------------------------------------------------------------


def test_two_agents_with_one_id_slow_down_and_say_so(plain_broker: Mosquitto) -> None:
    with Rig(plain_broker.port, backoff_max_s=0.5) as rig, Rig(plain_broker.port, seed=2) as twin:

        def told() -> bool:
            twin.reactor.turn(wait=False)
            slowed = rig.counter("backoff_tries") > 3  # a PUBACK no longer resets it
            return slowed and "closes every connection soon" in rig.uplink.why

        rig.until(told, "told, and slowed down")
        assert "another client uses this agent.id" in rig.uplink.remedy
        connects, words = rig.counter("connects"), len(rig.told)
        rig.until(lambda: told() and rig.counter("connects") >= connects + 2, "again and again")
        assert len(rig.told) == words, "told once, until a connection lasts"
        twin.stop()


def test_a_broker_that_says_who_took_the_session_is_believed() -> None:
    def answer(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"\x20\x03\x00\x00\x00" + b"\xe0\x01\x8e")
        hold(sock)

    with accepting(answer) as port, Rig(port, backoff_min_s=0.01, backoff_max_s=60.0) as rig:
        trouble(rig, "another client with the same id", "agent.id of its own")
        assert rig.counter("next_try_s") > 59, "who is thrown out stays away for long"


# -- haste -----------------------------------------------------------------------------------------


def test_somebody_pulls_a_cord_while_there_is_no_broker(own_broker: Mosquitto) -> None:
    with Rig(own_broker.port, backoff_min_s=60.0, backoff_max_s=60.0) as rig:
        trouble(rig, "nothing listens")
        assert rig.counter("next_try_s") > 50
        own_broker.start()
        rig.uplink.hurry()
        rig.connected()


# -- settings --------------------------------------------------------------------------------------


def test_new_settings_move_the_agent_to_another_broker(
    plain_broker: Mosquitto, own_broker: Mosquitto
) -> None:
    own_broker.start()
    with Audience(plain_broker.port) as old, Rig(plain_broker.port) as rig:
        rig.connected()
        rig.reconfigure(addresses=(Address("127.0.0.1", own_broker.port, tls=False),))
        rig.until(lambda: rig.counter("connects") == 2, "moved")
        rig.until(lambda: b'"offline"' in old.messages[-1].payload, "said goodbye")
        assert rig.counter("disconnects_stopped") == 1
        rig.uplink.reconfigure(rig.broker)
        assert rig.uplink.connected, "the same settings change nothing"


def test_new_settings_end_a_hopeless_wait(plain_broker: Mosquitto) -> None:
    with Rig(free_port(), backoff_min_s=60.0, backoff_max_s=60.0) as rig:
        trouble(rig, "nothing listens")
        rig.reconfigure(addresses=(Address("127.0.0.1", plain_broker.port, tls=False),))
        rig.connected()


# -- what the broker allows ------------------------------------------------------------------------


def test_who_sees_the_birth_is_heard_for_subscriptions_are_sent_before_it() -> None:
    kinds: list[int] = []

    def note(sock: socket.socket) -> None:
        cut = Packets()
        while chunk := sock.recv(4096):
            fresh = [packet[0] & 0xF0 for packet in cut.feed(chunk)]
            if not kinds:
                sock.sendall(b"\x20\x03\x00\x00\x00")
            kinds.extend(fresh)

    with accepting(note) as port, Rig(port) as rig:
        rig.until(lambda: PUBLISH in kinds and SUBSCRIBE in kinds, "both")
    assert kinds.index(SUBSCRIBE) < kinds.index(PUBLISH)


def test_a_refused_subscription_is_told_and_events_flow() -> None:
    granted_none = b"\x90\x04\x00\x01\x00\x87"
    birth, farewell = b"\x40\x02\x80\x00", b"\x40\x02\x80\x01"
    peer = answering(b"\x20\x03\x00\x00\x00", granted_none, birth, farewell)
    with accepting(peer) as port, Rig(port) as rig:
        rig.until(lambda: rig.uplink.condition is Condition.TROUBLE, "told")
        assert "refuses our subscription to acme/" in rig.uplink.why
        assert "access rules" in rig.uplink.remedy
        assert rig.connected().uplink.connected
        assert rig.counter("refused_subscription") == 1


def test_a_broker_that_takes_nothing_for_certain_is_no_broker_for_us() -> None:
    with accepting(answering(b"\x20\x05\x00\x00\x02\x24\x00")) as port, Rig(port) as rig:
        trouble(rig, "does not take QoS 1", "nothing less is safe")


def test_a_silent_broker_is_noticed_by_the_keep_alive(proxy: Proxy) -> None:
    with Rig(proxy.port, keepalive_s=1, connack_timeout_s=0.5) as rig:
        rig.connected()
        proxy.hole()
        rig.until(lambda: rig.counter("disconnects_silent"), "noticed")
        assert any("has fallen silent" in why for _, why, _ in rig.told)
        proxy.heal()
        rig.connected()


def test_a_quiet_connection_is_kept_alive(plain_broker: Mosquitto) -> None:
    with Rig(plain_broker.port, keepalive_s=1) as rig:
        rig.connected()
        rig.until(lambda: rig.counter("connected_s") > 3, "three keep-alives")
        assert rig.counter("connects") == 1
