"""The few MQTT packets of the event lane, as bytes; no I/O, no state.

Rules:
1. Only PUBLISH at QoS 1 is written and only PUBACK is read here; the rest of MQTT is paho's.
2. A PUBLISH is appended to the connection's output buffer, never built apart from it.
3. Our packet ids have the highest bit set; paho's, for SUBSCRIBE, count from 1: they never meet.
"""

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

PACKET_ID_MIN: Final = 0x8000
"""Our first packet id."""

PACKET_ID_MAX: Final = 0xFFFF
"""Our last packet id; the next one is the first again, if it is free."""

PUBLISH: Final = 0x30
PUBLISH_QOS1: Final = 0x32
PUBLISH_QOS1_RETAIN: Final = 0x33
PUBACK: Final = 0x40

CUT_SHORT: Final = 0
"""What `length_at` says of a packet whose length has not arrived whole."""

LENGTH_BROKEN: Final = -1
"""What `length_at` says of a length of more than four bytes: not MQTT."""

OVERHEAD_BYTES_MAX: Final = 64
"""No PUBLISH of ours is longer than its topic, its payload and this."""


class Version(IntEnum):
    """What is spoken on a connection; the value is the protocol level on the wire."""

    V311 = 4
    V5 = 5

    @property
    def words(self) -> str:
        """Its name for people."""
        return "MQTT 5" if self is Version.V5 else "MQTT 3.1.1"


class Properties(NamedTuple):
    """The property block of a PUBLISH, its length in front; nothing before MQTT 5."""

    event: bytes
    plain: bytes


_CONTENT_TYPE = b"\x03\x00\x1capplication/cloudevents+json"
_DELAYED = b"\x26\x00\x09delayed-s"
_PROPERTIES = {
    Version.V311: Properties(event=b"", plain=b""),
    Version.V5: Properties(event=bytes((len(_CONTENT_TYPE),)) + _CONTENT_TYPE, plain=b"\x00"),
}

_MORE, _MORE_YET = 1 << 7, 1 << 14  # lengths from which one more byte is needed
_LENGTH_BYTES_MAX = 4

_HEAD_1 = Struct(">BBH").pack
_HEAD_2 = Struct(">BBBH").pack
_HEAD_3 = Struct(">BBBBH").pack
_SHORT = Struct(">H").pack


def properties(version: Version) -> Properties:
    """Give the property blocks of this protocol version."""
    return _PROPERTIES[version]


def delayed(version: Version, delayed_s: int) -> bytes:
    """Give the property block of an event that left `delayed_s` seconds after its capture."""
    if version is Version.V311:
        return b""
    text = b"%d" % delayed_s
    block = _CONTENT_TYPE + _DELAYED + _SHORT(len(text)) + text
    return bytes((len(block),)) + block


def publish(
    out: bytearray, first: int, topic: bytes, packet_id: int, block: bytes, payload: bytes
) -> None:
    """Append one PUBLISH to `out`; `first` is its first byte, `block` its properties.

    Raises struct.error for a packet of 2 MiB and more: the caller's caps are far below.
    """
    length = 4 + len(topic) + len(block) + len(payload)
    if length < _MORE:
        out += _HEAD_1(first, length, len(topic))
    elif length < _MORE_YET:
        out += _HEAD_2(first, length & 0x7F | 0x80, length >> 7, len(topic))
    else:
        out += _HEAD_3(
            first, length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14, len(topic)
        )
    out += topic
    out += _SHORT(packet_id)
    out += block
    out += payload


def length_at(buffer: bytearray, start: int, end: int) -> tuple[int, int]:
    """Read the packet that begins at `start`: where its body begins and where it ends.

    The first is `CUT_SHORT` while the length itself is incomplete before `end`, `LENGTH_BROKEN`
    when it can be none.
    """
    value = shift = 0
    for at in range(start + 1, min(start + 1 + _LENGTH_BYTES_MAX, end)):
        value |= (buffer[at] & 0x7F) << shift
        if not buffer[at] & _MORE:
            return at + 1, at + 1 + value
        shift += 7
    return (LENGTH_BROKEN if end - start > _LENGTH_BYTES_MAX else CUT_SHORT), 0


def puback_for(packet_id: int) -> bytes:
    """Acknowledge a message of the broker that paho is never shown."""
    return bytes((PUBACK, 2)) + _SHORT(packet_id)
