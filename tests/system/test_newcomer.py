"""What a newcomer does to the commands: plain words, the right exit code, never a traceback."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.desk import NAME
from tests.kit.agents import COMMAND, PATIENCE_S, Agent, command

NOWHERE = "mqtt://127.0.0.1:9"
HUGE = "9" * 23


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "a", url=NOWHERE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("outbox", "CONFIG", "show", "-1"), "is no number from 1 to"),
        (("outbox", "CONFIG", "show", HUGE), "is no number from 1 to"),
        (("outbox", "CONFIG", "show", "1_0"), "is no number from 1 to"),
        (("outbox", "CONFIG"), "required: list|show|export"),
        (("outbox", "CONFIG", "fly"), "invalid choice: 'fly'"),
        (("outbox", "CONFIG", "list", "3"), "`show` takes a SEQ"),
        (("demo", "--seconds", "soon"), "'soon' is no number above 0"),
        (("demo", "--speed", "nan"), "'nan' is no number above 0"),
        (("demo", "--port", "http"), "'http' is no number from 1 to 65535"),
        (("schema", "--all"), "unrecognized arguments: --all"),
    ],
)
def test_wrong_words_are_named(agent: Agent, words: tuple[str, ...], said: str) -> None:
    ended = command(*(agent.config if word == "CONFIG" else word for word in words))
    assert ended.code == 64
    assert said in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("running", [True, False])
def test_a_number_that_no_journal_can_have_is_an_answer_and_no_death(
    agent: Agent, running: bool
) -> None:
    """Also for one who asks past the command: the socket is open to the whole user."""
    with agent:
        agent.gun.scan("K-1")
        agent.until_answered()
        if not running:
            assert agent.stop() == 0
        ended = command("outbox", agent.config, "show", "999999999999")
        assert (ended.code, "no event 999999999999" in ended.out) == (0, True)
        if running:
            for question in (f"outbox show {HUGE}", f"outbox show {1 << 63}", "outbox", "\xb2" * 9):
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.settimeout(PATIENCE_S)
                    asking.connect(os.fspath(agent.data_dir / NAME))
                    asking.sendall(question.encode() + b"\n")
                    assert asking.recv(65_536), question
            agent.gun.scan("K-2")
            agent.until_answered()


@pytest.mark.parametrize("environ", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_what_is_printed_is_utf_8_in_every_locale(agent: Agent, environ: dict[str, str]) -> None:
    environ = {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", **environ}
    with agent:
        agent.gun.scan("Grün-鍵")
        agent.until_answered()
        ended = command("outbox", agent.config, "export", environ=environ)
        assert ended.code == 0
        lines = [json.loads(line)["event"] for line in ended.out.splitlines()]
        assert lines[-1]["data"]["text"] == "Grün-鍵"
    assert command("schema", environ=environ).code == 0
    agent.config.write_text(agent.config.read_text("utf-8").replace("A2", "Ä2"), "utf-8")
    ended = command("check", agent.config, environ=environ)
    assert (ended.code, '"Ä2"' in ended.out) == (2, True)


@pytest.mark.parametrize("words", [("schema",), ("check", "CONFIG"), ("status", "CONFIG")])
def test_a_disk_that_takes_no_output_is_said(agent: Agent, words: tuple[str, ...]) -> None:
    whole = [agent.config if word == "CONFIG" else word for word in words]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, *whole], stdout=full, stderr=subprocess.PIPE, check=False, timeout=PATIENCE_S
        )
    assert ended.returncode == 74
    assert ended.stderr == (
        b"edge-agent: the output cannot be written: No space left on device; make room\n"
    )


@pytest.mark.parametrize("words", [("schema",), ("schema", "--config"), ("--help",)])
def test_a_reader_who_has_enough_is_no_error(words: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ended:
        assert ended.stdout is not None
        assert ended.stderr is not None
        ended.stdout.read(1)
        ended.stdout.close()
        assert ended.stderr.read() == b""
        assert ended.wait(PATIENCE_S) == 0


@pytest.fixture
def _heeds_ctrl_c() -> Iterator[None]:
    """Have Ctrl-C heeded: a shell's background ignores it, and so does all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeds_ctrl_c")
@pytest.mark.parametrize("words", [("status",), ("outbox", "export")])
def test_ctrl_c_ends_a_command_that_waits_without_a_word(
    agent: Agent, words: tuple[str, ...]
) -> None:
    """The agent it asks says nothing; it ends by the signal, as a shell expects."""
    agent.data_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(os.fspath(agent.data_dir / NAME))
        mute.listen(1)
        name, *more = words
        with subprocess.Popen(
            [*COMMAND, name, agent.config, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as asking:
            connection, _ = mute.accept()
            with connection:
                assert connection.recv(100)
                asking.send_signal(signal.SIGINT)
                said, trace = asking.communicate(timeout=PATIENCE_S)
    assert (said, trace) == (b"", b"")
    assert asking.returncode == -signal.SIGINT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as somebody else")
def test_who_may_not_look_is_not_told_that_nothing_runs(agent: Agent) -> None:
    with agent:
        for folder in (agent.folder, *agent.folder.parents[:3]):
            folder.chmod(0o755)
        code = (
            "import os, sys; from pathlib import Path; from edge_agent import asking;"
            "from edge_agent.configuration import *; import edge_agent.settings, json;"
            "import edge_agent.inspection, edge_agent.outbox_words, unicodedata;"
            "edge_agent.settings.load(Path(sys.argv[1]), {});"  # what it imports late
            "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
            "sys.exit(asking.status(Path(sys.argv[1]), {}, as_json=True))"
        )
        ended = subprocess.run(
            [*COMMAND[:1], "-c", code, agent.config], capture_output=True, check=False
        )
    assert ended.returncode == 3, ended.stderr
    said = json.loads(ended.stdout)
    assert said["running"] is None
    assert "may not be looked into by this user" in said["why"]
    assert "sudo -u" in said["remedy"]
