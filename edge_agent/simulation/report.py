"""What a simulation prints: what happened, what held, what was measured; the seed decides all."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from edge_agent.simulation.judge import RULES, Broken
from edge_agent.simulation.seen import Event

if TYPE_CHECKING:
    from edge_agent.simulation import Simulation
    from edge_agent.simulation.factory import Factory
    from edge_agent.simulation.faults import Faults

LAST_ACTS: Final = 12
"""How many of the last acts are told when something is broken."""

_MIN_S: Final = 60.0


def report(wish: "Simulation", factory: "Factory", faults: "Faults") -> str:
    """Tell of a play in which everything held."""
    judge = factory.judge
    lines = [
        *_head(wish),
        "",
        "What happened",
        *_table(_happened(factory, faults)),
        "",
        "What held, and how often it was tried",
        *_table((RULES[rule], f"{judge.held[rule]:,}") for rule in RULES),
        "",
        "Measures",
        *_measures(factory),
    ]
    return "\n".join(lines) + "\n"


def broken(wish: "Simulation", factory: "Factory", faults: "Faults", found: Broken) -> str:
    """Tell of the first thing that must not happen."""
    acts = sorted(
        (at_ns, name) for name, times in factory.judge.touches.items() for at_ns in times
    )[-LAST_ACTS:]
    lines = [
        *_head(wish),
        "",
        f"BROKEN {factory.clock()}: {RULES[found.rule]}",
        f"  {found.what}",
        "",
        "The last that hands did",
        *(f"  {factory.clock(at_ns)}  {name}" for at_ns, name in acts),
        "",
        "What happened until then",
        *_table(_happened(factory, faults)),
        "",
        f"Again: {_command(wish)}",
    ]
    return "\n".join(lines) + "\n"


def _command(wish: "Simulation") -> str:
    wanted = ",".join(wish.faults) or "none"
    return f"edge-agent simulate --seed {wish.seed} --hours {wish.hours:g} --faults {wanted}"


def _head(wish: "Simulation") -> list[str]:
    return [
        _command(wish),
        "Two agents, four stations; SEG-A stops at its takt, SEG-B at a pulse of the PLC",
    ]


def _happened(factory: "Factory", faults: "Faults") -> Iterable[tuple[str, str]]:
    events = factory.judge.events
    yield "from", factory.clock(factory.begins_ns)
    yield "to", factory.clock()
    yield "events heard", f"{len(events):,}"
    yield "scans accepted", f"{len(factory.judge.accepted):,}"
    yield "pulls that were felt", f"{len(factory.judge.pulls):,}"
    yield "starts pressed", f"{sum(leader.starts for leader in factory.leaders):,}"
    for name, times in sorted(faults.happened.items()):
        yield f"fault: {name}", f"{times:,}"
    yield "minutes without a broker", f"{faults.away_ns / 60e9:.1f}"
    yield "minutes without power", f"{faults.dark_ns / 60e9:.1f}"


def _measures(factory: "Factory") -> list[str]:
    """Give calls by station and stops by segment, as the events have them."""
    events = factory.judge.events
    rows = ["  station  category  calls  repeats  stopped  tta mean s  ttr mean s  escalated"]
    for line in factory.lines:
        rows += [
            _row(station, category, _of(events, station, category))
            for station in line.stations
            for category in ("quality", "material")
        ]
    rows += ["", "  segment  shift  stops  stop min  unobserved min"]
    for line in factory.lines:
        ended = [e.said["data"] for e in events if e.kind == "stop.ended" and e.place == line.name]
        for shift in ("early", "late"):
            parts = [
                part["stop_s"]
                for data in ended
                for part in data["by_shift"]
                if part["shift"] == shift
            ]
            began = [data for data in ended if data["shift"] == shift]
            unseen_s = sum(data["unobserved_s"] or 0.0 for data in began)
            rows.append(
                f"  {line.name:<7}  {shift:<5}  {len(began):>5}  {sum(parts) / _MIN_S:>8.2f}"
                f"  {unseen_s / _MIN_S:>14.2f}"
            )
    return rows


def _of(events: list[Event], station: str, category: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (event.kind, event.said["data"])
        for event in events
        if event.place == station and event.said["data"].get("category") == category
    ]


def _row(station: str, category: str, told: list[tuple[str, dict[str, Any]]]) -> str:
    cleared = [data for kind, data in told if kind == "andon.cleared"]
    counts = {
        what: sum(kind == f"andon.{what}" for kind, _ in told)
        for what in ("raised", "repeated", "stopped", "escalated")
    }
    tta_s = [data["tta_s"] for data in cleared]
    ttr_s = [data["ttr_s"] for data in cleared]
    return (
        f"  {station:<7}  {category:<8}  {counts['raised']:>5}  {counts['repeated']:>7}"
        f"  {counts['stopped']:>7}  {_mean(tta_s):>10}  {_mean(ttr_s):>10}"
        f"  {counts['escalated']:>9}"
    )


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else "-"


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    found = list(rows)
    width = max((len(name) for name, _ in found), default=0)
    return [f"  {name:<{width}}  {said:>12}" for name, said in found]
