"""What is sent rarely: the `data` of urgent events, and the plain JSON of states and results.

The envelope of an urgent event is that of `edge_agent.wire.payload`; states, status and results
have none. What must be told exactly once, and in order, is an event; what is true now is a state.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

ALARM_RAISED: Final = "alarm.raised"
ALARM_CLEARED: Final = "alarm.cleared"
OUTBOX_GAP: Final = "outbox.gap"
CLOCK_CORRECTED: Final = "clock.corrected"
AGENT_STARTED: Final = "agent.started"
AGENT_RELOADED: Final = "agent.reloaded"
JOURNAL_QUARANTINED: Final = "journal.quarantined"

VALID_S: Final = 60
"""How long a state may be believed after its `asof`; it is published again before that."""


class AlarmKind(StrEnum):
    """What is in trouble."""

    DEVICE = "device"
    STORAGE = "storage"
    PROCESS = "process"
    BROKER = "broker"
    CLOCK = "clock"


class GapReason(StrEnum):
    """Why a number will never come."""

    TOO_LARGE = "too_large"
    REFUSED = "refused"
    DROPPED = "dropped"
    DAMAGED = "damaged"


GAP_REASONS: Final = {
    "unsound": GapReason.DAMAGED,
    "oversize": GapReason.TOO_LARGE,
    "packet_too_large": GapReason.TOO_LARGE,
    "dropped": GapReason.DROPPED,
}
"""The journal's word for why a row is set aside -> what subscribers are told; else `REFUSED`."""


class PreviousEnd(StrEnum):
    """How the run before this one ended."""

    CLEAN = "clean"
    CUT = "cut"
    QUARANTINED = "quarantined"
    NONE = "none"


class Outcome(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    REPEATED = "repeated"


class Refusal(StrEnum):
    """Why a command that is one was not carried out; what makes it none is a `command.Wrong`."""

    BUSY = "busy"
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    NO_SUCH_CALL = "no_such_call"
    NOT_HERE = "not_here"
    FAULT_PRESENT = "fault_present"
    ILLEGAL = "illegal"


class Stretch(NamedTuple):
    """Numbers of one topic (`streamseq`), both ends included."""

    topic: str
    first: int
    last: int


class Quarantined(NamedTuple):
    """A journal that was set apart: its `epoch` (empty if unreadable) and what came out of it.

    `waiting` of the `rows` salvaged were not acknowledged; `last` is the highest number that is
    known to have been given, and `lost` of those up to it will never come.
    """

    folder: str
    epoch: str
    rows: int
    waiting: int
    last: int
    lost: int
    unread_bytes: int
    why: str


class Missing(NamedTuple):
    """Numbers that a replay could not send, both ends included, and why.

    A `GapReason`, `expired`, or `unknown`.
    """

    first: int
    last: int
    reason: str


def rendered(plain: Mapping[str, object]) -> bytes:
    """Give a JSON object as UTF-8 without spaces; ValueError for what JSON cannot say."""
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


# -- data of urgent events ---------------------------------------------------------------------


def alarm_raised(
    alarm: str, kind: AlarmKind, message: str, remedy: str, device: str | None = None
) -> bytes:
    """Say that something is wrong; `alarm` names the condition, the same when it is cleared."""
    plain: dict[str, object] = {"alarm": alarm, "kind": kind}
    if device is not None:
        plain["device"] = device
    return rendered(plain | {"message": message, "remedy": remedy})


def alarm_cleared(
    alarm: str, kind: AlarmKind, message: str, lasted_s: float | None, device: str | None = None
) -> bytes:
    """Say that it is over; `lasted_s` is monotonic, None when this run did not see it begin."""
    plain: dict[str, object] = {"alarm": alarm, "kind": kind}
    if device is not None:
        plain["device"] = device
    plain["message"] = message
    if lasted_s is not None:
        plain["lasted_s"] = lasted_s
    return rendered(plain)


def outbox_gap(
    epoch: str, first: int, last: int, reason: GapReason, streams: Iterable[Stretch] = ()
) -> bytes:
    """Say that the numbers first to last (`sequence`) of an epoch will never come.

    `streams` says which numbers of which topics (`streamseq`) they were, where that is known.
    """
    plain: dict[str, object] = {"epoch": epoch, "first": first, "last": last, "reason": reason}
    told = [stretch._asdict() for stretch in streams]
    if told:
        plain["streams"] = told
    return rendered(plain)


def clock_corrected(epoch: str, boot: str, offset_ns: int, first: int, last: int) -> bytes:
    """Say what the clock should have read for events already sent `unsynced`.

    `offset_ns` is wall minus monotonic of that boot: the true time is `monons` plus offset.
    """
    return rendered(
        {
            "epoch": epoch,
            "boot": boot,
            "offset_s": offset_ns / 1e9,
            "first": first,
            "last": last,
        }
    )


def agent_started(version: str, previous_end: PreviousEnd, unobserved_s: float | None) -> bytes:
    """Say that a run begins; `unobserved_s` is None where two boots lie between."""
    plain: dict[str, object] = {"version": version, "previous_end": previous_end}
    if unobserved_s is not None:
        plain["unobserved_s"] = unobserved_s
    return rendered(plain)


def agent_reloaded(message: str, after_restart: Sequence[str]) -> bytes:
    """Say what a reload has changed, for people, and which keys wait for a restart."""
    return rendered({"message": message, "after_restart": list(after_restart)})


def journal_quarantined(said: Quarantined) -> bytes:
    """Say that a journal was set apart; what nobody knows is missing."""
    unknown = {key for key in ("epoch", "why") if not getattr(said, key)}
    return rendered({key: what for key, what in said._asdict().items() if key not in unknown})


# -- plain JSON --------------------------------------------------------------------------------


def status(
    *, agent: str, online: bool, connection: int, boot: str, nonce: str, version: str, asof: str
) -> bytes:
    """Say that an agent is there; the same with `online=False` is its last will."""
    return rendered(
        {
            "state": "online" if online else "offline",
            "connection": connection,
            "boot": boot,
            "nonce": nonce,
            "version": version,
            "agent": agent,
            "asof": asof,
            "valid_s": VALID_S,
        }
    )


def info(*, agent: str, station: str, segment: str | None, asof: str) -> bytes:
    """Say who serves a station and what for; nobody has given it parts or loops yet."""
    return rendered(
        {
            "station": station,
            "segment": segment,
            "parts": [],
            "loops": [],
            "agent": agent,
            "asof": asof,
            "valid_s": VALID_S,
        }
    )


def result(
    *,
    command_id: str | None,
    kind: str | None,
    outcome: Outcome,
    agent: str,
    asof: str,
    reason: str | None = None,
    message: str = "",
    **about: object,
) -> bytes:
    """Say what became of a command; id and type are None when it had none that can be read.

    `about` is `replay`, what was sent again (`replayed`), or `call`, the one that it named.
    """
    plain: dict[str, object] = {
        "id": command_id,
        "type": kind,
        "outcome": outcome,
        "reason": reason,
        "message": message,
        "agent": agent,
        "asof": asof,
    }
    return rendered(plain | about)


def replayed(
    *, epoch: str, topic: str | None, first: int, last: int, sent: int, missing: Iterable[Missing]
) -> dict[str, object]:
    """Give the `replay` part of a result: what was sent again, and what could not be."""
    return {
        "epoch": epoch,
        "topic": topic,
        "first": first,
        "last": last,
        "sent": sent,
        "missing": [gone._asdict() for gone in missing],
    }
