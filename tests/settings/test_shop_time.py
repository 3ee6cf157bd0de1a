"""Calendars: shifts follow each other over the whole week, breaks lie within them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.configuration import Calendar, Configuration, Shift
from edge_agent.domain.calendar import DAYS
from edge_agent.settings.shop_time import Stretch, _overlap

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

WEEK = 7 * 1440


def test_a_calendar_is_taken_as_it_is_written(loaded: Loaded, line: str) -> None:
    (made,) = loaded(line).calendars
    assert made.id == "two-shift"
    assert made.days_off == ("2026-12-25",)
    assert made.shifts[0] == Shift(
        id="early",
        days=("mon", "tue", "wed", "thu", "fri"),
        start="06:00",
        end="14:00",
        breaks=("09:00-09:10", "11:30-12:00"),
    )


def test_a_night_shift_may_meet_the_early_one_and_rest_after_midnight(
    loaded: Loaded, line: str
) -> None:
    night = '[[calendar.shift]]\nid = "night"\ndays = ["mon", "thu"]\nstart = "22:00"\n'
    night += 'end = "06:00"\nbreaks = ["02:00-02:30", "23:50-00:10"]\n\n[[segment]]'
    made = loaded(line.replace("[[segment]]", night, 1))
    assert [shift.id for shift in made.calendars[0].shifts] == ["early", "late", "night"]


def test_two_calendars_may_have_the_same_shifts(loaded: Loaded, line: str) -> None:
    other = line[line.index("[[calendar]]") : line.index("[[segment]]")]
    made = loaded(line + other.replace("two-shift", "other"))
    assert made.calendars == (
        made.calendars[0],
        Calendar("other", made.calendars[0].shifts, made.calendars[0].days_off),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'start = "06:00"',
            'start = "6:00"',
            '17:1: calendar.shift.start: "6:00" is not a time of day; write HH:MM, as in "06:00"',
        ),
        (
            'start = "06:00"',
            "start = 06:00:00",
            '17:1: calendar.shift.start: must be text, not a time; write it in quotes: "06:00"',
        ),
        (
            'end = "22:00"',
            'end = "24:00"',
            '24:1: calendar.shift.end: "24:00" is not a time of day; write HH:MM, as in "00:00"',
        ),
        (
            'end = "14:00"',
            'end = "06:00"',
            (
                "18:1: calendar.shift.end: is its start, 06:00: a shift of no time, or of a whole "
                "day; write when it ends; who works around the clock has two shifts or more"
            ),
        ),
        (
            'start = "14:00"',
            'start = "13:00"',
            (
                '23:1: calendar.shift.start: overlaps the shift "early", at c.toml:17:1, on mon; '
                "write start, end and days so that one is over when the other begins"
            ),
        ),
        (
            'end = "22:00"',
            'end = "06:30"',
            (
                '23:1: calendar.shift.start: overlaps the shift "early", at c.toml:17:1, on mon; '
                "write start, end and days so that one is over when the other begins"
            ),
        ),
        (
            'days = ["mon", "tue", "wed", "thu", "fri"]',
            'days = ["mon", "funday"]',
            (
                '16:16: calendar.shift.days: "funday" is not known here; '
                'write "mon", "tue", "wed", "thu", "fri", "sat" or "sun"'
            ),
        ),
        (
            'days = ["mon", "tue", "wed", "thu", "fri"]',
            'days = ["funday"]',
            (
                '16:9: calendar.shift.days: "funday" is not known here; '
                'write "mon", "tue", "wed", "thu", "fri", "sat" or "sun"'
            ),
        ),
        (
            'days = ["mon", "tue", "wed", "thu", "fri"]',
            "days = []",
            '16:1: calendar.shift.days: is empty; write days = ["mon", "fri"]',
        ),
        (
            'days = ["mon", "tue", "wed", "thu", "fri"]',
            'days = "mon"',
            (
                '16:1: calendar.shift.days: must be a list, not the text "mon"; '
                'write days = ["mon", "fri"]'
            ),
        ),
        (
            '"2026-12-25"',
            '"2026-02-30"',
            ('13:13: calendar.days_off: "2026-02-30" is not a date; write it as in "2026-12-25"'),
        ),
        (
            '"2026-12-25"',
            '"20261225"',
            '13:13: calendar.days_off: "20261225" is not a date; write it as in "2026-12-25"',
        ),
        (
            '"2026-12-25"',
            "2026-12-25",
            (
                "13:13: calendar.days_off: must be text, not a date; "
                'write it in quotes: "2026-12-25"'
            ),
        ),
        (
            '"09:00-09:10"',
            '"05:00-05:10"',
            (
                '19:11: calendar.shift.breaks: "05:00-05:10" is not within its shift, 06:00 to '
                "14:00; write a break that begins and ends within the shift, or remove it"
            ),
        ),
        (
            '"09:00-09:10"',
            '"13:55-14:05"',
            (
                '19:11: calendar.shift.breaks: "13:55-14:05" is not within its shift, 06:00 to '
                "14:00; write a break that begins and ends within the shift, or remove it"
            ),
        ),
        (
            '"09:00-09:10"',
            '"11:45-12:10"',
            (
                '19:26: calendar.shift.breaks: "11:45-12:10" begins before the break '
                '"11:30-12:00" is over; write breaks that follow each other, or one for both'
            ),
        ),
        (
            '"09:00-09:10"',
            '"9:00 - 9:10"',
            (
                '19:11: calendar.shift.breaks: "9:00 - 9:10" is not a break; '
                'write HH:MM-HH:MM, as in "09:00-09:10"'
            ),
        ),
        (
            '"09:00-09:10"',
            '"lunch"',
            (
                '19:11: calendar.shift.breaks: "lunch" is not a break; '
                'write HH:MM-HH:MM, as in "09:00-09:10"'
            ),
        ),
        (
            '"09:00-09:10"',
            '"09:00-09:00"',
            '19:11: calendar.shift.breaks: "09:00-09:00" takes no time; write when it ends',
        ),
        (
            '"09:00-09:10", "11:30-12:00"',
            '"06:00-14:00"',
            (
                "19:1: calendar.shift.breaks: leave nothing of the shift to be worked; "
                "remove or shorten one"
            ),
        ),
        (
            'id = "late"',
            'id = "early"',
            (
                '21:1: calendar.shift.id: "early" is the id of another shift of this calendar, '
                "at c.toml:15:1; write an id that no other shift of this calendar has"
            ),
        ),
        (
            '"Europe/Berlin"',
            '"Europe/Berlim"',
            (
                '8:1: site.time_zone: "Europe/Berlim" is not a time zone; '
                'did you mean "Europe/Berlin"?'
            ),
        ),
        (
            '"Europe/Berlin"',
            '"/etc/passwd"',
            (
                '8:1: site.time_zone: "/etc/passwd" is not a time zone; '
                'write one such as "Europe/Berlin"'
            ),
        ),
        (
            'calendar = "two-shift"',
            'calendar = "two-shifts"',
            (
                '9:1: site.calendar: there is no [[calendar]] "two-shifts"; '
                'did you mean "two-shift"?'
            ),
        ),
    ],
)
def test_what_no_shop_works_by(refused: Refused, line: str, old: str, new: str, said: str) -> None:
    assert old in line
    assert refused(line.replace(old, new, 1)) == [f"c.toml:{said}"]


def test_a_calendar_that_is_none(refused: Refused, line: str) -> None:
    more = '[[calendar]]\nid = "two-shift"\n[[calendar]]\nid = "x"\nshift = { id = "a" }\n'
    sample = 'write [[calendar.shift]], below it id = "early", days, start and end'
    assert refused(line + more) == [
        f"c.toml:92:3: calendar.shift: is missing; {sample}",
        (
            'c.toml:93:1: calendar.id: "two-shift" is the id of another calendar, at '
            "c.toml:12:1; write an id that no other calendar has"
        ),
        f"c.toml:96:1: calendar.shift: must be a list, not a table; {sample}",
    ]


def test_a_key_of_a_shift_is_told_as_one_of_a_shift(refused: Refused, line: str) -> None:
    assert refused(line.replace('end = "22:00"', 'ende = "22:00"')) == [
        'c.toml:20:12: calendar.shift.end: is missing; write end = "14:00"',
        (
            "c.toml:24:1: calendar.shift.ende: is not a key of a [[calendar.shift]]; "
            "did you mean end?"
        ),
    ]


def test_a_calendar_may_be_in_a_file_of_its_own(loaded: Loaded, line: str, folder: Path) -> None:
    begins, ends = line.index("[[calendar]]"), line.index("[[segment]]")
    (folder / "calendar.toml").write_text(line[begins:ends])
    whole = loaded(line)
    assert loaded('include = ["calendar.toml"]\n' + line[:begins] + line[ends:]) == whole


def test_a_system_without_zones_is_told_so(
    refused: Refused, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert refused(line.replace("Europe/Berlin", "Mars/Olympus")) == [
        (
            'c.toml:8:1: site.time_zone: "Mars/Olympus": no time zones on this system; '
            "install its package tzdata"
        )
    ]


STRETCHES = st.builds(
    lambda days, start, length: Stretch((), "x", tuple(sorted(days)), start, length, ()),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1439),
)


def minutes(one: Stretch) -> set[int]:
    begins = [DAYS.index(day) * 1440 + one.start for day in one.days]
    return {(begin + minute) % WEEK for begin in begins for minute in range(one.length)}


@given(STRETCHES, STRETCHES)
def test_shifts_overlap_when_they_share_a_minute_of_the_week(one: Stretch, other: Stretch) -> None:
    assert (_overlap(one, other) is not None) == bool(minutes(one) & minutes(other))
