"""The way to the broker: when to try, what to tell, and the calls of the agent.

Rules:
1. Trouble is a state with a back-off, told on change with its remedy, never an exception.
2. The first PUBACK of a connection resets the back-off.
3. One connection at a time. Everything that belongs to one dies with it.
"""

from collections.abc import Callable
from enum import Enum
from random import Random, SystemRandom
from typing import Final

from edge_agent.configuration import Broker
from edge_agent.ports import Condition
from edge_agent.reactor import NEVER, Reactor
from edge_agent.records import Entry
from edge_agent.uplink import troubles
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.connection import NS, Connection, Hooks
from edge_agent.uplink.dial import Dial, Dialled, Opening, dial
from edge_agent.uplink.lanes import Waiting
from edge_agent.uplink.refusals import OF_ONE_MESSAGE
from edge_agent.uplink.session import Cause, Ending
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.suspicion import Suspicion
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.targets import Target, Targets
from edge_agent.uplink.troubles import Trouble
from edge_agent.uplink.window import Book, Kind

HURRY_NS: Final = 1_000_000_000
"""An urgent event forces an attempt at once, but not more often than this: one that comes sooner
waits for it, and one that comes during an attempt has another behind it, should that fail."""

DIAL_ALONE_NS: Final = 2_000_000_000
"""A dial that has brought nothing for so long, or for `connect_timeout_s`, is not waited for alone:
the next attempt comes when it would have come had this one been refused at once."""

SHORT_LIFE_NS: Final = 10_000_000_000
SHORT_LIVES_MAX: Final = 5
"""So many connections in a row that ended so soon: a PUBACK no longer resets the back-off.

Two clients with one id take the session from each other for ever; this slows them down. The
trouble is told until a connection outlives that time.
"""

_TAKEN_OVER = 0x8E


class Phase(Enum):
    """What the uplink is about."""

    STOPPED = "stopped"
    WAITING = "waiting"
    DIALING = "dialing"
    CONNECTED = "connected"
    LEAVING = "leaving"


class Uplink:
    """Publishes committed events, states and results; hears commands; comes back for ever.

    All calls on the reactor's thread. `opening` makes connections (a test may bring its own),
    `random` draws the jitter.
    """

    def __init__(
        self,
        reactor: Reactor,
        broker: Broker,
        waiting: Waiting,
        hooks: Hooks,
        *,
        opening: Opening = dial,
        random: Random | None = None,
    ) -> None:
        self.condition = Condition.STARTING
        self.why = ""
        self.remedy = ""
        self.hooks = hooks
        self.phase = Phase.STOPPED
        self._reactor = reactor
        self._now = reactor.clock.mono_ns
        self._broker = broker
        random = random or SystemRandom()
        ways = len(broker.addresses)
        self._backoff = Backoff(broker.backoff_min_s, broker.backoff_max_s, random, ways)
        self._targets = Targets(opening, reactor.post, self._dialled)
        self._targets.take(broker.addresses)
        self._tally = Tally()
        self._standing = Standing(lambda topic: self.hooks.cleared(topic.decode()))
        self._book = Book(waiting, self._standing, Suspicion(random), self._tally, [0] * len(Kind))
        self._book.suspicion.apart(self._backoff.longest_ns())
        self._connection: Connection | None = None
        self._complaints: dict[bytes, Trouble] = {}  # by what is refused; the oldest is told
        self._haste, self._hurried_ns = False, -HURRY_NS
        self._began_ns = 0
        self._short_lives = 0
        self._deadline_ns = NEVER
        self._stopped: Callable[[], None] | None = None
        self._timer = reactor.timer(self._tick)

    # -- the agent's calls ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._wait_until(self._now())

    def stop(self, done: Callable[[], None]) -> None:
        """Say offline and goodbye, within `connection.LEAVE_NS`, and never connect again."""
        self._stopped = done
        self._depart()

    def committed(self, lane: int, entries: list[Entry]) -> None:
        """Take rows that were just committed; urgent ones are handed over first."""
        if self._connection is not None:
            self._connection.hand(lane, entries)

    def reread(self) -> None:
        """Have the rows that wait read again: their payloads are to change (the clock is known)."""
        if self._connection is not None:
            self._connection.reread()

    def publish_state(self, topic: str | bytes, payload: bytes, *, retain: bool = True) -> bool:
        """Make this what the topic says, now and after every connect; empty clears it.

        Only the latest is ever sent. Without `retain` it is said once (health). False when there
        are `standing.STATES_MAX` topics already.
        """
        taken = self._standing.hold(_bytes(topic), payload, retain=retain)
        self._fill_soon()
        return taken

    def publish_status(self) -> None:
        """Say online again: a status holds only so long."""
        if self._connection is not None:
            self._connection.say_status()

    def send(self, topic: str | bytes, payload: bytes) -> bool:
        """Send a result or a report; False when `standing.MESSAGES_MAX` wait already."""
        taken = self._standing.say(_bytes(topic), payload)
        self._fill_soon()
        return taken

    def replay(self, entries: list[Entry], *, more: bool = False) -> None:
        """Send these again, after all that waits; `hooks.replay_wanted` asks for more, if any."""
        self._standing.replay(entries, more=more)
        self._fill_soon()

    def hurry(self) -> None:
        """Try to connect at once: somebody pulled a cord."""
        self._haste = not self.connected
        if self.phase is Phase.WAITING:
            self._wait_until(self._deadline_ns)

    def reconfigure(self, broker: Broker) -> None:
        """Use these settings; when they differ, the connection is made anew, politely."""
        if broker == self._broker:
            return
        self._broker = broker
        ways = len(broker.addresses)
        self._backoff.bounds(broker.backoff_min_s, broker.backoff_max_s, ways)
        self._backoff.reset()
        self._book.suspicion.apart(self._backoff.longest_ns())
        self._targets.take(broker.addresses)
        self.renew()

    def renew(self) -> None:
        """Connect anew: keys, certificates or subscriptions changed."""
        if self.phase in (Phase.WAITING, Phase.DIALING):
            self._wait_until(self._now())
        elif self.phase is Phase.CONNECTED:
            self._depart()

    @property
    def connected(self) -> bool:
        """Whether events flow."""
        return self._connection is not None and self._connection.flowing

    def counters(self) -> dict[str, float]:
        """Give every counter and gauge of the uplink by name."""
        now_ns, connection, standing = self._now(), self._connection, self._standing
        figures: dict[str, float] = dict(self._tally.figures())
        waits = self.phase is Phase.WAITING
        figures |= {
            "connected": int(self.connected),
            "backoff_tries": self._backoff.tries,
            "next_try_s": max(self._deadline_ns - now_ns, 0) / NS if waits else 0.0,
            "states": len(standing.states),
            "messages_waiting": len(standing.messages),
            "replays_waiting": len(standing.replays),
            "standing_refused": standing.refused,
        }
        if connection is None:
            return figures | {
                "connected_s": 0.0,
                "mqtt_version": 0,
                "in_flight": 0,
                "oldest_inflight_s": 0.0,
            }
        figures["bytes_in"] += connection.stream.bytes_in
        figures["bytes_out"] += connection.stream.bytes_out
        return figures | connection.gauges(now_ns)

    # -- attempts ------------------------------------------------------------------------------

    def _wait_until(self, due_ns: int) -> None:
        self.phase = Phase.WAITING
        if self._haste:
            due_ns = min(due_ns, max(self._hurried_ns + HURRY_NS, self._now()))
        self._deadline_ns = self._timer.due_ns = due_ns

    def _tick(self, now_ns: int) -> int:
        connection = self._connection
        if connection is not None:
            self._outlive(connection, now_ns)
            connection.tick(now_ns)
            return connection.due_ns(now_ns)
        if now_ns >= self._deadline_ns:
            if self.phase is Phase.WAITING:
                self._attempt(now_ns)
            elif self.phase is Phase.DIALING:
                self._dial_hangs()
        return self._deadline_ns

    def _outlive(self, connection: Connection, now_ns: int) -> None:
        """Forgive a broker that closed one connection after the other, once one lasts."""
        lived_ns = now_ns - connection.greeted_ns
        if self._short_lives and connection.flowing and lived_ns >= SHORT_LIFE_NS:
            self._short_lives = 0
            self._backoff.reset()
            self._targets.forgive()
            self._tell()

    def _attempt(self, now_ns: int) -> None:
        if self._haste:
            self._haste, self._hurried_ns = False, now_ns
        if not self._targets.dial(self._broker, now_ns):
            self._wait_until(now_ns + self._backoff.next_ns())
            return
        self._tally.tries += 1
        self._began_ns = now_ns
        self.phase = Phase.DIALING
        alone_ns = min(int(self._broker.connect_timeout_s * NS), DIAL_ALONE_NS)
        self._deadline_ns = self._timer.due_ns = now_ns + alone_ns

    def _dial_hangs(self) -> None:
        target = self._targets.present
        latest = target.dials[-1]
        if latest.outcome is not None:  # its word found no room in the inbox
            self._dialled(latest)
        else:
            self._unreached(target, troubles.of_hanging_dial(target.address, latest.stage))

    def _dialled(self, finished: Dial) -> None:
        """Take what a connect thread brought, be it late; what nobody wants is closed."""
        wanted = self.phase in (Phase.WAITING, Phase.DIALING)
        turn = self._targets.present if wanted else None
        latest = turn is not None and turn.dials[-1:] == [finished]
        target = self._targets.answered(finished)
        outcome = finished.outcome
        if target is None or not wanted or outcome is None:
            finished.discard()
        elif isinstance(outcome, Dialled):
            self._connect(target, outcome)
        elif self.phase is Phase.DIALING and latest:
            self._unreached(target, troubles.of_dial(target.address, outcome, finished.stage))

    def _unreached(self, target: Target, trouble: Trouble) -> None:
        self._tally.ends[Cause.UNREACHED] += 1
        self._targets.next()
        self._fail(target, trouble, self._backoff.next_ns(self._now() - self._began_ns))

    def _connect(self, target: Target, dialled: Dialled) -> None:
        now_ns = self._now()
        version = target.version(now_ns)
        patience_ns = target.patience_ns(self._broker)
        connection = self._connection = Connection(
            self._reactor, dialled, version, patience_ns, self._broker, self.hooks, self._book, self
        )
        self.phase = Phase.CONNECTED
        self._deadline_ns = self._timer.due_ns = connection.due_ns(now_ns)
        connection.open()

    def _fail(self, target: Target, trouble: Trouble, delay_ns: int) -> None:
        target.trouble = trouble
        self._wait_until(self._now() + delay_ns)
        self._tell()

    # -- what a connection tells ---------------------------------------------------------------

    def greeted(self, took_ns: int) -> None:
        """Take note that the broker let us in."""
        self._targets.present.greeted(took_ns)

    def flowing(self) -> None:
        """Take note that events may go."""
        self._haste = False
        self._tally.connects += 1
        if self._short_lives < SHORT_LIVES_MAX:
            self._targets.forgive()
        self._tell()
        self.hooks.connected()

    def first_acknowledged(self) -> None:
        """Take note that the broker works: the next attempt need not hold back."""
        if self._short_lives < SHORT_LIVES_MAX:
            self._backoff.reset()

    def publish_refused(self, reason: str, topic: bytes) -> None:
        """Say that the broker will not have something, of several the first, until it takes it.

        What lies in a message, not in its topic, is told until the connection ends.
        """
        what = b"one message" if reason in OF_ONE_MESSAGE else topic
        if what not in self._complaints:
            address = self._targets.present.address
            self._complaints[what] = troubles.of_publish(address, reason, topic)
            self._tell()

    def publish_taken(self, topic: bytes) -> None:
        """Take note that the broker has taken something on a topic that it had refused."""
        if self._complaints.pop(topic, None) is not None:
            self._tell()

    def subscriptions_refused(self, topics: list[str]) -> None:
        """Say that the broker does not let us hear."""
        self._tally.refused["subscription"] += len(topics)
        trouble = troubles.of_subscriptions(self._targets.present.address, topics)
        self._complaints = {b"subscriptions": trouble} | self._complaints
        self._tell()

    def ended(self, ending: Ending) -> None:
        """Decide what comes next after a connection that ended by itself."""
        connection, self._connection = self._connection, None
        assert connection is not None, "an end without a connection"
        self._complaints.clear()
        target, now_ns = self._targets.present, self._now()
        greeted_ns = connection.greeted_ns
        if not greeted_ns and target.other_version(ending, now_ns):
            self._wait_until(now_ns)
            return
        short = greeted_ns and now_ns - greeted_ns < SHORT_LIFE_NS
        self._short_lives = self._short_lives + 1 if short else 0
        trouble = troubles.of_ending(target.address, ending, greeted=bool(greeted_ns))
        if ending.cause is Cause.CLOSED and self._short_lives >= SHORT_LIVES_MAX:
            trouble = troubles.of_short_lives(target.address)
        if greeted_ns and ending.cause is not Cause.NO_LOOP_BACK:
            self._targets.first()
        else:
            self._targets.next()
        delay_ns = self._backoff.next_ns(0 if greeted_ns else now_ns - self._began_ns)
        if ending.cause is Cause.GOODBYE and ending.code == _TAKEN_OVER:
            delay_ns = self._backoff.longest_ns()
        self._fail(target, trouble, delay_ns)

    # -- leaving -------------------------------------------------------------------------------

    def _depart(self) -> None:
        if self._connection is None:
            self._left()
        elif self.phase is not Phase.LEAVING:
            self.phase = Phase.LEAVING
            self._connection.leave(self._left)

    def _left(self) -> None:
        self._connection = None
        self._complaints.clear()
        self._targets.first()
        done, self._stopped = self._stopped, None
        if done is None:
            self._wait_until(self._now())
            return
        self._targets.leave_behind()
        self.phase = Phase.STOPPED
        self._deadline_ns = self._timer.due_ns = NEVER
        done()

    # -- telling -------------------------------------------------------------------------------

    def _fill_soon(self) -> None:
        if self._connection is not None:
            self._connection.fill_soon()

    def _tell(self) -> None:
        known = self._targets.troubles()
        known += list(self._complaints.values())[:1]
        condition = Condition.TROUBLE
        if not known:
            condition = Condition.OK if self.connected else Condition.STARTING
        why = "; ".join(trouble.why for trouble in known)
        if (condition, why) != (self.condition, self.why):
            self.condition, self.why = condition, why
            self.remedy = known[-1].remedy if known else ""
            self.hooks.tell(condition, why, self.remedy)


def _bytes(topic: str | bytes) -> bytes:
    return topic.encode() if isinstance(topic, str) else topic
