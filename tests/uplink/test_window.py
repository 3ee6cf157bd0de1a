"""Each rule of the window by an example."""

import gc
import sys
from random import Random

from edge_agent.records import NORMAL, URGENT, Entry
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
from tests.uplink.shelf import TOPIC, Deaf, Shelf, read_all


def made(
    slots: int = 3, version: Version = Version.V5, rows: dict[int, int] | None = None
) -> tuple[Window, Shelf, bytearray, Tally]:
    shelf, out, tally = Shelf(), bytearray(), Tally()
    for lane, count in (rows or {}).items():
        shelf.rows[lane] = [Entry(n, TOPIC[lane], b"%d" % n, 10**12) for n in range(1, count + 1)]
    book = Book(shelf, Standing(), Suspicion(Random(1)), tally, [0] * len(Kind))
    window = Window(Terms(version, slots, PUBLISH_BYTES_MAX), book, out, Deaf(), lambda: None)
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


def test_a_pull_is_first_whatever_waits_and_next_while_it_drains() -> None:
    window, shelf, out, _ = made(slots=20, rows={NORMAL: 20_000, URGENT: 1})
    window.fill(10**12)
    sent = [topic for _, topic, _, _ in read_all(out, Version.V5)]
    assert sent == [b"u"] + [b"n"] * 18, "and one slot is kept"
    for _ in range(2_000):
        window.acknowledge(next(iter(window._flight)), 0)
        window.fill(10**12)
        while shelf.asked:
            shelf.turn_page()
    out.clear()
    window.urgent.hand([Entry(20_001, b"u", b"pulled now", 10**12)])
    window.fill(10**12)
    assert payloads(out) == [b"pulled now"], "it waits for no PUBACK"


def test_a_normal_row_waits_until_what_was_salvaged_is_read_to_its_end() -> None:
    window, _, out, _ = made(slots=3, rows={NORMAL: 1})
    window.salvaged.at_tip = False  # its next page is being read
    window.fill(10**12)
    assert not read_all(out, Version.V5)
    window.salvaged.at_tip = True
    window.fill(10**12)
    assert [topic for _, topic, _, _ in read_all(out, Version.V5)] == [b"n"]


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
    book = Book(shelf, window._standing, Suspicion(Random(1)), window._tally, window._sent_upto)
    again = Window(Terms(Version.V5, 5, PUBLISH_BYTES_MAX), book, out, Deaf(), lambda: None)
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


class Forgetful(set[int]):
    """Remembers no number."""

    def add(self, _number: int) -> None: ...


def test_an_event_leaves_nothing_behind() -> None:
    events, batch = 20_000, 64
    window, shelf, out, tally = made(slots=20)
    rows = [Entry(n, b"n", b"x" * 500, 10**12) for n in range(1, events + 1)]
    batches = [rows[at : at + batch] for at in range(0, events, batch)]
    shelf.done[NORMAL] = Forgetful()
    collections: list[int] = []

    def collected(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            collections.append(window.in_flight)

    def drive(some: list[list[Entry]]) -> None:
        for entries in some:
            window.normal.hand(entries)
            while window.normal.queue or window.in_flight:
                window.fill(10**12)
                out.clear()
                for packet_id in tuple(window._flight):
                    window.acknowledge(packet_id, 0)

    drive(batches[:20])
    gc.collect()
    gc.callbacks.append(collected)
    before = sys.getallocatedblocks()
    drive(batches[20:])
    kept = sys.getallocatedblocks() - before
    gc.callbacks.remove(collected)
    assert tally.acknowledged == events
    assert kept / events <= 0.01
    assert not collections
