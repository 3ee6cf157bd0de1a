"""Every file that we ship is right, and its JSON Schema says the same as the validator."""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import drivers
from edge_agent.configuration import Configuration
from edge_agent.settings import json_schema, load
from edge_agent.settings.schema import schema_text

CONFIG = Path(__file__).resolve().parents[2] / "config"
FILES = sorted(CONFIG.rglob("*.toml"))

Refused = Callable[..., list[str]]


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    made = json_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def test_there_is_something_to_load() -> None:
    assert {path.name for path in FILES} >= {
        *("minimal.toml", "scanner-station.toml", "a1.toml"),
        *("four-station-segment.toml", "simulated-segment.toml"),
    }


@pytest.mark.usefixtures("every_kind")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads(path: Path) -> None:
    load(path, {})
    schema = jsonschema.Draft202012Validator(json_schema())
    schema.validate(tomllib.loads(path.read_text("utf-8")))


@pytest.mark.usefixtures("every_kind")
def test_the_segment_of_twins_is_the_one_that_is_wired() -> None:
    wired, twins = (
        load(CONFIG / name, {}) for name in ("four-station-segment.toml", "simulated-segment.toml")
    )
    assert len(wired.stations) == 4
    for said in ("stations", "calendars", "andons", "people", "reasons", "looks"):
        assert getattr(wired, said) == getattr(twins, said)
    paced = [replace(one, takt_s=None, demand_per_shift=None) for one in wired.segments]
    assert [replace(one, takt_s=None) for one in twins.segments] == paced
    assert [(one.name, one.station, one.kind.partition("-")[2]) for one in wired.devices] == [
        (one.name, one.station, one.kind.partition("-")[2]) for one in twins.devices
    ]


def test_the_wiring_table_says_the_lines_that_the_devices_have() -> None:
    text = (CONFIG / "four-station-segment.toml").read_text("utf-8")
    head, _, rest = text.partition("[agent]")
    table = head[: head.index("# Inputs are contacts")]
    named = re.findall(r"GPIO[0-9]+", table)
    used = re.findall(r"GPIO[0-9]+", rest)
    assert sorted(named) == sorted(used)
    assert len(set(used)) == len(used)


@pytest.mark.usefixtures("every_kind")
def test_the_first_wiring_of_the_readme_is_right_and_its_table_says_the_same(
    loaded: Callable[..., Configuration],
) -> None:
    text = (CONFIG.parent / "README.md").read_text("utf-8")
    first, line = (found for found in re.findall(r"```toml\n(.+?)```", text, re.DOTALL))
    made = loaded(first.replace('[[station]]\nid = "A2"\n', "", 1) + line)
    assert [one.kind for one in made.devices][-2:] == ["gpio-output", "gpio-output"]
    table = re.findall(r"^\| (GPIO[^|]+) \|", text, re.MULTILINE)
    named = re.findall(r"GPIO[0-9]+", " ".join(table))
    assert sorted(named) == sorted(re.findall(r"GPIO[0-9]+", line))


def test_the_stations_of_the_simulated_line_can_run_together() -> None:
    line = [load(path, {}) for path in FILES if path.parent.name == "simulated-line"]
    assert len(line) >= 2
    for apart in (
        [one.agent.id for one in line],
        [one.agent.data_dir for one in line],
        [station.id for one in line for station in one.stations],
        [device.keys.fifo for one in line for device in one.devices],
    ):
        assert len(set(apart)) == len(apart)
    assert len({(one.site, one.broker) for one in line}) == 1


def uncommented(text: str) -> str:
    """Take the # from every line that is a key with its value, as a reader would."""
    lines = []
    for line in text.splitlines():
        key = line.removeprefix("# ").partition(" = ")[0]
        lines.append(line.removeprefix("# ") if key.isidentifier() else line)
    return "\n".join(lines)


def test_every_key_that_is_commented_out_may_be_uncommented(
    loaded: Callable[..., Configuration],
) -> None:
    text = (CONFIG / "scanner-station.toml").read_text("utf-8")
    made = loaded(uncommented(text).replace("mqtt://", "mqtts://"))
    assert made.broker.username == "pi-a2"
    assert made.devices[0].keys.good_read == "\x06"
    plain = load(CONFIG / "scanner-station.toml", {})
    assert made.devices[0].keys.suffix == plain.devices[0].keys.suffix
    assert made.journal == plain.journal
    assert made.broker.backoff_max_s == plain.broker.backoff_max_s


def test_the_schema_that_is_shipped_is_the_one_that_is_made() -> None:
    assert (CONFIG / "schema.json").read_text("utf-8") == schema_text(), (
        "run: python -m edge_agent.settings --schema config/schema.json"
    )


def test_the_schema_knows_every_kind_and_every_key_of_it() -> None:
    made = json_schema()
    assert list(made["$defs"]) == sorted(drivers.KINDS)
    for kind, said in made["$defs"].items():
        keys = drivers.load(kind).Keys.__dataclass_fields__
        assert set(said["properties"]) == {"name", "kind", "station", *keys}
        assert said["properties"]["kind"]["const"] == kind
        assert not said["additionalProperties"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "pi-a2"', 'id = "pi.a2"'),
        ('id = "pi-a2"', 'id = "pi-a2"\nx = 1'),
        ('data_dir = "data"', ""),
        ('"mqtt://127.0.0.1:1883"', '"tcp://h"'),
        ('"mqtt://127.0.0.1:1883"', '["mqtt://joe:x@h"]'),
        ('"mqtt://127.0.0.1:1883"', "[]"),
        ('url = "mqtt://127.0.0.1:1883"', 'url = "mqtt://h"\nkeepalive_s = 0'),
        ('url = "mqtt://127.0.0.1:1883"', 'url = "mqtt://h"\nkeepalive_s = "5"'),
        ("acme/plant1/assembly/line3", "/acme"),
        ("acme/plant1/assembly/line3", "a/agent"),
        ("acme/plant1/assembly/line3", "master/a"),
        ("acme/plant1/assembly/line3", "a+"),
        ('[[station]]\nid = "A2"', '[[station]]\nid = "loop"'),
        ('[[station]]\nid = "A2"', ""),
        ('kind = "simulated-scanner"', 'kind = "simulated"'),
        ('kind = "simulated-scanner"', ""),
        ('fifo = "gun"', ""),
        ('fifo = "gun"', 'fifo = "gun"\nbaud = 9600'),
        ("[[device]]", "[[segment]]\n[[device]]"),
        ("[[device]]", '[[calendar]]\nid = "x"\n[[device]]'),
        ("[[device]]", '[[andon]]\nstation = "*"\ncategory = "x y"\n[[device]]'),
        ("[[device]]", '[[look]]\ncondition = "x"\nlights = { red = "off" }\n[[device]]'),
        ("[[device]]", '[[look]]\ncondition = "called"\nlights = { red = "x" }\n[[device]]'),
        ("[[device]]", '[[person]]\nbadge = "x"\n[[device]]'),
        ("[[device]]", "[[loop]]\n[[device]]"),
    ],
)
def test_what_the_validator_refuses_the_schema_refuses(
    refused: Refused, good: str, schema: jsonschema.Draft202012Validator, old: str, new: str
) -> None:
    assert old in good
    text = good.replace(old, new)
    assert refused(text)
    assert not schema.is_valid(tomllib.loads(text))


def test_a_part_that_includes_others_need_not_be_whole(
    schema: jsonschema.Draft202012Validator,
) -> None:
    part: dict[str, Any] = {"include": ["rest.toml"]}
    assert schema.is_valid(part)
    assert not schema.is_valid({})
    assert "$schema" in json.loads((CONFIG / "schema.json").read_text("utf-8"))
