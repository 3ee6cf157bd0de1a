"""`watch` as a process: signals, a reader that leaves, a full disk, a poor terminal."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO

import pytest

from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.wire.stand import Agent, Bench, broker_at

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed"),
]
DEADLINE_S = 20.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as made:
        yield made


_COMMAND = """
import sys
from pathlib import Path
from edge_agent.watch import watch
from tests.wire.stand import configuration
sys.exit(watch(configuration(int(sys.argv[1]), Path(".")), sys.argv[2] == "json", sys.stdout))
"""


class Process:
    """`watch` as a process of its own."""

    def __init__(
        self,
        port: int,
        form: str = "json",
        *,
        stdout: TextIO | None = None,
        encoding: str = "utf-8",
    ) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(port), form],
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.fspath(ROOT)},
        )

    def line_with(self, words: str) -> str:
        end = time.monotonic() + DEADLINE_S
        assert self.popen.stdout is not None
        while time.monotonic() < end:
            ready, _, _ = select.select([self.popen.stdout], [], [], DEADLINE_S)
            line = self.popen.stdout.readline() if ready else ""
            if words in line:
                return line
            assert line, f"ended without {words!r}: {self.popen.stderr}"
        raise AssertionError(f"never said {words!r}")

    def end(self) -> tuple[int, str, str]:
        out, err = self.popen.communicate(timeout=DEADLINE_S)
        return self.popen.returncode, out or "", err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_summary(
    bench: Bench, broker: Mosquitto, number: signal.Signals
) -> None:
    with Process(broker.port) as process:
        process.line_with('"ok"')
        agent = Agent(bench, broker_at(broker.port))
        agent.scan(b"K-1")
        bench.until(lambda: not agent.listener._client._out_messages, "it is published")  # type: ignore[union-attr]
        process.line_with("K-1")
        process.popen.send_signal(number)
        code, out, err = process.end()
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["summary"]["events"] == 1


def test_a_signal_ends_it_without_a_broker_too(broker: Mosquitto) -> None:
    broker.kill()
    with Process(broker.port, "text") as process:
        process.line_with("trouble")
        process.popen.send_signal(signal.SIGINT)
        code, out, err = process.end()
    assert (code, err) == (0, "")
    assert "0 events" in out


def test_when_nobody_reads_any_more_it_ends_quietly_though_nothing_happens(
    broker: Mosquitto,
) -> None:
    with Process(broker.port) as process:
        process.line_with('"ok"')
        assert process.popen.stdout is not None
        process.popen.stdout.close()
        assert process.popen.wait(DEADLINE_S) == 0
        assert process.popen.stderr is not None
        assert process.popen.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_in_one_line(broker: Mosquitto) -> None:
    with Path("/dev/full").open("w") as full, Process(broker.port, stdout=full) as process:
        code, _, err = process.end()
    assert code == 1
    assert err == "watch: the output cannot be written: No space left on device\n"


def test_a_terminal_that_knows_no_umlauts_gets_numbers(bench: Bench, broker: Mosquitto) -> None:
    with Process(broker.port, "text", encoding="ascii") as process:
        process.line_with("listening")
        Agent(bench, broker_at(broker.port)).scan("Schlüssel".encode())
        bench.until(lambda: select.select([process.popen.stdout], [], [], 0)[0], "a line")
        assert r"Schl\xfcssel" in process.line_with("scan")
