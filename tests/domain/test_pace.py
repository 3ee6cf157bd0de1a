"""Cycles against takt: late once, a call suggested once, and paused while nobody runs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.pace import SMALL_STOP_NS, Changeover, Pace, PulseWatch

S = 10**9
TAKT = 60 * S


def running() -> Pace:
    pace = Pace(TAKT)
    assert pace.counted(0) == (None, "first")
    return pace


def test_a_cycle_is_classed_by_its_length() -> None:
    pace = running()
    assert pace.counted(60 * S) == (60 * S, "normal")
    assert pace.counted(132 * S) == (72 * S, "normal")
    assert pace.counted(205 * S) == (73 * S, "small_stop")
    assert pace.counted(205 * S + SMALL_STOP_NS + 1).kind == "down"
    assert pace.actual == 5


def test_a_late_cycle_is_told_once_and_a_call_is_suggested_once() -> None:
    pace = running()
    assert pace.ring(62 * S) == []
    assert pace.due_ns() == 63 * S
    assert pace.ring(63 * S) == [False]
    assert pace.ring(80 * S) == []
    assert pace.ring(90 * S) == [True]
    assert (pace.ring(999 * S), pace.due_ns()) == ([], None)
    pace.counted(1000 * S)
    assert pace.due_ns() == 1063 * S
    assert pace.ring(2000 * S) == [False, True]


def test_what_is_paused_takes_no_longer() -> None:
    pace = running()
    pace.rest(30 * S, running=False)
    assert pace.due_ns() is None
    pace.rest(40 * S, running=False)
    pace.rest(330 * S, running=True)
    assert pace.due_ns() == 363 * S
    assert pace.counted(360 * S) == (60 * S, "normal")


def test_without_a_takt_nothing_is_late_and_before_the_first_count_nothing_runs() -> None:
    pace = Pace()
    assert (pace.due_ns(), pace.elapsed_ns(99 * S)) == (None, 0)
    pace.counted(0)
    assert pace.due_ns() is None
    assert Pace(TAKT).ring(10**15) == []


def test_maintenance_is_due_once_after_so_many_cycles() -> None:
    pace = Pace(pm_limit=3)
    assert not pace.pm_due()
    pace.counted(0, 2)
    assert not pace.pm_due()
    pace.counted(1, 1)
    assert pace.pm_due()
    assert not pace.pm_due()


def test_a_stop_that_is_wanted_without_a_pulse_comes_once() -> None:
    watch = PulseWatch()
    assert watch.stop_ns(0, 20 * S) is None, "the line should not move"
    watch.heard(50 * S)
    assert watch.stop_ns(40 * S, 20 * S) == 70 * S
    assert watch.stop_ns(60 * S, 20 * S) == 80 * S
    watch.stopped_ns = 80 * S
    assert watch.stop_ns(60 * S, 20 * S) is None
    assert watch.stop_ns(90 * S, 20 * S) == 110 * S


def test_maintenance_that_was_done_is_due_again_after_so_many_cycles() -> None:
    pace = Pace(pm_limit=3)
    pace.counted(0, 5)
    assert pace.pm_due()
    assert pace.maintained() == 5
    assert (pace.since_pm, pace.pm_due()) == (0, False)
    pace.counted(1, 3)
    assert pace.pm_due()
    pace.pm_limit = 9
    assert not pace.pm_due(), "it was put off"
    pace.counted(2, 6)
    assert pace.pm_due()


def test_what_is_a_small_stop_is_the_plant_s_to_say() -> None:
    pace = Pace(TAKT, small_stop_ns=100 * S)
    pace.counted(0)
    assert pace.counted(100 * S).kind == "small_stop"
    assert pace.counted(201 * S).kind == "down"


def test_packs_are_whole_ones_of_one_product() -> None:
    pace = Pace(TAKT)
    pace.makes("P1", 10)
    pace.counted(0, 25)
    assert pace.packed == 2
    pace.makes("P2", 4)
    assert pace.packed == 2
    pace.counted(1, 7)
    pace.makes("P2", 4)
    assert pace.packed == 3
    pace.makes("P3", None)
    assert pace.packed == 3
    pace.new_shift()
    assert (pace.packed, pace.actual) == (0, 0)


def test_who_falls_behind_is_told_once_for_every_pack() -> None:
    pace = Pace(TAKT)
    pace.makes(None, 10)
    assert pace.fell_behind(0) == 0
    assert [pace.fell_behind(1), pace.fell_behind(1), pace.fell_behind(2)] == [1, 0, 2]
    pace.counted(0, 15)
    assert [pace.fell_behind(2), pace.fell_behind(3)] == [0, 2]
    pace.counted(0, 30)
    assert pace.fell_behind(3) == 0, "who is ahead is not behind"


def test_a_changeover_is_measured_from_last_good_to_first_good() -> None:
    change = Changeover()
    assert change.good(10 * S, changing=False) is None
    change.begins()
    assert change.good(90 * S, changing=False) == 80 * S
    assert change.good(95 * S, changing=False) is None, "that is a cycle"


def test_a_part_that_comes_while_it_is_changed_over_is_one_of_the_product_before() -> None:
    change = Changeover()
    change.good(10 * S, changing=False)
    change.begins()
    assert change.good(30 * S, changing=True) is None
    assert change.good(90 * S, changing=False) == 60 * S


def test_where_no_part_was_seen_before_nothing_is_measured() -> None:
    change = Changeover()
    change.begins()
    assert change.good(90 * S, changing=False) is None


def test_a_changeover_that_begins_again_goes_on() -> None:
    change = Changeover()
    change.good(10 * S, changing=False)
    change.begins()
    change.begins()
    change.moved(5 * S, 10 * S)
    change.moved(5 * S, 10 * S)
    assert change.good(90 * S, changing=False) == 75 * S, "what is not before it is not moved"


def test_a_cycle_over_a_gap_that_was_longer_than_known_is_so_much_longer() -> None:
    pace = running()
    pace.lengthen(100 * S, -1)
    assert pace.elapsed_ns(10 * S) == 10 * S, "it began in this boot"
    pace.lengthen(100 * S, 0)
    assert pace.elapsed_ns(10 * S) == 110 * S
    pace.rest(10 * S, running=False)
    pace.lengthen(7 * S, 11 * S)
    assert pace.elapsed_ns(99 * S) == 110 * S, "it rested meanwhile"
    Pace().lengthen(S, S)


def test_a_pulse_is_missed_after_a_takt_and_a_half_in_which_the_line_should_move() -> None:
    watch = PulseWatch()
    assert watch.due_ns(TAKT) is None
    watch.moves(10 * S, should=True)
    watch.moves(20 * S, should=True)
    assert watch.due_ns(TAKT) == 100 * S
    watch.heard(50 * S)
    assert watch.due_ns(TAKT) == 140 * S
    watch.told = True
    assert watch.due_ns(TAKT) is None
    watch.heard(200 * S)
    watch.moves(210 * S, should=False)
    assert watch.due_ns(TAKT) is None
    watch.moves(900 * S, should=True)
    assert watch.due_ns(TAKT) == 990 * S


steps = st.lists(
    st.tuples(st.sampled_from(["count", "rest", "run", "ring"]), st.integers(0, 200 * S)),
    max_size=30,
)


@given(steps=steps, cut=st.integers(0, 30), shift_ns=st.integers(-(10**12), 10**12))
def test_running_time_is_conserved_and_a_restart_changes_nothing(
    steps: list[tuple[str, int]], cut: int, shift_ns: int
) -> None:
    def act(pace: Pace, what: str, at_ns: int) -> object:
        if what == "count":
            return pace.counted(at_ns)
        if what == "ring":
            return pace.ring(at_ns)
        return pace.rest(at_ns, running=what == "run")

    one, other, by_ns, now_ns = Pace(TAKT), Pace(TAKT), 0, 0
    ran_ns = cycles_ns = 0
    runs = True
    begun = False
    for number, (what, wait_ns) in enumerate(steps):
        if number == cut:
            other = Pace.of(json.loads(json.dumps(other.plain())), shift_ns)
            by_ns = shift_ns
        now_ns += wait_ns
        ran_ns += wait_ns if runs and begun else 0
        said = act(one, what, now_ns)
        assert said == act(other, what, now_ns + by_ns)
        runs = {"rest": False, "run": True}.get(what, runs)
        if what == "count":
            begun = True
            cycles_ns += said[0] or 0  # type: ignore[index]
            assert cycles_ns == ran_ns
    assert one.elapsed_ns(now_ns) == ran_ns - cycles_ns >= 0
