"""What a reload does: every difference between two configurations has its consequence."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.simulated import SimulatedScanner
from edge_agent.changes import changes
from edge_agent.configuration import (
    Address,
    Agent,
    Andon,
    Broker,
    Calendar,
    Condition,
    Configuration,
    Device,
    Journal,
    Reason,
    Segment,
    Shift,
    Site,
    Station,
)
from edge_agent.domain.people import Person
from edge_agent.reloading import told


def gun(name: str, fifo: str = "/fifo", station: str = "A2") -> Device:
    return Device(name, "simulated-scanner", station, SimulatedScanner.Keys(fifo=Path(fifo)))


@pytest.fixture
def now() -> Configuration:
    return Configuration(
        agent=Agent("pi-a2", Path("/data")),
        broker=Broker((Address("h", 1883, tls=False),)),
        site=Site("a/b"),
        folder=Path("/etc"),
        stations=(Station("A2"),),
        devices=(gun("one", "/1"), gun("two", "/2")),
    )


def test_nothing_changes_nothing(now: Configuration) -> None:
    found = changes(now, replace(now, folder=Path("/elsewhere")))
    assert found.nothing
    assert found.then.devices == now.devices


def test_devices_come_and_go_by_name(now: Configuration) -> None:
    new = replace(now, devices=(gun("three", "/1"), gun("two", "/2")))
    found = changes(now, new)
    assert found.removed == (now.devices[0],)
    assert found.added == (gun("three", "/1"),)
    assert found.replaced == ()
    assert not found.nothing


def test_a_device_with_other_keys_or_another_station_is_replaced(now: Configuration) -> None:
    new = replace(now, devices=(gun("one", "/2"), gun("two", "/2", "A3")))
    found = changes(now, new)
    assert found.replaced == new.devices
    assert (found.added, found.removed) == ((), ())


def test_the_order_of_devices_means_nothing(now: Configuration) -> None:
    assert changes(now, replace(now, devices=now.devices[::-1])).nothing


def test_stations_come_and_go(now: Configuration) -> None:
    found = changes(now, replace(now, stations=(Station("A3"),)))
    assert found.stations_removed == (Station("A2"),)
    assert found.stations_added == (Station("A3"),)
    assert not found.nothing


def test_the_rules_of_the_line_are_made_anew_whatever_of_them_changes(now: Configuration) -> None:
    shift = Shift("early", ("mon",), "06:00", "14:00")
    lines = [
        replace(now, site=Site("a/b", "Europe/Berlin")),
        replace(now, site=Site("a/b", calendar="two-shift")),
        replace(now, stations=(Station("A2", "SEG-A"),)),
        replace(now, stations=(Station("A2"), Station("A3"))),
        replace(now, calendars=(Calendar("two-shift", (shift,)),)),
        replace(now, segments=(Segment("SEG-A"),)),
        replace(now, andons=(Andon("*", "help"),)),
        replace(now, people=(Person("E:7", "M. Roth"),)),
        replace(now, reasons=(Reason("FIT", "Does not fit"),)),
        replace(now, looks=(Condition("called", (("yellow", "steady"),)),)),
    ]
    for new in lines:
        found = changes(now, new)
        assert (found.line, found.nothing, found.after_restart) == (True, False, {})
        assert found.then == new
        assert "rules of the line changed" in told(found)
    for other in (replace(now, devices=()), replace(now, journal=Journal(quota_mb=99))):
        assert not changes(now, other).line


def test_a_station_that_changes_neither_comes_nor_goes(now: Configuration) -> None:
    found = changes(now, replace(now, stations=(Station("A2", "SEG-A", ("post",)),)))
    assert (found.stations_added, found.stations_removed) == ((), ())


def test_the_order_in_which_a_line_is_written_means_nothing(now: Configuration) -> None:
    one = replace(now, people=(Person("1", "A"), Person("2", "B")), stations=(Station("A2"),))
    assert changes(one, replace(one, people=one.people[::-1])).nothing


def test_broker_and_journal_are_told_apart(now: Configuration) -> None:
    found = changes(now, replace(now, broker=replace(now.broker, keepalive_s=30)))
    assert (found.broker, found.journal, found.nothing) == (True, False, False)
    found = changes(now, replace(now, journal=Journal(quota_mb=99)))
    assert (found.broker, found.journal, found.nothing) == (False, True, False)


def test_who_we_are_waits_for_a_restart(now: Configuration) -> None:
    new = replace(now, agent=Agent("pi-9", Path("/x")), site=Site("c"), stations=(Station("A9"),))
    found = changes(now, new)
    assert tuple(found.after_restart.values()) == (
        "agent.id: pi-9 instead of pi-a2: takes effect after a restart",
        "agent.data_dir: /x instead of /data: takes effect after a restart",
        "site.base: c instead of a/b: takes effect after a restart",
    )
    assert not found.nothing
    assert found.then == replace(new, agent=now.agent, site=now.site)
    elsewhere = replace(new, site=Site("c", "Europe/Berlin", "two-shift"))
    assert changes(now, elsewhere).then.site == Site("a/b", "Europe/Berlin", "two-shift")
    assert changes(found.then, new).after_restart == found.after_restart


def test_what_waits_for_a_restart_is_not_called_nothing(now: Configuration) -> None:
    assert told(changes(now, now)) == "nothing changed"
    moved = replace(now, site=Site("c"))
    assert told(changes(now, moved)) == "site.base waits for a restart"
    found = changes(now, replace(moved, agent=Agent("pi-9", Path("/x")), devices=()))
    assert told(found) == (
        "one removed, two removed, agent.id waits for a restart,"
        " agent.data_dir waits for a restart, site.base waits for a restart"
    )
