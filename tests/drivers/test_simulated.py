"""The twin of a scanner: its FIFO, and what it was answered."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulated import ANSWERS_PER_WRITE_MAX, SimulatedScanner
from edge_agent.ports import Condition, Flaw, Outcome
from edge_agent.reactor import Reactor
from tests.kit.scanners import Desk, HandClock, settle, turn_until


class Bench:
    """A twin in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.fifo = folder / "gun.fifo"
        self.answers = folder / "gun.answers"
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.desk = Desk()
        self.scanner: SimulatedScanner | None = None

    def start(self, **keys: object) -> SimulatedScanner:
        made = SimulatedScanner.Keys(**{"fifo": self.fifo, "answers": self.answers} | keys)
        self.scanner = SimulatedScanner(
            "gun-1", "A2", made, self.reactor, self.desk.read, self.desk.tell
        )
        self.scanner.start()
        return self.scanner

    def answered(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.answers.read_text("ascii").splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    if bench.scanner is not None:
        bench.scanner.stop()
    bench.reactor.close()


def test_the_fifo_is_made_for_its_owner_alone(bench: Bench) -> None:
    bench.start()
    mode = bench.fifo.stat().st_mode
    assert stat.S_ISFIFO(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_writers_come_and_go(bench: Bench) -> None:
    bench.start()
    for number in range(3):
        bench.fifo.write_bytes(b"K-%d\n" % number)  # opens, writes, closes
        turn_until(bench.reactor, lambda number=number: len(bench.desk.reads) == number + 1)
    assert bench.desk.texts == [b"K-0", b"K-1", b"K-2"]


def test_a_line_feed_ends_a_scan_and_all_else_is_exact(bench: Bench) -> None:
    bench.start()
    bench.fifo.write_bytes(b"\n \x00\xff\r\n]d2K\x1d\n")
    turn_until(bench.reactor, lambda: len(bench.desk.reads) == 3)
    assert bench.desk.reads == [
        (b"", Flaw.EMPTY),
        (b" \x00\xff\r", Flaw.NONE),
        (b"]d2K\x1d", Flaw.NONE),
    ]


def test_a_fifo_that_is_there_is_used_with_what_waits_in_it(bench: Bench) -> None:
    os.mkfifo(bench.fifo)
    writer = os.open(bench.fifo, os.O_RDWR)
    os.write(writer, b"early\n")
    bench.start()
    turn_until(bench.reactor, lambda: bench.desk.texts == [b"early"])
    os.close(writer)


@pytest.mark.parametrize("what", ["file", "folder", "device"])
def test_anything_but_a_fifo_is_trouble_and_left_alone(bench: Bench, what: str) -> None:
    if what == "file":
        bench.fifo.write_bytes(b"precious")
    elif what == "folder":
        bench.fifo.mkdir()
    else:
        bench.fifo.symlink_to("/dev/null")
    scanner = bench.start()
    assert scanner.condition is Condition.TROUBLE
    assert scanner.why == f"{bench.fifo} is there and is no FIFO"
    assert scanner.remedy
    if what == "file":
        assert bench.fifo.read_bytes() == b"precious"
        bench.fifo.unlink()
        bench.clock.now_ns = bench.reactor.next_due_ns()
        bench.reactor.turn(wait=False)
        assert scanner.condition is Condition.OK


def test_answers_that_cannot_be_opened_are_trouble_and_leak_nothing(bench: Bench) -> None:
    bench.answers.mkdir()
    scanner = bench.start()
    assert scanner.condition is Condition.TROUBLE
    assert scanner.why == f"{bench.answers} does not open: Is a directory"
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        bench.clock.now_ns = bench.reactor.next_due_ns()
        bench.reactor.turn(wait=False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_answer_is_a_line_before_the_next_turn_ends(bench: Bench) -> None:
    bench.answers.write_text('{"text": "of yesterday"}\n')
    scanner = bench.start()
    scanner.answer(b"K-0417", Outcome.ACCEPTED, "7f3a9c000000-000000000001", None)
    scanner.answer(b'K"\\\n\x00\xc3\xa4', Outcome.SUPPRESSED, "7f-1", "repeat")
    bench.clock.now_ns += 5
    scanner.answer(b"K\xff\xc3", Outcome.REJECTED, None, "storage")
    bench.reactor.turn(wait=False)
    at_ns = bench.clock.now_ns
    assert bench.answered() == [
        {"text": "of yesterday"},
        {
            "text": "K-0417",
            "outcome": "accepted",
            "id": "7f3a9c000000-000000000001",
            "reason": None,
            "mono_ns": at_ns - 5,
        },
        {
            "text": 'K"\\\n\x00ä',
            "outcome": "suppressed",
            "id": "7f-1",
            "reason": "repeat",
            "mono_ns": at_ns - 5,
        },
        {
            "text": "K\ufffd\ufffd",
            "outcome": "rejected",
            "id": None,
            "reason": "storage",
            "mono_ns": at_ns,
            "hex": "4bffc3",
        },
    ]


def test_answers_wait_for_no_other_turn_and_are_bounded(bench: Bench) -> None:
    scanner = bench.start()
    for _ in range(ANSWERS_PER_WRITE_MAX):
        scanner.answer(b"K-0417", Outcome.ACCEPTED, "7f-1", None)
    assert len(bench.answered()) == ANSWERS_PER_WRITE_MAX  # written without a turn: no more wait
    scanner.answer(b"K-0418", Outcome.ACCEPTED, "7f-2", None)
    scanner.stop()
    assert len(bench.answered()) == ANSWERS_PER_WRITE_MAX + 1


def test_a_full_disk_costs_answers_and_no_scan(bench: Bench) -> None:
    scanner = bench.start(answers=Path("/dev/full"))
    scanner.answer(b"K-0417", Outcome.ACCEPTED, "7f-1", None)
    scanner.answer(b"K-0418", Outcome.ACCEPTED, "7f-2", None)
    settle(bench.reactor)
    assert scanner.counters()["unanswered"] == 2
    bench.fifo.write_bytes(b"K-0419\n")
    turn_until(bench.reactor, lambda: bench.desk.texts == [b"K-0419"])


def test_without_answers_nothing_is_written(bench: Bench, tmp_path: Path) -> None:
    scanner = bench.start(answers=None)
    scanner.answer(b"K-0417", Outcome.ACCEPTED, "7f-1", None)
    settle(bench.reactor)
    assert [path.name for path in tmp_path.iterdir()] == ["gun.fifo"]
    assert scanner.counters()["unanswered"] == 0


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"line_bytes_max": 0}, "line_bytes_max"),
        ({"repeat_window_s": -0.1}, "repeat_window_s"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused(keys: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: .*; "):
        SimulatedScanner.Keys(fifo=Path("gun.fifo"), **keys)
