"""For how long nobody watched: over power cuts, kills and clocks that were not set at a boot."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.kit.floor_bench import LINE, SEGMENT, FloorBench

H = int(3_600 * 1e9)


def opened(bench: FloorBench) -> FloorBench:
    bench.inline.start()
    bench.turn()
    return bench


def cut_at_30(tmp_path: Path) -> FloorBench:
    """Have A2 pulled at 20 s, the power lost at 30 s, and a boot at 130 s without a clock."""
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.at(30.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += 100 * 10**9
    after.clock.is_set = False
    after.clock.wall_lead_ns -= 8 * H
    return after


def clock_set_at(bench: FloorBench, second: float) -> None:
    bench.at(second)
    bench.clock.wall_lead_ns += 8 * H
    bench.clock.is_set = True
    bench.at(second + 2.0)


def cleared(bench: FloorBench, station: str, second: float) -> dict[str, Any]:
    bench.press(f"clear-{station}", second)
    return bench.told("andon.cleared")[-1]


def test_what_was_pulled_before_the_journal_opened_is_no_older_for_the_gap(tmp_path: Path) -> None:
    after = cut_at_30(tmp_path)
    after.fit()
    after.pull("cord-A1", 135.0)
    after.at(140.0)
    opened(after)
    clock_set_at(after, 150.0)
    ours = cleared(after, "A1", 160.0)
    assert ours["ttr_s"] == 25.0
    assert not ours.get("unobserved_s")
    older = cleared(after, "A2", 170.0)
    assert older["ttr_s"] == 150.0
    assert 100.0 <= older["unobserved_s"] <= 105.0


def test_who_was_pulled_after_a_boot_has_no_gap_that_nobody_knows(tmp_path: Path) -> None:
    after = cut_at_30(tmp_path).start()
    after.pull("cord-A1", 135.0)
    assert cleared(after, "A1", 140.0).get("unobserved_s", 0) == 0
    assert cleared(after, "A2", 145.0)["unobserved_s"] is None


def test_a_kill_before_the_clock_was_set_does_not_hide_the_gap(tmp_path: Path) -> None:
    again = cut_at_30(tmp_path).start().at(140.0).again()
    again.clock.now_ns += 2 * 10**9
    again.start()
    clock_set_at(again, 150.0)
    told = cleared(again, "A2", 170.0)
    assert told["ttr_s"] == 150.0
    assert 102.0 <= told["unobserved_s"] <= 112.0


def test_a_gap_that_nobody_can_know_any_more_stays_unknown(tmp_path: Path) -> None:
    again = cut_at_30(tmp_path).start().at(140.0).again(boot="0ddba11")
    again.clock.now_ns += 60 * 10**9
    again.start()
    clock_set_at(again, 210.0)
    assert cleared(again, "A2", 220.0)["unobserved_s"] is None


def about_to_start(tmp_path: Path) -> FloorBench:
    """Have a stop cleared at 100 s, the power lost in its restart warning, and a boot at 200 s.

    The monotonic clock of a boot begins anew, as a kernel's does.
    """
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 100.0)
    assert bench.state("segment/SEG-A/state")["state"] == "restarting"
    after = bench.at(102.0).again(boot="feedbeef")
    wall_ns = after.clock.wall_ns() + 98 * 10**9
    after.clock.now_ns = 20 * 10**9
    after.clock.wall_lead_ns = wall_ns - after.clock.now_ns
    after.began_ns = after.clock.now_ns - 200 * 10**9
    return after.start()


def test_a_restart_warning_begins_anew_after_a_cut(tmp_path: Path) -> None:
    after = about_to_start(tmp_path)
    assert after.horns["A2"].tune == "restart"
    after.press("start-a", 204.0)
    assert after.stop_output.on, "people are still being warned"
    after.at(206.0)
    assert after.horns["A2"].tune != "restart"
    after.press("start-a", 207.0)
    assert not after.stop_output.on
    (ended,) = after.told("stop.ended")
    assert ended["duration_s"] == 147.0


def test_a_stop_that_began_with_the_last_word_before_the_cut_is_as_long_as_it_was(
    tmp_path: Path,
) -> None:
    takt = replace(LINE, segments=(replace(SEGMENT, fixed_position="takt", fixed_device=None),))
    bench = FloorBench(tmp_path / "data", line=takt).start()
    bench.pull("cord-A2", 20.0)
    bench.at(60.0)
    assert bench.stop_output.on
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += 100 * 10**9
    after.clock.is_set = False
    after.start()
    after.clock.is_set = True
    after.at(170.0)
    after.press("clear-A2", 180.0)
    after.press("start-a", 190.0)
    (ended,) = after.told("stop.ended")
    assert ended["duration_s"] == 130.0
    assert ended["unobserved_s"] == 100.0


def test_a_bypass_ends_when_it_was_to_end_however_long_the_power_was_gone(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(10.0)
    assert not bench.ask("bypass", "A2", category="quality", for_s=600.0).refused
    bench.at(30.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += 400 * 10**9
    after.clock.is_set = False
    after.start()
    after.clock.is_set = True
    after.at(605.0)
    assert after.state("A2/state/andon")["bypass"]
    after.at(615.0)
    assert not after.state("A2/state/andon")["bypass"]


def test_what_is_found_at_a_boot_is_no_older_than_the_boot(tmp_path: Path) -> None:
    after = cut_at_30(tmp_path)
    after.wires["cord-A1"].level = False  # its wire broke while nobody was there
    after.start()
    clock_set_at(after, 150.0)
    (fault,) = after.told("andon.fault")
    after.at(160.0)
    after.press("ack-A1", 161.0)
    (acked,) = (one for one in after.told("andon.acked") if one["category"] == "maintenance")
    assert fault["category"] == "quality"
    assert acked["age_s"] == 31.0
    assert not acked.get("unobserved_s")
