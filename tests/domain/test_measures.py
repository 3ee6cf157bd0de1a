"""Measures by their definitions: who is in which average, what is only counted."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.measures import CAUSES_MAX, SPREAD_MAX, Causes, Spread, Tally

S = 10**9


def test_an_implied_acknowledgement_is_told_apart() -> None:
    tally = Tally(0)
    for call in ("a", "b"):
        tally.raised(call, S, stops=True)
    tally.acked("a", 10 * S, overdue=False)
    tally.cleared("a", 10 * S, 40 * S, implied=False, in_time=False, overdue=False)
    tally.cleared("b", 20 * S, 20 * S, implied=True, in_time=True, overdue=True)
    said = tally.said()
    assert said["tta_s"] == {"mean": 15.0, "p50": 10.0, "p90": 20.0, "n": 2, "never": 0}
    assert said["tta_acked_s"]["n"] == 1
    assert said["ttr_s"]["mean"] == 30.0
    assert (said["stopping"], said["without_stop"]) == (2, 1)
    assert (said["repair_s"]["mean"], said["repair_s"]["n"], said["overdue"]) == (30.0, 1, 1)


def test_open_calls_are_in_no_average() -> None:
    tally = Tally(0)
    tally.raised("a", S, stops=False)
    said = tally.said()
    assert said["tta_s"] == {"mean": None, "p50": None, "p90": None, "n": 0, "never": 1}
    assert said["ttr_s"]["never"] == 1
    assert said["pulls"] == 1


def test_a_test_pull_is_counted_and_in_no_average() -> None:
    tally = Tally(0)
    tally.raised("a", S, stops=True)
    tally.cleared("a", 5 * S, 5 * S, implied=True, in_time=True, overdue=False)
    tally.closed("a", "TEST")
    said = tally.said()
    assert (said["pulls"], said["test_pulls"], said["tta_s"]["n"]) == (1, 1, 0)


def test_levels_are_those_reached() -> None:
    tally = Tally(0)
    for call, level in (("a", 1), ("b", 2), ("c", 3)):
        tally.raised(call, S, stops=True)
        tally.escalated(call, level)
    assert tally.said()["by_level"] == {"1": 1, "2": 1, "3": 1}
    assert tally.said()["escalated"] == 2


def test_a_call_of_an_earlier_stretch_is_in_no_share_of_this_one() -> None:
    tally = Tally(0)
    tally.escalated("old", 2)
    tally.cleared("old", 5 * S, 50 * S, implied=False, in_time=True, overdue=False)
    said = tally.said()
    assert (said["pulls"], said["without_stop"], said["escalated"]) == (0, 0, 0)
    assert said["tta_s"]["n"] == 0, "its acknowledgement was counted where it was"
    assert said["ttr_s"]["n"] == 1


def test_a_cause_that_comes_again_within_a_day_is_a_repetition() -> None:
    causes, day_ns = Causes(), 86_400 * S
    assert not causes.again("A2", "FIT", 0)
    assert not causes.again("A3", "FIT", 10)
    assert not causes.again("A2", "TOOL", 20)
    after = Causes()
    after.restore(causes.plain())
    assert after.again("A2", "FIT", day_ns - 1)
    assert not after.again("A2", "FIT", 2 * day_ns)
    for number in range(CAUSES_MAX):
        after.again("A2", f"R{number}", 2 * day_ns)
    assert not after.again("A2", "FIT", 2 * day_ns), "so many are remembered"


def test_so_many_durations_are_remembered_and_the_mean_has_all() -> None:
    spread = Spread()
    for number in range(3 * SPREAD_MAX):
        spread.take(f"c-{number}", number * S)
        spread.take(f"c-{number}", 0)
    assert len(spread.by_call) == SPREAD_MAX
    assert spread.n == 3 * SPREAD_MAX
    assert spread.said(0)["mean"] == (3 * SPREAD_MAX - 1) / 2


def test_cycles_are_counted_by_their_class_and_changeovers_by_their_first_good_part() -> None:
    tally = Tally(0)
    assert tally.empty()
    for kind, last_good_ns in (("first", None), ("normal", None), ("normal", 90 * S), ("down", S)):
        tally.counted(kind, last_good_ns, S)
    said = tally.said()
    assert said["cycles"] == {"down": 1, "first": 1, "normal": 2}
    assert (said["changeovers"], said["last_good_s"]) == (2, 91.0)
    assert not tally.empty()


@given(durations=st.lists(st.integers(0, 10**12), max_size=60))
def test_percentiles_lie_between_and_a_restart_changes_nothing(durations: list[int]) -> None:
    tally = Tally(7)
    for number, ns in enumerate(durations):
        tally.raised(f"c-{number}", S, stops=True)
        tally.cleared(f"c-{number}", ns, ns, implied=True, in_time=True, overdue=False)
    assert Tally.of(tally.plain()).said() == tally.said()
    said = tally.said()["ttr_s"]
    if durations:
        assert (
            min(durations) / S - 0.001 <= said["p50"] <= said["p90"] <= max(durations) / S + 0.001
        )
    assert tally.empty() == (not durations)
