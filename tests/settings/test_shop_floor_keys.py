"""Keys of segments, ladders, buttons and stations that shops differ in."""

from collections.abc import Callable

import pytest

from drivers.simulated_inputs import SimulatedButton
from edge_agent.configuration import Configuration, Level

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

LADDER = 'level = 3, after_s = 300.0, notify = "manager"'
JOINED = """\
[[segment]]
id = "SEG-B"
owner = "pi-b"
[[station]]
id = "B1"
segment = "SEG-B"
"""


def test_a_ladder_may_differ_by_shift(loaded: Loaded, line: str) -> None:
    both = (
        f'{LADDER}, shifts = ["early"] }},\n  {{ {LADDER.replace("300", "900")}, shifts = ["late"]'
    )
    (andon,) = loaded(line.replace(LADDER, both)).andons
    assert andon.escalate == (
        Level(2, 60.0, "group-leader"),
        Level(3, 300.0, "manager", ("early",)),
        Level(3, 900.0, "manager", ("late",)),
    )


@pytest.mark.parametrize("shifts", ['["early"]', '["early", "late"]', '["night"]'])
def test_levels_of_one_shift_go_up(refused: Refused, line: str, shifts: str) -> None:
    both = f'{LADDER}, shifts = ["early"] }},\n  {{ {LADDER}, shifts = {shifts}'
    assert any("andon.escalate" in one for one in refused(line.replace(LADDER, both)))


def test_a_segment_of_another_agent_is_joined(loaded: Loaded, line: str) -> None:
    segment = loaded(line + JOINED).segments[-1]
    assert (segment.owner, segment.fixed_position) == ("pi-b", "call-only")


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('fixed_position = "takt"', "fixed_position"),
        ("takt_s = 60.0", "takt_s"),
        ('stop_output = "stop-a"', "stop_output"),
        ('start_input = "start-a"', "start_input"),
    ],
)
def test_what_its_owner_says_is_not_said_here(
    refused: Refused, line: str, more: str, key: str
) -> None:
    said = refused(line + JOINED.replace('owner = "pi-b"', f'owner = "pi-b"\n{more}'))
    assert any(f'segment.{key}: is said by "pi-b", which owns the segment' in one for one in said)


@pytest.mark.parametrize("key", ["upstream", "downstream"])
def test_a_segment_feeds_another_one(loaded: Loaded, refused: Refused, line: str, key: str) -> None:
    beside = line.replace("takt_s = 60.0", f'takt_s = 60.0\n{key} = "SEG-0"')
    assert getattr(loaded(beside).segments[0], key) == "SEG-0"
    (said,) = refused(beside.replace("SEG-0", "SEG-A"))
    assert f"segment.{key}: is the segment itself; write the one beside it" in said


def test_a_station_may_count_what_is_scanned(loaded: Loaded, line: str) -> None:
    counting = line.replace('roles = ["consumer"]', 'roles = ["consumer"]\ncount_scans = true')
    assert [one.count_scans for one in loaded(counting).stations] == [False, True]


BUTTON = """\
[[device]]
name = "reason-a2"
kind = "simulated-button"
station = "A2"
purpose = "reason"
fifo = "reason"
"""


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ('reason = "FIT"\n', ""),
        ('reason = "FTI"\n', 'there is no [[reason]] "FTI"'),
        ("", "device.reason: is missing; write its code"),
    ],
)
def test_a_button_of_reasons_names_one_that_there_is(
    loaded: Loaded, refused: Refused, line: str, reason: str, said: str
) -> None:
    if not said:
        assert isinstance(loaded(line + BUTTON + reason).devices[-1].keys, SimulatedButton.Keys)
    else:
        assert any(said in one for one in refused(line + BUTTON + reason))


def test_only_a_hand_holds(refused: Refused, line: str) -> None:
    held = BUTTON.replace('"reason"\nfifo', '"starved"\nhold_s = 2.0\nfifo')
    assert any("device.hold_s: no hand holds a button" in one for one in refused(line + held))


def test_a_reason_is_of_a_button_of_reasons(refused: Refused, line: str) -> None:
    other = BUTTON.replace('"reason"\nfifo', '"ack"\nreason = "FIT"\nfifo')
    assert any(
        "device.reason: is for a button of reasons only" in one for one in refused(line + other)
    )
