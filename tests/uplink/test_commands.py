"""What comes in: whole, in order, bounded; and a fault of ours is not swallowed on the way."""

import pytest

from edge_agent.uplink.stream import INBOUND_BYTES_MAX
from tests.kit.brokers import Mosquitto
from tests.kit.proxy import Proxy
from tests.uplink.rig import Audience, Rig

pytestmark = pytest.mark.broker

LAMP = "acme/plant1/assembly/line3/agent/pi-a2/cmd/leader/lamp-test"


def test_commands_come_in_order(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port, topic="nothing") as sender, Rig(plain_broker.port) as rig:
        rig.connected()
        for number in range(50):
            sender.publish(LAMP, b"%d" % number)
        rig.until(lambda: len(rig.commands) == 50, "all commands")
        assert rig.commands == [(LAMP, b"%d" % number, False) for number in range(50)]


def test_a_retained_command_is_called_so(own_broker: Mosquitto) -> None:
    own_broker.start()
    with Audience(own_broker.port, topic="nothing") as sender:
        sender.publish(LAMP, b"stale", retain=True)
        with Rig(own_broker.port) as rig:
            rig.until(lambda: rig.commands, "heard")
            assert rig.commands == [(LAMP, b"stale", True)]


def test_a_retained_command_is_called_so_though_we_listened_when_it_came(
    own_broker: Mosquitto,
) -> None:
    own_broker.start()
    with Audience(own_broker.port, topic="nothing") as sender, Rig(own_broker.port) as rig:
        rig.connected()
        sender.publish(LAMP, b"to stay", retain=True)
        rig.until(lambda: rig.commands, "heard")
        assert rig.commands == [(LAMP, b"to stay", True)]


def test_a_command_that_is_too_large_is_thrown_away(proxy: Proxy, plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port, topic="nothing") as sender, Rig(proxy.port) as rig:
        rig.connected()
        for number in range(30):  # more than the broker lets wait for an answer
            sender.publish(LAMP, b"%d" % number + bytes(INBOUND_BYTES_MAX))
        sender.publish(LAMP, b"small")
        rig.until(lambda: rig.commands, "the next one")
        assert rig.commands == [(LAMP, b"small", False)]
        rig.uplink.renew()
        rig.until(lambda: rig.counter("too_large_in") == 30, "counted")


def test_a_fault_of_ours_is_not_swallowed(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port, topic="nothing") as sender, Rig(plain_broker.port) as rig:

        def broken(_topic: str, _payload: bytes, _retained: bool) -> None:
            raise ZeroDivisionError

        rig.connected()
        rig.hooks.on_command = broken
        sender.publish(LAMP, b"x")
        with pytest.raises(ZeroDivisionError):
            rig.until(lambda: False, "the fault")


def test_new_subscriptions_are_asked_for_at_the_next_connection(plain_broker: Mosquitto) -> None:
    with Audience(plain_broker.port, topic="nothing") as sender, Rig(plain_broker.port) as rig:
        rig.connected()
        rig.hooks.subscriptions = ("acme/master/#",)
        rig.uplink.renew()
        rig.until(lambda: rig.counter("connects") == 2, "renewed")
        rig.connected()
        sender.publish(LAMP, b"nobody hears")
        sender.publish("acme/master/parts", b"{}")
        rig.until(lambda: rig.commands, "heard")
        assert rig.commands == [("acme/master/parts", b"{}", False)]
