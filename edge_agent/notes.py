"""What is written in the commit of the events that it belongs to: states, and executed commands.

Rules:
1. A state is the fold of all events up to its number: it is on the disk with the last of them, and
   never without one that changed it. What one act has told is never parted.
2. A command is on the disk with what it has done, or neither is.
3. Of states that no event lies between the last counts; beyond `STATES_MAX` two are joined, with
   all that lies between them.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from edge_agent.records import Batch

STATES_MAX: Final = 32
"""States that wait for the disk; one more, and the last two are one act."""


class _State(NamedTuple):
    name: str
    since: int
    upto: int
    body: bytes


class _Command(NamedTuple):
    id: str
    since: int
    upto: int
    result: str
    then: Callable[[], None]


class Notes:
    """States and commands that wait for their events, in order."""

    def __init__(self) -> None:
        self._states: list[_State] = []
        self._commands: list[_Command] = []

    def empty(self) -> bool:
        """Say whether nothing waits."""
        return not (self._states or self._commands)

    def state(self, name: str, since: int, upto: int, body: bytes) -> None:
        """Note a state of events up to `upto`, of which those from `since` on have changed it."""
        made = _State(name, since, upto, body)
        before = self._states[-1] if self._states else None
        joins = before is not None and (before.upto == upto or len(self._states) >= STATES_MAX)
        if before is not None and joins and before.name == name:
            made = made._replace(since=min(before.since, since))
            self._states.pop()
        self._states.append(made)

    def command(
        self, command_id: str, since: int, upto: int, result: str, then: Callable[[], None]
    ) -> None:
        """Note a command whose events are `since` to `upto`; `then` is called once it is kept."""
        self._commands.append(_Command(command_id, since, upto, result, then))

    def end_of(self, last: int) -> int:
        """Say with which event a commit ends that would end with `last`: no act is parted."""
        acts = [(one.since, one.upto) for one in self._states]
        acts += [(one.since, one.upto) for one in self._commands]
        for since, upto in sorted(acts):
            if since <= last:
                last = max(last, upto)
        return last

    def take(self, batch: Batch, upto: int) -> list[Callable[[], None]]:
        """Put into a batch what belongs to events up to `upto`; gives whom to call then."""
        due = [one for one in self._states if one.upto <= upto]
        self._states = [one for one in self._states if one.upto > upto]
        latest = {one.name: one for one in due}
        batch.snapshots += [(one.name, one.upto, one.body) for one in latest.values()]
        done = [one for one in self._commands if one.upto <= upto]
        self._commands = [one for one in self._commands if one.upto > upto]
        batch.commands += [(one.id, one.upto, one.result) for one in done]
        return [one.then for one in done]
