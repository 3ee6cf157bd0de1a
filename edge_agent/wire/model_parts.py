"""What the models of the messages are made of: kinds of values, and the envelope of an event."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.wire.command import ID_MAX
from edge_agent.wire.payload import EPOCH_LENGTH, SEQUENCE_DIGITS, SEQUENCE_MAX

_STAMP: Final = (
    r"^(19[7-9]\d|20\d\d|21\d\d|2200)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$"
)
_LEVEL: Final = r"^[A-Za-z0-9_-]+$"

Stamp = Annotated[str, Field(pattern=_STAMP, json_schema_extra={"format": "date-time"})]
Level = Annotated[str, Field(pattern=_LEVEL)]
Epoch = Annotated[
    str,
    Field(
        pattern=rf"^[0-9a-f]{{{EPOCH_LENGTH}}}$",
        description="Which journal: a new file has a new epoch, and numbers begin with 1 again.",
    ),
]
Digits = Annotated[str, Field(pattern=rf"^\d{{{SEQUENCE_DIGITS}}}$")]
Number = Annotated[int, Field(ge=1, le=SEQUENCE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=ID_MAX)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """One JSON object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def maybe(**said: Any) -> Any:  # noqa: ANN401 - what pydantic's Field gives
    """Make a key that may be missing."""
    return Field(default=None, **said)


class Event(Model):
    """A CloudEvents 1.0 message with the extensions of this site."""

    specversion: Literal["1.0"]
    id: Annotated[
        str,
        Field(
            pattern=rf"^[0-9a-f]{{{EPOCH_LENGTH}}}-\d{{{SEQUENCE_DIGITS}}}$",
            description="Epoch and sequence; the same over every redelivery, unique for ever.",
        ),
    ]
    time: Stamp = Field(description="The physical moment of capture, UTC.")
    recordedtime: Stamp = Field(description="When its commit began, UTC.")
    clock: Literal["synced", "unsynced", "corrected"] = Field(
        description="Whether `time` is to be trusted: not while `unsynced`; `corrected` was "
        "unsynced and has been put right before publishing."
    )
    monons: Annotated[
        str,
        Field(
            pattern=r"^\d+$",
            description="Capture on the monotonic clock of `bootid`, in nanoseconds.",
        ),
    ]
    bootid: Name = Field(description="Which boot of the device `monons` counts from.")
    source: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_/-]+$")]
    epoch: Epoch
    agent: Level = Field(description="The agent that recorded it.")
    sequence: Digits = Field(description="Counts without gaps per agent and epoch.")
    streamseq: Digits = Field(description="Counts without gaps per agent, epoch and topic.")
    training: Literal[True] = maybe(
        description="Made in training: nothing but lights and horns moved. Count none of it; "
        "missing on what is meant."
    )


class NormalEvent(Event):
    """An event that may wait behind urgent ones."""

    lane: Literal["normal"]


class UrgentEvent(Event):
    """An event that may overtake normal ones of lower number."""

    lane: Literal["urgent"]
