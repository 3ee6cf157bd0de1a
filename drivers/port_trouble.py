"""What is wrong with a serial port, in words, and what to do about it."""

import errno
import grp
import os
import pwd
import stat
import termios
from pathlib import Path
from typing import Final

from drivers.port_holder import Holder
from drivers.reopening import Trouble

BY_ID: Final = Path("/dev/serial/by-id")
"""Where udev keeps names that stay with a scanner, whatever it is plugged into."""

NAMES_SHOWN_MAX: Final = 4
"""Of the ports that are there so many are named; `edge-agent devices` lists them all."""

_CHANGING = ("ttyUSB", "ttyACM")
_BUSY = (errno.EBUSY, errno.EAGAIN)  # TIOCEXCL of another process, its flock(2)


def stable_name(port: Path, by_id: Path = BY_ID) -> Path | None:
    """Give the by-id name of a port whose configured name changes when it is plugged in again."""
    if port.name.startswith(_CHANGING):
        for name in _ports_there(by_id):
            if os.path.realpath(name) == os.path.realpath(port):
                return name
    return None


def refuse_what_is_no_port(port: Path, by_id: Path = BY_ID) -> None:
    """Raise `Trouble` for a path that cannot be a serial port, before opening does any harm."""
    try:
        mode = port.stat().st_mode
    except OSError as error:
        raise explained(port, error, by_id) from error
    if not stat.S_ISCHR(mode):
        raise _no_port(port)


def explained(port: Path, error: Exception, by_id: Path = BY_ID) -> Trouble:
    """Turn what pyserial raised on opening into words."""
    code = _errno(error)
    if code in (errno.ENOENT, errno.ENOTDIR):
        return Trouble(f"{port} is not there", _plug_in(by_id))
    if code in (errno.EACCES, errno.EPERM):
        return Trouble(f"no permission to open {port}", join_group(port, "dialout"))
    if code in (errno.ENOTTY, errno.EINVAL):
        return _no_port(port)
    if code is not None:
        return Trouble(
            f"{port} does not open: {os.strerror(code)}",
            "plug the scanner out and in again; if that does not help, try another cable or socket",
        )
    return Trouble(
        f"{port} refuses its settings: {error}",
        "write the baud rate, bits, parity and stop bits of the scanner's manual",
    )


def is_busy(error: Exception) -> bool:
    """Say whether pyserial was refused because another process has the port for itself."""
    return _errno(error) in _BUSY


def busy(port: Path, holder: Holder | None) -> Trouble:
    """Say that another process has the port, and which when it is known."""
    if holder is None:
        return Trouble(
            f"{port} is held by another process",
            f"`sudo fuser -v {port}` names it; stop it, this one goes on by itself",
        )
    return Trouble(
        f"{port} is held by {holder}",
        "stop that one, or give the two different ports; this one goes on by itself",
    )


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    cause = error.__context__ if isinstance(error, OSError) else error
    if isinstance(cause, termios.error) and cause.args and isinstance(cause.args[0], int):
        return cause.args[0]
    return None


def _no_port(port: Path) -> Trouble:
    return Trouble(
        f"{port} is not a serial port",
        "write the port of the scanner; `edge-agent devices` lists those that are there",
    )


def _ports_there(by_id: Path) -> list[Path]:
    try:
        return sorted(by_id.iterdir())
    except OSError:
        return []


def _plug_in(by_id: Path) -> str:
    there = _ports_there(by_id)
    if not there:
        return "plug the scanner in; no USB serial port is there at all"
    names = ", ".join(str(name) for name in there[:NAMES_SHOWN_MAX])
    return f"plug the scanner in, or write a port that is there: {names}"


def join_group(place: Path, usual: str) -> str:
    """Say how a user joins the group that may open a device; udev gives its kind to `usual`."""
    try:
        group = grp.getgrgid(place.stat().st_gid).gr_name
    except (OSError, KeyError):
        group = usual
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = f"#{os.geteuid()}"
    if group == "root":
        group = usual  # a device of root alone: udev has not come by yet
    return f"`sudo usermod -aG {group} {user}`, then start the agent again"
