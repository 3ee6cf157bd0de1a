"""The window: everything of ours that is in flight on one connection, and what goes next.

Rules:
1. One window for all: status, states, urgent, messages, salvaged, normal, replay, in this order.
   It is never wider than the broker's ReceiveMaximum; one slot of several is kept for urgent rows.
2. No normal row is sent while the urgent lane is not read to its tip and empty, so that none
   overtakes an urgent one of lower number.
3. Every publish has one of three fates: acknowledged, kept (sent again later), set aside.
4. Packet ids mean something on this connection only; the map dies with it.
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from edge_agent.reactor import NEVER
from edge_agent.records import NORMAL, SALVAGED, URGENT, Entry
from edge_agent.uplink import packets
from edge_agent.uplink.lanes import LaneQueue, Waiting
from edge_agent.uplink.packets import PACKET_ID_MAX, PACKET_ID_MIN, Version
from edge_agent.uplink.refusals import (
    FINAL,
    NO_SUBSCRIBER,
    OF_ONE_MESSAGE,
    QUOTA_EXCEEDED,
    REFUSED_TOPICS_MAX,
    reason_of,
)
from edge_agent.uplink.standing import Message, Standing, State
from edge_agent.uplink.stream import OUTBOUND_BYTES_FULL
from edge_agent.uplink.suspicion import Key, Suspicion
from edge_agent.uplink.tally import Tally

PUBLISH_BYTES_MAX: Final = 64 * 1024
"""Topic and payload of one publish; a larger event is set aside as `oversize`, never sent."""

DELAYED_NS: Final = 10_000_000_000
"""An event that leaves later than this after its capture says so in its `delayed-s` property."""

KEEP_PAUSE_NS: Final = 5_000_000_000
"""After a refusal that may pass (quota, no reason given) nothing is sent for so long."""

_LONGEST_DELAY_S = 99_999_999  # eight digits: `packets.OVERHEAD_BYTES_MAX` has room for no more
_NS = 1_000_000_000


class Kind(IntEnum):
    """Where a publish came from; the first three are lanes of the outbox."""

    NORMAL = NORMAL
    URGENT = URGENT
    SALVAGED = SALVAGED
    REPLAY = 3
    STATE = 4
    MESSAGE = 5
    STATUS = 6


# plain numbers: a member of an enumeration costs more in the hot path
_SALVAGED, _REPLAY, _STATE, _MESSAGE, _STATUS = (int(kind) for kind in list(Kind)[2:])

Flight = tuple[int, int, Entry | State | Message]
"""Kind, when it was sent, and what; topic and payload are the second and third of each."""


class Listener(Protocol):
    """Who wants to know what the broker says to a publish: the uplink."""

    def status_answered(self, code: int) -> None: ...
    def publish_refused(self, reason: str, topic: bytes) -> None: ...
    def publish_taken(self, topic: bytes) -> None: ...
    def replay_settled(self, seq: int, reason: str) -> None: ...


class Terms(NamedTuple):
    """What holds on this connection: version, slots, and the broker's largest packet."""

    version: Version
    slots: int
    packet_bytes_max: int


class Book(NamedTuple):
    """What outlives a connection; `sent_upto` is the highest number sent of each lane."""

    waiting: Waiting
    standing: Standing
    suspicion: Suspicion
    tally: Tally
    sent_upto: list[int]


class Window:
    """What is in flight; `out` is the connection's output buffer, `more` asks for a `fill` soon.

    `proven` lets events pass (3.1.1: once our own status came back), `closing` lets only the
    status pass.
    """

    def __init__(
        self,
        terms: Terms,
        book: Book,
        out: bytearray,
        listener: Listener,
        more: Callable[[], None],
    ) -> None:
        waiting = book.waiting
        self.urgent = LaneQueue(URGENT, waiting, more)
        self.salvaged = LaneQueue(SALVAGED, waiting, more)
        self.normal = LaneQueue(NORMAL, waiting, more)
        self._after_urgent = (self.salvaged, self.normal)
        self._all = (self.urgent, self.salvaged, self.normal)
        self.lanes = {lane.lane: lane for lane in self._all}
        self.proven = terms.version is Version.V5
        self.closing = False
        self.acknowledged = 0
        self.paused_until_ns = 0
        self._terms = terms
        self._out = out
        self._listener = listener
        self._waiting = waiting
        self._standing = book.standing
        self._suspicion = book.suspicion
        self._tally = book.tally
        self._sent_upto = book.sent_upto
        self._bytes_max = min(
            PUBLISH_BYTES_MAX, terms.packet_bytes_max - packets.OVERHEAD_BYTES_MAX
        )
        self._blocks = packets.properties(terms.version)
        self._flight: dict[int, Flight] = {}
        self._packet_id = PACKET_ID_MAX
        self._status: Message | None = None
        self._said: Message | None = None
        self._pause = False
        self._refused_topics: set[bytes] = set()
        book.standing.connected()
        book.suspicion.connected()

    # -- sending -------------------------------------------------------------------------------

    def announce(self, topic: bytes, payload: bytes) -> None:
        """Send this status, retained, before everything else."""
        self._status = self._said = Message(0, topic, payload)

    def wake_ns(self) -> int:
        """Say when to be filled again though nothing happens; NEVER when that is not needed."""
        return NEVER if self._flight or self.closing else self._suspicion.probe_due_ns()

    def fill(self, now_ns: int) -> None:
        """Put in flight what may go now; the caller flushes the output buffer once."""
        suspicion = self._suspicion
        slots = 1 if suspicion.one_at_a_time else self._terms.slots
        if len(self._flight) >= slots:
            return
        on_trial = suspicion.accused is not None and self.proven and not self.closing
        if on_trial and suspicion.probe(now_ns):
            self._status = self._status or self._said
        if self._status is not None:
            status, self._status = self._status, None
            self._put(_STATUS, status, packets.PUBLISH_QOS1_RETAIN, now_ns)
        if self._pause:
            self._pause = False
            self.paused_until_ns = now_ns + KEEP_PAUSE_NS
        if self.proven and not self.closing and now_ns >= self.paused_until_ns:
            self._fill_by_rank(slots, slots - 1 if slots > 1 else 1, now_ns)

    def _fill_by_rank(self, slots: int, plain: int, now_ns: int) -> None:
        """Fill `slots` with urgent rows, all but the last also with the rest."""
        standing, urgent = self._standing, self.urgent
        if standing.changed:
            self._put_states(plain, now_ns)
        if urgent.queue and not self._holds(URGENT, urgent.queue):
            self._drain(URGENT, urgent.queue, slots, now_ns)
        if standing.messages and not self._holds(_MESSAGE, standing.messages):
            self._put_messages(plain, now_ns)
        if urgent.at_tip and not urgent.queue:
            self._fill_after_urgent(plain, now_ns)
        for lane in self._all:
            if not lane.at_tip:
                lane.top_up()

    def _holds(self, kind: int, queue: deque[Entry] | deque[Message]) -> bool:
        """Say whether the first of a queue is accused and has to wait; one goes at a time then."""
        suspicion = self._suspicion
        return suspicion.accused is not None and suspicion.holds((kind, queue[0][0]))

    def _fill_after_urgent(self, plain: int, now_ns: int) -> None:
        for lane in self._after_urgent:
            if lane.queue and not self._holds(lane.lane, lane.queue):
                self._drain(lane.lane, lane.queue, plain, now_ns)
            if not lane.exhausted:
                break  # what was salvaged is older than all that is normal
        replays = self._standing.replays
        if replays and not self._holds(_REPLAY, replays):
            self._drain(_REPLAY, replays, plain, now_ns)

    def _drain(self, kind: int, queue: deque[Entry], slots: int, now_ns: int) -> None:
        """Send rows of one lane: the hot path."""
        flight, out, packet_id = self._flight, self._out, self._packet_id
        bytes_max, plain_block, late_ns = self._bytes_max, self._blocks.event, now_ns - DELAYED_NS
        upto, sent = self._sent_upto[kind], 0
        while queue and len(flight) < slots and len(out) < OUTBOUND_BYTES_FULL:
            entry = queue.popleft()
            seq, topic, payload, captured_ns = entry
            if len(topic) + len(payload) > bytes_max:
                self._oversize(kind, entry)
                continue
            packet_id = packet_id + 1 if packet_id < PACKET_ID_MAX else PACKET_ID_MIN
            while packet_id in flight:
                packet_id = packet_id + 1 if packet_id < PACKET_ID_MAX else PACKET_ID_MIN
            block = plain_block
            if captured_ns < late_ns:
                delay_s = min((now_ns - captured_ns) // _NS, _LONGEST_DELAY_S)
                block = packets.delayed(self._terms.version, delay_s)
            packets.publish(out, packets.PUBLISH_QOS1, topic, packet_id, block, payload)
            flight[packet_id] = (kind, now_ns, entry)
            sent += 1
            if seq > upto:
                upto = seq
            elif kind != _REPLAY:
                self._tally.duplicates_sent += 1
        self._packet_id = packet_id
        self._sent_upto[kind] = upto
        self._tally.published += sent

    def _put(self, kind: int, item: State | Message, first: int, now_ns: int) -> None:
        packet_id = self._packet_id
        while True:
            packet_id = packet_id + 1 if packet_id < PACKET_ID_MAX else PACKET_ID_MIN
            if packet_id not in self._flight:
                break
        self._packet_id = packet_id
        packets.publish(self._out, first, item.topic, packet_id, self._blocks.plain, item.payload)
        self._flight[packet_id] = (kind, now_ns, item)
        self._tally.published += 1

    def _put_states(self, slots: int, now_ns: int) -> None:
        standing = self._standing
        while standing.changed and len(self._flight) < slots:
            topic = next(iter(standing.changed))
            if self._suspicion.holds((_STATE, topic)):
                if len(standing.changed) == 1:
                    return
                standing.changed[topic] = standing.changed.pop(topic)  # the others need not wait
                continue
            del standing.changed[topic]
            state = standing.states[topic]
            if len(topic) + len(state.payload) > self._bytes_max:
                standing.drop(topic)
                self._oversize(_STATE, state)
                continue
            first = packets.PUBLISH_QOS1_RETAIN if state.retain else packets.PUBLISH_QOS1
            self._put(_STATE, state, first, now_ns)

    def _put_messages(self, slots: int, now_ns: int) -> None:
        messages = self._standing.messages
        while messages and len(self._flight) < slots:
            message = messages.popleft()
            if len(message.topic) + len(message.payload) > self._bytes_max:
                self._oversize(_MESSAGE, message)
                continue
            self._put(_MESSAGE, message, packets.PUBLISH_QOS1, now_ns)

    def _oversize(self, kind: int, item: Entry | State | Message) -> None:
        self._tally.oversize += 1
        self._listener.publish_refused("oversize", item.topic)
        self._suspicion.cleared(_key(kind, item))
        self._set_aside(kind, item, "oversize")

    # -- answers -------------------------------------------------------------------------------

    def acknowledge(self, packet_id: int, code: int) -> None:
        """Take a PUBACK; one for nothing in flight (doubled, or late) is counted and forgotten."""
        record = self._flight.pop(packet_id, None)
        tally = self._tally
        if record is None:
            tally.strays += 1
            return
        kind, _, item = record
        if code:
            if code != NO_SUBSCRIBER:
                self._refused(kind, item, code)
                return
            tally.no_subscriber += 1
        self.acknowledged += 1
        tally.taken(item[1], item[2])
        if self._refused_topics and item[1] in self._refused_topics:
            self._refused_topics.remove(item[1])
            self._listener.publish_taken(item[1])
        if kind <= _SALVAGED:
            self._waiting.acknowledged(kind, item[0])
        elif isinstance(item, State):
            self._standing.told(item)
        elif kind == _STATUS:
            self._suspicion.answered()
            self._listener.status_answered(code)
        elif kind == _REPLAY:
            tally.replayed += 1
            self._listener.replay_settled(item[0], "")
        if self._suspicion.watching:
            self._suspicion.cleared(_key(kind, item))

    def _refused(self, kind: int, item: Entry | State | Message, code: int) -> None:
        reason = reason_of(code)
        self._tally.refused[reason] += 1
        if reason in OF_ONE_MESSAGE:
            self._listener.publish_refused(reason, item.topic)
        elif len(self._refused_topics) < REFUSED_TOPICS_MAX:
            self._refused_topics.add(item.topic)
            self._listener.publish_refused(reason, item.topic)
        if kind == _STATUS:
            self._suspicion.answered()
            self._listener.status_answered(code)
            return
        key = _key(kind, item)
        if code in FINAL or (code != QUOTA_EXCEEDED and self._suspicion.refused(key)):
            self._suspicion.cleared(key)
            self._set_aside(kind, item, reason)
            return
        self._keep(kind, item)
        self._pause = True

    def _set_aside(self, kind: int, item: Entry | State | Message, reason: str) -> None:
        if kind <= _SALVAGED:
            self._waiting.set_aside(kind, item[0], reason)
        elif kind == _REPLAY:
            self._listener.replay_settled(item[0], reason)

    def _keep(self, kind: int, item: Entry | State | Message) -> None:
        standing = self._standing
        if isinstance(item, State):
            if item.topic in standing.states:
                standing.changed[item.topic] = None
        elif isinstance(item, Message):
            standing.messages.appendleft(item)
        elif kind == _REPLAY:
            standing.replays.appendleft(item)
        else:
            self.lanes[kind].put_back(item)

    # -- the end of the connection -------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """How many publishes wait for their PUBACK."""
        return len(self._flight)

    def oldest_sent_ns(self) -> int | None:
        """Say when the oldest of those in flight was sent; None when there is none."""
        for _, sent_ns, _ in self._flight.values():
            return sent_ns
        return None

    def hung_up(self, now_ns: int, *, told: bool) -> bool:
        """Take a close by the peer, everything having been sent; True when it was a poison message.

        `told` says that the broker named the size or the form of a message as its reason.
        """
        accused = [record for record in self._flight.values() if record[0] != _STATUS]
        if not (self.acknowledged and accused):
            self.cut()
            return False
        tally = self._tally
        like_others = all(tally.like_others(item[1], item[2]) for _, _, item in accused)
        took_ns = now_ns - accused[0][1]
        if not self._suspicion.closed(
            self._keys(), took_ns, now_ns, told=told, like_others=like_others
        ):
            return False
        self._flight.clear()
        kind, _, item = accused[0]
        tally.poison += 1
        self._listener.publish_refused("ends_connections", item.topic)
        if isinstance(item, State):
            self._standing.drop(item.topic)
        self._set_aside(kind, item, "ends_connections")
        return True

    def cut(self) -> None:
        """Take an end of the connection that proves nothing against what was in flight."""
        self._suspicion.cut(self._keys())

    def _keys(self) -> list[Key]:
        return [_key(kind, item) for kind, _, item in self._flight.values()]

    def close(self) -> None:
        """Give back what must be sent again; the lanes will be read anew."""
        for kind, _, item in reversed(self._flight.values()):
            if kind in (_REPLAY, _MESSAGE):
                self._keep(kind, item)
        self._flight.clear()
        for lane in self.lanes.values():
            lane.close()


def _key(kind: int, item: Entry | State | Message) -> Key:
    return kind, item[1] if kind in (_STATE, _STATUS) else item[0]
