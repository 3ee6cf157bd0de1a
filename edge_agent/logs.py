"""The log: one line per thing worth knowing, on stderr, and never a reason to wait.

Rules:
1. Under systemd a line is one JSON object; otherwise it is made for the eyes of a person.
2. The same message of the same subject is written `LINES_PER_MESSAGE_MAX` times in a window;
   the rest is counted, and the last of them is written with the count when the window ends.
3. What is left out is never formatted. The path of a scan does not log at all.
4. stderr may be a pipe that nobody reads. Nothing here waits for it: what it does not take
   waits in a bounded backlog, whole lines beyond that are dropped and counted.
"""

import json
import logging
import os
import select
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

LINES_PER_MESSAGE_MAX: Final = 5
"""Lines of one message and subject in a window; more are counted and summed up at its end."""

WINDOW_NS: Final = 60_000_000_000
"""How long a message is counted before it may speak again."""

MESSAGES_MAX: Final = 128
"""Messages told apart in a window; any beyond it share one count."""

LINE_CHARACTERS_MAX: Final = 8_000
"""A longer text is cut, a trace from its old end, and says by how much."""

BACKLOG_BYTES_MAX: Final = 128 * 1024
"""What waits for a stderr that does not take it: one line of any kind and many usual ones.

Whole lines beyond it are dropped, counted, and their number is written when stderr takes again.
"""

RETRY_NS: Final = 1_000_000_000
"""A backlog is offered again this often."""

LAST_WORDS_NS: Final = 500_000_000
"""How long `close` waits for a stderr that does not take the backlog."""

_STDERR: Final = 2
_LOST: Final = "%d lines were lost: stderr did not take them"
_BUG: Final = "a bug of ours; please send us this trace"
_OTHERS: Final = ("", "", "")
# A pipe that polls writable takes this much without waiting (pipe(7), PIPE_BUF)
_PIECE_BYTES: Final = select.PIPE_BUF
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\n")
}
_TRACES: Final = logging.Formatter()


def start(
    environ: Mapping[str, str], mono_ns: Callable[[], int], level: int = logging.INFO
) -> "Log":
    """Send every logger's records, warnings and uncaught exceptions to stderr, as `Log` does.

    JSON when systemd's journal reads us (JOURNAL_STREAM), readable otherwise and on a terminal.
    """
    as_json = "JOURNAL_STREAM" in environ and not os.isatty(_STDERR)
    log = Log(_STDERR, mono_ns, as_json=as_json)
    root = logging.getLogger()
    root.handlers[:] = [log]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    return log


class Log(logging.Handler):
    """Writes records to `fd` without ever waiting; any thread may log.

    `mono_ns` is the monotonic clock, `as_json` the form of a line. Counters: `written` records
    that were not left out, `limited` records left out by rule 2, `lost` lines by rule 4. Give
    `ring` to the reactor as a timer, due at once.
    """

    def __init__(self, fd: int, mono_ns: Callable[[], int], *, as_json: bool) -> None:
        super().__init__()
        self.written = 0
        self.limited = 0
        self.lost = 0
        self._lost_told = 0
        self._deaf = False
        self._render = _json if as_json else _readable
        self._mono_ns = mono_ns
        self._window_ends_ns = mono_ns() + WINDOW_NS
        self._counts: dict[tuple[str, str, str], _Count] = {}
        self._backlog = bytearray()
        self._pen = _Pen(fd)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it; `logging` calls this with the handler's lock held."""
        now_ns = self._mono_ns()
        if now_ns >= self._window_ends_ns:
            self._end_window(now_ns)
        count = self._count(_key(record))
        count.seen += 1
        if count.seen > LINES_PER_MESSAGE_MAX:
            if count.last is not None:
                self.limited += 1
            count.last = record
        else:
            self._write(self._render(record, 0))

    def ring(self, now_ns: int) -> int:
        """Sum up a window that has ended, offer the backlog; returns when to be called next."""
        self.acquire()
        try:
            if now_ns >= self._window_ends_ns:
                self._end_window(now_ns)
            self._offer()
            if self._backlog:
                return min(now_ns + RETRY_NS, self._window_ends_ns)
            return self._window_ends_ns
        finally:
            self.release()

    def close(self) -> None:
        """Say what was left out, wait at most `LAST_WORDS_NS` for stderr and let go of it."""
        self.acquire()
        try:
            self._end_window(self._mono_ns())
            until_ns = self._mono_ns() + LAST_WORDS_NS
            while self._backlog and self._pen.wait(max(until_ns - self._mono_ns(), 0)):
                self._offer()
            self._pen.close()
        finally:
            self.release()
        super().close()

    # -- inside, with the lock held ------------------------------------------------------------

    def _count(self, key: tuple[str, str, str]) -> "_Count":
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= MESSAGES_MAX:
                key = _OTHERS
            count = self._counts.setdefault(key, _Count())
        return count

    def _end_window(self, now_ns: int) -> None:
        for count in self._counts.values():
            if count.last is not None:
                left_out = count.seen - LINES_PER_MESSAGE_MAX - 1
                self._write(self._render(count.last, left_out))
        self._counts.clear()
        self._window_ends_ns = now_ns + WINDOW_NS

    def _write(self, line: str) -> None:
        self._offer()
        encoded = line.encode("utf-8", "backslashreplace")
        if len(self._backlog) + len(encoded) > BACKLOG_BYTES_MAX:
            self.lost += encoded.count(b"\n")
            return
        self.written += 1
        self._backlog += encoded
        self._offer()

    def _offer(self) -> None:
        self._pour()
        if self._backlog or self._deaf or self.lost == self._lost_told:
            return
        count, self._lost_told = self.lost - self._lost_told, self.lost
        words = {"name": __name__, "levelname": "WARNING", "msg": _LOST, "args": (count,)}
        self._backlog += self._render(logging.makeLogRecord(words), 0).encode()
        self._pour()

    def _pour(self) -> None:
        if self._backlog:
            taken = self._pen.write(self._backlog)
            self._deaf = taken is None
            if taken is None:
                self.lost += self._backlog.count(b"\n")
                self._backlog.clear()
            else:
                del self._backlog[:taken]


class _Count:
    """How often a message came in this window, and the last of those that were left out."""

    __slots__ = ("last", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.last: logging.LogRecord | None = None


class _Pen:
    """Writes to a file that is not ours alone, without waiting and without changing it for others.

    O_NONBLOCK belongs to the open file, which the shell that started us shares. A pipe or a
    terminal is therefore opened once more. Where that is refused (a socket cannot be; another
    user's pipe) a poll before each piece says whether the piece is taken at once.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._own = False
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._fd = os.open(f"/proc/self/fd/{fd}", flags)
                self._own = True
        except OSError:  # refused, or `fd` is closed: the poll will tell
            pass
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)
        self.open = True

    def write(self, text: bytearray) -> int | None:
        """Write what is taken at once and say how much that was; None: nobody reads any more."""
        taken = 0
        while taken < len(text) and (self._own or self.wait(0)):
            try:
                taken += os.write(self._fd, text[taken : taken + _PIECE_BYTES])
            except BlockingIOError:
                return taken
            except OSError:  # the reader or the terminal is gone; it may come back
                return None
        return taken if self.open else None

    def wait(self, at_most_ns: int) -> bool:
        """Say whether a piece would be taken, waiting for that at most so long."""
        return self.open and bool(self._poll.poll(at_most_ns // 1_000_000))

    def close(self) -> None:
        self.open = False
        if self._own:
            os.close(self._fd)
            self._own = False


def _key(record: logging.LogRecord) -> tuple[str, str, str]:
    args = record.args
    subject = args[0] if isinstance(args, tuple) and args else ""
    # the words before anything was filled in, and by house rule the first argument says about whom
    return record.name, str(record.msg), subject if isinstance(subject, str) else ""


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except (KeyError, TypeError, ValueError):  # arguments that do not fit: say all there is
        message = f"{record.msg!r} {record.args!r}"
    return _cut(message)


def _cut(text: str) -> str:
    more = len(text) - LINE_CHARACTERS_MAX
    return f"{text[:LINE_CHARACTERS_MAX]}... ({more} more characters)" if more > 0 else text


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    trace = _TRACES.formatException(record.exc_info)
    more = len(trace) - LINE_CHARACTERS_MAX  # what went wrong stands at the end
    return f"({more} characters before)... {trace[more:]}" if more > 0 else trace


def _json(record: logging.LogRecord, left_out: int) -> str:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, str | int] = {
        "time": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
    }
    if left_out:
        line["left_out"] = left_out
    if trace := _trace(record):
        line["trace"] = trace
    return json.dumps(line) + "\n"


def _readable(record: logging.LogRecord, left_out: int) -> str:
    at = datetime.fromtimestamp(record.created, UTC).astimezone()
    more = f" ({left_out} like this left out)" if left_out else ""
    trace = _trace(record)
    text = _message(record) + more + (f"\n{trace}" if trace else "")
    # what a scanner sent may be in it: a terminal must not obey that, nor take it for a new line
    text = text.translate(_CONTROLS).replace("\n", "\n    ")
    level = record.levelname.lower()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03} {level:8} {record.name}: {text}\n"


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("edge_agent").critical("%s", _BUG, exc_info=(kind, error, trace))


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _crashed(args.exc_type, args.exc_value, args.exc_traceback)
