"""What a person asks the running agent: answered in pages; nobody waits for who is slow."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent import asking
from edge_agent.desk import (
    ASKER_NS,
    ASKERS_MAX,
    NAME,
    QUESTION_BYTES_MAX,
    Desk,
    Say,
    Unanswered,
    asked,
    reachable,
)
from edge_agent.possession import Owned, possess
from edge_agent.reactor import NEVER, Reactor
from tests.kit.agents import Agent
from tests.kit.scanners import HandClock, settle, turn_until

PAGES = 40
LINE = {"x": "y" * 1000}


class Knowing:
    """Answers a greeting in one line, `much` in many pages, and counts what it was asked."""

    def __init__(self) -> None:
        self.questions: list[list[str]] = []
        self.later: list[Callable[[], None]] = []

    def __call__(self, question: list[str], after: object, say: Say) -> None:
        self.questions.append(question)
        if question == ["much"]:
            page = after if isinstance(after, int) else 0
            say([LINE] * 100, page + 1 if page + 1 < PAGES else None)
        elif question == ["later"]:
            self.later.append(lambda: say([{"said": "late"}], None))
        else:
            say([{"asked": " ".join(question)}], None)


@pytest.fixture
def knowing() -> Knowing:
    return Knowing()


@pytest.fixture
def desk(reactor: Reactor, tmp_path: Path, knowing: Knowing) -> Iterator[Desk]:
    made = Desk(reactor, tmp_path, knowing)
    made.open()
    yield made
    made.close()


def ask(reactor: Reactor, data_dir: Path, question: str) -> list[dict[str, object]] | None:
    """Ask from a thread, as another process would, while the loop turns."""
    answers: list[list[dict[str, object]] | Unanswered | None] = []

    def put() -> None:
        try:
            answers.append(asked(data_dir, question, 20))
        except Unanswered as why:
            answers.append(why)

    thread = threading.Thread(target=put)
    thread.start()
    turn_until(reactor, lambda: answers)
    thread.join()
    if isinstance(answers[0], Unanswered):
        raise answers[0]
    return answers[0]


def knocked(data_dir: Path) -> socket.socket:
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with reachable(data_dir) as folder:
        asking.connect(f"{folder}/{NAME}")
    return asking


@pytest.mark.usefixtures("desk")
def test_a_question_is_answered_and_the_desk_hangs_up(
    reactor: Reactor, tmp_path: Path, knowing: Knowing
) -> None:
    assert ask(reactor, tmp_path, "outbox show 7") == [{"asked": "outbox show 7"}]
    assert knowing.questions == [["outbox", "show", "7"]]
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


@pytest.mark.usefixtures("desk")
def test_a_long_answer_comes_page_by_page_and_whole(reactor: Reactor, tmp_path: Path) -> None:
    assert ask(reactor, tmp_path, "much") == [LINE] * 100 * PAGES


@pytest.mark.usefixtures("desk")
def test_nobody_reads_ahead_of_a_slow_asker(
    reactor: Reactor, tmp_path: Path, knowing: Knowing
) -> None:
    slow = knocked(tmp_path)
    slow.sendall(b"much\n")
    turn_until(reactor, lambda: knowing.questions)
    for _ in range(100):
        reactor.turn(wait=False)
    assert len(knowing.questions) < PAGES / 2, "pages are read that nobody takes"
    assert ask(reactor, tmp_path, "hello") == [{"asked": "hello"}]
    slow.close()
    for _ in range(10):
        reactor.turn(wait=False)


def test_an_asker_that_hangs_up_early_is_forgotten(
    reactor: Reactor, desk: Desk, tmp_path: Path, knowing: Knowing
) -> None:
    gone = knocked(tmp_path)
    gone.sendall(b"later\n")
    turn_until(reactor, lambda: knowing.later)
    gone.close()
    turn_until(reactor, lambda: not desk._askers)
    knowing.later[0]()  # the answer comes to nobody
    assert ask(reactor, tmp_path, "hello") == [{"asked": "hello"}]


def test_so_many_askers_and_one_more_is_told_so(
    reactor: Reactor, desk: Desk, tmp_path: Path, knowing: Knowing
) -> None:
    silent = [knocked(tmp_path) for _ in range(ASKERS_MAX)]
    turn_until(reactor, lambda: len(desk._askers) == ASKERS_MAX)
    with pytest.raises(Unanswered, match=f"{ASKERS_MAX} others.*; hang up.* ask again") as caught:
        ask(reactor, tmp_path, "hello")
    assert (caught.value.lines, knowing.questions) == ([], [])
    assert len(desk._askers) == ASKERS_MAX
    silent.pop().close()
    turn_until(reactor, lambda: len(desk._askers) == ASKERS_MAX - 1)
    assert ask(reactor, tmp_path, "hello") == [{"asked": "hello"}]
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("begin", [b"", b"stat", b"much\n", b"later\n"])
def test_who_says_nothing_and_takes_nothing_is_hung_up_on_in_time(
    reactor: Reactor,
    clock: HandClock,
    desk: Desk,
    tmp_path: Path,
    begin: bytes,
) -> None:
    """Eight who are silent, in the middle of a word, or do not read must not keep others out."""
    silent = [knocked(tmp_path) for _ in range(ASKERS_MAX)]
    for connection in silent:
        connection.sendall(begin)
    turn_until(reactor, lambda: len(desk._askers) == ASKERS_MAX)
    settle(reactor)
    clock.now_ns += ASKER_NS - 1
    settle(reactor)
    assert len(desk._askers) == ASKERS_MAX, "hung up on too early"
    clock.now_ns += 1
    settle(reactor)
    assert not desk._askers
    assert reactor.next_due_ns() == NEVER, "nobody is there, and the timer rings on"
    assert ask(reactor, tmp_path, "hello") == [{"asked": "hello"}]
    for connection in silent:
        connection.close()


def test_who_takes_a_little_now_and_then_is_not_hung_up_on(
    reactor: Reactor, clock: HandClock, desk: Desk, tmp_path: Path
) -> None:
    slow = knocked(tmp_path)
    slow.sendall(b"much\n")
    slow.setblocking(False)
    answer = bytearray()
    while not answer.endswith(b"\n\n"):
        settle(reactor)
        clock.now_ns += ASKER_NS - 1
        answer += slow.recv(1 << 20)
    assert len(answer) > 100 * PAGES * 1000
    turn_until(reactor, lambda: not desk._askers)
    slow.close()


def test_a_question_without_end_is_not_answered(
    reactor: Reactor, desk: Desk, tmp_path: Path, knowing: Knowing
) -> None:
    endless = knocked(tmp_path)
    endless.sendall(b"x" * (QUESTION_BYTES_MAX + 1))
    endless.setblocking(False)
    turn_until(reactor, lambda: not desk._askers and reactor.turns > 5)
    try:
        assert endless.recv(1) == b""
    except ConnectionResetError:
        pass  # hung up on with something unread
    assert knowing.questions == []
    endless.close()


# -- askers who are not answered ---------------------------------------------------------------


def answering(data_dir: Path, answer: bytes | None) -> threading.Thread:
    """Stand at the desk, for one question: say `answer` and hang up, or None: never."""
    listening = socket.socket(socket.AF_UNIX)
    with reachable(data_dir) as folder:
        listening.bind(f"{folder}/{NAME}")
    listening.listen(1)

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(QUESTION_BYTES_MAX)
            if answer is None:
                connection.recv(1)
            else:
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize("end", [b'{"seq": 3, "to', b"", b'{"seq": 3}'])
def test_an_answer_that_was_cut_short_is_known_by_it(tmp_path: Path, end: bytes) -> None:
    thread = answering(tmp_path, b'{"seq": 1}\n{"seq": 2}\n' + end)
    with pytest.raises(Unanswered, match="cut short") as caught:
        asked(tmp_path, "outbox export", 20)
    thread.join()
    assert caught.value.lines == [{"seq": 1}, {"seq": 2}]


def test_nothing_is_an_answer_and_a_hang_up_is_none(tmp_path: Path) -> None:
    thread = answering(tmp_path, b"\n")
    assert asked(tmp_path, "outbox list", 20) == []
    thread.join()
    (tmp_path / NAME).unlink()
    thread = answering(tmp_path, b"")
    with pytest.raises(Unanswered, match="hung up") as caught:
        asked(tmp_path, "outbox list", 20)
    thread.join()
    assert caught.value.lines == []


def test_a_silent_agent_is_not_taken_for_one_that_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = Agent(tmp_path / "a", url="mqtt://127.0.0.1:9")
    agent.data_dir.mkdir()
    monkeypatch.setattr(asking, "ASK_TIMEOUT_S", 0.05)
    thread = answering(agent.data_dir, None)
    assert asking.outbox(agent.config, {}, "export") == asking.OK
    thread.join()
    (line,) = capsys.readouterr().out.splitlines()
    assert "said nothing for 0.05 s" in json.loads(line)["error"]
    (agent.data_dir / NAME).unlink()
    thread = answering(agent.data_dir, None)
    assert asking.status(agent.config, {}, as_json=False) == asking.OK
    thread.join()
    said = capsys.readouterr().out
    assert "pi-a2: running\n  agent: trouble: the agent runs and has said nothing" in said


def test_what_came_of_an_answer_is_printed_and_that_it_was_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = Agent(tmp_path / "a", url="mqtt://127.0.0.1:9")
    agent.data_dir.mkdir()
    thread = answering(agent.data_dir, b'{"seq": 1}\n{"se')
    assert asking.outbox(agent.config, {}, "export") == asking.OK
    thread.join()
    said = capsys.readouterr()
    assert said.out == '{"seq": 1}\n'
    assert "cut short" in said.err


def test_a_deep_data_dir_can_be_asked_and_a_left_over_socket_is_no_obstacle(
    reactor: Reactor, tmp_path: Path, knowing: Knowing
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    killed = socket.socket(socket.AF_UNIX)
    with reachable(deep) as folder:
        killed.bind(f"{folder}/{NAME}")
    killed.close()
    desk = Desk(reactor, deep, knowing)
    desk.open()
    assert ask(reactor, deep, "hello") == [{"asked": "hello"}]
    desk.close()
    assert not (deep / NAME).exists()
    assert asked(deep, "hello", 1) is None


def test_a_folder_that_takes_no_socket_is_only_said(
    reactor: Reactor, tmp_path: Path, knowing: Knowing
) -> None:
    desk = Desk(reactor, tmp_path / "missing", knowing)
    desk.open()
    desk.close()


# -- whose folder ------------------------------------------------------------------------------


def test_a_folder_has_one_owner_who_is_named_and_whose_death_frees_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edge_agent.possession import possess;"
        "possess(Path(sys.argv[1])); print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"mine\n"
        with pytest.raises(Owned, match="one agent per data_dir") as caught:
            possess(tmp_path / "data")
        assert caught.value.pid in (owner.pid, 0)
        owner.kill()
    held = possess(tmp_path / "data")
    with pytest.raises(Owned):
        possess(tmp_path / "data")
    os.close(held)
    os.close(possess(tmp_path / "data"))
