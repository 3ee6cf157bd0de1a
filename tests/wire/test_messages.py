"""What is rendered rarely is what the models say, and the published document holds together."""

import copy
import inspect
import json
from typing import Any

import jsonschema
import pydantic
import pytest

from edge_agent.wire import asyncapi, messages, models, payload, topics
from edge_agent.wire.asyncapi import MODELS
from edge_agent.wire.examples import EVENTS, EXAMPLES
from edge_agent.wire.line_examples import LINE_EVENTS
from edge_agent.wire.pace_examples import PACE_EVENTS

EPOCH = "7f3a9c0d1e2f"
BASE = "acme/plant1/assembly/line3"
ASOF = "2026-11-21T06:12:05.000Z"
TOPICS = topics.Topics(BASE)


def data_of(kind: str) -> dict[str, Any]:
    said: dict[str, Any] = EXAMPLES[kind]["data"]
    return said


# -- rendering ---------------------------------------------------------------------------------


def test_urgent_data_is_that_of_the_examples() -> None:
    kind, gun = messages.AlarmKind.DEVICE, "gun-1"
    raised, cleared = data_of("alarm.raised"), data_of("alarm.cleared")
    stretch = messages.Stretch(f"{BASE}/A2/scan", 973, 973)
    rendered = {
        "alarm.raised": messages.alarm_raised(
            "device:gun-1", kind, raised["message"], raised["remedy"], gun
        ),
        "alarm.cleared": messages.alarm_cleared(
            "device:gun-1", kind, cleared["message"], 12.5, gun
        ),
        "outbox.gap": messages.outbox_gap(
            EPOCH, 1230, 1230, messages.GapReason.TOO_LARGE, [stretch]
        ),
        "clock.corrected": messages.clock_corrected(
            EPOCH, "4be1c2d3", 1_795_240_711_071_321_000, 1, 12
        ),
        "agent.started": messages.agent_started("0.1.0", messages.PreviousEnd.CUT, 3.25),
        "agent.reloaded": messages.agent_reloaded(
            "1 device added, the rules of the line changed", []
        ),
        "journal.quarantined": messages.journal_quarantined(
            messages.Quarantined(**data_of("journal.quarantined"))
        ),
    }
    for event, raw in rendered.items():
        assert json.loads(raw) == data_of(event), event


def test_what_is_not_known_is_missing_and_never_null() -> None:
    storage = messages.AlarmKind.STORAGE
    raised = json.loads(messages.alarm_raised("storage", storage, "full", "make room"))
    cleared = json.loads(messages.alarm_cleared("storage", storage, "room again", None))
    gap = json.loads(messages.outbox_gap(EPOCH, 1, 2, messages.GapReason.DAMAGED))
    started = json.loads(messages.agent_started("0.1.0", messages.PreviousEnd.NONE, None))
    models.AlarmRaisedSaid.model_validate(raised)
    models.AlarmClearedSaid.model_validate(cleared)
    models.OutboxGapSaid.model_validate(gap)
    models.AgentStartedSaid.model_validate(started)
    assert None not in [*raised.values(), *cleared.values(), *gap.values(), *started.values()]


def test_plain_messages_are_those_of_the_examples() -> None:
    status = messages.status(
        agent="pi-a2",
        online=True,
        connection=3,
        boot="4be1c2d3",
        nonce="9b1f5c0e7d2a4c68",
        version="0.1.0",
        asof=ASOF,
    )
    info = messages.info(agent="pi-a2", station="A2", segment="SEG-A", asof=ASOF)
    result = messages.result(
        command_id=EXAMPLES["cmd.replay"]["id"],
        kind="cmd.replay",
        outcome=messages.Outcome.DONE,
        message="10 events sent again",
        agent="pi-a2",
        asof=ASOF,
        replay=messages.replayed(
            epoch=EPOCH,
            topic=None,
            first=1200,
            last=1210,
            sent=10,
            missing=[messages.Missing(1207, 1207, "expired")],
        ),
    )
    assert json.loads(status) == EXAMPLES["status"]
    assert json.loads(info) == EXAMPLES["state.info"]
    assert json.loads(result) == EXAMPLES["result"]


def test_a_refusal_of_what_cannot_be_read_has_no_id() -> None:
    said = json.loads(
        messages.result(
            command_id=None,
            kind=None,
            outcome=messages.Outcome.REFUSED,
            reason="malformed",
            message="not JSON",
            agent="pi-a2",
            asof=ASOF,
        )
    )
    assert models.Result.model_validate(said).id is None


def test_an_urgent_event_is_its_envelope_and_its_data() -> None:
    example = EXAMPLES["outbox.gap"]
    envelope = payload.Envelope(
        source=TOPICS.source_of_agent("pi-a2"),
        kind=messages.OUTBOX_GAP,
        lane=payload.URGENT,
        agent="pi-a2",
        epoch=EPOCH,
    )
    said = messages.outbox_gap(
        EPOCH,
        1230,
        1230,
        messages.GapReason.TOO_LARGE,
        [messages.Stretch(f"{BASE}/A2/scan", 973, 973)],
    )
    body = payload.BodyTemplate("4be1c2d3").render(
        1_795_241_523_417_000_000, 812_345_678_901, payload.SYNCED, said
    )
    raw = envelope.whole(1238, 981, body)
    assert json.loads(payload.stamp_recorded(raw, b"2026-11-21T06:12:03.431Z")) == example


# -- models and document -----------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_each_example_is_what_its_model_allows_and_no_more(name: str) -> None:
    example, model = EXAMPLES[name], MODELS[name]
    said = model.model_validate_json(json.dumps(example))
    assert json.loads(said.model_dump_json(exclude_unset=True, by_alias=True)) == example
    with pytest.raises(pydantic.ValidationError):
        model.model_validate(example | {"colour": "red"})


def test_every_message_has_a_model_an_example_and_a_channel() -> None:
    carried = {kind for channel in asyncapi.CHANNELS.values() for kind in channel.messages}
    assert set(MODELS) == set(EXAMPLES) == carried
    rendered = {payload.SCAN_READ, payload.SCAN_REJECTED, messages.ALARM_RAISED}
    rendered |= {messages.ALARM_CLEARED, messages.OUTBOX_GAP, messages.CLOCK_CORRECTED}
    own = set(EVENTS) - set(LINE_EVENTS) - set(PACE_EVENTS)
    assert own == rendered | {
        messages.AGENT_STARTED,
        messages.AGENT_RELOADED,
        messages.JOURNAL_QUARANTINED,
    }


def resolved(document: dict[str, Any], reference: str) -> Any:  # noqa: ANN401
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(part: object) -> list[str]:
    if isinstance(part, list):
        return [found for one in part for found in references(one)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for one in part.values() for found in references(one)]


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi.document()
    found = references(document)
    assert len(found) > 50
    for reference in found:
        assert isinstance(resolved(document, reference), dict), reference


def test_the_document_is_json_and_says_what_it_is() -> None:
    document = asyncapi.document()
    assert json.loads(json.dumps(document)) == document
    assert document["asyncapi"] == "3.0.0"
    assert document == asyncapi.document()


@pytest.mark.parametrize("name", MODELS)
def test_the_published_schema_takes_the_example_and_what_later_versions_add(name: str) -> None:
    document = asyncapi.document()
    schema = {"$ref": f"#/components/schemas/{MODELS[name].__name__}"} | {
        "components": document["components"]
    }
    validator = jsonschema.Draft202012Validator(schema)
    example = copy.deepcopy(EXAMPLES[name])
    validator.validate(example)
    validator.validate(example | {"colour": "red"})
    for key in example:
        spoilt = copy.deepcopy(example)
        spoilt[key] = {"what": "is this"} if not isinstance(example[key], dict) else 7
        assert not validator.is_valid(spoilt), key


def test_no_published_schema_is_closed_or_has_a_null_that_is_never_sent() -> None:
    text = json.dumps(asyncapi.schemas())
    assert '"additionalProperties": false' not in text
    assert '"default": null' not in text


def test_channels_are_the_topics_that_are_used() -> None:
    channels = asyncapi.document()["channels"]
    used = {
        "scan": TOPICS.scan("A2"),
        "stationAlarm": TOPICS.alarm("A2"),
        "agentAlarm": TOPICS.agent_alarm("pi-a2"),
        "stationInfo": TOPICS.state("A2", "info"),
        "status": TOPICS.status("pi-a2"),
        "health": TOPICS.health("pi-a2"),
        "doctor": TOPICS.doctor("pi-a2"),
        "agentCommand": TOPICS.agent_command("pi-a2", "leader", "ack"),
        "agentCommandResult": TOPICS.result(TOPICS.agent_command("pi-a2", "leader", "ack")),
        "replay": TOPICS.replay("pi-a2"),
        "replayResult": TOPICS.result(TOPICS.replay("pi-a2")),
        "andon": TOPICS.andon("A2"),
        "stop": TOPICS.stop("SEG-A"),
        "takt": TOPICS.takt("A2"),
        "kpi": TOPICS.kpi("A2"),
        "stationTakt": TOPICS.state("A2", "takt"),
        "stationAndon": TOPICS.state("A2", "andon"),
        "stationDisplay": TOPICS.state("A2", "display"),
        "segmentState": TOPICS.segment_state("SEG-A"),
        "command": TOPICS.station_command("A2", "leader", "ack"),
        "commandResult": TOPICS.result(TOPICS.station_command("A2", "leader", "ack")),
    }
    assert set(used) == set(channels)
    for name, topic in used.items():
        address = channels[name]["address"]
        levels = {"base": BASE, "station": "A2", "agent": "pi-a2", "segment": "SEG-A"}
        levels |= {"role": "leader", "command": "ack"}
        assert address.format(**levels) == topic
        assert set(channels[name]["parameters"]) == {
            parameter for parameter in levels if f"{{{parameter}}}" in address
        }


def test_every_topic_that_can_be_made_is_in_the_document() -> None:
    ids = {"station": "A2", "agent": "pi-a2", "segment": "SEG-A", "role": "leader", "name": "ack"}
    reads = ("parse", "everything", "agent_commands", "station_commands")
    makers = {
        name: make
        for name, make in inspect.getmembers(TOPICS, inspect.ismethod)
        if not name.startswith(("_", "source_of")) and name not in reads
    }
    made = {TOPICS.state("A2", what) for what in ("info", "andon", "takt", "display")}
    for name in makers.keys() - {"state"}:
        levels = inspect.signature(makers[name]).parameters
        made.add(makers[name](*(ids[one] for one in levels)))
    made |= {TOPICS.result(topic) for topic in made if "/cmd/" in topic}
    levels = ids | {"base": BASE, "command": "ack"}
    channels = asyncapi.CHANNELS.values()
    assert made == {channel.topic.format(**levels) for channel in channels}
    asked = {
        channel.topic.format(**levels | {"role": "+", "command": "+"})
        for channel in channels
        if not channel.sent
    }
    assert asked == {*TOPICS.agent_commands("pi-a2"), TOPICS.station_commands("A2")}


def test_events_are_not_retained_and_states_are() -> None:
    operations = asyncapi.document()["operations"]
    bindings = {name: said["bindings"]["mqtt"] for name, said in operations.items()}
    assert {said["qos"] for said in bindings.values()} == {1}
    retained = {name for name, said in bindings.items() if said["retain"]}
    assert retained == {
        "sendStationInfo",
        "sendStationAndon",
        "sendStationTakt",
        "sendStationDisplay",
        "sendSegmentState",
        "sendStatus",
    }
    assert operations["receiveReplay"]["action"] == "receive"
    assert operations["receiveReplay"]["reply"]["channel"] == {"$ref": "#/channels/replayResult"}
