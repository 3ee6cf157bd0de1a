"""A device in a virtual machine, its scanner, its broker and what arrived there.

The machine is made by a lab outside this tree; VMLAB says where its `vm.py` and its image are.
"""

import importlib.util
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.kit.brokers import Mosquitto

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180.0
"""Emulation is ten to fifty times slower than a device: a dead-line, never a delay."""

INSTALL_S = 900.0
ACK = "\x06"
SECRETS = "/etc/edge-agent/secrets"
CREDENTIAL = f"[Service]\nLoadCredential=mqtt-password:{SECRETS}/mqtt-password\n"
PASSWORDS = {"pi-a2": "of the agent", "subscriber": "of the subscriber"}
CONFIGURATION = """
[agent]
id = "pi-a2"
data_dir = "/var/lib/edge-agent"

[broker]
url = "mqtt://10.0.2.100:1883"
username = "pi-a2"

[site]
base = "acme/plant1/assembly/line3"

[[station]]
id = "A2"

[[device]]
name = "gun-1"
kind = "serial-scanner"
station = "A2"
port = "/dev/ttyUSB0"
suffix = "\\r"
good_read = "\\u0006"
"""


class Machine(Protocol):
    """What is used of the lab's `VM`."""

    def boot(self) -> object: ...
    def power_cut(self) -> None: ...
    def sh(
        self, cmd: str, timeout: float = ..., check: bool = ..., stdin: bytes = ...
    ) -> tuple[int, str]: ...
    def put(self, src: Path, dst: str) -> None: ...
    def plug_scanner(self) -> socket.socket: ...
    def unplug(self, name: str) -> None: ...


def make_machine(work: Path, mqtt_port: int) -> Machine:
    """Make a machine by the lab's `vm.py` whose disk /dev/vdb forgets what was not flushed."""
    folder = Path(os.environ["VMLAB"]).resolve()
    spec = importlib.util.spec_from_file_location("vm", folder / "vm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Machine", module.VM(work, mqtt_port=mqtt_port, volatile_disk=True))


def pack(folder: Path) -> Path:
    """Put into `folder` what goes to a device: the agent's wheel, its packages, the installer."""
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    lock = ROOT / "requirements-device.lock"
    fetch = [
        "download",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--requirement",
        os.fspath(lock),
    ]
    subprocess.run([*pip, *fetch, "--dest", os.fspath(wheels)], check=True)
    if "VMLAB_WHEEL" in os.environ:
        return Path(shutil.copy(os.environ["VMLAB_WHEEL"], folder))
    tree = folder / "tree"
    for part in ("edge_agent", "drivers"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, tree)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*pip, *build, os.fspath(folder), os.fspath(tree)], check=True)
    (wheel,) = folder.glob("edge_agent-*.whl")
    return wheel


class Arrivals:
    """A subscriber that stays: every event that the broker handed on, by its id; what is true."""

    def __init__(self, port: int) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.contradictions: list[str] = []
        self._news = threading.Condition()  # a lock that its owner may take again
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _client, _mine, message: self._take(message)
        self._client.username_pw_set("subscriber", PASSWORDS["subscriber"])
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def texts(self) -> list[str]:
        """List the texts that arrived, in the order of their numbers."""
        scans = (event for event in self.events.values() if event["type"] == "scan.read")
        ordered = sorted(scans, key=lambda event: (event["epoch"], event["sequence"]))
        return [event["data"]["text"] for event in ordered]

    def wait_for(self, texts: set[str]) -> None:
        with self._news:
            came = self._news.wait_for(lambda: texts <= set(self.texts()), PATIENCE_S)
        assert came, f"accepted, and never arrived: {sorted(texts - set(self.texts()))}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """List the events of a type that arrived, in the order of their numbers."""
        with self._news:
            found = [event for event in self.events.values() if event["type"] == kind]
        return sorted(found, key=lambda event: (event["epoch"], event["sequence"]))

    def until(self, what: str, true: Callable[[], object]) -> None:
        """Wait until something is true of what arrived."""
        with self._news:
            came = self._news.wait_for(true, PATIENCE_S)
        assert came, f"never arrived: {what}"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, message: mqtt.MQTTMessage) -> None:
        try:
            event = json.loads(message.payload)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        with self._news:
            if "sequence" not in event:
                self.states[message.topic] = event
                self._news.notify_all()
                return
            before = self.events.setdefault(event["id"], event)
            if before != event:
                self.contradictions.append(event["id"])
            self._news.notify_all()


class Gun:
    """A scanner on the USB socket; a scan is accepted when the agent has sent its good read."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.accepted: list[str] = []
        self._socket: socket.socket | None = None
        self._number = 0

    def plug(self, vm: Machine) -> None:
        self.close()
        self._socket = vm.plug_scanner()
        self._socket.settimeout(PATIENCE_S)

    def unplug(self, vm: Machine) -> None:
        self.close()
        vm.unplug("scan0")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def pull(self) -> None:
        """Send one more scan and wait for nothing."""
        assert self._socket is not None
        self._number += 1
        self.made.append(f"K-{self._number:05}")
        self._socket.sendall(f"{self.made[-1]}\r".encode())

    def scan(self) -> None:
        """Send one more scan and wait until it is accepted."""
        self.pull()
        assert self._socket is not None
        answer = self._socket.recv(1).decode()
        assert answer == ACK, f"{self.made[-1]} was answered {answer!r}"
        self.accepted.append(self.made[-1])


class Stand:
    """The device with its agent, plugged in and running; made once, used by every test."""

    def __init__(self, folder: Path) -> None:
        self.wheel = pack(folder / "pack")
        self.broker = Mosquitto(folder / "broker", users=PASSWORDS).start()
        self.arrivals = Arrivals(self.broker.port)
        self.gun = Gun()
        self.vm = make_machine(folder / "vm", self.broker.port)
        self.vm.boot()
        self.sh("mkdir -p /var/lib/edge-agent && mount /dev/vdb /var/lib/edge-agent")
        self.sh("echo '/dev/vdb /var/lib/edge-agent ext4 defaults 0 0' >>/etc/fstab")
        self.write(f"{SECRETS}/mqtt-password", PASSWORDS["pi-a2"])
        self.write("/etc/systemd/system/edge-agent.service.d/secrets.conf", CREDENTIAL)
        self.sh("sync")

    def close(self) -> None:
        self.gun.close()
        self.vm.power_cut()
        self.arrivals.close()
        self.broker.kill()

    def sh(self, command: str, timeout_s: float = PATIENCE_S) -> str:
        """Run a command as root in the device."""
        code, said = self.vm.sh(command, timeout=timeout_s)
        assert code == 0, f"{command} -> {code}\n{said}\n{self.log()}"
        return said.strip()

    def until(self, command: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a command in the device succeeds; the device's own slowness is the pause."""
        end = time.monotonic() + timeout_s
        while self.vm.sh(command)[0] != 0:
            assert time.monotonic() < end, f"never true: {command}\n{self.log()}"

    def log(self) -> str:
        return self.vm.sh("journalctl -b -u edge-agent -o cat --no-pager | tail -60")[1]

    def show(self, key: str) -> str:
        return self.sh(f"systemctl show -P {key} edge-agent")

    def install(self, wheel: Path, *options: str) -> tuple[int, str]:
        """Install a wheel with the packages of the pack, as somebody without a network would."""
        pack_folder = self.wheel.parent
        for path in (pack_folder / "wheels").iterdir():
            self.vm.put(path, "/opt/pack/wheels")
        self.vm.put(ROOT / "systemd", "/opt/pack/systemd")
        self.vm.put(ROOT / "requirements-device.lock", "/opt/pack")
        self.vm.put(wheel, "/opt/pack")
        install = ["sh", "systemd/install.sh", "--wheels", "wheels", *options, wheel.name]
        return self.vm.sh(f"cd /opt/pack && {shlex.join(install)}", timeout=INSTALL_S)

    def write(self, path: str, text: str) -> None:
        """Write a file of root's in the device."""
        write = f"umask 077; mkdir -p $(dirname {path}); cat >{path}"
        self.vm.sh(write, stdin=text.encode(), check=True)

    def configure(self, text: str) -> None:
        """Change the configuration as somebody with an editor does."""
        self.sh(f"cat >/etc/edge-agent/agent.toml <<'END'\n{text}\nEND")

    def await_scanner(self) -> None:
        """Wait until the agent holds the scanner's port."""
        self.until("ls -l /proc/$(systemctl show -P MainPID edge-agent)/fd | grep -q ttyUSB0")

    def ready(self) -> None:
        """Wait until the agent is ready and holds the scanner."""
        self.until("systemctl is-active --quiet edge-agent")
        self.await_scanner()
