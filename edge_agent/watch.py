"""The `watch` command: what the broker carries, as a person wants to read it, or as JSON lines.

Rules:
1. Repeats are removed, gaps are named and asked for again: `follower` decides, this shows.
2. What was scanned reaches a terminal as text only: control characters are shown, not sent.
3. The broker's going away is said once, and so is its return. When nobody reads us any more, we
   end quietly.
"""

import os
import signal
import stat
import sys
from json import dumps, loads
from typing import Any, Final, TextIO

from edge_agent.clock import SystemClock
from edge_agent.configuration import Configuration
from edge_agent.follower import Ask, Follower
from edge_agent.ports import Clock, Condition
from edge_agent.reactor import NEVER, Reactor
from edge_agent.uplink.listener import Listener
from edge_agent.watch_words import Words
from edge_agent.wire.command import CMD_REPLAY
from edge_agent.wire.payload import rfc3339
from edge_agent.wire.topics import Topics

NONCES_MAX: Final = 1024
"""Agents whose nonce is remembered; beyond it the one heard of first is forgotten."""

ASK_VALID_NS: Final = 60_000_000_000
"""How long a request for a replay may travel, when the agent's nonce is not known."""

_DUE_NS: Final = 250_000_000


def watch(configuration: Configuration, json: bool, out: TextIO) -> int:
    """Follow the broker's topics of the whole base on `out` until SIGINT or SIGTERM; returns 0.

    The second signal ends at once, summary or not. 1 when `out` cannot be written, other than
    because nobody reads it. Main thread only.
    """
    clock = SystemClock()
    reactor = Reactor(clock)
    page = Page(out)
    seen = Watch(reactor, clock, configuration, page, json=json)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: object) -> None:
        restore()
        reactor.post(_call, reactor.stop)

    for number in before:
        signal.signal(number, end)
    try:
        page.watch_reader(reactor)
        seen.start()
        reactor.run()
        seen.stop()
        page.flush()
    except KeyboardInterrupt:  # the second signal, while `out` was waiting for its reader
        page.let_go()
    except Unwritable as lost:
        page.let_go()
        if lost.why:
            sys.stderr.write(f"watch: the output cannot be written: {lost.why}\n")
            return 1
    finally:
        restore()
        reactor.close()
    return 0


def _call(callback: Any) -> None:  # noqa: ANN401 - what was posted
    callback()


class Unwritable(Exception):
    """Lines cannot be written any more; `why` is empty when it is that nobody reads them."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(str(fault))
        self.why = "" if isinstance(fault, BrokenPipeError) else fault.strerror or str(fault)


class Page:
    """Lines on a text stream, seen at the end of each turn."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encoding = out.encoding or "utf-8"
        self.unseen = False

    def line(self, text: str) -> None:
        """Write one line; what the stream's encoding lacks is shown by its number."""
        if not text.isascii():
            text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._out.write(text + "\n")
        except OSError as fault:
            raise Unwritable(fault) from fault
        self.unseen = True

    def flush(self) -> None:
        """Let everything be seen."""
        self.unseen = False
        try:
            self._out.flush()
        except OSError as fault:
            raise Unwritable(fault) from fault

    def watch_reader(self, reactor: Reactor) -> None:
        """Stop the reactor as soon as a pipe's other end is closed, even while nothing happens."""
        fd = self._fd()
        if fd is not None and stat.S_ISFIFO(os.fstat(fd).st_mode):

            def closed(_events: int) -> None:
                reactor.unwatch(fd)
                reactor.stop()

            reactor.watch(fd, closed, 0)

    def let_go(self) -> None:
        """Write into the void from now on, so that no flush at exit complains."""
        fd = self._fd()
        if fd is not None:
            void = os.open(os.devnull, os.O_WRONLY)
            os.dup2(void, fd)
            os.close(void)

    def _fd(self) -> int | None:
        try:
            return self._out.fileno()
        except OSError:  # a stream in memory has none
            return None


class Watch:
    """Hears everything under the base, shows it, asks for what is missing."""

    def __init__(
        self,
        reactor: Reactor,
        clock: Clock,
        configuration: Configuration,
        page: Page,
        *,
        json: bool,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._topics = Topics(configuration.site.base)
        self._page = page
        self._words = None if json else Words(self._topics, clock)
        self._follower = Follower()
        self._listener = Listener(
            reactor,
            configuration.broker,
            (self._topics.everything(),),
            self.hear,
            tell=self._tell,
        )
        self._nonces: dict[str, str] = {}
        self._timer = reactor.timer(self._due)
        self._events = 0
        self._replays = 0

    @property
    def listening(self) -> bool:
        """Say whether the broker has answered the subscription."""
        return self._listener.listening

    def start(self) -> None:
        """Connect, and stay so."""
        self._listener.start()
        self._timer.due_ns = self._clock.mono_ns()

    def stop(self) -> None:
        """Leave, and say what was seen."""
        self._listener.stop()
        self._timer.due_ns = NEVER
        summary = {
            "events": self._events,
            "repeats": self._follower.repeats,
            "replays": self._replays,
            "missing": sum(gap.last - gap.first + 1 for gap in self._follower.open_gaps()),
        }
        if self._words is None:
            self._write(dumps({"summary": summary}))
        else:
            self._write(self._words.summary(**summary))

    # -- what happens --------------------------------------------------------------------------

    def hear(self, topic: str, payload: bytes) -> None:
        """Take one message of the broker."""
        said = _read(payload)
        if isinstance(said, dict):
            if not self._follower.hear(topic, said, self._clock.mono_ns()):
                return
            self._events += "sequence" in said
            self._remember_nonce(said)
        try:
            line = self._line(topic, said)
        except RecursionError:  # read just so, and too deep to be written
            line = self._line(topic, payload.decode("utf-8", "replace"))
        if line:
            self._write(line)

    def _line(self, topic: str, said: Any) -> str:  # noqa: ANN401 - whatever JSON has
        if self._words is not None:
            return self._words.message(topic, said)
        return dumps({"topic": topic} | (said if isinstance(said, dict) else {"payload": said}))

    def _remember_nonce(self, said: dict[str, Any]) -> None:
        agent, nonce = said.get("agent"), said.get("nonce")
        if isinstance(agent, str) and isinstance(nonce, str) and said.get("state") == "online":
            if agent not in self._nonces and len(self._nonces) >= NONCES_MAX:
                del self._nonces[next(iter(self._nonces))]
            self._nonces[agent] = nonce

    def _due(self, now_ns: int) -> int:
        for notice in self._follower.due(now_ns):
            if isinstance(notice, Ask):
                self._ask(notice)
            elif self._words is None:
                self._write(dumps({"gap": notice._asdict()}))
            else:
                self._write(self._words.gap(notice))
        return now_ns + _DUE_NS

    def _ask(self, ask: Ask) -> None:
        source = f"/{self._topics.base}/watch/{self._listener.client_id}"
        command = replay_command(
            ask, source, "watch", nonce=self._nonces.get(ask.agent), wall_ns=self._clock.wall_ns()
        )
        if not self._listener.publish(self._topics.replay(ask.agent), dumps(command).encode()):
            return  # the broker is away; the follower asks again
        self._replays += 1
        if self._words is None:
            self._write(dumps({"ask": ask._asdict()}))

    def _tell(self, condition: Condition, why: str, remedy: str) -> None:
        if self._words is None:
            self._write(dumps({"broker": {"condition": condition, "why": why, "remedy": remedy}}))
        elif condition is Condition.OK:
            self._write(self._words.line("broker", "ok", f"listening to {self._topics.base}"))
        else:
            self._write(self._words.line("broker", "trouble", f"{why}; {remedy}"))

    def _write(self, line: str) -> None:
        if not self._page.unseen:
            self._reactor.again(self._page.flush)
        self._page.line(line)


def replay_command(
    ask: Ask, source: str, actor: str, *, nonce: str | None, wall_ns: int
) -> dict[str, Any]:
    """Give the `cmd.replay` for a request of the follower; by the agent's nonce when it is known.

    Without a nonce it expires in `ASK_VALID_NS`, which an agent without a set clock refuses.
    """
    order: dict[str, Any] = {"actor": actor, "epoch": ask.epoch}
    if ask.topic is not None:
        order["topic"] = ask.topic
    command: dict[str, Any] = {
        "specversion": "1.0",
        "id": os.urandom(16).hex(),
        "source": source,
        "type": CMD_REPLAY,
        "data": order | {"first": ask.first, "last": ask.last},
    }
    if nonce is None:
        return command | {"expires": rfc3339(wall_ns + ASK_VALID_NS).decode()}
    return command | {"nonce": nonce}


def _read(payload: bytes) -> Any:  # noqa: ANN401 - whatever JSON has
    """Read what should be JSON; what is not is text, and nothing is None (a state given up)."""
    try:
        return loads(payload, parse_constant=str) if payload else None
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")
