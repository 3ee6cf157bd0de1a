"""What a tower and a horn say: one look for each condition, and which of many is shown."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.configuration import Condition
from edge_agent.domain import looks
from edge_agent.domain.looks import LIGHTS, NEVER_GREEN, SHIPPED, WHOLE, Pattern, Showing, Tune

OFF, ON, SLOW, FAST = Pattern.OFF, Pattern.STEADY, Pattern.FLASH_SLOW, Pattern.FLASH_FAST

sets = st.frozensets(st.sampled_from(list(Showing)))
subsets = [frozenset(some) for size in range(4) for some in combinations(Showing, size)]


def said(condition: str, tune: str | None = None, **lights: str) -> Condition:
    return Condition(condition, tuple(lights.items()), tune)


def seen(*conditions: Showing) -> tuple[Pattern, ...]:
    """Look at red, yellow and green."""
    shown = looks.tower(conditions, SHIPPED)
    return tuple(shown[light] for light in WHOLE)


# -- as shipped ------------------------------------------------------------------------------------


def test_every_condition_has_a_look() -> None:
    assert set(SHIPPED) == set(Showing)


def test_no_two_conditions_look_the_same_on_red_yellow_and_green() -> None:
    assert looks.clashes(SHIPPED, WHOLE) == []


def test_what_takes_the_green_shows_none_itself_and_every_rhythm_lasts() -> None:
    for one, shown in SHIPPED.items():
        assert set(shown.lights) <= set(LIGHTS)
        assert set(shown.lights.values()) <= looks.REPEATING
        assert one not in NEVER_GREEN or "green" not in shown.lights
        assert shown.tune in set(Tune)


def test_what_somebody_has_answered_flashes_less_and_is_silent() -> None:
    for category in ("quality", "help", "material", "maintenance", "safety", "it"):
        call, acked = (looks.of_call(category, acked=acked) for acked in (False, True))
        assert FAST in SHIPPED[call].lights.values()
        assert SHIPPED[call].tune
        assert FAST not in SHIPPED[acked].lights.values()
        assert not SHIPPED[acked].tune


def test_a_category_of_the_plants_own_is_a_call_like_any_other() -> None:
    assert looks.of_call("tool-change", acked=False) is Showing.CALLED
    assert looks.of_call("tool-change", acked=True) is Showing.ACKED
    assert looks.of_call("material", acked=False) is Showing.MATERIAL_CALL


# -- which one is shown ----------------------------------------------------------------------------


def test_a_cord_on_a_running_line_flashes_yellow_alone() -> None:
    assert seen(Showing.NORMAL, Showing.CALLED) == (OFF, FAST, OFF)


def test_a_stop_outranks_the_call_that_caused_it() -> None:
    assert seen(Showing.CALLED, Showing.STOPPED) == (FAST, OFF, OFF)


def test_a_call_that_nobody_has_answered_is_shown_before_one_that_somebody_has() -> None:
    assert seen(Showing.ACKED, Showing.MATERIAL_CALL) == (OFF, FAST, ON)


def test_blue_and_white_come_from_the_highest_that_names_them() -> None:
    shown = looks.tower(
        {Showing.STOPPED, Showing.MATERIAL_CALL, Showing.MAINTENANCE_ACKED}, SHIPPED
    )
    assert shown == {"red": FAST, "yellow": OFF, "green": OFF, "blue": FAST, "white": OFF}


def test_of_no_condition_the_tower_says_that_nothing_is_known() -> None:
    assert seen() == seen(Showing.UNWELL) == (OFF, SLOW, OFF)


def test_green_is_taken_from_whatever_else_holds_while_the_station_is_not_known() -> None:
    assert seen(Showing.MATERIAL_CALL, Showing.UNWELL) == (OFF, FAST, OFF)


@given(sets)
def test_the_highest_condition_decides_red_yellow_and_green_whole(held: frozenset[Showing]) -> None:
    shown = looks.tower(held, SHIPPED)
    highest = next((one for one in Showing if one in held), Showing.UNWELL)
    own = SHIPPED[highest].lights
    assert set(shown) == set(LIGHTS)
    assert shown["red"] == own.get("red", OFF)
    assert shown["yellow"] == own.get("yellow", OFF)
    dark = bool(NEVER_GREEN & held) or not held
    assert shown["green"] == (OFF if dark else own.get("green", OFF))


@given(sets)
def test_blue_and_white_are_named_by_somebody_or_dark(held: frozenset[Showing]) -> None:
    shown = looks.tower(held, SHIPPED)
    for light in ("blue", "white"):
        named = [SHIPPED[one].lights[light] for one in Showing if one in held & _naming(light)]
        assert shown[light] == (named[0] if named else OFF)


def _naming(light: str) -> frozenset[Showing]:
    return frozenset(one for one in Showing if light in SHIPPED[one].lights)


@given(sets)
def test_the_order_in_which_conditions_are_given_means_nothing(held: frozenset[Showing]) -> None:
    one, other = sorted(held), sorted(held, reverse=True)
    assert looks.tower(one, SHIPPED) == looks.tower(other, SHIPPED)
    assert looks.tune(one, SHIPPED, muted=False) == looks.tune(other, SHIPPED, muted=False)


@given(sets)
def test_two_sets_whose_highest_differ_never_look_the_same(held: frozenset[Showing]) -> None:
    known = held - NEVER_GREEN
    if known:
        highest = next(one for one in Showing if one in known)
        others = [one for one in Showing if one is not highest]
        assert all(seen(*known) != seen(one) for one in others)


@pytest.mark.parametrize("muted", [False, True])
def test_nothing_outranks_silences_or_greens_the_restart_warning(muted: bool) -> None:
    alone = seen(Showing.RESTART_WARNING)
    for held in subsets:
        warned = held | {Showing.RESTART_WARNING}
        assert seen(*warned) == alone
        assert looks.tune(warned, SHIPPED, muted=muted) == Tune.RESTART


@given(sets, st.booleans())
def test_the_restart_warning_is_what_it_is_in_any_company(
    held: frozenset[Showing], muted: bool
) -> None:
    warned = held | {Showing.RESTART_WARNING}
    shown = looks.tower(warned, SHIPPED)
    assert shown["green"] is OFF
    assert shown == looks.tower({Showing.RESTART_WARNING}, SHIPPED)
    assert looks.tune(warned, SHIPPED, muted=muted) == Tune.RESTART


# -- the tune --------------------------------------------------------------------------------------


def test_the_tune_is_that_of_the_highest_that_has_one() -> None:
    def heard(*held: Showing, muted: bool = False) -> str:
        return looks.tune(held, SHIPPED, muted=muted)

    assert heard(Showing.STOPPED_ACKED, Showing.CALLED) == "A"
    assert heard(Showing.STOPPED, Showing.CALLED) == "B"
    assert heard(Showing.SAFETY_CALL, Showing.STOPPED) == "S"
    assert heard(Showing.CALLED, Showing.MATERIAL_CALL) == "A"
    assert heard(Showing.NORMAL) == ""
    assert heard(Showing.STOPPED, Showing.CALLED, muted=True) == ""


# -- as a plant changes it -------------------------------------------------------------------------


def test_a_change_replaces_the_lights_and_keeps_the_tune_that_it_does_not_say() -> None:
    mine = looks.with_changes(SHIPPED, [said("material-call", blue="flash-2hz")])
    assert mine[Showing.MATERIAL_CALL] == ({"blue": FAST}, "C")
    assert mine[Showing.CALLED] == SHIPPED[Showing.CALLED]
    assert "green" in SHIPPED[Showing.MATERIAL_CALL].lights, "the shipped one stays as it is"
    silent = looks.with_changes(mine, [said("material-call", tune="", blue="steady")])
    assert silent[Showing.MATERIAL_CALL] == ({"blue": ON}, "")


def test_two_conditions_that_look_the_same_are_named_higher_one_first() -> None:
    mine = looks.with_changes(SHIPPED, [said("acked", red="steady")])
    assert looks.clashes(mine, WHOLE) == [(Showing.STOPPED_ACKED, Showing.ACKED)]


def test_a_tower_without_a_light_cannot_tell_apart_what_only_that_light_does() -> None:
    found = looks.clashes(SHIPPED, ("red", "green"))
    assert (Showing.CALLED, Showing.ACKED) in found
    assert (Showing.STOPPED, Showing.STOPPED_ACKED) not in found
    mine = looks.with_changes(SHIPPED, [said("material-call", blue="steady")])
    assert looks.clashes(mine, LIGHTS) == []
    assert looks.clashes(mine, WHOLE) == [(Showing.MATERIAL_CALL, Showing.NOT_SCHEDULED)]


@given(st.permutations(LIGHTS))
def test_the_order_of_a_towers_lights_changes_no_clash(lights: list[str]) -> None:
    assert looks.clashes(SHIPPED, lights[:2]) == looks.clashes(SHIPPED, lights[1::-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (said("stoped", red="steady"), "condition: 'stoped' is none; write one of restart-warning"),
        (said("called", amber="steady"), "amber: no tower has this light; write red, yellow"),
        (
            said("called", yellow="blinking"),
            "yellow: 'blinking' is no rhythm that lasts; write off",
        ),
        (said("called", yellow="pulse-150ms"), "yellow: 'pulse-150ms' is no rhythm that lasts"),
        (said("restart-warning", green="flash-2hz"), "green: restart-warning is never a green"),
        (said("fault", green="steady"), "green: fault is never a green light; leave it out"),
        (said("unwell", green="flash-0.5hz"), "green: unwell is never a green light"),
        (said("called", tune="fanfare"), "tune: 'fanfare' is none; write A, B, C, D, S, restart"),
        (said("restart-warning", tune=""), 'tune: people are warned .* write "restart"'),
        (said("stopped", tune="restart"), 'tune: "restart" warns of a line that starts; write'),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_to_write(change: Condition, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        looks.with_changes(SHIPPED, [change])
