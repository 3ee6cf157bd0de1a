"""What a command asks of the line: any `data` gives an order or nonsense, and bounds hold."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.wire import command, orders
from edge_agent.wire.command import Command, Nonsense, Wrong
from edge_agent.wire.line_examples import LINE_COMMANDS
from edge_agent.wire.order_models import ORDER_MODELS, LineOrderSaid
from edge_agent.wire.orders import LINE_ORDERS, LineOrder, line_order
from tests.wire.stand import TOPICS

S = 1_000_000_000
KEYS = [name for name in LineOrderSaid.model_fields if name != "actor"]
NEEDED: dict[str, dict[str, object]] = {
    "cmd.bypass": {"category": "quality", "for_s": 60},
    "cmd.training": {"on": True},
    "cmd.changeover": {"on": True},
    "cmd.reason": {"reason": "FIT"},
    "cmd.worked": {"until": "2026-11-21T16:00:00Z"},
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
likely = st.sampled_from(
    [True, False, 0, 1, 60, 60.5, 1e9, -1, "quality", "FIT", "2026-11-21T16:00:00Z", "P 1/2.A"]
)
orders_said = st.dictionaries(st.sampled_from(KEYS), likely | values)


def heard(kind: str, said: dict[str, Any], **more: object) -> Command:
    name = kind.removeprefix("cmd.")
    whole = {"specversion": "1.0", "id": "c-1", "source": "/x", "type": kind, "nonce": "n"}
    raw = json.dumps(whole | {"data": {"actor": "L. Weber"} | said} | more).encode()
    topic = TOPICS.station_command("A2", "leader", name)
    return command.parse(TOPICS, topic, raw, retained=False)


def asked(kind: str, **said: object) -> LineOrder:
    return line_order(heard(kind, NEEDED.get(kind, {}) | said))


# -- what it asks ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LINE_COMMANDS)
def test_every_published_command_is_an_order(kind: str) -> None:
    raw = json.dumps(LINE_COMMANDS[kind]).encode()
    topic = TOPICS.station_command("A2", "leader", kind.removeprefix("cmd."))
    order = line_order(command.parse(TOPICS, topic, raw, retained=False))
    assert (order.kind, order.station, order.role, order.actor) == (
        *(kind, "A2", "leader"),
        "L. Weber",
    )
    said = {key: what for key, what in LINE_COMMANDS[kind]["data"].items() if key != "until"}
    assert {key: what for key, what in asdict(order).items() if key in said} == said


def test_the_published_commands_are_those_that_are_read() -> None:
    assert {kind for kind in ORDER_MODELS if kind.startswith("cmd.")} == LINE_ORDERS
    assert set(LINE_COMMANDS) == LINE_ORDERS


def test_a_moment_is_read_wherever_it_was_written() -> None:
    east = asked("cmd.worked", until="2026-11-21T17:00:00+01:00")
    assert east.until_ns == asked("cmd.worked").until_ns == 1_795_276_800 * S


@pytest.mark.parametrize("kind", ["cmd.bypass", "cmd.worked"])
def test_what_ends_something_needs_no_time(kind: str) -> None:
    order = line_order(heard(kind, {"category": "quality", "on": False}))
    assert (order.on, order.for_s, order.until_ns) == (False, None, None)


# -- what is none ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said", "key"),
    [
        ("cmd.bypass", {"for_s": None}, "for_s"),
        ("cmd.bypass", {"category": None}, "category"),
        ("cmd.bypass", {"for_s": 28_801}, "for_s"),
        ("cmd.bypass", {"for_s": -1}, "for_s"),
        ("cmd.bypass", {"for_s": True}, "for_s"),
        ("cmd.mute", {"for_s": 601}, "for_s"),
        ("cmd.lamp-test", {"for_s": 61}, "for_s"),
        ("cmd.lamp-test", {"for_s": "60"}, "for_s"),
        ("cmd.training", {"on": None}, "on"),
        ("cmd.training", {"on": 1}, "on"),
        ("cmd.changeover", {"on": None}, "on"),
        ("cmd.changeover", {"product": ""}, "product"),
        ("cmd.changeover", {"product": "x" * 65}, "product"),
        ("cmd.changeover", {"product": "P1\x1b[2J"}, "product"),
        ("cmd.changeover", {"product": 7}, "product"),
        ("cmd.reason", {"reason": None}, "reason"),
        ("cmd.reason", {"reason": "fit problem"}, "reason"),
        ("cmd.count", {"count": 0}, "count"),
        ("cmd.count", {"count": 1_001}, "count"),
        ("cmd.count", {"count": 1.0}, "count"),
        ("cmd.count", {"count": True}, "count"),
        ("cmd.worked", {"until": None}, "until"),
        ("cmd.worked", {"until": "16:00"}, "until"),
        ("cmd.worked", {"until": "2026-11-31T16:00:00Z"}, "until"),
        ("cmd.worked", {"until": 1_795_276_800}, "until"),
        ("cmd.ack", {"call": ["c"]}, "call"),
        ("cmd.ack", {"call": "../x"}, "call"),
        ("cmd.ack", {"category": "x" * 65}, "category"),
    ],
)
def test_what_cannot_be_is_malformed_and_says_which_key(
    kind: str, said: dict[str, object], key: str
) -> None:
    with pytest.raises(Nonsense) as caught:
        asked(kind, **said)
    assert caught.value.wrong is Wrong.MALFORMED
    assert f"{key}: " in caught.value.why
    assert (caught.value.id, caught.value.kind) == ("c-1", kind)


@pytest.mark.parametrize("topic", [TOPICS.agent_command("pi-a2", "leader", "ack")])
def test_an_order_belongs_to_a_station(topic: str) -> None:
    raw = json.dumps(LINE_COMMANDS["cmd.ack"]).encode()
    with pytest.raises(Nonsense) as caught:
        line_order(command.parse(TOPICS, topic, raw, retained=False))
    assert caught.value.wrong is Wrong.OUT_OF_PLACE


# -- whatever comes ----------------------------------------------------------------------------


@given(st.sampled_from(sorted(LINE_ORDERS)), orders_said)
@example("cmd.bypass", {"category": "quality", "for_s": 10**400})
@example("cmd.worked", {"until": "9999-12-31T23:59:60-23:59"})
def test_any_data_gives_an_order_within_its_bounds_or_nonsense(
    kind: str, said: dict[str, Any]
) -> None:
    try:
        order = asked(kind, **said)
    except Nonsense as nonsense:
        assert nonsense.wrong is Wrong.MALFORMED  # noqa: PT017 - it may be either
        return
    most = {"cmd.mute": orders.MUTE_S_MAX, "cmd.lamp-test": orders.LAMP_TEST_S_MAX}
    assert order.for_s is None or 0 <= order.for_s <= most.get(kind, orders.BYPASS_S_MAX)
    assert order.count is None or 1 <= order.count <= orders.COUNT_MAX
    assert order.on in (None, True, False)
    words = (order.call, order.category, order.reason, order.product)
    assert all(word is None or (0 < len(word) <= 64 and word.isprintable()) for word in words)
    spoken = {key: what for key, what in (NEEDED.get(kind, {}) | said).items() if what is not None}
    LineOrderSaid.model_validate({"actor": "L. Weber"} | spoken, strict=False)


@given(st.binary(max_size=300), st.sampled_from(sorted(LINE_ORDERS)))
def test_any_bytes_give_an_order_or_nonsense(raw: bytes, kind: str) -> None:
    topic = TOPICS.station_command("A2", "leader", kind.removeprefix("cmd."))
    for payload in (raw, json.dumps(LINE_COMMANDS[kind]).encode()[:-2] + raw):
        try:
            line_order(command.parse(TOPICS, topic, payload, retained=False))
        except Nonsense:
            continue
