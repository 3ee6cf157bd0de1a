"""The books of the window against a model: any order of commits, pages, answers and cuts."""

from collections import deque
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.records import NORMAL, SALVAGED, URGENT, Entry
from edge_agent.uplink import packets
from edge_agent.uplink.lanes import LANE_QUEUE_MAX, PAGE_AHEAD
from edge_agent.uplink.packets import Version
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.stream import OUTBOUND_BYTES_FULL
from edge_agent.uplink.suspicion import REFUSALS_MAX, Suspicion
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.window import (
    DELAYED_NS,
    KEEP_PAUSE_NS,
    PUBLISH_BYTES_MAX,
    Book,
    Kind,
    Terms,
    Window,
)

PAGE_ROWS = 4
LANES = (NORMAL, URGENT, SALVAGED)
TOPIC = {NORMAL: b"n", URGENT: b"u", SALVAGED: b"s"}


def read_all(out: bytearray, version: Version) -> list[tuple[int, bytes, int, bytes]]:
    """Read and remove the PUBLISHes of an output buffer: first byte, topic, packet id, payload."""
    found, at = [], 0
    while at < len(out):
        body, stop = packets.length_at(out, at, len(out))
        size = out[body] << 8 | out[body + 1]
        topic, rest = bytes(out[body + 2 : body + 2 + size]), body + 2 + size
        packet_id = out[rest] << 8 | out[rest + 1]
        skip = 1 + out[rest + 2] if version is Version.V5 else 0
        found.append((out[at], topic, packet_id, bytes(out[rest + 2 + skip : stop])))
        at = stop
    out.clear()
    return found


class Shelf:
    """The outbox's side, with pages that come when the test says so."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Entry]] = {lane: [] for lane in LANES}
        self.done: dict[int, set[int]] = {lane: set() for lane in LANES}
        self.tip = dict.fromkeys(LANES, False)
        self.asked: deque[tuple[int, int, Callable[[list[Entry], bool], None]]] = deque()
        self.acknowledged_twice = 0

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        self.tip[lane] = False
        self.asked.append((lane, after_seq, reply))

    def turn_page(self) -> None:
        lane, after_seq, reply = self.asked.popleft()
        rows = [entry for entry in self.rows[lane] if entry.seq > after_seq][:PAGE_ROWS]
        at_tip = len(rows) < PAGE_ROWS
        self.tip[lane] = at_tip and lane != SALVAGED
        reply([entry for entry in rows if entry.seq not in self.done[lane]], at_tip)

    def leave_tip(self, lane: int) -> None:
        self.tip[lane] = False

    def acknowledged_upto(self, lane: int) -> int:
        upto = 0
        for entry in self.rows[lane]:
            if entry.seq not in self.done[lane]:
                break
            upto = entry.seq
        return upto

    def acknowledged(self, lane: int, seq: int) -> None:
        self.acknowledged_twice += seq in self.done[lane]
        self.done[lane].add(seq)

    def set_aside(self, lane: int, seq: int, _reason: str) -> None:
        assert seq not in self.done[lane]
        self.done[lane].add(seq)


class Deliveries(RuleBasedStateMachine):
    """A broker that answers in any order, refuses, hangs up; an outbox that goes on filling."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.standing = Standing()
        self.suspicion = Suspicion()
        self.tally = Tally()
        self.book = Book(self.shelf, self.standing, self.suspicion, self.tally, [0] * len(Kind))
        self.now_ns = 10**12
        self.high = 0
        self.state = b""
        self.said = 0
        self.heard: set[bytes] = set()
        self.last_state = b""
        self.answered: list[int] = []

    @initialize(
        slots=st.integers(1, 6), version=st.sampled_from(Version), salvaged=st.integers(0, 9)
    )
    def begin(self, slots: int, version: Version, salvaged: int) -> None:
        self.shelf.rows[SALVAGED] = [
            Entry(n, TOPIC[SALVAGED], b"%d" % n, 0) for n in range(1, salvaged + 1)
        ]
        self.connect(slots, version)

    def connect(self, slots: int, version: Version) -> None:
        self.slots, self.version = slots, version
        self.out = bytearray()
        self.in_flight: dict[int, tuple[bytes, bytes]] = {}
        self.sent: dict[int, list[int]] = {lane: [] for lane in LANES}
        self.kept: set[tuple[int, int]] = set()
        self.used: set[int] = set()
        terms = Terms(version, slots, PUBLISH_BYTES_MAX)
        self.window = Window(terms, self.book, self.out, self, lambda: None)
        self.window.announce(b"status", b"online")
        for lane in self.window.lanes.values():
            lane.top_up()

    # -- the window's listener -----------------------------------------------------------------

    def status_answered(self, code: int) -> None:
        self.answered.append(code)

    def publish_refused(self, reason: str, topic: bytes) -> None:
        assert reason
        assert topic

    # -- what may happen -----------------------------------------------------------------------

    @rule(lanes=st.lists(st.sampled_from((NORMAL, NORMAL, URGENT)), min_size=1, max_size=8))
    def commit(self, lanes: list[int]) -> None:
        handed: dict[int, list[Entry]] = {URGENT: [], NORMAL: []}
        for lane in lanes:
            self.high += 1
            entry = Entry(self.high, TOPIC[lane], b"%d" % self.high, self.now_ns)
            self.shelf.rows[lane].append(entry)
            if self.shelf.tip[lane]:
                handed[lane].append(entry)
        for lane, batch in handed.items():
            if batch:
                self.window.lanes[lane].hand(batch)

    @precondition(lambda self: self.shelf.asked)
    @rule()
    def turn_page(self) -> None:
        self.shelf.turn_page()

    @rule(retain=st.booleans(), clear=st.booleans())
    def hold(self, retain: bool, clear: bool) -> None:
        self.said += 1
        self.last_state = b"" if clear and retain else b"%d" % self.said
        assert self.standing.hold(b"state", self.last_state, retain=retain)

    @rule()
    def say(self) -> None:
        self.said += 1
        self.standing.say(b"result", b"%d" % self.said)

    @rule()
    def replay(self) -> None:
        self.standing.replay([Entry(1, b"again", b"1", 0)], more=False)

    @rule()
    def reread(self) -> None:
        for lane in self.window.lanes.values():
            lane.reread()

    @rule()
    def fill(self) -> None:
        self.window.fill(self.now_ns)
        for first, topic, packet_id, payload in read_all(self.out, self.version):
            assert packets.PACKET_ID_MIN <= packet_id <= packets.PACKET_ID_MAX
            assert packet_id not in self.used, "a late PUBACK would be taken for another's"
            self.used.add(packet_id)
            assert (first & 1) == (topic == b"status" or (topic == b"state" and first & 1))
            self.in_flight[packet_id] = (topic, payload)
            for lane in LANES:
                if topic == TOPIC[lane]:
                    self.sees(lane, int(payload))

    def sees(self, lane: int, seq: int) -> None:
        sent = self.sent[lane]
        if (lane, seq) in self.kept:
            self.kept.discard((lane, seq))
        else:
            assert not sent or seq > max(sent), f"lane {lane}: {seq} after {max(sent)}"
        sent.append(seq)
        if lane == NORMAL:
            on_the_way = {int(p) for t, p in self.in_flight.values() if t == TOPIC[URGENT]}
            for entry in self.shelf.rows[URGENT]:
                known = entry.seq in self.shelf.done[URGENT] or entry.seq in on_the_way
                assert entry.seq > seq or known, f"{seq} overtook urgent {entry.seq}"

    @precondition(lambda self: self.in_flight)
    @rule(
        code=st.sampled_from([0, 0, 0, 0, 0x10, 0x87, 0x83, 0x97, 0x80, 0x91, 0xA2]),
        data=st.data(),
    )
    def answer(self, code: int, data: st.DataObject) -> None:
        packet_id = data.draw(st.sampled_from(sorted(self.in_flight)))
        topic, payload = self.in_flight.pop(packet_id)
        before = {lane: set(self.shelf.done[lane]) for lane in LANES}
        self.window.acknowledge(packet_id, code)
        if code in (0, 0x10):
            self.heard.add(payload)
        for lane in LANES:
            if topic == TOPIC[lane]:
                seq = int(payload)
                if seq not in self.shelf.done[lane]:
                    assert code in (0x97, 0x80, 0x91, 0xA2)
                    self.kept.add((lane, seq))
                elif seq not in before[lane]:
                    assert code != 0x97, "a full broker is no reason to set anything aside"

    @rule(packet_id=st.integers(0, 0xFFFF), code=st.sampled_from([0, 0x87, 0x97]))
    def stray(self, packet_id: int, code: int) -> None:
        if packet_id not in self.in_flight:
            before = self.tally.strays
            self.window.acknowledge(packet_id, code)
            assert self.tally.strays == before + 1

    @precondition(lambda self: not self.window.proven)
    @rule()
    def prove(self) -> None:
        self.window.proven = True

    @rule(seconds=st.sampled_from([0.001, 1, 6]))
    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * 10**9)

    @rule(slots=st.integers(1, 6), by_peer=st.booleans(), version=st.sampled_from(Version))
    def cut(self, slots: int, by_peer: bool, version: Version) -> None:
        aside = sum(map(len, self.shelf.done.values()))
        convicted = by_peer and self.window.hung_up(told=False)
        assert sum(map(len, self.shelf.done.values())) <= aside + convicted
        self.window.close()
        self.connect(slots, version)

    # -- what always holds ---------------------------------------------------------------------

    @invariant()
    def the_window_is_kept(self) -> None:
        if not hasattr(self, "window"):
            return
        assert self.window.in_flight == len(self.in_flight)
        assert len(self.in_flight) <= self.slots
        plain = [t for t, _ in self.in_flight.values() if t not in (TOPIC[URGENT], b"status")]
        assert len(plain) <= max(self.slots - 1, 1)

    def teardown(self) -> None:
        if not hasattr(self, "window"):
            return
        self.window.proven = True
        for _ in range(20 * (self.high + self.said + 50)):
            if self.idle():
                break
            self.now_ns += KEEP_PAUSE_NS
            while self.shelf.asked:
                self.shelf.turn_page()
            self.fill()
            for packet_id in list(self.in_flight):
                self.heard.add(self.in_flight.pop(packet_id)[1])
                self.window.acknowledge(packet_id, 0)
        assert self.idle(), "something waits for ever"
        for lane in LANES:
            assert self.shelf.done[lane] == {entry.seq for entry in self.shelf.rows[lane]}

    def idle(self) -> bool:
        standing = self.standing
        waiting = (len(self.shelf.done[lane]) < len(self.shelf.rows[lane]) for lane in LANES)
        return not (
            any(waiting)
            or standing.messages
            or standing.changed
            or standing.replays
            or self.in_flight
            or not all(lane.exhausted for lane in self.window.lanes.values())
        )


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


# -- examples, so that each rule can be read -------------------------------------------------------


def made(
    slots: int = 3, version: Version = Version.V5, rows: dict[int, int] | None = None
) -> tuple[Window, Shelf, bytearray, Tally]:
    shelf, out, tally = Shelf(), bytearray(), Tally()
    for lane, count in (rows or {}).items():
        shelf.rows[lane] = [Entry(n, TOPIC[lane], b"%d" % n, 10**12) for n in range(1, count + 1)]
    book = Book(shelf, Standing(), Suspicion(), tally, [0] * len(Kind))
    deliveries = Deliveries()
    window = Window(Terms(version, slots, PUBLISH_BYTES_MAX), book, out, deliveries, lambda: None)
    for lane in window.lanes.values():
        lane.top_up()
    while shelf.asked:
        shelf.turn_page()
    return window, shelf, out, tally


def test_one_slot_is_kept_for_urgent_rows() -> None:
    window, _, out, _ = made(slots=3, rows={NORMAL: 3})
    window.fill(10**12)
    assert window.in_flight == 2
    window.urgent.hand([Entry(9, b"u", b"9", 10**12)])
    window.fill(10**12)
    assert [topic for _, topic, _, _ in read_all(out, Version.V5)] == [b"n", b"n", b"u"]


def test_with_one_slot_there_is_none_to_keep() -> None:
    window, *_ = made(slots=1, rows={NORMAL: 2})
    window.fill(10**12)
    assert window.in_flight == 1


def test_nothing_but_the_status_leaves_before_the_proof() -> None:
    window, shelf, out, _ = made(version=Version.V311, rows={NORMAL: 2})
    window.announce(b"status", b"online")
    window.fill(10**12)
    assert [topic for _, topic, _, _ in read_all(out, Version.V311)] == [b"status"]
    window.proven = True
    window.fill(10**12)
    assert [topic for _, topic, _, _ in read_all(out, Version.V311)] == [b"n"]
    assert not shelf.done[NORMAL]


def test_an_event_on_the_way_for_long_says_so() -> None:
    window, _, out, _ = made(rows={NORMAL: 1})
    window.fill(10**12 + DELAYED_NS + 3_000_000_000)
    assert b"delayed-s\x00\x0213" in out


def test_an_event_that_leaves_in_time_does_not() -> None:
    window, _, out, _ = made(rows={NORMAL: 1})
    window.fill(10**12 + DELAYED_NS)
    assert b"delayed-s" not in out


def test_an_oversize_event_is_set_aside_and_the_next_goes() -> None:
    window, shelf, out, tally = made()
    window.normal.hand(
        [Entry(1, b"n", bytes(PUBLISH_BYTES_MAX), 10**12), Entry(2, b"n", b"2", 10**12)]
    )
    window.fill(10**12)
    assert tally.oversize == 1
    assert shelf.done[NORMAL] == {1}
    assert [payload for *_, payload in read_all(out, Version.V5)] == [b"2"]


def payloads(out: bytearray) -> list[bytes]:
    return [payload for *_, payload in read_all(out, Version.V5)]


def test_a_normal_row_waits_until_the_urgent_lane_is_read_to_its_tip() -> None:
    window, shelf, out, _ = made(rows={})
    shelf.rows[URGENT] = [Entry(n, b"u", b"%d" % n, 10**12) for n in range(1, 7)]
    window.urgent.at_tip = False
    window.urgent.top_up()
    window.normal.hand([Entry(7, b"n", b"7", 10**12)])
    window.fill(10**12)
    assert not payloads(out)
    while shelf.asked:
        shelf.turn_page()
    for _ in range(3):
        window.fill(10**12)
        for packet_id in list(window._flight):
            window.acknowledge(packet_id, 0)
    assert payloads(out) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]


def test_a_packet_id_in_flight_is_not_given_again() -> None:
    window, _, out, _ = made(slots=9)
    window._packet_id = packets.PACKET_ID_MAX - 2
    window.normal.hand([Entry(n, b"n", b"%d" % n, 10**12) for n in (1, 2, 3)])
    window.fill(10**12)
    window._packet_id = packets.PACKET_ID_MAX - 2
    window.normal.hand([Entry(n, b"n", b"%d" % n, 10**12) for n in (4, 5)])
    window.fill(10**12)
    ids = [packet_id for _, _, packet_id, _ in read_all(out, Version.V5)]
    assert ids == [0xFFFE, 0xFFFF, 0x8000, 0x8001, 0x8002]


def test_a_page_for_a_connection_that_is_gone_changes_nothing() -> None:
    window, shelf, *_ = made(rows={NORMAL: 2})
    shelf.rows[NORMAL].append(Entry(3, b"n", b"3", 10**12))
    window.normal.at_tip = False
    window.normal.top_up()
    window.close()
    shelf.turn_page()
    assert not window.normal.queue
    assert not shelf.asked


def test_rows_handed_to_a_lane_that_still_reads_pages_are_not_taken_twice() -> None:
    window, shelf, out, _ = made(slots=9, rows={NORMAL: 1})
    window.normal.at_tip = False
    window.normal.top_up()
    rows = [Entry(n, b"n", b"%d" % n, 10**12) for n in (2, 3)]
    shelf.rows[NORMAL] += rows
    window.normal.hand(rows[1:])
    while shelf.asked:
        shelf.turn_page()
    window.fill(10**12)
    assert payloads(out) == [b"1", b"2", b"3"]


def test_refused_for_now_is_sent_again_in_its_order_after_a_pause() -> None:
    window, shelf, out, tally = made(slots=4, rows={NORMAL: 3})
    window.fill(10**12)
    first, second, third = (packet_id for _, _, packet_id, _ in read_all(out, Version.V5))
    window.acknowledge(first, 0x97)
    window.acknowledge(second, 0x97)
    window.acknowledge(third, 0)
    window.fill(10**12)
    assert not payloads(out)
    window.fill(10**12 + KEEP_PAUSE_NS - 1)
    assert not payloads(out)
    window.fill(10**12 + KEEP_PAUSE_NS)
    assert payloads(out) == [b"1", b"2"]
    assert shelf.done[NORMAL] == {3}
    assert tally.refused == {"quota_exceeded": 2}


def test_refused_for_no_named_reason_is_borne_only_so_often() -> None:
    window, shelf, out, _ = made(rows={NORMAL: 1})
    for attempt in range(REFUSALS_MAX):
        assert not shelf.done[NORMAL]
        now_ns = 10**12 + attempt * KEEP_PAUSE_NS
        window.fill(now_ns)
        ((_, _, packet_id, _),) = read_all(out, Version.V5)
        window.acknowledge(packet_id, 0x80)
        window.fill(now_ns)
    assert shelf.done[NORMAL] == {1}


def test_a_full_lane_leaves_the_tip_and_reads_on_later() -> None:
    window, shelf, *_ = made()
    rows = [Entry(n, b"n", b"%d" % n, 10**12) for n in range(1, LANE_QUEUE_MAX + 2)]
    assert shelf.tip[NORMAL]
    window.normal.hand(rows[:LANE_QUEUE_MAX])
    assert shelf.tip[NORMAL]
    window.normal.hand(rows[LANE_QUEUE_MAX:])
    assert not shelf.tip[NORMAL]
    assert len(window.normal.queue) == LANE_QUEUE_MAX + 1
    window.fill(10**12)
    assert not shelf.asked
    while len(window.normal.queue) > PAGE_AHEAD:
        window.normal.queue.popleft()
    window.normal.top_up()
    assert [(lane, after) for lane, after, _ in shelf.asked] == [(NORMAL, LANE_QUEUE_MAX + 1)]


def test_a_full_output_buffer_stops_the_lane() -> None:
    window, _, out, _ = made(slots=20)
    size = 60_000
    window.normal.hand([Entry(n, b"n", bytes(size), 10**12) for n in range(1, 11)])
    window.fill(10**12)
    assert OUTBOUND_BYTES_FULL <= len(out) < OUTBOUND_BYTES_FULL + size + 100
    out.clear()
    window.fill(10**12)
    assert out


def test_a_page_read_before_the_clock_was_known_is_read_again() -> None:
    window, shelf, out, _ = made()
    window.normal.at_tip = False
    window.normal.top_up()
    shelf.rows[NORMAL] = [Entry(1, b"n", b"unsynced", 10**12)]
    window.normal.reread()
    shelf.turn_page()
    shelf.rows[NORMAL] = [Entry(1, b"n", b"corrected", 10**12)]
    while shelf.asked:
        shelf.turn_page()
    window.fill(10**12)
    assert payloads(out) == [b"corrected"]


def after(window: Window, shelf: Shelf) -> tuple[Window, bytearray]:
    """End this connection and begin the next."""
    window.close()
    out = bytearray()
    book = Book(shelf, window._standing, Suspicion(), window._tally, window._sent_upto)
    again = Window(Terms(Version.V5, 5, PUBLISH_BYTES_MAX), book, out, Deliveries(), lambda: None)
    for lane in again.lanes.values():
        lane.top_up()
    while shelf.asked:
        shelf.turn_page()
    return again, out


def test_what_was_in_flight_beside_the_lanes_goes_again_in_its_order() -> None:
    window, shelf, *_ = made(slots=5)
    for word in (b"a", b"b"):
        window._standing.say(b"result", word)
    window._standing.replay([Entry(n, b"again", b"%d" % n, 0) for n in (1, 2)], more=False)
    window.fill(10**12)
    assert window.in_flight == 4
    again, out = after(window, shelf)
    again.fill(10**12)
    assert payloads(out) == [b"a", b"b", b"1", b"2"]


def test_states_are_published_on_every_connection_but_only_the_latest() -> None:
    window, shelf, out, _ = made()
    for word in (b"old", b"new"):
        window._standing.hold(b"state", word, retain=True)
    window.fill(10**12)
    ((first, _, packet_id, payload),) = read_all(out, Version.V5)
    assert (first, payload) == (packets.PUBLISH_QOS1_RETAIN, b"new")
    window.acknowledge(packet_id, 0)
    again, out = after(window, shelf)
    again.fill(10**12)
    assert payloads(out) == [b"new"]


def test_what_was_sent_before_is_counted_as_sent_twice() -> None:
    window, shelf, _, tally = made(rows={NORMAL: 2})
    window.fill(10**12)
    again, _ = after(window, shelf)
    again.fill(10**12)
    assert (tally.published, tally.duplicates_sent) == (4, 2)
