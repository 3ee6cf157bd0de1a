"""Rules that change while a line stands, or while no agent runs: a stop is never let go by them."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.configuration import Configuration, Station
from tests.kit.floor_bench import LINE, SEGMENT, STATIONS, FloorBench
from tests.kit.journals import spoilt


def renamed(line: Configuration = LINE) -> Configuration:
    return replace(
        line,
        segments=(replace(SEGMENT, id="SEG-B"),),
        stations=tuple(Station(one, segment="SEG-B") for one in STATIONS),
    )


def standing(tmp_path: Path) -> FloorBench:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    assert bench.stop_output.on
    return bench


def without(station: str) -> Configuration:
    return replace(LINE, stations=tuple(one for one in LINE.stations if one.id != station))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [(renamed(), "SEG-A stands"), (without("A2"), "A2 has an open call"), (without("A1"), "")],
)
def test_what_holds_a_line_that_stands_is_not_taken_away(
    tmp_path: Path, wanted: Configuration, says: str
) -> None:
    bench = standing(tmp_path)
    objection = bench.andon.objection(wanted)
    assert says in objection
    assert bool(objection) is bool(says)
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert bench.andon.objection(wanted) == ""


def test_a_segment_that_was_renamed_while_no_agent_ran_stands_as_before(tmp_path: Path) -> None:
    bench = standing(tmp_path)
    bench.configuration = renamed()
    after = bench.again()
    after.start()
    assert after.stop_output.on
    assert after.tower("A2") == "red flash-2hz"
    after.press("clear-A2", 70.0)
    after.press("start-a", 80.0)
    assert not after.stop_output.on
    assert after.told("stop.ended")[0]["segment"] == "SEG-B"


def test_a_damaged_word_of_what_was_open_leaves_the_line_to_a_hand(tmp_path: Path) -> None:
    bench = standing(tmp_path)
    after = bench.again()
    spoilt(after.data_dir, "UPDATE snapshot SET crc = crc + 1 WHERE name = 'andon'")
    after.start()
    assert after.stop_output.on, "a request that is not known to be over goes on"
    assert "green" not in after.tower("A2")
    (alarm,) = after.told("alarm.raised")
    assert alarm["alarm"] == "line"
    assert "press start" in alarm["remedy"]
    after.at(70.0)
    after.press("start-a", 71.0)
    assert not after.stop_output.on
    assert after.tower("A2") == "green steady"
    assert [one["alarm"] for one in after.told("alarm.cleared")] == ["line"]
    again = after.at(80.0).again().start()
    assert not again.stop_output.on, "it is known again"


def test_a_segment_of_lamps_only_goes_on_when_its_warning_is_over(tmp_path: Path) -> None:
    lamps = replace(LINE, segments=(replace(SEGMENT, stop_output=None, start_input=None),))
    bench = FloorBench(tmp_path / "data", line=lamps)
    del bench.wires["start-a"]
    bench.start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    assert bench.tower("A2") == "red flash-2hz"
    bench.press("clear-A2", 70.0)
    assert bench.horns["A2"].tune == "restart"
    bench.at(76.0)
    assert bench.tower("A2") == "green steady", "nothing was stopped, and nothing could start it"
    assert bench.told("stop.ended")[0]["duration_s"] == 15.0


def test_a_pulse_that_two_segments_name_is_the_fixed_position_of_both(tmp_path: Path) -> None:
    other = replace(SEGMENT, id="SEG-B", stop_output=None, start_input=None)
    stations = tuple(
        Station(one, segment="SEG-A" if one in ("A1", "A2") else "SEG-B") for one in STATIONS
    )
    two = replace(LINE, segments=(SEGMENT, other), stations=stations)
    bench = FloorBench(tmp_path / "data", line=two).start()
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A3", 21.0)
    bench.pulse(60.0)
    assert {one["segment"] for one in bench.told("stop.started")} == {"SEG-A", "SEG-B"}
