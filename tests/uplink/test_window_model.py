"""The books of the window against a model: any order of commits, pages, answers and cuts."""

from collections import Counter
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.records import NORMAL, SALVAGED, URGENT, Entry
from edge_agent.uplink import packets
from edge_agent.uplink.packets import Version
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.suspicion import Suspicion
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.window import (
    KEEP_PAUSE_NS,
    PUBLISH_BYTES_MAX,
    Book,
    Kind,
    Terms,
    Window,
)
from tests.uplink.shelf import LANES, TOPIC, Shelf, read_all


class Deliveries(RuleBasedStateMachine):
    """A broker that answers in any order, refuses, hangs up; an outbox that goes on filling."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.standing = Standing()
        self.suspicion = Suspicion(Random(1))
        self.tally = Tally()
        self.book = Book(self.shelf, self.standing, self.suspicion, self.tally, [0] * len(Kind))
        self.now_ns = 10**12
        self.high = 0
        self.state = b""
        self.said = 0
        self.heard: set[bytes] = set()
        self.last_state = b""
        self.answered: list[int] = []
        self.replays: Counter[str] = Counter()

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
        self.refused_topics: set[bytes] = set()
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
        self.refused_topics.add(topic)

    def publish_taken(self, topic: bytes) -> None:
        self.refused_topics.remove(topic)

    def replay_settled(self, seq: int, reason: str) -> None:
        assert seq == 1
        self.replays[reason] += 1

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
        self.replays["wanted"] += 1

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
        convicted = by_peer and self.window.hung_up(self.now_ns, told=False)
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
        wanted = self.replays.pop("wanted", 0)
        assert sum(self.replays.values()) == wanted, "each is told once, over all connections"

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
