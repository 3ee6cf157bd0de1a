"""The validator in a process of its own, so that the agent never carries it.

At boot start it first, import and open the rest meanwhile, then ask for the `configuration`. For a
reload let the reactor watch `fd` and call `receive` until it says that this was all.
"""

import json
import os
import select
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_agent.configuration import BadConfiguration, Configuration, Problem, from_wire

VALIDATION_S_MAX: Final = 60
"""A validator that is silent for longer is killed, and the configuration refused for it."""

ANSWER_BYTES_MAX: Final = 8 << 20
"""A validator that says more is killed, and the configuration refused for it."""

_EXIT_BAD: Final = 78
_READ_BYTES = 65_536


class Validation:
    """One configuration on its way through the validator, which runs from now on.

    Raises OSError when no process can be started.
    """

    def __init__(self, config: Path, environ: Mapping[str, str]) -> None:
        self._config = config
        self._answer = bytearray()
        self._ended = False
        self.fd, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-P", "-m", "edge_agent.settings", "--", os.fspath(config)],
                _surroundings(environ),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                ],
                # a terminal's Ctrl-C is for all in front of it, and here it would be a traceback
                setsigmask=[signal.SIGINT, signal.SIGHUP],
            )
        except OSError:
            os.close(self.fd)
            raise
        finally:
            os.close(theirs)

    def receive(self) -> bool:
        """Take what has come, one read; True when it was all and `configuration` will not wait."""
        part = os.read(self.fd, _READ_BYTES)
        self._answer += part
        if len(self._answer) > ANSWER_BYTES_MAX:
            os.kill(self._pid, signal.SIGKILL)
            part = b""
        self._ended = not part
        return self._ended

    def configuration(self) -> Configuration:
        """Wait for the end and give the configuration; raises BadConfiguration."""
        while not self._ended:
            if not select.select([self.fd], [], [], VALIDATION_S_MAX)[0]:
                os.kill(self._pid, signal.SIGKILL)
                break
            self.receive()
        code = self._reaped()
        if code == _EXIT_BAD:
            lines = self._answer.splitlines()
            raise BadConfiguration([Problem(**json.loads(line)) for line in lines])
        if code:
            ending = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise self._failed(f"the validator ended with {ending}", "see its words in the log")
        try:
            return from_wire(bytes(self._answer))
        except ValueError as other:
            raise self._failed(str(other), "restart edge-agent") from None

    def cut_short(self) -> None:
        """Have `configuration` end at once, as bad; for a signal handler, at any time."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def abandon(self) -> None:
        """Kill the validator and forget its answer; nothing else may be called then."""
        os.kill(self._pid, signal.SIGKILL)
        self._reaped()

    def _reaped(self) -> int:
        os.close(self.fd)
        pid, self._pid = self._pid, 0  # first: what is reaped may be another process already
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _failed(self, wrong: str, remedy: str) -> BadConfiguration:
        return BadConfiguration([Problem(os.fspath(self._config), 1, 1, "file", wrong, remedy)])


def validated(config: Path, environ: Mapping[str, str]) -> Configuration:
    """Have a configuration validated and wait for it; raises BadConfiguration."""
    return Validation(config, environ).configuration()


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    here = os.fspath(Path(__file__).resolve().parents[1])
    before = environ.get("PYTHONPATH")
    return {
        **environ,
        # the same packages as ours, and never what lies about in the working directory
        "PYTHONPATH": f"{here}{os.pathsep}{before}" if before else here,
        # pydantic searches all installed packages for plug-ins: it takes as long as a model
        "PYDANTIC_DISABLE_PLUGINS": "true",
    }
