"""`edge-agent demo`: put the play on, and say at the end whether the books agree."""

import contextlib
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.demo.broker import NoBroker, find_mosquitto
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.line import BASE
from edge_agent.demo.show import Show, Wish
from edge_agent.reactor import Reactor


def play(wish: Wish) -> int:
    """Put the demo on until the visitor has had enough; the exit code of the command.

    0 when what was accepted and what arrived agree, 1 when not or when there is no broker.
    """
    clock = SystemClock()
    reactor = Reactor(clock)
    try:
        with tempfile.TemporaryDirectory(prefix="edge-agent-demo-") as folder:
            return _play(reactor, clock, Path(folder), wish)
    except NoBroker as none:
        print(f"edge-agent demo: {none}", file=sys.stderr)
        return 1
    finally:
        reactor.close()


def _play(reactor: Reactor, clock: SystemClock, folder: Path, wish: Wish) -> int:
    live = _live_view_wanted()
    show = Show(
        reactor, clock, folder, wish, _quiet if live else _print, mosquitto=find_mosquitto()
    )
    with _signals(reactor, show):
        try:
            show.open()
            broker = show.broker
            _print(
                f"{broker.address} ({broker.engine}); anonymous subscribers are welcome, as with"
            )
            _print(f"mosquitto_sub -p {broker.port} -t '{BASE}/#' -v")
            show.start()
            with _stage(reactor, show) if live else contextlib.nullcontext():
                while not show.done:
                    reactor.turn()
        finally:
            show.stop()
    if show.failed:
        for _, what in show.happenings:
            print(what, file=sys.stderr)
    _print(account(show.ledger))
    return 0 if not show.failed and show.ledger.agrees else 1


def account(ledger: Ledger) -> str:
    """Say the last word of the books in one line."""
    extra = {
        "without a light": ledger.no_light,
        "arrived without a light": ledger.unlit,
        "repeats": ledger.repeats,
        "rejected": ledger.rejected,
        "invented": ledger.invented,
    }
    counts = {
        "made": ledger.made,
        "accepted": ledger.accepted,
        "arrived": ledger.arrived,
        "waiting": ledger.waiting,
        **{word: count for word, count in extra.items() if count},
    }
    end = "they agree" if ledger.agrees else "THEY DISAGREE"
    return ", ".join(f"{word} {count:,}" for word, count in counts.items()) + f": {end}"


def _live_view_wanted() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if importlib.util.find_spec("rich") is None:
        _print("no live view: rich is not installed (pip install 'edge-agent[demo]')")
        return False
    from edge_agent.demo.terminal import is_for_people

    return is_for_people()


def _stage(reactor: Reactor, show: Show) -> contextlib.AbstractContextManager[object]:
    from edge_agent.demo.terminal import Stage

    return Stage(reactor, show)


@contextlib.contextmanager
def _signals(reactor: Reactor, show: Show) -> Iterator[None]:
    """Let the signals that end a program end this one in good order."""

    def finish(_number: int, _frame: object) -> None:
        reactor.post(lambda _: show.finish(), None)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, finish) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _quiet(_line: str) -> None:
    return


def _print(line: str) -> None:
    """Write one line at once; when nobody reads any more, go on in silence."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
