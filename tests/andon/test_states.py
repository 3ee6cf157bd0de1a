"""What is said retained of the line is in the books, and cleared once it is not ours."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from edge_agent.announcing import Announcer
from edge_agent.changes import changes
from edge_agent.configuration import Configuration, Station
from edge_agent.ports import Condition
from tests.andon.test_shop_time import BY_TAKT
from tests.kit.floor_bench import LINE, SEGMENT, TOPICS, FloorBench


class Board:
    """The broker's side: what is retained on each topic."""

    connected = False
    condition = Condition.OK

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}

    def publish_state(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        assert retain
        if payload:
            self.retained[topic.removeprefix(f"{TOPICS.base}/")] = payload
        else:
            self.retained.pop(topic.removeprefix(f"{TOPICS.base}/"), None)

    def publish_status(self) -> None:
        return


def announced(bench: FloorBench) -> tuple[Announcer, Board]:
    board = Board()
    made = Announcer(
        bench.reactor, bench.configuration, bench.outbox, bench.line, bench.synchrony, "nonce"
    )
    made.andon, made.uplink = bench.andon, board  # type: ignore[assignment]
    made.equipment = SimpleNamespace(all=list)  # type: ignore[assignment]
    made.reloading = SimpleNamespace(why="")  # type: ignore[assignment]
    bench.andon.changed = made.publish_line
    made.begin(bench.restored.meta)
    return made, board


def reloaded(bench: FloorBench, announcer: Announcer, then: Configuration) -> None:
    """Do what the composition root does with the line of a reload."""
    change = changes(bench.configuration, then)
    bench.configuration = change.then
    bench.andon.replan(change.then)
    announcer.line_changed(change)


def test_a_takt_that_a_reload_gives_up_is_cleared(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(BY_TAKT,))).start()
    announcer, board = announced(bench)
    bench.ask("count", "A1")
    bench.ask("count", "A4")
    bench.at(46.0)
    announcer.publish_line()
    assert {"A1/state/takt", "A4/state/takt"} <= board.retained.keys()
    assert "A2/state/takt" not in board.retained, "nothing is said of one that does not count"
    whole = bench.configuration
    reloaded(bench, announcer, replace(whole, stations=LINE.stations[1:]))
    assert not [topic for topic in board.retained if topic.startswith("A1/")]
    assert "A4/state/takt" in board.retained
    reloaded(bench, announcer, whole)
    assert "A1/state/andon" in board.retained
    assert "A1/state/takt" not in board.retained, "it has not counted since it is ours again"


def test_a_segment_that_a_reload_renames_leaves_no_state_of_its_old_name(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    announcer, board = announced(bench)
    bench.at(46.0)
    assert "segment/SEG-A/state" in board.retained
    other = replace(
        LINE,
        stations=tuple(Station(one.id, segment="SEG-B") for one in LINE.stations),
        segments=(replace(SEGMENT, id="SEG-B"),),
    )
    reloaded(bench, announcer, other)
    announcer.publish_line()
    assert "segment/SEG-A/state" not in board.retained
    assert "segment/SEG-B/state" in board.retained


def test_what_comes_back_with_a_reload_is_said_at_once(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    announcer, board = announced(bench)
    bench.at(46.0)
    whole = bench.configuration
    reloaded(bench, announcer, replace(whole, stations=LINE.stations[1:]))
    assert "A1/state/andon" not in board.retained
    reloaded(bench, announcer, whole)
    assert "A1/state/andon" in board.retained
