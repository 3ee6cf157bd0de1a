"""A segment between its calls, its fixed position and the hand at its start."""

from edge_agent.domain.segment import (
    RELEASE,
    SILENCE,
    STOP,
    TABLE,
    WARN,
    Segment,
    State,
    Trigger,
)

S = 1_000_000_000


def running() -> Segment:
    segment = Segment()
    segment.take(Trigger.SEEN, 0)
    assert segment.state is State.RUNNING
    return segment


def test_every_state_has_a_row_for_every_trigger() -> None:
    assert set(TABLE) == set(State)
    for rows in TABLE.values():
        assert set(rows) == set(Trigger)


def test_only_the_fixed_position_stops_and_only_a_hand_or_the_line_starts() -> None:
    stops = {
        (state, trigger)
        for state, rows in TABLE.items()
        for trigger, row in rows.items()
        if row.asks == STOP
    }
    starts = {
        trigger for rows in TABLE.values() for trigger, row in rows.items() if row.asks == RELEASE
    }
    assert stops == {(State.PENDING, Trigger.FIXED)}
    assert starts == {Trigger.START, Trigger.MOVES}


def test_a_call_cancelled_in_time_never_asks_for_a_stop() -> None:
    segment = running()
    assert segment.hold("a2", 20 * S, 20 * S) == ""
    assert segment.state is State.PENDING
    assert segment.let_go("a2", 45 * S) == ""
    assert segment.state is State.RUNNING
    assert segment.take(Trigger.FIXED, 60 * S) == ""
    assert segment.stop is None


def test_a_call_nobody_clears_stops_at_the_fixed_position_and_a_hand_starts_again() -> None:
    segment = running()
    segment.hold("a2", 20 * S, 20 * S)
    assert segment.take(Trigger.FIXED, 60 * S) == STOP
    assert segment.let_go("a2", 255 * S) == WARN
    assert segment.take(Trigger.START, 256 * S) == "", "it is still being announced"
    assert segment.state is State.RESTARTING
    assert segment.take(Trigger.START, 260 * S) == RELEASE
    stop = segment.ended()
    assert stop is not None
    assert (stop.began_ns, stop.ended_ns, stop.calls, stop.primary) == (
        60 * S,
        260 * S,
        ["a2"],
        "a2",
    )
    assert segment.ended() is None
    assert segment.state is State.RUNNING


def test_two_calls_one_of_them_cancelled_are_a_stop_of_the_other() -> None:
    segment = running()
    segment.hold("a2", 10 * S, 10 * S)
    segment.hold("a4", 30 * S, 30 * S)
    segment.let_go("a2", 40 * S)
    assert segment.take(Trigger.FIXED, 60 * S) == STOP
    assert segment.let_go("a4", 90 * S) == WARN
    assert segment.take(Trigger.START, 95 * S) == RELEASE
    stop = segment.ended()
    assert stop is not None
    assert (stop.calls, stop.primary) == (["a4"], "a4")


def test_two_calls_at_the_boundary_are_one_stop_until_both_are_cleared() -> None:
    segment = running()
    segment.hold("a4", 30 * S, 30 * S)
    segment.hold("a2", 10 * S, 31 * S)
    segment.take(Trigger.FIXED, 60 * S)
    assert segment.let_go("a2", 70 * S) == ""
    assert segment.state is State.STOPPED
    assert segment.let_go("a4", 80 * S) == WARN
    segment.take(Trigger.START, 85 * S)
    stop = segment.ended()
    assert stop is not None
    assert stop.primary == "a2", "the one that was raised first"
    assert sorted(stop.calls) == ["a2", "a4"]
    assert stop.ended_ns == 85 * S


def test_a_call_during_the_restart_goes_on_with_the_same_stop() -> None:
    segment = running()
    segment.hold("a2", 20 * S, 20 * S)
    segment.take(Trigger.FIXED, 60 * S)
    segment.let_go("a2", 100 * S)
    assert segment.hold("a1", 102 * S, 102 * S) == SILENCE
    assert segment.state is State.STOPPED
    assert segment.let_go("a1", 110 * S) == WARN
    assert segment.take(Trigger.START, 114 * S) == "", "the warning begins anew"
    segment.take(Trigger.START, 115 * S)
    stop = segment.ended()
    assert stop is not None
    assert (stop.began_ns, stop.calls) == (60 * S, ["a2", "a1"])


def test_a_line_that_moves_is_believed_when_people_were_warned() -> None:
    segment = running()
    segment.hold("a2", 20 * S, 20 * S)
    segment.take(Trigger.FIXED, 60 * S)
    segment.let_go("a2", 100 * S)
    assert segment.take(Trigger.MOVES, 101 * S) == "", "a jog is no start"
    assert segment.state is State.RESTARTING
    assert segment.take(Trigger.MOVES, 105 * S) == RELEASE
    assert segment.state is State.RUNNING


def test_after_a_boot_nothing_is_known_until_the_inputs_were_read() -> None:
    segment = Segment()
    assert segment.take(Trigger.START, 10 * S) == ""
    assert segment.take(Trigger.FIXED, 10 * S) == ""
    assert segment.state is State.UNKNOWN
    assert segment.hold("a2", 5 * S, 11 * S) == ""
    assert segment.state is State.PENDING


def test_starved_is_not_a_stop_of_its_own() -> None:
    segment = running()
    assert segment.take(Trigger.STARVE, 10 * S) == ""
    assert segment.take(Trigger.FIXED, 60 * S) == ""
    assert segment.state is State.STARVED
    assert segment.stop is None
    segment.take(Trigger.FLOW, 70 * S)
    assert segment.state is State.RUNNING
