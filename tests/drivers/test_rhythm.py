"""Rhythms on a clock in the hand: lit at the phase, half of the time, never drifting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.rhythm import OF_PATTERN, SILENT, STEADY, Beat, Rhythm, beat, rhythm
from edge_agent.ports import Pattern
from edge_agent.reactor import NEVER

MS = 1_000_000
PHASE = 77_000 * MS
LASTING = [Pattern.FLASH_SLOW, Pattern.FLASH_FAST]

rhythms = st.builds(
    Rhythm, st.lists(st.integers(1, 2_000 * MS), min_size=1, max_size=6).map(tuple), st.booleans()
)


def at(pattern: Pattern, ms: float) -> Beat:
    lit, until_ns = beat(OF_PATTERN[pattern], PHASE, PHASE + round(ms * MS))
    return Beat(lit, until_ns if until_ns == NEVER else (until_ns - PHASE) // MS)


def changes(pattern: Pattern, end_ms: int) -> list[tuple[float, bool]]:
    """Follow a rhythm from change to change."""
    seen, now_ns = [], PHASE
    while now_ns < PHASE + end_ms * MS:
        lit, until_ns = beat(OF_PATTERN[pattern], PHASE, now_ns)
        seen.append(((now_ns - PHASE) / MS, lit))
        now_ns = until_ns
    return seen


def test_every_pattern_has_its_rhythm() -> None:
    assert set(OF_PATTERN) == set(Pattern)


def test_off_and_steady_never_change() -> None:
    for ms in (0, 1, 10**9):
        assert at(Pattern.OFF, ms) == (False, NEVER)
        assert at(Pattern.STEADY, ms) == (True, NEVER)


@pytest.mark.parametrize(
    ("pattern", "half_ms"), [(Pattern.FLASH_SLOW, 1000), (Pattern.FLASH_FAST, 250)]
)
def test_a_flashing_light_is_lit_at_its_phase_and_half_of_the_time(
    pattern: Pattern, half_ms: int
) -> None:
    assert changes(pattern, 4 * half_ms) == [
        (0, True),
        (half_ms, False),
        (2 * half_ms, True),
        (3 * half_ms, False),
    ]
    assert at(pattern, half_ms - 0.001).on
    assert not at(pattern, half_ms).on


def test_both_rates_are_lit_together_every_two_seconds() -> None:
    for second in range(0, 20, 2):
        assert all(at(pattern, second * 1000).on for pattern in LASTING)
        assert not any(at(pattern, second * 1000 - 1).on for pattern in LASTING)


def test_a_pulse_is_lit_once_for_150_ms() -> None:
    assert at(Pattern.PULSE, 0) == (True, 150)
    assert at(Pattern.PULSE, 149.999) == (True, 150)
    assert at(Pattern.PULSE, 150) == (False, NEVER)
    assert OF_PATTERN[Pattern.PULSE].length_ns == 150 * MS


def test_three_blinks_take_a_second_and_a_half_and_end_dark() -> None:
    assert [(ms, lit) for ms, lit in changes(Pattern.BLINK_3, 10_000) if lit] == [
        (0, True),
        (500, True),
        (1000, True),
    ]
    assert at(Pattern.BLINK_3, 1250) == (False, 1500)
    assert at(Pattern.BLINK_3, 1500) == (False, NEVER)
    assert OF_PATTERN[Pattern.BLINK_3].length_ns == 1500 * MS


def test_before_its_phase_a_light_is_dark_and_waits_for_it() -> None:
    assert at(Pattern.FLASH_FAST, -100) == (False, 0)
    assert at(Pattern.PULSE, -100) == (False, 0)
    assert beat(SILENT, PHASE, PHASE - 1) == (False, NEVER)


@given(rhythms, st.integers(0, 10**15))
def test_what_is_said_holds_until_it_is_said_to_change(played: Rhythm, since_ns: int) -> None:
    now_ns = PHASE + since_ns
    on, until_ns = beat(played, PHASE, now_ns)
    assert until_ns > now_ns
    assert beat(played, PHASE, min(until_ns, NEVER) - 1).on is on
    if until_ns != NEVER:
        on_then = beat(played, PHASE, until_ns).on
        assert on_then is not on or len(played.steps_ns) % 2 or not played.repeats


@given(rhythms.filter(lambda played: played.repeats), st.integers(0, 10**12), st.integers(1, 1000))
def test_a_rhythm_that_repeats_is_the_same_a_round_later(
    played: Rhythm, since_ns: int, rounds: int
) -> None:
    now_ns, later_ns = PHASE + since_ns, PHASE + since_ns + rounds * played.length_ns
    assert beat(played, PHASE, later_ns).on is beat(played, PHASE, now_ns).on


def test_steps_are_milliseconds_on_and_off_in_turn() -> None:
    assert rhythm(1, 2, repeats=False) == Rhythm((1_000_000, 2_000_000), repeats=False)
    assert STEADY.length_ns == NEVER
