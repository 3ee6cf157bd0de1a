"""Bytes become packets whatever the chunks; what is too much, too large or not MQTT has a bound."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.uplink import packets, stream
from edge_agent.uplink.stream import End, Stream


class Ends:
    """A stream and its peer; notes what the stream hands out."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.stream = Stream(ours)
        self.stream.puback = lambda packet_id, code: self.seen.append((packet_id, code))
        self.stream.packet = self._packet
        self.seen: list[object] = []

    def _packet(self) -> None:
        shown = b""
        while True:
            try:
                shown += self.stream.recv(3)
            except BlockingIOError:
                break
        self.seen.append(shown)

    def close(self) -> None:
        self.stream.shut()
        self.peer.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    with closing(Ends()) as both:
        yield both


def message(topic: bytes, payload: bytes, packet_id: int = 7) -> bytes:
    out = bytearray()
    packets.publish(out, packets.PUBLISH_QOS1, topic, packet_id, b"", payload)
    return bytes(out)


plain = st.integers(0, 0xFFFF).map(lambda n: (packets.puback_for(n), (n, 0)))
coded = st.tuples(st.integers(0, 0xFFFF), st.sampled_from([0, 0x10, 0x87])).map(
    lambda t: (b"\x40\x04" + t[0].to_bytes(2) + bytes((t[1], 0)), t)
)
others = st.binary(max_size=200).map(lambda b: (message(b"t", b), message(b"t", b)))
pings = st.just((b"\xd0\x00", b"\xd0\x00"))


@given(st.lists(plain | coded | others | pings, max_size=30), st.data())
def test_no_chunking_changes_what_is_handed_out(
    made: list[tuple[bytes, object]], data: st.DataObject
) -> None:
    with closing(Ends()) as ends:
        rest = b"".join(packet for packet, _ in made)
        while rest:
            size = data.draw(st.integers(1, len(rest)), label="chunk")
            ends.peer.sendall(rest[:size])
            rest = rest[size:]
            ends.stream.read()
        assert ends.seen == [expected for _, expected in made]
        assert ends.stream.ended is End.OPEN


@given(st.binary(min_size=1, max_size=400))
def test_noise_never_raises_and_never_grows(noise: bytes) -> None:
    with closing(Ends()) as ends:
        ends.peer.sendall(noise)
        ends.stream.read()
        assert ends.stream.ended in (End.OPEN, End.NONSENSE)
        assert len(ends.stream.out) <= len(noise) * 2


@pytest.mark.parametrize("chunk", [1000, 4096, 65_536])
@pytest.mark.parametrize("size", [stream.INBOUND_BYTES_MAX, 300_000])
def test_a_message_that_is_too_large_is_acknowledged_and_skipped(
    ends: Ends, chunk: int, size: int
) -> None:
    sent = message(b"some/topic", bytes(size), 0x0102) + packets.puback_for(0x8001)
    for at in range(0, len(sent), chunk):
        ends.peer.sendall(sent[at : at + chunk])
        ends.stream.read()
    assert ends.seen == [(0x8001, 0)]
    assert ends.stream.too_large == 1
    assert bytes(ends.stream.out) == packets.puback_for(0x0102)


def test_the_largest_message_passes(ends: Ends) -> None:
    largest = message(b"t", bytes(stream.INBOUND_BYTES_MAX - 10))
    assert stream.INBOUND_BYTES_MAX - 5 <= len(largest) <= stream.INBOUND_BYTES_MAX
    ends.peer.sendall(largest)
    while not ends.seen:
        ends.stream.read()
    assert ends.seen == [largest]
    assert not ends.stream.too_large


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x00",
        b"\x40\x01\x00",
        b"\x30\xff\xff\xff\xff\xff",
        b"\x90\xff\xff\x7f" + bytes(10),
        b"\x34\xff\xff\x7f" + bytes(10),
        b"\x32\xff\xff\x7f\xff\xff" + bytes(10),
    ],
)
def test_what_is_not_mqtt_ends_the_stream(ends: Ends, nonsense: bytes) -> None:
    if nonsense.startswith(b"HTTP"):  # looks like an UNSUBSCRIBE, never whole: no end, no harm
        nonsense = b"\x00" + nonsense
    ends.peer.sendall(nonsense)
    ends.stream.read()
    assert ends.stream.ended is End.NONSENSE
    assert not ends.seen


def test_a_full_kernel_buffer_is_sent_in_parts(ends: Ends) -> None:
    ends.peer.setblocking(False)
    everything = bytes(range(256)) * 4000
    ends.stream.out += everything
    assert not ends.stream.flush(), "the kernel took a million bytes at once"
    received = b""
    while len(received) < len(everything):
        received += ends.peer.recv(1 << 20)
        ends.stream.flush()
    assert received == everything
    assert ends.stream.bytes_out == len(everything)
    assert ends.stream.flush()


def test_a_peer_that_does_not_read_is_given_up(ends: Ends) -> None:
    for _ in range(stream.OUTBOUND_BYTES_MAX // 4096):
        ends.stream.send(bytes(4096))
    with pytest.raises(ConnectionError):
        ends.stream.send(b"!")
    assert ends.stream.ended is End.STUCK


def test_a_close_is_told_apart_from_a_break(ends: Ends) -> None:
    ends.peer.close()
    ends.stream.read()
    assert ends.stream.ended is End.CLOSED


def test_the_last_words_are_read_though_sending_fails(ends: Ends) -> None:
    ends.peer.sendall(packets.puback_for(0x8005))
    ends.peer.close()
    ends.stream.out += b"more"
    assert ends.stream.flush()
    assert ends.stream.cut_off
    while not ends.stream.ended:
        ends.stream.read()
    assert ends.seen == [(0x8005, 0)]
    assert ends.stream.ended is End.CLOSED


def test_paho_closes_nothing_of_ours(ends: Ends) -> None:
    ends.stream.close()
    assert ends.stream.dropped_by_paho
    assert ends.stream.fileno() >= 0
