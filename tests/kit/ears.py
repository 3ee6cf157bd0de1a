"""Hears what Python does to a recorded folder: the calls of `os` that everything above ends in.

pathlib and shutil call these by name in the module `os`, so replacing them there for the time of
a recording is enough; `open` is heard at the builtin. Code under test needs no hook.
"""

import builtins
import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, cast

from tests.kit.steps import File, Folder, Picture, Resize, Write
from tests.kit.tape import FULL, NAMES, READ, SYNC, WRITE, Tape, Trouble

Real = Callable[..., Any]
AnyPath = str | bytes | os.PathLike[str] | int


def _of(fd: int) -> str:
    return os.fspath(Path(f"/proc/self/fd/{fd}").readlink())


def _full(path: AnyPath, dir_fd: int | None = None) -> str:
    if isinstance(path, int):
        return _of(path)
    named = Path(_of(dir_fd) if dir_fd is not None else Path.cwd(), os.fsdecode(path))
    return os.fspath(named.parent.resolve() / named.name)


def _refuse(path: str, number: int = errno.EIO) -> None:
    raise OSError(number, os.strerror(number), path)


def _mkdir(tape: Tape, real: Real) -> Real:
    def mkdir(path: AnyPath, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        full = _full(path, dir_fd)
        ours = tape.covers(full)
        if ours and not os.path.lexists(full) and tape.strikes(NAMES):
            _refuse(full)
        real(path, mode, dir_fd=dir_fd)
        if ours:
            tape.named(full, Folder())

    return mkdir


def _remove(tape: Tape, real: Real) -> Real:
    def remove(path: AnyPath, *, dir_fd: int | None = None) -> None:
        full = _full(path, dir_fd)
        ours = tape.covers(full)
        if ours and os.path.lexists(full) and tape.strikes(NAMES):
            _refuse(full)
        real(path, dir_fd=dir_fd)
        if ours:
            tape.removed(full)

    return remove


def _rename(tape: Tape, real: Real) -> Real:
    def rename(
        src: AnyPath, dst: AnyPath, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        old, new = _full(src, src_dir_fd), _full(dst, dst_dir_fd)
        ours = tape.covers(old)
        assert ours == tape.covers(new), (old, new)
        if ours and tape.strikes(NAMES):
            _refuse(old)
        real(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if ours:
            tape.moved(old, new)

    return rename


def _sync(tape: Tape, real: Real) -> Real:
    def sync(fd: int | io.IOBase) -> None:
        full = _of(fd if isinstance(fd, int) else fd.fileno())
        ours = tape.covers(full)
        if ours and tape.strikes(NAMES if Path(full).is_dir() else SYNC):
            tape.sync_failed(full)
            _refuse(full)
        real(fd)
        if ours:
            tape.synced(full)

    return sync


def _open(tape: Tape, real: Real) -> Real:
    def open_(path: AnyPath, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        full = _full(path, dir_fd)
        ours = tape.covers(full)
        if ours and flags & os.O_CREAT and not os.path.lexists(full) and tape.strikes(NAMES):
            _refuse(full)
        fd: int = real(path, flags, mode, dir_fd=dir_fd)
        if ours and flags & os.O_CREAT and tape.find(full) is None:
            tape.named(full, File())
        if ours and flags & os.O_TRUNC:
            tape.take(Resize(tape.file(full), 0))
        return fd

    return open_


def _builtin_open(tape: Tape, real: Real) -> Real:
    def open_(file: AnyPath, mode: str = "r", *rest: object, **named: object) -> object:
        opened = real(file, mode, *rest, **named)
        if not set(mode).isdisjoint("wax+"):
            full = _full(file)
            if tape.covers(full):
                tape.unheard(full)
        return opened

    return open_


def _write(tape: Tape, real: Real) -> Real:
    def write(fd: int, payload: bytes) -> int:
        full = _of(fd)
        if not tape.covers(full):
            return cast("int", real(fd, payload))
        if kind := tape.strikes(WRITE, FULL):
            _refuse(full, errno.ENOSPC if kind == FULL else errno.EIO)
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        done: int = real(fd, payload)
        tape.take(Write(tape.file(full), offset, bytes(payload)[:done]))
        return done

    return write


def _pread(tape: Tape, real: Real) -> Real:
    def pread(fd: int, length: int, offset: int) -> bytes:
        full = _of(fd)
        if tape.covers(full) and (
            tape.strikes(READ) or tape.unreadable(os.fstat(fd).st_ino, offset, length)
        ):
            _refuse(full)
        return cast("bytes", real(fd, length, offset))

    return pread


def _sendfile(tape: Tape, real: Real) -> Real:
    def sendfile(out_fd: int, in_fd: int, *rest: object) -> int:
        full = _of(out_fd)
        kind = tape.strikes(READ, WRITE, FULL) if tape.covers(full) else None
        if kind is not None:
            _refuse(full, errno.ENOSPC if kind == FULL else errno.EIO)
        return cast("int", real(out_fd, in_fd, *rest))

    return sendfile


def _ftruncate(tape: Tape, real: Real) -> Real:
    def ftruncate(fd: int, length: int) -> None:
        full = _of(fd)
        real(fd, length)
        if tape.covers(full):
            tape.take(Resize(tape.file(full), length))

    return ftruncate


_HEARD: Final[dict[str, Callable[[Tape, Real], Real]]] = {
    "fdatasync": _sync,
    "fsync": _sync,
    "ftruncate": _ftruncate,
    "mkdir": _mkdir,
    "open": _open,
    "pread": _pread,
    "remove": _remove,
    "rename": _rename,
    "replace": _rename,
    "rmdir": _remove,
    "sendfile": _sendfile,
    "unlink": _remove,
    "write": _write,
}


@contextlib.contextmanager
def listening(
    root: Path, trouble: Trouble | None = None, durable: Picture | None = None
) -> Iterator[Tape]:
    """Record what Python does to `root` through `os`."""
    tape = Tape(root, trouble, durable)
    real = {name: getattr(os, name) for name in _HEARD}
    real_open = builtins.open
    for name, hear in _HEARD.items():
        setattr(os, name, hear(tape, real[name]))
    builtins.open = io.open = _builtin_open(tape, real_open)
    try:
        yield tape
    finally:
        for name, call in real.items():
            setattr(os, name, call)
        builtins.open = io.open = real_open
