"""The configuration from TOML to plain values; refused with everything that is wrong with it.

1. Nothing is half accepted: `load` gives a `Configuration`, or raises with all problems at once.
2. A problem says where, what, and what to write instead; it never repeats a secret.
3. The text decides, not the machine: no device, broker or certificate is looked at.

The running agent does not import this; `edge_agent.validation` runs it in a process of its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_agent.configuration import Agent, Broker, Configuration, Journal, Site, Station
from edge_agent.settings.devices import check_devices
from edge_agent.settings.environment import SECTIONS, override
from edge_agent.settings.line_relations import check_line
from edge_agent.settings.neighbours import own_id
from edge_agent.settings.reading import Document, read_document
from edge_agent.settings.sections import Checked, broker_relations, check, journal_relations, shape
from edge_agent.settings.tables import StationTable
from edge_agent.toml_places import KeyPath


def load(path: Path, environ: Mapping[str, str]) -> Configuration:
    """Read, check and make plain the configuration in a file, what it includes and `environ`.

    Raises BadConfiguration, with every problem, and nothing else.
    """
    document = read_document(path)
    override(document, environ)
    shape(document)
    sections = {
        name: check(document, (name,), model, f"[{name}]")
        if isinstance(document.values.get(name), dict)
        else Checked(None, {})
        for name, model in SECTIONS.items()
    }
    given = broker_relations(document, sections["broker"].right, environ)
    journal_relations(document, sections["journal"].right)
    stations, at_stations = _stations(document)
    devices = check_devices(document, stations)
    line = check_line(document, stations, devices.placed)
    agent, broker, site = (sections[name].values for name in ("agent", "broker", "site"))
    if document.problems or agent is None or broker is None or site is None:
        raise document.bad()
    return Configuration(
        agent=Agent(**agent),
        broker=Broker(addresses=broker.pop("url"), **broker | given),
        site=Site(**site),
        folder=document.start.folder,
        stations=tuple(at_stations),
        devices=tuple(devices.right),
        journal=Journal(**sections["journal"].values or {}),
        **line._asdict(),
    )


def json_schema() -> dict[str, Any]:
    """Describe the configuration as a JSON Schema (2020-12); imports every driver."""
    from edge_agent.settings.schema import json_schema as made

    return made()


def _stations(document: Document) -> tuple[dict[str, bool], list[Station]]:
    """Check the stations; gives the ids that were written, whether each may be one, and them."""
    ids: dict[str, bool] = {}
    right: list[Station] = []
    places: dict[str, KeyPath] = {}
    for index, said in enumerate(document.values.get("station") or ()):
        at: KeyPath = ("station", index)
        checked = check(document, at, StationTable, "a [[station]]")
        own_id(document, (*at, "id"), said.get("id"), places, "station")
        if isinstance(said.get("id"), str):
            ids.setdefault(said["id"], "id" in checked.right)
        if checked.values is not None:
            right.append(Station(**checked.values))
    return ids, right
