"""The case against a message that ends every connection it is sent on.

Some brokers answer what they will not have by hanging up: everything behind that message would
wait for ever. But networks hang up too, and nobody's event is set aside for that.

Rules:
1. After a close by the peer the messages that were in flight go one at a time, until each has been
   acknowledged or convicted. Who is alone in flight at a few closes in a row is accused; nobody
   is held up before that: a broker that restarts closes once.
2. The accused has a trial on every connection: first the connection must stand without it, for a
   random time, longer than it took the peer to close on it, with probes (the status again)
   acknowledged; only then it is sent. A close that soon after counts. One that comes later, or a
   missing acknowledgement, proves nothing.
3. A connection that ends without the accused acquits it: the count begins anew. So a network that
   cuts whatever is sent would have to hit, again and again, the moments when the accused is out.
4. So many closes within `SPAN_NS` convict. A message like others that this broker took (known
   topic, no larger) needs far more.
5. A goodbye that names the size or the form of a message convicts who is alone at once.
"""

from collections import deque
from random import Random
from typing import Final

from edge_agent.reactor import NEVER

ACCUSED_CLOSES: Final = 3
"""Closes in a row, of connections that acknowledged other things, that accuse who was alone."""

CLOSES_MAX: Final = 12
"""Closes that convict a message on a new topic, or larger than any acknowledged: in a minute."""

CLOSES_LIKE_OTHERS_MAX: Final = 30
"""Closes that convict a message that looks like others: in two or three minutes."""

SPAN_NS: Final = 1_200_000_000_000
"""Closes longer ago convict nobody; twice as long as the convictions above take at the most."""

STAND_MIN_NS: Final = 1_000_000_000
STAND_MAX_NS: Final = 3_000_000_000
"""How long a connection must stand without the accused: drawn between these ..."""

STAND_TIMES: Final = 3
"""... and at least so many times as long as the peer took to close on the accused ..."""

STAND_LONGEST_NS: Final = 60_000_000_000
"""... up to this."""

PROBES_MAX: Final = 3
"""Probes while it stands without the accused, from one to so many: their number is drawn too."""

REFUSALS_MAX: Final = 5
"""Refusals for no named reason after which a message is set aside; see `Window`."""

PASSES_MAX: Final = 100
"""So many acknowledgements one at a time end all suspicion, whatever became of the suspects."""

Key = tuple[int, object]


class Suspicion:
    """Remembers over connections who was in flight when they ended.

    While `watching`, every acknowledgement must be told to `cleared`.
    """

    __slots__ = (
        "_alone",
        "_closes",
        "_lone",
        "_passes",
        "_random",
        "_refusals",
        "_span_ns",
        "_suspects",
        "_took_ns",
        "_trial",
        "accused",
        "watching",
    )

    def __init__(self, random: Random) -> None:
        self.watching = False
        self.accused: Key | None = None
        self._span_ns = SPAN_NS
        self._random = random
        self._suspects: set[Key] = set()
        self._closes: deque[int] = deque(maxlen=CLOSES_LIKE_OTHERS_MAX)
        self._lone: Key | None = None
        self._alone = 0
        self._took_ns = 0
        self._trial: Trial | None = None
        self._passes = 0
        self._refusals: dict[Key, int] = {}

    @property
    def one_at_a_time(self) -> bool:
        """Whether only one publish may be in flight."""
        return bool(self._suspects)

    def apart(self, apart_ns: int) -> None:
        """Let connections be so far apart that `SPAN_NS` would be too short for a conviction."""
        self._span_ns = max(SPAN_NS, 2 * CLOSES_LIKE_OTHERS_MAX * apart_ns)

    # -- the accused on a connection -----------------------------------------------------------

    def connected(self) -> None:
        """Begin with a new connection: it has shown nothing yet."""
        self._trial = None

    def probe(self, now_ns: int) -> bool:
        """Say whether to send a probe now; asked while somebody is accused and events may flow."""
        if self._trial is None:
            drawn_ns = self._random.randint(STAND_MIN_NS, STAND_MAX_NS)
            stand_ns = max(drawn_ns, min(STAND_TIMES * self._took_ns, STAND_LONGEST_NS))
            self._trial = Trial(now_ns, stand_ns, self._random.randint(1, PROBES_MAX))
        return self._trial.probe(now_ns)

    def probe_due_ns(self) -> int:
        """Say when the next probe is due; NEVER when none is."""
        return NEVER if self._trial is None or self.accused is None else self._trial.due_ns

    def answered(self) -> None:
        """Take the answer to a status: the probes are statuses, and one is out at a time."""
        if self._trial is not None:
            self._trial.answered()

    def holds(self, key: Key) -> bool:
        """Say whether this one is accused, and the connection has not yet stood without it."""
        return key == self.accused and not self._stood

    @property
    def _stood(self) -> bool:
        return self._trial is not None and self._trial.passed

    # -- what becomes of it --------------------------------------------------------------------

    def closed(
        self,
        in_flight: list[Key],
        took_ns: int,
        now_ns: int,
        *,
        told: bool,
        like_others: bool,
    ) -> bool:
        """Take a close by the peer; True when the one in flight is convicted.

        `took_ns` is for how long it was in flight; `told` says that the broker named the message's
        size or form as its reason.
        """
        self.cut(in_flight)
        self._passes = 0
        self._suspects.update(in_flight)
        self.watching = True
        if len(in_flight) > 1:
            self._alone_is(None)
            return False
        key = in_flight[0]
        if key != self._lone:
            self._alone_is(key)
        self._alone += 1
        if self.accused is None:
            self.accused = key if self._alone >= ACCUSED_CLOSES else None
        elif self._trial is not None and self._trial.passed:
            self._took_ns = max(self._took_ns, took_ns)
            if took_ns <= self._trial.stand_ns:
                self._closes.append(now_ns)
        if told or self._enough(like_others, now_ns):
            self.cleared(key)
            return True
        return False

    def _enough(self, like_others: bool, now_ns: int) -> bool:
        closes = self._closes
        while closes and closes[0] < now_ns - self._span_ns:
            closes.popleft()
        return len(closes) >= (CLOSES_LIKE_OTHERS_MAX if like_others else CLOSES_MAX)

    def cut(self, in_flight: list[Key]) -> None:
        """Take an end that was not of our making: it acquits an accused who was not in flight."""
        if self.accused is not None and self.accused not in in_flight:
            self._closes.clear()

    def _alone_is(self, key: Key | None) -> None:
        self._lone, self._alone, self.accused, self._took_ns = key, 0, None, 0
        self._closes.clear()

    def cleared(self, key: Key) -> None:
        """Take note that a message was acknowledged, or will not be sent again."""
        self._refusals.pop(key, None)
        self._suspects.discard(key)
        if key == self._lone:
            self._alone_is(None)
        self._passes += self.accused is None or self._stood
        if self._passes >= PASSES_MAX:
            self._suspects.clear()
            self._alone_is(None)
        self.watching = bool(self._suspects or self._refusals)

    def refused(self, key: Key) -> bool:
        """Take a refusal for no named reason; True when it was the last that is borne."""
        count = self._refusals.pop(key, 0) + 1
        if count >= REFUSALS_MAX:
            return True
        self._refusals[key] = count
        self.watching = True
        while len(self._refusals) > PASSES_MAX:
            del self._refusals[next(iter(self._refusals))]
        return False


class Trial:
    """How long one connection must stand without the accused, and by how many probes it shows it.

    `passed` says that it did: the accused may be sent.
    """

    __slots__ = ("_answered", "_began_ns", "_probes", "_sent", "stand_ns")

    def __init__(self, began_ns: int, stand_ns: int, probes: int) -> None:
        self.stand_ns = stand_ns
        self._began_ns = began_ns
        self._probes = probes
        self._sent = 0
        self._answered = 0

    @property
    def passed(self) -> bool:
        """Whether it stood to the end, and every probe was acknowledged."""
        return self._answered == self._probes

    @property
    def due_ns(self) -> int:
        """When the next probe is due; NEVER when none is, or one is out."""
        if self._sent == self._probes or self._answered < self._sent:
            return NEVER
        return self._began_ns + self.stand_ns * (self._sent + 1) // self._probes

    def probe(self, now_ns: int) -> bool:
        """Say whether to send a probe now."""
        if now_ns < self.due_ns:
            return False
        self._sent += 1
        return True

    def answered(self) -> None:
        """Take the answer to a status; the probes are statuses, and one is out at a time."""
        self._answered = self._sent
