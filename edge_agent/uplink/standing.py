"""What goes out beside the lanes and outlives a connection: what is true now, and short words.

Rules:
1. A state topic holds its latest payload only, and is published again on every connection.
2. A message is sent once by us and again only when its acknowledgement never came.
3. What was asked for again (replay) waits in pages; the journal has it all the same.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from edge_agent.records import Entry

STATES_MAX: Final = 4096
"""State topics remembered; a new one beyond them is refused and counted."""

MESSAGES_MAX: Final = 128
"""Messages waiting to be sent; one beyond them is refused and counted."""

REPLAY_AHEAD: Final = 128
"""The next page of a replay is asked for when no more rows than this are left of the last one."""


class State(NamedTuple):
    """The latest payload of a state topic; an empty retained one clears the topic."""

    number: int
    topic: bytes
    payload: bytes
    retain: bool


class Message(NamedTuple):
    """A short message: the result of a command, a report."""

    number: int
    topic: bytes
    payload: bytes


class Standing:
    """States, messages and replays between the calls of the agent and the window."""

    __slots__ = (
        "_more_replays",
        "_numbers",
        "changed",
        "cleared",
        "messages",
        "refused",
        "replays",
        "states",
    )

    def __init__(self, cleared: Callable[[bytes], None] = lambda _: None) -> None:
        self.cleared = cleared
        self.states: dict[bytes, State] = {}
        self.changed: dict[bytes, None] = {}
        self.messages: deque[Message] = deque()
        self.replays: deque[Entry] = deque()
        self.refused = 0
        self._numbers = 0
        self._more_replays = False

    def hold(self, topic: bytes, payload: bytes, *, retain: bool) -> bool:
        """Make this the state of its topic; False when there are too many topics."""
        if topic not in self.states and len(self.states) >= STATES_MAX:
            self.refused += 1
            return False
        self._numbers += 1
        self.states[topic] = State(self._numbers, topic, payload, retain)
        self.changed[topic] = None
        return True

    def say(self, topic: bytes, payload: bytes) -> bool:
        """Queue a message; False when too many wait already."""
        if len(self.messages) >= MESSAGES_MAX:
            self.refused += 1
            return False
        self._numbers += 1
        self.messages.append(Message(self._numbers, topic, payload))
        return True

    def replay(self, entries: Iterable[Entry], *, more: bool) -> None:
        """Queue rows to be sent again; with `more`, `page_wanted` asks for the next ones."""
        self.replays.extend(entries)
        self._more_replays = more

    def page_wanted(self) -> bool:
        """Say, once per page, that the next rows to be sent again may come."""
        if not self._more_replays or len(self.replays) > REPLAY_AHEAD:
            return False
        self._more_replays = False
        return True

    def connected(self) -> None:
        """Let every state be published on the new connection."""
        for topic in self.states:
            self.changed[topic] = None

    def told(self, state: State) -> None:
        """Take the broker's word for a state: what is not retained is said once.

        `cleared` is called with a topic on which nothing is retained now.
        """
        if self.states.get(state.topic) is state and not (state.retain and state.payload):
            del self.states[state.topic]
            if state.retain:
                self.cleared(state.topic)

    def drop(self, topic: bytes) -> None:
        """Give a state up: the broker will not have it."""
        self.states.pop(topic, None)
        self.changed.pop(topic, None)
