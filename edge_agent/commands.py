"""Commands from the broker: read, judged, executed once, answered.

Rules:
1. What is no command is counted and answered `refused` when it has an id; it changes nothing.
2. An executed command is in the journal by its id before its result is sent: a repeat, also after
   a restart, is answered `repeated` and changes nothing.
3. Replays are read page by page, only as fast as the uplink takes them, after all that waits.
4. A replay is done when the broker has answered to every event of it, over however many
   connections; a cut before forgets it, and who asks again with the same id is obeyed.
"""

import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from edge_agent.gaps import Numbers
from edge_agent.outbox import Outbox
from edge_agent.records import PAGE_ROWS, Entry, StoredRow
from edge_agent.wire import command, messages
from edge_agent.wire import payload as wire
from edge_agent.wire.command import Command, Nonsense, Replay
from edge_agent.wire.messages import GapReason, Missing, Outcome, Refusal
from edge_agent.wire.orders import LINE_ORDERS, LineOrder, line_order
from edge_agent.wire.topics import Subject, Topics

ORDERS_MAX: Final = 16
"""Commands that wait for their turn; one more is refused and may be asked for again later."""

MISSING_MAX: Final = 64
"""Stretches of missing numbers told in one result; any beyond are summed up in the last."""

_REASONS: Final = {"oversize": GapReason.TOO_LARGE, "packet_too_large": GapReason.TOO_LARGE}

_Page = tuple[list[StoredRow], int | None]
"""Rows, and above which number to go on: None when these were the last."""

_log = logging.getLogger(__name__)


class Sender(Protocol):
    """What is needed of the uplink."""

    def send(self, topic: str | bytes, payload: bytes) -> bool: ...
    def replay(self, entries: list[Entry], *, more: bool = False) -> None: ...


@dataclass(slots=True)
class _Order:
    topic: str
    command: Command
    replay: Replay
    epoch: str
    next: int
    after_seq: int = 0
    sent: int = 0
    read: bool = False
    found: bool = False
    on_its_way: dict[int, int] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)


class Obeying(Protocol):
    """What is needed of the line: it does what a command asks, at once, and says what came of it.

    Gives a message and, where it was not done, the reason.
    """

    def __call__(self, order: LineOrder, at_ns: int) -> tuple[str, Refusal | None]: ...


class Commands:
    """Hears commands and executes what this agent knows: replays, and what the line is asked."""

    def __init__(
        self,
        *,
        topics: Topics,
        agent: str,
        outbox: Outbox,
        sender: Sender,
        nonce: str,
        synced: Callable[[], bool],
        line: Obeying,
    ) -> None:
        self._line = line
        self._topics = topics
        self._agent = agent
        self._outbox = outbox
        self._sender = sender
        self._nonce = nonce
        self._synced = synced
        self._orders: deque[_Order] = deque()
        self._reading = False
        self._under_way: set[str] = set()
        self.heard = 0
        self.refused = 0
        self.replayed = 0

    def hear(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take one message of a command topic; results, our own among them, are no commands."""
        place = self._topics.parse(topic)
        if place is not None and place.subject is Subject.RESULT:
            return
        self.heard += 1
        try:
            order = command.parse(self._topics, topic, payload, retained=retained)
            self._judge(order)
            obey = self._obeyed(topic, order)
        except Nonsense as nonsense:
            self._refuse(topic, nonsense.id, nonsense.kind, nonsense.wrong.value, nonsense.why)
            return
        if obey is None:
            why = f"{order.kind} is not known to this agent"
            self._refuse(topic, order.id, order.kind, Refusal.UNKNOWN, why)
            return
        self._once(topic, order, obey)

    def _judge(self, order: Command) -> None:
        """Raise Nonsense for what is expired now, or of another run."""
        wall_ns = self._outbox.clock.wall_ns()
        command.judge(order, wall_ns=wall_ns, synced=self._synced(), nonce=self._nonce)

    def _obeyed(self, topic: str, order: Command) -> Callable[[], None] | None:
        """Say what has to be done for a command; None for one that nobody here knows."""
        if order.kind == command.CMD_REPLAY:
            wanted = command.replay(order, self._topics)
            return lambda: self._replay(topic, order, wanted)
        if order.kind in LINE_ORDERS:
            asked = line_order(order)
            return lambda: self._ask_line(topic, order, asked)
        return None

    def _once(self, topic: str, order: Command, obey: Callable[[], None]) -> None:
        if order.id in self._under_way:
            self._answer(topic, order.id, order.kind, Outcome.REPEATED)
            return
        if len(self._under_way) >= ORDERS_MAX:
            why = f"{ORDERS_MAX} commands are waiting already; ask again later"
            self._refuse(topic, order.id, order.kind, Refusal.BUSY, why)
            return
        self._under_way.add(order.id)

        def executed(store: Any) -> str | None:  # noqa: ANN401 - the journal's own
            result: str | None = store.executed(order.id)
            return result

        def go(result: str | None) -> None:
            if result is None:
                try:
                    self._judge(order)  # the disk may have taken its time
                except Nonsense as late:
                    self._under_way.discard(order.id)
                    self._refuse(topic, late.id, late.kind, late.wrong.value, late.why)
                    return
                obey()
                return
            self._under_way.discard(order.id)
            said = json.loads(result)
            more = {"replay": said} if order.kind == command.CMD_REPLAY else said
            self._answer(topic, order.id, order.kind, Outcome.REPEATED, **more)

        self._outbox.writer.ask(executed, go)

    # -- the line --------------------------------------------------------------------------------

    def _ask_line(self, topic: str, order: Command, asked: LineOrder) -> None:
        """Have the line do it, and its id written with what it changed, before it is answered."""
        about = {} if asked.call is None else {"call": asked.call}
        since = self._outbox.high + 1
        message, refused = self._line(asked, self._outbox.clock.mono_ns())
        if refused is not None:
            self._under_way.discard(order.id)
            self._refuse(topic, order.id, order.kind, refused, message, **about)
            return
        _log.info("%s (%s) asked %s: %s", order.actor, order.role, order.kind, message)

        def kept() -> None:
            self._under_way.discard(order.id)
            self._answer(topic, order.id, order.kind, Outcome.DONE, message=message, **about)

        said = json.dumps({"message": message} | about)
        self._outbox.note_command(order.id, said, kept, since=since)

    # -- replays -------------------------------------------------------------------------------

    def _replay(self, topic: str, order: Command, wanted: Replay) -> None:
        epoch = wanted.epoch or self._outbox.epoch
        _log.info("%s asks for a replay of %d to %d", order.actor, wanted.first, wanted.last)
        self._orders.append(_Order(topic, order, wanted, epoch, wanted.first))
        self.more()

    def more(self) -> None:
        """Read the next page of the oldest replay; the uplink has room for it."""
        if self._reading or not self._orders or self._orders[0].read:
            return
        self._reading = True
        order = self._orders[0]
        wanted = order.replay

        def read(store: Any) -> _Page:  # noqa: ANN401
            if wanted.topic is not None:
                page: _Page = store.stretch_of_topic(
                    order.epoch, wanted.topic, wanted.first, wanted.last, order.after_seq
                )
                return page
            rows: list[StoredRow] = store.stretch(order.epoch, order.next, wanted.last)
            return rows, rows[-1].seq if len(rows) == PAGE_ROWS else None

        self._outbox.writer.ask(read, self._give)

    def _give(self, page: _Page) -> None:
        rows, onward = page
        self._reading = False
        order = self._orders[0]
        by_topic = order.replay.topic is not None
        entries: list[Entry] = []
        for row in rows:
            if row.seq > self._outbox.committed_upto and order.epoch == self._outbox.epoch:
                onward = None
                break
            number = row.n if by_topic else row.seq
            self._note_missing(order, number)
            order.next, order.found = number + 1, True
            if row.sound:
                entries.append(self._outbox.dispatch.entry(row))
                order.on_its_way[row.seq] = number
            else:
                self._miss(order, number, number, "damaged")
        if onward is None:
            order.read = True
            self._note_missing(order, order.replay.last + 1)
        else:
            order.after_seq = onward
        if entries:
            self._sender.replay(entries, more=not order.read)
        elif not order.read:
            self.more()
        self._look(order)

    def settled(self, seq: int, reason: str) -> None:
        """Take what became of an event that was sent again; no reason: it was acknowledged."""
        order = self._orders[0] if self._orders else None
        number = None if order is None else order.on_its_way.pop(seq, None)
        if order is None or number is None:
            return
        if reason:
            self._miss(order, number, number, _REASONS.get(reason, GapReason.REFUSED))
        else:
            order.sent += 1
            self.replayed += 1
        self._look(order)

    def _look(self, order: _Order) -> None:
        """End a replay of which everything has its fate, and go on with the next."""
        if order.read and not order.on_its_way:
            self._orders.popleft()
            self._finish(order)
            self.more()

    @staticmethod
    def _miss(order: _Order, first: int, last: int, reason: str) -> None:
        if len(order.missing) < MISSING_MAX:
            order.missing.append(Missing(first, last, reason))
        else:
            end = order.missing[-1]
            order.missing[-1] = end._replace(first=min(first, end.first), last=max(last, end.last))

    def _note_missing(self, order: _Order, number: int) -> None:
        first, last = order.next, number - 1
        if first > last:  # nearly always; and to know the last numbers costs a look at all waiting
            return
        for low, top, reason in self._known_of(order, first, last).fates(first, last):
            self._miss(order, low, top, reason)

    def _known_of(self, order: _Order, first: int, last: int) -> Numbers:
        """Say what is known of the numbers `first` to `last` that an order asks for."""
        outbox, topic = self._outbox, order.replay.topic
        if order.epoch != outbox.epoch:
            known = outbox.known.past.get(order.epoch, Numbers(0, 0))
            # which of a topic's numbers are lost, or were given, is not known of another epoch
            return known if topic is None or not known.high else Numbers(last + 1, last)
        known = outbox.known.present(outbox.committed_upto)
        if topic is None:
            return known
        # the oldest are trimmed first: what has older ones of its topic before it was not trimmed
        untrimmed = known.oldest == 1 or order.found
        high = outbox.last_numbers().get(topic, 0)
        return Numbers(first if untrimmed else high + 1, high)

    def _finish(self, order: _Order) -> None:
        wanted = order.replay
        said = messages.replayed(
            epoch=order.epoch,
            topic=wanted.topic,
            first=wanted.first,
            last=wanted.last,
            sent=order.sent,
            missing=sorted(order.missing),
        )

        def kept() -> None:
            self._under_way.discard(order.command.id)
            self._answer(
                order.topic, order.command.id, order.command.kind, Outcome.DONE, replay=said
            )

        self._outbox.note_command(order.command.id, json.dumps(said), kept)

    # -- answers -------------------------------------------------------------------------------

    def _refuse(
        self,
        topic: str,
        command_id: str | None,
        kind: str | None,
        reason: str,
        why: str,
        **about: object,
    ) -> None:
        self.refused += 1
        _log.warning("a command on %s was refused: %s", topic, why)
        if command_id is not None:
            self._answer(
                topic, command_id, kind, Outcome.REFUSED, reason=reason, message=why, **about
            )

    def _answer(
        self,
        topic: str,
        command_id: str | None,
        kind: str | None,
        outcome: Outcome,
        *,
        reason: str | None = None,
        message: str = "",
        **about: object,
    ) -> None:
        asof = wire.rfc3339(self._outbox.clock.wall_ns()).decode()
        self._sender.send(
            self._topics.result(topic),
            messages.result(
                command_id=command_id,
                kind=kind,
                outcome=outcome,
                agent=self._agent,
                asof=asof,
                reason=reason,
                message=message,
                **about,
            ),
        )
