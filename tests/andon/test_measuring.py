"""Measures per hour and per shift, told when they are over; a clock that is not set has none."""

from pathlib import Path

from tests.andon.test_shop_time import ON_SHIFTS, line_at
from tests.kit.floor_bench import FloorBench


def test_a_stop_over_a_shift_change_is_split_and_the_call_counts_where_it_began(
    tmp_path: Path,
) -> None:
    bench = line_at(tmp_path, "13:58:00", ON_SHIFTS)
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 330.0)
    bench.press("clear-A2", 470.0)
    bench.press("start-a", 480.0)
    bench.at(8 * 3600.0 + 130)
    early, late = [one for one in bench.told("kpi.shift") if one["station"] == "A2"]
    assert (early["shift"], early["pulls"], early["stop_s"]) == ("early", 1, 60.0)
    assert early["tta_s"]["never"] == 1, "it was still open when the shift ended"
    assert (late["shift"], late["pulls"], late["stop_s"]) == ("late", 0, 360.0)
    assert late["tta_s"]["mean"] == 300.0
    assert (late["ttr_s"]["n"], late["without_stop"]) == (1, 0)


def test_an_hour_is_told_when_it_is_over_also_after_a_restart(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00")
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.at(100.0)
    after = bench.again().start()
    after.pull("cord-A2", 200.0)
    after.pull("cord-A2", 240.0)
    after.at(605.0)
    (hour,) = [one for one in after.told("kpi.hour") if one["station"] == "A2"]
    assert (hour["pulls"], hour["ttr_s"]["mean"]) == (2, 30.0)
    assert hour["to"] == "2026-11-23T08:00:00.000Z"
    after.at(605.0 + 3600)
    assert len([one for one in after.told("kpi.hour") if one["station"] == "A2"]) == 1, (
        "nothing happened since: nothing is told"
    )


def test_a_stop_over_an_hour_and_a_restart_is_charged_once(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00")
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)  # it stands from 07:51
    bench.at(900.0)
    after = bench.again().start()
    after.press("clear-A2", 1200.0)
    after.press("start-a", 1260.0)  # and runs again at 08:11
    after.at(600.0 + 3605.0)
    hours = [one["stop_s"] for one in after.told("kpi.hour") if one["station"] == "A2"]
    assert hours == [540.0, 660.0]


def test_a_clock_that_nobody_has_set_measures_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.clock.is_set = False
    bench.start()
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.at(7300.0)
    assert bench.told("kpi.") == []
