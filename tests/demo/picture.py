"""Draw docs/demo.svg from a real run: the broker was cut, an agent killed, and the books agree.

python -m tests.demo.picture
"""

import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from edge_agent.clock import SystemClock
from edge_agent.demo.broker import find_mosquitto
from edge_agent.demo.screen import Screen
from edge_agent.demo.show import Show, Wish
from edge_agent.reactor import Reactor

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "demo.svg"
PATIENCE_S = 120
TICK_NS = 20_000_000
NS = 1_000_000_000


def main() -> None:
    clock = SystemClock()
    reactor = Reactor(clock)
    reactor.timer(lambda now_ns: now_ns + TICK_NS, 0)
    with tempfile.TemporaryDirectory() as folder:
        show = Show(reactor, clock, Path(folder), Wish(speed=5), print, mosquitto=find_mosquitto())

        def until(seen: Callable[[], bool]) -> None:
            end_ns = clock.mono_ns() + PATIENCE_S * NS
            while not seen():
                assert clock.mono_ns() < end_ns
                reactor.turn()

        agent = show.line.agents[1]
        show.open()
        try:
            show.start()
            until(lambda: show.ledger.arrived > 20)
            show.press("c")
            until(lambda: show.ledger.waiting > 25)
            show.press(agent.key)
            until(lambda: show.ledger.no_light > 1)
            show.press(agent.key)
            until(lambda: show.ledger.waiting > 60)
            show.press("c")
            until(lambda: show.ledger.waiting == 0)
            later_ns = clock.mono_ns() + 6 * NS
            until(lambda: clock.mono_ns() > later_ns and show.ledger.agrees)
            draw(show)
        finally:
            show.stop()
            reactor.close()


def draw(show: Show) -> None:
    console = Console(
        file=io.StringIO(),
        record=True,
        width=100,
        height=35,
        force_terminal=True,
        legacy_windows=False,
    )
    console.print(Screen(show))
    # the fonts are those of whoever looks: a picture asks no other site for anything
    frame = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="make run", code_format=frame, unique_id="demo")
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
