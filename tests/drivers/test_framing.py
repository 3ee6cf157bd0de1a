"""Any byte stream: no cutting changes the frames, noise blocks nothing, memory is bounded."""

import gc
import itertools
import random
import sys
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drivers.framing import LINE_BYTES_MAX, READ_BYTES_MAX, SHOWN_BYTES_MAX, Framer
from edge_agent.ports import Flaw
from edge_agent.reactor import NEVER

SILENCE = None
IDLE_NS = 300_000_000

Frames = list[tuple[bytes, Flaw]]
Stream = list[int | None]


def drain(framer: Framer) -> Frames:
    return list(drained(framer))


def drained(framer: Framer) -> Iterator[tuple[bytes, Flaw]]:
    while (frame := framer.next()) is not None:
        yield frame, framer.flaw


def feed(framer: Framer, chunk: bytes, at_ns: int = 0) -> Frames:
    frames: Frames = []
    while chunk:
        room = framer.room()
        assert len(room) >= READ_BYTES_MAX
        n = min(len(chunk), len(room))
        room[:n] = chunk[:n]
        framer.took(n, at_ns)
        frames += drain(framer)
        chunk = chunk[n:]
    return frames


class SlowFramer:
    """The same rules, one byte at a time, with no thought of speed: the oracle."""

    def __init__(self, prefix: bytes, suffix: bytes, limit: int) -> None:
        self.prefix, self.suffix, self.limit = prefix, suffix, limit
        self.frames: Frames = []
        self.dropped = 0
        self.state = ""
        self.held = bytearray()
        self.lf_belongs = False
        self.restart()

    def restart(self) -> None:
        self.state = "seek" if self.prefix else "body"
        self.held = bytearray()

    def emit(self, frame: bytes, flaw: Flaw) -> None:
        self.frames.append((frame, flaw))

    def suffix_came(self) -> None:
        self.restart()
        self.lf_belongs = self.suffix.endswith(b"\r") and not self.prefix.startswith(b"\n")

    def byte(self, value: int) -> None:
        if self.lf_belongs:
            self.lf_belongs = False
            if value == 0x0A:
                return
        self.held.append(value)
        getattr(self, self.state)()

    def seek(self) -> None:
        if self.held.endswith(self.prefix):
            self.dropped += len(self.held) - len(self.prefix)
            self.held.clear()
            self.state = "body"

    def body(self) -> None:
        if self.suffix and self.held.endswith(self.suffix):
            body = bytes(self.held[: -len(self.suffix)])
            self.suffix_came()
            self.emit(body, Flaw.NONE if body else Flaw.EMPTY)
        elif len(self.held) > self.limit and len(self.held) >= self.limit + len(self.suffix):
            self.cut()

    def cut(self) -> None:
        shown = bytes(self.held[: min(self.limit, SHOWN_BYTES_MAX)])
        self.emit(shown, Flaw.TOO_LONG)
        self.dropped += self.limit + 1 - len(shown)
        self.held = self.held[self.limit + 1 :]
        self.state = "skip"

    def skip(self) -> None:
        if self.suffix and self.held.endswith(self.suffix):
            self.dropped += len(self.held) - len(self.suffix)
            self.suffix_came()

    def silence(self) -> None:
        if self.state == "body" and (self.held or self.prefix):
            if len(self.held) > self.limit:
                self.cut()
                self.dropped += len(self.held)
            else:
                self.emit(bytes(self.held), Flaw.NONE if self.held else Flaw.EMPTY)
        else:
            self.dropped += len(self.held)
        self.restart()


MARKS = st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"\x03", b"\r\r", b"ab", b"aab", b"\n\r"])
PREFIXES = st.sampled_from([b"", b"\x02", b"ab", b"\n", b"aab", b"\r"])
BYTES = st.sampled_from(list(b"ab\r\n\x02\x03\x00\xff"))


def chunks(stream: Stream, cuts: Iterable[int]) -> list[bytes | None]:
    """Cut a stream of bytes and silences into reads, at silences always, and at `cuts`."""
    pieces: list[bytes | None] = []
    wanted = set(cuts)
    piece = bytearray()
    for index, value in enumerate(stream):
        if piece and (value is SILENCE or index in wanted):
            pieces.append(bytes(piece))
            piece.clear()
        if value is SILENCE:
            pieces.append(None)
        else:
            piece.append(value)
    if piece:
        pieces.append(bytes(piece))
    return pieces


@settings(deadline=None)
@given(
    stream=st.lists(BYTES | st.just(SILENCE), max_size=60),
    cuts=st.lists(st.integers(0, 60)),
    prefix=PREFIXES,
    suffix=MARKS,
    limit=st.integers(1, 9),
)
def test_frames_are_those_of_the_slow_framer_however_the_stream_is_cut(
    stream: Stream, cuts: list[int], prefix: bytes, suffix: bytes, limit: int
) -> None:
    framer = Framer(prefix=prefix, suffix=suffix, idle_ns=IDLE_NS, line_bytes_max=limit)
    slow = SlowFramer(prefix, suffix, limit)
    frames: Frames = []
    now_ns = 0
    for piece in chunks([*stream, SILENCE], cuts):
        if piece is None:
            now_ns += IDLE_NS
            framer.silent(now_ns)
            frames += drain(framer)
            slow.silence()
            assert framer.due_ns == NEVER
        else:
            frames += feed(framer, piece, now_ns)
            for value in piece:
                slow.byte(value)
    assert frames == slow.frames
    assert framer.dropped_bytes == slow.dropped
    assert framer.frames == len(frames)
    assert framer.too_long == sum(flaw is Flaw.TOO_LONG for _, flaw in frames)
    assert framer.bytes == sum(value is not SILENCE for value in stream)


@settings(deadline=None)
@given(
    noise=st.binary(max_size=40),
    prefix=PREFIXES,
    suffix=MARKS.filter(bool),
    bodies=st.lists(st.text("KLM0123456789-", min_size=1, max_size=9), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 100)),
)
def test_noise_never_blocks_what_follows(
    noise: bytes, prefix: bytes, suffix: bytes, bodies: list[str], cuts: list[int]
) -> None:
    assume(not set(prefix) & set(suffix))  # the keys of a scanner refuse it, and this is why
    framer = Framer(prefix=prefix, suffix=suffix, line_bytes_max=9)
    wanted = [(body.encode(), Flaw.NONE) for body in bodies]
    # one prefix and one suffix end whatever the noise had begun
    stream = noise + prefix + suffix + b"".join(prefix + body + suffix for body, _ in wanted)
    frames: Frames = []
    for piece in chunks(list(stream), cuts):
        assert piece is not None
        frames += feed(framer, piece)
    # the end of a noise that looks like half a suffix can be told from one that is not doubled only
    spoilt = 1 if overlaps_itself(suffix) else 0
    assert frames[len(frames) - len(wanted) + spoilt :] == wanted[spoilt:]


def overlaps_itself(suffix: bytes) -> bool:
    return any(suffix[:n] == suffix[-n:] for n in range(1, len(suffix)))


@settings(deadline=None)
@given(
    stream=st.binary(max_size=400),
    prefix=PREFIXES,
    suffix=MARKS.filter(bool),
    limit=st.integers(1, 300),
)
def test_every_byte_is_a_frames_or_a_marks_or_counted(
    stream: bytes, prefix: bytes, suffix: bytes, limit: int
) -> None:
    framer = Framer(prefix=prefix, suffix=suffix, line_bytes_max=limit)
    frames = feed(framer, stream)
    framer.drop_partial()
    delivered = sum(len(frame) for frame, _ in frames)
    marks = framer.bytes - delivered - framer.dropped_bytes
    suffixes = len(frames) * (len(suffix) + len(prefix))
    assert 0 <= marks <= suffixes + len(frames) + len(prefix)  # a line feed each, a begun frame


@pytest.mark.parametrize("suffix", [b"\r", b"\n", b"\r\n", b"\x03\x04"])
@pytest.mark.parametrize(
    ("size", "flaw"),
    [
        (0, Flaw.EMPTY),
        (1, Flaw.NONE),
        (LINE_BYTES_MAX - 1, Flaw.NONE),
        (LINE_BYTES_MAX, Flaw.NONE),
        (LINE_BYTES_MAX + 1, Flaw.TOO_LONG),
        (1_000_000, Flaw.TOO_LONG),
    ],
)
def test_length_is_capped_and_the_next_read_is_whole(suffix: bytes, size: int, flaw: Flaw) -> None:
    framer = Framer(suffix=suffix)
    body = bytes(itertools.islice(itertools.cycle(range(0x20, 0x7F)), size))
    frames = feed(framer, body + suffix + b"K-0417" + suffix)
    shown = body if flaw is not Flaw.TOO_LONG else body[:SHOWN_BYTES_MAX]
    assert frames == [(shown, flaw), (b"K-0417", Flaw.NONE)]
    assert framer.dropped_bytes == size - len(shown)


def test_memory_stays_bounded_whatever_comes() -> None:
    framer = Framer()
    junk = random.Random(417).randbytes(READ_BYTES_MAX).replace(b"\r", b"x")  # seed 417
    feed(framer, junk * 4)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(2_000):
        feed(framer, junk)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert framer.bytes > 8_000_000
    assert after - before < 65_536
    assert peak - before < 65_536


def test_nothing_is_kept_per_frame() -> None:
    framer = Framer()
    chunk = b"K-0417\r" * 500
    room = len(chunk)

    def turn() -> None:
        framer.room()[:room] = chunk
        framer.took(room, 0)
        while framer.next() is not None:
            pass

    turn()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(200):
        turn()
    assert sys.getallocatedblocks() - before <= 0.01 * framer.frames
    assert framer.frames == 100_500


def test_a_line_feed_behind_a_carriage_return_is_part_of_it_even_when_it_comes_late() -> None:
    framer = Framer(suffix=b"\r")
    assert feed(framer, b"one\r") == [(b"one", Flaw.NONE)]
    assert feed(framer, b"\ntwo\r\nthree\r") == [(b"two", Flaw.NONE), (b"three", Flaw.NONE)]
    assert feed(framer, b"\n\nfour\r") == [(b"\nfour", Flaw.NONE)]
    assert framer.dropped_bytes == 0


def test_silence_ends_a_frame_and_only_long_enough_silence() -> None:
    framer = Framer(suffix=b"", idle_ns=IDLE_NS)
    assert framer.due_ns == NEVER
    assert feed(framer, b"K-0", 1_000) == []
    assert feed(framer, b"4\r7", 2_000) == []
    assert framer.due_ns == 2_000 + IDLE_NS
    framer.silent(framer.due_ns - 1)
    assert drain(framer) == []
    framer.silent(framer.due_ns)
    assert drain(framer) == [(b"K-04\r7", Flaw.NONE)]
    assert framer.due_ns == NEVER
    framer.silent(NEVER)
    assert drain(framer) == []


@pytest.mark.parametrize("prefix", [b"", b"\x02"])
def test_a_suffix_leaves_no_silence_to_wait_for(prefix: bytes) -> None:
    framer = Framer(prefix=prefix, suffix=b"\r", idle_ns=IDLE_NS)
    assert feed(framer, prefix + b"K-1\r", 1_000) == [(b"K-1", Flaw.NONE)]
    assert framer.due_ns == NEVER
    feed(framer, prefix + b"K", 2_000)
    assert framer.due_ns == 2_000 + IDLE_NS


def test_noise_before_a_prefix_is_dropped_and_counted() -> None:
    framer = Framer(prefix=b"\x02", suffix=b"\x03")
    assert feed(framer, b"AT\r\x02K-1\x03\r\n\x02K-2\x03") == [
        (b"K-1", Flaw.NONE),
        (b"K-2", Flaw.NONE),
    ]
    assert framer.dropped_bytes == 5


@pytest.mark.parametrize(
    ("begun", "partials", "dropped"),
    [(b"", 0, 0), (b"K-1\r", 0, 0), (b"K-1\rK-", 1, 2), (b"x" * 5_000, 0, 5_000 - 256)],
    ids=["nothing", "whole", "partial", "too long"],
)
def test_a_partial_frame_is_dropped_and_counted_once(
    begun: bytes, partials: int, dropped: int
) -> None:
    framer = Framer(suffix=b"\r")
    feed(framer, begun)
    framer.drop_partial()
    framer.drop_partial()
    assert (framer.dropped_partials, framer.dropped_bytes) == (partials, dropped)
    assert feed(framer, b"K-2\r") == [(b"K-2", Flaw.NONE)]
    assert framer.due_ns == NEVER


@pytest.mark.parametrize("suffix", [b"\r", b"\r\n"])
def test_what_is_too_long_is_told_as_soon_as_that_is_certain(suffix: bytes) -> None:
    framer = Framer(suffix=suffix, line_bytes_max=4)
    assert feed(framer, b"1234" + suffix[:-1]) == []
    assert feed(framer, b"5") == [(b"1234", Flaw.TOO_LONG)]


def test_a_line_feed_that_begins_a_prefix_belongs_to_the_prefix() -> None:
    framer = Framer(prefix=b"\n", suffix=b"\r")
    assert feed(framer, b"\nK-1\r\nK-2\r") == [(b"K-1", Flaw.NONE), (b"K-2", Flaw.NONE)]


def test_nothing_of_an_old_port_is_expected_of_the_new_one() -> None:
    framer = Framer(suffix=b"\r", idle_ns=IDLE_NS)
    feed(framer, b"K-1\r")
    framer.drop_partial()
    assert feed(framer, b"\nK-2\r") == [(b"\nK-2", Flaw.NONE)]
    feed(framer, b"K-", 5)
    framer.drop_partial()
    assert framer.due_ns == NEVER
