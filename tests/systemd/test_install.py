"""The installer: what it puts where, what it never touches, and how it goes back.

Real virtual environments and a real pip, without a network: the packages are made here, and a
stand-in for systemctl keeps a record and says of one release that it is never ready.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "systemd" / "install.sh"
PATIENCE_S = 120

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$RECORD"
case $1 in
list-units) for unit in $RUNNING; do echo "$unit loaded active running Edge agent"; done ;;
restart) case $(readlink "$OPT/current") in releases/"$NEVER"-*) exit 1 ;; esac ;;
esac
"""


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Write a wheel as pip wants it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    written = files | {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in (*written, f"{about}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (written | {f"{about}/RECORD": record}).items():
            # the same version has the same bytes whenever it is made
            archive.writestr(zipfile.ZipInfo(file), text)
    return path


class Device:
    """A device's file system below a folder, the packages at hand, and its services."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.opt = self.root / "opt" / "edge-agent"
        self.agent_toml = self.root / "etc" / "edge-agent" / "agent.toml"
        self.unit = self.root / "usr/local/lib/systemd/system/edge-agent.service"
        self.record = folder / "record"
        self.never_ready = "none"
        self.running = ""
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        needed = wheel(self.wheels, "needed", "1.0", {"needed.py": "WORD = 'needed'\n"})
        self.lock = folder / "requirements-device.lock"
        digest = hashlib.sha256(needed.read_bytes()).hexdigest()
        self.lock.write_text(f"needed==1.0 \\\n    --hash=sha256:{digest}\n")
        self.first = folder / "first.toml"
        self.first.write_text('[agent]\nid = "pi-a2"\ndata_dir = "/var/lib/edge-agent"\n')
        self.systemctl = folder / "systemctl"
        self.systemctl.write_text(SYSTEMCTL)
        self.systemctl.chmod(0o755)

    def agent(self, version: str) -> Path:
        says = f"import needed\n\ndef main():\n    print(needed.WORD, '{version}')\n"
        entry = "[console_scripts]\nedge-agent = edge_agent.cli:main\n"
        about = f"edge_agent-{version}.dist-info/entry_points.txt"
        files = {"edge_agent/__init__.py": "", "edge_agent/cli.py": says, about: entry}
        return wheel(self.wheels.parent, "edge_agent", version, files)

    def install(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [INSTALL, "--root", self.root, "--python", sys.executable, *map(str, arguments)],
            env=os.environ
            | {
                "NEVER": self.never_ready,
                "OPT": os.fspath(self.opt),
                "RUNNING": self.running,
                "RECORD": os.fspath(self.record),
                "SYSTEMCTL": os.fspath(self.systemctl),
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def put(self, version: str) -> subprocess.CompletedProcess[str]:
        return self.install(
            *("--wheels", self.wheels, "--lock", self.lock, "--config", self.first),
            self.agent(version),
        )

    def version(self) -> str:
        """Ask the agent on the path which one it is."""
        command = self.root / "usr" / "local" / "bin" / "edge-agent"
        return subprocess.run([command], capture_output=True, text=True, check=True).stdout.strip()

    def releases(self) -> set[str]:
        return {path.name.partition("-")[0] for path in (self.opt / "releases").iterdir()}

    def asked(self) -> list[str]:
        """Say what systemctl was asked since last time."""
        asked = self.record.read_text().splitlines() if self.record.exists() else []
        self.record.unlink(missing_ok=True)
        return [line for line in asked if not line.startswith("list-units")]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_a_device_from_first_installation_to_its_end(device: Device) -> None:
    begin(device)
    journal = device.root / "var/lib/edge-agent/journal.db"
    journal.write_text("scans")
    show_the_example(device)
    device.agent_toml.write_text("# this device's own\n")
    change_nothing(device)
    go_back(device)
    upgrade(device)
    refuse_what_is_forged(device)
    assert device.agent_toml.read_text() == "# this device's own\n"
    assert journal.read_text() == "scans"
    end(device, journal)


def begin(device: Device) -> None:
    done = device.put("1.0")
    assert done.returncode == 0, done.stderr
    assert device.version() == "needed 1.0"
    assert device.agent_toml.read_text() == device.first.read_text()
    assert device.agent_toml.stat().st_mode & 0o777 == 0o640
    assert device.unit.read_bytes() == (ROOT / "systemd/edge-agent.service").read_bytes()
    enable = "enable --quiet edge-agent.service"
    assert device.asked() == ["daemon-reload", enable, "restart edge-agent.service"]


def show_the_example(device: Device) -> None:
    device.agent_toml.unlink()
    device.running = ""
    done = device.install("--wheels", device.wheels, "--lock", device.lock, device.agent("1.0"))
    assert device.agent_toml.read_bytes() == (ROOT / "config/scanner-station.toml").read_bytes()
    assert "is an example; make it this device's own" in done.stdout
    assert device.asked() == ["daemon-reload", "enable --quiet edge-agent.service"]


def change_nothing(device: Device) -> None:
    device.running = "edge-agent.service edge-agent@a3.service"
    assert "nothing has changed" in device.put("1.0").stdout
    assert device.asked() == ["daemon-reload"]


def go_back(device: Device) -> None:
    (release,) = (device.opt / "releases").iterdir()
    (release / "share/edge-agent/edge-agent.service").write_text("# the unit of 1.0\n")
    device.never_ready = "2.0"
    done = device.put("2.0")
    assert done.returncode == 1
    assert "going back to 1.0" in done.stdout
    assert device.version() == "needed 1.0"
    assert device.unit.read_text() == "# the unit of 1.0\n"
    restart = "restart edge-agent.service edge-agent@a3.service"
    assert device.asked() == ["daemon-reload", restart] * 2


def upgrade(device: Device) -> None:
    device.never_ready = "none"
    device.running = "edge-agent.service"
    done = device.put("2.0")
    assert done.returncode == 0, done.stderr
    assert device.version() == "needed 2.0"
    assert device.asked() == ["daemon-reload", "restart edge-agent.service"]
    assert device.releases() == {"1.0", "2.0"}


def refuse_what_is_forged(device: Device) -> None:
    device.lock.write_text(device.lock.read_text().replace("sha256:", "sha256:0000")[:-5] + "\n")
    done = device.put("3.0")
    assert done.returncode != 0
    assert "HASHES" in done.stderr
    assert device.version() == "needed 2.0"
    assert device.releases() == {"1.0", "2.0"}
    assert device.asked() == []


def end(device: Device, journal: Path) -> None:
    done = device.install("--uninstall")
    assert done.returncode == 0, done.stderr
    assert not device.opt.exists()
    assert not device.unit.exists()
    assert device.asked() == [
        "stop edge-agent.service",
        "disable --quiet edge-agent.service edge-agent@.service",
        "daemon-reload",
    ]
    assert device.agent_toml.exists()
    assert journal.exists()
    assert device.install("--uninstall", "--purge").returncode == 0
    assert not device.agent_toml.parent.exists()
    assert not journal.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--wheels"], "--wheels needs a value"),
        (["--upgrade"], "--upgrade: unknown"),
        (["--purge"], "--purge goes with --uninstall"),
        (["one.whl", "two.whl"], "one SOURCE at a time"),
        (["nothing.whl"], "no such wheel"),
        (["--config", "nothing.toml", ROOT], "nothing.toml: no such file"),
        (["nowhere"], "neither wheel nor sdist nor source tree"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    device: Device, arguments: list[object], remedy: str
) -> None:
    done = device.install(*arguments)
    assert done.returncode == 1
    assert remedy in done.stderr
    assert not (device.opt / "current").exists()


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not here")
def test_the_installer_is_sound_shell() -> None:
    done = subprocess.run(
        ["shellcheck", "--severity=style", INSTALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
