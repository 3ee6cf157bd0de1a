"""Topic names: the contract's, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.wire.topics import LEVEL, RESERVED, Place, Subject, Topics

BASE = "acme/plant1/assembly/line3"
TOPICS = Topics(BASE)
levels = st.from_regex(LEVEL, fullmatch=True).filter(lambda level: level not in RESERVED)


@pytest.mark.parametrize(
    ("topic", "contract", "place"),
    [
        (TOPICS.scan("A2"), "A2/scan", Place(Subject.SCAN, station="A2")),
        (TOPICS.alarm("A2"), "A2/alarm", Place(Subject.ALARM, station="A2")),
        (TOPICS.agent_alarm("pi"), "agent/pi/alarm", Place(Subject.ALARM, agent="pi")),
        (TOPICS.status("pi"), "agent/pi/status", Place(Subject.STATUS, agent="pi")),
        (TOPICS.health("pi"), "agent/pi/health", Place(Subject.HEALTH, agent="pi")),
        (TOPICS.doctor("pi"), "agent/pi/doctor", Place(Subject.DOCTOR, agent="pi")),
        (
            TOPICS.state("A2", "info"),
            "A2/state/info",
            Place(Subject.STATE, station="A2", name="info"),
        ),
        (TOPICS.andon("A2"), "A2/andon", Place(Subject.ANDON, station="A2")),
        (TOPICS.takt("A2"), "A2/takt", Place(Subject.TAKT, station="A2")),
        (TOPICS.kpi("A2"), "A2/kpi", Place(Subject.KPI, station="A2")),
        (TOPICS.stop("SEG-A"), "segment/SEG-A/stop", Place(Subject.STOP, segment="SEG-A")),
        (
            TOPICS.segment_state("SEG-A"),
            "segment/SEG-A/state",
            Place(Subject.STATE, segment="SEG-A"),
        ),
        (
            TOPICS.replay("pi"),
            "agent/pi/cmd/replay",
            Place(Subject.COMMAND, agent="pi", name="replay"),
        ),
        (
            TOPICS.result(TOPICS.replay("pi")),
            "agent/pi/cmd/replay/result",
            Place(Subject.RESULT, agent="pi", name="replay"),
        ),
        (
            TOPICS.agent_command("pi", "admin", "republish"),
            "agent/pi/cmd/admin/republish",
            Place(Subject.COMMAND, agent="pi", role="admin", name="republish"),
        ),
        (
            TOPICS.station_command("A2", "leader", "ack"),
            "A2/cmd/leader/ack",
            Place(Subject.COMMAND, station="A2", role="leader", name="ack"),
        ),
        (
            TOPICS.result(TOPICS.station_command("A2", "leader", "ack")),
            "A2/cmd/leader/ack/result",
            Place(Subject.RESULT, station="A2", role="leader", name="ack"),
        ),
    ],
)
def test_topics_are_those_of_the_contract_and_read_back(
    topic: str, contract: str, place: Place
) -> None:
    assert topic == f"{BASE}/{contract}"
    assert TOPICS.parse(topic) == place


@pytest.mark.parametrize(
    ("topic", "place"),
    [
        (f"{BASE}/A2/signal/LP-7", Place(Subject.OTHER, station="A2")),
        (f"{BASE}/A2", Place(Subject.OTHER, station="A2")),
        (f"{BASE}/agent", Place(Subject.OTHER)),
        (f"{BASE}/agent/pi/what", Place(Subject.OTHER, agent="pi")),
        (f"{BASE}/A2/cmd/ack", Place(Subject.OTHER, station="A2")),
        (f"{BASE}/segment/SEG-A/what", Place(Subject.OTHER)),
        (BASE, None),
        (f"{BASE}2/A2/scan", None),
        ("other/A2/scan", None),
    ],
)
def test_what_is_not_ours_is_said_to_be_so(topic: str, place: Place | None) -> None:
    assert TOPICS.parse(topic) == place


@given(levels, levels, levels)
def test_any_ids_read_back(station: str, agent: str, name: str) -> None:
    assert TOPICS.parse(TOPICS.scan(station)) == Place(Subject.SCAN, station=station)
    assert TOPICS.parse(TOPICS.status(agent)) == Place(Subject.STATUS, agent=agent)
    assert TOPICS.parse(TOPICS.state(station, name)) == Place(
        Subject.STATE, station=station, name=name
    )


@given(st.text())
def test_any_topic_reads_as_something(topic: str) -> None:
    TOPICS.parse(f"{BASE}/{topic}")
    TOPICS.parse(topic)


@pytest.mark.parametrize("base", ["", "/", "a/", "/a", "a//b", "a/+/b", "a/#", "a.b", "a b", "ä"])
def test_a_base_that_brokers_would_bend_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base"):
        Topics(base)


def test_filters_hear_commands() -> None:
    assert TOPICS.agent_commands("pi") == (
        f"{BASE}/agent/pi/cmd/replay",
        f"{BASE}/agent/pi/cmd/+/+",
    )
    assert TOPICS.station_commands("A2") == f"{BASE}/A2/cmd/+/+"
    assert TOPICS.everything() == f"{BASE}/#"
    assert TOPICS.source_of_station("A2") == f"/{BASE}/A2"
    assert TOPICS.source_of_agent("pi") == f"/{BASE}/agent/pi"
