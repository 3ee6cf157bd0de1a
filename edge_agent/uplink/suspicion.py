"""The case against a message that ends every connection it is sent on.

Some brokers answer what they will not have by hanging up: everything behind that message would
wait for ever. But networks hang up too, and nobody's event is set aside for that.

Rules:
1. Only a close by the peer counts, on a connection where other publishes were acknowledged, with
   the message sent whole. A missing acknowledgement proves nothing.
2. After such a close the messages that were in flight go one at a time, until each has been
   acknowledged or convicted: only who is alone in flight can be accused.
3. A message like others that this broker took (known topic, no larger) needs far more closes.
"""

from typing import Final

CLOSES_MAX: Final = 20
"""Closes in a row that convict a message on a new topic, or larger than any acknowledged."""

CLOSES_LIKE_OTHERS_MAX: Final = 60
"""Closes in a row that convict a message that looks like others."""

REFUSALS_MAX: Final = 5
"""Refusals for no named reason after which a message is set aside; see `Window`."""

PASSES_MAX: Final = 100
"""So many acknowledgements one at a time end all suspicion, whatever became of the suspects."""

Key = tuple[int, object]


class Suspicion:
    """Remembers over connections who was in flight when they ended.

    While `watching`, every acknowledgement must be told to `cleared`.
    """

    __slots__ = ("_accused", "_closes", "_passes", "_refusals", "_suspects", "watching")

    def __init__(self) -> None:
        self.watching = False
        self._suspects: set[Key] = set()
        self._accused: Key | None = None
        self._closes = 0
        self._passes = 0
        self._refusals: dict[Key, int] = {}

    @property
    def one_at_a_time(self) -> bool:
        """Whether only one publish may be in flight."""
        return bool(self._suspects)

    def closed(self, in_flight: list[Key], *, told: bool, like_others: bool) -> bool:
        """Take a close by the peer; True when the one in flight is convicted.

        `told` says that the broker named the message's size or form as its reason.
        """
        if not in_flight:
            return False
        self._passes = 0
        self._suspects.update(in_flight)
        self.watching = True
        if len(in_flight) > 1:
            self._accused, self._closes = None, 0
            return False
        if in_flight[0] != self._accused:
            self._accused, self._closes = in_flight[0], 0
        self._closes += 1
        needed = CLOSES_LIKE_OTHERS_MAX if like_others else CLOSES_MAX
        if told or self._closes >= needed:
            self.cleared(in_flight[0])
            return True
        return False

    def cleared(self, key: Key) -> None:
        """Take note that a message was acknowledged, or will not be sent again."""
        self._refusals.pop(key, None)
        self._suspects.discard(key)
        if key == self._accused:
            self._accused, self._closes = None, 0
        self._passes += 1
        if self._passes >= PASSES_MAX:
            self._suspects.clear()
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
