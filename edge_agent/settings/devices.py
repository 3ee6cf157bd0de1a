"""The devices of a document: each against the `Keys` of its driver, and beside the others.

A driver brings its keys as a plain dataclass; what TOML writes differently (paths, bytes, tuples)
is converted here, so that a new kind touches nothing in this package.
"""

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    WithJsonSchema,
    create_model,
)

import drivers
from edge_agent import __version__
from edge_agent.configuration import Device, keys_class
from edge_agent.domain.looks import LIGHTS
from edge_agent.ports import Part, Purpose
from edge_agent.settings.neighbours import (
    Lines,
    known_station,
    note_lines,
    own_files,
    own_lines,
    own_name,
)
from edge_agent.settings.reading import Document
from edge_agent.settings.sections import check, resolved
from edge_agent.settings.tables import FilePath, Id, StationId, Table, fixed
from edge_agent.settings.words import Wrong, listed, nearest, shown, split_remedy
from edge_agent.toml_places import KeyPath

BYTE_MAX: Final = 0xFF


class DeviceTable(Table):
    """What every device has beside the keys of its driver."""

    model_config = ConfigDict(protected_namespaces=())
    name: Id = Field(description="Name of the device, unique in this agent", examples=["gun-1"])
    kind: str = Field(description="Which driver it has", examples=["serial-scanner"])
    station: StationId = Field(description="The station it stands at", examples=["A2"])


class _OfNoKind(DeviceTable):
    """A device whose kind is not known: what can be said about it all the same."""

    model_config = ConfigDict(extra="ignore")
    kind: Any = None
    station: StationId | None = None  # type: ignore[assignment]
    later: ClassVar = frozenset()


class Placed(NamedTuple):
    """A device as it is written, for tables that speak of it: what is not understood is None.

    `lights` are those of a tower; a lamp apart from it has none.
    """

    at: KeyPath
    name: str
    station: str | None
    part: Part | None
    purpose: str | None
    category: str | None
    lights: tuple[str, ...] = ()


class Devices(NamedTuple):
    """The devices in which nothing is wrong, and all that have a name as they are written."""

    right: list[Device]
    placed: dict[str, Placed]


def check_devices(document: Document, stations: Mapping[str, bool]) -> Devices:
    """Check all devices and note every fault.

    `stations` has every id that was written, and whether it may be one.
    """
    found = Devices([], {})
    names: dict[str, KeyPath] = {}
    files: dict[str, tuple[KeyPath, str]] = {}
    lines: Lines = {}
    for index, said in enumerate(document.values.get("device") or ()):
        path: KeyPath = ("device", index)
        model = _model(document, path, said)
        device, values = _device(document, path, said, model)
        own_name(document, (*path, "name"), said.get("name"), names)
        known_station(document, (*path, "station"), said.get("station"), stations)
        own_files(document, path, values, files)
        if model is not None:
            note_lines(document, path, keys_class(said["kind"]), values, lines)
        if isinstance(said.get("name"), str):
            found.placed.setdefault(said["name"], _placed(path, said, values, known=bool(model)))
        if device is not None:
            found.right.append(device)
    own_lines(document, lines)
    return found


def _placed(path: KeyPath, said: dict[str, Any], values: dict[str, Any], *, known: bool) -> Placed:
    """Take from a device what other tables ask of it."""
    station, purpose, category = (
        one if isinstance(one, str) else None
        for one in (said.get("station"), values.get("purpose"), values.get("category"))
    )
    driver = drivers.load(said["kind"]) if known else None
    part = drivers.part_of(driver) if driver else None
    if driver and part is Part.CONTACT and "purpose" not in driver.Keys.__dataclass_fields__:
        purpose = Purpose.CALL  # a cord calls, and nothing else
    lights = _lights(values) if part is Part.LAMP and not values.get("feedback") else ()
    return Placed(path, said["name"], station, part, purpose, category, lights)


def _lights(values: dict[str, Any]) -> tuple[str, ...]:
    """Say which lights a lamp has: it lists them, or has a key for each."""
    said = values.get("lights")
    return tuple(said) if said else tuple(light for light in LIGHTS if values.get(light))


@cache
def model_of(kind: str) -> type[DeviceTable]:
    """Make the model of a kind from its driver's `Keys`; imports the driver."""
    keys = keys_class(kind)
    hints = get_type_hints(keys, include_extras=True)
    fields: dict[str, Any] = {
        "kind": (Annotated[str, WithJsonSchema({"const": kind})], Field(description="Its driver"))
    }
    if drivers.stationless(drivers.load(kind)):
        at = DeviceTable.model_fields["station"].description
        fields["station"] = (StationId | None, Field(None, description=f"{at}, if it has one"))
    fields |= {
        one.name: (accepted(hints[one.name]), _field(one)) for one in dataclasses.fields(keys)
    }
    return create_model(
        kind,
        __base__=DeviceTable,
        **fields,
    )


def accepted(hint: object) -> object:
    """Say what to accept from TOML for a key of this type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        # TOML has no null: who means None leaves the key out. A text for Path | str is a path.
        wanted = [one for one in args if one is not types.NoneType]
        wanted = [one for one in wanted if one is not str or Path not in wanted]
        return Union[tuple(accepted(one) for one in wanted)]  # noqa: UP007 - made at run time
    if origin is tuple and args[1:] == (...,):
        many: object = tuple.__class_getitem__((accepted(args[0]), ...))
        return Annotated[many, BeforeValidator(fixed)]
    if origin is Literal:
        return Annotated[hint, BeforeValidator(_no_bool)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[hint, Strict(strict=False)]
    return {Path: FilePath, bytes: Bytes}.get(hint, hint)  # type: ignore[call-overload]


def _no_bool(value: object) -> object:
    return shown(value) if isinstance(value, bool) else value  # else true would pass for a 1


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    beyond = [one for one in value if ord(one) > BYTE_MAX]
    if beyond:
        raise Wrong((f"{shown(beyond[0])} is not one byte", "write bytes from \\u0000 to \\u00FF"))
    return value.encode("latin-1")


Bytes = Annotated[bytes, BeforeValidator(_bytes), WithJsonSchema({"type": "string"})]


def _field(key: "dataclasses.Field[Any]") -> object:
    known = {
        name: key.metadata[name] for name in ("ge", "le", "description") if name in key.metadata
    }
    if "unit" in key.metadata:
        known["json_schema_extra"] = {"unit": key.metadata["unit"]}
    if "example" in key.metadata:
        known["examples"] = [key.metadata["example"]]
    if key.default is not dataclasses.MISSING:
        return Field(key.default, **known)
    if key.default_factory is not dataclasses.MISSING:
        return Field(default_factory=key.default_factory, **known)
    return Field(..., **known)


# -- one device --------------------------------------------------------------------------------


def _device(
    document: Document, path: KeyPath, said: dict[str, Any], model: type[DeviceTable] | None
) -> tuple[Device | None, dict[str, Any]]:
    """Check one device; gives it when nothing is wrong, and all its values that are right."""
    if model is None:
        check(document, path, _OfNoKind, "a device")
        return None, {}
    kind = said["kind"]
    checked = check(document, path, model, f"a {kind}")
    values, stand_ins = checked.values, set[str]()
    if values is None:  # what is right of it may still be nonsense to the driver: all at once
        right = {key: value for key, value in said.items() if key in checked.right}
        stand_ins = {
            key for key, one in model.model_fields.items() if one.is_required() and key not in right
        }
        try:
            stood_in = right | dict.fromkeys(stand_ins, _STAND_IN)
            values = resolved(document, path, dict(model.model_validate(stood_in)))
        except ValidationError:  # a required key that is no text
            return None, {}
    own = {key: values.pop(key) for key in ("name", "kind", "station")}
    keys = _keys(document, path, keys_class(kind), values, stand_ins)
    values = {key: value for key, value in values.items() if key not in stand_ins}
    if keys is None or checked.values is None:
        return None, values
    return Device(**own, keys=keys), values


_STAND_IN: Final = "x"
"""Takes the place of a required text that is missing, to hear what the driver says of the rest."""


def _model(document: Document, path: KeyPath, said: dict[str, Any]) -> type[DeviceTable] | None:
    kind, at = said.get("kind"), (*path, "kind")
    if kind is None:
        document.refuse(at, "is missing", f'write kind = "..." with {listed(drivers.kinds())}')
    elif not isinstance(kind, str):
        document.refuse(at, f"must be text, not {shown(kind)}", f"write {_kinds()}")
    elif kind not in drivers.KINDS and kind not in drivers.kinds():
        near = nearest(kind, drivers.kinds())
        document.refuse(
            at,
            f"{shown(kind)} is not known to this version of edge-agent ({__version__})",
            f'did you mean "{near}"? The kinds are {_kinds()}' if near else f"write {_kinds()}",
        )
    else:
        try:
            return model_of(kind)
        except ImportError as missing:
            document.refuse(
                at,
                f"its driver cannot be imported ({missing})",
                f"install {missing.name or 'what it needs'} beside edge-agent",
            )
    return None


def _kinds() -> str:
    return listed(f'"{kind}"' for kind in drivers.kinds())


def _keys(
    document: Document, path: KeyPath, keys: type[Any], values: dict[str, Any], refused: set[str]
) -> object | None:
    """Make the driver's keys; what it refuses is replaced by the default to hear of the next.

    What it says of those `refused` already is not repeated.
    """
    defaults = {
        one.name: one.default
        for one in dataclasses.fields(keys)
        if one.default is not dataclasses.MISSING
    }
    values, refused = dict(values), set(refused)
    while True:
        try:
            made = keys(**values)
        except ValueError as trouble:
            key, _, text = str(trouble).partition(": ")
            if key in refused:
                return None
            known = key in values
            wrong, remedy = split_remedy(text if known else str(trouble))
            document.refuse((*path, key) if known else path, wrong, remedy)
            if key not in defaults:
                return None
            refused.add(key)
            values[key] = defaults[key]
        else:
            return None if refused else made
