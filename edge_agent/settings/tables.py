"""The tables of every agent, and the words that tables are made of: which values, in which range.

The defaults are those of `edge_agent.configuration`; here is what people may write instead.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from edge_agent.configuration import Broker, Journal
from edge_agent.settings.values import (
    BASE_CHARS_MAX,
    ID,
    ID_CHARS_MAX,
    RESERVED,
    ROLE,
    address,
    at_least_one,
    base,
    file_path,
    identifier,
    one_or_more,
    printable,
    role,
    station_id,
    time_zone,
)

_ID_SCHEMA = {"type": "string", "pattern": f"^{ID}$", "maxLength": ID_CHARS_MAX}
_NOT_RESERVED = {"not": {"enum": list(RESERVED)}}
_URL_SCHEMA = {"type": "string", "pattern": "^[Mm][Qq][Tt][Tt][Ss]?://[^@]+$"}

Id = Annotated[str, AfterValidator(identifier), WithJsonSchema(_ID_SCHEMA)]
StationId = Annotated[
    str, AfterValidator(station_id), WithJsonSchema({**_ID_SCHEMA, **_NOT_RESERVED})
]
Base = Annotated[
    str,
    AfterValidator(base),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^(?!(?:.*/)?(?:{'|'.join(RESERVED)})(?:/|$)){ID}(/{ID})*$",
            "maxLength": BASE_CHARS_MAX,
        }
    ),
]
Url = Annotated[str, AfterValidator(address)]
Urls = Annotated[
    tuple[Url, ...],
    BeforeValidator(one_or_more),
    AfterValidator(at_least_one),
    WithJsonSchema(
        {"anyOf": [_URL_SCHEMA, {"type": "array", "items": _URL_SCHEMA, "minItems": 1}]}
    ),
]
FilePath = Annotated[Path, BeforeValidator(file_path), WithJsonSchema({"type": "string"})]
Name = Annotated[str, AfterValidator(printable)]
Role = Annotated[
    str, AfterValidator(role), WithJsonSchema({"type": "string", "pattern": f"^{ROLE}$"})
]
Zone = Annotated[str, AfterValidator(time_zone)]


def fixed(value: object) -> object:
    """Make of a list what is not changed any more."""
    return tuple(value) if isinstance(value, list) else value


_T = TypeVar("_T")
Several = Annotated[tuple[_T, ...], BeforeValidator(fixed)]
"""A list of such values."""


# -- tables ------------------------------------------------------------------------------------


def limits(low: float, high: float, unit: str, said: str) -> object:
    """Describe a number: its range, its unit and what it says."""
    if not unit:
        return Field(ge=low, le=high, description=said)
    return Field(ge=low, le=high, description=f"{said}; {unit}", json_schema_extra={"unit": unit})


class Table(BaseModel):
    """A table of the file; `later` has the keys that a later version will know.

    One that stands in another says what it is `called`, and has a `sample` to write.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
    later: ClassVar[frozenset[str]] = frozenset()
    called: ClassVar[str] = ""
    sample: ClassVar[str] = ""


class AgentTable(Table):
    """This device."""

    id: StationId = Field(description="Name of this agent in topics; unique", examples=["pi-a2"])
    data_dir: FilePath = Field(
        description="Folder of the journal and the socket; one agent each", examples=["data"]
    )


_BROKER = Broker(())


class BrokerTable(Table):
    """The brokers, in order of preference, and how to treat them."""

    url: Urls = Field(
        description="mqtt://HOST:PORT or mqtts:// for TLS; a list gives fail-over",
        examples=["mqtt://127.0.0.1:1883"],
    )
    username: Name | None = Field(None, description="Name to log in with")
    password_file: FilePath | None = Field(None, description="File that holds the password")
    ca_file: FilePath | None = Field(None, description="Certificates to trust, PEM; for mqtts")
    cert_file: FilePath | None = Field(None, description="Certificate of this agent, PEM")
    key_file: FilePath | None = Field(None, description="Key of that certificate, PEM")
    backoff_min_s: Annotated[
        float, limits(0.01, 60, "seconds", "First wait before connecting again")
    ] = _BROKER.backoff_min_s
    backoff_max_s: Annotated[
        float, limits(0.01, 600, "seconds", "Longest wait before connecting again")
    ] = _BROKER.backoff_max_s
    connect_timeout_s: Annotated[
        float, limits(0.1, 120, "seconds", "Wait for name, TCP and TLS")
    ] = _BROKER.connect_timeout_s
    connack_timeout_s: Annotated[
        float, limits(0.1, 120, "seconds", "Wait for the broker to accept us")
    ] = _BROKER.connack_timeout_s
    puback_timeout_s: Annotated[
        float, limits(0.5, 300, "seconds", "Oldest unacknowledged event of a connection")
    ] = _BROKER.puback_timeout_s
    keepalive_s: Annotated[
        int, limits(1, 3600, "seconds", "Silence after which the broker is asked")
    ] = _BROKER.keepalive_s
    inflight_max: Annotated[
        int, limits(1, 100, "events", "Events sent and not yet acknowledged")
    ] = _BROKER.inflight_max


class SiteTable(Table):
    """Where we are, enterprise/site/area/line as in ISA-95."""

    base: Base = Field(
        description="First levels of all topics", examples=["acme/plant1/assembly/line3"]
    )
    time_zone: Zone = Field(
        "UTC", description="Zone of the times that people write", examples=["Europe/Berlin"]
    )
    calendar: Id | None = Field(
        None, description="The [[calendar]] that is worked by; none: always on shift"
    )


StationRole = Literal[
    "consumer",
    "post",
    "store_in",
    "store_out",
    "producer_start",
    "producer_end",
    "dock_in",
    "dock_out",
    "quality",
    "admin",
]


class StationTable(Table):
    """One station that this agent serves."""

    later: ClassVar = frozenset({"pass_unknown"})
    id: StationId = Field(description="Its level in the topics", examples=["A2"])
    segment: StationId | None = Field(None, description="The [[segment]] that it stands in")
    roles: Several[StationRole] = Field((), description="What is done with containers here")
    skills: Several[Name] = Field((), description="What a person needs who works here")
    count_scans: bool = Field(
        False, description="Whether a scan here is a part that was made; badges and words are none"
    )


_JOURNAL = Journal()


class JournalTable(Table):
    """How much is kept, and for how long."""

    quota_mb: Annotated[int, limits(4, 1_048_576, "megabytes", "Size of the journal on disk")] = (
        _JOURNAL.quota_mb
    )
    reserve_mb: Annotated[
        int, limits(1, 1_048_576, "megabytes", "Part of it kept for urgent events")
    ] = _JOURNAL.reserve_mb
    replay_days: Annotated[
        float, limits(0, 365, "days", "Age of acknowledged events kept for a replay")
    ] = _JOURNAL.replay_days
    replay_mb: Annotated[
        int, limits(0, 1_048_576, "megabytes", "Size of acknowledged events kept")
    ] = _JOURNAL.replay_mb
