"""Calls as a team leader knows them; each test is a minute on a line."""

from edge_agent.domain.call import (
    OPEN,
    REFUSED,
    TABLE,
    UNASSIGNED,
    Call,
    Category,
    Post,
    State,
    Trigger,
)

S = 1_000_000_000
LEVELS = ((2, 60 * S), (3, 300 * S))
QUALITY = Category("quality", stops=True, levels=LEVELS)
BY_LEADER = Category("quality", stops=True, cancel_by_pull=False)
MATERIAL = Category("material")


def raised(category: Category = QUALITY, at_s: float = 0) -> tuple[Post, Call]:
    post = Post(category)
    says, call, _ = post.pull("c-1", int(at_s * S))
    assert says == "andon.raised"
    assert call is not None
    return post, call


def test_every_state_has_a_row_for_every_trigger() -> None:
    assert set(TABLE) == set(State)
    for rows in TABLE.values():
        assert set(rows) == set(Trigger)


def test_what_is_refused_changes_nothing() -> None:
    for state, rows in TABLE.items():
        for row in rows.values():
            assert row.says != REFUSED or row.to is state


def test_nothing_closes_a_call_but_a_reason_or_its_grace() -> None:
    ways = {
        (state, trigger)
        for state, rows in TABLE.items()
        for trigger, row in rows.items()
        if row.to is State.CLOSED and state is not State.CLOSED
    }
    assert ways == {(State.CLEARED, Trigger.REASON), (State.CLEARED, Trigger.GRACE)}


def test_a_second_pull_in_time_cancels_and_says_that_nobody_acknowledged() -> None:
    post, call = raised()
    assert post.pull("c-2", 25 * S).says == "andon.cleared"
    assert post.state is State.IDLE
    assert call.cleared_ns == 25 * S
    assert call.acked_ns == 25 * S
    assert call.ack_implied
    assert call.stopped_ns is None


def test_a_nervous_double_pull_is_one_call_and_a_third_one_cancels_it() -> None:
    post, call = raised()
    assert post.pull("c-2", int(0.18 * S)).says == "andon.repeated"
    assert post.state is State.CALLED
    assert call.repeats == 1
    assert post.pull("c-3", 3 * S).says == "andon.cleared"


def test_where_the_leader_cancels_a_pull_only_repeats() -> None:
    post, call = raised(BY_LEADER)
    assert post.pull("c-2", 25 * S).says == "andon.repeated"
    assert post.take(Trigger.CLEAR, 30 * S).says == "andon.cleared"
    assert call.repeats == 1


def test_nobody_comes_and_the_fixed_position_makes_it_a_stop() -> None:
    post, call = raised()
    assert post.take(Trigger.FIXED, 40 * S).says == "andon.stopped"
    assert post.state is State.STOPPED
    assert post.take(Trigger.ACK, 70 * S, actor="E:1007").says == "andon.acked"
    assert post.state is State.STOPPED_ACKED
    assert post.take(Trigger.CLEAR, 235 * S).says == "andon.cleared"
    assert (call.stopped_ns, call.acked_ns, call.cleared_ns) == (40 * S, 70 * S, 235 * S)
    assert not call.ack_implied


def test_after_a_stop_a_pull_clears_only_where_it_is_said() -> None:
    post, _ = raised()
    post.take(Trigger.FIXED, 40 * S)
    assert post.pull("c-2", 50 * S).says == "andon.repeated"
    free, _ = raised(Category("quality", stops=True, clear_by_pull=True))
    free.take(Trigger.FIXED, 40 * S)
    assert free.pull("c-2", 50 * S).says == "andon.cleared"


def test_a_call_that_does_not_stop_goes_through_the_fixed_position() -> None:
    post, call = raised(MATERIAL)
    assert post.take(Trigger.FIXED, 40 * S).says == ""
    assert post.state is State.CALLED
    assert call.stopped_ns is None
    assert not post.holds()


def test_the_leader_who_confirms_has_acknowledged_and_the_line_still_goes_on() -> None:
    post, call = raised()
    assert post.take(Trigger.ACK, 15 * S).says == "andon.acked"
    assert post.take(Trigger.CONFIRM, 20 * S).says == ""
    assert call.confirmed
    assert post.state is State.ACKED
    assert post.take(Trigger.FIXED, 55 * S).says == "andon.stopped"
    assert post.state is State.STOPPED_ACKED
    assert call.acked_ns == 15 * S


def test_taken_from_afar_is_no_presence() -> None:
    post, call = raised()
    assert post.take(Trigger.TAKE, 10 * S, actor="L. Weber").says == "andon.taken"
    assert post.state is State.CALLED
    assert call.taken_by == "L. Weber"
    assert call.acked_ns is None


def test_levels_are_reached_once_each_and_the_call_can_still_be_answered() -> None:
    post, call = raised()
    assert post.due_ns() == 30 * S, "when it should have been acknowledged"
    assert post.ring(30 * S) == []
    assert call.overdue
    assert post.due_ns() == 60 * S
    assert post.ring(59 * S) == []
    assert [said.says for said in post.ring(60 * S)] == ["andon.escalated"]
    assert post.ring(61 * S) == []
    assert call.level == 2
    assert post.take(Trigger.ACK, 70 * S).says == "andon.acked"
    assert post.take(Trigger.CLEAR, 235 * S).says == "andon.cleared"
    assert post.ring(300 * S) == [], "what is cleared asks for nobody"


def test_a_ladder_that_rests_goes_on_where_it_waited() -> None:
    post = Post(Category("help", levels=LEVELS, rests=True))
    post.pull("c-1", 0)
    post.rest(50 * S)
    post.rest(70 * S)
    assert post.ring(500 * S) == []
    assert post.due_ns() is None
    post.work(600 * S)
    assert post.due_ns() == 610 * S
    assert [said.level for said in post.ring(610 * S)] == [2]
    stubborn = Post(Category("maintenance", levels=LEVELS))
    stubborn.pull("c-2", 0)
    stubborn.rest(50 * S)
    assert [said.level for said in stubborn.ring(60 * S)] == [2]


def test_a_ladder_that_rests_counts_only_from_the_pull() -> None:
    post = Post(Category("help", levels=LEVELS, rests=True))
    post.rest(0)
    post.pull("c-1", 100 * S)
    post.work(150 * S)
    assert post.open is not None
    assert post.open.rested_ns == 50 * S


def test_levels_that_passed_unseen_are_all_said() -> None:
    post, call = raised()
    assert [said.level for said in post.ring(1_000 * S)] == [2, 3]
    assert call.level == 3


def test_a_pull_while_an_earlier_call_waits_for_its_reason_is_a_new_call() -> None:
    post, first = raised()
    post.take(Trigger.CLEAR, 20 * S)
    assert first.state is State.CLEARED
    says, second, _ = post.pull("c-2", 30 * S)
    assert (says, post.closing) == ("andon.raised", [first])
    assert second is not None
    assert second.id == "c-2"
    assert post.close("c-1", "wrong-part").says == "andon.closed"
    assert first.reason == "wrong-part"
    assert post.open is second


def test_a_reason_that_nobody_says_is_unassigned_after_its_grace() -> None:
    post, call = raised()
    post.take(Trigger.CLEAR, 20 * S)
    assert post.due_ns() == 320 * S
    assert post.ring(319 * S) == []
    assert [said.says for said in post.ring(320 * S)] == ["andon.closed"]
    assert call.reason == UNASSIGNED
    assert post.close("c-1", "late").says == REFUSED


def test_a_faulty_input_cannot_be_cancelled_by_pulling_and_gives_the_call_back() -> None:
    post, call = raised()
    assert post.take(Trigger.FAULT, 10 * S).says == "andon.fault"
    assert post.state is State.FAULT
    assert post.pull("c-2", 20 * S).says == "andon.repeated"
    assert post.take(Trigger.CLEAR, 25 * S).says == REFUSED
    assert post.holds()
    post.take(Trigger.FIXED, 40 * S)
    assert call.stopped_ns == 40 * S
    assert post.take(Trigger.HEAL, 50 * S).says == "andon.fault_cleared"
    assert post.open is call


def test_a_fault_without_a_call_holds_a_station_that_stops() -> None:
    post = Post(QUALITY)
    post.take(Trigger.FAULT, 0)
    assert post.holds()
    post.take(Trigger.HEAL, S)
    assert not post.holds()
    assert post.state is State.IDLE


def test_open_states_are_those_of_a_call_nobody_has_cleared() -> None:
    assert {State.CALLED, State.ACKED, State.STOPPED, State.STOPPED_ACKED} == OPEN
