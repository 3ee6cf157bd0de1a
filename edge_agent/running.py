"""`edge-agent run`: from the command line to the reactor's turns and back, with its exit codes."""

import errno
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_agent import logs
from edge_agent.clock import SystemClock
from edge_agent.configuration import BadConfiguration
from edge_agent.possession import Owned, possess
from edge_agent.reactor import Reactor
from edge_agent.validation import Validation

if TYPE_CHECKING:
    from edge_agent.app import Agent

OK: Final = 0
OWNED: Final = 75
BUG: Final = 70
SYSTEM: Final = 71
DISK: Final = 74
BAD_CONFIGURATION: Final = 78

DISK_TROUBLES: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What the disk says when the configuration is not to blame: the next start may find it well."""

_log = logging.getLogger(__name__)


def run(config: Path, environ: Mapping[str, str]) -> int:
    """Run the agent until it is told to stop; returns the exit code of the command."""
    clock = SystemClock()
    log = logs.start(environ, clock.mono_ns)
    threading.excepthook = _end_with(threading.excepthook)
    try:
        code = _run(config, environ, clock, log)
    except BadConfiguration as bad:
        for problem in bad.problems:
            sys.stderr.write(f"{problem}\n")
        code = BAD_CONFIGURATION
    except Owned as owned:
        sys.stderr.write(f"edge-agent: {owned}\n")
        code = OWNED
    log.close()  # not in a `finally`: what crashes us is yet to be logged
    return code


def _run(config: Path, environ: Mapping[str, str], clock: SystemClock, log: logs.Log) -> int:
    signals = _Signals()
    try:
        validation = Validation(config, environ)  # works while we import
    except OSError as error:
        sys.stderr.write(
            f"edge-agent: no process can be started for the validator: {error};"
            " see the limits of this user (`ulimit -a`), and free memory\n"
        )
        return SYSTEM
    signals.cut_short(validation)
    gc.disable()  # what imports make stays: looking for waste in it is a tenth of a start
    from edge_agent.app import Agent

    gc.freeze()
    gc.enable()
    try:
        configuration = validation.configuration()
    except BadConfiguration:
        if signals.stopped:
            return OK
        raise
    try:
        possess(configuration.agent.data_dir)
    except OSError as error:
        place = f"{config}: agent.data_dir: {configuration.agent.data_dir}: {error.strerror}"
        if error.errno in DISK_TROUBLES:
            sys.stderr.write(f"{place}; make room on the disk, or exchange it, and start again\n")
            return DISK
        sys.stderr.write(f"{place}; make the folder, and let this user write in it\n")
        return BAD_CONFIGURATION
    reactor = Reactor(clock)
    reactor.timer(log.ring, clock.mono_ns())
    agent = Agent(configuration, config, environ, clock, reactor)
    signals.tell(reactor, agent)
    if signals.stopped:
        return OK
    agent.start()
    reactor.run()
    agent.close()
    if agent.again:
        log.close()
        again = [sys.executable, "-m", "edge_agent", "run", os.fspath(config)]
        os.execv(sys.executable, again)  # noqa: S606 - ourselves, with our own arguments
    return agent.exit_code


def _end_with(
    log: Callable[[threading.ExceptHookArgs], object],
) -> Callable[[threading.ExceptHookArgs], None]:
    """End the process for a bug in a thread: restarted and restored beats half alive."""

    def end(args: threading.ExceptHookArgs) -> None:
        log(args)
        os._exit(BUG)

    return end


class _Signals:
    """What the process is told by signals, from its first moment on.

    A reload that is asked for before there is an agent is none: it is just reading the file.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._stop: Callable[[], object] = bool
        self._reload: Callable[[], object] = bool
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take)

    def cut_short(self, validation: Validation) -> None:
        """Have a stop end the validation."""
        self._stop = validation.cut_short
        if self.stopped:
            validation.cut_short()

    def tell(self, reactor: Reactor, agent: "Agent") -> None:
        """Have the agent told, in its own thread; what came before is in `stopped`."""
        self._reload = partial(reactor.post, _call, agent.reload)
        self._stop = partial(reactor.post, _call, agent.stop)

    def _take(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload()
        else:
            self.stopped = True
            self._stop()


def _call(what: Callable[[], None]) -> None:
    what()
