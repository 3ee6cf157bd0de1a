"""What a visit, a device or a running agent says is judged; no probe, no wait."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import drivers
from edge_agent import __version__
from edge_agent.configuration import Address, Agent, Broker, Configuration, Device, Site
from edge_agent.doctor import brokers, equipment, examination, journals, presence
from edge_agent.doctor.findings import Finding
from edge_agent.doctor.presence import Presence, State
from edge_agent.ports import GPIO, Examined, Verdict
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Cause, Ending
from edge_agent.uplink.troubles import Trouble
from edge_agent.uplink.visit import Visit

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
NOW_S = 1_790_000_000.0
TOPIC = "a/b/agent/pi-a2/doctor"
ONE, OTHER = Address("10.0.0.5", 1883, tls=False), Address("broker.plant", 8883, tls=True)
MS = 1_000_000


def visited(address: Address = ONE, **how: Any) -> Visit:  # noqa: ANN401 - any field of a visit
    took = {"files": 0, "look-up": MS, "connect": 2 * MS, "login": 3 * MS, "publish": 4 * MS}
    return Visit(address, stage="", took_ns=took, may_hear=True, returned_ns=3 * MS, **how)


def judged(visit: Visit) -> dict[str, Finding]:
    found = list(brokers.judged(visit, TOPIC, NOW_S))
    assert all(one.remedy for one in found if one.verdict is not OK)
    where = brokers.url(visit.address)
    return {one.name.removeprefix(where + " "): one for one in found}


def verdicts(visit: Visit) -> dict[str, Verdict]:
    return {name: one.verdict for name, one in judged(visit).items()}


@pytest.mark.parametrize(("verdict", "code"), [(OK, 0), (WARN, 1), (FAIL, 2)])
def test_the_worst_finding_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: Verdict, code: int
) -> None:
    found = [Finding("a", "disk", OK, "well"), Finding("b", "disk", verdict, "so so", "mend it")]
    monkeypatch.setattr(examination, "examined", lambda *_: found)
    broker = Broker((ONE,))
    alone = Configuration(Agent("pi-a2", tmp_path), broker, Site("a/b"), tmp_path, ())
    assert examination.doctor(tmp_path / "a.toml", alone, as_json=False) == code


# -- brokers -------------------------------------------------------------------------------------


def test_a_visit_that_passes_says_each_stage_once() -> None:
    plain = judged(visited())
    assert list(plain) == ["connect", "login", "publish", "round trip"]
    assert plain["round trip"].what == "3.0 ms there and back"
    secure = judged(visited(OTHER, ends_s=int(NOW_S) + 86_400 * 100))
    assert list(secure) == ["look-up", "connect", "TLS", "login", "publish", "round trip"]
    assert {one.verdict for one in (plain | secure).values()} == {OK}


def test_a_certificate_that_ends_soon_is_a_warning() -> None:
    assert verdicts(visited(OTHER, ends_s=int(NOW_S) + 86_400 * 29))["TLS"] is WARN


def test_a_login_that_is_refused_is_told_with_its_remedy() -> None:
    visit = Visit(ONE, stage="login", took_ns={"look-up": 0, "connect": 0})
    visit.trouble = Trouble(
        "10.0.0.5:1883 refuses user name or password", "correct broker.username"
    )
    visit.ending = Ending(Cause.REFUSED, 0x86)
    assert verdicts(visit) == {"connect": OK, "login": FAIL}
    assert "LoadCredential" in judged(visit)["login"].remedy


@pytest.mark.parametrize("stage", ["files", "look-up", "connect", "TLS", "login"])
def test_a_visit_that_hangs_says_at_what(stage: str) -> None:
    why, remedy = brokers.standing(Visit(ONE, stage=stage))
    assert why
    assert remedy


def test_a_refused_publish_is_a_failure_that_names_the_topic() -> None:
    visit = visited(refused="not_authorized")
    visit.returned_ns = None
    found = judged(visit)["publish"]
    assert found.verdict is FAIL
    assert "not authorized" in found.what
    assert TOPIC in found.remedy


@pytest.mark.parametrize(("version", "verdict"), [(Version.V5, OK), (Version.V311, WARN)])
def test_what_does_not_come_back_is_worse_where_the_broker_has_no_word_for_no(
    version: Version, verdict: Verdict
) -> None:
    visit = visited(version=version)
    visit.returned_ns = None
    assert verdicts(visit)["publish"] is verdict


def test_a_slow_round_trip_is_a_warning() -> None:
    visit = visited()
    visit.returned_ns = brokers.SLOW_NS + 1
    assert verdicts(visit)["round trip"] is WARN


def test_a_failure_where_another_broker_works_is_a_warning() -> None:
    down = Finding(f"{brokers.url(ONE)} connect", "broker", FAIL, "nothing listens", "start it")
    up = Finding(f"{brokers.url(OTHER)} login", "broker", OK, "in")
    gun = Finding("gun-1", "devices", FAIL, "not there", "plug it in")
    eased = brokers.eased([gun, down, up], [ONE, OTHER], agent_is_in=False)
    assert [one.verdict for one in eased] == [FAIL, WARN, OK]
    alone = brokers.eased([gun, down], [ONE], agent_is_in=False)
    assert [one.verdict for one in alone] == [FAIL, FAIL]
    in_already = brokers.eased([gun, down], [ONE], agent_is_in=True)
    assert [one.verdict for one in in_already] == [FAIL, WARN]
    assert "the running agent itself is connected" in in_already[1].what


def test_an_address_of_many_colons_is_written_as_one() -> None:
    assert brokers.url(Address("fe80::1", 8883, tls=True)) == "mqtts://[fe80::1]:8883"


# -- the running agent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"condition": "ok", "why": "", "remedy": ""}, OK),
        ({"condition": "ok", "why": "", "remedy": 'write port = "..."'}, WARN),
        ({"condition": "starting"}, WARN),
        ({"condition": "trouble", "why": "full", "remedy": "make room"}, FAIL),
        ({}, FAIL),
    ],
)
def test_a_condition_of_the_agent_is_taken(said: dict[str, str], verdict: Verdict) -> None:
    found, what, remedy = presence.condition(said)
    assert found is verdict
    assert what
    assert bool(remedy) is (verdict is not OK)


def met(**said: object) -> dict[str, Finding]:
    return {one.name: one for one in presence.judged(Presence(State.RUNNING, dict(said)))}


def test_how_the_agent_is_met_is_said_first() -> None:
    well = met(pid=7, running_s=7200.0, ready=True, version=__version__, reloads_refused=0)
    assert list(well) == ["process"]
    assert "process 7, for 2 h" in well["process"].what
    assert met(ready=False)["process"].verdict is FAIL
    old = met(version="0.0.1", reloads_refused=2, running_s=None)
    assert {name: one.verdict for name, one in old.items()} == {
        "process": OK,
        "version": WARN,
        "reload": WARN,
    }
    (mute,) = presence.judged(Presence(State.MUTE, {}, "it says nothing", "ask again"))
    assert mute.verdict is FAIL
    assert mute.remedy == "ask again"
    (resting,) = presence.judged(Presence(State.RESTING, {}))
    assert resting.verdict is OK


def test_whether_it_runs_is_known_or_not() -> None:
    known = {state: Presence(state, {}).running for state in State}
    assert known == {
        State.RESTING: False,
        State.RUNNING: True,
        State.MUTE: True,
        State.HIDDEN: None,
    }


def test_devices_that_only_one_side_knows_are_told() -> None:
    devices = [Device(name, "x", "A2", None) for name in ("gun-1", "gun-2")]
    said: list[dict[str, Any]] = [
        {"name": "gun-1", "condition": "ok"},
        {"name": "gun-3", "condition": "ok"},
    ]
    found = {one.name: one.verdict for one in equipment.judged_word(devices, said)}
    assert found == {"gun-1": OK, "gun-2": WARN, "gun-3": WARN}


def test_the_word_on_the_journal_is_judged_with_what_was_set_aside() -> None:
    said = {"counters": {"events": {"waiting": 5, "set_aside": 1}}}
    found = list(journals.judged_word(said, (OK, "the agent says ok", "")))
    assert [one.verdict for one in found] == [OK, WARN]
    assert "5 events wait" in found[0].what
    (bad,) = journals.judged_word({}, (FAIL, "full", "make room"))
    assert (bad.verdict, bad.what) == (FAIL, "full")


# -- devices at rest -----------------------------------------------------------------------------


class Wired:
    """A driver of nobody that names lines, and has a word of its own."""

    @dataclass(frozen=True, slots=True)
    class Keys:
        pin: str = field(metadata={GPIO: True})
        spare: str | None = field(default=None, metadata={GPIO: True})
        other: str = "GPIO9"

    @staticmethod
    def examine(keys: "Wired.Keys") -> Iterator[Examined]:
        yield Verdict.WARN, f"{keys.pin} is warm", "let it cool"


def test_a_driver_of_others_is_asked_and_its_lines_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drivers, "load", lambda _kind: Wired)
    device = Device("cord", "wired", "A2", Wired.Keys("GPIO17"))
    assert equipment.gpio_lines(device.keys) == ["GPIO17"]
    (found,) = equipment.looked_at(device)
    assert found == Finding("cord", "devices", WARN, "GPIO17 is warm", "let it cool")
    monkeypatch.delattr(Wired, "examine")
    (found,) = equipment.looked_at(device)
    assert "under gpio" in found.what


def test_lines_are_looked_at_only_where_there_is_a_chip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = Device("cord", "wired", "A2", Wired.Keys("GPIO17", "GPIO18"))
    info = equipment.gpio_lines_info
    none = info.examined_chips(tmp_path)
    monkeypatch.setattr(info, "examined_chips", lambda: none)
    assert [one.name for one in equipment.lines_looked_at([device])] == ["library", "chip"]
    monkeypatch.setattr(info, "examined_chips", lambda: (OK, "a chip", ""))
    monkeypatch.setattr(info, "examined", lambda names: ((OK, name, "") for name in names))
    found = list(equipment.lines_looked_at([device]))
    assert [(one.name, one.what) for one in found[2:]] == [("cord", "GPIO17"), ("cord", "GPIO18")]
