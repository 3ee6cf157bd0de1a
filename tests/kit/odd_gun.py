"""A driver of nobody, whose keys have every type that a driver's keys may have."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal


class Sound(StrEnum):
    """What it says when it has read."""

    BEEP = "beep"
    BELL = "bell"


def _check(condition: Callable[[], bool], text: str) -> None:
    if not condition():
        raise ValueError(text)


class OddGun:
    """Only its keys are ever looked at."""

    @dataclass(frozen=True, slots=True)
    class Keys:
        """The keys of an `odd-gun`."""

        port: Path | str = field(metadata={"example": "/dev/odd"})
        count: int
        log: Path | None = None
        ack: bytes = b"\x06"
        words: tuple[str, ...] = ()
        files: tuple[Path, ...] = ()
        sound: Sound = Sound.BEEP
        bits: Literal[7, 8] = 8
        loud: bool = False
        volume: float = field(default=0.5, metadata={"ge": 0, "le": 1, "unit": "bel"})
        low: int = 1
        high: int = 9

        def __post_init__(self) -> None:
            _check(lambda: self.count != 13, "count: 13 is unlucky; write 12; or 14")
            _check(lambda: Path(self.port).name != "x", "port: x is no name; write another")
            _check(lambda: self.low < self.high, "low: not below high; write less")
            _check(lambda: self.high < 100, "high: far too high; write less than 100")
            _check(lambda: self.count != 99, "all of it is odd; write something else")
