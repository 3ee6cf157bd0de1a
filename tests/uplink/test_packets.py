"""Our few packets are what MQTT says they are; paho's own decoder is the judge."""

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet as judge
from paho.mqtt.enums import MQTTProtocolVersion

from edge_agent.uplink import packets
from edge_agent.uplink.packets import Version

JUDGED_AS = {Version.V5: MQTTProtocolVersion.MQTTv5, Version.V311: MQTTProtocolVersion.MQTTv311}
topics = st.text(st.sampled_from("abcXYZ019_-/"), min_size=1, max_size=200).map(str.encode)
payloads = st.binary(max_size=300) | st.integers(0, 65_000).map(bytes)
ids = st.integers(packets.PACKET_ID_MIN, packets.PACKET_ID_MAX)


def decoded(packet: bytearray, version: Version) -> judge.PublishPacket:
    body, stop = packets.length_at(packet, 0, len(packet))
    assert stop == len(packet)
    return judge.decode_publish(packet[0], bytes(packet[body:]), JUDGED_AS[version])


@given(topics, payloads, ids, st.sampled_from(Version), st.booleans())
def test_a_publish_is_read_back_by_paho(
    topic: bytes, payload: bytes, packet_id: int, version: Version, retain: bool
) -> None:
    out = bytearray()
    first = packets.PUBLISH_QOS1_RETAIN if retain else packets.PUBLISH_QOS1
    packets.publish(out, first, topic, packet_id, packets.properties(version).event, payload)
    read = decoded(out, version)
    assert (read.topic, bytes(read.payload), read.mid) == (topic, payload, packet_id)
    assert (read.qos, read.retain, read.dup) == (1, retain, False)
    if version is Version.V5:
        assert read.properties is not None
        assert read.properties.ContentType == "application/cloudevents+json"
    assert len(out) <= len(topic) + len(payload) + packets.OVERHEAD_BYTES_MAX


@given(st.integers(0, 99_999_999))
def test_a_late_event_says_how_late(delayed_s: int) -> None:
    out = bytearray()
    block = packets.delayed(Version.V5, delayed_s)
    packets.publish(out, packets.PUBLISH_QOS1, b"t", 0x8000, block, b"p")
    read = decoded(out, Version.V5)
    assert read.properties is not None
    assert read.properties.ContentType == "application/cloudevents+json"
    assert read.properties.UserProperty == [("delayed-s", str(delayed_s))]
    assert len(out) <= 2 + packets.OVERHEAD_BYTES_MAX
    assert packets.delayed(Version.V311, delayed_s) == b""


def test_a_plain_publish_has_no_properties() -> None:
    assert packets.properties(Version.V5).plain == b"\x00"
    assert packets.properties(Version.V311) == (b"", b"")


@given(st.integers(0, 268_435_455), st.integers(1, 5))
def test_a_length_is_read_once_it_is_whole(length: int, available: int) -> None:
    digits, rest = bytearray((packets.PUBLISH,)), length
    while True:
        digits.append(rest & 127 | (128 if rest > 127 else 0))
        rest >>= 7
        if not rest:
            break
    body, stop = packets.length_at(digits, 0, min(available, len(digits)))
    if available < len(digits):
        assert body == packets.CUT_SHORT
    else:
        assert (body, stop) == (len(digits), len(digits) + length)


def test_a_length_of_five_bytes_is_not_mqtt() -> None:
    broken = bytearray(b"\x30\xff\xff\xff\xff\x01")
    assert packets.length_at(broken, 0, 6)[0] == packets.LENGTH_BROKEN
    assert packets.length_at(broken, 0, 4)[0] == packets.CUT_SHORT
