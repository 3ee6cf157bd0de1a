"""What one agent is told, as plain values: the validated configuration without the validator.

`edge_agent.settings` makes it from TOML (pydantic lives there); what runs sees only this.
`to_wire` and `from_wire` carry it from a process that has the validator to one that has not.
All durations are seconds as written by people; the parts that use them convert once, at start.
"""

import importlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from edge_agent import __version__


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


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration: where, which key, what, what to write instead.

    Lines and columns count from 1. `variable` is the environment variable that says it, in place
    of a file.
    """

    file: str
    line: int
    column: int
    key: str
    wrong: str
    remedy: str
    variable: str = ""

    def __str__(self) -> str:
        place = self.variable or f"{self.file}:{self.line}:{self.column}"
        text = f"{place}: {self.key}: {self.wrong}; {self.remedy}"
        return text.encode("utf-8", "backslashreplace").decode()


class BadConfiguration(Exception):
    """The configuration cannot be used; `problems` has everything that is wrong, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def keys_class(kind: str) -> type[Any]:
    """Import the driver of a kind and give its `Keys`; KeyError when there is no such kind."""
    # by name: the drivers stand above this module
    keys: type[Any] = importlib.import_module("drivers").load(kind).Keys
    return keys


def to_wire(configuration: Configuration) -> bytes:
    """Write a validated configuration down for another process of the same version."""
    return json.dumps({"version": __version__, "said": _plain(configuration)}).encode()


def from_wire(wire: bytes) -> Configuration:
    """Read what `to_wire` has written; imports the drivers of the devices, and no validator.

    Raises ValueError when another version wrote it: the program was replaced while this runs.
    """
    wired = json.loads(wire, object_hook=_revived)
    if wired["version"] != __version__:
        raise ValueError(f"version {wired['version']} validates, version {__version__} runs")
    said = wired["said"]
    return Configuration(
        agent=Agent(**said["agent"]),
        broker=Broker(
            **said["broker"]
            | {"addresses": tuple(Address(**one) for one in said["broker"]["addresses"])}
        ),
        site=Site(**said["site"]),
        folder=said["folder"],
        stations=tuple(Station(**one) for one in said["stations"]),
        devices=tuple(
            Device(**one | {"keys": keys_class(one["kind"])(**_tuples(one["keys"]))})
            for one in said["devices"]
        ),
        journal=Journal(**said["journal"]),
    )


def _plain(value: object) -> object:
    """Turn a value into what JSON has; what JSON lacks is marked by a name no key can have."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Path):
        return {"$path": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _revived(said: dict[str, Any]) -> object:
    if "$path" in said:
        return Path(said["$path"])
    if "$bytes" in said:
        return bytes.fromhex(said["$bytes"])
    return said


def _tuples(keys: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in keys.items()}
