"""Commands in: bytes that anybody may have sent, into a plain `Command` or into `Nonsense`.

Rules:
1. Any bytes give a `Command` or raise `Nonsense`, in bounded time: size and nesting are capped.
2. The role is the topic's, never the payload's; the topic's name and the `type` must agree.
3. A retained command is refused: nobody knows how old it is.
4. What `judge` lets pass is neither expired nor meant for another run of the agent.
5. Executed once by `id`: whoever executes remembers the ids; a repeat gets its result again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from edge_agent.wire.payload import EPOCH_LENGTH, SEQUENCE_MAX
from edge_agent.wire.topics import Place, Subject, Topics

CMD_REPLAY: Final = "cmd.replay"

COMMAND_MAX_BYTES: Final = 4096
"""A longer command is refused unread."""

NESTING_MAX: Final = 8
"""Objects and lists inside each other; a deeper command is refused before it is parsed."""

ID_MAX: Final = 128
"""Characters of an id, an actor, a source, a nonce; a longer one is refused."""

TOPIC_MAX: Final = 512
"""Characters of a topic in a command; a longer one is refused."""


class Wrong(StrEnum):
    """Why a command is refused: the words of `reason` in its result."""

    RETAINED = "retained"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    OUT_OF_PLACE = "out_of_place"
    EXPIRED = "expired"
    NO_CLOCK = "no_clock"
    NONCE = "nonce"


class Nonsense(Exception):
    """A command that is not one, or not now: `wrong` in a word, `why` for people, `id` if read."""

    def __init__(
        self, wrong: Wrong, why: str, command_id: str | None = None, kind: str | None = None
    ) -> None:
        super().__init__(why)
        self.wrong = wrong
        self.why = why
        self.id = command_id
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Command:
    """One command, not yet obeyed. `station` or `agent` and `role` are those of its topic."""

    id: str
    kind: str
    source: str
    actor: str
    name: str
    role: str | None
    station: str | None
    agent: str | None
    expires_ns: int | None
    """Wall clock, nanoseconds since 1970."""
    nonce: str | None
    order: Mapping[str, Any]
    """All of `data`, as it came."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What to send again, both ends included; `epoch` None is the present one.

    Without `topic`, `first` and `last` are of `sequence`; with it, of its `streamseq`.
    """

    epoch: str | None
    topic: str | None
    first: int
    last: int


def parse(topics: Topics, topic: str, payload: bytes, *, retained: bool) -> Command:
    """Read a command heard on `topic`; raises Nonsense for whatever is none."""
    place = topics.parse(topic)
    if place is None or place.subject is not Subject.COMMAND:
        raise Nonsense(Wrong.OUT_OF_PLACE, "no command belongs on this topic")
    message = _message(payload)
    command_id, kind = _text(message, "id"), _text(message, "type")
    try:
        _place(kind, place, retained=retained)
        return _command(place, message, command_id, kind)
    except Nonsense as nonsense:
        nonsense.id, nonsense.kind = command_id, kind
        raise


def judge(command: Command, *, wall_ns: int, synced: bool, nonce: str) -> None:
    """Raise Nonsense for a command that is expired or of another run; times of this moment.

    `nonce` is the one in this agent's retained status. A clock that nobody has set cannot say
    what is expired: then only the nonce counts.
    """
    if command.nonce is not None and command.nonce != nonce:
        why = "the nonce is not the one in this agent's status; read it and send again"
        raise Nonsense(Wrong.NONCE, why, command.id, command.kind)
    if command.expires_ns is None:
        return
    if synced and wall_ns >= command.expires_ns:
        raise Nonsense(Wrong.EXPIRED, "it has expired; send it again", command.id, command.kind)
    if not synced and command.nonce is None:
        why = "the clock of this agent is not set, so it cannot see what has expired; use `nonce`"
        raise Nonsense(Wrong.NO_CLOCK, why, command.id, command.kind)


def replay(command: Command, topics: Topics) -> Replay:
    """Read what a `cmd.replay` asks for; raises Nonsense for what cannot be."""
    try:
        return _replay(command.order, topics)
    except Nonsense as nonsense:
        nonsense.id, nonsense.kind = command.id, command.kind
        raise


def moment_ns(stamp: str, key: str) -> int:
    """Read what stands under `key` as RFC 3339, in nanoseconds since 1970; raises Nonsense."""
    found = _RFC3339.fullmatch(stamp)
    if found is None:
        raise _malformed(f"{key}: must be RFC 3339, like 2026-11-21T06:12:03Z")
    day, minute, second, fraction, sign, hours, minutes = found.groups()
    leap = second == "60"  # the second that is put in; the next minute begins at its end
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}+00:00")
    except ValueError as error:
        raise _malformed(f"{key}: {error}") from None
    away = timedelta(0)
    if sign:
        if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004 - hours and minutes
            raise _malformed(f"{key}: no place is that far from UTC")
        away = timedelta(hours=int(hours), minutes=int(minutes))
    since = moment - _1970 + (away if sign == "-" else -away)
    ns = int((fraction or "0").ljust(9, "0"))
    return ((since.days * 86_400 + since.seconds) + leap) * 1_000_000_000 + ns


# -- inside ------------------------------------------------------------------------------------

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,9})\d{0,9})?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)
_EPOCH = re.compile(rf"[0-9a-f]{{{EPOCH_LENGTH}}}", re.ASCII)


def _malformed(why: str) -> Nonsense:
    return Nonsense(Wrong.MALFORMED, why)


def _place(kind: str, place: Place, *, retained: bool) -> None:
    if retained:
        raise Nonsense(Wrong.RETAINED, "a retained command may be of any age; send it again")
    if kind != f"cmd.{place.name}":
        why = f"type {kind!r} does not belong on this topic; write cmd.{place.name}"
        raise Nonsense(Wrong.OUT_OF_PLACE, why)
    if kind == CMD_REPLAY and (place.agent is None or place.role is not None):
        why = f"{CMD_REPLAY} is no role's command; it belongs on agent/AGENT/cmd/replay"
        raise Nonsense(Wrong.OUT_OF_PLACE, why)


def _command(place: Place, message: dict[str, Any], command_id: str, kind: str) -> Command:
    if message.get("specversion") != "1.0":
        raise _malformed('specversion: a command is a CloudEvents message: write "1.0"')
    order = message.get("data")
    if not isinstance(order, dict):
        raise _malformed("data: must be an object with `actor`")
    nonce = _either(message, order, "nonce")
    expires = _either(message, order, "expires")
    if nonce is None and expires is None:
        raise _malformed("say `expires` or `nonce`: a command must not live for ever")
    return Command(
        id=command_id,
        kind=kind,
        source=_text(message, "source"),
        actor=_text(order, "actor"),
        name=place.name or "",
        role=place.role,
        station=place.station,
        agent=place.agent,
        expires_ns=None if expires is None else moment_ns(expires, "expires"),
        nonce=nonce,
        order=order,
    )


def _replay(order: Mapping[str, Any], topics: Topics) -> Replay:
    epoch, topic = order.get("epoch"), order.get("topic")
    if epoch is None and topic is None:
        raise _malformed("data: say `epoch` or `topic`, with `first` and `last`")
    if epoch is not None and not _is_epoch(epoch):
        raise _malformed(f"epoch: must be {EPOCH_LENGTH} hex digits")
    if topic is not None and not _is_topic(topic, topics):
        raise _malformed(f"topic: must be a topic under {topics.base}")
    first, last = _number(order, "first"), _number(order, "last")
    if first > last:
        raise _malformed("first: must not be above last")
    return Replay(epoch, topic, first, last)


def _message(payload: bytes) -> dict[str, Any]:
    if len(payload) > COMMAND_MAX_BYTES:
        raise Nonsense(Wrong.TOO_LONG, f"at most {COMMAND_MAX_BYTES} bytes")
    if _nesting(payload) > NESTING_MAX:
        raise _malformed(f"objects and lists go at most {NESTING_MAX} deep")
    try:
        message = json.loads(payload.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, UnicodeDecodeError) as error:
        raise _malformed(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise _malformed("a command is a JSON object")
    return message


def _nesting(payload: bytes) -> int:
    """Count how deep the brackets go; those in strings count only if there are many."""
    if payload.count(b"{") + payload.count(b"[") <= NESTING_MAX:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            in_string = escaped or byte != ord('"')
            escaped = not escaped and byte == ord("\\")
        elif byte == ord('"'):
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands twice")
    return read


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _text(message: Mapping[str, Any], key: str) -> str:
    text = message.get(key)
    # not printable: control characters, and halves of surrogate pairs, which no UTF-8 can carry
    if not isinstance(text, str) or not 0 < len(text) <= ID_MAX or not text.isprintable():
        raise _malformed(f"{key}: must be a text of 1 to {ID_MAX} printable characters")
    return text


def _either(message: Mapping[str, Any], order: Mapping[str, Any], key: str) -> str | None:
    """Read a key that may stand beside `data` or in it: people write both."""
    if key in message and key in order and message[key] != order[key]:
        raise _malformed(f"{key}: stands beside `data` and in it, and they differ")
    for place in (message, order):
        if place.get(key) is not None:
            return _text(place, key)
    return None


def _number(order: Mapping[str, Any], key: str) -> int:
    """Read a sequence number, as JSON number or as the digits that events carry."""
    number = order.get(key)
    if isinstance(number, str) and _DIGITS.fullmatch(number):
        number = int(number)
    if type(number) is not int or not 1 <= number <= SEQUENCE_MAX:
        raise _malformed(f"{key}: must be a whole number from 1 to {SEQUENCE_MAX}")
    return number


def _is_epoch(epoch: object) -> bool:
    return isinstance(epoch, str) and _EPOCH.fullmatch(epoch) is not None


def _is_topic(topic: object, topics: Topics) -> bool:
    return (
        isinstance(topic, str)
        and len(topic) <= TOPIC_MAX
        and topic.isprintable()
        and topics.parse(topic) is not None
    )
