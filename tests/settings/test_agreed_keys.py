"""The keys that plants were promised, to the letter: each is read and means what it says."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import (
    Andon,
    Calendar,
    Configuration,
    Level,
    Segment,
    Shift,
    Station,
)
from edge_agent.domain.people import Person

Loaded = Callable[..., Configuration]

PROMISED = """
[[calendar]]
id = "two-shift"
days_off = ["2026-12-25"]
[[calendar.shift]]
id = "early"
days = ["mon", "tue", "wed", "thu", "fri"]
start = "06:00"
end = "14:00"
breaks = ["09:00-09:10", "11:30-12:00"]

[[segment]]
id = "SEG-A"
takt_s = 60.0
fixed_position = "takt"
restart_warning_s = 5.0
stop_output = "stop-a"
start_input = "start-a"

[[station]]
id = "A3"
segment = "SEG-A"
roles = ["consumer"]

[[andon]]
station = "A3"
category = "quality"
stops = true
cancel = "second-pull"
min_cancel_s = 2.0
ack_s = 30.0
escalate = [{ level = 2, after_s = 60.0, notify = "group-leader" }, { level = 3, after_s = 300.0, notify = "manager" }]

[[device]]
name = "cord-a3"
kind = "gpio-cord"
station = "A3"
category = "quality"
pin = "GPIO17"
contact = "normally-closed"
filter_ms = 50

[[device]]
name = "start-a"
kind = "gpio-button"
station = "A3"
purpose = "start"
pin = "GPIO22"
contact = "normally-open"

[[device]]
name = "tower-a3"
kind = "gpio-lamp"
station = "A3"
red = "GPIO5"
yellow = "GPIO6"
green = "GPIO13"

[[device]]
name = "stop-a"
kind = "gpio-output"
pin = "GPIO26"
on_agent_loss = "stop"

[[person]]
badge = "E:1007"
name = "L. Weber"
roles = ["leader"]
"""  # noqa: E501 - as it was promised


@pytest.mark.usefixtures("every_kind")
def test_what_was_promised_is_read(loaded: Loaded, good: str) -> None:
    site = 'base = "acme/plant1/assembly/line3"\n'
    zone = 'time_zone = "Europe/Berlin"\ncalendar = "two-shift"\n'
    made = loaded(good.replace(site, site + zone) + PROMISED)
    assert (made.site.time_zone, made.site.calendar) == ("Europe/Berlin", "two-shift")
    workdays = ("mon", "tue", "wed", "thu", "fri")
    breaks = ("09:00-09:10", "11:30-12:00")
    shift = Shift("early", workdays, "06:00", "14:00", breaks)
    assert made.calendars == (Calendar("two-shift", (shift,), ("2026-12-25",)),)
    assert made.segments == (
        Segment(
            "SEG-A",
            takt_s=60.0,
            fixed_position="takt",
            restart_warning_s=5.0,
            stop_output="stop-a",
            start_input="start-a",
        ),
    )
    assert made.stations == (Station("A2"), Station("A3", "SEG-A", ("consumer",)))
    ladder = (Level(2, 60.0, "group-leader"), Level(3, 300.0, "manager"))
    assert made.andons == (
        Andon("A3", "quality", stops=True, min_cancel_s=2.0, ack_s=30.0, escalate=ladder),
    )
    assert made.people == (Person("E:1007", "L. Weber", ("leader",)),)
    assert [one.station for one in made.devices] == ["A2", "A3", "A3", "A3", None]
