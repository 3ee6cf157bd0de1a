r"""A barcode scanner in line mode on a serial or USB-CDC port: `[prefix][AIM id]data[suffix]`.

A second reader on the port would tear scans apart, so the port is ours alone: flock(2) keeps other
users of pyserial away (root too), TIOCEXCL everybody else who is not root. Whoever reads all the
same is noticed by a port that is ready and has nothing, and is named.
"""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

import serial

from drivers import port_holder, port_trouble
from drivers.framing import LINE_BYTES_MAX, Framer
from drivers.line_scanner import LineScanner, check_keys
from drivers.port_examination import examined
from drivers.port_holder import Holder
from edge_agent.ports import Condition, Examined, Outcome, Read, Tell
from edge_agent.reactor import Reactor

BAUD_LIMIT: Final = 4_000_000
"""Highest `baud`: the fastest that termios has a name for."""

IDLE_MS_LIMIT: Final = 60_000
"""Longest `idle_ms`: a scan that is ended by a minute of silence is no scan."""

_PTY_SLAVES: Final = range(136, 144)  # device majors, Documentation/admin-guide/devices.txt


class SerialScanner(LineScanner):
    """A `Source` on a serial port; answers with `good_read` or `bad_read`, when they are set."""

    @dataclass(frozen=True, slots=True)
    class Keys:
        r"""The keys of a `serial-scanner`; in texts, a character is the byte of its number."""

        port: Path
        baud: int = 9600
        bits: Literal[7, 8] = 8
        parity: Literal["none", "even", "odd"] = "none"
        stop_bits: Literal[1, 2] = 1
        flow: Literal["none", "rtscts", "xonxoff"] = "none"
        prefix: str = ""
        suffix: str = "\r"
        idle_ms: int = 0
        line_bytes_max: int = LINE_BYTES_MAX
        repeat_window_s: float = 2.0
        good_read: str = ""
        bad_read: str = ""

        def __post_init__(self) -> None:
            for key in ("prefix", "suffix", "good_read", "bad_read"):
                if not _is_bytes(getattr(self, key)):
                    raise ValueError(f'{key}: has what is not a byte; write bytes as "\\u0006"')
            if not 1 <= self.baud <= BAUD_LIMIT:
                raise ValueError(
                    f"baud: {self.baud} is no speed; write 9600 or what the manual says"
                )
            if not 0 <= self.idle_ms <= IDLE_MS_LIMIT:
                raise ValueError(f"idle_ms: must be 0 to {IDLE_MS_LIMIT}; write 300, or 0 for none")
            if not self.suffix and not self.idle_ms:
                raise ValueError(
                    'suffix: nothing ends a read; write suffix = "\\r" or idle_ms = 300'
                )
            if set(self.prefix) & set(self.suffix):
                raise ValueError(
                    "prefix: has a byte of the suffix, so that noise could not be told from reads; "
                    'write prefix = ""'
                )
            check_keys(line_bytes_max=self.line_bytes_max, repeat_window_s=self.repeat_window_s)

    by_id: ClassVar[Path] = port_trouble.BY_ID

    @staticmethod
    def examine(keys: Keys) -> Iterator[Examined]:
        """Look at the port, without setting it: nothing that lies in it is lost."""
        return examined(keys.port, SerialScanner.by_id)

    def __init__(
        self, name: str, station: str, keys: Keys, reactor: Reactor, read: Read, tell: Tell
    ) -> None:
        framer = Framer(
            prefix=keys.prefix.encode("latin-1"),
            suffix=keys.suffix.encode("latin-1"),
            idle_ns=keys.idle_ms * 1_000_000,
            line_bytes_max=keys.line_bytes_max,
        )
        super().__init__(
            name, station, framer, keys.repeat_window_s, reactor=reactor, read=read, tell=tell
        )
        self._keys = keys
        self._path = keys.port
        self._good_read = keys.good_read.encode("latin-1")
        self._bad_read = keys.bad_read.encode("latin-1")
        self._port: serial.Serial | None = None
        self._claimed = False
        self._holder: Holder | None = None
        self._search: Iterator[Holder | None] | None = None

    def answer(
        self,
        raw: bytes,  # noqa: ARG002 - the scanner knows what it has read
        outcome: Outcome,
        event_id: str | None,
        reason: str | None,  # noqa: ARG002 - a scanner can beep, and no more
    ) -> None:
        """Send `good_read` for what is kept, and for repeats of it; `bad_read` for all else.

        Never waits: what the port does not take at once is given up and counted.
        """
        good = outcome is not Outcome.REJECTED and event_id is not None
        signal = self._good_read if good else self._bad_read
        if not signal:
            return
        try:
            if self._port is not None and os.write(self._port.fileno(), signal) == len(signal):
                return
        except OSError:  # full, or hung up: the next turn notices the latter
            pass
        self._unanswered += 1

    # -- the port ------------------------------------------------------------------------------

    def _open(self) -> int:
        """Open the port without waiting for anything.

        pyserial opens with O_NONBLOCK and CLOCAL, so no carrier is waited for, and flushes the
        input, which drops what an earlier user of the port left; nothing flushes it later.
        """
        if self._holder is not None and port_holder.holds(self._holder.pid, self._path):
            raise port_trouble.busy(self._path, self._holder)
        port_trouble.refuse_what_is_no_port(self._path, self.by_id)
        try:
            self._port = self._opened_port()
            fd = self._port.fileno()
            if is_pty_slave(fd):
                return fd
            self._claimed = claim(fd)
            if self._claimed:
                return fd
        except (OSError, ValueError, termios.error) as error:
            self._close()
            if not port_trouble.is_busy(error):
                raise port_trouble.explained(self._path, error, self.by_id) from error
        self._close()
        self._holder = port_holder.locker(self._path)
        if self._holder is None:
            self._look_for_others()
        raise port_trouble.busy(self._path, self._holder)

    def _opened_port(self) -> serial.Serial:
        keys = self._keys
        return serial.Serial(
            str(self._path),
            baudrate=keys.baud,
            bytesize=keys.bits,
            parity=keys.parity[0].upper(),
            stopbits=keys.stop_bits,
            rtscts=keys.flow == "rtscts",
            xonxoff=keys.flow == "xonxoff",
            timeout=0,
            write_timeout=0,
            # VMIN=1: only then a read without bytes tells "nothing yet" from "hung up"
            inter_byte_timeout=0,
            exclusive=True,
        )

    def _opened(self) -> str:
        self._holder = None
        self._look_for_others()
        return self._advice()

    def _advice(self, other: Holder | None = None) -> str:
        """Warn of what is in order now and will not stay so."""
        advice = []
        if (name := port_trouble.stable_name(self._path, self.by_id)) is not None:
            advice.append(f'write port = "{name}": {self._path} may be another one tomorrow')
        if other is not None:
            advice.append(f"{other} has the port open as well, and may take scans away: stop it")
        return "; ".join(advice)

    def _close(self) -> None:
        """Close the port at once.

        close(2) of a tty waits up to 30 s for its output to drain when the other end has stopped
        it, and only root may shorten that (closing_wait): so what is left is given up first.
        """
        port, self._port = self._port, None
        if port is None:
            return
        try:
            if self._unsent():
                termios.tcflush(port.fileno(), termios.TCOFLUSH)
            if self._claimed:
                fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
        except (OSError, termios.error):
            pass  # hung up: there is nothing left to drain or to release
        self._claimed = False
        port.close()

    def _unsent(self) -> int:
        if self._port is None:
            return 0
        try:
            answer = fcntl.ioctl(self._port.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        except OSError:  # hung up: nothing reaches anybody
            return 0
        return int(struct.unpack("i", answer)[0])

    # -- the others ----------------------------------------------------------------------------

    def _read_nothing(self) -> None:
        trouble = port_trouble.busy(self._path, None)
        self._lose(trouble.why, trouble.remedy)
        self._look_for_others()

    def _look_for_others(self) -> None:
        """Search all open files for another one who has the port, a step a turn."""
        if self._search is None:
            self._reactor.again(self._look)
        self._search = port_holder.search(self._path)

    def _look(self) -> None:
        search = self._search
        if search is None or self._quieted:
            return
        for other in search:
            if other is None:
                self._reactor.again(self._look)
                return
            self._found(other)
        self._search = None

    def _found(self, other: Holder) -> None:
        if self._file is not None:
            self._say(Condition.OK, "", self._advice(other))
        elif self.why == port_trouble.busy(self._path, None).why:
            self._holder = other
            trouble = port_trouble.busy(self._path, other)
            self._say(Condition.TROUBLE, trouble.why, trouble.remedy)


def _is_bytes(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def is_pty_slave(fd: int) -> bool:
    """Say whether `fd` is the slave of a pseudo-terminal.

    TIOCEXCL outlives its holder there, since the master keeps the terminal alive: an agent that
    was killed could never come back to its port.
    """
    return os.major(os.fstat(fd).st_rdev) in _PTY_SLAVES


def claim(fd: int) -> bool:
    """Put a terminal into exclusive mode; False when somebody has done so before."""
    if port_holder.is_claimed(fd):
        return False
    fcntl.ioctl(fd, termios.TIOCEXCL)
    return True
