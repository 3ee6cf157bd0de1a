"""The record of what is done to one folder, step by step, and the trouble that strikes there.

The files are real ones; the tape is told of each step by `recording_vfs` (SQLite) and by `ears`
(Python), so the code under test runs unchanged. A way to write that neither hears of would go
unseen: `faithful` finds that out.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.kit.disk import Platter, Trace
from tests.kit.steps import (
    Entries,
    File,
    Folder,
    Link,
    Mark,
    Move,
    Node,
    Picture,
    Resize,
    Step,
    Sync,
    SyncFailed,
    SyncFolder,
    Unlink,
    Write,
)

NOT_DURABLE: Final = ("-shm",)
"""Endings of files that SQLite writes behind the VFS and makes anew after every start."""

READ, WRITE, SYNC, TRUNCATE, FULL, NAMES = "read", "write", "sync", "truncate", "full", "names"


class Trouble:
    """Lets operation number `at` (from 1) of the named kinds fail; with `forever` all after it too.

    `full` strikes writes with "no space" where `write` strikes them with an I/O error; `names`
    strikes making, moving and removing names, and the flush of a folder. A failed write leaves
    half of its bytes behind, a failed sync loses what waited for it.
    """

    def __init__(self, kinds: tuple[str, ...], at: int, *, forever: bool) -> None:
        self.kinds = kinds
        self.at = at
        self.forever = forever
        self.seen = 0
        self.struck = 0

    def strikes(self, *kinds: str) -> str | None:
        """Count one operation; name the kind that it fails with, if it does."""
        kind = next((kind for kind in kinds if kind in self.kinds), None)
        if kind is None:
            return None
        self.seen += 1
        if self.seen == self.at or (self.forever and self.seen > self.at):
            self.struck += 1
            return kind
        return None


class Tape:
    """The steps done to `root`, with the live names beside them."""

    def __init__(self, root: Path, trouble: Trouble | None, durable: Picture | None) -> None:
        self.root = root.resolve()
        self.trace = Trace(self.root, durable)
        self.trouble = trouble
        self._entries: Entries = {
            folder: dict(names) for folder, names in self.trace.entries.items()
        }
        for step in self.trace.steps:  # of a process that was killed: seen, if not durable
            if isinstance(step, Link):
                self._entries[step.folder][step.name] = step.node
            elif isinstance(step, Unlink):
                del self._entries[step.folder][step.name]
        self._prefix = os.fspath(self.root)
        self._unheard: dict[str, File] = {}
        self.take: Callable[[Step], None] = self.trace.steps.append
        self.bad_sectors: dict[int, range] = {}
        """By inode: the bytes that no read gets any more, wherever the file is moved."""
        self.told_as_eio = True

    def mark(self, note: object) -> None:
        """Remember that this was known at this moment."""
        self.take(Mark(note))

    def strikes(self, *kinds: str) -> str | None:
        """Ask whether the operation that is about to be done fails."""
        return None if self.trouble is None else self.trouble.strikes(*kinds)

    def unreadable(self, inode: int, offset: int, length: int) -> bool:
        """Say whether a read touches a bad sector."""
        bad = self.bad_sectors.get(inode, range(0))
        return offset < bad.stop and bad.start < offset + length

    # -- names ---------------------------------------------------------------------------------

    def covers(self, path: str) -> bool:
        """Say whether a path is inside the recorded folder, or is it."""
        return path == self._prefix or path.startswith(self._prefix + "/")

    def find(self, path: str) -> Node | None:
        """Give what a path names now."""
        node: Node = self.trace.root
        for name in Path(path).relative_to(self._prefix).parts:
            if not isinstance(node, Folder) or name not in self._entries[node]:
                return None
            node = self._entries[node][name]
        return node

    def parent(self, path: str) -> Folder:
        """Give the folder that a path is in."""
        folder = self.find(os.fspath(Path(path).parent))
        assert isinstance(folder, Folder), path
        return folder

    def file(self, path: str) -> File:
        """Give the file that was opened at a path; one unknown so far was made just now."""
        node = self.find(path)
        if node is None:
            node = File()
            self.named(path, node)
        assert isinstance(node, File), path
        self._catch_up(path)
        return node

    def unheard(self, path: str) -> None:
        """Remember a file that Python writes by itself: it is read when it is opened again."""
        node = self.find(path)
        if node is None:
            node = File()
            self.named(path, node)
        assert isinstance(node, File), path
        self._unheard[path] = node

    def _catch_up(self, path: str) -> None:
        file = self._unheard.pop(path, None)
        if file is not None and file is self.find(path):
            self.take(Resize(file, 0))
            self.take(Write(file, 0, Path(path).read_bytes()))

    def named(self, path: str, node: Node) -> None:
        """Record a new name."""
        folder, name = self.parent(path), Path(path).name
        self._entries[folder][name] = node
        if isinstance(node, Folder):
            self._entries.setdefault(node, {})
        self.take(Link(folder, name, node))

    def removed(self, path: str) -> None:
        """Record a name gone."""
        folder, name = self.parent(path), Path(path).name
        self._entries[folder].pop(name, None)
        self.take(Unlink(folder, name))

    def moved(self, path: str, target: str) -> None:
        """Record a rename."""
        self._catch_up(path)
        folder, name = self.parent(path), Path(path).name
        into, new_name = self.parent(target), Path(target).name
        node = self._entries[folder].pop(name)
        self._entries[into][new_name] = node
        self.take(Move(folder, name, into, new_name, node))

    def synced(self, path: str) -> None:
        """Record the flush of a file or of a folder."""
        self._catch_up(path)
        node = self.find(path)
        if isinstance(node, Folder):
            self.take(SyncFolder(node))
        elif node is not None:
            self.take(Sync(node))

    def sync_failed(self, path: str) -> None:
        """Record a flush that ended in an error; a folder's names may still get there later."""
        self._catch_up(path)
        node = self.find(path)
        if isinstance(node, File):
            self.take(SyncFailed(node))

    # -- the check of the recorder itself ------------------------------------------------------

    def faithful(self) -> None:
        """Raise AssertionError when the folder holds anything that the tape does not explain."""
        for path in list(self._unheard):
            self._catch_up(path)
        platter = Platter(self.trace)
        for step in self.trace.steps:
            platter.take(step)
        lost = {
            file
            for step in self.trace.steps
            if isinstance(step, SyncFailed)
            for file in [step.file]
        }
        recorded, real = platter.live(), look_at(self.root)
        assert set(recorded) == set(real), (sorted(recorded), sorted(real))
        if not lost:
            different = [path for path in real if recorded[path] != real[path]]
            assert not different, different


def look_at(root: Path) -> Picture:
    """Read a real folder as a picture."""
    found: Picture = {}
    for path in sorted(root.rglob("*")):
        if not path.name.endswith(NOT_DURABLE):
            found[str(path.relative_to(root))] = None if path.is_dir() else path.read_bytes()
    return found
