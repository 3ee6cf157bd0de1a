"""The JSON Schema of the configuration, for editors and for `edge-agent schema --config`."""

import json
from typing import Any, Final

from pydantic import BaseModel

import drivers
from edge_agent.settings.devices import DeviceTable, model_of
from edge_agent.settings.environment import SECTIONS
from edge_agent.settings.layouts import LayoutTable
from edge_agent.settings.line_tables import TABLES
from edge_agent.settings.sections import WANTED
from edge_agent.settings.shop_time import CalendarTable
from edge_agent.settings.tables import StationTable
from edge_agent.settings.tower import LookTable

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Describe the configuration: a schema for each table, and for the devices one per kind."""
    kinds = drivers.kinds()
    return {
        "$schema": _DIALECT,
        "title": "Configuration of edge-agent",
        "type": "object",
        "properties": {
            "include": {
                "description": "More files, relative to this one",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
            },
            **{name: _described(table) for name, table in SECTIONS.items()},
            "station": {"type": "array", "minItems": 1, "items": _described(StationTable)},
            "calendar": {"type": "array", "items": _described(CalendarTable)},
            **{
                name: {"type": "array", "items": _described(table)}
                for name, (table, _) in TABLES.items()
            },
            "look": {"type": "array", "items": _described(LookTable)},
            "layout": {"type": "array", "items": _described(LayoutTable)},
            "device": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"enum": kinds}},
                    "discriminator": {"propertyName": "kind"},
                    "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds],
                },
            },
        },
        "additionalProperties": False,
        # what an included file says is not looked at here
        "if": {"not": {"required": ["include"]}},
        "then": {"required": list(WANTED)},
        "$defs": {kind: _described(model_of(kind), drivers.load(kind).Keys) for kind in kinds},
    }


def schema_text() -> str:
    """Write the schema as it stands in config/schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _described(table: type[BaseModel], keys: type[Any] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = table.model_json_schema()
    schema = _tidied(schema, schema.pop("$defs", {}))
    if keys is not None:
        schema["description"] = (keys.__doc__ or "").partition("\n")[0]
    if issubclass(table, DeviceTable):  # what all devices have comes first
        common = {key: schema["properties"].pop(key) for key in DeviceTable.model_fields}
        schema["properties"] = common | schema["properties"]
    return schema


def _tidied(schema: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Let no title say what its key says already, and no key say null."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    if "properties" in schema:
        schema["properties"] = {
            key: _without_null(_whole(said, inner)) for key, said in schema["properties"].items()
        }
    return schema


def _whole(said: Any, inner: dict[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    """Put what pydantic only refers to where it is referred to: tables in tables, and words."""
    if isinstance(said, list):
        return [_whole(one, inner) for one in said]
    if not isinstance(said, dict):
        return said
    if "$ref" in said:
        meant = _tidied(inner[said["$ref"].rpartition("/")[2]], inner)
        if "enum" in meant:  # the docstring of an enumeration is for its programmers
            meant.pop("description", None)
        return meant | {key: one for key, one in said.items() if key != "$ref"}
    return {key: _whole(one, inner) for key, one in said.items()}


def _without_null(said: dict[str, Any]) -> dict[str, Any]:
    """Take None away: TOML has none, who means it leaves the key out."""
    said = {key: value for key, value in said.items() if key != "title"}
    if said.get("default", ...) is None:
        del said["default"]
    kinds = [one for one in said.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1:
        del said["anyOf"]
        said = kinds[0] | said
    return said
