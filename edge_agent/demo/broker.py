"""The demo's broker: mosquitto when this machine has it, amqtt in a child process otherwise."""

import importlib.metadata
import importlib.util
import os
import random
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from edge_agent.demo.child import Child
from edge_agent.reactor import Reactor

PORTS: Final = range(18_830, 18_930)
"""Where a free port is looked for: below the ports that the kernel gives to outgoing connections.

An agent that knocks again and again at a local port nobody listens on, and that port being one of
those, sooner or later connects to itself, and the broker cannot come back.
"""

START_WAIT_S: Final = 15.0
"""How long the first start may take (amqtt on a Pi) before the demo gives up."""

_KNOCK_MS: Final = 20

MOSQUITTO_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
log_type error
log_type warning
user {user}
"""


class Link(StrEnum):
    """Whether there is a broker."""

    UP = "up"
    CUT = "cut"
    DEAD = "dead"


class NoBroker(Exception):
    """There is none to start, or it would not start; the message says what to do."""


def find_mosquitto() -> str | None:
    """Say where mosquitto is: on the PATH, or where Debian puts it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("mosquitto", path=path)


def is_free(port: int) -> bool:
    """Say whether nobody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(wanted: int | None) -> int:
    """Return the wanted port, or a free one; NoBroker when it is taken or all are."""
    if wanted is not None:
        if not is_free(wanted):
            raise NoBroker(
                f"port {wanted} is taken or not allowed; choose another with --port, or none at all"
            )
        return wanted
    for port in random.sample(PORTS, len(PORTS)):  # two demos at once seldom choose the same
        if is_free(port):
            return port
    raise NoBroker(
        f"ports {PORTS.start} to {PORTS.stop - 1} are all taken; say another with --port"
    )


def mosquitto_version(program: str) -> str:
    """Ask the engine for its name and version."""
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"mosquitto version (\S+)", said)
    return f"mosquitto {found[1]}" if found else "mosquitto"


class Broker:
    """One broker on the loopback interface that anybody on this machine may listen to.

    `changed` is called with every change of `link`. `engine` is its name and version.
    """

    def __init__(
        self,
        reactor: Reactor,
        folder: Path,
        *,
        port: int | None = None,
        changed: Callable[[], None],
        mosquitto: str | None = None,
    ) -> None:
        self.port = choose_port(port)
        self.link = Link.CUT
        self._changed = changed
        self._stopping = False
        if mosquitto:
            self.engine = mosquitto_version(mosquitto)
            settings = folder / "mosquitto.conf"
            # Started by root it would become its own user, who may not even exist
            user = "root" if os.geteuid() == 0 else "mosquitto"
            settings.write_text(MOSQUITTO_CONFIGURATION.format(port=self.port, user=user))
            argv = [mosquitto, "-c", str(settings)]
        elif importlib.util.find_spec("amqtt"):
            self.engine = f"amqtt {importlib.metadata.version('amqtt')}"
            argv = [sys.executable, "-m", "edge_agent.demo.amqtt_broker", str(self.port)]
        else:
            raise NoBroker(
                "there is no broker on this machine; install one: apt-get install mosquitto, "
                "or pip install 'edge-agent[demo]'"
            )
        self._child = Child(reactor, argv, folder / "broker.log", self._ended)

    @property
    def address(self) -> str:
        """Where to point a subscriber at."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self) -> None:
        """Start it and return once it takes connections; NoBroker with its last words if not."""
        self.restore()
        ended = select.poll()
        ended.register(self._child.pidfd, select.POLLIN)
        for _ in range(int(START_WAIT_S * 1000 / _KNOCK_MS)):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                if ended.poll(_KNOCK_MS):
                    break
            else:
                return
        said = self._child.last_words()
        self.stop()
        raise NoBroker(
            f"{self.engine} did not start on port {self.port}: {said or 'it says nothing'}"
        )

    def cut(self) -> None:
        """Kill it with everything that it has in memory."""
        self._say(Link.CUT)
        self._child.kill()

    def restore(self) -> None:
        """Start it again; those who wait for it will find it."""
        self._child.start()
        self._say(Link.UP)

    def stop(self) -> None:
        """End it for good."""
        self._stopping = True
        self._child.kill()

    def _ended(self, _code: int) -> None:
        if self.link is Link.UP and not self._stopping:
            self._say(Link.DEAD)

    def _say(self, link: Link) -> None:
        if link is not self.link:
            self.link = link
            self._changed()
