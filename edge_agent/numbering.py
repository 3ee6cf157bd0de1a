"""The numbers of topics and envelopes, and how far each topic has counted.

Rules:
1. A number once given stands for the same for as long as the journal lasts.
2. What is new goes to the journal in the batch of the first event that needs it.
"""

from edge_agent.dispatch import Pending, Stream
from edge_agent.records import Batch, Restored, Row, row_crc
from edge_agent.wire.payload import Envelope


class Numbering:
    """The topics and envelopes of one journal; `batch` below is the one that is gathering."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._envelopes: dict[tuple[str, str, str, str], int] = {}

    def opened(self, restored: Restored) -> None:
        """Take up what the journal has kept."""
        self._streams = {
            topic: Stream(number, topic, n) for topic, (number, n) in restored.streams.items()
        }
        self._envelopes = dict(restored.envelopes)

    def stream(self, topic: str, batch: Batch) -> Stream:
        """Give a topic with its counter."""
        found = self._streams.get(topic)
        if found is None:
            number = 1 + max((stream.id for stream in self._streams.values()), default=0)
            found = self._streams[topic] = Stream(number, topic, 0)
            batch.streams.append((number, topic))
        return found

    def enrol(self, envelope: Envelope, epoch: str, batch: Batch) -> None:
        """Give an envelope its number."""
        number = self._envelopes.get(envelope.key)
        if number is None:
            number = self._envelopes[envelope.key] = 1 + max(self._envelopes.values(), default=0)
            batch.envelopes.append((number, *envelope.key, epoch))
        envelope.number = number

    def snapshot(self) -> bytes:
        """Write how far each topic has counted."""
        return b"\n".join(b"%d %d" % (stream.id, stream.n) for stream in self._streams.values())

    def counted(self) -> dict[str, int]:
        """Say how far each topic has counted."""
        return {stream.topic: stream.n for stream in self._streams.values()}


def rows(pending: list[Pending]) -> list[Row]:
    """Make the rows of events, each with its checksum; no cursor is in them yet."""
    return [
        (
            seq,
            lane,
            stream.id,
            n,
            "",
            row_crc(seq, lane, stream.id, None, body, envelope.number),
            body,
            envelope.number,
        )
        for seq, lane, stream, n, body, _, envelope in pending
    ]
