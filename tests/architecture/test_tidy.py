"""Taste as a test: where a library may live, how long a thing may be, what it may be called.

Every failure says what to do about it. A rule that must bend is changed here, in its own commit,
with its reason; there are no exceptions by name further down.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOMES = {
    "amqtt": ("edge_agent/demo/",),
    "gpiozero": ("drivers/",),
    "lgpio": ("drivers/",),
    "paho": ("edge_agent/uplink/",),
    "pydantic": (
        "edge_agent/settings",
        "edge_agent/wire/line_models.py",
        "edge_agent/wire/models.py",
        "edge_agent/wire/order_models.py",
        "edge_agent/wire/pace_models.py",
        "edge_agent/wire/model_parts.py",
        "edge_agent/wire/asyncapi.py",
    ),
    "rich": ("edge_agent/demo/",),
    "serial": ("drivers/",),
    "sqlalchemy": ("edge_agent/journal/",),
    "sqlite3": ("edge_agent/journal/",),
    "time": ("edge_agent/clock.py",),
}
"""Library -> the only places of the shipped packages that may import it."""

STDLIB = sys.stdlib_module_names

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400
FORBIDDEN_WORDS = {"base", "common", "data", "helper", "helpers", "manager", "util", "utils"}

POSSESSIVE_GROUP = re.compile(r"\)[*+?]\+|\(\?>")
PLACES = re.compile(r"(?<![\w.~/-])/(?:home|root|Users|work)/")
ADDRESSES = re.compile(
    r"(?:index-ur[l]|extra-inde[x]|pypi\.or[g]|pythonhosted\.or[g]|npmjs\.or[g])"
)


@cache
def tracked() -> tuple[Path, ...]:
    """List the files of the tree: as git knows them, or all that are not hidden without git."""
    try:
        answer = subprocess.run(
            ["git", "-C", os.fspath(ROOT), "ls-files", "-z"], capture_output=True, check=True
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        names = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return tuple(
            name
            for name in sorted(names)
            if not any(
                part == "__pycache__" or part.endswith(".egg-info") or part.startswith(".")
                for part in name.parts
            )
        )
    return tuple(Path(name) for name in answer.split("\0") if name and (ROOT / name).is_file())


@cache
def modules() -> dict[Path, ast.Module]:
    paths = [path for path in tracked() if path.suffix == ".py"]
    return {path: ast.parse((ROOT / path).read_text("utf-8"), os.fspath(path)) for path in paths}


def shipped(path: Path) -> bool:
    return path.parts[0] in {"edge_agent", "drivers"}


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def strangers(path: Path, tree: ast.Module) -> list[str]:
    return [
        f"{path}:{line}: `{name}` lives in {' and '.join(HOMES[name])}; "
        "ask that part for what you need, through edge_agent/ports.py if it has no call for it yet"
        for line, name in imported(tree)
        if name in HOMES and not os.fspath(path).startswith(HOMES[name])
    ]


def long_functions(path: Path, tree: ast.Module) -> list[str]:
    return [
        f"{path}:{node.lineno}: `{node.name}` has {length} lines, {FUNCTION_LINES_MAX} fit a "
        "screen; give the second thing that it does a name of its own"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def empty_names(path: Path, tree: ast.Module) -> list[str]:
    names = [(1, part) for part in path.with_suffix("").parts]
    names += [(node.lineno, node.name) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [
        f"{path}:{line}: `{name}` says nothing ({', '.join(sorted(empty))}); "
        "use the word that the shop floor has for it"
        for line, name in names
        if (empty := words(name) & FORBIDDEN_WORDS)
    ]


def places(path: Path, text: str) -> list[str]:
    return [
        f"{path}:{number}: {found.group()!r} is a path of one machine or the address of a "
        "registry; say it relative to the tree, or leave it to the machine"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := PLACES.search(line) or ADDRESSES.search(line))
    ]


def test_every_library_stays_in_its_home() -> None:
    broken = [
        line for path, tree in modules().items() if shipped(path) for line in strangers(path, tree)
    ]
    assert not broken, "\n".join(broken)


def test_what_integrators_copy_stands_alone() -> None:
    tree = modules().get(Path("edge_agent/follower.py"), ast.Module([], []))
    ours = [f"line {line}: {name}" for line, name in imported(tree) if name not in STDLIB]
    assert not ours, f"edge_agent/follower.py is copied as one file; do without: {ours}"


def test_every_module_has_its_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    floors = project["tool"]["importlinter"]["contracts"][0]["layers"]
    named = set(re.findall(r"edge_agent\.(\w+)", " ".join(floors)))
    rooms = {
        path.parts[1].removesuffix(".py") for path in modules() if path.parts[0] == "edge_agent"
    }
    homeless = rooms - named - {"__init__"}
    assert not homeless, (
        f"{', '.join(sorted(homeless))}: on no floor; say in pyproject.toml, under Layers, what "
        "may import it and what it may import"
    )


def test_functions_fit_a_screen() -> None:
    broken = [line for path, tree in modules().items() for line in long_functions(path, tree)]
    assert not broken, "\n".join(broken)


def test_files_have_one_subject() -> None:
    counted = {path: (ROOT / path).read_bytes().count(b"\n") for path in modules()}
    broken = [
        f"{path}: {count} lines, at most {FILE_LINES_MAX}; find its second subject and move it out"
        for path, count in counted.items()
        if count > FILE_LINES_MAX
    ]
    assert not broken, "\n".join(broken)


def test_names_say_something() -> None:
    broken = [line for path, tree in modules().items() for line in empty_names(path, tree)]
    assert not broken, "\n".join(broken)


def test_every_module_says_what_it_is() -> None:
    broken = [
        f"{path}: has no docstring; say in one sentence what it is for"
        for path, tree in modules().items()
        if not ast.get_docstring(tree)
    ]
    assert not broken, "\n".join(broken)


def test_nothing_names_this_machine_or_a_registry() -> None:
    broken: list[str] = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        broken += places(path, text)
    assert not broken, "\n".join(broken)


def test_the_lock_holds_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
    ]
    lock = (ROOT / "requirements.lock").read_text("utf-8").lower()
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    missing = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in wanted} - pinned
    assert not missing, f"{', '.join(sorted(missing))}: not in requirements.lock; run `make lock`"


def test_a_device_runs_what_was_tested() -> None:
    pin = re.compile(r"^([a-z0-9._-]+==\S+)", re.MULTILINE)
    device = set(pin.findall((ROOT / "requirements-device.lock").read_text("utf-8")))
    tested = set(pin.findall((ROOT / "requirements.lock").read_text("utf-8")))
    assert device, "requirements-device.lock is empty; run `make lock`"
    assert device <= tested, f"{device - tested}: not what the tests run with; run `make lock`"


def test_patterns_match_the_same_on_every_python() -> None:
    broken = [
        f"{path}:{number}: Python before 3.11.5 (Debian 12 has 3.11.2) matches a possessive or "
        "atomic group wrongly; leave the + after the group out, or make it a class"
        for path in modules()
        if shipped(path)
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if POSSESSIVE_GROUP.search(line)
    ]
    assert not broken, "\n".join(broken)


BAD = (
    """
import time
import paho.mqtt.client

class QueueManager:
    def drain(self):
"""
    + "        self.count += 1\n" * (FUNCTION_LINES_MAX + 1)
)


def test_the_rules_can_fail() -> None:
    path, tree = Path("edge_agent/line_utils.py"), ast.parse(BAD)
    assert len(strangers(path, tree)) == 2
    assert len(long_functions(path, tree)) == 1
    assert len(empty_names(path, tree)) == 2


@pytest.mark.parametrize(
    "text", ["see /ho" + "me/anna/notes", "--index-ur" + "l x", "//pyp" + "i.org/"]
)
def test_the_rule_about_places_can_fail(text: str) -> None:
    assert len(places(Path("x.md"), text)) == 1
