"""The one time of the factory, and what the clocks of its computers make of it.

Rules:
1. `Time.now_ns` is the truth: nanoseconds since 1970, UTC. Nobody in the factory can read it.
2. A computer's monotonic clock begins anew with its boot. Its wall clock is kept over a power cut
   only as far as somebody sets it: without a battery it begins at a moment long past.
"""

from typing import Final

UP_NS: Final = 12_000_000_000
"""How long the kernel has run when the agent starts."""

MEMORY_NS: Final = 1_732_190_400_000_000_000
"""What a wall clock without a battery believes at a boot: 2024-11-21 12:00 UTC."""


class Time:
    """The moment that it is."""

    __slots__ = ("now_ns",)

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns


class BootClock:
    """The clocks of one boot (`edge_agent.ports.Clock`); `began_ns` is when its monotonic was 0.

    `error_ns` is how far its wall clock is off.
    """

    def __init__(self, time: Time, boot: str, *, is_set: bool) -> None:
        self.boot = boot
        self._time = time
        self.began_ns = time.now_ns - UP_NS
        self.is_set = is_set
        self.error_ns = 0 if is_set else MEMORY_NS - time.now_ns

    def mono_ns(self) -> int:
        """Say how long this boot lasts."""
        return self._time.now_ns - self.began_ns

    def wall_ns(self) -> int:
        """Say what this computer believes."""
        return self._time.now_ns + self.error_ns

    def synced(self) -> bool:
        """Say whether somebody has set it."""
        return self.is_set

    def set_right(self) -> None:
        """Have it set by a time server."""
        self.is_set, self.error_ns = True, 0
