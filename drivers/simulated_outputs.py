"""The twins of lamps, horns and outputs: what they would do is a line in a file, no hardware.

A line is added for the state at the start and for every change, before the call that asked for it
returns; a file is never truncated. What cannot be written (no such folder, no right, no room) is
trouble, and once it can, what is true then is written. A file that is taken away while it can be
written is not noticed: lines go on into the one that it was.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol

from drivers.fifos import examined_sheet
from drivers.outlet import Outlet
from drivers.reopening import Trouble
from drivers.rhythm import OF_PATTERN, PLAYED_ONCE
from edge_agent.clock import SystemClock
from edge_agent.domain.looks import LIGHTS
from edge_agent.ports import Examined, Look, Part, Pattern, Tell
from edge_agent.reactor import NEVER, Reactor

SILENCE: Final = "off"
"""The tune of a horn that is silent, as it is written."""

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class Sheet:
    """A file that is added to: one line for each thing whose state is not what was last written.

    Holds what is true of each thing, and what the file says of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._file = (0, 0)
        self._true: dict[str, tuple[int, str]] = {}
        self._said: dict[str, str] = {}
        self._torn = b""

    def note(self, thing: str, said: str, at_ns: int) -> bool:
        """Take what is true of a thing from this moment on; says whether that is a change."""
        if thing in self._true and self._true[thing][1] == said:
            return False
        self._true[thing] = (at_ns, said)
        return True

    def note_again(self, thing: str, said: str, at_ns: int) -> None:
        """Take something that is a line of its own, even if the file says so already."""
        self._true[thing] = (at_ns, said)
        self._said.pop(thing, None)

    def write(self, *, anew: bool) -> Trouble | None:
        """Add what is not in the file yet; `anew` opens it again first, as after trouble."""
        try:
            if anew or self._fd < 0:
                self._open()
            self._add()
        except OSError as error:
            return _explained(self._path, error)
        return None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        fd = os.open(self._path, _FLAGS, 0o600)
        self.close()  # not before: a new file might get the number of the one that is closed
        self._fd = fd
        there = os.fstat(fd)
        if (there.st_dev, there.st_ino) != self._file:  # not the one that was written to before
            self._file = (there.st_dev, there.st_ino)
            self._torn = b""
            self._said.clear()

    def _add(self) -> None:
        """Write all of it; a line that was cut is finished first, once there is room again."""
        self._torn = self._torn[self._written(self._torn) :]
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for thing, (at_ns, said) in self._true.items():
            if self._said.get(thing) == said:
                continue
            line = f'{{"mono_ns": {at_ns}, {said}}}\n'.encode("ascii")
            count = self._written(line)
            self._said[thing] = said
            self._torn = line[count:]
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _written(self, line: bytes) -> int:
        return os.write(self._fd, line) if line else 0


class Written(Protocol):
    """The keys of a twin, as far as they are the same."""

    @property
    def file(self) -> Path: ...


class WrittenOutlet(Outlet):
    """What the twins have in common: a sheet in place of a device."""

    @staticmethod
    def examine(keys: Written) -> Iterator[Examined]:
        """Look at its file, without opening it."""
        return examined_sheet(keys.file)

    def __init__(
        self, name: str, station: str | None, file: Path, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, reactor, tell)
        self._sheet = Sheet(file)
        self._trouble: Trouble | None = None

    def _put(self, now_ns: int, *, anew: bool) -> tuple[int, Trouble | None]:
        due_ns = self._went_on(now_ns)
        if anew:
            self._trouble = self._sheet.write(anew=self._trouble is not None)
        return due_ns, self._trouble

    def _went_on(self, now_ns: int) -> int:
        """Note what has changed by itself; returns when something does so next."""
        del now_ns
        return NEVER

    def _begin(self, thing: str, said: str) -> None:
        self._sheet.note(thing, said, self._clock.mono_ns())

    def _note(self, thing: str, said: str) -> None:
        self._changes += self._sheet.note(thing, said, self._clock.mono_ns())

    def _leave(self) -> None:
        self._sheet.write(anew=False)
        self._sheet.close()


class SimulatedLamp(WrittenOutlet):
    """The twin of a tower light or of a feedback lamp.

    A rhythm is one line when it begins; its single flashes, and with them their phase, are not
    simulated. A signal is always a line of its own, and what is shown under it comes back with
    one. Dark when it is left.
    """

    part: ClassVar = Part.LAMP

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `simulated-lamp`."""

        file: Path
        lights: tuple[str, ...] = ("red", "yellow", "green")
        feedback: bool = False

        def __post_init__(self) -> None:
            if not self.lights:
                raise ValueError(f"lights: names none; write some of {', '.join(LIGHTS)}")
            for light in self.lights:
                if light not in LIGHTS:
                    raise ValueError(f"lights: {light!r} is none; write {', '.join(LIGHTS)}")
                if self.lights.count(light) > 1:
                    raise ValueError(f"lights: {light!r} is named twice; name it once")

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, keys.file, reactor, tell)
        self.feedback = keys.feedback
        self.lights = keys.lights
        self._shown = dict.fromkeys(keys.lights, Pattern.OFF)
        self._until_ns: dict[str, int] = {}
        for light in self.lights:
            self._begin(light, _light_said(light, Pattern.OFF))

    def show(self, look: Look, phase_ns: int) -> None:
        self._asked += 1
        now_ns = self._clock.mono_ns()
        for light in self.lights:
            pattern = look.get(light, Pattern.OFF)
            once = pattern in PLAYED_ONCE
            self._shown[light] = Pattern.OFF if once else pattern
            over_ns = phase_ns + OF_PATTERN[pattern].length_ns
            if once and over_ns > now_ns:
                self._until_ns[light] = over_ns
                self._note(light, _light_said(light, pattern))
            elif light not in self._until_ns:
                self._note(light, _light_said(light, self._shown[light]))
        self._now()

    def signal(self, light: str, pattern: Pattern) -> None:
        assert pattern in PLAYED_ONCE
        self._asked += 1
        if light not in self._shown:
            return
        now_ns = self._clock.mono_ns()
        self._until_ns[light] = now_ns + OF_PATTERN[pattern].length_ns
        self._sheet.note_again(light, _light_said(light, pattern), now_ns)
        self._changes += 1
        self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Say in the file of a lamp that nobody drives any more that it is dark."""
        return _last_words(keys.file, [_light_said(light, Pattern.OFF) for light in keys.lights])

    def _went_on(self, now_ns: int) -> int:
        for light in [light for light, until_ns in self._until_ns.items() if now_ns >= until_ns]:
            del self._until_ns[light]
            self._note(light, _light_said(light, self._shown[light]))
        return min(self._until_ns.values(), default=NEVER)

    def _leave(self) -> None:
        for light in self.lights:
            self._note(light, _light_said(light, Pattern.OFF))
        super()._leave()


class SimulatedHorn(WrittenOutlet):
    """The twin of a horn: the name of its tune, and `loud` where its second line is used.

    The rhythm of the tune is not simulated. Silent when it is left.
    """

    part: ClassVar = Part.HORN

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `simulated-horn`."""

        file: Path

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, keys.file, reactor, tell)
        self._begin("tune", _tune_said("", loud=False))

    def sound(self, tune: str, *, loud: bool) -> None:
        self._asked += 1
        self._note("tune", _tune_said(tune, loud=loud))
        self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Say in the file of a horn that nobody drives any more that it is silent."""
        return _last_words(keys.file, [_tune_said("", loud=False)])

    def _leave(self) -> None:
        self._note("tune", _tune_said("", loud=False))
        super()._leave()


class SimulatedOutput(WrittenOutlet):
    """The twin of an output: the request, never the level of a line.

    The beats of a heartbeat and what a PLC makes of a lost agent are not simulated: who leaves
    withdraws no request, and neither does `make_safe`.
    """

    part: ClassVar = Part.OUTPUT
    stationless: ClassVar = True

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of a `simulated-output`; all but `file` as the real one has them."""

        file: Path
        on_agent_loss: Literal["stop", "run"] | None = None
        purpose: Literal["stop", "heartbeat"] = "stop"

    def __init__(
        self, name: str, station: str | None, keys: Keys, reactor: Reactor, tell: Tell
    ) -> None:
        super().__init__(name, station, keys.file, reactor, tell)
        self.heartbeat = keys.purpose == "heartbeat"
        self.on = False
        self._begin("on", _request_said(on=False))

    def request(self, *, on: bool) -> None:
        self._asked += 1
        self.on = on
        self._note("on", _request_said(on=on))
        self._now()

    @staticmethod
    def make_safe(keys: Keys) -> list[Trouble]:
        """Do nothing: no request is withdrawn by a loss."""
        del keys
        return []


def _light_said(light: str, pattern: Pattern) -> str:
    return f'"light": {quoted(light)}, "pattern": {quoted(pattern)}'


def _tune_said(tune: str, *, loud: bool) -> str:
    return f'"tune": {quoted(tune or SILENCE)}' + (', "loud": true' if tune and loud else "")


def _request_said(*, on: bool) -> str:
    return '"on": true' if on else '"on": false'


def _last_words(path: Path, lines: Iterable[str]) -> list[Trouble]:
    sheet, now_ns = Sheet(path), SystemClock().mono_ns()
    for said in lines:
        sheet.note(said, said, now_ns)
    trouble = sheet.write(anew=False)
    sheet.close()
    return [] if trouble is None else [trouble]


def _explained(path: Path, error: OSError) -> Trouble:
    if error.errno == errno.ENOENT:
        return Trouble(
            f"the folder of {path} is not there", f"make it: `mkdir -p {path.absolute().parent}`"
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return Trouble(
            f"{path} cannot grow: {error.strerror}", "make room on its disk, or write another path"
        )
    return Trouble(
        f"{path} cannot be written: {error.strerror}",
        "give the agent's user the right to write it, or write another path",
    )
