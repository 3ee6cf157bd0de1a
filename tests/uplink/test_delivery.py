"""Nothing committed is lost, nothing is invented, the order holds: real mosquitto, broken network.

What arrived is compared with what was committed after repeats have been removed by number.
"""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from edge_agent.configuration import Address, Broker
from edge_agent.ports import Condition
from edge_agent.records import NORMAL
from edge_agent.uplink.dial import Dialled, dial
from tests.kit.brokers import Mosquitto
from tests.kit.proxy import Proxy
from tests.uplink.rig import ANDON, STATUS, TOPIC, Audience, Rig, first_arrivals

pytestmark = pytest.mark.broker


def arrived(rig: Rig, audience: Audience, count: int) -> None:
    """Wait until so many different scans are there; they must be in order, and no others."""
    rig.until(lambda: len(set(audience.numbers())) >= count, f"{count} arrivals")
    assert first_arrivals(audience.numbers()) == list(range(1, count + 1))


def test_a_burst_arrives_once_and_in_order(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(plain_broker.port) as rig:
        rig.connected().scans(3000)
        rig.settled()
        arrived(rig, audience, 3000)
        assert len(audience.numbers()) == 3000
        assert rig.counter("acknowledged") == 3001
        assert rig.counter("duplicates_sent") == 0
        assert rig.outbox.acknowledged_order == sorted(rig.outbox.acknowledged_order)


def test_what_waited_before_the_connection_is_read_in_pages(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(plain_broker.port) as rig:
        rig.scans(1500)
        rig.outbox.salvage((TOPIC + b"/old", b"000000000001"), (TOPIC + b"/old", b"000000000002"))
        rig.connected().settled()
        arrived(rig, audience, 1500)
        assert audience.numbers(TOPIC + b"/old") == [1, 2]


def test_a_broker_that_is_stopped_and_started(own_broker: Mosquitto) -> None:
    own_broker.start()
    with Rig(own_broker.port) as rig:
        rig.connected().scans(50)
        rig.settled()
        own_broker.stop()
        rig.until(lambda: rig.uplink.condition is Condition.TROUBLE, "trouble")
        rig.scans(50)
        own_broker.start()
        with Audience(own_broker.port) as audience:
            rig.settled()
            rig.until(lambda: audience.numbers()[-1:] == [100], "the last scan")
        assert [condition for condition, *_ in rig.told][-1] is Condition.OK
        assert rig.counter("connects") == 2


def test_a_broker_that_is_killed_with_its_memory(own_broker: Mosquitto) -> None:
    own_broker.start()
    with Rig(own_broker.port) as rig:
        rig.connected().scans(200)
        rig.until(lambda: rig.counter("acknowledged") > 20, "some acknowledged")
        own_broker.kill()
        rig.until(lambda: not rig.uplink.connected, "the end noticed")
        own_broker.start()
        rig.settled()
        # what it had is gone: whoever missed it asks, and gets it with the same numbers
        with Audience(own_broker.port) as audience:
            rig.uplink.replay(rig.outbox.rows[NORMAL])
            arrived(rig, audience, 200)
        assert rig.counter("replayed") == 200


def test_a_replay_goes_on_over_cuts_and_each_event_of_it_is_told_once(
    proxy: Proxy, plain_broker: Mosquitto
) -> None:
    with Audience(plain_broker.port) as audience, Rig(proxy.port) as rig:
        rig.connected().scans(300)
        rig.settled()
        settled: list[tuple[int, str]] = []
        rig.hooks.replay_settled = lambda seq, reason: settled.append((seq, reason))
        before = len(audience.numbers())
        rig.uplink.replay(rig.outbox.rows[NORMAL])
        for part in range(1, 4):
            rig.until(lambda: len(settled) >= 60 * part, "some taken")  # noqa: B023
            proxy.cut()
        rig.until(lambda: len(settled) >= 300, "all taken")
        assert sorted(settled) == [(entry.seq, "") for entry in rig.outbox.rows[NORMAL]]
        rig.until(lambda: len(set(audience.numbers()[before:])) == 300, "all arrived again")
        assert rig.counter("connects") >= 3


@pytest.mark.parametrize("cut_after", [1, 300, 1000, 2345, 5000])
def test_a_cut_in_the_middle_of_a_packet(
    proxy: Proxy, plain_broker: Mosquitto, cut_after: int
) -> None:
    with Audience(plain_broker.port) as audience, Rig(proxy.port) as rig:
        rig.connected()
        proxy.cut_after(cut_after)
        rig.scans(100)
        rig.until(lambda: proxy.connections >= 3, "cut more than once")
        proxy.cut_after(None)
        rig.settled()
        arrived(rig, audience, 100)
        assert not rig.outbox.aside


def test_pubacks_that_are_doubled(proxy: Proxy, plain_broker: Mosquitto) -> None:
    proxy.puback = "double"
    with Audience(plain_broker.port) as audience, Rig(proxy.port) as rig:
        rig.connected().scans(300)
        rig.settled()
        arrived(rig, audience, 300)
        rig.until(lambda: rig.counter("strays") == 301, "every double counted")
        assert len(audience.numbers()) == 300


def test_pubacks_that_come_late(proxy: Proxy, plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(proxy.port) as rig:
        rig.connected()
        proxy.puback = "hold"
        rig.scans(60)
        rig.until(lambda: rig.counter("in_flight") == 19, "a full window, but for the urgent slot")
        rig.until(lambda: proxy.pubacks_seen >= 19, "held")
        rig.pull()
        rig.until(lambda: audience.payloads(ANDON), "urgent passes a full window")
        assert rig.counter("in_flight") == 20
        proxy.release()
        rig.settled()
        arrived(rig, audience, 60)
        assert len(audience.numbers()) == 60


def test_pubacks_that_never_come_renew_the_connection(
    proxy: Proxy, plain_broker: Mosquitto
) -> None:
    with Audience(plain_broker.port) as audience, Rig(proxy.port, puback_timeout_s=0.4) as rig:
        rig.connected()
        proxy.puback = "drop"
        rig.scans(100)
        rig.until(lambda: rig.counter("disconnects_puback_late") >= 2, "renewed, twice")
        assert "does not acknowledge" in rig.uplink.why or rig.uplink.connected
        proxy.puback = "pass"
        rig.settled()
        arrived(rig, audience, 100)
        assert not rig.outbox.aside
        assert rig.counter("duplicates_sent") >= 19


def test_a_black_hole(proxy: Proxy, plain_broker: Mosquitto) -> None:
    with (
        Audience(plain_broker.port) as audience,
        Rig(proxy.port, puback_timeout_s=0.5, connack_timeout_s=0.5) as rig,
    ):
        rig.connected().scans(20)
        rig.settled()
        proxy.hole()
        rig.scans(50)
        rig.until(lambda: rig.counter("disconnects_no_connack"), "given up")
        assert "never answers" in rig.uplink.why
        proxy.heal()
        rig.settled()
        arrived(rig, audience, 70)


def test_a_broker_that_hangs(own_broker: Mosquitto) -> None:
    own_broker.start()
    with Audience(own_broker.port) as audience, Rig(own_broker.port, puback_timeout_s=0.5) as rig:
        rig.connected()
        own_broker.pause()
        rig.scans(30)
        rig.until(lambda: rig.counter("disconnects_puback_late"), "renewed")
        own_broker.resume()
        rig.settled()
        arrived(rig, audience, 30)


def test_many_cuts_at_random(proxy: Proxy, plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(proxy.port, seed=7) as rig:
        rig.connected()
        for number in range(12):
            acknowledged = rig.counter("acknowledged")
            rig.scans(70)
            rig.until(lambda: rig.counter("acknowledged") > acknowledged + number * 3, "on its way")  # noqa: B023
            proxy.cut()
        rig.settled()
        arrived(rig, audience, 840)
        assert rig.counter("duplicates_sent") <= 12 * 20
        assert len(audience.numbers()) <= 840 + rig.counter("duplicates_sent")


def test_urgent_goes_first_and_nothing_normal_passes_it(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port) as audience, Rig(plain_broker.port) as rig:
        for _ in range(3):
            rig.scans(100)
            rig.pull()
        rig.connected().settled()
        rig.until(lambda: len(audience.numbers()) == 300, "all scans")
        topics = [one.topic.encode() for one in audience.messages]
        order = [topic for topic in topics if topic in (TOPIC, ANDON)]
        assert order[:3] == [ANDON] * 3
        assert audience.numbers(ANDON) == [101, 202, 303]


def test_a_window_of_one(own_broker: Mosquitto) -> None:
    config = own_broker._config
    config.write_text(config.read_text("utf-8") + "max_inflight_messages 1\n", "utf-8")
    own_broker.start()
    with Audience(own_broker.port) as audience, Rig(own_broker.port) as rig:
        rig.connected()
        most = 0.0
        rig.scans(200)
        while not rig.outbox.settled():
            rig.reactor.turn()
            most = max(most, rig.counter("in_flight"))
        assert most == 1
        arrived(rig, audience, 200)


def test_birth_states_and_farewell(own_broker: Mosquitto) -> None:
    own_broker.start()
    with Audience(own_broker.port) as audience:
        with Rig(own_broker.port) as rig:
            rig.uplink.publish_state("acme/x/state/info", b"1")
            rig.uplink.publish_state("acme/x/state/info", b"2")
            rig.uplink.publish_state("acme/x/health", b"h", retain=False)
            assert rig.uplink.send("acme/x/result", b"done")
            rig.scans(1)
            rig.connected().settled()
            rig.until(audience.payloads, "the scan, last of all")
            first = [one.topic for one in audience.messages]
            states = ["acme/x/state/info", "acme/x/health"]
            assert first == [STATUS, *states, "acme/x/result", TOPIC.decode()]
            assert audience.payloads(b"acme/x/state/info") == [b"2"]
            rig.uplink.publish_status()
            rig.until(lambda: len(audience.payloads(STATUS.encode())) == 2, "online again")
            rig.uplink.publish_state("acme/x/state/info", b"")
            rig.until(lambda: b"" in audience.payloads(b"acme/x/state/info"), "cleared")
            rig.until(lambda: not rig.counter("states"), "forgotten")
            with Audience(own_broker.port, topic=STATUS) as late:
                rig.until(lambda: late.messages, "retained")
                assert json.loads(late.messages[0].payload)["state"] == "online"
        audience.until(lambda: len(audience.payloads(STATUS.encode())) == 3, "the farewell")
        said = [json.loads(payload) for payload in audience.payloads(STATUS.encode())]
        assert [(one["state"], one["connection"]) for one in said] == [
            ("online", 1),
            ("online", 1),
            ("offline", 1),
        ]


def test_states_are_published_again_on_every_connection(
    proxy: Proxy, plain_broker: Mosquitto
) -> None:
    with Audience(plain_broker.port, topic="acme/y/#") as audience, Rig(proxy.port) as rig:
        rig.connected().uplink.publish_state("acme/y/state", b"1")
        rig.until(lambda: audience.messages, "published")
        proxy.cut()
        rig.until(lambda: len(audience.messages) == 2, "published again")


def test_the_will_speaks_for_an_agent_that_is_cut_off(
    proxy: Proxy, plain_broker: Mosquitto
) -> None:
    with Audience(plain_broker.port, topic=STATUS) as audience, Rig(proxy.port) as rig:
        rig.connected()
        rig.until(lambda: audience.messages, "birth")
        proxy.cut()

        def states() -> list[tuple[str, int]]:
            said = [json.loads(one.payload) for one in list(audience.messages) if one.payload]
            return [(one["state"], one["connection"]) for one in said]

        rig.until(lambda: ("online", 2) in states(), "back")
        rig.until(lambda: ("offline", 1) in states(), "the will of the first connection")
        proxy.refuse()
        rig.until(lambda: ("offline", 2) in states(), "the will of the second")
        with Audience(plain_broker.port, topic=STATUS) as late:
            late.until(lambda: late.messages, "retained")
            assert json.loads(late.messages[0].payload) == json.loads(rig._status("offline", 2))


def test_stopping_does_not_wait_for_ever(proxy: Proxy) -> None:
    with Rig(proxy.port) as rig:
        rig.connected()
        proxy.hole()
        rig.scans(5)
        rig.until(lambda: rig.counter("in_flight"), "on its way")
        rig.stop()
        assert rig.uplink.phase.value == "stopped"
        assert rig.counter("disconnects_stopped") == 1


class CountingSocket(socket.socket):
    """Counts its calls of the kernel."""

    sends = 0
    reads = 0

    def send(self, chunk: Any, *flags: int) -> int:  # noqa: ANN401 - as in socket
        self.sends += 1
        return super().send(chunk, *flags)

    def recv_into(self, *room: Any) -> int:  # noqa: ANN401 - as in socket
        self.reads += 1
        return super().recv_into(*room)


def test_a_full_window_is_one_send_and_its_pubacks_one_read(proxy: Proxy) -> None:
    made: list[CountingSocket] = []

    def opening(address: Address, broker: Broker, stage: Callable[[str], None]) -> Dialled:
        sock = CountingSocket(fileno=dial(address, broker, stage).sock.detach())
        sock.setblocking(False)
        made.append(sock)
        return Dialled(sock, None)

    with Rig(proxy.port, opening=opening) as rig:
        rig.connected()
        rig.until(lambda: rig.counter("acknowledged") == 1, "the birth")
        proxy.puback = "hold"
        sends = made[0].sends
        rig.scans(19)
        rig.until(lambda: proxy.pubacks_seen == 19, "a full window")
        reads = made[0].reads  # an answer to something else may have come meanwhile
        assert made[0].sends - sends == 1
        proxy.release()
        rig.settled()
        assert (made[0].sends - sends, made[0].reads - reads) == (1, 1)
