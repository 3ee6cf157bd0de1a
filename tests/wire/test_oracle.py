"""The oracle of the other tests takes every example where it belongs, and nothing else."""

from typing import Any

import pydantic
import pytest

from edge_agent.wire.asyncapi import CHANNELS
from edge_agent.wire.examples import EXAMPLES
from tests.kit.oracle import checked
from tests.wire.stand import BASE, TOPICS

LEVELS = {"base": BASE, "station": "A2", "agent": "pi-a2", "segment": "SEG-A", "role": "leader"}
PLACES = [
    (kind, channel.topic.format(**LEVELS, command=kind.removeprefix("cmd.")))
    for channel in CHANNELS.values()
    for kind in channel.messages
]


def at_home(kind: str, topic: str) -> dict[str, Any]:
    """Give the example; alarms are told of stations and of agents."""
    said = EXAMPLES[kind]
    if kind.startswith("alarm."):
        said = said | {"source": f"/{topic.removesuffix('/alarm')}"}
    return said


@pytest.mark.parametrize(("kind", "topic"), PLACES)
def test_every_example_is_taken_where_it_belongs(kind: str, topic: str) -> None:
    said = at_home(kind, topic)
    assert checked(said, topic, TOPICS) == said
    if "specversion" in said:
        assert checked(said) == said


@pytest.mark.parametrize("kind", EXAMPLES)
def test_no_example_is_taken_elsewhere(kind: str) -> None:
    strange = TOPICS.scan("A2") if not kind.startswith("scan.") else TOPICS.andon("A2")
    with pytest.raises((AssertionError, pydantic.ValidationError)):
        checked(EXAMPLES[kind], strange, TOPICS)


@pytest.mark.parametrize(
    ("kind", "topic", "spoilt"),
    [
        ("andon.raised", TOPICS.andon("A2"), {"colour": "red"}),
        ("andon.raised", TOPICS.andon("A3"), {}),
        ("andon.raised", TOPICS.andon("A2"), {"type": "andon.pulled"}),
        ("andon.raised", TOPICS.andon("A2"), {"lane": "normal"}),
        ("andon.raised", TOPICS.andon("A2"), {"training": False}),
        ("stop.started", TOPICS.stop("SEG-B"), {}),
        ("takt.cycle", TOPICS.takt("A2"), {"lane": "urgent"}),
        ("state.takt", TOPICS.state("A3", "takt"), {}),
        ("state.segment", TOPICS.segment_state("SEG-B"), {}),
        ("state.andon", "elsewhere/A2/state/andon", {}),
    ],
)
def test_what_breaks_its_promise_is_refused(
    kind: str, topic: str, spoilt: dict[str, object]
) -> None:
    with pytest.raises((AssertionError, pydantic.ValidationError)):
        checked(EXAMPLES[kind] | spoilt, topic, TOPICS)


def test_an_event_says_by_itself_what_it_is_and_a_state_does_not() -> None:
    assert checked(EXAMPLES["andon.raised"])
    with pytest.raises(AssertionError, match="nobody has published"):
        checked(EXAMPLES["state.andon"])
