"""Monotonic and wall time, the kernel's boot id, its clock's quality; the only `import time`."""

import ctypes
import os
import time
from pathlib import Path

STA_UNSYNC = 0x0040
"""`status` bit of adjtimex(2): nobody has set this clock since boot."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATUS_OFFSET_BYTES = 5 * ctypes.sizeof(ctypes.c_long)
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux, 128 on 32-bit


class SystemClock:
    """The clocks of this machine.

    `mono_ns` is CLOCK_MONOTONIC and is what durations are made of; `wall_ns` is what people read
    and is never used for order. `boot` is the first eight hex digits of the kernel's boot id:
    a monotonic reading means something only together with it.
    """

    def __init__(self) -> None:
        self.boot = _BOOT_ID.read_text("ascii").strip()[:8]
        self.mono_ns = time.monotonic_ns
        self.wall_ns = time.time_ns
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        self._timex = ctypes.create_string_buffer(_TIMEX_BYTES)

    def synced(self) -> bool:
        """Say whether the kernel's clock is being kept by somebody (adjtimex(2), STA_UNSYNC clear).

        Raises OSError where the kernel refuses the call.
        """
        ctypes.memset(self._timex, 0, _TIMEX_BYTES)
        if self._adjtimex(self._timex) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        status = ctypes.c_int.from_buffer(self._timex, _STATUS_OFFSET_BYTES).value
        return not status & STA_UNSYNC
