"""Who is measured: the product, (a) the bare limit and (b) the script of an afternoon."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The tree that is measured."""

GOOD_READ: Final = b"\x06"
"""What the product and (a) write back on the tty for each scan that is safe."""

SUFFIX: Final = b"\r\n"
"""What ends a scan on the tty."""

_HERE = Path(__file__).parent
_COMMAND_S = 10

_CONFIG = """
[agent]
id = "pi-a2"
data_dir = "data"

[broker]
url = "mqtt://127.0.0.1:{port}"

[site]
base = "acme/plant1/assembly/line3"

[[station]]
id = "A2"

[[device]]
name = "gun-1"
kind = "serial-scanner"
station = "A2"
port = "{tty}"
baud = 9600
suffix = "\\r\\n"
good_read = "\\u0006"
"""


@dataclass(frozen=True)
class Contender:
    """How to start one of them (`command` of tty, broker's port, folder) and what it tells.

    `commits` gives the commits of the running process so far, or None where it does not say.
    """

    key: str
    title: str
    answers: bool
    command: Callable[[str, int, Path], list[str]]
    commits: Callable[[subprocess.Popen[bytes], Path], int | None]


def _agent() -> list[str]:
    script = Path(sys.executable).parent / "edge-agent"
    return [str(script)] if script.exists() else [sys.executable, "-m", "edge_agent"]


def _run_product(tty: str, port: int, folder: Path) -> list[str]:
    config = folder / "agent.toml"
    config.write_text(_CONFIG.format(port=port, tty=tty))
    return [*_agent(), "run", str(config)]


def _run_bare(tty: str, port: int, folder: Path) -> list[str]:
    return [sys.executable, str(_HERE / "bare_limit.py"), tty, str(port), str(folder / "bare.db")]


def _run_script(tty: str, port: int, folder: Path) -> list[str]:
    return [sys.executable, str(_HERE / "afternoon.py"), tty, str(port), str(folder / "scans.db")]


def _commits_of_product(_: subprocess.Popen[bytes], folder: Path) -> int | None:
    command = [*_agent(), "status", str(folder / "agent.toml"), "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_COMMAND_S, check=False, cwd=ROOT
        )
        return _find(json.loads(done.stdout), "commits")
    except (subprocess.TimeoutExpired, ValueError):
        return None


def _find(said: object, key: str) -> int | None:
    """Look for a number of that name, however deep."""
    if isinstance(said, dict):
        if isinstance(said.get(key), int):
            return int(said[key])
        for value in said.values():
            found = _find(value, key)
            if found is not None:
                return found
    return None


def _commits_of_bare(process: subprocess.Popen[bytes], folder: Path) -> int | None:
    log = folder / "process.log"
    before = log.stat().st_size
    process.send_signal(signal.SIGUSR1)
    deadline_s = time.monotonic() + _COMMAND_S
    while time.monotonic() < deadline_s and process.poll() is None:
        said = log.read_bytes()[before:]
        if said.endswith(b"\n"):
            return int(json.loads(said)["commits"])
        os.sched_yield()
    return None


def _unsaid(_: subprocess.Popen[bytes], __: Path) -> None:
    return None


PRODUCT: Final = Contender("product", "edge-agent", True, _run_product, _commits_of_product)
BARE: Final = Contender("bare", "(a) bare limit", True, _run_bare, _commits_of_bare)
SCRIPT: Final = Contender("script", "(b) afternoon", False, _run_script, _unsaid)
ALL: Final = (PRODUCT, BARE, SCRIPT)
