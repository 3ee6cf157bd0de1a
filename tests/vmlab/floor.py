"""The floor around the lines of the device: wires that are stronger than a pull, hands and eyes.

Runs in the device, and is as old as its boot. WIRES has one file for each line, `pull-up` or
`pull-down`: what the world does to it, whatever pull the agent asks for (a simulated line would
rather believe who asked last). SEEN gets a line for all that changes:

    AFTER_NS BEFORE_NS GPIO17 pull-up      a hand: the line was moved between these two moments
    AFTER_NS BEFORE_NS GPIO5 1             what a meter shows: it changed between these two
"""

import os
import time
from pathlib import Path

SIMULATED = Path("/run/gpio-sim")
WIRES = Path("/opt/floor/wires")
SEEN = Path("/run/floor/seen")
PAUSE_S = 0.005


class Wire:
    """One line: as the world has it, and as a meter shows it."""

    def __init__(self, path: Path) -> None:
        folder = SIMULATED / f"sim_gpio{path.name.removeprefix('GPIO')}"
        self.name = path.name
        self._wanted = path
        self._pull = os.open(folder / "pull", os.O_RDWR)
        self._value = os.open(folder / "value", os.O_RDONLY)
        self.pull = ""
        self.value = ""

    def held(self) -> bool:
        """Have the line as the world has it; says whether a hand has moved it."""
        wanted = self._wanted.read_text().strip()
        if wanted and os.pread(self._pull, 16, 0).decode().strip() != wanted:
            os.pwrite(self._pull, wanted.encode(), 0)
        moved = wanted not in ("", self.pull)
        self.pull = wanted or self.pull
        return moved

    def changed(self) -> bool:
        """Look at the meter; says whether it shows something else."""
        value = os.pread(self._value, 16, 0).decode().strip()
        changed = value != self.value
        self.value = value
        return changed


def main() -> None:
    wires = [Wire(path) for path in sorted(WIRES.iterdir())]
    SEEN.parent.mkdir(exist_ok=True)
    seen = os.open(SEEN, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    looked_ns = time.monotonic_ns()
    while True:
        since_ns, looked_ns = looked_ns, time.monotonic_ns()
        for wire in wires:
            after_ns = time.monotonic_ns()
            if wire.held():
                said = f"{after_ns} {time.monotonic_ns()} {wire.name} {wire.pull}\n"
                os.write(seen, said.encode())
            if wire.changed():
                said = f"{since_ns} {time.monotonic_ns()} {wire.name} {wire.value}\n"
                os.write(seen, said.encode())
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
