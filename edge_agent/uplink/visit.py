"""One visit to a broker, blocking: how far one comes with the agent's settings, stage by stage.

Rules:
1. A client id of its own, no will, nothing retained: a running agent does not notice.
2. `stage` is always where the visit stands: whoever gives up waiting can say for what.
3. It ends at the first trouble; what was reached before stands.
"""

import os
import select
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.configuration import Address, Broker
from edge_agent.uplink import refusals, troubles
from edge_agent.uplink.dial import Dialled, dial
from edge_agent.uplink.ear import Ear, EarSocket
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import UNSUPPORTED_VERSION, Cause, Ending
from edge_agent.uplink.troubles import Trouble

PUBACK_NS: Final = 5_000_000_000
"""How long a visitor waits for the broker's word on what it publishes."""

RETURN_NS: Final = 2_000_000_000
"""How long it waits, after that, for its own message to come back."""

STEP_S_MAX: Final = 5.0
"""No step of connecting is waited for longer, whatever the settings allow the agent."""

LOGIN: Final = "login"
PUBLISH: Final = "publish"
RETURN: Final = "return"
"""Stages behind those of `dial`: files, look-up, connect, TLS."""

_NS: Final = 1_000_000_000
_KEEPALIVE_S: Final = 60


@dataclass(slots=True)
class Visit:
    """What a visit has found so far; `trouble` is where it ended.

    `took_ns` says how long each stage took that is behind; `ends_s` when the broker's certificate
    ends (seconds since 1970); `refused` the broker's reason against our publish, `may_hear`
    whether it lets us subscribe, `returned_ns` how long our message was on its way there and back.
    """

    address: Address
    stage: str = "files"
    took_ns: dict[str, int] = field(default_factory=dict)
    trouble: Trouble | None = None
    ending: Ending | None = None
    version: Version = Version.V5
    ends_s: int | None = None
    refused: str | None = None
    may_hear: bool | None = None
    returned_ns: int | None = None
    over: bool = False


class Visitor:
    """Goes to one broker and comes back; `visit` may be read at any time, from any thread."""

    def __init__(
        self,
        address: Address,
        broker: Broker,
        client_id: str,
        topic: str,
        mono_ns: Callable[[], int],
    ) -> None:
        self.visit = Visit(address)
        self._broker = replace(
            broker,
            connect_timeout_s=min(broker.connect_timeout_s, STEP_S_MAX),
            connack_timeout_s=min(broker.connack_timeout_s, STEP_S_MAX),
        )
        self._client_id = client_id
        self._topic = topic
        self._mono_ns = mono_ns
        self._began_ns = mono_ns()

    def go(self) -> Visit:
        """Visit; returns what was found, whatever happened."""
        for version in (Version.V5, Version.V311):
            self.visit.version = version
            ending = self._once(version)
            if ending is None or not _other_version(ending):
                break
        if ending is not None and self.visit.trouble is None:
            self.visit.ending = ending
            greeted = self.visit.stage != LOGIN
            address = self.visit.address
            self.visit.trouble = troubles.of_ending(address, ending, greeted=greeted)
        self.visit.over = True
        return self.visit

    def _once(self, version: Version) -> Ending | None:
        """Try in one version; says how the session ended when it ended against our will."""
        self._began_ns, self.visit.stage = self._mono_ns(), "files"
        try:
            dialled = dial(self.visit.address, self._broker, self._at)
        except (OSError, UnicodeError) as fault:
            self.visit.trouble = troubles.of_dial(self.visit.address, fault, self.visit.stage)
            return None
        if isinstance(dialled.sock, ssl.SSLSocket):
            self.visit.ends_s = _ends_s(dialled.sock)
        self._at(LOGIN)
        talk = _Talk(dialled, self._broker, self._client_id, version, self._mono_ns)
        try:
            return self._say(talk)
        finally:
            talk.leave()

    def _say(self, talk: "_Talk") -> Ending | None:
        if not talk.until(lambda: talk.greeted, int(self._broker.connack_timeout_s * _NS)):
            return talk.ending or Ending(Cause.NO_CONNACK)
        self._at(PUBLISH)
        talk.subscribe(self._topic)
        if not talk.until(lambda: talk.granted is not None, PUBACK_NS):
            return talk.ending or Ending(Cause.PUBACK_LATE)
        self.visit.may_hear = talk.granted
        began_ns = self._mono_ns()
        talk.publish(self._topic)
        if not talk.until(lambda: talk.code is not None, PUBACK_NS):
            return talk.ending or Ending(Cause.PUBACK_LATE)
        if talk.code and talk.code != refusals.NO_SUBSCRIBER:
            self.visit.refused = refusals.reason_of(talk.code)
            return None
        self._at(RETURN)
        if self.visit.may_hear and talk.until(lambda: talk.heard_ns, RETURN_NS):
            self.visit.returned_ns = talk.heard_ns - began_ns
        self._at("")
        return None

    def _at(self, stage: str) -> None:
        now_ns = self._mono_ns()
        self.visit.took_ns[self.visit.stage] = now_ns - self._began_ns
        self.visit.stage, self._began_ns = stage, now_ns


def _other_version(ending: Ending) -> bool:
    unsupported = ending.cause is Cause.REFUSED and ending.code == UNSUPPORTED_VERSION
    return unsupported or ending.cause in (Cause.CLOSED, Cause.NO_CONNACK)


def _ends_s(sock: ssl.SSLSocket) -> int | None:
    told = sock.getpeercert() or {}
    ends = told.get("notAfter")
    return int(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None


class _Sock(EarSocket):
    """To paho its socket; remembers what TLS said, which paho takes for a connection that broke."""

    fault: ssl.SSLError | None = None

    def recv(self, size: int) -> bytes:
        try:
            return super().recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as fault:
            self.fault = fault
            raise


class _Talk:
    """paho on one connection, turned by hand."""

    def __init__(
        self,
        dialled: Dialled,
        broker: Broker,
        client_id: str,
        version: Version,
        mono_ns: Callable[[], int],
    ) -> None:
        self.greeted = False
        self.granted: bool | None = None
        self.code: int | None = None
        self.heard_ns = 0
        self.ending: Ending | None = None
        self._version = version
        self._mono_ns = mono_ns
        self._payload = b'{"doctor":"%s"}' % os.urandom(8).hex().encode()
        self._sock = _Sock(dialled.sock)
        client = self._client = Ear(self._sock, client_id, version)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_register_write = _ignore
        if broker.username is not None:
            client.username_pw_set(broker.username, dialled.password)
        client.connect_async("broker", 1, _KEEPALIVE_S, clean_start=True)
        client.reconnect()

    def until(self, true: Callable[[], object], patience_ns: int) -> bool:
        """Turn until it is true; False when the time is up, or the connection is over."""
        end_ns = self._mono_ns() + patience_ns
        sock = self._sock
        while not true():
            left_ns = end_ns - self._mono_ns()
            if sock.fault is not None:
                self.ending = Ending(Cause.NONSENSE, fault=sock.fault)
            elif sock.dropped and self.ending is None:
                self.ending = Ending(Cause.CLOSED)
            if self.ending is not None or left_ns <= 0:
                return False
            self._flush()
            writing = [sock.fileno()] if sock.out else []
            ready, _, _ = select.select([sock.fileno()], writing, [], left_ns / _NS)
            if ready:
                self._client.loop_read()
                while sock.more() and not sock.dropped:
                    self._client.loop_read()
        return True

    def subscribe(self, topic: str) -> None:
        """Ask to hear what we are about to say."""
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str) -> None:
        """Say it, QoS 1, not retained."""
        told: Any = None
        if self._version is Version.V5:
            told = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            told.ContentType = "application/json"
        self._client.publish(topic, self._payload, qos=1, properties=told)

    def leave(self) -> None:
        """Say goodbye and close."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_subscribe = None
        client.on_publish = client.on_message = None
        if not self._sock.dropped:
            client.disconnect()
            self._flush()
        self._sock.shut()

    def _flush(self) -> None:
        if self._client.want_write():
            self._client.loop_write()
        self._sock.flush()

    # -- paho's callbacks: note, no more -------------------------------------------------------

    def _on_connect(
        self, _client: object, _userdata: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        if code.is_failure:
            self.ending = Ending(Cause.REFUSED, code.value, code.getName())
        else:
            self.greeted = True

    def _on_disconnect(
        self,
        _client: object,
        _userdata: object,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _: object,
    ) -> None:
        if self.ending is None:
            told = flags.is_disconnect_packet_from_server
            cause = Cause.GOODBYE if told else Cause.CLOSED
            self.ending = Ending(cause, code.value, code.getName())

    def _on_subscribe(
        self, _client: object, _userdata: object, _mid: int, codes: list[ReasonCode], _: object
    ) -> None:
        self.granted = not any(code.is_failure for code in codes)

    def _on_publish(
        self, _client: object, _userdata: object, _mid: int, code: ReasonCode, _: object
    ) -> None:
        self.code = code.value

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if bytes(message.payload) == self._payload:
            self.heard_ns = self._mono_ns()


def _ignore(*_: object) -> None:
    return
