"""What is planned, stretch by stretch: with the numbers that stand on a planner's sheet."""

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.takt import ShiftPlan

S = 1_000_000_000
MIN = 60 * S


def test_a_shift_of_440_minutes_at_a_minute_a_part() -> None:
    plan = ShiftPlan("early", 0, MIN)
    assert [plan.parts(minutes * MIN) for minutes in (0, 59, 60, 440)] == [0, 59, 60, 440]
    assert plan.parts(MIN - 1) == 0, "a part that is not whole is none"


def test_each_product_has_its_own_takt_and_what_was_planned_stays() -> None:
    """P1 at 60 s for 100 minutes, P2 at 120 s for 61: 100 and 30."""
    plan = ShiftPlan("early", 0, MIN)
    plan.turn(100 * MIN, 100 * MIN, 0, 2 * MIN)
    assert plan.parts(0) == 100
    assert plan.parts(61 * MIN) == 130
    plan.turn(200 * MIN, 61 * MIN, 0, MIN)
    assert [plan.parts(0), plan.parts(29 * S), plan.parts(30 * S)] == [130, 130, 131], (
        "half a part was planned of P2, and the other half is of P1"
    )


def test_what_is_expected_leaves_out_what_nobody_could_work() -> None:
    plan = ShiftPlan("early", 0, MIN)
    assert (plan.parts(60 * MIN), plan.parts_expected(60 * MIN, 12 * MIN)) == (60, 48)
    plan.turn(60 * MIN, 60 * MIN, 12 * MIN, 2 * MIN)
    assert (plan.parts(60 * MIN), plan.parts_expected(60 * MIN, 10 * MIN)) == (90, 73)
    assert plan.down_before_ns == 12 * MIN


def test_a_pitch_is_takt_times_pack() -> None:
    """10 pieces at 90 s are 15 minutes: 32 of them in eight hours."""
    plan = ShiftPlan("early", 0, 90 * S, pack=10)
    assert plan.next_pitch_ns(0) == 15 * MIN
    assert plan.next_pitch_ns(15 * MIN) == 30 * MIN
    assert [plan.pitches_due(one * MIN) for one in (14, 15, 29, 480)] == [0, 1, 1, 32]


def test_a_pack_that_a_change_of_product_left_open_is_none() -> None:
    plan = ShiftPlan("early", 0, MIN, "P1", 10)
    plan.turn(25 * MIN, 25 * MIN, 0, 30 * S)
    plan.repack("P2", 4)
    assert [plan.pitches_due(0), plan.pitches_due(119 * S), plan.pitches_due(120 * S)] == [2, 2, 3]
    assert plan.next_pitch_ns(0) == 120 * S
    plan.turn(27 * MIN, 120 * S, 0, None)
    plan.repack(None, None)
    assert (plan.parts(99 * MIN), plan.pitches_due(99 * MIN)) == (29, 3)
    assert plan.next_pitch_ns(0) is None
    plan.repack("P3", 4)
    assert plan.next_pitch_ns(0) is None, "without a takt nothing is due"


stretches = st.lists(
    st.tuples(st.integers(1, 10**13), st.integers(10**8, 10**12), st.integers(0, 10**13)),
    max_size=8,
)


@given(stretches=stretches, cut=st.integers(0, 8))
def test_a_plan_only_grows_and_a_restart_changes_nothing(
    stretches: list[tuple[int, int, int]], cut: int
) -> None:
    plan = ShiftPlan("early", 0, MIN, "P", 7)
    for number, (takt_ns, worked_ns, down_ns) in enumerate(
        (takt_ns, worked_ns, min(down_ns, worked_ns)) for worked_ns, takt_ns, down_ns in stretches
    ):
        if number == cut:
            plan = ShiftPlan.of(json.loads(json.dumps(plan.plain())))
        parts, pitches = plan.parts(worked_ns), plan.pitches_due(worked_ns)
        assert plan.parts(0) <= parts
        assert plan.parts_expected(worked_ns, down_ns) <= parts
        due_ns = plan.next_pitch_ns(worked_ns)
        assert due_ns is not None
        assert due_ns > worked_ns
        assert (plan.pitches_due(due_ns - 1), plan.pitches_due(due_ns)) == (pitches, pitches + 1)
        plan.turn(number, worked_ns, down_ns, takt_ns)
        assert plan.parts(0) - parts in (0, 1), "a share of a part is rounded, never lost"
        assert plan.pitches_due(0) - pitches in (0, 1)
