"""A contact as a hand, a relay and an arc welder make it."""

from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.domain.debounce import Debounce, Settled

MS = 1_000_000
FILTER_NS = 50 * MS


def fed(contact: Debounce, *edges: tuple[int, bool]) -> list[Settled]:
    """Feed edges given in milliseconds, and let the time go on for a second after the last."""
    told = [contact.edge(level, at_ms * MS) for at_ms, level in edges]
    told.append(contact.settle((edges[-1][0] + 1_000) * MS))
    return [change for change in told if change is not None]


def test_a_clean_pull_is_told_when_it_has_stood_and_happened_when_it_began() -> None:
    contact = Debounce(FILTER_NS, level=False)
    assert contact.edge(True, 100 * MS) is None
    assert contact.due_ns == 150 * MS
    assert contact.settle(150 * MS - 1) is None
    assert contact.settle(150 * MS) == Settled(True, 100 * MS)
    assert contact.level
    assert contact.due_ns is None


def test_fourteen_edges_in_twelve_milliseconds_are_one_pull() -> None:
    contact = Debounce(FILTER_NS, level=False)
    edges = [(100 + n * 12 // 14, n % 2 == 0) for n in range(14)]
    assert fed(contact, *edges, (113, True)) == [Settled(True, 100 * MS)]
    assert contact.bounces == 14
    assert contact.glitches == 0


def test_a_spike_of_four_milliseconds_is_a_glitch_and_no_pull() -> None:
    contact = Debounce(FILTER_NS, level=False)
    assert fed(contact, (100, True), (104, False)) == []
    assert contact.glitches == 1
    assert not contact.level


def test_two_pulls_are_two_pulls() -> None:
    contact = Debounce(FILTER_NS, level=False)
    told = fed(contact, (0, True), (90, False), (180, True), (270, False))
    assert told == [
        Settled(True, 0),
        Settled(False, 90 * MS),
        Settled(True, 180 * MS),
        Settled(False, 270 * MS),
    ]


def test_a_release_whose_edge_was_lost_is_seen_by_the_next_look() -> None:
    contact = Debounce(FILTER_NS, level=False)
    assert fed(contact, (0, True)) == [Settled(True, 0)]
    assert contact.look(False, 5_000 * MS) is None
    assert contact.settle(5_050 * MS) == Settled(False, 5_000 * MS)


def test_a_pull_between_two_looks_whose_edges_were_merged_is_nothing() -> None:
    contact = Debounce(FILTER_NS, level=False)
    assert contact.edge(False, 100 * MS) is None
    assert contact.due_ns is None


edges = st.lists(st.tuples(st.integers(0, 120), st.booleans()), min_size=1, max_size=60)


@given(edges)
@example([(0, True), (49, False), (1, True), (50, False)])
def test_what_stands_at_the_end_is_what_is_believed(steps: list[tuple[int, bool]]) -> None:
    """However the edges fell: after a quiet filter time the settled level is the raw one."""
    contact = Debounce(FILTER_NS, level=False)
    at_ms, told = 0, []
    for wait_ms, level in steps:
        at_ms += wait_ms
        told.append(contact.edge(level, at_ms * MS))
    told.append(contact.settle((at_ms + 50) * MS))
    changes = [change for change in told if change is not None]
    assert contact.level is steps[-1][1]
    assert contact.due_ns is None
    levels = [change.level for change in changes]
    assert levels == [n % 2 == 0 for n in range(len(levels))], "each change is to the other level"
    moments = [change.at_ns for change in changes]
    assert moments == sorted(moments)


@given(edges)
def test_no_level_is_believed_that_did_not_stand(steps: list[tuple[int, bool]]) -> None:
    """The oracle: a level that stands for the filter time in the raw signal, and only such."""
    contact = Debounce(FILTER_NS, level=False)
    at_ms, told = 0, []
    raw, stood = False, []
    since_ms = -1_000
    for wait_ms, level in steps:
        at_ms += wait_ms
        told.append(contact.edge(level, at_ms * MS))
        if level is not raw:
            if at_ms - since_ms >= 50:
                stood.append(raw)
            raw, since_ms = level, at_ms
    told.append(contact.settle((at_ms + 1_000) * MS))
    stood.append(raw)
    expected = [
        level for before, level in zip([False, *stood], stood, strict=False) if level is not before
    ]
    assert [change.level for change in told if change is not None] == expected
