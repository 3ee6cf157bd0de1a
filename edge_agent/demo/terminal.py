"""The visitor's terminal: keys one by one, a screen of our own, and everything back at the end."""

import os
import re
import sys
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from edge_agent.demo.screen import Screen
from edge_agent.demo.show import Show
from edge_agent.reactor import Reactor

KEYS_BYTES_MAX: Final = 256
"""Keys taken in one turn; a longer paste waits for the next."""

_FRAME_NS: Final = 200_000_000
_ESCAPES: Final = re.compile("\x1b(\\[[0-9;?]*[@-~]|O.|.)?")
_LOCAL_FLAGS: Final = 3
_CONTROL_CHARACTERS: Final = 6


class Keyboard:
    """Standard input without echo, line editing or signals: every key is a call of `pressed`.

    Ctrl-C comes as a key too, so that it ends the demo in good order and not the `make` around it.
    What arrow and function keys send is left out.
    """

    def __init__(self, reactor: Reactor, pressed: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._pressed = pressed
        self._fd = sys.stdin.fileno()

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._fd)
        raw = termios.tcgetattr(self._fd)
        raw[_LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
        raw[_CONTROL_CHARACTERS][termios.VMIN] = 1
        raw[_CONTROL_CHARACTERS][termios.VTIME] = 0
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, raw)
        self._reactor.watch(self._fd, self._read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reactor.unwatch(self._fd)
        try:
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)
        except termios.error:  # the terminal itself is gone: nothing to give back
            return

    def _read(self, _events: int) -> None:
        try:
            keys = os.read(self._fd, KEYS_BYTES_MAX).decode("utf-8", "replace")
        except OSError:  # hung up
            keys = ""
        if not keys:
            self._reactor.unwatch(self._fd)
            self._pressed("q")
        for key in _ESCAPES.sub("", keys):
            self._pressed(key)


class Stage:
    """Draws a `Show` on a screen of its own, often and after every key, until left."""

    def __init__(self, reactor: Reactor, show: Show) -> None:
        self._reactor = reactor
        self._show = show
        self._keyboard = Keyboard(reactor, self._press)
        self._live = Live(
            Screen(show),
            console=Console(),
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._keyboard.__enter__()
        self._live.start()
        self._timer = self._reactor.timer(self._draw, self._reactor.clock.mono_ns())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reactor.forget(self._timer)
        try:
            self._live.stop()
        except OSError:  # the terminal itself is gone
            pass
        finally:
            self._keyboard.__exit__(kind, error, trace)

    def _press(self, key: str) -> None:
        self._show.press(key)
        self._timer.due_ns = self._reactor.clock.mono_ns()

    def _draw(self, now_ns: int) -> int:
        try:
            self._live.refresh()
        except OSError:  # hung up: nobody looks any more
            self._show.finish()
            return now_ns + 60 * 1_000_000_000
        return now_ns + _FRAME_NS


def is_for_people() -> bool:
    """Say whether somebody sits at a terminal that can show more than lines."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not Console().is_dumb_terminal
