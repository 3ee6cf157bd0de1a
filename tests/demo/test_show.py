"""The whole play with real agents: cut, kill, restore, and the books agree at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.demo.broker import find_mosquitto
from edge_agent.demo.line import Life
from edge_agent.demo.show import Show, Wish
from edge_agent.reactor import Reactor

pytestmark = pytest.mark.broker

PATIENCE_S = 60.0
TICK_NS = 5_000_000

ENGINES = [pytest.param(find_mosquitto(), id="mosquitto"), pytest.param(None, id="amqtt")]


class Visitor:
    """Turns the reactor until something is seen, and fails loudly when it never is."""

    def __init__(self, folder: Path, mosquitto: str | None) -> None:
        self.said: list[str] = []
        clock = SystemClock()
        self.reactor = Reactor(clock)
        self.show = Show(
            self.reactor, clock, folder, Wish(speed=8), self.said.append, mosquitto=mosquitto
        )
        self.reactor.timer(lambda now_ns: now_ns + TICK_NS, 0)

    def wait_for(self, seen: Callable[[], bool], what: str) -> None:
        end_ns = self.reactor.clock.mono_ns() + int(PATIENCE_S * 1e9)
        while not seen():
            assert self.reactor.clock.mono_ns() < end_ns, "\n".join(
                [f"never: {what}", *self.said[-30:]]
                + [agent.last_words() for agent in self.show.line.agents]
            )
            self.reactor.turn()


@pytest.mark.parametrize("mosquitto", ENGINES)
def test_nothing_is_lost_whatever_the_visitor_does(tmp_path: Path, mosquitto: str | None) -> None:
    visitor = Visitor(tmp_path, mosquitto)
    show, ledger, wait_for = visitor.show, visitor.show.ledger, visitor.wait_for
    agent = show.line.agents[0]
    show.open()
    print(show.broker.engine)
    try:
        show.start()
        wait_for(lambda: ledger.arrived >= 10, "the first scans arrive")
        show.press("c")
        wait_for(lambda: ledger.waiting >= 10, "without a broker the scans wait")
        show.press("a")
        assert agent.life is Life.KILLED
        show.press("1")
        wait_for(lambda: ledger.no_light >= 2, "without its agent a station has no light")
        show.press("a")
        wait_for(lambda: agent.standing is not None, "the agent is back")
        assert ledger.waiting >= 10
        show.press("c")
        wait_for(lambda: ledger.waiting == 0, "everything has arrived")
        show.press("q")
        wait_for(lambda: show.done, "the people are home")
    finally:
        show.stop()
        visitor.reactor.close()
    assert ledger.agrees
    assert ledger.invented == 0
    assert ledger.accepted >= 20
    assert not ledger.waiting


def test_an_agent_that_dies_is_named_and_without_it_there_is_no_shift(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, find_mosquitto())
    show = visitor.show
    (tmp_path / "pi-b" / "agent.toml").write_text("nonsense")
    show.open()
    try:
        show.start()
        died = "pi-b died with exit code 78"
        visitor.wait_for(lambda: any(died in line for line in visitor.said), died)
        assert not show.begun
        show._end_ns = 0  # the patience for the gathering is over
        visitor.wait_for(lambda: show.done, "the demo gives up")
    finally:
        show.stop()
        visitor.reactor.close()
    assert show.failed
    assert any("pi-b never got ready: " in line and "agent.toml" in line for line in visitor.said)
