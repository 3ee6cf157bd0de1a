"""The floor of the demo's line: cords, buttons and tower lights as files.

Only what hands and eyes can do: write a word into a FIFO, read what a lamp has shown.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TAKT_S: Final = 20
"""The takt of the demo: long enough to look, short enough to wait for."""

LAMP_CHUNK_BYTES: Final = 65_536
"""How much of a lamp's file is read at a time; the rest waits for the next look."""

BUTTONS: Final = ("cord", "ack", "clear", "confirm")

DEVICES_TOML: Final = """
[[device]]
name = "cord-{name}"
kind = "simulated-cord"
station = "{station}"
category = "quality"
fifo = "cord-{name}"

[[device]]
name = "ack-{name}"
kind = "simulated-button"
station = "{station}"
purpose = "ack"
fifo = "ack-{name}"

[[device]]
name = "clear-{name}"
kind = "simulated-button"
station = "{station}"
purpose = "clear"
fifo = "clear-{name}"

[[device]]
name = "confirm-{name}"
kind = "simulated-button"
station = "{station}"
purpose = "confirm-stop"
fifo = "confirm-{name}"

[[device]]
name = "tower-{name}"
kind = "simulated-lamp"
station = "{station}"
file = "tower-{name}.lamp"
"""

SEGMENT_TOML: Final = """
[[segment]]
id = "{segment}"
takt_s = {takt}
fixed_position = "takt"
restart_warning_s = 3.0
stop_output = "stop-{segment}"
start_input = "start-{segment}"

[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "second-pull"
reason_grace_s = 60.0

[[device]]
name = "start-{segment}"
kind = "simulated-button"
station = "{station}"
purpose = "start"
fifo = "start-{segment}"

[[device]]
name = "stop-{segment}"
kind = "simulated-output"
file = "stop-{segment}.output"
"""


def word(fifo: Path, said: str) -> bool:
    """Move a contact; False when nobody is there to feel it."""
    try:
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # the agent is gone, and with it the reader's end
        return False
    try:
        os.write(fd, said.encode() + b"\n")
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


@dataclass(slots=True)
class Tower:
    """What a tower light has shown last, by light."""

    file: Path
    lights: dict[str, str] = field(default_factory=dict)
    _read_bytes: int = 0
    _rest: bytes = b""

    def look(self) -> None:
        """Read what it has shown since the last look."""
        if not self.file.exists():
            return
        with self.file.open("rb") as file:
            file.seek(self._read_bytes)
            chunk = file.read(LAMP_CHUNK_BYTES)
        self._read_bytes += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:  # cut short by a kill
                continue
            self.lights[told["light"]] = told["pattern"]

    def lit(self) -> dict[str, str]:
        """Give the lights that are not off."""
        return {light: one for light, one in self.lights.items() if one != "off"}
