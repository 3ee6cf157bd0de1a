"""The clock: is it kept by somebody, can it be right, and does it outlive a power cut."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import edge_agent
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Clock, Verdict

GROUP: Final = "clock"

RTC_OFF_S: Final = 120
"""A battery clock that is off by more starts the next boot with a wrong time: a warning."""

_NTP: Final = "`timedatectl set-ntp true`, and let this device reach a time server (UDP 123)"


class Time(NamedTuple):
    """What the machine says of its time, in seconds since 1970; `synced` None: it does not say.

    `built_s` is when this software was installed, `rtc_s` what the battery clock says, None where
    there is none.
    """

    wall_s: float
    synced: bool | None
    built_s: float
    rtc_s: int | None


def time_of(clock: Clock, rtc: Path = Path("/sys/class/rtc/rtc0/since_epoch")) -> Time:
    """Read it."""
    try:
        synced = clock.synced()
    except OSError:
        synced = None
    try:
        rtc_s = int(rtc.read_text("ascii"))
    except (OSError, ValueError):
        rtc_s = None
    built_s = Path(edge_agent.__file__).stat().st_mtime
    return Time(clock.wall_ns() / 1e9, synced, built_s, rtc_s)


def judged(time: Time) -> Iterator[Finding]:
    """Say whether times in events can be believed."""
    now = _day(time.wall_s)
    if time.wall_s < time.built_s:
        what = f"it is {now}, before this software was installed: the clock is wrong"
        yield Finding("time", GROUP, Verdict.FAIL, what, _NTP)
    else:
        yield Finding("time", GROUP, Verdict.OK, now)
    if time.synced is None:
        what = "the kernel does not say whether somebody keeps the clock"
        yield Finding("sync", GROUP, Verdict.WARN, what, "see `timedatectl`")
    elif time.synced:
        yield Finding("sync", GROUP, Verdict.OK, "kept by a time server")
    else:
        what = "nobody has set it since the boot: events are marked `unsynced` until then"
        yield Finding("sync", GROUP, Verdict.WARN, what, _NTP)
    yield _battery(time)


def _battery(time: Time) -> Finding:
    if time.rtc_s is None:
        what = "none: until a time server answers, events of a boot are marked `unsynced`"
        return Finding("battery clock", GROUP, Verdict.OK, what)
    off_s = abs(time.rtc_s - time.wall_s)
    if off_s <= RTC_OFF_S:
        return Finding("battery clock", GROUP, Verdict.OK, "there, and right")
    return Finding(
        "battery clock",
        GROUP,
        Verdict.WARN,
        f"it says {_day(time.rtc_s)}, off by {off_s:.0f} s",
        "`sudo hwclock --systohc --utc`; if it is wrong again after the next power cut, renew its"
        " battery",
    )


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
