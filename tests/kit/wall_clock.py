"""`edge-agent run CONFIG` with the wall clock in the test's hand; all else is real.

Run as `python -m tests.kit.wall_clock CONFIG`. `wall` beside CONFIG holds how far the clock is
from that of this machine, and whether somebody has set it.
"""

import mmap
import os
import struct
import sys
import time
from pathlib import Path

from edge_agent import running
from edge_agent.clock import SystemClock

COMMAND = [sys.executable, "-m", "tests.kit.wall_clock"]
_SETTING = struct.Struct("<q?")


class Wall:
    """The test's hand on the clock of one agent."""

    def __init__(self, folder: Path, offset_s: float = 0, *, is_set: bool = True) -> None:
        self._file = folder / "wall"
        self.offset_s = offset_s
        self.put(offset_s, is_set=is_set)

    def put(self, offset_s: float, *, is_set: bool = True) -> None:
        """Set the clock, to so far from this machine's; no reader sees half of it."""
        self.offset_s = offset_s
        if not self._file.exists():
            self._file.write_bytes(bytes(_SETTING.size))
        with self._file.open("r+b") as file:
            file.write(_SETTING.pack(int(offset_s * 1e9), is_set))


class HeldClock(SystemClock):
    """The clocks of this machine, but for what somebody has done to its wall clock."""

    folder = Path()

    def __init__(self) -> None:
        super().__init__()
        with (self.folder / "wall").open("rb") as file:
            setting = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

        def wall_ns() -> int:
            return time.time_ns() + int(_SETTING.unpack_from(setting)[0])

        self.wall_ns = wall_ns
        self._setting = setting

    def synced(self) -> bool:
        return bool(_SETTING.unpack_from(self._setting)[1])


def main(config: Path) -> None:
    HeldClock.folder = config.parent
    running.SystemClock = HeldClock  # type: ignore[misc]
    code = running.run(config, os.environ)
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
