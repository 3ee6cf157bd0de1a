"""What one agent is told, as plain values: the validated configuration without the validator.

`edge_agent.settings` makes it from TOML (pydantic lives there); what runs sees only this.
`to_wire` and `from_wire` carry it from a process that has the validator to one that has not.
All durations are seconds as written by people; the parts that use them convert once, at start.
"""

import importlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edge_agent import __version__
from edge_agent.domain.people import Person
from edge_agent.labels.layout import Layout


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
    """Where we are: enterprise/site/area/line (ISA-95); no calendar is always on shift."""

    base: str
    time_zone: str = "UTC"
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """One station that this agent serves; `skills` are what a person needs who works there.

    With `count_scans` what is scanned there is a part that was made.
    """

    id: str
    segment: str | None = None
    roles: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    count_scans: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift in local time, `HH:MM`; `days` as in `mon`, `breaks` as in `09:00-09:10`."""

    id: str
    days: tuple[str, ...]
    start: str
    end: str
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The shifts of a site; `days_off` are dates, `2026-12-25`."""

    id: str
    shifts: tuple[Shift, ...]
    days_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """One product of a segment; what it does not say is the segment's."""

    name: str
    takt_s: float | None = None
    pack_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One line segment; `fixed_position` says how the place where it may stop is known.

    `takt`, `immediate`, `call-only`, `pulse` or `input`; the last two by `fixed_device`. `upstream`
    and `downstream` are the segments it is fed by and feeds. `owner` is the agent that speaks for
    it; None is this one.
    """

    id: str
    takt_s: float | None = None
    demand_per_shift: int | None = None
    fixed_position: str = "call-only"
    fixed_device: str | None = None
    restart_warning_s: float = 5.0
    stop_output: str | None = None
    start_input: str | None = None
    min_window_s: float = 0.0
    stop_without_pulse_s: float = 0.0
    overrun: float = 0.05
    small_stop_s: float = 300.0
    pm_cycles: int | None = None
    pack_quantity: int | None = None
    products: tuple[Product, ...] = ()
    upstream: str | None = None
    downstream: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One step of a ladder: who is asked, so long after the pull; in no shift named: in each."""

    level: int
    after_s: float
    notify: str
    shifts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Andon:
    """How calls of one category behave, at one station or at all of them (`*`).

    `cancel` is `second-pull` or `leader`; `clear` is `button` or `button+badge`; `pause` says
    whether the timers of its ladder rest outside of working time.
    """

    station: str
    category: str
    stops: bool = False
    cancel: str = "second-pull"
    clear: str = "button"
    min_cancel_s: float = 2.0
    ack_s: float = 30.0
    reason_grace_s: float = 300.0
    stop_now: bool = False
    pause: bool = False
    responders: tuple[str, ...] = ()
    escalate: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there was a call, by its code (`FIT`); no categories: for all of them."""

    code: str
    text: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition looks and sounds like where it is not as shipped: light -> rhythm."""

    condition: str
    lights: tuple[tuple[str, str], ...]
    tune: str | None = None


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
    calendars: tuple[Calendar, ...] = ()
    segments: tuple[Segment, ...] = ()
    andons: tuple[Andon, ...] = ()
    people: tuple[Person, ...] = ()
    reasons: tuple[Reason, ...] = ()
    looks: tuple[Condition, ...] = ()
    layouts: tuple[Layout, ...] = ()


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
    for device in said["devices"]:
        keys = keys_class(device["kind"])
        hints = get_type_hints(keys)
        device["keys"] = keys(
            **{name: _key(hints[name], one) for name, one in device["keys"].items()}
        )
    made: Configuration = _made(Configuration, said)
    return made


def _made(hint: Any, said: Any) -> Any:  # noqa: ANN401 - whatever a field of ours may be
    """Make a value of this type again from what `_plain` has left of it."""
    if is_dataclass(hint) and isinstance(said, dict):
        hints = get_type_hints(hint)
        return hint(**{name: _made(hints[name], one) for name, one in said.items()})  # type: ignore[operator]
    if isinstance(said, list):
        each = get_args(hint)
        if each[1:] == (...,):
            return tuple(_made(each[0], one) for one in said)
        return tuple(_made(one, part) for one, part in zip(each, said, strict=True))
    return said


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


def _key(hint: object, said: object) -> object:
    """Make the value of a driver's key again: a tuple of a list, a word of the driver's own."""
    if isinstance(said, list):
        return tuple(_key(hint, one) for one in said)
    if isinstance(said, str):
        for one in (hint, *get_args(hint)):
            if isinstance(one, type) and issubclass(one, Enum):
                return one(said)
    return said
