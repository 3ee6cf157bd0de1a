"""The tables of a document, each against its model, and what must hold between their keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from edge_agent import __version__
from edge_agent.settings.environment import CREDENTIALS, SECTIONS, credentials
from edge_agent.settings.reading import Document
from edge_agent.settings.tables import Table
from edge_agent.settings.words import listed, nearest, retold, shown, written_out
from edge_agent.toml_places import KeyPath

LISTS: Final = (
    *("station", "device", "calendar", "segment", "andon", "person", "reason", "look", "layout"),
)
"""The tables that there are several of."""

_TABLES: Final = (*SECTIONS, *LISTS)

LATER: Final = frozenset({"loop"})
"""Tables that a later version will know."""

_SECRETS: Final = ("password", "passwd", "passphrase", "secret", "token", "pwd")


class Checked(NamedTuple):
    """A table after its check: the values when all of it was right, and what was right of it."""

    values: dict[str, Any] | None
    right: dict[str, Any]


def check(document: Document, path: KeyPath, model: type[BaseModel], name: str) -> Checked:
    """Check one table against its model and note every fault; `name` is what people call it."""
    said: Any = document.values
    for part in path:
        said = said[part]
    defaults = {key: one.default for key, one in model.model_fields.items()}
    bad = set()
    values = None
    try:
        values = resolved(document, path, dict(model.model_validate(said)))
    except ValidationError as trouble:
        errors = trouble.errors(include_url=False)
        for error in errors:
            bad.add(error["loc"][0])
            if error["type"] == "too_short" and any(_below(error["loc"], one) for one in errors):
                continue  # what was in the list was refused, and the list is not empty
            at = (*path, *error["loc"])
            table, called, depth = _innermost(model, name, error["loc"])
            if error["type"] == "extra_forbidden":
                _unknown(document, at, table, called)
                continue
            said_by, key = (*path, *error["loc"][: depth + 1]), str(error["loc"][depth])
            for wrong, remedy in retold(dict(error), rule(table, key)):
                document.refuse(said_by, wrong, remedy, at=at)
    right = {key: one for key, one in (defaults | said).items() if key in defaults}
    return Checked(values, {key: one for key, one in right.items() if key not in bad})


def _below(loc: tuple[int | str, ...], error: Any) -> bool:  # noqa: ANN401 - pydantic's
    return len(error["loc"]) > len(loc) and error["loc"][: len(loc)] == loc


def _innermost(
    model: type[BaseModel], name: str, loc: tuple[int | str, ...]
) -> tuple[type[BaseModel], str, int]:
    """Find the table that an error is about: its model, what it is called, and its key in `loc`."""
    depth = 0
    while len(loc) > depth + 2 and (inner := _inside(model, str(loc[depth]))):
        model, name, depth = inner, inner.called, depth + 2
    return model, name, depth


def _inside(model: type[BaseModel], key: str) -> type[Table] | None:
    """Give the model of the tables that a key holds a list of, None when it holds none."""
    said = get_args(model.model_fields[key].annotation) if key in model.model_fields else ()
    return said[0] if said and isinstance(said[0], type) and issubclass(said[0], Table) else None


def rule(model: type[BaseModel], key: str) -> dict[str, Any]:
    """Tell what a key of a model allows: `ge`, `le`, `unit`, and `example`, a whole line."""
    field = model.model_fields[key]
    found: dict[str, Any] = {}
    for limit in field.metadata:
        for name in ("ge", "le"):
            if getattr(limit, name, None) is not None:
                found[name] = getattr(limit, name)
    if isinstance(field.json_schema_extra, dict):
        found |= field.json_schema_extra
    written = written_out(field.examples[0]) if field.examples else _BLANKS.get(field.annotation)
    inner = _inside(model, key)
    if inner or written:
        found["example"] = inner.sample if inner else f"{key} = {written}"
    return found


_BLANKS: Final[dict[object, str]] = {
    Path: '"PATH"',
    str: '"TEXT"',
    int: "NUMBER",
    float: "NUMBER",
    bool: "true",
}


def resolved(document: Document, path: KeyPath, values: dict[str, Any]) -> dict[str, Any]:
    """Make paths whole: each begins where the file that says it is."""
    for key, value in values.items():
        folder = document.spot((*path, key)).folder
        if isinstance(value, Path):
            values[key] = folder / value
        elif isinstance(value, tuple):
            values[key] = tuple(folder / one if isinstance(one, Path) else one for one in value)
    return values


# -- the document itself -----------------------------------------------------------------------


def shape(document: Document) -> None:
    """Refuse what is no table where one belongs, and tables that nobody knows."""
    for key, value in list(document.values.items()):
        if key in SECTIONS and not isinstance(value, dict):
            single = f"write [{key}] in single brackets, once"
            document.refuse((key,), f"is {_kind(value)}, not one table", single)
        elif key in LISTS and not _are_tables(value):
            wrong = "is one table, not a list" if isinstance(value, dict) else "is no table"
            document.refuse((key,), wrong, f"write [[{key}]] in double brackets for each of them")
        elif key in LATER:
            _not_yet(document, (key,))
        elif key not in _TABLES:
            _stray(document, key)
        else:
            continue
        document.values[key] = None
    for key, example in WANTED.items():
        if key not in document.values:
            document.refuse((key,), "is missing", f"write {example}")


WANTED: Final = {
    "agent": '[agent], below it id = "pi-a2" and data_dir = "data"',
    "broker": '[broker], below it url = "mqtt://127.0.0.1:1883"',
    "site": '[site], below it base = "acme/plant1/assembly/line3"',
    "station": '[[station]], below it id = "A2"',
}


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _kind(value: object) -> str:
    return "a list of tables" if value and _are_tables(value) else shown(value)


def _stray(document: Document, key: str) -> None:
    if isinstance(document.values[key], dict) or _are_tables(document.values[key]):
        near = nearest(key, _TABLES)
        header = f"[[{near}]]" if near in LISTS else f"[{near}]"
        remedy = f"did you mean {header}?" if near else f"the tables are {listed(_TABLES)}"
        document.refuse((key,), "is not known", remedy)
        return
    homes = [f"[{name}]" for name, model in SECTIONS.items() if key in model.model_fields]
    if homes:
        document.refuse((key,), "stands in no table", f"write it below {listed(homes)}")
    elif not _secret(document, (key,)):
        near = nearest(key, ("include",))
        remedy = f"did you mean {near}?" if near else f"the tables are {listed(_TABLES)}"
        document.refuse((key,), "is not known", remedy)


def _unknown(document: Document, at: KeyPath, model: type[BaseModel], name: str) -> None:
    """Refuse a key of a table that its model does not know, and say where it may belong."""
    key = str(at[-1])
    if key in getattr(model, "later", ()):
        _not_yet(document, at)
        return
    if _secret(document, at):
        return
    known = list(model.model_fields)
    homes = [
        f"[{one}]"
        for one, table in SECTIONS.items()
        if table is not model and key in table.model_fields
    ]
    near = nearest(key, known)
    if homes and key != "id":
        remedy = f"it belongs below {listed(homes)}"
    elif near:
        remedy = f"did you mean {near}?"
    else:
        remedy = f"its keys are {', '.join(known)}"
    document.refuse(at, f"is not a key of {name}", remedy)


def _not_yet(document: Document, at: KeyPath) -> None:
    document.refuse(
        at,
        f"is not known to this version of edge-agent ({__version__})",
        "remove it, or install the version that has it",
    )


def _secret(document: Document, at: KeyPath) -> bool:
    """Refuse a secret in the file, without repeating it; say whether it was one."""
    key = str(at[-1]).lower()
    if not any(word in key for word in _SECRETS) or key.endswith("_file"):
        return False
    document.refuse(
        at,
        "a secret has no place in a configuration, which is copied, mailed and kept",
        'write password_file = "FILE" in [broker], and the secret into that file (mode 0600)',
    )
    return True


# -- what must hold between keys ---------------------------------------------------------------


def journal_relations(document: Document, right: dict[str, Any]) -> None:
    """Refuse a reserve that leaves nothing of the quota."""
    quota, reserve = right.get("quota_mb"), right.get("reserve_mb")
    if quota is not None and reserve is not None and reserve >= quota:
        key = "reserve_mb" if ("journal", "reserve_mb") in document.spots else "quota_mb"
        document.refuse(
            ("journal", key),
            f"the reserve of {reserve} megabytes{_default(document, 'journal', 'reserve_mb')} is "
            f"not smaller than the quota of {quota}{_default(document, 'journal', 'quota_mb')}",
            f"write reserve_mb below {quota}, or a larger quota_mb",
        )


def _default(document: Document, table: str, key: str) -> str:
    return "" if (table, key) in document.spots else " (the default)"


def broker_relations(
    document: Document, right: dict[str, Any], environ: Mapping[str, str]
) -> dict[str, Path]:
    """Refuse keys of [broker] that contradict each other or lack their other half.

    Gives the credentials that stand in for files: those for TLS only where an address is mqtts.
    """
    low, high = right.get("backoff_min_s"), right.get("backoff_max_s")
    if low is not None and high is not None and low > high:
        key = "backoff_max_s" if ("broker", "backoff_max_s") in document.spots else "backoff_min_s"
        document.refuse(
            ("broker", key),
            f"the first wait of {low:g} seconds{_default(document, 'broker', 'backoff_min_s')} is "
            f"longer than the longest of {high:g}{_default(document, 'broker', 'backoff_max_s')}",
            "write backoff_min_s at most as large as backoff_max_s",
        )
    if "url" not in right:
        return {}
    urls = right["url"] if isinstance(right["url"], list) else [right["url"]]
    tls = any(url.lower().startswith("mqtts:") for url in urls)
    given = {
        key: path
        for key, path in credentials(environ).items()
        if (tls or key == "password_file") and right.get(key, path) is None
    }
    _halves(document, right, given)
    for key in _ONLY_TLS:
        if right.get(key) and not tls:
            document.refuse(
                ("broker", key),
                "is only used with TLS, and no address begins with mqtts://",
                'write url = "mqtts://HOST:8883", or remove it',
            )
    return given


_ONLY_TLS: Final = ("ca_file", "cert_file", "key_file")
_HALVES: Final = (
    ("cert_file", "key_file"),
    ("key_file", "cert_file"),
    ("password_file", "username"),
)


def _halves(document: Document, right: dict[str, Any], given: dict[str, Path]) -> None:
    for one, other in _HALVES:
        said = right.get(one) or one in given
        lacking = other in right and not right[other] and other not in given
        if said and lacking:
            source = f"the credential {CREDENTIALS[one]}" if one in given else one
            document.refuse(
                ("broker", other),
                f"is missing though there is {source}",
                f'write {other} = "..."',
                at=("broker", one),
            )
