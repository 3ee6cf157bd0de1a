"""`edge-agent run`: from the command line to the reactor's turns and back, with its exit codes."""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edge_agent import logs
from edge_agent.clock import SystemClock
from edge_agent.configuration import BadConfiguration
from edge_agent.possession import Owned, possess
from edge_agent.reactor import Reactor
from edge_agent.validation import Validation

OK: Final = 0
OWNED: Final = 75
BUG: Final = 70
BAD_CONFIGURATION: Final = 78

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
    validation = Validation(config, environ)  # works while we import
    gc.disable()  # what imports make stays: looking for waste in it is a tenth of a start
    from edge_agent.app import Agent

    gc.freeze()
    gc.enable()
    configuration = validation.configuration()
    try:
        possess(configuration.agent.data_dir)
    except OSError as error:
        sys.stderr.write(
            f"{config}: agent.data_dir: {configuration.agent.data_dir}: {error.strerror};"
            " make the folder, and let this user write in it\n"
        )
        return BAD_CONFIGURATION
    reactor = Reactor(clock)
    reactor.timer(log.ring, clock.mono_ns())
    agent = Agent(configuration, config, environ, clock, reactor)
    _listen_to_signals(reactor, agent)
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


def _listen_to_signals(reactor: Reactor, agent: object) -> None:
    stop, reload = agent.stop, agent.reload  # type: ignore[attr-defined]

    def take(number: int, _frame: object) -> None:
        reactor.post(_call, reload if number == signal.SIGHUP else stop)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, take)


def _call(what: object) -> None:
    what()  # type: ignore[operator]
