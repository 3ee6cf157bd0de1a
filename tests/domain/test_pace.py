"""Cycles against takt: late once, a call suggested once, and paused while nobody runs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.pace import SMALL_STOP_NS, Pace, PulseWatch

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
