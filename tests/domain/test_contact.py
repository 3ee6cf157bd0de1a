"""A contact from raw edges to feels: pulled once, let go once, held, broken, healed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.contact import (
    CHATTER_NS,
    DISCREPANCY_NS,
    NEVER,
    Fault,
    Feel,
    Felt,
    Times,
    Touch,
    Wiring,
)

MS = 1_000_000
S = 1_000 * MS
TIMES = Times()
NC, NO, PAIR = Wiring.NORMALLY_CLOSED, Wiring.NORMALLY_OPEN, Wiring.PAIR


def cord(wiring: Wiring = NC, times: Times = TIMES) -> Touch:
    rest = {NC: [True], NO: [False], PAIR: [True, False]}[wiring]
    return Touch(wiring, times, rest, 0)


def run(touch: Touch, until_ns: int) -> list[Felt]:
    """Let time go by as a timer does: to each moment at which something is due."""
    felt: list[Felt] = []
    while touch.due_ns <= until_ns:
        felt += touch.settle(touch.due_ns)
    return felt + touch.settle(until_ns)


def feels(felt: list[Felt]) -> list[Feel]:
    return [one.feel for one in felt]


def pulled(touch: Touch, at_ns: int, for_ns: int = 100 * MS) -> list[Felt]:
    felt = run(touch, at_ns) + touch.edge(0, False, at_ns)
    felt += run(touch, at_ns + for_ns) + touch.edge(0, True, at_ns + for_ns)
    return felt


def test_a_pull_is_on_and_off_with_the_moments_at_which_it_moved() -> None:
    touch = cord()
    felt = pulled(touch, 1 * S) + run(touch, 2 * S)
    assert felt == [
        Felt(Feel.ON, 1 * S, 1 * S + 50 * MS),
        Felt(Feel.OFF, 1 * S + 100 * MS, 1 * S + 175 * MS),
    ]


def test_fourteen_edges_in_twelve_milliseconds_are_one_pull() -> None:
    touch = cord()
    felt: list[Felt] = []
    for number in range(15):
        felt += touch.edge(0, number % 2 == 1, 1 * S + number * 12 * MS // 14)
    felt += run(touch, 1 * S + 100 * MS)
    assert [(one.feel, one.at_ns) for one in felt] == [(Feel.ON, 1 * S)]
    assert touch.bounces == 14


def test_a_spike_of_four_milliseconds_is_a_glitch() -> None:
    touch = cord()
    assert pulled(touch, 1 * S, 4 * MS) + run(touch, 2 * S) == []
    assert (touch.glitches, touch.on) == (1, False)


def test_a_release_that_is_too_short_is_the_same_pull() -> None:
    touch = cord()
    felt = pulled(touch, 1 * S, 100 * MS) + pulled(touch, 1 * S + 160 * MS, 100 * MS)
    assert feels(felt + run(touch, 3 * S)) == [Feel.ON, Feel.OFF]


def test_two_pulls_180_ms_apart_are_two() -> None:
    touch = cord()
    felt = pulled(touch, 1 * S) + pulled(touch, 1 * S + 180 * MS) + run(touch, 3 * S)
    assert feels(felt) == [Feel.ON, Feel.OFF, Feel.ON, Feel.OFF]


def test_a_level_that_is_found_is_known_and_no_feel() -> None:
    touch = Touch(NC, TIMES, [False], 0)
    assert touch.on
    assert run(touch, 5 * S) == []
    assert feels(run(touch, 11 * S)) == [Feel.FAULT], "but a cord that stays open is broken"


def test_a_cord_that_stays_open_is_a_broken_wire_and_heals_at_rest() -> None:
    touch = cord()
    touch.edge(0, False, 1 * S)
    felt = run(touch, 12 * S)
    assert feels(felt) == [Feel.ON, Feel.FAULT]
    assert (touch.fault, felt[1].settled_ns) == (Fault.WIRE_BREAK, 11 * S)
    touch.edge(0, True, 20 * S)
    assert feels(run(touch, 24 * S)) == [Feel.OFF]
    assert touch.fault is Fault.WIRE_BREAK
    assert feels(run(touch, 26 * S)) == [Feel.HEALED]
    assert touch.fault is Fault.NONE


def test_a_button_that_stays_closed_is_stuck() -> None:
    touch = cord(NO)
    touch.edge(0, True, 1 * S)
    assert feels(run(touch, 12 * S)) == [Feel.ON, Feel.FAULT]
    assert touch.fault is Fault.STUCK


def test_a_pair_tells_pulled_from_broken_and_from_short() -> None:
    pair = cord(PAIR)
    pair.edge(0, False, 1 * S)
    pair.edge(1, True, 1 * S + 3 * MS)
    assert feels(run(pair, 2 * S)) == [Feel.ON]
    for line, level, fault in ((0, False, Fault.WIRE_BREAK), (1, True, Fault.DISCREPANCY)):
        pair = cord(PAIR)
        pair.edge(line, level, 1 * S)
        felt = run(pair, 2 * S)
        assert feels(felt) == [Feel.FAULT]
        assert (pair.fault, pair.on) == (fault, False)
        assert felt[0].settled_ns == 1 * S + DISCREPANCY_NS


def test_holding_is_told_once_and_only_where_it_means_something() -> None:
    touch = cord(times=Times(hold_ns=2 * S))
    touch.edge(0, False, 1 * S)
    assert [(one.feel, one.at_ns) for one in run(touch, 8 * S)] == [
        (Feel.ON, 1 * S),
        (Feel.HELD, 3 * S),
    ]


def test_an_edge_that_comes_behind_a_look_moves_no_time_backwards() -> None:
    touch = cord()
    touch.settle(1 * S)
    touch.edge(0, False, 1 * S - 20 * MS)
    assert touch.unsettled_ns == 1 * S
    assert [(one.feel, one.at_ns) for one in run(touch, 2 * S)] == [(Feel.ON, 1 * S)]


def chatter(touch: Touch, line: int, level: bool, from_ns: int, for_ns: int) -> list[Felt]:
    """Have a line change every 20 ms, beginning with this level; it ends with the other one."""
    felt: list[Felt] = []
    for number in range(for_ns // (20 * MS)):
        at_ns = from_ns + number * 20 * MS
        felt += run(touch, at_ns) + touch.edge(line, level is (number % 2 == 0), at_ns)
    return felt


@pytest.mark.parametrize("wiring", list(Wiring))
def test_a_line_that_never_settles_is_a_broken_wire_and_heals_once_it_is_quiet(
    wiring: Wiring,
) -> None:
    rest, line = {NC: (True, 0), NO: (False, 0), PAIR: (False, 1)}[wiring]
    touch = cord(wiring)
    felt = chatter(touch, line, not rest, 1 * S, 30 * S)
    assert felt == [Felt(Feel.FAULT, 1 * S, 1 * S + CHATTER_NS)]
    assert (touch.fault, touch.on, touch.faults) == (Fault.WIRE_BREAK, False, 1)
    quiet_ns = 31 * S - 20 * MS  # its last change: it rests, and was a glitch all the time
    assert run(touch, quiet_ns + TIMES.heal_ns - 1) == []
    healed = run(touch, quiet_ns + TIMES.heal_ns)
    assert healed == [Felt(Feel.HEALED, quiet_ns, quiet_ns + TIMES.heal_ns)]
    assert (touch.fault, touch.glitches, touch.due_ns) == (Fault.NONE, 1, NEVER)


def test_what_chatters_for_less_is_no_fault() -> None:
    touch = cord()
    assert chatter(touch, 0, False, 1 * S, CHATTER_NS - 80 * MS) + run(touch, 9 * S) == []
    assert touch.glitches == 1


def test_a_chattering_line_that_ends_open_is_a_pull_and_still_broken() -> None:
    touch = cord()
    felt = chatter(touch, 0, False, 1 * S, 30 * S) + run(touch, 31 * S)
    felt += touch.edge(0, False, 31 * S) + run(touch, 60 * S)
    assert feels(felt) == [Feel.FAULT, Feel.ON]
    assert (touch.fault, touch.on) == (Fault.WIRE_BREAK, True)
    felt = touch.edge(0, True, 60 * S) + run(touch, 90 * S)
    assert feels(felt) == [Feel.OFF, Feel.HEALED]


def test_a_fault_does_not_heal_while_its_line_moves_now_and_then() -> None:
    touch = cord()
    chatter(touch, 0, False, 1 * S, 4 * S)
    felt = [one for n in range(20) for one in pulled(touch, (6 + 3 * n) * S, 4 * MS)]
    assert (felt, touch.fault) == ([], Fault.WIRE_BREAK)
    assert feels(run(touch, 80 * S)) == [Feel.HEALED]


def test_what_is_broken_in_two_ways_at_once_is_one_fault() -> None:
    touch = cord()
    felt = touch.edge(0, False, 1 * S) + run(touch, 2 * S)  # stuck at 11 s, chatters since 8.995 s
    for number in range(70):
        felt += touch.edge(0, number % 2 == 0, 8_995 * MS + number * 30 * MS)
    assert felt[1:] == [Felt(Feel.FAULT, 8_995 * MS, 8_995 * MS + CHATTER_NS)]


def test_it_says_since_when_it_moves() -> None:
    touch = cord()
    assert touch.unsettled_ns is None
    touch.edge(0, False, 1 * S)
    touch.edge(0, True, 1 * S + 2 * MS)
    assert touch.unsettled_ns == 1 * S
    run(touch, 2 * S)
    assert touch.unsettled_ns is None


edges = st.lists(
    st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 400 * MS), st.booleans()),
    max_size=40,
)


@given(wiring=st.sampled_from(list(Wiring)), edges=edges, hold=st.booleans())
def test_whatever_edges_are_lost_the_settled_truth_is_told_in_pairs(
    wiring: Wiring, edges: list[tuple[int, bool, int, bool]], hold: bool
) -> None:
    touch = cord(wiring, Times(hold_ns=1 * S if hold else 0))
    truth = {NC: [True], NO: [False], PAIR: [True, False]}[wiring]
    now_ns, felt = 0, list[Felt]()
    for number, level, wait_ns, lost in edges:
        felt += run(touch, now_ns := now_ns + wait_ns)
        line = number % len(truth)
        truth[line] = level
        if not lost:
            felt += touch.edge(line, level, now_ns)
    felt += touch.look(truth, now_ns := now_ns + 1)
    felt += run(touch, now_ns + 30 * S)
    moves = [one.feel for one in felt if one.feel in (Feel.ON, Feel.OFF)]
    assert moves == [Feel.ON, Feel.OFF] * (len(moves) // 2) + [Feel.ON] * (len(moves) % 2)
    assert touch.on == (len(moves) % 2 == 1)
    pulled = {NC: [[False]], NO: [[True]], PAIR: [[False, True]]}[wiring]
    rest = {NC: [[True]], NO: [[False]], PAIR: [[True, False]]}[wiring]
    if truth in pulled:
        assert touch.on
    if truth in rest:
        assert not touch.on
        assert not touch.fault
    assert touch.due_ns == NEVER
    assert all(one.at_ns <= one.settled_ns for one in felt)
    told = [one for one in felt if one.feel in (Feel.FAULT, Feel.HEALED)]
    assert all(a.feel is not b.feel for a, b in pairwise(told))


LOOK_NS = 250 * MS
LOST_NS = LOOK_NS + TIMES.filter_ns + TIMES.rearm_ns
"""A level that stands for so long is known, whatever edges were lost: the next look sees it."""

steps = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1 * MS, 900 * MS), st.booleans()), max_size=40
)


@given(wiring=st.sampled_from(list(Wiring)), steps=steps)
def test_looking_again_and_again_makes_up_for_every_lost_edge(
    wiring: Wiring, steps: list[tuple[int, int, bool]]
) -> None:
    touch = cord(wiring)
    truth = {NC: [True], NO: [False], PAIR: [True, False]}[wiring]
    now_ns, look_ns, felt = 0, LOOK_NS, list[Felt]()
    for number, stands_ns, lost in [*steps, (0, 1 * S, True), (1, 1 * S, True)]:
        line = number % len(truth)
        truth[line] = not truth[line]
        if not lost:
            felt += touch.edge(line, truth[line], now_ns)
        while look_ns <= now_ns + stands_ns:
            felt += run(touch, look_ns) + touch.look(truth, look_ns)
            look_ns += LOOK_NS
        felt += run(touch, now_ns := now_ns + stands_ns)
        if stands_ns >= LOST_NS:
            assert [one.level for one in touch._lines] == truth
            assert len(truth) == 2 or touch.on == (truth[0] is (wiring is NO))
    moves = [one.feel for one in felt if one.feel in (Feel.ON, Feel.OFF)]
    assert all(a is not b for a, b in pairwise([Feel.OFF, *moves]))


def pulls_of(moments: list[int], times: Times) -> list[tuple[Feel, int]]:
    """Tell from the whole what a cord feels whose line changes at these moments: the oracle."""
    level, left_ns, moves = True, None, list[int]()
    for number, at_ns in enumerate(moments):
        raw, until_ns = number % 2 == 1, [*moments, NEVER][number + 1]
        left_ns = at_ns if left_ns is None else left_ns
        if until_ns - at_ns >= times.filter_ns:
            if raw is not level:
                moves.append(left_ns)
            level, left_ns = raw, None
    pulls = list[list[int]]()
    for on_ns, off_ns in zip(moves[::2], [*moves[1::2], NEVER], strict=False):
        if pulls and on_ns - pulls[-1][1] < times.rearm_ns:
            pulls[-1][1] = off_ns  # let go for too short a time
        elif off_ns - on_ns >= times.min_actuation_ns:
            pulls.append([on_ns, off_ns])
    told = [(feel, at_ns) for pull in pulls for feel, at_ns in zip(MOVES, pull, strict=True)]
    return [one for one in told if one[1] != NEVER]


MOVES = (Feel.ON, Feel.OFF)
BUTTON = TIMES._replace(filter_ns=30 * MS)
waits = st.lists(
    st.one_of(st.integers(1, 130), st.sampled_from([29, 30, 31, 49, 50, 51, 74, 75, 76]))
)


@given(
    waits=waits,
    cuts=st.lists(st.integers(0, 3_000), max_size=10),
    times=st.sampled_from([TIMES, BUTTON]),
)
def test_whenever_it_is_looked_at_it_feels_what_the_whole_of_its_line_says(
    waits: list[int], cuts: list[int], times: Times
) -> None:
    moments = [sum(waits[: n + 1]) * MS for n in range(len(waits))]
    touch, felt = cord(times=times), list[Felt]()
    for now_ns, what in sorted([(m, "edge") for m in moments] + [(c * MS, "look") for c in cuts]):
        closed = sum(moment <= now_ns for moment in moments) % 2 == 0
        felt += touch.edge(0, closed, now_ns) if what == "edge" else touch.look([closed], now_ns)
    felt += run(touch, sum(waits) * MS + 4 * S)
    told = [(one.feel, one.at_ns) for one in felt if one.feel in MOVES]
    assert told == pulls_of(moments, times)
    assert touch.missed == 0


@pytest.mark.parametrize(("lasts_ms", "moves"), [(49, []), (50, [*MOVES])])
def test_a_press_that_is_shorter_than_a_hand_is_a_glitch(lasts_ms: int, moves: list[Feel]) -> None:
    touch = cord(times=BUTTON)
    felt = pulled(touch, 1 * S, lasts_ms * MS) + run(touch, 2 * S)
    assert (feels(felt), touch.glitches) == (moves, 0 if moves else 1)
    assert all(one.settled_ns >= 1 * S + 50 * MS for one in felt)


def test_a_press_is_undecided_until_it_has_lasted_and_a_bounce_does_not_end_it() -> None:
    touch = cord(times=BUTTON)
    touch.edge(0, False, 1 * S)
    run(touch, 1 * S + 45 * MS)
    assert (touch.on, touch.unsettled_ns) == (False, 1 * S), "its level is settled, no more"
    assert touch.due_ns == 1 * S + 50 * MS
    felt = touch.edge(0, True, 1 * S + 45 * MS) + touch.edge(0, False, 1 * S + 47 * MS)
    felt += run(touch, 2 * S)
    assert felt == [Felt(Feel.ON, 1 * S, 1 * S + 77 * MS)]
    assert touch.unsettled_ns is None


bursts = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 150)), min_size=1, max_size=12)


@given(bursts=bursts, wiring=st.sampled_from([NC, NO]), heal_ms=st.sampled_from([0, 10, 5_000]))
def test_a_contact_is_distrusted_while_its_line_has_moved_too_long_and_never_else(
    bursts: list[tuple[int, int]], wiring: Wiring, heal_ms: int
) -> None:
    touch = cord(wiring, TIMES._replace(stuck_ns=0, heal_ns=heal_ms * MS))
    level = rest = wiring is NC
    now_ns, since_ns, longest_ns = 1 * S, None, 0
    for wait_ns in [wait * MS for wait, times in bursts for _ in range(times)] + [9 * S]:
        level, since_ns = not level, now_ns if since_ns is None else since_ns
        touch.edge(0, level, now_ns)
        until_ns = now_ns + min(wait_ns, TIMES.filter_ns)
        run(touch, until_ns - 1)
        assert bool(touch.fault) or until_ns - 1 - since_ns < CHATTER_NS
        longest_ns = max(longest_ns, until_ns - since_ns)
        since_ns = None if wait_ns >= TIMES.filter_ns else since_ns
        run(touch, now_ns := now_ns + wait_ns)
    assert bool(touch.faults) is (longest_ns >= CHATTER_NS)
    touch.look([rest], now_ns)
    run(touch, now_ns + 9 * S)
    assert (touch.fault, touch.on, touch.due_ns) == (Fault.NONE, False, NEVER)


@given(
    edges=edges,
    cuts=st.lists(st.integers(0, 20 * S), max_size=20),
    times=st.sampled_from([TIMES, BUTTON]),
)
def test_when_it_is_asked_changes_nothing(
    edges: list[tuple[int, bool, int, bool]], cuts: list[int], times: Times
) -> None:
    patient, nervous = cord(times=times), cord(times=times)
    said: list[Felt] = []
    often: list[Felt] = []
    now_ns = 0
    for _, level, wait_ns, _ in edges:
        after_ns = now_ns + wait_ns
        for cut in sorted(one for one in cuts if now_ns <= one < after_ns):
            often += nervous.settle(cut)
        now_ns = after_ns
        said += patient.edge(0, level, now_ns)
        often += nervous.edge(0, level, now_ns)
    said += patient.settle(now_ns + 60 * S)
    often += run(nervous, now_ns + 60 * S)
    assert said == often
