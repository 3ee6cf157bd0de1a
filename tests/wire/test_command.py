"""Commands in: any bytes give a command or nonsense, and no old or misplaced one gets through."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.wire import command, models
from edge_agent.wire.command import Command, Nonsense, Replay, Wrong
from edge_agent.wire.examples import EXAMPLES
from edge_agent.wire.topics import Topics

TOPICS = Topics("acme/plant1/assembly/line3")
REPLAY = TOPICS.replay("pi-a2")
EPOCH = "7f3a9c0d1e2f"
NONCE = "9b1f5c0e7d2a4c68"
S = 1_000_000_000
MOMENT_NS = 1_795_241_523 * S  # 2026-11-21T06:12:03Z


def message(*without: str, **more: object) -> dict[str, Any]:
    said = EXAMPLES["cmd.replay"] | more
    return {key: value for key, value in said.items() if key not in without}


def order(*without: str, **more: object) -> dict[str, Any]:
    said = EXAMPLES["cmd.replay"]["data"] | more
    return message(data={key: value for key, value in said.items() if key not in without})


def parse(said: object, topic: str = REPLAY, *, retained: bool = False) -> Command:
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    return command.parse(TOPICS, topic, raw, retained=retained)


def refused(said: object, topic: str = REPLAY, *, retained: bool = False) -> Nonsense:
    with pytest.raises(Nonsense) as caught:
        parse(said, topic, retained=retained)
    assert str(caught.value) == caught.value.why != ""
    return caught.value


def wanted(said: object) -> Replay:
    return command.replay(parse(said), TOPICS)


# -- what a command is -------------------------------------------------------------------------


def test_the_example_is_a_command() -> None:
    assert parse(message()) == Command(
        id="0d9f4f6e-7a4b-4b7e-9a53-1f0f2f3a4b5c",
        kind="cmd.replay",
        source="/mes",
        actor="mes",
        name="replay",
        role=None,
        station=None,
        agent="pi-a2",
        expires_ns=None,
        nonce=NONCE,
        order=message()["data"],
    )


def test_the_role_is_the_topics() -> None:
    topic = TOPICS.station_command("A2", "leader", "ack")
    said = parse(message(type="cmd.ack", role="admin"), topic)
    assert (said.role, said.name, said.station, said.agent) == ("leader", "ack", "A2", None)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (b"", Wrong.MALFORMED),
        (b"\xff", Wrong.MALFORMED),
        (b"[]", Wrong.MALFORMED),
        (b"{" * 2000, Wrong.MALFORMED),
        (b'{"a":' * 400 + b"1" + b"}" * 400, Wrong.MALFORMED),
        (b"1" * 4096, Wrong.MALFORMED),
        (b'{"id":"1","id":"2"}', Wrong.MALFORMED),
        (b'{"id":NaN}', Wrong.MALFORMED),
        (b" " * (command.COMMAND_MAX_BYTES + 1), Wrong.TOO_LONG),
        (message("specversion"), Wrong.MALFORMED),
        (message(specversion="0.3"), Wrong.MALFORMED),
        (message("id"), Wrong.MALFORMED),
        (message(id=""), Wrong.MALFORMED),
        (message(id=7), Wrong.MALFORMED),
        (message(id="x" * (command.ID_MAX + 1)), Wrong.MALFORMED),
        (message(id="a\nb"), Wrong.MALFORMED),
        (message(id="\ud800"), Wrong.MALFORMED),
        (message("source"), Wrong.MALFORMED),
        (message("type"), Wrong.MALFORMED),
        (message(type="cmd.ack"), Wrong.OUT_OF_PLACE),
        (message("data"), Wrong.MALFORMED),
        (message(data=[]), Wrong.MALFORMED),
        (order("actor"), Wrong.MALFORMED),
        (message("nonce"), Wrong.MALFORMED),
        (message(nonce=None), Wrong.MALFORMED),
        (message(nonce=["x"]), Wrong.MALFORMED),
        (message(expires="tomorrow"), Wrong.MALFORMED),
        (message(expires=MOMENT_NS), Wrong.MALFORMED),
        (order(nonce="another"), Wrong.MALFORMED),
    ],
)
def test_what_is_none_is_refused_with_a_reason(said: object, wrong: Wrong) -> None:
    assert refused(said).wrong is wrong


@pytest.mark.parametrize(
    "topic",
    [
        "elsewhere/agent/pi-a2/cmd/replay",
        TOPICS.scan("A2"),
        TOPICS.result(REPLAY),
        TOPICS.status("pi-a2"),
    ],
)
def test_a_command_belongs_on_a_command_topic(topic: str) -> None:
    assert refused(message(), topic).wrong is Wrong.OUT_OF_PLACE


@pytest.mark.parametrize(
    "topic",
    [
        TOPICS.agent_command("pi-a2", "leader", "replay"),
        TOPICS.station_command("A2", "leader", "replay"),
    ],
)
@pytest.mark.parametrize("said", [message(), message("nonce"), message("data"), order("actor")])
def test_a_replay_is_no_roles_command_whatever_else_is_wrong(
    topic: str, said: dict[str, Any]
) -> None:
    nonsense = refused(said, topic)
    assert (nonsense.wrong, nonsense.id) == (Wrong.OUT_OF_PLACE, message()["id"])
    assert "agent/AGENT/cmd/replay" in nonsense.why


def test_a_retained_command_is_refused_by_its_id() -> None:
    nonsense = refused(message(), retained=True)
    assert (nonsense.wrong, nonsense.kind) == (Wrong.RETAINED, "cmd.replay")
    assert nonsense.id == message()["id"]


def test_deep_nesting_is_refused_and_brackets_in_texts_are_not() -> None:
    assert refused(order(x=[[[[[[[1]]]]]]])).wrong is Wrong.MALFORMED
    assert "deep" in refused(order(x="\\", y=[[[[[[[1]]]]]]])).why
    assert parse(order(x=[[[[[[1]]]]]]))
    assert parse(order(x='[[[[[[[[[[{{{{\\"[[[['))
    assert parse(order(x=[[], [], [], [], [], [], [], [], []]))


def test_expiry_and_nonce_may_stand_in_data() -> None:
    said = message("nonce")
    said["data"] = said["data"] | {"nonce": NONCE, "expires": "2026-11-21T06:12:03Z"}
    assert parse(said).nonce == NONCE
    assert parse(said).expires_ns == MOMENT_NS


def test_what_nobody_knows_is_ignored() -> None:
    assert wanted(order(colour="red") | {"colour": "red"}) == wanted(message())


# -- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "ns"),
    [
        ("2026-11-21T06:12:03Z", 0),
        ("2026-11-21t06:12:03z", 0),
        ("2026-11-21 06:12:03.5Z", S // 2),
        ("2026-11-21T06:12:03.0000000019Z", 1),
        ("2026-11-21T07:12:03+01:00", 0),
        ("2026-11-21T00:42:03-05:30", 0),
        ("2026-11-21T06:11:60Z", -3 * S),
    ],
)
def test_expiry_is_rfc_3339(stamp: str, ns: int) -> None:
    assert parse(message(expires=stamp)).expires_ns == MOMENT_NS + ns


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-11-21",
        "2026-11-21T06:12:03",
        "2026-11-21T06:12Z",
        "20261121T061203Z",
        "2026-W47-6T06:12:03Z",
        "2026-02-30T06:12:03Z",
        "2026-11-21T24:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-21T06:12:03+24:00",
        "2026-11-21T06:12:03+01:60",
        "\u0662\u0660\u0662\u0666-11-21T06:12:03Z",
    ],
)
def test_and_nothing_else(stamp: str) -> None:
    assert refused(message(expires=stamp)).wrong is Wrong.MALFORMED


def judged(said: dict[str, Any], at_ns: int, *, synced: bool = True) -> Wrong | None:
    try:
        command.judge(parse(said), wall_ns=at_ns, synced=synced, nonce=NONCE)
    except Nonsense as nonsense:
        return nonsense.wrong if nonsense.id == said["id"] else None
    return None


def test_a_nonce_is_of_this_run_whatever_the_clock() -> None:
    assert judged(message(), MOMENT_NS) is None
    assert judged(message(), MOMENT_NS, synced=False) is None
    assert judged(message(nonce="of yesterday"), MOMENT_NS) is Wrong.NONCE


def test_expiry_needs_a_clock() -> None:
    said = message("nonce", expires="2026-11-21T06:12:03Z")
    assert judged(said, MOMENT_NS - 1) is None
    assert judged(said, MOMENT_NS) is Wrong.EXPIRED
    assert judged(said, MOMENT_NS - 1, synced=False) is Wrong.NO_CLOCK


def test_with_both_each_must_hold_as_far_as_it_can_be_seen() -> None:
    said = message(expires="2026-11-21T06:12:03Z")
    assert judged(said, MOMENT_NS - 1) is None
    assert judged(said, MOMENT_NS) is Wrong.EXPIRED
    assert judged(said, MOMENT_NS, synced=False) is None
    assert judged(said | {"nonce": "x"}, MOMENT_NS - 1) is Wrong.NONCE


# -- replay ------------------------------------------------------------------------------------


def test_a_replay_by_epoch_or_by_topic() -> None:
    assert wanted(message()) == Replay(EPOCH, None, 1200, 1210)
    topic = TOPICS.scan("A2")
    assert wanted(order("epoch", topic=topic)) == Replay(None, topic, 1200, 1210)
    assert wanted(order(topic=topic)) == Replay(EPOCH, topic, 1200, 1210)
    assert wanted(order(first="000000000007", last="12")) == Replay(EPOCH, None, 7, 12)


@pytest.mark.parametrize(
    "said",
    [
        order("epoch"),
        order("first"),
        order("last"),
        order(epoch="../etc"),
        order(epoch=7),
        order(topic="other/A2/scan"),
        order(topic=7),
        order(topic=TOPICS.base + "/" + "x" * command.TOPIC_MAX),
        order(topic=TOPICS.base + "/\x00"),
        order(first=0),
        order(first=True),
        order(first=1.0),
        order(first="-1"),
        order(first="\u0667"),
        order(first=1211),
        order(last=10**12),
        order(last="1" * 13),
    ],
)
def test_what_cannot_be_replayed_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Nonsense) as caught:
        wanted(said)
    assert caught.value.wrong is Wrong.MALFORMED
    assert caught.value.id == said["id"]


# -- anything ----------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
keys = ["specversion", "id", "type", "source", "expires", "nonce", "data", "x"]
likely = st.fixed_dictionaries(
    {},
    optional={key: values | st.just(message().get(key)) for key in keys},
)
orders = st.fixed_dictionaries(
    {"actor": st.text(max_size=5)},
    optional=dict.fromkeys(("epoch", "topic", "first", "last", "nonce", "expires"), values),
)
mostly_right = st.builds(lambda said, data: message(**said) | {"data": data}, likely, orders)
spoilt = st.builds(
    lambda said, at, put: said[: at % (len(said) + 1)] + put + said[at % (len(said) + 1) :],
    st.just(json.dumps(message()).encode()),
    st.integers(0, 400),
    st.binary(max_size=6),
)


@settings(max_examples=250, deadline=None)
@given(
    st.binary(max_size=5000)
    | st.builds(lambda said: json.dumps(said).encode(), values | likely | mostly_right)
    | st.text(alphabet='{}[]",:\\ 01eE-.ntf', max_size=4096).map(str.encode)
    | spoilt,
    st.booleans(),
    st.sampled_from([REPLAY, TOPICS.agent_command("pi-a2", "admin", "replay")]),
)
def test_any_bytes_are_a_command_or_nonsense(raw: bytes, retained: bool, topic: str) -> None:
    outcome = read(raw, topic, retained=retained)
    if isinstance(outcome, Replay):
        assert not retained
        assert 1 <= outcome.first <= outcome.last
    else:
        assert outcome.why
        answer = {"id": outcome.id, "type": outcome.kind, "message": outcome.why}
        assert json.dumps(answer, ensure_ascii=False).encode()


def read(raw: bytes, topic: str, *, retained: bool) -> Replay | Nonsense:
    try:
        said = command.parse(TOPICS, topic, raw, retained=retained)
        command.judge(said, wall_ns=MOMENT_NS, synced=True, nonce=said.nonce or "")
        return command.replay(said, TOPICS)
    except Nonsense as nonsense:
        return nonsense


def test_the_model_and_the_parser_agree_on_the_example() -> None:
    assert models.CommandReplay.model_validate(message())
    assert wanted(message()) == Replay(EPOCH, None, 1200, 1210)
