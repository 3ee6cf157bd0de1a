"""States and commands go with the events they belong to, however commits are cut."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.notes import STATES_MAX, Notes
from edge_agent.records import Batch


def test_a_state_goes_with_its_last_event_and_the_latest_of_several() -> None:
    notes = Notes()
    notes.state("floor", 3, 5, b"a")
    notes.state("floor", 8, 8, b"b")
    notes.state("floor", 20, 21, b"c")
    batch = Batch()
    assert notes.take(batch, 10) == []
    assert batch.snapshots == [("floor", 8, b"b")]
    assert not notes.empty()
    assert notes.take(batch, 30) == []
    assert batch.snapshots == [("floor", 8, b"b"), ("floor", 21, b"c")]
    assert notes.empty()


def test_an_act_is_not_parted() -> None:
    notes = Notes()
    notes.state("floor", 3, 5, b"a")
    notes.command("c-1", 5, 9, "{}", lambda: None)
    assert [notes.end_of(last) for last in (2, 3, 4, 5, 8, 9, 12)] == [2, 9, 9, 9, 9, 9, 12]


def test_a_state_that_no_event_changed_replaces_the_one_before_and_keeps_its_events() -> None:
    notes = Notes()
    notes.state("floor", 3, 5, b"a")
    notes.state("floor", 6, 5, b"heartbeat")
    assert notes.end_of(4) == 5
    batch = Batch()
    notes.take(batch, 5)
    assert batch.snapshots == [("floor", 5, b"heartbeat")]


def test_there_is_a_bound_to_states_that_wait_and_beyond_it_they_are_one_act() -> None:
    notes = Notes()
    for number in range(STATES_MAX + 3):
        notes.state("floor", 10 * number + 1, 10 * number + 2, b"%d" % number)
    assert notes.end_of(10 * STATES_MAX + 5) == 10 * (STATES_MAX + 2) + 2
    batch = Batch()
    notes.take(batch, 10**9)
    assert batch.snapshots == [("floor", 10 * (STATES_MAX + 2) + 2, b"%d" % (STATES_MAX + 2))]


def test_who_waits_for_a_command_is_called_with_its_commit() -> None:
    notes, called = Notes(), []
    notes.command("c-1", 1, 3, "one", lambda: called.append(1))
    notes.command("c-2", 6, 5, "two", lambda: called.append(2))
    batch = Batch()
    for then in notes.take(batch, 4):
        then()
    assert (called, batch.commands) == ([1], [("c-1", 3, "one")])
    for then in notes.take(batch, 5):
        then()
    assert called == [1, 2]


ACTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=90)


@given(ACTS, st.integers(1, 9), st.randoms())
def test_whatever_is_on_the_disk_is_the_state_of_its_events(
    acts: list[tuple[int, int]], size: int, chance: Random
) -> None:
    """An act makes some events and its state; others lie between; the state is their number."""
    notes, high, written, told = Notes(), 0, 0, []
    kept: tuple[int, int] = (0, 0)  # up to which event, and how many of acts
    for own, others in acts:
        high += others
        since = high + 1 if own else 0
        for _ in range(own):
            high += 1
            told.append(high)
        notes.state("floor", since or high + 1, high, b"%d" % len(told))
        if chance.random() < 0.3 and high > written:
            last = min(written + size, high)
            last = notes.end_of(last) if last < high else high
            batch = Batch()
            notes.take(batch, last)
            written = last
            for _, upto, body in batch.snapshots:
                kept = upto, int(body)
            assert kept[1] == len([one for one in told if one <= written])
