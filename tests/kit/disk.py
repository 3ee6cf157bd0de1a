"""A disk that forgets: what a folder may hold after the power was cut at any step.

Rules:
1. What was written to a file is on the platter once that file was synced, and not before.
2. A name (made, moved or removed) is on the platter once its folder was synced; a move between
   two folders once both were. Syncing a file says nothing about its name.
3. After a sync that failed the kernel takes the pages for clean: readers see what waited, but it
   is not written any more, unless a later write makes its page dirty again.
4. At the cut, what waits is treated by one of four faults: `tests.kit.disk_faults`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.kit.steps import (
    PAGE_BYTES,
    Entries,
    File,
    Folder,
    Link,
    Mark,
    Move,
    Picture,
    Resize,
    Step,
    Sync,
    SyncFailed,
    SyncFolder,
    Unlink,
    Write,
    apply,
    content_of,
)


class Trace:
    """Everything that was done to one folder, in order, and what it held before.

    With `durable` the folder shows what a killed process left in the kernel's memory, while only
    `durable` is on the platter: the rest waits, as the first steps.
    """

    def __init__(self, root: Path, durable: Picture | None = None) -> None:
        self.root = Folder()
        self.contents: dict[File, bytes] = {}
        self.entries: Entries = {self.root: {}}
        self.steps: list[Step] = []
        self._load(root, self.root)
        if durable is not None:
            self._unsettle("", self.root, durable)

    def _load(self, path: Path, folder: Folder) -> None:
        for child in sorted(path.iterdir()):
            if child.is_dir():
                inner = Folder()
                self.entries[folder][child.name] = inner
                self.entries[inner] = {}
                self._load(child, inner)
            else:
                file = File()
                self.entries[folder][child.name] = file
                self.contents[file] = child.read_bytes()

    def _unsettle(self, prefix: str, folder: Folder, durable: Picture) -> None:
        for name, node in list(self.entries[folder].items()):
            path = prefix + name
            if path not in durable:
                del self.entries[folder][name]
                self.steps.append(Link(folder, name, node))
            if isinstance(node, File):
                live, kept = self.contents[node], durable.get(path) or b""
                self.contents[node] = kept
                self.steps += _changes(node, kept, live)
            else:
                self._unsettle(path + "/", node, durable)
        for path, content in durable.items():
            name = path.removeprefix(prefix)
            gone = path.startswith(prefix) and name not in self.entries[folder]
            if gone and "/" not in name and not any(self._links(folder, name)):
                assert content is not None, f"a folder was removed: {path}"
                file = self.entries[folder][name] = File()
                self.contents[file] = content
                self.steps.append(Unlink(folder, name))

    def _links(self, folder: Folder, name: str) -> Iterator[bool]:
        for step in self.steps:
            yield isinstance(step, Link) and step.folder is folder and step.name == name

    def cut_after(self, upto: int) -> "Platter":
        """Make the platter as it is when the power goes after `upto` steps."""
        platter = Platter(self)
        for step in self.steps[:upto]:
            platter.take(step)
        return platter

    def notes(self, upto: int) -> list[object]:
        """List what was marked in the first `upto` steps."""
        return [step.note for step in self.steps[:upto] if isinstance(step, Mark)]


class Platter:
    """What is safe on the disk, and what waits in volatile memory, after the steps taken."""

    def __init__(self, trace: Trace) -> None:
        self.root = trace.root
        self.contents = {file: bytearray(held) for file, held in trace.contents.items()}
        self.entries = {folder: dict(names) for folder, names in trace.entries.items()}
        self.pending: list[Step] = []
        self._half_synced: set[Move] = set()
        self._caches: dict[File, _Cache] = {}

    def take(self, step: Step) -> None:
        """Let one more step happen."""
        match step:
            case Sync(file):
                self._settle(lambda waiting: content_of(waiting) is file, keep=True)
            case SyncFailed(file):
                self._forget(file)
            case SyncFolder(folder):
                self._settle(lambda waiting: self._named_by(waiting, folder), keep=True)
            case Mark():
                pass
            case _:
                cache = self._caches.get(content_of(step) or File())
                self.pending.append(step if cache is None else cache.dirtied(step))

    def live(self) -> Picture:
        """Show what a reader sees while the power is on."""
        return self.picture(self.pending)

    def picture(self, kept: Sequence[Step]) -> Picture:
        """Show what a reader finds after the cut when only `kept` of the pending survived."""
        entries, contents = self.entries, self.contents
        if any(content_of(step) is None for step in kept):
            entries = {folder: dict(names) for folder, names in entries.items()}
        touched = {content_of(step) for step in kept}
        contents = {
            file: bytearray(held) if file in touched else held for file, held in contents.items()
        }
        for step in kept:
            apply(step, contents, entries)
        return dict(_walk("", self.root, contents, entries))

    def _forget(self, file: File) -> None:
        waiting = [step for step in self.pending if content_of(step) is file]
        cache = self._caches.get(file)
        if cache is None:
            cache = self._caches[file] = _Cache(self.contents.get(file, b""))
            for step in waiting:
                cache.hold(step)
        cache.take_for_clean(waiting)
        self._settle(lambda step: content_of(step) is file, keep=False)

    def _settle(self, chosen: Callable[[Step], bool], *, keep: bool) -> None:
        left: list[Step] = []
        for step in self.pending:
            if not chosen(step):
                left.append(step)
            elif keep:
                apply(step, self.contents, self.entries)
        self.pending = left

    def _named_by(self, step: Step, folder: Folder) -> bool:
        match step:
            case Link(where, _, _) | Unlink(where, _):
                return where is folder
            case Move(where, _, into, _, _):
                if folder not in (where, into):
                    return False
                if where is into or step in self._half_synced:
                    return True
                self._half_synced.add(step)
        return False


class _Cache:
    """What the kernel holds of a file after a failed sync, and which pages it takes for clean."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._held = {_ANY: bytearray(content)}
        self._clean: set[int] = set()

    def hold(self, step: Step) -> None:
        """Let one more step change what is held."""
        if isinstance(step, Write):
            apply(Write(_ANY, step.offset, step.payload), self._held, {})
        elif isinstance(step, Resize):
            apply(Resize(_ANY, step.size_bytes), self._held, {})

    def take_for_clean(self, waiting: Sequence[Step]) -> None:
        """Let what waited be forgotten, page by page."""
        for step in waiting:
            if isinstance(step, Write):
                self._clean.update(_pages(step))

    def dirtied(self, step: Step) -> Step:
        """Give what will be written for a step: with it, all of the pages that were forgotten."""
        self.hold(step)
        if not isinstance(step, Write) or self._clean.isdisjoint(_pages(step)):
            return step
        pages = _pages(step)
        self._clean.difference_update(pages)
        start = pages.start * PAGE_BYTES
        return Write(step.file, start, bytes(self._held[_ANY][start : pages.stop * PAGE_BYTES]))


_ANY: Final = File()


def _pages(step: Write) -> range:
    return range(step.offset // PAGE_BYTES, -(-(step.offset + len(step.payload)) // PAGE_BYTES))


def _changes(file: File, kept: bytes, live: bytes) -> Iterator[Step]:
    if len(kept) != len(live):
        yield Resize(file, len(live))
    for at in range(0, len(live), PAGE_BYTES):
        block = live[at : at + PAGE_BYTES]
        if kept[at : at + PAGE_BYTES] != block:
            yield Write(file, at, block)


def _walk(
    prefix: str, folder: Folder, contents: dict[File, bytearray], entries: Entries
) -> Iterator[tuple[str, bytes | None]]:
    for name, node in entries.get(folder, {}).items():
        path = prefix + name
        if isinstance(node, File):
            yield path, bytes(contents.get(node, b""))
        else:
            yield path, None
            yield from _walk(path + "/", node, contents, entries)


def lay_out(picture: Picture, folder: Path) -> None:
    """Make a real folder of a picture, as the machine finds it when the power is back."""
    folder.mkdir(parents=True)
    for path, content in picture.items():
        if content is None:
            (folder / path).mkdir()
        else:
            fd = os.open(folder / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, content)
            os.close(fd)
