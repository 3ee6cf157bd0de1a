"""Looks that a plant changes: nothing that could not be told apart, nothing that would lie."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import Condition, Configuration, from_wire, to_wire

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]


def look(condition: str, lights: str, more: str = "") -> str:
    return f'[[look]]\ncondition = "{condition}"\nlights = {lights}\n{more}\n'


def test_a_look_is_taken_as_it_is_written(loaded: Loaded, line: str) -> None:
    text = line + look("called", '{ yellow = "steady", white = "flash-2hz" }', 'tune = "B"')
    made = loaded(text + look("acked", '{ yellow = "flash-2hz" }'))
    assert made.looks == (
        Condition("called", (("yellow", "steady"), ("white", "flash-2hz")), "B"),
        Condition("acked", (("yellow", "flash-2hz"),)),
    )
    assert from_wire(to_wire(made)) == made


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            look("calld", '{ yellow = "steady" }'),
            '93:1: look.condition: "calld" is not known here; did you mean "called"?',
        ),
        (
            look("called", '{ yelow = "steady" }'),
            '94:12: look.lights: "yelow" is not known here; did you mean "yellow"?',
        ),
        (
            look("called", '{ yellow = "steady", blue = "blink-3" }'),
            (
                '94:31: look.lights: "blink-3" is not known here; '
                'write "off", "steady", "flash-0.5hz" or "flash-2hz"'
            ),
        ),
        (
            look("called", '{ yellow = "flash-2hz" }', 'tune = "Z"'),
            (
                '95:1: look.tune: "Z" is not known here; '
                'write "", "A", "B", "C", "D", "S" or "restart"'
            ),
        ),
        (
            look("called", '"red"'),
            (
                '94:1: look.lights: must be a table, not the text "red"; '
                'write lights = { yellow = "flash-2hz" }'
            ),
        ),
        (
            look("called", '{ yellow = "steady" }'),
            (
                '94:1: look.lights: "called" and "acked" look the same on a tower of red, yellow, '
                "green; write other lights or rhythms for one of them"
            ),
        ),
        (
            look("blocked", '{ green = "steady", blue = "steady" }'),
            (
                '94:1: look.lights: "blocked" and "normal" look the same on a tower of red, '
                "yellow, green; write other lights or rhythms for one of them"
            ),
        ),
    ],
)
def test_what_no_tower_may_show(refused: Refused, line: str, said: str, told: str) -> None:
    assert refused(line + said) == [f"c.toml:{told}"]


def test_what_no_plant_may_change_is_told_at_its_key(refused: Refused, line: str) -> None:
    text = line + look("fault", '{ red = "steady", green = "steady" }', 'tune = "restart"')
    assert [one.partition(";")[0] for one in refused(text)] == [
        "c.toml:94:28: look.lights.green: fault is never a green light",
        'c.toml:95:1: look.tune: "restart" warns of a line that starts',
    ]


def test_a_condition_has_one_look(refused: Refused, line: str) -> None:
    assert refused(line + look("called", '{ yellow = "flash-2hz" }') * 2) == [
        (
            'c.toml:97:1: look.condition: "called" is the condition of another look, at '
            "c.toml:93:1; write a condition that no other look has"
        )
    ]


def test_a_light_that_every_tower_has_may_tell_them_apart(loaded: Loaded, line: str) -> None:
    text = line.replace('red = "GPIO5"', 'red = "GPIO5"\nblue = "GPIO7"')
    text += look("blocked", '{ green = "steady", blue = "steady" }')
    assert loaded(text).looks[0].condition == "blocked"
