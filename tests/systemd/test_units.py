"""The units: sound, tight, alike, and without the settings that would hide what the agent needs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = ROOT / "systemd"
UNITS = ("edge-agent.service", "edge-agent@.service")
EXPOSURE_MAX = 2.0

needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here"
)


def settings(unit: str) -> dict[str, list[str]]:
    """Read a unit: key -> its values, in order."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / unit).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_to_say(unit: str, tmp_path: Path) -> None:
    text = (SYSTEMD / unit).read_text("utf-8")
    copy = tmp_path / unit.replace("@", "@a2")
    copy.write_text(re.sub(r"/opt/edge-agent\S+/edge-agent", "/bin/true", text))
    said = analyze("verify", copy)
    assert (said.returncode, said.stderr) == (0, "")
    copy.write_text(copy.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert "WatchDogSec" in analyze("verify", copy).stderr


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_the_sandbox_is_tight(unit: str) -> None:
    said = analyze("security", "--offline=true", "--no-pager", SYSTEMD / unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert found, said.stderr
    assert float(found[1]) <= EXPOSURE_MAX, said.stdout


def test_the_template_is_the_twin_of_the_unit() -> None:
    names = {
        "/etc/edge-agent/%i.toml": "/etc/edge-agent/agent.toml",
        "edge-agent/%i": "edge-agent",
        "edge-agent-%i": "edge-agent",
        "Edge agent %i": "Edge agent",
    }
    twin = settings("edge-agent@.service")
    for values in twin.values():
        for number, value in enumerate(values):
            for theirs, ours in names.items():
                value = value.replace(theirs, ours)  # noqa: PLW2901 - one name after the other
            values[number] = value
    assert twin == settings("edge-agent.service")


@pytest.mark.parametrize(
    ("hidden", "what"),
    [
        ("PrivateDevices", "serial ports"),
        ("ProcSubset", "/proc/cpuinfo and /proc/locks"),
        ("ProtectProc", "who holds a busy port"),
        ("ProtectClock", "adjtimex(2)"),
        ("PrivateNetwork", "the broker"),
        ("RootDirectory", "everything"),
    ],
)
def test_the_sandbox_does_not_hide(hidden: str, what: str) -> None:
    assert hidden not in settings("edge-agent.service"), f"{hidden}= hides {what}"


def test_serial_ports_are_allowed_by_number() -> None:
    """A name is looked up at start, when the module of a port plugged in later is not there."""
    allowed = settings("edge-agent.service")["DeviceAllow"]
    assert {"char-4 rw", "char-166 rw", "char-188 rw", "char-204 rw"} <= set(allowed)
    assert not any("tty" in device for device in allowed)


def test_the_clock_is_allowed_after_it_was_forbidden() -> None:
    filters = settings("edge-agent.service")["SystemCallFilter"]
    forbidding = next(n for n, calls in enumerate(filters) if calls.startswith("~"))
    assert any("adjtimex" in calls for calls in filters[forbidding:])


def test_groups_of_the_unit_are_made() -> None:
    made = (SYSTEMD / "sysusers.d/edge-agent.conf").read_text("utf-8").splitlines()
    groups = {line.split()[1] for line in made if line.startswith("g ")}
    assert set(settings("edge-agent.service")["SupplementaryGroups"][0].split()) <= groups


def test_a_bad_configuration_is_no_crash_loop_and_everything_else_is_tried_for_ever() -> None:
    unit = settings("edge-agent.service")
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["RestartPreventExitStatus"] == ["64 78"]


def test_the_example_keeps_its_journal_where_the_unit_may_write() -> None:
    example = tomllib.loads((ROOT / "config/scanner-station.toml").read_text("utf-8"))
    (state,) = settings("edge-agent.service")["StateDirectory"]
    assert example["agent"]["data_dir"] == f"/var/lib/{state}"


def test_a_device_gets_what_the_agent_needs_and_no_tool_more() -> None:
    lock = (ROOT / "requirements-device.lock").read_text("utf-8")
    device = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {re.split(r"[<>=!~\[; ]", line)[0] for line in project["dependencies"]} <= device
    # setuptools is there because colorzero, which gpiozero colours its lights with, asks for it
    assert not {"pytest", "ruff", "rich", "amqtt", "pip"} & device
