"""A serial port looked at before an agent opens it: is it there, whose is it, will it stay.

Nothing is set, flushed or read: whoever has the port does not notice, and no scan is lost.
"""

import os
import termios
from collections.abc import Iterator
from pathlib import Path

from drivers import port_holder, port_trouble
from drivers.port_holder import Holder
from drivers.reopening import Trouble
from edge_agent.ports import Examined, Verdict


def examined(port: Path, by_id: Path = port_trouble.BY_ID) -> Iterator[Examined]:
    """Say what a start would find; the port is opened and closed once, as it is."""
    trouble = _trouble(port, by_id)
    if trouble is not None:
        yield Verdict.FAIL, trouble.why, trouble.remedy
        return
    name = port_trouble.stable_name(port, by_id)
    if name is not None:
        yield Verdict.WARN, f"{port} may be another one tomorrow", f'write port = "{name}"'
    yield Verdict.OK, f"{port}: there, free, may be opened", ""


def _trouble(port: Path, by_id: Path) -> Trouble | None:
    try:
        port_trouble.refuse_what_is_no_port(port, by_id)
        claimed = _claimed(port)
    except Trouble as trouble:
        return trouble
    except (OSError, termios.error) as error:
        if not port_trouble.is_busy(error):
            return port_trouble.explained(port, error, by_id)
        claimed = True
    holder = holder_of(port)
    return port_trouble.busy(port, holder) if claimed or holder is not None else None


def _claimed(port: Path) -> bool:
    """Open a port and close it: only so a claim is seen of one whose files we may not see."""
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        termios.tcgetattr(fd)
        return port_holder.is_claimed(fd)
    finally:
        os.close(fd)


def holder_of(port: Path) -> Holder | None:
    """Name another process that has the port, as far as this user may see."""
    locked = port_holder.locker(port)
    return locked or next((one for one in port_holder.search(port) if one is not None), None)
