"""What the kernel says of GPIO lines, asked without taking one: linux/gpio.h, version 2.

Asking changes nothing, whoever has the line. What it does not show: whether the pin is given to
another function of the chip (I2C, UART, SPI) without a driver that holds the line, and what is
wired to it. The numbers of the calls are those of ARM and x86.
"""

import errno
import fcntl
import os
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from drivers.port_trouble import join_group
from edge_agent.ports import Examined, Verdict

DEV: Final = Path("/dev")

GROUP: Final = "gpio"
"""The group that udev gives GPIO chips to."""

_CHIPINFO: Final = 0x8044B401  # GPIO_GET_CHIPINFO_IOCTL
_CHIPINFO_FORM: Final = "32s32sI"  # struct gpiochip_info: name, label, lines
_LINEINFO: Final = 0xC100B405  # GPIO_V2_GET_LINEINFO_IOCTL
_LINEINFO_FORM: Final = "32s32sIIQ160s16s"  # struct gpio_v2_line_info: name, consumer, offset ...
_USED: Final = 1
_NUMBER: Final = re.compile(r"GPIO(\d{1,4})")
_OF_THE_HEADER: Final = "pinctrl-"  # label of the chip behind the 40 pins: pinctrl-bcm2711, -rp1

Ioctl = Callable[[int, int, bytes], bytes]


def _ioctl(fd: int, request: int, given: bytes) -> bytes:
    return fcntl.ioctl(fd, request, given)


class Chip(NamedTuple):
    """A GPIO chip: where, what it says it is, how many lines."""

    path: Path
    label: str
    lines: int


class Line(NamedTuple):
    """A GPIO line as the kernel knows it; `consumer` is who uses it, in their own word."""

    offset: int
    name: str
    consumer: str
    used: bool


def chip_paths(dev: Path = DEV) -> list[Path]:
    """List the GPIO chips of this board."""
    found = (path for path in dev.glob("gpiochip*") if path.name[8:].isdecimal())
    return sorted(found, key=lambda path: int(path.name[8:]))


def chip(path: Path, ioctl: Ioctl = _ioctl) -> Chip:
    """Ask a chip what it is; raises OSError."""
    answer = _asked(path, _CHIPINFO, bytes(struct.calcsize(_CHIPINFO_FORM)), ioctl)
    _, label, lines = struct.unpack(_CHIPINFO_FORM, answer)
    return Chip(path, _text(label), lines)


def line(path: Path, offset: int, ioctl: Ioctl = _ioctl) -> Line:
    """Ask a chip about one of its lines, which is not taken; raises OSError."""
    asking = struct.pack(_LINEINFO_FORM, b"", b"", offset, 0, 0, b"", b"")
    answer = _asked(path, _LINEINFO, asking, ioctl)
    name, consumer, offset, _, flags, _, _ = struct.unpack(_LINEINFO_FORM, answer)
    return Line(offset, _text(name), _text(consumer), bool(flags & _USED))


def header_chip(dev: Path = DEV, ioctl: Ioctl = _ioctl) -> Chip | None:
    """Find the chip that `GPIO17` counts on, None where there is no chip; raises OSError."""
    chips = [chip(path, ioctl) for path in chip_paths(dev)]
    behind = (one for one in chips if one.label.startswith(_OF_THE_HEADER))
    return next(behind, chips[0] if chips else None)


def examined_chips(dev: Path = DEV, ioctl: Ioctl = _ioctl) -> Examined:
    """Say whether this board has GPIO that this user may use."""
    try:
        found = header_chip(dev, ioctl)
    except OSError as error:
        return _closed(dev, error)
    if found is None:
        return (
            Verdict.FAIL,
            f"this board has no GPIO: no {dev}/gpiochip* is there",
            "run the agent on a board with GPIO, or use the simulated-* kinds",
        )
    return Verdict.OK, f"{found.path} ({found.label}), {found.lines} lines", ""


def examined_library(names: Iterable[str] = ("gpiozero", "lgpio")) -> Examined:
    """Say whether what the gpio-* kinds are driven with is installed; nothing is imported."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        remedy = "install the release again, on a machine that it is made for"
        return Verdict.FAIL, f"{' and '.join(missing)} is not installed", remedy
    return Verdict.OK, "installed", ""


def examined(names: Iterable[str], dev: Path = DEV, ioctl: Ioctl = _ioctl) -> Iterator[Examined]:
    """Say of each line (`GPIO17`) whether it is there and free."""
    try:
        found = header_chip(dev, ioctl)
        for name in names:
            number = _NUMBER.fullmatch(name)
            if found is None or number is None or int(number[1]) >= found.lines:
                yield Verdict.FAIL, f"{name} is not there", "`pinout` shows the lines of this board"
            else:
                yield _examined(name, line(found.path, int(number[1]), ioctl))
    except OSError as error:
        yield _closed(dev, error)


def consumer(name: str, dev: Path = DEV, ioctl: Ioctl = _ioctl) -> str:
    """Say who uses a line (`GPIO17`), in their own word; "" when nobody does or it is not known."""
    number = _NUMBER.fullmatch(name)
    try:
        found = header_chip(dev, ioctl)
        return "" if found is None or number is None else line(found.path, int(number[1]), ioctl)[2]
    except OSError:
        return ""


def _examined(name: str, found: Line) -> Examined:
    called = f" ({found.name})" if found.name not in ("", name) else ""
    if not found.used:
        return Verdict.OK, f"{name}{called}: free", ""
    return (
        Verdict.FAIL,
        f"{name}{called} is used by {found.consumer or 'another program'!r}",
        "end that program, take its overlay or dtparam out of config.txt, or use another line",
    )


def _closed(dev: Path, error: OSError) -> Examined:
    place = next(iter(chip_paths(dev)), dev)
    if error.errno in (errno.EACCES, errno.EPERM):
        return Verdict.FAIL, f"no permission to open {place}", join_group(place, GROUP)
    if error.errno in (errno.ENOTTY, errno.EINVAL):
        remedy = "use a kernel from 5.10 on, with GPIO_CDEV"
        return Verdict.FAIL, f"{place} does not answer as a GPIO chip does", remedy
    return (
        Verdict.FAIL,
        f"{place} does not open: {error.strerror}",
        "`gpiodetect` shows whether its chip is there; see `dmesg`",
    )


def _asked(path: Path, request: int, given: bytes, ioctl: Ioctl) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return ioctl(fd, request, given)
    finally:
        os.close(fd)


def _text(told: bytes) -> str:
    return told.partition(b"\0")[0].decode("utf-8", "replace")
