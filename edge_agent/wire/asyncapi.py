"""The AsyncAPI 3 document: every channel, message, schema and example, from the models.

The agent's side is described: `send` is what the agent publishes, `receive` what it listens to.
"""

from typing import Any, Final, NamedTuple

from pydantic.json_schema import models_json_schema

from edge_agent import __version__
from edge_agent.wire.examples import EXAMPLES
from edge_agent.wire.line_models import LINE_MODELS
from edge_agent.wire.models import MODELS as OWN
from edge_agent.wire.order_models import ORDER_MODELS
from edge_agent.wire.pace_models import PACE_MODELS

MODELS: Final = OWN | LINE_MODELS | ORDER_MODELS | PACE_MODELS
"""Type of an event or command, or name of a plain message -> its model; all there are."""

ASYNCAPI: Final = "3.0.0"
CLOUDEVENT: Final = "application/cloudevents+json"
PLAIN: Final = "application/json"

_BINDING: Final = "0.2.0"
_SCHEMAS: Final = "#/components/schemas/"


class Channel(NamedTuple):
    """A topic and what it carries; `topic` has parameters in braces."""

    topic: str
    summary: str
    messages: tuple[str, ...]
    retain: bool = False
    sent: bool = True


CHANNELS: Final = {
    "scan": Channel(
        "{base}/{station}/scan", "What is scanned at a station.", ("scan.read", "scan.rejected")
    ),
    "stationAlarm": Channel(
        "{base}/{station}/alarm",
        "Alarms of a station's devices.",
        ("alarm.raised", "alarm.cleared"),
    ),
    "agentAlarm": Channel(
        "{base}/agent/{agent}/alarm",
        "Alarms of the agent itself, and what is to be known about its numbers and its clock.",
        (
            "alarm.raised",
            "alarm.cleared",
            "outbox.gap",
            "clock.corrected",
            "agent.started",
            "agent.reloaded",
            "journal.quarantined",
        ),
    ),
    "andon": Channel(
        "{base}/{station}/andon",
        "Calls of a station: what people pull, answer and clear, and what their inputs are.",
        tuple(kind for kind in LINE_MODELS if kind.startswith("andon.")),
    ),
    "stop": Channel(
        "{base}/segment/{segment}/stop",
        "Stops of a line segment. A request to a PLC, never part of a safety chain.",
        ("stop.started", "stop.ended"),
    ),
    "takt": Channel(
        "{base}/{station}/takt",
        "Cycles, changeovers and pace of a station.",
        tuple(kind for kind in PACE_MODELS if kind.startswith("takt.")),
    ),
    "kpi": Channel(
        "{base}/{station}/kpi",
        "Measures of a station, per hour and shift.",
        ("kpi.hour", "kpi.shift"),
    ),
    "stationAndon": Channel(
        "{base}/{station}/state/andon",
        "What is open at a station: drive lamps and boards from this, not from events.",
        ("state.andon",),
        retain=True,
    ),
    "stationTakt": Channel(
        "{base}/{station}/state/takt",
        "How a station keeps pace: plan, count and the running cycle.",
        ("state.takt",),
        retain=True,
    ),
    "stationDisplay": Channel(
        "{base}/{station}/state/display",
        "The text for the person at the station.",
        ("state.display",),
        retain=True,
    ),
    "segmentState": Channel(
        "{base}/segment/{segment}/state",
        "What a segment does.",
        ("state.segment",),
        retain=True,
    ),
    "stationInfo": Channel(
        "{base}/{station}/state/info",
        "Who serves a station, and what for.",
        ("state.info",),
        retain=True,
    ),
    "status": Channel(
        "{base}/agent/{agent}/status",
        "Whether an agent is there; also its last will.",
        ("status",),
        retain=True,
    ),
    "health": Channel(
        "{base}/agent/{agent}/health", "How an agent is, every minute and on change.", ("health",)
    ),
    "doctor": Channel(
        "{base}/agent/{agent}/doctor",
        "What `edge-agent doctor` says to itself, to see its right to publish and how long it "
        "takes. Ignore it.",
        ("doctor",),
    ),
    "replay": Channel(
        "{base}/agent/{agent}/cmd/replay",
        "Asks an agent to send events again. A retained command is refused.",
        ("cmd.replay",),
        sent=False,
    ),
    "command": Channel(
        "{base}/{station}/cmd/{role}/{command}",
        "Asks something of a station, in a role. A retained command is refused.",
        tuple(kind for kind in ORDER_MODELS if kind.startswith("cmd.")),
        sent=False,
    ),
    "agentCommand": Channel(
        "{base}/agent/{agent}/cmd/{role}/{command}",
        "Asks something of an agent, in a role. This release knows nothing that could be asked "
        "here: it hears it, and says so on the result's topic.",
        (),
        sent=False,
    ),
    "agentCommandResult": Channel(
        "{base}/agent/{agent}/cmd/{role}/{command}/result",
        "What became of each command to an agent, by its id: it is refused.",
        ("result",),
    ),
    "commandResult": Channel(
        "{base}/{station}/cmd/{role}/{command}/result",
        "What became of each command, by its id.",
        ("result",),
    ),
    "replayResult": Channel(
        "{base}/agent/{agent}/cmd/replay/result",
        "What became of each replay, by the command's id.",
        ("result",),
    ),
}

_PARAMETERS: Final = {
    "base": {
        "description": "Enterprise, site, area and line (ISA-95), with / between: `site.base`. "
        "Levels are of [A-Za-z0-9_-].",
        "examples": ["acme/plant1/assembly/line3"],
    },
    "station": {"description": "Id of a station: [A-Za-z0-9_-]+.", "examples": ["A2"]},
    "segment": {"description": "Id of a line segment: [A-Za-z0-9_-]+.", "examples": ["SEG-A"]},
    "role": {"description": "The role of who asks: the broker's rules say who may use it."},
    "command": {"description": "The name of the command, `ack` for `cmd.ack`."},
    "agent": {"description": "Id of an agent: [A-Za-z0-9_-]+.", "examples": ["pi-a2"]},
}

_DELAYED: Final = {
    "type": "object",
    "properties": {
        "delayed-s": {
            "type": "string",
            "pattern": r"^\d+$",
            "description": "MQTT 5 user property of an event that was published more than 10 s "
            "after its capture: how many seconds after.",
        }
    },
}

_DESCRIPTION: Final = """\
Events are CloudEvents 1.0 in JSON structured mode, QoS 1, not retained. Remove repeats by `id`; \
see gaps by `sequence` (everything of an agent) or `streamseq` (one topic) and ask for a replay; \
what will never come is explained by an `outbox.gap`. A normal event never overtakes anything; \
an urgent one may overtake normal ones. Retained messages say what is true now. \
Types and field names never change meaning; ignore what you do not know.\
"""


def document() -> dict[str, Any]:
    """Give the AsyncAPI document as plain values that JSON has."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Edge agent",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": CLOUDEVENT,
        "channels": {name: _channel(channel) for name, channel in CHANNELS.items()},
        "operations": {_verb(name): _operation(name) for name in CHANNELS},
        "components": {
            "messages": {_camel(kind): _message(kind) for kind in MODELS},
            "parameters": _PARAMETERS,
            "schemas": schemas(),
        },
    }


def schemas() -> dict[str, Any]:
    """Give the JSON Schema of every message by the name of its model; they allow other keys."""
    _, made = models_json_schema(
        [(model, "validation") for model in MODELS.values()], ref_template=_SCHEMAS + "{model}"
    )
    return {name: _opened(schema) for name, schema in sorted(made["$defs"].items())}


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.topic,
        "summary": channel.summary,
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"}
            for name in _PARAMETERS
            if f"{{{name}}}" in channel.topic
        },
        "messages": {
            _camel(kind): {"$ref": f"#/components/messages/{_camel(kind)}"}
            for kind in channel.messages
        },
    }


def _operation(name: str) -> dict[str, Any]:
    channel = CHANNELS[name]
    made: dict[str, Any] = {
        "action": "send" if channel.sent else "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": channel.summary,
        "messages": [
            {"$ref": f"#/channels/{name}/messages/{_camel(kind)}"} for kind in channel.messages
        ],
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retain, "bindingVersion": _BINDING}},
    }
    if not channel.sent:
        made["reply"] = {
            "channel": {"$ref": f"#/channels/{name}Result"},
            "messages": [{"$ref": f"#/channels/{name}Result/messages/result"}],
        }
    return made


def _message(kind: str) -> dict[str, Any]:
    model, example = MODELS[kind], EXAMPLES[kind]
    content_type = CLOUDEVENT if "specversion" in example else PLAIN
    made: dict[str, Any] = {
        "name": kind,
        "title": kind,
        "summary": model.__doc__,
        "contentType": content_type,
        "payload": {"$ref": _SCHEMAS + model.__name__},
        "bindings": {
            "mqtt": {
                "payloadFormatIndicator": 1,
                "contentType": content_type,
                "bindingVersion": _BINDING,
            }
        },
        "examples": [{"name": _camel(kind), "payload": example}],
    }
    if "sequence" in example:
        made["headers"] = _DELAYED
    return made


def _opened(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON Schema
    """Allow unknown keys, and take the default null from what may only be missing."""
    if isinstance(schema, list):
        return [_opened(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _opened(part)
        for key, part in schema.items()
        if not (key == "additionalProperties" and part is False)
        and not (key == "default" and part is None)
    }


def _camel(kind: str) -> str:
    first, *rest = kind.split(".")
    return first + "".join(word.capitalize() for word in rest)


def _verb(name: str) -> str:
    verb = "send" if CHANNELS[name].sent else "receive"
    return verb + name[0].upper() + name[1:]
