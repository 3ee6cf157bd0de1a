"""A VFS for the very SQLite that Python's `sqlite3` uses, that records and that fails on demand.

No compiler: the structures are laid out with ctypes and only the calls that change or flush
something are replaced by Python; reads and locks stay SQLite's own. Every file is opened by the
default VFS into its own `sqlite3_file`, whose table of methods is then exchanged for a copy with
our entries in it. While `recording` lasts this VFS is the default one, so that the code under
test needs no hook and is not changed.
"""

import _sqlite3
import contextlib
import ctypes
import sqlite3
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any, Final, cast

from tests.kit.ears import listening
from tests.kit.steps import File, Picture, Resize, Sync, SyncFailed, SyncFolder, Write
from tests.kit.tape import FULL, NAMES, READ, SYNC, TRUNCATE, WRITE, Tape, Trouble

NAME: Final = "recording"

OPEN_CREATE: Final = 4
SQLITE_OK: Final = 0
SQLITE_FULL: Final = 13
SQLITE_CANTOPEN: Final = 14
SQLITE_IOERR_READ: Final = 266
SQLITE_IOERR_WRITE: Final = 778
SQLITE_IOERR_FSYNC: Final = 1034
SQLITE_IOERR_TRUNCATE: Final = 1546
SQLITE_IOERR_DELETE: Final = 2570
SQLITE_IOERR_CORRUPTFS: Final = 8458
"""What SQLite's own VFS makes of EIO; a query then says that the file is broken."""

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_SetCall = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_GetCall = CFUNCTYPE(c_void_p, c_void_p, c_char_p)
_OpenFolder = CFUNCTYPE(c_int, c_void_p, c_void_p)
_Close = CFUNCTYPE(c_int, c_void_p)
_Transfer = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """`sqlite3_vfs` of sqlite3.h, version 3."""

    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("version_1", c_void_p * 10),
        ("current_time_int64", c_void_p),
        ("set_system_call", c_void_p),
        ("get_system_call", c_void_p),
        ("next_system_call", c_void_p),
    )


class _Methods(Structure):
    """`sqlite3_io_methods` of sqlite3.h, version 3."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),
    )


def _library() -> ctypes.CDLL:
    """Find the SQLite that `sqlite3` is linked to: as its dependency, or in the interpreter."""
    for place in (getattr(_sqlite3, "__file__", None), None):
        library = ctypes.CDLL(place)
        if not hasattr(library, "sqlite3_vfs_register"):
            continue
        library.sqlite3_libversion.restype = c_char_p
        if library.sqlite3_libversion().decode() == sqlite3.sqlite_version:
            library.sqlite3_vfs_find.restype = POINTER(_Vfs)
            library.sqlite3_vfs_find.argtypes = (c_char_p,)
            library.sqlite3_vfs_register.argtypes = (c_void_p, c_int)
            return library
    message = (
        "the SQLite inside this Python shows no symbols, so power cuts cannot be tested with it;"
        " use a Python whose _sqlite3 links libsqlite3 dynamically (Debian's and pyenv's do)"
    )
    raise RuntimeError(message)


class _OpenFile:
    """One open `sqlite3_file`: its path, the node it writes to and SQLite's own methods."""

    __slots__ = ("close", "file", "inode", "path", "read", "sync", "truncate", "write")

    def __init__(self, path: str, file: File, methods: _Methods) -> None:
        self.path = path
        self.file = file
        self.inode = Path(path).stat().st_ino if Path(path).exists() else 0
        self.close = _Close(methods.close)
        self.read = _Transfer(methods.read)
        self.write = _Transfer(methods.write)
        self.truncate = _Truncate(methods.truncate)
        self.sync = _Sync(methods.sync)


class RecordingVfs:
    """The VFS; one for the process, registered at first use and default only while it records."""

    def __init__(self) -> None:
        self._library = _library()
        self._default = self._library.sqlite3_vfs_find(None)
        default = self._default.contents
        self._open = _Open(default.open)
        self._delete = _Delete(default.delete)
        self._set_call = _SetCall(default.set_system_call)
        get_call = _GetCall(default.get_system_call)
        self._folder_call = get_call(self._default, b"openDirectory")
        self._open_folder = _OpenFolder(self._folder_call)
        self._vfs = _Vfs.from_buffer_copy(default)
        self._vfs.next = None
        self._vfs.name = NAME.encode()
        self._callbacks: list[Any] = [_Open(self._on_open), _Delete(self._on_delete)]
        self._vfs.open, self._vfs.delete = (_address(call) for call in self._callbacks)
        self._on_folder = _OpenFolder(self._on_open_folder)
        self._close_call = _Close(self._on_close)
        self._read_call = _Transfer(self._on_read)
        self._write_call = _Transfer(self._on_write)
        self._truncate_call = _Truncate(self._on_truncate)
        self._sync_call = _Sync(self._on_sync)
        self._tables: dict[tuple[int, bool], tuple[_Methods, _Methods]] = {}
        self._files: dict[int, _OpenFile] = {}
        self._folders_opened: list[str] = []
        self.tape: Tape | None = None
        self._trap_reads = False

    # -- being the default ---------------------------------------------------------------------

    def switch_on(self, tape: Tape, *, trap_reads: bool) -> None:
        """Become the default VFS; what is opened inside the tape's folder is recorded."""
        assert self.tape is None, "one recording at a time"
        self.tape = tape
        self._trap_reads = trap_reads
        self._library.sqlite3_vfs_register(byref(self._vfs), 1)
        # the one flush that no VFS method shows: SQLite's own of a folder, seen by its opening
        self._set_call(self._default, b"openDirectory", _address(self._on_folder))

    def switch_off(self) -> None:
        """Give the place back; what is still open stays usable and goes unrecorded."""
        self._set_call(self._default, b"openDirectory", self._folder_call)
        self._library.sqlite3_vfs_register(self._default, 1)
        self._library.sqlite3_vfs_unregister(byref(self._vfs))
        self.tape = None

    def still_open(self) -> list[str]:
        """List the files of this recording that nobody has closed."""
        tape = self.tape
        assert tape is not None
        return [entry.path for entry in self._files.values() if tape.covers(entry.path)]

    # -- methods of the VFS --------------------------------------------------------------------

    def _on_open(
        self, _vfs: int, name: int | None, file: int, flags: int, out_flags: int | None
    ) -> int:
        path = "" if name is None else ctypes.string_at(name).decode()
        tape = self.tape
        ours = tape is not None and tape.covers(path)
        if (
            ours
            and tape is not None
            and flags & OPEN_CREATE
            and not Path(path).exists()
            and tape.strikes(NAMES)
        ):
            c_void_p.from_address(file).value = None
            return SQLITE_CANTOPEN
        code: int = self._open(self._default, name, file, flags, out_flags)
        if code == SQLITE_OK and ours and tape is not None:
            table = c_void_p.from_address(file)  # the first member is the table of methods
            assert table.value is not None
            own, spied = self._table(table.value)
            self._files[file] = _OpenFile(path, tape.file(path), own)
            table.value = ctypes.addressof(spied)
        return code

    def _table(self, address: int) -> tuple[_Methods, _Methods]:
        key = (address, self._trap_reads)
        if key not in self._tables:
            own = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(own)
            ours.close = _address(self._close_call)
            ours.write = _address(self._write_call)
            ours.truncate = _address(self._truncate_call)
            ours.sync = _address(self._sync_call)
            if self._trap_reads:
                ours.read = _address(self._read_call)
            self._tables[key] = (own, ours)
        return self._tables[key]

    def _on_delete(self, _vfs: int, name: int, sync_folder: int) -> int:
        path = ctypes.string_at(name).decode()
        tape = self.tape
        known = tape is not None and tape.covers(path) and tape.find(path) is not None
        if known and tape is not None and tape.strikes(NAMES):
            return SQLITE_IOERR_DELETE
        code: int = self._delete(self._default, name, sync_folder)
        if code == SQLITE_OK and known and tape is not None:
            tape.removed(path)
            self._note_folders(tape)
        return code

    def _on_open_folder(self, name: int, fd: int) -> int:
        # given the path of the file inside; the flush of the folder follows at once
        self._folders_opened.append(ctypes.string_at(name).decode())
        code: int = self._open_folder(name, fd)
        return code

    def _note_folders(self, tape: Tape) -> None:
        for path in self._folders_opened:
            if tape.covers(path):
                tape.take(SyncFolder(tape.parent(path)))
        self._folders_opened.clear()

    # -- methods of a file ---------------------------------------------------------------------

    def _on_close(self, file: int) -> int:
        code: int = self._files.pop(file).close(file)
        return code

    def _on_read(self, file: int, buffer: int, length: int, offset: int) -> int:
        if self.tape is not None and self.tape.strikes(READ):
            return SQLITE_IOERR_READ
        if self.tape is not None and self.tape.bad_sectors:
            inode = self._files[file].inode
            if self.tape.unreadable(inode, offset, length):
                return SQLITE_IOERR_CORRUPTFS if self.tape.told_as_eio else SQLITE_IOERR_READ
        code: int = self._files[file].read(file, buffer, length, offset)
        return code

    def _on_write(self, file: int, buffer: int, length: int, offset: int) -> int:
        entry, tape = self._files[file], self.tape
        kind = None
        if tape is not None:
            kind = tape.strikes(WRITE, FULL)
            if kind is not None:
                length //= 2
            tape.take(Write(entry.file, offset, ctypes.string_at(buffer, length)))
        code: int = entry.write(file, buffer, length, offset)
        if kind is not None:
            return SQLITE_FULL if kind == FULL else SQLITE_IOERR_WRITE
        return code

    def _on_truncate(self, file: int, size_bytes: int) -> int:
        entry, tape = self._files[file], self.tape
        if tape is not None:
            if tape.strikes(TRUNCATE):
                return SQLITE_IOERR_TRUNCATE
            tape.take(Resize(entry.file, size_bytes))
        code: int = entry.truncate(file, size_bytes)
        return code

    def _on_sync(self, file: int, flags: int) -> int:
        entry, tape = self._files[file], self.tape
        if tape is not None and tape.strikes(SYNC):
            tape.take(SyncFailed(entry.file))
            return SQLITE_IOERR_FSYNC
        code: int = entry.sync(file, flags)
        if tape is not None:
            tape.take(Sync(entry.file))
            self._note_folders(tape)
        return code


def _address(call: object) -> int | None:
    return ctypes.cast(cast("Any", call), c_void_p).value


_vfs: list[RecordingVfs] = []


@contextlib.contextmanager
def recording(
    root: Path,
    trouble: Trouble | None = None,
    *,
    trap_reads: bool = False,
    durable: Picture | None = None,
) -> Iterator[Tape]:
    """Record everything that SQLite and Python do to `root`; `trouble` strikes while it lasts.

    Connections must be opened and closed inside. `trap_reads` lets `trouble` strike reads too,
    which costs a call of Python for each. `durable` says what of `root` is on the platter when
    the process before was killed and not the power cut (default: all of it).
    """
    if not _vfs:
        _vfs.append(RecordingVfs())
    vfs = _vfs[0]
    with listening(root, trouble, durable) as tape:
        vfs.switch_on(tape, trap_reads=trap_reads)
        try:
            yield tape
            left = vfs.still_open()
            assert not left, f"still open at the end of the recording: {left}"
        finally:
            vfs.switch_off()
