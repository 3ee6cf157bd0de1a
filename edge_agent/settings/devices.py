"""The devices of a document: each against the `Keys` of its driver, and against each other.

A driver brings its keys as a plain dataclass; what TOML writes differently (paths, bytes, tuples)
is converted here, so that a new kind touches nothing in this package.
"""

import dataclasses
import os
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
from edge_agent.settings.reading import Document
from edge_agent.settings.sections import check, resolved
from edge_agent.settings.tables import FilePath, Id, StationId, Table
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
    later: ClassVar = frozenset()


def check_devices(document: Document, stations: Mapping[str, bool]) -> list[Device]:
    """Check all devices and note every fault; gives those that have none.

    `stations` has every id that was written, and whether it may be one.
    """
    devices = []
    names: dict[str, KeyPath] = {}
    files: dict[str, tuple[KeyPath, str]] = {}
    for index, said in enumerate(document.values.get("device") or ()):
        path: KeyPath = ("device", index)
        device, values = _device(document, path, said)
        _own_name(document, (*path, "name"), said.get("name"), names)
        _own_station(document, (*path, "station"), said.get("station"), stations)
        _own_files(document, path, values, files)
        if device is not None:
            devices.append(device)
    return devices


@cache
def model_of(kind: str) -> type[DeviceTable]:
    """Make the model of a kind from its driver's `Keys`; imports the driver."""
    keys = keys_class(kind)
    hints = get_type_hints(keys, include_extras=True)
    fields: dict[str, Any] = {
        "kind": (Annotated[str, WithJsonSchema({"const": kind})], Field(description="Its driver"))
    }
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
        return Annotated[many, BeforeValidator(_fixed)]
    if origin is Literal:
        return Annotated[hint, BeforeValidator(_no_bool)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[hint, Strict(strict=False)]
    return {Path: FilePath, bytes: Bytes}.get(hint, hint)  # type: ignore[call-overload]


def _no_bool(value: object) -> object:
    return shown(value) if isinstance(value, bool) else value  # else true would pass for a 1


def _fixed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


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
    document: Document, path: KeyPath, said: dict[str, Any]
) -> tuple[Device | None, dict[str, Any]]:
    """Check one device; gives it when nothing is wrong, and all its values that are right."""
    model = _model(document, path, said)
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


# -- devices beside each other -----------------------------------------------------------------


def _own_name(document: Document, at: KeyPath, name: object, names: dict[str, KeyPath]) -> None:
    if not isinstance(name, str):
        return
    if name in names:
        document.refuse(
            at,
            f"{shown(name)} is the name of another device, at {document.spot(names[name])}",
            "write a name that no other device of this agent has",
        )
    names.setdefault(name, at)


def _own_station(
    document: Document, at: KeyPath, station: object, stations: Mapping[str, bool]
) -> None:
    if not isinstance(station, str) or station in stations or not stations:
        return
    usable = [one for one, right in stations.items() if right]
    near = nearest(station, usable)
    if near:
        remedy = f"did you mean {shown(near)}?"
    elif usable:
        remedy = f"write {listed(shown(one) for one in usable)}, or add a [[station]]"
    else:
        remedy = "add a [[station]] with this id"
    document.refuse(at, f"{shown(station)} is not a station of this agent", remedy)


def _own_files(
    document: Document,
    path: KeyPath,
    values: dict[str, Any],
    files: dict[str, tuple[KeyPath, str]],
) -> None:
    """Refuse a port, or any file, that is given twice: each device would get half of it."""
    for key, value in values.items():
        if not (isinstance(value, Path) or (key == "port" and isinstance(value, str))):
            continue
        file = os.fspath(value)
        if not file.isprintable():  # a name that no file can have
            continue
        at = (*path, key)
        real = os.path.realpath(file)
        if real in files:
            other, name = files[real]
            same = "" if real == file else f" (both are {shown(real, cut=False)})"
            document.refuse(
                at,
                f"{name} has it already, at {document.spot(other)}{same}",
                "write one that no other device has, or remove one of the two devices",
            )
        files.setdefault(real, (at, _called(document, path, key)))


def _called(document: Document, path: KeyPath, key: str) -> str:
    name = document.values["device"][path[1]].get("name")
    return f"the {key} of device {shown(name)}" if isinstance(name, str) else "another device"
