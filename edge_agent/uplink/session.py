"""One MQTT session on one connection: paho's part of the work, driven by the reactor.

Rules:
1. A fresh `mqtt.Client` per connection, clean start; nothing of ours is ever in paho's queues.
2. paho's callbacks only note what happened. Our code runs after paho has returned, so that
   no exception of ours passes through paho and no lock of paho's is held.
3. A session ends once, with one cause, told by `ended`.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.reactor import READ, WRITE, Reactor
from edge_agent.uplink.packets import Version
from edge_agent.uplink.stream import End, Stream

RECEIVE_MAXIMUM_DEFAULT: Final = 65_535
"""What a broker takes at once when it does not say."""

PACKET_BYTES_DEFAULT: Final = 268_435_455
"""The largest packet of a broker that does not say: the largest there is."""


UNSUPPORTED_VERSION: Final = 0x84
"""MQTT 5's word for a refused version; that of 3.1.1 is turned into it."""

_VERSION_REFUSED = b"\x20\x02\x00\x01"


class Cause(StrEnum):
    """Why a connection ended, or did not come about; also the name of its counter."""

    CLOSED = "closed"
    LOST = "lost"
    NONSENSE = "nonsense"
    STUCK = "stuck"
    GOODBYE = "goodbye"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHED = "unreached"
    NO_CONNACK = "no_connack"
    PUBACK_LATE = "puback_late"
    NO_LOOP_BACK = "no_loop_back"
    RENEWED = "renewed"
    STOPPED = "stopped"


_OF_STREAM = {
    End.CLOSED: Cause.CLOSED,
    End.LOST: Cause.LOST,
    End.NONSENSE: Cause.NONSENSE,
    End.STUCK: Cause.STUCK,
}


class Ending(NamedTuple):
    """Why a session ended: the broker's reason code and its name where it gave one."""

    cause: Cause
    code: int = 0
    name: str = ""
    fault: OSError | None = None


class Greeting(NamedTuple):
    """What CONNECT says; the will is retained, QoS 1."""

    client_id: str
    version: Version
    username: str | None
    password: str | None
    keepalive_s: int
    will_topic: str
    will: bytes


class Accepted(NamedTuple):
    """What CONNACK says of the broker's limits."""

    receive_maximum: int
    packet_bytes_max: int
    qos_max: int


class Heard(NamedTuple):
    """A message of the broker."""

    topic: str
    payload: bytes
    retained: bool


class Events(Protocol):
    """Whom a session tells what happens; on the reactor's thread, paho not on the stack."""

    def accepted(self, terms: Accepted) -> None: ...
    def subscribed(self, granted: list[bool]) -> None: ...
    def heard(self, message: Heard) -> None: ...
    def quiet(self) -> None: ...
    def ended(self, ending: Ending) -> None: ...


class _Client(mqtt.Client):
    """paho with our connection for its socket."""

    def __init__(self, stream: Stream, greeting: Greeting) -> None:
        self._stream = stream
        five = greeting.version is Version.V5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            greeting.client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )

    def _create_socket(self) -> Stream:
        return self._stream


class Session:
    """CONNECT, SUBSCRIBE, incoming messages, keep-alive and DISCONNECT over one `Stream`."""

    def __init__(
        self, reactor: Reactor, stream: Stream, greeting: Greeting, events: Events
    ) -> None:
        self.stream = stream
        self.version = greeting.version
        self._reactor = reactor
        self._events = events
        self._fd = stream.fileno()
        self._wants_write = False
        self._over = False
        self._verdict: Ending | None = None
        self._accepted: Accepted | None = None
        self._heard: list[Heard] = []
        self._answers: list[bool] | None = None
        client = self._client = _Client(stream, greeting)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_register_write = _flushed_by_us
        client.will_set(greeting.will_topic, greeting.will, qos=1, retain=True)
        if greeting.username is not None:
            client.username_pw_set(greeting.username, greeting.password)
        stream.packet = self._packet
        client.connect_async("broker", 1, greeting.keepalive_s, clean_start=True)

    def open(self) -> None:
        """Say CONNECT."""
        self._reactor.watch(self._fd, self._ready, READ)
        self._client.reconnect()
        self.flush()

    def subscribe(self, topics: list[str]) -> None:
        """Ask for these topics, QoS 1; `subscribed` says of each whether it was granted."""
        if self.version is Version.V5:
            # as published: or a broker clears the flag of a retained command sent while we listen
            wanted = SubscribeOptions(qos=1, retainAsPublished=True)
            self._client.subscribe([(topic, wanted) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])
        self._client.loop_write()  # paho only queues it: what we publish next would overtake it

    def unsubscribe(self, topic: str) -> None:
        """Give a topic up."""
        self._client.unsubscribe(topic)

    def every_second(self) -> None:
        """Let paho look after the keep-alive."""
        self._client.loop_misc()
        self.flush()

    def flush(self) -> None:
        """Send what paho and the window have put down, in one send if the kernel takes it."""
        if self._over:
            return
        if self._client.want_write():
            self._client.loop_write()
        blocked = not self.stream.flush()
        if blocked is not self._wants_write:
            self._wants_write = blocked
            self._reactor.rewatch(self._fd, READ | WRITE if blocked else READ)
        self._look()

    def leave(self) -> None:
        """Say DISCONNECT, so that the broker keeps the will to itself, and close."""
        if not self._over:
            self._client.disconnect()
            self._client.loop_write()
            self.stream.flush()
        self.close()

    def close(self) -> None:
        """Close without a word; `ended` is not called."""
        if self._over:
            return
        self._over = True
        self._reactor.unwatch(self._fd)
        self.stream.close()
        self.stream.shut()
        client = self._client
        client.on_connect = client.on_disconnect = client.on_message = client.on_subscribe = None
        self.stream.packet = self.stream.puback = None  # type: ignore[assignment] # ends the cycle

    # -- the reactor's side --------------------------------------------------------------------

    def _ready(self, events: int) -> None:
        if events & ~WRITE:
            self._read()
        else:
            self._events.quiet()

    def _read(self) -> None:
        if self._over:
            return
        more = self.stream.read()
        if self._look():
            return
        self._events.quiet()
        if more:
            self._reactor.again(self._read)

    def _packet(self) -> None:
        """Show paho one whole packet, then tell what it made of it."""
        if self.stream.shown.startswith(_VERSION_REFUSED) and self.version is Version.V311:
            # paho calls this a protocol error, without a word of the reason
            self._verdict = Ending(Cause.REFUSED, UNSUPPORTED_VERSION, "Unsupported version")
        self._client.loop_read()
        accepted, self._accepted = self._accepted, None
        if accepted is not None:
            self._events.accepted(accepted)
        answers, self._answers = self._answers, None
        if answers is not None:
            self._events.subscribed(answers)
        if self._heard:
            heard, self._heard = self._heard, []
            for message in heard:
                self._events.heard(message)

    def _look(self) -> bool:
        """See whether the session is over, and say why, once."""
        stream = self.stream
        if self._over:
            return True
        if not (stream.ended or stream.dropped_by_paho):
            return False
        ending = self._verdict
        if stream.ended and (ending is None or ending.cause is Cause.NONSENSE):
            ending = Ending(_OF_STREAM[stream.ended], fault=stream.fault)
        self.close()
        self._events.ended(ending or Ending(Cause.NONSENSE))
        return True

    # -- paho's callbacks: note, no more -------------------------------------------------------

    def _on_connect(
        self,
        _client: object,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        said: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._verdict = Ending(Cause.REFUSED, reason.value, reason.getName())
            return
        self._accepted = Accepted(
            getattr(said, "ReceiveMaximum", RECEIVE_MAXIMUM_DEFAULT),
            getattr(said, "MaximumPacketSize", PACKET_BYTES_DEFAULT),
            getattr(said, "MaximumQoS", 2),
        )

    def _on_disconnect(
        self,
        _client: object,
        _userdata: object,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _said: object,
    ) -> None:
        if self._verdict is not None:  # paho tells some endings twice
            return
        if flags.is_disconnect_packet_from_server:
            self._verdict = Ending(Cause.GOODBYE, reason.value, reason.getName())
        elif reason.getName() == "Keep alive timeout":
            self._verdict = Ending(Cause.SILENT)
        else:
            self._verdict = Ending(Cause.NONSENSE)

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._heard.append(Heard(topic, bytes(message.payload), message.retain))

    def _on_subscribe(
        self,
        _client: object,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _said: object,
    ) -> None:
        self._answers = [not reason.is_failure for reason in reasons]


def _flushed_by_us(_client: object, _userdata: object, _sock: object) -> None:
    return
