"""The machine around the agent: its unit under systemd, Python, and what is installed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from edge_agent.doctor.findings import Finding
from edge_agent.ports import Verdict

GROUP: Final = "agent"

SYSTEMCTL_S: Final = 5.0
"""How long systemd may take to say how a unit is."""

CONFIGURATIONS: Final = Path("/etc/edge-agent")
"""Where the units look: `agent.toml` is edge-agent.service, NAME.toml edge-agent@NAME.service."""

PYTHON_MIN: Final = (3, 11)

_SYSTEMD: Final = Path("/run/systemd/system")
_ASKED: Final = ("LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "NRestarts")
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*(.*)")
_BOUND: Final = re.compile(r"(>=|<|==)([0-9]+(?:\.[0-9]+)*)")


# -- systemd -------------------------------------------------------------------------------------


def unit_of(config: Path) -> str | None:
    """Give the unit that runs a configuration; None where it is not where units look."""
    config = config.absolute()
    if config.parent != CONFIGURATIONS or config.suffix != ".toml":
        return None
    return "edge-agent.service" if config.stem == "agent" else f"edge-agent@{config.stem}.service"


def unit_looked_at(config: Path) -> Iterator[Finding]:
    """Ask systemd how the unit of a configuration is; nothing where there is no systemd."""
    systemctl, unit = shutil.which("systemctl"), unit_of(config)
    if systemctl is None or not _SYSTEMD.is_dir():
        return
    if unit is None:
        yield Finding("unit", GROUP, Verdict.OK, f"no unit runs {config}")
        return
    try:
        told = subprocess.run(  # noqa: S603 - the unit's name is a file's in /etc
            [systemctl, "show", f"--property={','.join(_ASKED)}", "--", unit],
            capture_output=True,
            check=False,
            timeout=SYSTEMCTL_S,
            stdin=subprocess.DEVNULL,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        what = f"systemd does not say how {unit} is"
        yield Finding("unit", GROUP, Verdict.WARN, what, f"see `systemctl status {unit}`")
        return
    yield judged_unit(unit, dict(line.split("=", 1) for line in told.splitlines() if "=" in line))


def judged_unit(unit: str, told: Mapping[str, str]) -> Finding:
    """Judge a unit by its properties, systemctl(1)."""
    active, log = told.get("ActiveState", "unknown"), f"`journalctl -u {unit} -n 50`"
    restarts = told.get("NRestarts", "0")
    verdict, remedy = Verdict.OK, ""
    what = f"{unit} is {active} ({told.get('SubState', '?')})"
    if told.get("LoadState") != "loaded":
        verdict, what = Verdict.WARN, f"{unit} is not installed: nothing starts the agent at a boot"
        remedy = "`sudo systemd/install.sh .` from the release's folder"
    elif active == "failed":
        verdict, what = Verdict.FAIL, f"{what}: {told.get('Result', '?')}"
        remedy = f"{log} says why; mend it, then `sudo systemctl restart {unit}`"
    elif active == "activating" and told.get("SubState") == "auto-restart":
        verdict, what = Verdict.FAIL, f"{unit} ends again and again: {restarts} restarts"
        remedy = f"{log} says why"
    elif active != "active":
        verdict, remedy = Verdict.WARN, f"`sudo systemctl start {unit}`"
    elif told.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        verdict, what = Verdict.WARN, f"{what}, and is not started at the next boot"
        remedy = f"`sudo systemctl enable {unit}`"
    return Finding("unit", GROUP, verdict, what, remedy)


# -- Python --------------------------------------------------------------------------------------


def software() -> Iterator[Finding]:
    """Say whether Python and everything that the agent needs is there."""
    version = sys.version_info[:3]
    said = f"{'.'.join(map(str, version))}, {sys.executable}"
    if version < PYTHON_MIN:
        yield Finding("python", GROUP, Verdict.FAIL, said, "install Python 3.11 or newer")
    else:
        yield Finding("python", GROUP, Verdict.OK, said)
    try:
        wanted = metadata.requires("edge-agent") or []
    except metadata.PackageNotFoundError:
        what, remedy = "edge-agent is not installed here, it runs from a folder", "install it"
        yield Finding("packages", GROUP, Verdict.WARN, what, remedy)
        return
    wrong = [told for line in wanted if ";" not in line and (told := _wrong(line))]
    if wrong:
        remedy = "install the release again: `sudo systemd/install.sh .`"
        yield Finding("packages", GROUP, Verdict.FAIL, ", ".join(wrong), remedy)
    else:
        yield Finding("packages", GROUP, Verdict.OK, "all there")


def _wrong(requirement: str) -> str | None:
    """Say what is wrong with a package that is needed; None where nothing is."""
    named = _REQUIREMENT.match(requirement)
    if named is None:
        return None
    name, bounds = named.groups()
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    have = _numbers(found)
    for how, than in _BOUND.findall(bounds):
        limit = _numbers(than)
        if (how == ">=" and have < limit) or (how == "<" and have >= limit):
            return f"{name} {found} is not {bounds}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()
