"""What was published, held against its model, its channel and its source.

`checked` is for every test that sees payloads, whoever made them.
"""

import json
import re
from typing import Any

from edge_agent.wire.asyncapi import CHANNELS, MODELS
from edge_agent.wire.topics import Place, Subject, Topics

_PARAMETER = re.compile(r"\\{\w+\\}")


def checked(
    payload: bytes | bytearray | str | dict[str, Any],
    topic: str | None = None,
    topics: Topics | None = None,
) -> dict[str, Any]:
    """Give a payload as JSON; AssertionError or ValidationError where it breaks its promise.

    Without `topic` it has to be an event or a command, which say what they are.
    """
    said: dict[str, Any] = payload if isinstance(payload, dict) else json.loads(payload)
    place = Place(Subject.OTHER)
    if topic is not None:
        assert topics is not None, "a topic is read by its base"
        found = topics.parse(topic)
        assert found is not None, f"{topic} is not under {topics.base}"
        place = found
    kind = kind_of(said, place)
    assert kind in MODELS, f"{kind}: nobody has published what it is"
    MODELS[kind].model_validate_json(json.dumps(said))
    if topic is not None and topics is not None:
        assert kind in carried_on(topic, topics), f"{kind} does not belong on {topic}"
        if "sequence" in said:
            assert said["source"] == source_of(place, topics), f"{said['source']} on {topic}"
        for level in ("station", "segment", "agent"):
            of_topic = getattr(place, level)
            if place.subject is Subject.STATE and of_topic is not None:
                assert said[level] == of_topic, f"{said[level]} on {topic}"
    return said


def kind_of(said: dict[str, Any], place: Place) -> str:
    """Say what a message is: by its type, or by the place where it was."""
    if "specversion" in said:
        return str(said["type"])
    if place.subject is Subject.STATE:
        return f"state.{'segment' if place.segment else place.name}"
    return place.subject.value


def carried_on(topic: str, topics: Topics) -> set[str]:
    """List what belongs on a topic, by the published channels."""
    below = topic.removeprefix(topics.base)
    return {
        kind
        for channel in CHANNELS.values()
        if re.fullmatch(
            _PARAMETER.sub("[A-Za-z0-9_-]+", re.escape(channel.topic.removeprefix("{base}"))),
            below,
        )
        for kind in channel.messages
    }


def source_of(place: Place, topics: Topics) -> str:
    """Say whose events are at a place."""
    if place.segment is not None:
        return topics.source_of_segment(place.segment)
    if place.station is not None:
        return topics.source_of_station(place.station)
    assert place.agent is not None, "nobody's events are here"
    return topics.source_of_agent(place.agent)
