"""Fixed-position layouts: marks, columns, and no two that cannot be told apart."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import Configuration, from_wire, to_wire
from edge_agent.labels.layout import Field, Layout, Mark

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

CARD = """\
[[layout]]
name = "plant-card"
match = { at = 0, text = "K-" }
fields = [{ name = "card", start = 0, length = 6 }]
"""
SKID = """\
[[layout]]
name = "skid"
match = [{ at = 0, text = "02", min_len = 44, max_len = 44 }, { at = 5, text = "0", aim = "]C0" }]
fields = [
  { name = "plant", start = 0, length = 5, strip = false },
  { name = "quantity", start = 5, length = 4, type = "digits" },
]
"""


def test_layouts_are_taken_as_they_are_written(loaded: Loaded, good: str) -> None:
    made = loaded(good + CARD + SKID)
    assert made.layouts == (
        Layout("plant-card", (Mark(0, "K-"),), (Field("card", 0, 6),)),
        Layout(
            "skid",
            (Mark(0, "02"), Mark(5, "0")),
            (Field("plant", 0, 5, strip=False), Field("quantity", 5, 4, type="digits")),
            *(44, 44, "]C0"),
        ),
    )
    assert from_wire(to_wire(made)) == made


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "plant-card"', 'name = "plant card"', "layout.name"),
        ('{ at = 0, text = "K-" }', "{ at = 0 }", "says nothing that only such labels have"),
        ('text = "K-"', 'text = "K-", max_len = 5, min_len = 9', "max_len 5 is below min_len 9"),
        ('text = "K-"', 'text = "K-", max_len = 5', "ends at column 6, and a label may be of 5"),
        ('text = "K-"', 'text = "K-", aim = "C1"', "layout.match.aim"),
        ('text = "K-"', 'text = "K-", colour = "red"', "layout.match.colour"),
        ("length = 6 }", "length = 0 }", "0 is out of range"),
        ("length = 6 }", 'length = 6, type = "float" }', "layout.fields.type"),
        ('[{ name = "card", start = 0, length = 6 }]', "[]", "has 0 fields; write 1 to 64"),
        (
            "length = 6 }",
            'length = 6 }, { name = "bin", start = 5, length = 2 }',
            '"bin" begins at column 5, within "card", which ends at 6',
        ),
        (
            "length = 6 }",
            'length = 6 }, { name = "card", start = 6, length = 2 }',
            '"card" is said already',
        ),
    ],
)
def test_what_no_layout_can_be(refused: Refused, good: str, old: str, new: str, said: str) -> None:
    assert old in CARD
    found = refused(good + CARD.replace(old, new))
    assert any(said in one for one in found), found


def test_a_layout_that_another_one_hides_is_refused(refused: Refused, good: str) -> None:
    hidden = CARD.replace("plant-card", "other").replace('text = "K-"', 'text = "K-0"')
    same = CARD.replace("plant-card", "other")
    for second in (hidden, same):
        (said,) = refused(good + CARD + second)
        assert 'is never looked at: "plant-card", before it, takes each of its labels' in said


def test_a_name_is_given_once(refused: Refused, good: str) -> None:
    said = refused(good + CARD + CARD.replace('"K-"', '"L-"'))
    assert any('"plant-card" is the name of another layout' in one for one in said)
