"""`edge-agent run CONFIG` on a disk that stands still from SIGUSR1 to SIGUSR2; all else is real.

Run as `python -m tests.kit.stalling_disk CONFIG`. The stall is in SQLite's own flush, in the
journal's thread. STOP_S in the environment shortens the bound of an end.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from edge_agent import ending, running
from tests.kit.recording_vfs import recording
from tests.kit.tape import SYNC, Trouble

COMMAND = [sys.executable, "-m", "tests.kit.stalling_disk"]
STALLED = "the disk stands still"


class Stall(Trouble):
    """Lets every flush wait while it lasts, and says so."""

    def __init__(self) -> None:
        super().__init__((), 0, forever=False)
        self._going = threading.Event()
        self._going.set()

    def begin(self, *_: object) -> None:
        self._going.clear()

    def end(self, *_: object) -> None:
        self._going.set()

    def strikes(self, *kinds: str) -> str | None:
        if SYNC in kinds and not self._going.is_set():
            os.write(2, STALLED.encode() + b"\n")
            self._going.wait()
        return None


def main(config: Path) -> None:
    stall = Stall()
    signal.signal(signal.SIGUSR1, stall.begin)
    signal.signal(signal.SIGUSR2, stall.end)
    if stop_s := os.environ.get("STOP_S"):
        ending.STOP_NS = int(float(stop_s) * 1e9)  # type: ignore[misc]
    data_dir = config.parent / "data"
    data_dir.mkdir(exist_ok=True)
    with recording(data_dir, stall):
        code = running.run(config, os.environ)
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
