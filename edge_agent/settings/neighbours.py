"""What only one table may have, and what must be there when another speaks of it.

Ids, names, files and GPIO lines belong to one; stations that are spoken of are of this agent.
"""

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_agent.ports import GPIO
from edge_agent.settings.reading import Document
from edge_agent.settings.words import listed, nearest, shown
from edge_agent.toml_places import KeyPath


def own_id(
    document: Document, at: KeyPath, said: object, known: dict[str, KeyPath], thing: str
) -> None:
    """Refuse an id, or what stands for one, that another table of its kind has; remember it."""
    if not isinstance(said, str):
        return
    word = "an id" if at[-1] == "id" else f"a {at[-1]}"
    if said in known:
        document.refuse(
            at,
            f"{shown(said)} is the {at[-1]} of another {thing}, at {document.spot(known[said])}",
            f"write {word} that no other {thing} has",
        )
    known.setdefault(said, at)


def own_name(document: Document, at: KeyPath, name: object, names: dict[str, KeyPath]) -> None:
    """Refuse a name that another device has; remember it."""
    if not isinstance(name, str):
        return
    if name in names:
        document.refuse(
            at,
            f"{shown(name)} is the name of another device, at {document.spot(names[name])}",
            "write a name that no other device of this agent has",
        )
    names.setdefault(name, at)


def known_station(
    document: Document, at: KeyPath, station: object, stations: Mapping[str, bool], more: str = ""
) -> None:
    """Refuse a station that is none of this agent; `stations` says which of them may be one."""
    if not isinstance(station, str) or station in stations or not stations:
        return
    usable = [one for one, right in stations.items() if right]
    near = nearest(station, usable)
    if near:
        remedy = f"did you mean {shown(near)}?"
    elif usable:
        remedy = f"write {listed(shown(one) for one in usable)}{more}, or add a [[station]]"
    else:
        remedy = "add a [[station]] with this id"
    document.refuse(at, f"{shown(station)} is not a station of this agent", remedy)


def known(document: Document, at: KeyPath, said: object, ids: Iterable[str], thing: str) -> None:
    """Refuse the id of something that nobody has written down; `thing` as in `[[calendar]]`."""
    ids = list(ids)
    if not isinstance(said, str) or said in ids:
        return
    near = nearest(said, ids)
    if near:
        remedy = f"did you mean {shown(near)}?"
    elif ids:
        remedy = f"write {listed(shown(one) for one in ids)}, or add a [[{thing}]]"
    else:
        remedy = f"add a [[{thing}]] with this id"
    document.refuse(at, f"there is no [[{thing}]] {shown(said)}", remedy)


def own_files(
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
        files.setdefault(real, (at, called(document, path, key)))


Lines = dict[str, list[tuple[KeyPath, str]]]
"""GPIO line -> every key that names it: where, and what people call it."""


def note_lines(
    document: Document, path: KeyPath, keys: type[Any], values: dict[str, Any], lines: Lines
) -> None:
    """Remember the GPIO lines that a device names: the keys whose metadata has `ports.GPIO`."""
    for key in dataclasses.fields(keys):
        said = values.get(key.name) if key.metadata.get(GPIO) else None
        for line in said if isinstance(said, list | tuple) else (said,):
            if isinstance(line, str) and line:
                name = called(document, path, key.name)
                lines.setdefault(_line(line), []).append(((*path, key.name), name))


def own_lines(document: Document, lines: Lines) -> None:
    """Refuse every key of a line that several name: none of them may have it."""
    for line, keys in lines.items():
        for index, (at, _) in enumerate(keys if len(keys) > 1 else ()):
            other, name = keys[0] if index else keys[1]
            document.refuse(
                at,
                f"{name} is {line} too, at {document.spot(other)}",
                "write a GPIO line that nothing else has, or remove one of the two",
            )


def _line(said: str) -> str:
    """Give a line one name however it is written: 17, gpio17 and BCM17 are GPIO17."""
    found = re.fullmatch(r"(?:GPIO|BCM)?0*([0-9]+)", said.strip().upper())
    return f"GPIO{found[1]}" if found else said.strip()


def called(document: Document, path: KeyPath, key: str) -> str:
    """Say whose key it is, as people call the device."""
    name = document.values["device"][path[1]].get("name")
    return f"the {key} of device {shown(name)}" if isinstance(name, str) else "another device"
