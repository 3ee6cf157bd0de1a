"""`edge-agent demo` as people start it: in a pipe, on a terminal, with a port that is taken."""

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.broker

DEMO = [sys.executable, "-m", "edge_agent", "demo"]
PATIENCE_S = 60
STYLES = re.compile("\x1b\\[[0-9;]*m")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments],
        env=os.environ | {"TMPDIR": os.fspath(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )


def test_in_a_pipe_it_says_one_line_per_event_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ended = run(tmp_path, "--seconds", "2", "--speed", "6")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []
    lines = ended.stdout.splitlines()
    assert re.match(r"mqtt://127\.0\.0\.1:\d+ \((mosquitto|amqtt) [\d.]+\)", lines[0])
    accepted = [line.split()[-1] for line in lines if " accepted K-" in line]
    arrived = [line.split()[-1] for line in lines if " arrived K-" in line]
    assert accepted
    assert sorted(accepted) == sorted(arrived)
    assert lines[-1].endswith(": they agree")


def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = run(tmp_path, "--port", str(other.getsockname()[1]))
    assert ended.returncode == 1
    assert "choose another with --port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_reader_who_leaves_early_breaks_nothing() -> None:
    with subprocess.Popen(
        [*DEMO, "--seconds", "1", "--speed", "6"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.readline()
        demo.stdout.close()
        assert demo.stderr.read() == b""
        assert demo.wait(PATIENCE_S) == 0


class Terminal:
    """A pty of 80x24 with the demo in it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen = ""
        self.demo = subprocess.Popen(
            [*DEMO, "--speed", "6"],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=os.environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
            start_new_session=True,
        )

    def wait_for(self, pattern: str) -> None:
        """Read until `pattern` is on the screen, and forget what was before it."""
        end_s = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.master], [], [], PATIENCE_S)
            assert ready, f"it says nothing any more: {pattern}\n{self.seen[-4000:]}"
            assert time.monotonic() < end_s, f"never seen: {pattern}\n{self.seen[-4000:]}"
            self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
            self.seen = STYLES.sub("", self.seen)
        self.seen = self.seen[found.end() :]

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())

    def close(self) -> None:
        self.demo.kill()
        self.demo.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_a_visitor_plays_and_gets_the_terminal_back(terminal: Terminal) -> None:
    try:
        terminal.wait_for(r"arrived [1-9]")
        terminal.press("5")
        terminal.wait_for(r"(yellow|red)2Hz")
        terminal.press("c")
        terminal.wait_for("mend broker")
        terminal.wait_for(r"waiting [1-9]")
        terminal.press("b")
        terminal.wait_for(r"b\s+restart")
        terminal.press("\x1b[A")  # an arrow key means nothing
        terminal.press("3")
        terminal.wait_for(r"V-0001\s+no light")
        terminal.press("bc")
        terminal.wait_for("waiting 0")
        terminal.press("q")
        terminal.wait_for(r"made .*: they agree")
        assert terminal.demo.wait(PATIENCE_S) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back_too(terminal: Terminal, number: signal.Signals) -> None:
    try:
        terminal.wait_for(r"arrived [1-9]")
        terminal.demo.send_signal(number)
        terminal.wait_for(re.escape("\x1b[?1049l"))
        terminal.wait_for("they agree")
        assert terminal.demo.wait(PATIENCE_S) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()
