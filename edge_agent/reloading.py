"""SIGHUP: the file is validated beside us, what changed is applied, a bad file changes nothing.

Neither does one that would take away what holds a line that stands: somebody might start it.

The last good configuration stays in force, and it is said so: in the log, to the service manager,
and in the status as a count.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edge_agent.changes import Changes, changes
from edge_agent.configuration import BadConfiguration, Configuration
from edge_agent.notify import Notify
from edge_agent.reactor import NEVER, Reactor
from edge_agent.validation import Validation

VALIDATION_NS: Final = 60_000_000_000
"""A validator that takes longer is killed, and the reload refused."""

_log = logging.getLogger(__name__)


class Reloading:
    """One reload at a time; a signal that comes meanwhile is obeyed when that one is done."""

    def __init__(
        self,
        reactor: Reactor,
        configuration: Configuration,
        config: Path,
        environ: Mapping[str, str],
        notify: Notify,
        apply: Callable[[Changes], None],
        objection: Callable[[Configuration], str] = lambda _: "",
    ) -> None:
        self.refused = 0
        self.why = ""
        """Why the file on the disk is not what runs, for people; empty while it is."""
        self._reactor = reactor
        self._configuration = configuration
        self._config = config
        self._environ = environ
        self._notify = notify
        self._apply = apply
        self._objection = objection
        self._validation: Validation | None = None
        self._once_more = False
        self._deadline = reactor.timer(self._give_up)

    def begin(self) -> None:
        """Have the file validated."""
        if self._validation is not None:
            self._once_more = True
            return
        now_ns = self._reactor.clock.mono_ns()
        self._notify.reloading(now_ns)
        try:
            self._validation = Validation(self._config, self._environ)
        except OSError as error:
            self._refuse(f"no validator could be started: {error}")
            return
        self._deadline.due_ns = now_ns + VALIDATION_NS
        self._reactor.watch(self._validation.fd, self._receive)

    def close(self) -> None:
        """End a validation that is under way: it would complain that nobody takes its answer."""
        if self._validation is not None:
            self._validation.abandon()
            self._validation = None

    def _receive(self, _events: int) -> None:
        validation = self._validation
        assert validation is not None, "only a running validation is watched"
        if not validation.receive():
            return
        self._end(validation)
        try:
            wanted = validation.configuration()
        except BadConfiguration as bad:
            for problem in bad.problems:
                _log.error("%s", problem)
            more = f" (and {len(bad.problems) - 1} more)" if len(bad.problems) > 1 else ""
            self._refuse(f"the new configuration is bad: {bad.problems[0]}{more}")
        else:
            change = changes(self._configuration, wanted)
            if objection := self._objection(change.then):
                self._refuse(objection)
            else:
                self._take(change)
        if self._once_more:
            self._once_more = False
            self.begin()

    def _take(self, change: Changes) -> None:
        for text in change.after_restart.values():
            _log.warning("%s", text)
        self._configuration = change.then
        self._apply(change)
        _log.info("reloaded: %s", told(change))
        waits = ", ".join(change.after_restart)
        self.why = f"waits for a restart: {waits}" if waits else ""
        self._notify.ready(f"reloaded; waits for a restart: {waits}" if waits else "reloaded")

    def _give_up(self, _now_ns: int) -> int:
        validation = self._validation
        if validation is not None:
            self._end(validation)
            validation.abandon()
            self._refuse("the validator took too long")
        return NEVER

    def _end(self, validation: Validation) -> None:
        self._reactor.unwatch(validation.fd)
        self._validation = None
        self._deadline.due_ns = NEVER

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self.why = why
        _log.error("%s; the last good one goes on", why)
        self._notify.ready(f"{why}; the last good one goes on")


def told(change: Changes) -> str:
    """Say in a line what a reload has changed."""
    names = [f"{device.name} removed" for device in change.removed]
    names += [f"{device.name} replaced" for device in change.replaced]
    names += [f"{device.name} added" for device in change.added]
    names += [f"station {station.id} removed" for station in change.stations_removed]
    names += [f"station {station.id} added" for station in change.stations_added]
    names += ["broker changed"] if change.broker else []
    names += ["journal limits changed"] if change.journal else []
    names += ["rules of the line changed"] if change.line else []
    names += [f"{key} waits for a restart" for key in change.after_restart]
    return ", ".join(names) or "nothing changed"
