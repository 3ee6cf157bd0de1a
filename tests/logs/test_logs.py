"""The log says what happened, in bounded words, and never makes its caller wait."""

import fcntl
import json
import logging
import os
import pty
import re
import select
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent import logs
from edge_agent.logs import Log

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns


class Desk:
    """A logger of its own that writes to a pipe, and the other end of that pipe."""

    def __init__(self, *, as_json: bool = True, through: str = "pipe") -> None:
        self.clock = Hands()
        if through == "pipe":
            self.reading, self.fd = os.pipe()
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)
        elif through == "socket":
            ours, theirs = socket.socketpair()
            self.fd, self.reading = ours.detach(), theirs.detach()
        else:
            self.reading, self.fd = pty.openpty()
            flags = termios.tcgetattr(self.fd)
            flags[1] &= ~termios.OPOST
            termios.tcsetattr(self.fd, termios.TCSANOW, flags)
        os.set_blocking(self.reading, False)
        self.log = Log(self.fd, self.clock.mono_ns, as_json=as_json)
        self.logger = logging.Logger("edge_agent.desk")  # noqa: LOG001 - one for this test alone
        self.logger.addHandler(self.log)

    def read(self) -> str:
        taken = b""
        while select.select([self.reading], [], [], 0)[0]:
            chunk = os.read(self.reading, 65536)
            if not chunk:
                break
            taken += chunk
        return taken.decode()

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.read().splitlines()]

    def drain(self) -> str:
        """Read and let the log write, in turns, until nothing waits."""
        text = ""
        while True:
            text += self.read()
            due_ns = self.log.ring(self.clock.now_ns)
            if due_ns - self.clock.now_ns > logs.RETRY_NS:
                return text + self.read()

    def close(self) -> None:
        """Take the reader away first: whoever wrongly waits for it comes back then."""
        try:
            os.close(self.reading)
        except OSError:  # the test has closed it
            pass
        self.log.close()
        os.close(self.fd)


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(**how: object) -> Desk:
        desks.append(Desk(**how))  # type: ignore[arg-type]
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()


def returns(call: Callable[[], object]) -> bool:
    """Say whether `call` comes back; it runs in a thread so that a wait cannot stop the suite."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return not thread.is_alive()


def test_a_line_for_the_journal_is_one_json_object(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.logger.warning("%s: the port is gone\nreally", "gun-1")
    (line,) = desk.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert line == {
        "level": "warning",
        "logger": "edge_agent.desk",
        "message": "gun-1: the port is gone\nreally",
    }


def test_a_line_for_a_person_cannot_command_the_terminal(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(as_json=False)
    desk.logger.warning("%s sent %s", "gun-1", "\x1b[2Jevil\r\x9b1m\n12:00:00 forged")
    shown = desk.read()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} warning  edge_agent\.desk: gun-1 sent ", shown)
    assert shown.endswith(r"\x1b[2Jevil\x0d\x9b1m" + "\n    12:00:00 forged\n")


@pytest.mark.parametrize("as_json", [True, False])
def test_bytes_that_are_no_text_are_written_all_the_same(
    open_desk: Callable[..., Desk], *, as_json: bool
) -> None:
    desk = open_desk(as_json=as_json)
    desk.logger.warning("%s", b"K\xff-1".decode("utf-8", "surrogateescape"))
    assert r"K\udcff-1" in desk.read()


def test_a_trace_is_in_the_line(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    try:
        int("x")
    except ValueError:
        desk.logger.exception("could not count")
    (line,) = desk.lines()
    assert "invalid literal for int()" in str(line["trace"])
    assert line["level"] == "error"


def test_arguments_that_do_not_fit_lose_nothing(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.logger.warning("%d scans", "many")
    desk.logger.warning("%(scans)d of %(all)d", {"scans": 4})
    first, second = (str(line["message"]) for line in desk.lines())
    assert first == "'%d scans' ('many',)"
    assert "'scans': 4" in second


def test_the_longest_line_fits_and_says_what_was_cut(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    long = "\udcff" * (logs.LINE_CHARACTERS_MAX + 7)

    def fail() -> None:
        raise ValueError("first " + long + " last")

    try:
        fail()
    except ValueError:
        desk.logger.exception("%s", long)
    assert desk.log.lost == 0
    (line,) = [json.loads(line) for line in desk.drain().splitlines()]
    assert line["message"].endswith("... (7 more characters)")
    assert line["trace"].startswith("(")
    assert line["trace"].endswith(" last")


def test_a_message_that_repeats_is_counted_and_summed_up(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    for number in range(logs.LINES_PER_MESSAGE_MAX + 30):
        desk.logger.warning("%s: refused %d", "gun-1", number)
    assert len(desk.lines()) == logs.LINES_PER_MESSAGE_MAX
    assert desk.log.limited == 29
    desk.clock.now_ns += logs.WINDOW_NS
    desk.log.ring(desk.clock.now_ns)
    (line,) = desk.lines()
    assert line["message"] == f"gun-1: refused {logs.LINES_PER_MESSAGE_MAX + 29}"
    assert line["left_out"] == 29
    desk.logger.warning("%s: refused %d", "gun-1", 99)
    assert [line["message"] for line in desk.lines()] == ["gun-1: refused 99"]


def test_a_window_ends_with_the_next_record_too(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(as_json=False)
    for _ in range(logs.LINES_PER_MESSAGE_MAX + 3):
        desk.logger.warning("again")
    desk.read()
    desk.clock.now_ns += logs.WINDOW_NS
    desk.logger.warning("other")
    summed, other = desk.read().splitlines()
    assert summed.endswith("again (2 like this left out)")
    assert other.endswith("other")


def test_one_device_does_not_silence_another(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    for _ in range(100):
        desk.logger.warning("%s: gone", "gun-1")
    desk.logger.warning("%s: gone", "gun-2")
    assert [line["message"] for line in desk.lines()][-1] == "gun-2: gone"


def test_messages_without_end_share_one_count(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    for number in range(logs.MESSAGES_MAX + 50):
        desk.logger.warning("%s: unheard of", f"scan {number}")
    text = desk.drain()
    assert text.count("unheard of") == logs.MESSAGES_MAX + logs.LINES_PER_MESSAGE_MAX
    assert desk.log.limited == 50 - logs.LINES_PER_MESSAGE_MAX - 1


def test_what_is_left_out_is_never_formatted(open_desk: Callable[..., Desk]) -> None:
    class Scan:
        shown = 0

        def __str__(self) -> str:
            Scan.shown += 1
            return "scan"

    desk = open_desk()
    for _ in range(1000):
        desk.logger.warning("read %s", Scan())
    assert Scan.shown == logs.LINES_PER_MESSAGE_MAX


@pytest.mark.parametrize("through", ["pipe", "socket", "terminal"])
def test_a_stderr_that_nobody_reads_holds_nobody_up(
    open_desk: Callable[..., Desk], through: str
) -> None:
    desk = open_desk(through=through)
    text = "x" * 5000

    def flood() -> None:
        for number in range(400):
            desk.logger.warning("%s: %s", f"scan {number % 80}", text)

    assert returns(flood), "the log waited for a reader"
    assert desk.log.lost > 0
    lost = desk.log.lost
    assert desk.log.ring(desk.clock.now_ns) == desk.clock.now_ns + logs.RETRY_NS
    lines = [json.loads(line) for line in desk.drain().splitlines()]
    assert lines[-1]["message"] == f"{lost} lines were lost: stderr did not take them"
    assert len(lines) - 1 == desk.log.written
    desk.logger.warning("still here")
    assert [line["message"] for line in desk.lines()] == ["still here"]


def test_a_pipe_of_another_opening_is_polled(
    open_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    with monkeypatch.context() as patched:  # as for a pipe that another user made
        patched.setattr("edge_agent.logs.os.open", refuse)
        desk = open_desk()

    def flood() -> None:
        for number in range(80):
            desk.logger.warning("%s: %s", f"scan {number}", "x" * 5000)

    assert returns(flood)
    assert os.get_blocking(desk.fd)
    assert desk.log.lost > 0
    assert desk.drain().count("\n") == desk.log.written + 1


def test_the_flags_of_a_shared_stderr_stay_as_they_were(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(through="terminal")
    desk.logger.warning("hello")
    assert os.get_blocking(desk.fd)


def test_a_reader_that_is_gone_is_survived_and_counted(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    os.close(desk.reading)
    for _ in range(3):
        desk.logger.warning("into the void")
    assert desk.log.lost == 3


def test_a_closed_stderr_is_survived_and_counted() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    log = Log(writing, Hands().mono_ns, as_json=True)
    log.handle(logging.makeLogRecord({"msg": "to nobody"}))
    assert log.lost == 1
    log.close()


def test_closing_says_what_was_left_out_and_waits_a_bounded_time(
    open_desk: Callable[..., Desk],
) -> None:
    desk = open_desk()
    for _ in range(logs.LINES_PER_MESSAGE_MAX + 4):
        desk.logger.warning("again")
    desk.log.close()
    assert desk.lines()[-1]["left_out"] == 3
    full = open_desk()
    for number in range(20):
        full.logger.warning("%s %s", f"{number}", "x" * 5000)
    assert returns(full.log.close)


def test_threads_may_log_at_once(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(through="socket")
    together = threading.Barrier(4)

    def talk(name: str) -> None:
        together.wait(PATIENCE_S)
        for number in range(20):
            desk.logger.warning("%s", f"{name}-{number}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    said = {line["message"] for line in map(json.loads, desk.drain().splitlines())}
    assert said == {f"{name}-{number}" for name in "abcd" for number in range(20)}


START = """
import logging, os, sys, threading, time
from edge_agent import logs
logs.start(os.environ, time.monotonic_ns)
logging.getLogger("edge_agent.app").info("ready")
logging.getLogger("edge_agent.app").debug("not shown")
{more}
"""


def started(more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START.format(more=more)],
        env={"PYTHONPATH": os.fspath(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_under_systemd_every_line_is_json_and_a_crash_is_one() -> None:
    done = started("1 / 0", JOURNAL_STREAM="8:12345")
    ready, crash = (json.loads(line) for line in done.stderr.splitlines())
    assert ready["message"] == "ready"
    assert crash["level"] == "critical"
    assert crash["trace"].endswith("ZeroDivisionError: division by zero")
    assert done.returncode == 1


def test_a_thread_that_crashes_is_in_the_log_too() -> None:
    done = started(
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", JOURNAL_STREAM="8:1"
    )
    assert "ZeroDivisionError" in json.loads(done.stderr.splitlines()[-1])["trace"]


def test_without_systemd_it_is_for_a_person() -> None:
    done = started("")
    assert re.fullmatch(r"\S+ info     edge_agent\.app: ready\n", done.stderr)
    assert done.stdout == ""


def test_on_a_terminal_it_is_for_a_person_even_below_systemd() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", START.format(more="")],
        env={"PYTHONPATH": os.fspath(ROOT), "JOURNAL_STREAM": "8:1"},
        stderr=theirs,
    )
    assert process.wait(PATIENCE_S) == 0
    assert b"info     edge_agent.app: ready" in os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)
