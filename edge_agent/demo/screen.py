"""The live view: what people scan, what waits where, and books that agree; drawn with rich."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.demo.broker import Link
from edge_agent.demo.floor import TAKT_S
from edge_agent.demo.leading import FLOOR_KEYS
from edge_agent.demo.line import SEGMENTS, AgentProcess, Life, Scan, Station
from edge_agent.demo.show import Show

COLUMNS_MIN: Final = 80
ROWS_MIN: Final = 24

_STATION_ROWS_MAX: Final = 14
_SHORT_MS: Final = 99.5
_PANEL_COLUMNS_FOR_MS: Final = 26
_BAR_CELLS: Final = 10
_HAPPENINGS_ROWS_MIN: Final = 4
_AGENT_COLUMNS: Final = (6, 9, 17, 10)
_AGENT_WORDS: Final = {
    Life.RUNNING: "green",
    Life.KILLED: "bold red",
    Life.DIED: "bold red",
    Life.LEFT: "yellow",
}


class Signs(NamedTuple):
    """The glyphs that carry a meaning, always beside its word."""

    dark: str
    green: str
    there: str
    repeat: str
    refused: str
    arrow: str
    bars: str


UNICODE: Final = Signs("○", "●", "✔", "↺", "✖", "→", "▁▂▃▄▅▆▇█")
ASCII: Final = Signs("o", "*", "+", "~", "x", "->", "_.:-=+*#")


class Screen:
    """The whole picture of a `Show` at one moment; rich asks it to draw itself."""

    def __init__(self, show: Show) -> None:
        self._show = show

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw within the size of the terminal, or say how large it must be."""
        size = console.size
        if size.width < COLUMNS_MIN or size.height < ROWS_MIN:
            yield from self._too_small(size.width, size.height)
            return
        signs = ASCII if options.ascii_only else UNICODE
        show = self._show
        parts = [
            Layout(self._head(), size=1),
            Layout(name="stations"),
            Layout(self._agents(signs), size=2 * len(show.line.agents) + 3),
            Layout(self._books(signs, size.width), size=6),
            Layout(Text(hint(show), style="italic", no_wrap=True, overflow="ellipsis"), size=1),
            Layout(Group(floor_keys(show), keys(show)), size=2),
        ]
        taken = sum(part.size or 0 for part in parts)
        left = size.height - taken
        station_rows = min(left, _STATION_ROWS_MAX)
        if left - station_rows >= _HAPPENINGS_ROWS_MIN:
            parts.insert(4, Layout(self._happenings(left - station_rows - 2), name="happened"))
            parts[1].size = station_rows
        wide = size.width // len(show.line.stations) >= _PANEL_COLUMNS_FOR_MS
        whole = Layout()
        whole.split_column(*parts)
        whole["stations"].split_row(
            *(
                Layout(station_panel(each, signs, station_rows - 2, wide=wide))
                for each in show.line.stations
            )
        )
        yield whole

    def _too_small(self, width: int, height: int) -> Iterable[RenderableType]:
        yield Text(
            f"This window has {width} columns and {height} rows; the line needs {COLUMNS_MIN} and "
            f"{ROWS_MIN}. Make it larger, or press q. The people go on scanning meanwhile."
        )

    def _head(self) -> RenderableType:
        show = self._show
        head = Table.grid(expand=True)
        head.add_column(no_wrap=True, overflow="ellipsis")
        head.add_column(justify="right", no_wrap=True)
        head.add_row(
            Text.assemble((" edge-agent demo ", "bold reverse"), f" {show.broker.address}/#  "),
            Text(f"{show.broker.engine}  {minutes(show.age_s())} "),
        )
        return head

    def _agents(self, signs: Signs) -> RenderableType:
        show = self._show
        rows = Table.grid(padding=(0, 2), expand=True)
        for width in _AGENT_COLUMNS:
            rows.add_column(width=width, no_wrap=True)
        rows.add_column(justify="right", no_wrap=True)
        for agent in show.line.agents:
            rows.add_row(*agent_row(agent, show))
        for agent in show.line.agents:
            rows.add_row(*segment_row(agent, show, signs))
        link = show.broker.link
        style = "green" if link is Link.UP else "bold red"
        since = "" if link is Link.UP else f"for {show.link_age_s():.0f} s"
        rows.add_row(
            Text("broker", "bold"),
            show.broker.engine.partition(" ")[0],
            Text(link, style),
            Text(since, style),
            f"replays asked {show.arrivals.replays:>5,}",
        )
        return Panel(rows, title="agents and broker", title_align="left", box=box.ROUNDED)

    def _books(self, signs: Signs, width: int) -> RenderableType:
        show, ledger = self._show, self._show.ledger
        style = "bold yellow" if ledger.waiting else "bold green"
        counts = Text("  ").join(
            (
                Text.assemble("made ", (f"{ledger.made:,}", "bold")),
                Text(signs.arrow),
                Text.assemble("accepted ", (f"{ledger.accepted:,}", "bold green")),
                Text(signs.arrow),
                Text.assemble("arrived ", (f"{ledger.arrived:,}", "bold green")),
                Text.assemble("  waiting ", (f"{ledger.waiting:,}", style)),
            )
        )
        rest = Text.assemble(
            ("no light ", "dim"),
            (f"{ledger.no_light:,}", "yellow" if ledger.no_light else "dim"),
            ("   arrived without a light ", "dim"),
            (f"{ledger.unlit:,}", "yellow" if ledger.unlit else "dim"),
            ("   repeats ", "dim"),
            (f"{ledger.repeats:,}", "dim"),
        )
        curve = Text.assemble(
            ("waiting, last minutes ", "dim"),
            (sparkline(show.history, signs.bars, width - 28), style),
        )
        return Panel(
            Group(counts, rest, curve, verdict(show, signs)),
            title="the books",
            title_align="left",
            box=box.ROUNDED,
        )

    def _happenings(self, rows: int) -> RenderableType:
        lines = [
            Text(f"{minutes(at_s)}  {what}", no_wrap=True, overflow="ellipsis")
            for at_s, what in list(self._show.happenings)[:rows]
        ]
        return Panel(Group(*lines), title="what happened", title_align="left", box=box.ROUNDED)


def minutes(seconds: float) -> str:
    """Say a duration as M:SS."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def short(ms: float) -> str:
    """Say the time to a light in four characters."""
    return f"{ms:.0f}ms" if ms < _SHORT_MS else f"{ms / 1000:.1f}s"


def sparkline(values: Iterable[int], bars: str, width: int) -> str:
    """Draw the newest values as a line of bars, the highest as the full one."""
    shown = list(values)[-width:]
    highest = max(shown, default=0)
    if not highest:
        return bars[0] * len(shown)
    return "".join(bars[-(-value * (len(bars) - 1) // highest)] for value in shown)


def scan_row(scan: Scan, signs: Signs) -> tuple[Text, Text, Text]:
    """Say what became of one scan: sign and text, word, time to the light."""
    light = "" if scan.light_ms is None else short(scan.light_ms)
    if scan.arrived:
        sign, word, style = signs.there, "arrived", "green"
    elif scan.outcome == "accepted":
        sign, word, style = signs.green, "accepted", "bold green"
    elif scan.outcome == "suppressed":
        sign, word, style = signs.repeat, "repeat", "cyan"
    elif scan.outcome == "rejected":
        sign, word, style = signs.refused, "rejected", "bold red"
    else:
        sign, word, style = signs.dark, "no light", "yellow"
    return Text(f"{sign} {scan.text}", style), Text(word, style), Text(light, "dim")


def tower_text(station: Station, signs: Signs) -> Text:
    """Say which lights of a tower are lit, and how."""
    lit = station.tower.lit()
    line = Text(no_wrap=True, overflow="crop")
    for light in ("red", "yellow", "green"):
        if light in lit:
            style = f"bold {light}" if lit[light] == "steady" else f"bold reverse {light}"
            line.append(f"{light}{_RHYTHMS.get(lit[light], '')}", style).append(" ")
    return line if lit else Text(f"{signs.dark} dark", "dim")


_RHYTHMS: Final = {"flash-2hz": "2Hz", "flash-0.5hz": "1/2Hz"}


def station_panel(station: Station, signs: Signs, rows: int, *, wide: bool) -> Panel:
    """Show the tower of a station and its last scans, newest first."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    if wide:
        table.add_column(no_wrap=True, justify="right")
    for scan in list(station.scans)[: rows - 1]:
        row = scan_row(scan, signs)
        table.add_row(*row if wide else row[:2])
    return Panel(
        Group(tower_text(station, signs), table),
        title=f"{station.id} {station.agent}",
        title_align="left",
        box=box.ROUNDED,
        padding=0,
    )


def segment_row(agent: AgentProcess, show: Show, signs: Signs) -> tuple[RenderableType, ...]:
    """Show the segment of an agent: what it does, and how far the takt is."""
    said = agent.standing.segments[0] if agent.standing and agent.standing.segments else None
    stations = " ".join(each.id for each in show.line.stations if each.agent == agent.id)
    if said is None:
        return SEGMENTS[agent.id], stations, Text("nobody knows", "dim"), "", ""
    state = str(said["state"])
    left_s = show.takt_left_s(said)
    style = _STATE_STYLES.get(state, "green")
    bar, words = "", f"stops here in {left_s:.0f} s" if state == "stop-pending" else ""
    if left_s is not None:
        done = round(_BAR_CELLS * (1 - min(max(left_s / TAKT_S, 0), 1)))
        bar = signs.bars[-1] * done + signs.bars[0] * (_BAR_CELLS - done)
    if state == "restarting":
        words = "the start is announced" if said["restart_from"] else "s starts it"
    elif state == "stopped":
        words = "a stop is requested"
    return SEGMENTS[agent.id], stations, Text(state, style), Text(bar, style), words


_STATE_STYLES: Final = {
    "stop-pending": "bold yellow",
    "stopped": "bold red",
    "restarting": "bold yellow",
    "unknown": "dim",
}


def agent_row(agent: AgentProcess, show: Show) -> tuple[RenderableType, ...]:
    """Show one agent: process, connection, journal depth."""
    standing = agent.standing
    life = agent.life.value if agent.pid is None else f"{agent.life.value} ({agent.pid})"
    if standing is None:
        connection, depth = Text("silent", "dim"), "waiting     ?"
    else:
        connected = standing.broker == "ok"
        words = "connected" if connected else "no broker"
        connection = Text(words, "green" if connected else "yellow")
        depth = f"waiting {standing.waiting:>5,}"
    stations = " ".join(each.id for each in show.line.stations if each.agent == agent.id)
    return (
        Text(agent.id, "bold"),
        stations,
        Text(life, _AGENT_WORDS[agent.life]),
        connection,
        f"kills {agent.kills}   {depth}",
    )


def verdict(show: Show, signs: Signs) -> Text:
    """Say in one line whether the books agree."""
    ledger = show.ledger
    if ledger.invented:
        return Text(f"{signs.refused} {ledger.invented} arrived that nobody made", "bold red")
    if ledger.waiting:
        return Text(
            f"{signs.green} {ledger.waiting:,} accepted and on their way: they are on disk",
            "bold yellow",
        )
    return Text(f"{signs.there} every scan that got its light has arrived, once", "bold green")


def hint(show: Show) -> str:
    """Say what is worth trying, or what is being seen: the first that holds."""
    agents = show.line.agents
    gone = [agent.id for agent in agents if agent.life is not Life.RUNNING]
    away = [agent.id for agent in agents if agent.standing and agent.standing.broker != "ok"]
    segments = show.floor.segments()
    standing = [str(one["segment"]) for one in segments if one["stop"] is not None]
    calling = [each.id for each in show.line.stations if "yellow" in each.tower.lit()]
    hints = (
        (
            show.finishing,
            "Going home once everything accepted has arrived; q again leaves at once.",
        ),
        (not show.begun, "The agents are starting; the shift begins when they are ready."),
        (
            show.broker.link is not Link.UP,
            "No broker, and the lights stay green: each is a scan on disk. Now press c.",
        ),
        (
            gone,
            f"{''.join(gone[:1])} is gone: no light, so people scan again. Its key brings it back.",
        ),
        (
            standing,
            f"{''.join(standing[:1])} stands: l clears its call; after the warning s starts it.",
        ),
        (
            calling,
            f"{''.join(calling[:1])} calls, the line goes on: pull again, or k acks; or it stops.",
        ),
        (
            away,
            f"The broker is back; {''.join(away[:1])} knocks every few seconds and will find it.",
        ),
        (
            show.arrivals.missing,
            "The subscriber was away: it sees the gap by the numbers and asks for it again.",
        ),
        (True, "Try it: 5 pulls a cord, c kills the broker, a or b cuts an agent off, mid-stop."),
    )
    return next(f" {text}" for holds, text in hints if holds)


def floor_keys(show: Show) -> Text:
    """List the keys of cords and of the leader."""
    pairs = [(station.cord_key, "") for station in show.line.stations]
    pairs[-1] = (pairs[-1][0], "pull")
    words = {"ack": "ack", "confirm": "want the stop", "clear": "clear", "start": "start"}
    return _listed(pairs + [(key, words[what]) for key, what in FLOOR_KEYS.items()])


def keys(show: Show) -> Text:
    """List the keys with what each would do now."""
    pairs = [(station.key, "") for station in show.line.stations]
    pairs[-1] = (pairs[-1][0], "scan")
    pairs.append(("c", "cut broker" if show.broker.link is Link.UP else "mend broker"))
    pairs += [
        (agent.key, f"kill {agent.id}" if agent.life is Life.RUNNING else "restart")
        for agent in show.line.agents
    ]
    pairs.append(("q", "quit"))
    return _listed(pairs)


def _listed(pairs: list[tuple[str, str]]) -> Text:
    line = Text(" ", no_wrap=True, overflow="ellipsis")
    for key, word in pairs:
        line.append(f" {key} ", "reverse").append(f" {word} " if word else " ")
    return line
