"""A small subscriber for people's tools: `watch`, the demo, tests; comes back for ever.

Rules:
1. Everything runs on the reactor's thread but look-up, TCP and TLS (`dial`).
2. A fresh client, and a clean session, per connection: nothing is queued here or at the broker,
   for who listens sees gaps by the numbers and asks again.
3. paho's callbacks only note what happened; what was heard is handed on after paho has returned.
4. Trouble is a state with a back-off, told on change with its remedy.
"""

import os
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.configuration import Address, Broker
from edge_agent.ports import Condition
from edge_agent.reactor import NEVER, READ, WRITE, Reactor
from edge_agent.uplink import troubles
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.dial import Dial, Dialled, Opening, dial
from edge_agent.uplink.ear import Ear, EarSocket
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Cause, Ending
from edge_agent.uplink.troubles import Trouble

PACKETS_MAX: Final = 256
"""Packets taken in one turn; the rest comes in the next one."""

DIALS_MAX: Final = 4
"""Connect threads alive at once; while so many hang, no further attempt is begun."""

_TICK_NS: Final = 1_000_000_000
_UNSUPPORTED_VERSION: Final = 0x84


def _ignore(*_: object) -> None:
    return


class _Target:
    """What is known of one address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.version = Version.V5


class Listener:
    """Subscribes to `topics` (QoS 1) and hands on what it hears: `hear(topic, payload)`.

    `tell(condition, why, remedy)` is called when the way to the broker changes. `listening` says
    whether the broker has answered the subscription. All calls on the reactor's thread.
    """

    def __init__(
        self,
        reactor: Reactor,
        broker: Broker,
        topics: tuple[str, ...],
        hear: Callable[[str, bytes], None],
        *,
        tell: Callable[[Condition, str, str], None] = _ignore,
        opening: Opening = dial,
        random: Random | None = None,
    ) -> None:
        self.client_id = f"listener-{os.urandom(6).hex()}"
        self.listening = False
        self.version = Version.V5
        self._reactor = reactor
        self._broker = broker
        self._topics = topics
        self._hear = hear
        self._tell = tell
        self._opening = opening
        self._targets = [_Target(address) for address in broker.addresses]
        self._place = 0
        self._backoff = Backoff(
            broker.backoff_min_s, broker.backoff_max_s, random or SystemRandom()
        )
        self._timer = reactor.timer(self._tick)
        self._dial: Dial | None = None
        self._behind: list[Dial] = []
        self._client: Ear | None = None
        self._sock: EarSocket | None = None
        self._greeted = False
        self._writing = False
        self._deadline_ns = NEVER
        self._ending: Ending | None = None
        self._answers: list[bool] | None = None
        self._heard: list[tuple[str, bytes]] = []
        self._told = ""

    # -- calls ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect; from now on it comes back by itself."""
        self._timer.due_ns = self._reactor.clock.mono_ns()

    def stop(self) -> None:
        """Say goodbye and stay away."""
        if self._client is not None and self._sock is not None:
            self._client.disconnect()
            self._sock.flush()
        self._close()
        if self._dial is not None:
            self._dial.discard()
            self._dial = None
        self._timer.due_ns = NEVER

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish a command, QoS 1, not retained; False when it cannot be now."""
        client = self._client
        if client is None or not self.listening:
            return False
        told: Any = None
        if self.version is Version.V5:
            told = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            told.ContentType = "application/cloudevents+json"
        sent = client.publish(topic, payload, qos=1, properties=told)
        self._flush()
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    # -- attempts ------------------------------------------------------------------------------

    def _tick(self, now_ns: int) -> int:
        if self._client is not None:
            if not self.listening and now_ns >= self._deadline_ns:
                self._ended(Ending(Cause.NO_CONNACK))
                return self._timer.due_ns
            self._client.loop_misc()
            self._flush()
            return self._timer.due_ns if self._over() else now_ns + _TICK_NS
        if self._dial is not None:
            self._dial_hangs(self._dial)
            return self._timer.due_ns
        self._behind = [hanging for hanging in self._behind if hanging.outcome is None]
        if len(self._behind) >= DIALS_MAX:
            return now_ns + self._backoff.next_ns()
        address = self._targets[self._place].address
        self._dial = Dial(
            address, self._broker, self._opening, self._reactor.post, self._dialled, now_ns
        )
        return now_ns + int(self._broker.connect_timeout_s * _TICK_NS)

    def _dial_hangs(self, hanging: Dial) -> None:
        if hanging.outcome is not None:  # its word found no room in the inbox
            self._dialled(hanging)
            return
        self._dial = None
        hanging.discard()
        self._behind.append(hanging)
        self._failed(troubles.of_hanging_dial(hanging.address, hanging.stage))

    def _dialled(self, finished: Dial) -> None:
        if finished is not self._dial:
            finished.discard()
            return
        self._dial = None
        if isinstance(finished.outcome, Dialled):
            self._connect(finished.outcome)
        elif finished.outcome is not None:
            self._failed(troubles.of_dial(finished.address, finished.outcome, finished.stage))

    def _failed(self, trouble: Trouble) -> None:
        self._place = (self._place + 1) % len(self._targets)
        self._timer.due_ns = self._reactor.clock.mono_ns() + self._backoff.next_ns()
        self._say(Condition.TROUBLE, trouble.why, trouble.remedy)

    def _say(self, condition: Condition, why: str, remedy: str) -> None:
        if (told := condition + why) != self._told:
            self._told = told
            self._tell(condition, why, remedy)

    # -- a connection --------------------------------------------------------------------------

    def _connect(self, dialled: Dialled) -> None:
        self.version = self._targets[self._place].version
        self._sock = EarSocket(dialled.sock)
        client = self._client = Ear(self._sock, self.client_id, self.version)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_register_write = _ignore
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, dialled.password)
        client.connect_async("broker", 1, self._broker.keepalive_s, clean_start=True)
        self._greeted = self._writing = False
        self._ending = None
        now_ns = self._reactor.clock.mono_ns()
        self._deadline_ns = now_ns + int(self._broker.connack_timeout_s * _TICK_NS)
        self._timer.due_ns = min(now_ns + _TICK_NS, self._deadline_ns)
        self._reactor.watch(self._sock.fileno(), self._ready)
        client.reconnect()
        self._flush()

    def _close(self) -> None:
        client, sock = self._client, self._sock
        self._client = self._sock = None
        self.listening = False
        self._heard.clear()
        if client is not None and sock is not None:
            self._reactor.unwatch(sock.fileno())
            sock.shut()
            client.on_connect = client.on_disconnect = client.on_message = None
            client.on_subscribe = None

    def _ready(self, events: int) -> None:
        if events & ~WRITE:
            self._read()
        else:
            self._flush()

    def _read(self) -> None:
        client, sock = self._client, self._sock
        if client is None or sock is None:
            return
        for _ in range(PACKETS_MAX):
            client.loop_read()
            if sock.dropped or not sock.more():
                break
        else:
            self._reactor.again(self._read)
        self._flush()
        answers, self._answers = self._answers, None
        if answers is not None:
            self._subscribed(answers)
        heard, self._heard = self._heard, []
        for topic, payload in heard:
            self._hear(topic, payload)
        self._over()

    def _subscribed(self, answers: list[bool]) -> None:
        self.listening = True
        self._backoff.reset()
        refused = [topic for topic, yes in zip(self._topics, answers, strict=False) if not yes]
        if refused:
            address = self._targets[self._place].address
            self._say(Condition.TROUBLE, *troubles.of_subscriptions(address, refused))
        else:
            self._say(Condition.OK, "", "")

    def _flush(self) -> None:
        client, sock = self._client, self._sock
        if client is None or sock is None or sock.dropped:
            return
        if client.want_write():
            client.loop_write()
        sock.flush()
        if self._writing is not bool(sock.out):
            self._writing = bool(sock.out)
            self._reactor.rewatch(sock.fileno(), READ | WRITE if self._writing else READ)

    def _over(self) -> bool:
        """See whether paho has given the connection up, and say why."""
        if self._sock is None or not self._sock.dropped:
            return False
        self._ended(self._ending or Ending(Cause.CLOSED))
        return True

    def _ended(self, ending: Ending) -> None:
        target = self._targets[self._place]
        greeted = self._greeted
        self._close()
        if not greeted and target.version is Version.V5:
            refused = ending.cause is Cause.REFUSED and ending.code == _UNSUPPORTED_VERSION
            if refused or ending.cause is Cause.CLOSED:
                target.version = Version.V311
                self._timer.due_ns = self._reactor.clock.mono_ns()
                return
        elif not greeted:
            target.version = Version.V5
        self._failed(troubles.of_ending(target.address, ending, greeted=greeted))

    # -- paho's callbacks: note, no more -------------------------------------------------------

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        if code.is_failure:
            self._ending = Ending(Cause.REFUSED, code.value, code.getName())
            return
        self._greeted = True
        if self.version is Version.V5:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, _client: object, _userdata: object, _mid: int, codes: list[ReasonCode], _: object
    ) -> None:
        self._answers = [not code.is_failure for code in codes]

    def _on_disconnect(
        self,
        _client: object,
        _userdata: object,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _: object,
    ) -> None:
        if self._ending is not None:
            return
        if flags.is_disconnect_packet_from_server:
            self._ending = Ending(Cause.GOODBYE, code.value, code.getName())
        elif code.getName() == "Keep alive timeout":
            self._ending = Ending(Cause.SILENT)
        else:
            self._ending = Ending(Cause.CLOSED)

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # not MQTT; nobody could have subscribed to it
            return
        self._heard.append((topic, bytes(message.payload)))
