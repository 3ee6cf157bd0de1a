"""The desk: a Unix socket in `data_dir` where a person's command asks the running agent.

Rules:
1. One question per connection, one line; the answer is JSON lines and an empty one, by which it
   is known to be whole; then the desk hangs up.
2. Mode 0600: who may read `data_dir` may ask.
3. Nobody waits for a slow asker: answers are written as the socket takes them, page by page.
4. Nobody is kept out by a silent one: who neither asks nor takes is hung up on, and who finds every
   place taken is told so.
"""

import json
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from edge_agent.reactor import NEVER, WRITE, Reactor

NAME: Final = "agent.sock"

QUESTION_BYTES_MAX: Final = 256
"""A longer question is not answered."""

ASKERS_MAX: Final = 8
"""Connections at a time; one more is told `busy`, and hung up on."""

ASKER_NS: Final = 20_000_000_000
"""Who has not put its question after so long, or has had nothing of its answer, is hung up on."""

OPEN_AGAIN_NS: Final = 2_000_000_000
"""How often a socket is tried that could not be made: the card may be read-only for a while."""

_log = logging.getLogger(__name__)

Say = Callable[[list[dict[str, object]], object], None]
"""Lines of an answer, and where to go on: None when this was all."""


class Answers(Protocol):
    """Who knows: called with a question and where to go on, None at first; `say`s now or later."""

    def __call__(self, question: list[str], after: object, say: Say) -> None: ...


class Desk:
    """Listens in `data_dir`; a socket that cannot be made there (a read-only card) is tried again.

    That is said once.
    """

    def __init__(self, reactor: Reactor, data_dir: Path, answers: Answers) -> None:
        self._reactor = reactor
        self._answers = answers
        self._askers: set[_Asker] = set()
        self._path = data_dir / NAME
        self._socket: socket.socket | None = None
        self._patience = reactor.timer(self._lose_patience)
        self._again = reactor.timer(self._open_again)
        self._said = False

    def open(self) -> None:
        """Begin to listen, now or as soon as it can be done."""
        self._again.due_ns = self._open_again(self._reactor.clock.mono_ns())

    def _open_again(self, now_ns: int) -> int:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with reachable(self._path.parent) as folder:
                self._path.unlink(missing_ok=True)
                before = os.umask(0o177)
                try:
                    listening.bind(f"{folder}/{NAME}")
                finally:
                    os.umask(before)
            listening.listen(ASKERS_MAX)
        except OSError as error:
            listening.close()
            if not self._said:
                self._said = True
                _log.warning("status cannot be asked: %s: %s", self._path, error.strerror)
            return now_ns + OPEN_AGAIN_NS
        self._socket = listening
        self._reactor.watch(listening.fileno(), self._knock)
        return NEVER

    def close(self) -> None:
        """Stop listening and hang up."""
        if self._socket is not None:
            self._reactor.unwatch(self._socket.fileno())
            self._socket.close()
            self._path.unlink(missing_ok=True)
        for asker in list(self._askers):
            asker.hang_up()
        self._reactor.forget(self._patience)
        self._reactor.forget(self._again)

    def _knock(self, _events: int) -> None:
        assert self._socket is not None
        try:
            connection, _ = self._socket.accept()
        except OSError:  # gone again
            return
        if len(self._askers) >= ASKERS_MAX:
            _turn_away(connection)
            return
        asker = _Asker(self._reactor, connection, self._answers, self._askers.discard)
        self._askers.add(asker)
        self._patience.due_ns = min(self._patience.due_ns, asker.moved_ns + ASKER_NS)

    def _lose_patience(self, now_ns: int) -> int:
        for asker in [one for one in self._askers if now_ns - one.moved_ns >= ASKER_NS]:
            asker.hang_up()
        return min((asker.moved_ns for asker in self._askers), default=NEVER - ASKER_NS) + ASKER_NS


def _turn_away(connection: socket.socket) -> None:
    """Say that every place is taken; an empty socket takes so few bytes at once."""
    line = {
        "busy": f"the agent is busy with {ASKERS_MAX} others who ask",
        "remedy": "hang up what asks and does not read, or ask again in a moment",
    }
    with connection:
        connection.setblocking(False)
        try:
            connection.send(json.dumps(line).encode() + b"\n\n")
        except OSError:  # gone again
            return


class _Asker:
    """One connection from its question to the end of its answer."""

    def __init__(
        self,
        reactor: Reactor,
        connection: socket.socket,
        answers: Answers,
        gone: Callable[["_Asker"], None],
    ) -> None:
        connection.setblocking(False)
        self._reactor = reactor
        self._connection = connection
        self._answers = answers
        self._gone = gone
        self._heard = bytearray()
        self._out = bytearray()
        self._question: list[str] | None = None
        self._after: object = None
        self._more = False
        self._waits = False
        self._mono_ns = reactor.clock.mono_ns
        self.moved_ns = self._mono_ns()
        reactor.watch(connection.fileno(), self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._pour()
        elif self._question is None:
            self._listen()
        else:  # the asker has hung up, or says more than there is to say
            self.hang_up()

    def _listen(self) -> None:
        try:
            part = self._connection.recv(QUESTION_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._heard += part
        if not part or len(self._heard) > QUESTION_BYTES_MAX:
            self.hang_up()
        elif b"\n" in self._heard:
            line, _, _ = bytes(self._heard).partition(b"\n")
            self._question = line.decode("utf-8", "replace").split()
            self._reactor.rewatch(self._connection.fileno(), 0)
            self._ask()

    def _ask(self) -> None:
        assert self._question is not None
        self._waits = True
        self._answers(self._question, self._after, self._say)

    def _say(self, lines: list[dict[str, object]], after: object) -> None:
        self._waits = False
        if self._connection.fileno() < 0:
            return
        self._after = after
        self._more = after is not None
        for line in lines:
            self._out += json.dumps(line, ensure_ascii=False).encode() + b"\n"
        if not self._more:
            self._out += b"\n"
        self._pour()

    def _pour(self) -> None:
        try:
            sent = self._connection.send(self._out) if self._out else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.hang_up()
            return
        if sent:
            self.moved_ns = self._mono_ns()
            del self._out[:sent]
        if self._out:
            self._reactor.rewatch(self._connection.fileno(), WRITE)
        elif not self._more:
            self.hang_up()
        elif not self._waits:
            self._reactor.rewatch(self._connection.fileno(), 0)
            self._ask()

    def hang_up(self) -> None:
        """Close, whatever was still to be said."""
        if self._connection.fileno() >= 0:
            self._reactor.unwatch(self._connection.fileno())
            self._connection.close()
        self._gone(self)


class reachable:  # noqa: N801 - used as a verb: `with reachable(folder) as path`
    """Give a folder a short name: a socket's path may be only 107 bytes long (unix(7))."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1

    def __enter__(self) -> str:
        self._fd = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}"

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class Unanswered(Exception):
    """An agent runs and has not answered, or not all: why, what to do, and the `lines` it said."""

    def __init__(self, why: str, remedy: str, lines: list[dict[str, object]]) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why
        self.remedy = remedy
        self.lines = lines


class Hidden(Exception):
    """Whether an agent runs cannot be seen by who asks: `data_dir` is not theirs."""

    def __init__(self, data_dir: Path) -> None:
        self.why = f"{data_dir} may not be looked into by this user"
        self.remedy = "ask as the agent's own user (`sudo -u edge-agent ...`), or as root"
        super().__init__(f"{self.why}; {self.remedy}")


def asked(data_dir: Path, question: str, timeout_s: float) -> list[dict[str, object]] | None:
    """Ask the agent that runs on `data_dir`, blocking; None when none runs there.

    Raises Unanswered when one runs that is busy, or silent for so long, or ends meanwhile, and
    Hidden when that cannot be seen.
    """
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asking.settimeout(timeout_s)
    answer = bytearray()
    why = "the agent hung up: it has just ended, or was not listened to"
    crowded = "the agent is busy: so many ask that the kernel lets nobody wait"
    try:
        try:
            with reachable(data_dir) as folder:
                asking.connect(f"{folder}/{NAME}")
        except (TimeoutError, BlockingIOError):  # so many knock that the kernel lets nobody wait
            raise Unanswered(crowded, "ask again", []) from None
        except PermissionError:
            raise Hidden(data_dir) from None
        except OSError:
            return None
        with suppress(BrokenPipeError):  # turned away, and told why
            asking.sendall(question.encode() + b"\n")
        while part := asking.recv(65_536):
            answer += part
    except TimeoutError:
        why = f"the agent runs and has said nothing for {timeout_s:g} s"
    except OSError:  # hung up on with something unread: what has come is judged all the same
        pass
    finally:
        asking.close()
    *whole, torn = bytes(answer).split(b"\n")
    lines = [json.loads(line) for line in whole if line]
    if lines and "busy" in lines[0]:
        raise Unanswered(lines[0]["busy"], lines[0]["remedy"], [])
    if torn or not whole or whole[-1]:
        raise Unanswered(f"the answer was cut short: {why}" if lines else why, "ask again", lines)
    return lines
