"""Bytes become frames, without a port.

Rules:
1. No cutting of the stream into reads changes the frames.
2. Whatever came before, the next whole frame after a suffix is found.
3. One buffer, made once; nothing is made per frame but its bytes.
4. What is not part of a frame, a prefix or a suffix is counted in `dropped_bytes`.
"""

from typing import Final

from edge_agent.ports import Flaw
from edge_agent.reactor import NEVER

LINE_BYTES_MAX: Final = 4096
"""Longest frame unless told otherwise; a longer one is delivered once, cut, as `Flaw.TOO_LONG`."""

SHOWN_BYTES_MAX: Final = 256
"""So much of a frame that was too long is delivered; the rest is dropped and counted."""

READ_BYTES_MAX: Final = 4096
"""Room that one read finds at least: what a tty of Linux holds."""

_NONE: Final = Flaw.NONE  # looking up a member of an enumeration makes garbage

_CR = 0x0D
_LF = 0x0A

_SEEK = 0  # before the prefix: what is not the prefix is noise
_BODY = 1  # in the frame
_SKIP = 2  # behind a frame that was too long: everything is dropped up to the suffix


class Framer:
    r"""Cuts `[prefix]bytes[suffix]` out of a stream.

    `idle_ns` above 0 also ends a frame after that much silence; `suffix` may then be empty. A
    line feed right behind a suffix that ends in a carriage return belongs to the suffix. Frames
    are taken with `next` until it gives None, and only then is there room for the next read:

        n = port.readinto(framer.room())
        framer.took(n, now_ns)
        while (frame := framer.next()) is not None:
            ...  # framer.flaw says what is wrong with it

    `due_ns` is the moment at which the silence is long enough, `NEVER` while nothing waits.
    """

    __slots__ = (
        "_all",
        "_body",
        "_buffer",
        "_eats_lf",
        "_end",
        "_ended",
        "_find",
        "_first_mode",
        "_lf_may_come",
        "_limit_bytes",
        "_mode",
        "_prefix",
        "_searched",
        "_span_bytes",
        "_suffix",
        "bytes",
        "dropped_bytes",
        "dropped_partials",
        "due_ns",
        "flaw",
        "frames",
        "idle_ns",
        "too_long",
    )

    def __init__(
        self,
        *,
        prefix: bytes = b"",
        suffix: bytes = b"\r",
        idle_ns: int = 0,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        assert suffix or idle_ns, "nothing would ever end a frame"
        self._prefix = prefix
        self._suffix = suffix
        self.idle_ns = idle_ns
        self._limit_bytes = line_bytes_max
        self._span_bytes = line_bytes_max + len(suffix)  # body and suffix end within this
        self._eats_lf = suffix[-1:] == b"\r" and prefix[:1] != b"\n"
        self._buffer = bytearray(len(prefix) + self._span_bytes + READ_BYTES_MAX)
        self._all = memoryview(self._buffer)
        self._find = self._buffer.find
        self._body = 0  # where what is not decided yet begins
        self._searched = 0  # no suffix begins before this
        self._end = 0  # behind the last byte read
        self._first_mode = _SEEK if prefix else _BODY
        self._mode = self._first_mode
        self._lf_may_come = False
        self._ended = False
        self.flaw = Flaw.NONE
        self.due_ns = NEVER
        self.bytes = 0
        self.frames = 0
        self.too_long = 0
        self.dropped_bytes = 0
        self.dropped_partials = 0

    def room(self) -> memoryview:
        """Give the free part of the buffer to read into, at least `READ_BYTES_MAX` long.

        Only after `next` has given None: what waits is moved to the front.
        """
        waiting = self._end - self._body
        if self._body:
            if waiting:
                self._all[:waiting] = self._all[self._body : self._end]
            self._searched -= self._body
            self._body = 0
            self._end = waiting
        return self._all[waiting:] if waiting else self._all

    def took(self, n: int, at_mono_ns: int) -> None:
        """Say that `n` bytes of the room were filled at `at_mono_ns`."""
        self._end += n
        self.bytes += n
        if self.idle_ns:
            self.due_ns = at_mono_ns + self.idle_ns

    def silent(self, now_ns: int) -> None:
        """Say that nothing has come up to `now_ns`; from `due_ns` on that ends what waits.

        Ask the port once more before: bytes may lie there unread because we were late.
        """
        if now_ns >= self.due_ns:
            self.due_ns = NEVER
            self._ended = True

    def next(self) -> bytes | None:
        """Give the next frame, without prefix and suffix, or None; `flaw` is that of this frame."""
        if (self._lf_may_come or self._mode != _BODY) and not self._reach_body():
            return None
        body = self._body
        suffix = self._suffix
        if suffix:
            at = self._find(suffix, self._searched, self._end)
            if 0 <= at - body <= self._limit_bytes:
                self._step_behind_suffix(at + len(suffix))
                self.frames += 1
                if at == body:
                    self.flaw = Flaw.EMPTY
                    return b""
                self.flaw = _NONE
                return self._all[body:at].tobytes()
        return self._unfinished()

    @property
    def begun(self) -> bool:
        """Whether a frame has begun that has not ended: to leave now would tear it apart."""
        if self._mode == _BODY:
            return self._end > self._body or bool(self._prefix)
        return self._mode == _SKIP

    def drop_partial(self) -> None:
        """Forget a frame that has begun: the port is another one now. It is counted."""
        if self._mode == _BODY and (self._end > self._body or self._prefix):
            self.dropped_partials += 1
        self.dropped_bytes += self._end - self._body
        self._lf_may_come = False
        self._ended = False
        self.due_ns = NEVER
        self._begin(self._end)

    # -- inside --------------------------------------------------------------------------------

    def _begin(self, start: int) -> None:
        """Stand where the next frame may begin."""
        self._body = self._searched = start
        self._mode = self._first_mode

    def _step_behind_suffix(self, start: int) -> None:
        """Begin anew behind a suffix, and behind the line feed that belongs to it."""
        if self._eats_lf:
            if start == self._end:
                self._lf_may_come = True
            elif self._buffer[start] == _LF:
                start += 1
        self._body = self._searched = start
        self._mode = self._first_mode

    def _reach_body(self) -> bool:
        """Pass over a late line feed, the rest of what was too long, noise and the prefix."""
        reached = self._pass_late_lf()
        if reached and self._mode == _SKIP:
            reached = self._pass(self._suffix) and self._pass_late_lf()
        if reached and self._mode == _SEEK:
            reached = self._pass(self._prefix)
        if not reached:
            self._rest()
        return reached

    def _pass_late_lf(self) -> bool:
        """Pass over the line feed of the last suffix; False while it may still come."""
        if self._lf_may_come:
            if self._body == self._end:
                return False
            self._lf_may_come = False
            if self._buffer[self._body] == _LF:
                self._begin(self._body + 1)
        return True

    def _pass(self, mark: bytes) -> bool:
        """Drop everything before `mark` and step behind it; without one keep what may begin it."""
        body = self._body
        at = self._find(mark, body, self._end) if mark else -1
        if at < 0:
            kept = 0 if self._ended else max(len(mark) - 1, 0)
            start = max(body, self._end - kept)
            self.dropped_bytes += start - body
            self._body = self._searched = start
            return False
        self.dropped_bytes += at - body
        if self._mode == _SKIP:
            self._step_behind_suffix(at + len(mark))
        else:
            self._body = self._searched = at + len(mark)
            self._mode = _BODY
        return True

    def _unfinished(self) -> bytes | None:
        """Decide without a suffix: cut what is too long, believe the silence, or wait."""
        body = self._body
        waiting = self._end - body
        if waiting > self._limit_bytes and (self._ended or waiting >= self._span_bytes):
            shown = min(self._limit_bytes, SHOWN_BYTES_MAX)
            self.dropped_bytes += self._limit_bytes + 1 - shown
            self._body = self._searched = body + self._limit_bytes + 1
            self._mode = _SKIP
            self.too_long += 1
            self.frames += 1
            self.flaw = Flaw.TOO_LONG
            return self._all[body : body + shown].tobytes()
        if self._ended and (waiting or self._prefix):
            self._ended = False
            self._begin(self._end)
            self.frames += 1
            self.flaw = Flaw.NONE if waiting else Flaw.EMPTY
            return self._all[body : body + waiting].tobytes()
        self._searched = max(body, self._end - max(len(self._suffix) - 1, 0))
        if not waiting and not self._prefix:
            self._rest()
        return None

    def _rest(self) -> None:
        """Use the silence up on what is being skipped, or note that it has nothing to end."""
        if self._ended:
            self._ended = False
            if self._mode == _SKIP:
                self._begin(self._end)
        elif self._mode != _SKIP and self._body == self._end:
            self.due_ns = NEVER
