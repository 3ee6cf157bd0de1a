"""The environment on top of the files: `EDGE_AGENT__SECTION__KEY`, and systemd's credentials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from edge_agent.settings.reading import Document, Spot
from edge_agent.settings.syntax import Malformed, parse
from edge_agent.settings.tables import AgentTable, BrokerTable, JournalTable, SiteTable, Table
from edge_agent.settings.words import listed, nearest

PREFIX: Final = "EDGE_AGENT__"
SECTIONS: Final[dict[str, type[Table]]] = {
    "agent": AgentTable,
    "broker": BrokerTable,
    "site": SiteTable,
    "journal": JournalTable,
}
"""The tables that there is one of, which the environment may override."""

CREDENTIALS: Final = {
    "password_file": "mqtt-password",
    "ca_file": "mqtt-ca",
    "cert_file": "mqtt-cert",
    "key_file": "mqtt-key",
}
"""Key of [broker] -> the systemd credential that stands in for it when no file is named."""


def override(document: Document, environ: Mapping[str, str]) -> None:
    """Put every variable of ours into the document; what cannot be one is noted, by its name."""
    for variable in sorted(environ):
        if variable.startswith(PREFIX):
            _take(document, variable, environ[variable])
        elif variable.startswith("EDGE_AGENT_"):
            _nearly(document, variable)


def credentials(environ: Mapping[str, str]) -> dict[str, Path]:
    """List the credentials that systemd has given this process, by the key they stand for."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    there = {key: Path(folder) / name for key, name in CREDENTIALS.items()}
    return {key: path for key, path in there.items() if path.exists()}


def _take(document: Document, variable: str, text: str) -> None:
    section, _, key = variable.removeprefix(PREFIX).lower().partition("__")
    spot = Spot("", 1, 1, document.start.folder, variable)
    if section not in SECTIONS or not key:
        near = nearest(section, SECTIONS)
        better = f"{PREFIX}{(near or 'broker').upper()}__{key.upper() or 'KEY'}"
        document.problems.append(
            (
                spot,
                section or "variable",
                f"is not a table that the environment overrides ({listed(SECTIONS)})",
                f"did you mean {better}?" if near else f"write it like {better}, or unset it",
            )
        )
        return
    table = document.values.setdefault(section, {})
    if isinstance(table, dict):  # else it is refused for that
        table[key] = _value(text, SECTIONS[section], key)
        document.spots = {
            path: one for path, one in document.spots.items() if path[:2] != (section, key)
        }
        document.spots[section, key] = spot


def _value(text: str, table: type[Table], key: str) -> object:
    """Read a value as TOML; what is none, or a number where text belongs, is text as it stands."""
    try:
        values, _ = parse(f"value = {text}")
    except Malformed:
        return text
    if values.keys() != {"value"}:
        return text
    value = values["value"]
    field = table.model_fields.get(key)
    numeric = field is None or {int, float} & {field.annotation, *get_args(field.annotation)}
    return value if numeric or isinstance(value, str | list) else text


def _nearly(document: Document, variable: str) -> None:
    """Refuse `EDGE_AGENT_BROKER_URL`: somebody believes that it works."""
    rest = variable.removeprefix("EDGE_AGENT_").lower().lstrip("_")
    for section, table in SECTIONS.items():
        key = rest.removeprefix(section).lstrip("_")
        if rest.startswith(f"{section}_") and key in table.model_fields:
            document.problems.append(
                (
                    Spot("", 1, 1, document.start.folder, variable),
                    f"{section}.{key}",
                    "is not read from a variable of this name",
                    f"write {PREFIX}{section.upper()}__{key.upper()}, with two underscores",
                )
            )
