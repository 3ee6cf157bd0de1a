"""What one agent is told, as plain values: the validated configuration without the validator.

`edge_agent.settings` makes it from TOML (pydantic lives there); what runs sees only this.
All durations are seconds as written by people; the parts that use them convert once, at start.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Agent:
    """This device."""

    id: str
    data_dir: Path


@dataclass(frozen=True, slots=True)
class Address:
    """One broker to try; `tls` for mqtts."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Broker:
    """The brokers, in order of preference, and how to treat them."""

    addresses: tuple[Address, ...]
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    backoff_min_s: float = 0.2
    backoff_max_s: float = 5.0
    connect_timeout_s: float = 5.0
    connack_timeout_s: float = 5.0
    puback_timeout_s: float = 10.0
    keepalive_s: int = 15
    inflight_max: int = 20


@dataclass(frozen=True, slots=True)
class Journal:
    """How much is kept, and for how long."""

    quota_mb: int = 256
    reserve_mb: int = 8
    replay_days: float = 7.0
    replay_mb: int = 64


@dataclass(frozen=True, slots=True)
class Site:
    """Where we are: enterprise/site/area/line (ISA-95)."""

    base: str


@dataclass(frozen=True, slots=True)
class Station:
    """One station that this agent serves."""

    id: str


@dataclass(frozen=True, slots=True)
class Device:
    """One device; `keys` is the instance of its driver's own `Keys` dataclass."""

    name: str
    kind: str
    station: str | None
    keys: Any


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it. `folder` is the directory of the file: relative paths are resolved already."""

    agent: Agent
    broker: Broker
    site: Site
    folder: Path
    stations: tuple[Station, ...]
    devices: tuple[Device, ...] = ()
    journal: Journal = field(default_factory=Journal)
