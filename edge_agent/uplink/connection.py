"""One connection from CONNECT to its end: greeting, birth, proof, window, farewell.

Rules:
1. CONNACK, then subscriptions, then the birth (retained status), then states, then events.
2. On MQTT 3.1.1 a broker refuses in silence: no event leaves before our own birth came back.
3. A PUBACK that is too old ends the connection; what was in flight is sent again on the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.configuration import Broker
from edge_agent.ports import Condition
from edge_agent.reactor import NEVER, Reactor
from edge_agent.records import Entry
from edge_agent.uplink.dial import Dialled
from edge_agent.uplink.packets import Version
from edge_agent.uplink.refusals import NO_SUBSCRIBER
from edge_agent.uplink.session import Accepted, Cause, Ending, Greeting, Heard, Session
from edge_agent.uplink.stream import Stream
from edge_agent.uplink.window import Book, Terms, Window

LOOP_BACK_NS: Final = 5_000_000_000
"""Our own status must come back within this on MQTT 3.1.1, or the connection is given up."""

LEAVE_NS: Final = 2_000_000_000
"""How long a farewell waits for its PUBACKs; later the last will has to speak for us."""

TICK_NS: Final = 1_000_000_000
"""How often a standing connection is looked after."""

NS: Final = 1_000_000_000

_QOS_REFUSED = 0x9B
_OF_FORM = frozenset({0x90, 0x95, 0x99})  # DISCONNECT names a message's topic, size or form
_OF_OTHERS = frozenset({0x89, 0x8B, 0x8D, 0x8E, 0x98, 0x9C, 0x9D, 0x9F, 0xA0})
"""DISCONNECT names what no message has to do with: busy, shutting down, taken over, moved ..."""

_BY_OTHERS = frozenset(Cause) - {Cause.REFUSED, Cause.NO_LOOP_BACK, Cause.RENEWED, Cause.STOPPED}


def _ignore(*_: object) -> None:
    return


@dataclass(slots=True)
class Hooks:
    """What the uplink asks of the agent, and tells it; all on the reactor's thread.

    `status(state, connection)` renders the retained status ("online", "offline");
    `next_connection` numbers the connections of this boot; `subscriptions` are topics wanted;
    `on_command(topic, payload, retained)` takes every message of the broker; `tell(condition,
    why, remedy)` is called on change; `replay_wanted` when there is room for rows to be sent
    again, `replay_settled(seq, reason)` when one of them was acknowledged (no reason) or will
    not be; `connected` when events may flow; `cleared(topic)` when a retained state is gone.
    """

    client_id: str
    status_topic: str
    status: Callable[[str, int], bytes]
    next_connection: Callable[[], int]
    subscriptions: tuple[str, ...] = ()
    on_command: Callable[[str, bytes, bool], None] = _ignore
    tell: Callable[[Condition, str, str], None] = _ignore
    replay_wanted: Callable[[], None] = _ignore
    replay_settled: Callable[[int, str], None] = _ignore
    connected: Callable[[], None] = _ignore
    cleared: Callable[[str], None] = _ignore


class Keeper(Protocol):
    """Whom a connection tells how it fares: the uplink."""

    def greeted(self, took_ns: int) -> None: ...
    def flowing(self) -> None: ...
    def first_acknowledged(self) -> None: ...
    def publish_refused(self, reason: str, topic: bytes) -> None: ...
    def publish_taken(self, topic: bytes) -> None: ...
    def subscriptions_refused(self, topics: list[str]) -> None: ...
    def ended(self, ending: Ending) -> None: ...


class Connection:
    """A session and its window; `greeted_ns` is 0 until the broker has answered CONNECT."""

    def __init__(
        self,
        reactor: Reactor,
        dialled: Dialled,
        version: Version,
        patience_ns: int,
        broker: Broker,
        hooks: Hooks,
        book: Book,
        keeper: Keeper,
    ) -> None:
        self.version = version
        self.greeted_ns = 0
        self.window: Window | None = None
        self.stream = Stream(dialled.sock)
        self._reactor = reactor
        self._now = reactor.clock.mono_ns
        self._broker = broker
        self._hooks = hooks
        self._book = book
        self._keeper = keeper
        self._number = hooks.next_connection()
        self._birth = hooks.status("online", self._number)
        self._topics: list[str] = []
        self._asked = False
        self._answered = False
        self._acknowledged = False
        self._over = False
        self._left: Callable[[], None] | None = None
        self._opened_ns = self._now()
        self._deadline_ns = self._opened_ns + patience_ns
        self._puback_ns = int(broker.puback_timeout_s * NS)
        self._wake = reactor.timer(self._on_wake)
        self._session = Session(
            reactor,
            self.stream,
            Greeting(
                hooks.client_id,
                version,
                broker.username,
                dialled.password,
                broker.keepalive_s,
                hooks.status_topic,
                hooks.status("offline", self._number),
            ),
            self,
        )

    @property
    def flowing(self) -> bool:
        """Whether events may be sent."""
        return self.window is not None and self.window.proven and self._left is None

    def open(self) -> None:
        """Say CONNECT."""
        self._session.open()

    def gauges(self, now_ns: int) -> dict[str, float]:
        """Say how this connection fares, in numbers."""
        window = self.window
        oldest_ns = None if window is None else window.oldest_sent_ns()
        return {
            "connected_s": (now_ns - self.greeted_ns) / NS if self.greeted_ns else 0.0,
            "mqtt_version": int(self.version),
            "in_flight": 0 if window is None else window.in_flight,
            "oldest_inflight_s": 0.0 if oldest_ns is None else (now_ns - oldest_ns) / NS,
        }

    def hand(self, lane: int, entries: list[Entry]) -> None:
        """Take rows that were just committed."""
        if self.window is not None:
            self.window.lanes[lane].hand(entries)
            self.fill_soon()

    def reread(self) -> None:
        """Have the rows that wait read again: their payloads are to change."""
        if self.window is not None:
            for lane in self.window.lanes.values():
                lane.reread()

    def say_status(self) -> None:
        """Publish the status again: it is only true for so long."""
        if self.window is not None and self._left is None:
            status = self._hooks.status("online", self._number)
            if not self.window.proven:
                self._birth = status
            self.window.announce(self._hooks.status_topic.encode(), status)
            self.fill_soon()

    def fill_soon(self) -> None:
        """Have the window filled in the next turn, once, however many ask."""
        if not self._asked:
            self._asked = True
            self._reactor.again(self._pump)

    def due_ns(self, now_ns: int) -> int:
        """Say when to be looked after next."""
        soon_ns = now_ns + TICK_NS
        window = self.window
        if window is None or self._left is not None or not window.proven:
            soon_ns = min(soon_ns, self._deadline_ns)
        oldest_ns = None if window is None else window.oldest_sent_ns()
        if oldest_ns is not None:
            soon_ns = min(soon_ns, oldest_ns + self._puback_ns)
        return max(soon_ns, now_ns)

    def tick(self, now_ns: int) -> None:
        """Look after deadlines and the keep-alive; at `due_ns`, once a second at least."""
        window = self.window
        if self._left is not None:
            if now_ns >= self._deadline_ns:
                self._farewell(said=False)
            return
        if window is None:
            if now_ns >= self._deadline_ns:
                self._give_up(Cause.NO_CONNACK)
            return
        oldest_ns = window.oldest_sent_ns()
        if oldest_ns is not None and now_ns - oldest_ns >= self._puback_ns:
            self._give_up(Cause.PUBACK_LATE)
        elif not window.proven and now_ns >= self._deadline_ns:
            self._give_up(Cause.NO_LOOP_BACK)
        else:
            self._session.every_second()
            self.fill_soon()

    def leave(self, left: Callable[[], None]) -> None:
        """Say offline, wait for the PUBACKs, DISCONNECT; then `left`, within `LEAVE_NS`."""
        self._left = left
        window = self.window
        if window is None:
            self._farewell(said=False)
            return
        window.closing = True
        window.announce(
            self._hooks.status_topic.encode(), self._hooks.status("offline", self._number)
        )
        self._deadline_ns = self._now() + LEAVE_NS
        self._pump()

    # -- what the session tells ----------------------------------------------------------------

    def accepted(self, terms: Accepted) -> None:
        """Subscribe and be born."""
        if terms.qos_max < 1:
            self._give_up(Cause.REFUSED, _QOS_REFUSED)
            return
        now_ns = self._now()
        self.greeted_ns = now_ns
        self._keeper.greeted(now_ns - self._opened_ns)
        hooks = self._hooks
        slots = max(min(self._broker.inflight_max, terms.receive_maximum), 1)
        window = self.window = Window(
            Terms(self.version, slots, terms.packet_bytes_max),
            self._book,
            self.stream.out,
            self,
            self.fill_soon,
        )
        self.stream.puback = window.acknowledge
        self._topics = list(hooks.subscriptions)
        if not window.proven:
            self._deadline_ns = now_ns + LOOP_BACK_NS
            self._topics.append(hooks.status_topic)
        if self._topics:
            self._session.subscribe(self._topics)
        window.announce(hooks.status_topic.encode(), self._birth)
        for lane in window.lanes.values():
            lane.top_up()
        if window.proven:
            self._keeper.flowing()

    def subscribed(self, granted: list[bool]) -> None:
        """Say which of our subscriptions the broker refused, if any."""
        refused = [topic for topic, yes in zip(self._topics, granted, strict=False) if not yes]
        if refused:
            self._keeper.subscriptions_refused(refused)

    def heard(self, message: Heard) -> None:
        """See our own status come back, or hand a command on."""
        hooks, window = self._hooks, self.window
        self._book.tally.messages_in += 1
        if message.topic == hooks.status_topic and hooks.status_topic not in hooks.subscriptions:
            if window is not None and not window.proven and message.payload == self._birth:
                window.proven = True
                self._session.unsubscribe(hooks.status_topic)
                self._keeper.flowing()
            return
        hooks.on_command(message.topic, message.payload, message.retained)

    def quiet(self) -> None:
        """Everything that had arrived is dealt with: fill the window and send, once."""
        self._pump()

    def ended(self, ending: Ending) -> None:
        """Close the books of this connection, once."""
        if self._over:
            return
        self._over = True
        self._reactor.forget(self._wake)
        window, stream, tally = self.window, self.stream, self._book.tally
        tally.bytes_in += stream.bytes_in
        tally.bytes_out += stream.bytes_out
        tally.too_large_in += stream.too_large
        tally.ends[ending.cause] += 1
        if window is not None:
            hung_up = ending.cause in (Cause.CLOSED, Cause.GOODBYE)
            if hung_up and ending.code not in _OF_OTHERS and not (stream.out or stream.cut_off):
                window.hung_up(self._now(), told=ending.code in _OF_FORM)
            elif ending.cause in _BY_OTHERS and ending.code not in _OF_OTHERS:
                window.cut()
            window.close()
            self.window = None
        if self._left is None:
            self._keeper.ended(ending)
        else:
            self._left()

    # -- what the window tells -----------------------------------------------------------------

    def status_answered(self, code: int) -> None:
        """Take the broker's answer to a status: the farewell waits for it."""
        self._answered = self._left is not None and code <= NO_SUBSCRIBER

    def publish_refused(self, reason: str, topic: bytes) -> None:
        """Pass the word on."""
        self._keeper.publish_refused(reason, topic)

    def publish_taken(self, topic: bytes) -> None:
        """Pass the word on."""
        self._keeper.publish_taken(topic)

    def replay_settled(self, seq: int, reason: str) -> None:
        """Pass the word on."""
        self._hooks.replay_settled(seq, reason)

    # -- inside --------------------------------------------------------------------------------

    def _pump(self) -> None:
        self._asked = False
        window = self.window
        if window is not None:
            window.fill(self._now())
            self._wake.due_ns = window.wake_ns()
            if not self._acknowledged and window.acknowledged:
                self._acknowledged = True
                self._keeper.first_acknowledged()
        self._session.flush()
        if self._left is not None and self._answered and window is not None:
            if not window.in_flight:
                self._farewell(said=True)
        elif self._book.standing.page_wanted():
            self._hooks.replay_wanted()

    def _on_wake(self, _now_ns: int) -> int:
        self.fill_soon()
        return NEVER

    def _give_up(self, cause: Cause, code: int = 0) -> None:
        self._session.close()
        self.ended(Ending(cause, code))

    def _farewell(self, *, said: bool) -> None:
        if said:
            self._session.leave()
        else:
            self._session.close()
        self.ended(Ending(Cause.STOPPED))
