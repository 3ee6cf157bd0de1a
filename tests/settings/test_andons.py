"""Calls: what may stop a segment, who cancels it, who is asked next, and the people and reasons."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import Andon, Configuration, Level, Reason, from_wire, to_wire
from edge_agent.domain.people import Person

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

NO_CORD = "and a stop never travels over the broker; add a [[device]] with category ="


def test_a_call_is_taken_as_it_is_written(loaded: Loaded, line: str) -> None:
    made = loaded(line)
    assert made.andons == (
        Andon(
            "A2",
            "quality",
            stops=True,
            cancel="second-pull",
            escalate=(Level(2, 60.0, "group-leader"), Level(3, 300.0, "manager")),
        ),
    )
    assert made.people == (Person("E:1007", "L. Weber", ("leader",), (), ("early",)),)
    assert made.reasons == (Reason("FIT", "Does not fit"),)


def test_every_key_can_be_said(loaded: Loaded, line: str) -> None:
    text = (
        line
        + """\
[[andon]]
station = "*"
category = "help"
stops = false
cancel = "leader"
clear = "button+badge"
min_cancel_s = 1
ack_s = 20
reason_grace_s = 60
stop_now = true
pause = true
responders = ["leader", "group-leader"]
[[person]]
badge = "any text, 7"
name = "M. Roth"
roles = ["technician"]
skills = ["Press 4", "weld"]
shifts = ["early", "late"]
[[reason]]
code = "tool_1"
text = "Tool broken"
categories = ["help", "quality"]
"""
    )
    made = loaded(text)
    assert made.andons[1] == Andon(
        "*",
        "help",
        cancel="leader",
        clear="button+badge",
        min_cancel_s=1,
        ack_s=20,
        reason_grace_s=60,
        stop_now=True,
        pause=True,
        responders=("leader", "group-leader"),
    )
    assert made.people[1] == Person(
        "any text, 7", "M. Roth", ("technician",), ("Press 4", "weld"), ("early", "late")
    )
    assert made.reasons[1] == Reason("tool_1", "Tool broken", ("help", "quality"))
    assert from_wire(to_wire(made)) == made


def test_a_category_without_an_andon_is_fine(loaded: Loaded, line: str) -> None:
    button = '[[device]]\nname = "help"\nkind = "a-button"\nstation = "A1"\npurpose = "call"\n'
    assert loaded(line + button + 'category = "help"\npin = "GPIO9"\n')


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'cancel = "second-pull"\n',
            "",
            (
                "40:3: andon.cancel: is missing though it stops the line; "
                'write cancel = "second-pull" (who pulls again clears it) or "leader"'
            ),
        ),
        (
            'cancel = "second-pull"',
            'cancel = "nobody"',
            '44:1: andon.cancel: "nobody" is not known here; write "second-pull" or "leader"',
        ),
        (
            'category = "quality"\nstops',
            'category = "Safety"\nstops',
            (
                "43:1: andon.stops: a safety call never stops the line through this agent, which "
                "is no part of a safety chain; write stops = false; an emergency stop is wired "
                "into the safety chain of the machine"
            ),
        ),
        (
            'category = "quality"\nstops',
            'category = "help"\nstops',
            (
                '43:1: andon.stops: no cord or button of this agent calls "help" at "A2", '
                f'{NO_CORD} "help" there, or write stops = false'
            ),
        ),
        (
            'station = "A2"\ncategory = "quality"\nstops',
            'station = "*"\ncategory = "help"\nstops',
            (
                '43:1: andon.stops: no cord or button of this agent calls "help" at any station, '
                f'{NO_CORD} "help" there, or write stops = false'
            ),
        ),
        (
            'station = "A2"\ncategory = "quality"\nstops',
            'station = "A9"\ncategory = "quality"\nstops',
            (
                '41:1: andon.station: "A9" is not a station of this agent; '
                'write "A1" or "A2", "*" for all, or add a [[station]]'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"call-only"',
            (
                '43:1: andon.stops: segment "SEG-A" of station "A2" is call-only: nothing stops '
                "it; write another fixed_position in its [[segment]], or stops = false"
            ),
        ),
        (
            "level = 2",
            "level = 1",
            "46:5: andon.escalate.level: 1 is out of range; write a number from 2 to 9",
        ),
        (
            "level = 3",
            "level = 2",
            (
                "47:5: andon.escalate.level: 2 is not more than the 2 of the level before it; "
                "write the levels in order, each higher and later than the one before"
            ),
        ),
        (
            "after_s = 300.0",
            "after_s = 59.5",
            (
                "47:16: andon.escalate.after_s: 59.5 is not more than the 60 of the level before "
                "it; write the levels in order, each higher and later than the one before"
            ),
        ),
        (
            'notify = "manager"',
            'notify = "Plant Manager"',
            (
                '47:33: andon.escalate.notify: "Plant Manager" is not a role: letters a to z and '
                '-; write "plant-manager"'
            ),
        ),
        (
            'level = 3, after_s = 300.0, notify = "manager"',
            'level = 3, after_s = 300.0, notify = "manager", by = "mail"',
            (
                "47:53: andon.escalate.by: is not a key of a level of escalate; "
                "its keys are level, after_s, notify, shifts"
            ),
        ),
        (
            '{ level = 3, after_s = 300.0, notify = "manager" }',
            "300",
            (
                "47:3: andon.escalate: must be a table, not the number 300; write "
                'escalate = [{ level = 2, after_s = 60.0, notify = "group-leader" }]'
            ),
        ),
        (
            'shifts = ["early"]',
            'shifts = ["erly"]',
            ('54:11: person.shifts: there is no [[calendar.shift]] "erly"; did you mean "early"?'),
        ),
        (
            'roles = ["leader"]',
            'roles = ["Leader"]',
            '53:10: person.roles: "Leader" is not a role: letters a to z and -; write "leader"',
        ),
        (
            'code = "FIT"',
            'code = "R:FIT"',
            (
                '57:1: reason.code: "R:FIT": ":" is not among the letters a to z, digits, _ and '
                '-; write "R-FIT"'
            ),
        ),
    ],
)
def test_what_no_call_can_be(refused: Refused, line: str, old: str, new: str, said: str) -> None:
    assert old in line
    assert refused(line.replace(old, new, 1)) == [f"c.toml:{said}"]


def test_what_is_said_once_is_not_said_again(refused: Refused, line: str) -> None:
    twice = '[[person]]\nbadge = "E:1007"\nname = "X"\n[[reason]]\ncode = "FIT"\ntext = "t"\n'
    twice += '[[andon]]\nstation = "A2"\ncategory = "quality"\n'
    twice += '[[andon]]\nstation = "*"\ncategory = "quality"\n' * 2
    keep = "keep one of the two [[andon]] and remove the other"
    assert refused(line + twice) == [
        (
            'c.toml:93:1: person.badge: "E:1007" is the badge of another person, at c.toml:51:1; '
            "write a badge that no other person has"
        ),
        (
            'c.toml:96:1: reason.code: "FIT" is the code of another reason, at c.toml:57:1; '
            "write a code that no other reason has"
        ),
        f'c.toml:100:1: andon.category: "quality" at "A2" is said already, at c.toml:40:3; {keep}',
        (
            'c.toml:106:1: andon.category: "quality" at every station is said already, at '
            f"c.toml:101:3; {keep}"
        ),
    ]


def test_a_station_without_a_segment_stops_nothing(refused: Refused, line: str) -> None:
    text = line.replace(
        'station = "A2"\ncategory = "quality"\npin', 'station = "A1"\ncategory = "quality"\npin'
    )
    assert refused(text.replace('station = "A2"\ncategory', 'station = "A1"\ncategory')) == [
        (
            'c.toml:43:1: andon.stops: station "A1" stands in no segment that could stop; '
            'write segment = "..." in its [[station]], or stops = false'
        )
    ]


def test_what_stops_everywhere_must_be_able_to_wherever_it_is_called(
    refused: Refused, loaded: Loaded, line: str
) -> None:
    text = line.replace(
        'station = "A2"\ncategory = "quality"\nstops', 'station = "*"\ncategory = "quality"\nstops'
    )
    assert loaded(text)
    text += '[[device]]\nname = "c"\nkind = "a-cord"\nstation = "A1"\n'
    text += 'category = "quality"\npin = "GPIO9"\n'
    assert refused(text) == [
        (
            'c.toml:43:1: andon.stops: station "A1" stands in no segment that could stop; write '
            'segment = "..." in its [[station]], or an [[andon]] of its own for "quality" without '
            "stops"
        )
    ]
    assert loaded(text + '[[andon]]\nstation = "A1"\ncategory = "quality"\n')


def test_a_cord_that_is_not_understood_may_be_the_one(refused: Refused, line: str) -> None:
    said = refused(line.replace('kind = "a-cord"', 'kind = "a-crd"'))
    assert [text.split(": ")[1] for text in said] == ["device.kind"]


def test_all_is_told_at_once(refused: Refused, line: str) -> None:
    text = line.replace('cancel = "second-pull"\n', "").replace("takt_s = 60.0", "takt_s = 0")
    text = text.replace('"stop-a"\nstart', '"gone"\nstart').replace(
        'start = "14:00"', 'start = "13:00"'
    )
    text = text.replace('badge = "E:1007"', "badge = 1007").replace(
        'time_zone = "', 'time_zone = "X'
    )
    assert [one.split(": ")[1] for one in refused(text)] == [
        "site.time_zone",
        "calendar.shift.start",
        "segment.takt_s",
        "segment.stop_output",
        "andon.cancel",
        "person.badge",
    ]
