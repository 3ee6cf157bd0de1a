"""What keeps the service manager patient: a journal that waits is not killed, one that hangs is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.notify import Notify
from edge_agent.reactor import NEVER, Reactor
from edge_agent.vigil import EXTEND_EVERY_NS, EXTEND_NS, PONG_NS, Vigil
from tests.kit.scanners import HandClock
from tests.systemd.test_notify import Listener
from tests.systemd.test_units import UNITS, settings

EXTENDED = f"EXTEND_TIMEOUT_USEC={EXTEND_NS // 1000}"
FEED_NS = 10_000_000_000


class Bench:
    """A vigil, the manager's end, and a journal thread that answers when it is let."""

    def __init__(self, folder: Path, *, watchdog: bool) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.manager = Listener(str(folder / "notify"))
        environ = {"NOTIFY_SOCKET": str(folder / "notify")}
        if watchdog:
            environ["WATCHDOG_USEC"] = "30000000"
        self.notify = Notify(environ)
        self.answers = True
        self.asked: list[Callable[[None], None]] = []
        self.vigil = Vigil(self.reactor, self.notify, self._ping)

    def _ping(self, reply: Callable[[None], None]) -> None:
        self.asked.append(reply)

    def words(self, ns: int = 0) -> list[str]:
        """Let time pass in steps of a second, and give what the manager has heard."""
        end_ns = self.clock.now_ns + ns
        words: list[str] = []
        while True:
            self.reactor.turn(wait=False)
            while self.answers and self.asked:
                self.asked.pop()(None)
            words += [word for said in self.manager.heard() for word in said.splitlines()]
            if self.clock.now_ns >= end_ns:
                return words
            self.clock.now_ns += 1_000_000_000

    def close(self) -> None:
        self.notify.close()
        self.manager.socket.close()
        self.reactor.close()


@pytest.fixture(params=[False, True], ids=["no watchdog", "watchdog"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, watchdog=request.param)
    yield made
    made.close()


def test_before_ready_more_time_is_asked_for_as_long_as_the_journal_answers(bench: Bench) -> None:
    bench.vigil.begin()
    words = bench.words()
    assert words[0] == "STATUS=opening the journal"
    assert EXTENDED in words
    bench.vigil.state("journal: full: No space left on device")
    for hour in range(3):
        words = bench.words(3_600 * 1_000_000_000)
        assert words.count(EXTENDED) >= 3_600_000_000_000 // EXTEND_EVERY_NS - 1
        waited_s = (hour + 1) * 3_600
        last = [word for word in words if word.startswith("STATUS=")][-1]
        said, _, rest = last.partition("; waiting for ")
        assert said == "STATUS=journal: full: No space left on device"
        assert waited_s - 20 <= int(rest.removesuffix(" s")) <= waited_s


def test_a_journal_that_hangs_before_ready_is_not_spoken_for(bench: Bench) -> None:
    bench.vigil.begin()
    bench.words()
    bench.answers = False
    bench.words(EXTEND_EVERY_NS)
    words = bench.words(PONG_NS)
    assert EXTENDED not in words
    assert bench.words(PONG_NS) == []
    bench.answers = True  # the salvage is done
    assert EXTENDED in bench.words(2 * EXTEND_EVERY_NS)


def test_after_ready_only_the_watchdog_is_fed(bench: Bench) -> None:
    bench.vigil.begin()
    bench.words()
    bench.vigil.ready("reading; 0 events waiting")
    words = bench.words(2 * EXTEND_EVERY_NS)
    assert words[:2] == ["READY=1", "STATUS=reading; 0 events waiting"]
    assert EXTENDED not in words
    if bench.notify.feed_every_ns is None:
        assert bench.reactor.next_due_ns() == NEVER
        return
    assert words.count("WATCHDOG=1") == 2 * EXTEND_EVERY_NS // FEED_NS + 1
    bench.answers = False
    bench.words(PONG_NS + FEED_NS)
    assert bench.words(PONG_NS) == [], "a dead journal thread is fed on"


def test_with_nobody_to_tell_nobody_is_asked() -> None:
    reactor = Reactor(HandClock())
    asked: list[Callable[[None], None]] = []
    vigil = Vigil(reactor, Notify({}), asked.append)
    vigil.begin()
    reactor.turn(wait=False)
    vigil.ready("reading")
    reactor.turn(wait=False)
    assert asked == []
    assert reactor.next_due_ns() == NEVER
    reactor.close()


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_give_as_much_time_for_the_first_word(unit: str) -> None:
    assert settings(unit)["TimeoutStartSec"] == [f"{EXTEND_NS // 60_000_000_000}min"]
