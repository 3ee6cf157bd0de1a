"""Real brokers for tests: mosquitto (MQTT 5 and 3.1.1) and amqtt (3.1.1), each on its own port.

Both run in processes of their own and are killed with the test. A broker is ready when it says
so itself; nothing here waits by the clock.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

READY_S = 20.0
"""How long a broker may take to be ready, or to say a line; a dead-line, not a delay."""

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A process whose lines of output can be waited for."""

    def __init__(self, command: Sequence[str], *, ready: str) -> None:
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.wait_for(ready)
        except AssertionError:
            self.end(signal.SIGKILL)
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, pattern: str, timeout_s: float = READY_S) -> str:
        """Wait for a line that matches, past ones included."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._said:
            self._said.wait_for(lambda: found() or self._over, timeout_s)
            line = found()
        assert line is not None, f"never said {pattern!r}:\n" + "\n".join(self.lines)
        return line

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int) -> int:
        """Send the signal and wait until the process is gone."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            code = self._process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()
        with self._said:
            self._over = True
            self._said.notify_all()


class Mosquitto:
    """One mosquitto that can be stopped, killed and started again on the same port.

    `settings` are lines of its configuration for the listener and the broker; `users` gives name
    and password of those who may connect (None: anybody); `access` are the lines of an ACL file;
    `tls` is the folder of `tests.kit.tls`. With `persistent` it keeps what it has over `stop`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Sequence[str] = (),
        users: dict[str, str] | None = None,
        access: Sequence[str] = (),
        tls: "Sequence[str]" = (),
        persistent: bool = False,
    ) -> None:
        assert MOSQUITTO is not None, "mosquitto is not installed"
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._process: Process | None = None
        self._config = folder / "mosquitto.conf"
        lines = [
            "user root",  # it must read the folder of the test; without root this is ignored
            "per_listener_settings false",
            f"listener {self.port} 127.0.0.1",
            "set_tcp_nodelay true",
            "log_dest stderr",
            # the default drops what a slow subscriber has not read; 0 would end the connection
            # of whoever publishes what may not be published (2.0.11)
            "max_queued_messages 1000000",
            f"allow_anonymous {'true' if users is None else 'false'}",
            f"persistence {'true' if persistent else 'false'}",
            f"persistence_location {folder}/",
            *tls,
            *settings,
        ]
        if users is not None:
            lines.append(f"password_file {self._passwords(users)}")
        if access:
            self.set_access(access)
            lines.append(f"acl_file {folder / 'access'}")
        self._config.write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def lines(self) -> list[str]:
        return [] if self._process is None else self._process.lines

    def set_access(self, lines: Sequence[str]) -> None:
        (self.folder / "access").write_text("\n".join(lines) + "\n", "utf-8")

    def reload(self) -> None:
        """Have it read access rules and passwords again."""
        assert self._process is not None
        self._process.signal(signal.SIGHUP)
        self._process.wait_for("Reloading config")

    def start(self) -> Self:
        assert MOSQUITTO is not None
        self._process = Process(
            [MOSQUITTO, "-c", os.fspath(self._config)], ready=r"mosquitto version .* running"
        )
        return self

    def wait_for(self, pattern: str) -> str:
        assert self._process is not None
        return self._process.wait_for(pattern)

    def pause(self) -> None:
        """Let it hang: connections stand, nothing is answered."""
        assert self._process is not None
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with everything it had in memory."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(number)

    def _passwords(self, users: dict[str, str]) -> Path:
        path = self.folder / "passwords"
        path.write_text("".join(f"{name}:{word}\n" for name, word in users.items()), "utf-8")
        path.chmod(0o600)
        tool = shutil.which("mosquitto_passwd")
        assert tool is not None, "mosquitto_passwd is not installed"
        subprocess.run([tool, "-U", os.fspath(path)], check=True, capture_output=True)
        return path

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


_AMQTT = """
import asyncio, logging, sys
from amqtt.broker import Broker

async def main(port):
    logging.disable(logging.CRITICAL)
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(int(sys.argv[1])))
"""


class Amqtt:
    """One amqtt: MQTT 3.1.1 only, anybody may connect."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: Process | None = None

    def start(self) -> Self:
        command = [sys.executable, "-W", "ignore", "-c", _AMQTT, str(self.port)]
        self._process = Process(command, ready="^ready")
        return self

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


@contextlib.contextmanager
def any_broker(folder: Path) -> Iterator[Mosquitto | Amqtt]:
    """Run mosquitto where it is installed, amqtt otherwise, and say which."""
    broker: Mosquitto | Amqtt = Amqtt() if MOSQUITTO is None else Mosquitto(folder)
    print(f"broker: {type(broker).__name__.lower()}")
    with broker:
        yield broker


Predicate = Callable[[], object]
