"""What can happen to a folder, step by step: the words that recorder and disk share.

Files and folders are things, not names: a name is linked to one, and may be moved.
"""

from typing import Final, NamedTuple

PAGE_BYTES: Final = 4096
"""What the kernel keeps of a file in one piece."""


class File:
    """The content of a file, whatever its names; compared by identity."""

    __slots__ = ()


class Folder:
    """A directory, whatever its name; compared by identity."""

    __slots__ = ()


Node = File | Folder
Entries = dict[Folder, dict[str, Node]]
Picture = dict[str, bytes | None]
"""Relative path to content; None for a folder."""


class Write(NamedTuple):
    """Bytes handed to the kernel."""

    file: File
    offset: int
    payload: bytes


class Resize(NamedTuple):
    """A file cut or stretched with zeros."""

    file: File
    size_bytes: int


class Sync(NamedTuple):
    """A flush of one file that the disk confirmed."""

    file: File


class SyncFailed(NamedTuple):
    """A flush of one file that ended in an error: what waited is gone."""

    file: File


class Link(NamedTuple):
    """A name made in a folder."""

    folder: Folder
    name: str
    node: Node


class Unlink(NamedTuple):
    """A name removed from a folder."""

    folder: Folder
    name: str


class Move(NamedTuple):
    """A name moved, replacing what was there."""

    folder: Folder
    name: str
    into: Folder
    new_name: str
    node: Node


class SyncFolder(NamedTuple):
    """A flush of one directory."""

    folder: Folder


class Mark(NamedTuple):
    """What the test wants to know about this moment."""

    note: object


Step = Write | Resize | Sync | SyncFailed | Link | Unlink | Move | SyncFolder | Mark


def content_of(step: Step) -> File | None:
    """Say whose bytes a step changes; None when it changes names or nothing."""
    return step.file if isinstance(step, Write | Resize) else None


def apply(step: Step, contents: dict[File, bytearray], entries: Entries) -> None:
    """Let a step change contents and names."""
    match step:
        case Write(file, offset, payload):
            held = contents.setdefault(file, bytearray())
            if len(held) < offset:
                held.extend(bytes(offset - len(held)))
            held[offset : offset + len(payload)] = payload
        case Resize(file, size_bytes):
            held = contents.setdefault(file, bytearray())
            del held[size_bytes:]
            held.extend(bytes(size_bytes - len(held)))
        case Link(folder, name, node):
            entries.setdefault(folder, {})[name] = node
        case Unlink(folder, name):
            entries.setdefault(folder, {}).pop(name, None)
        case Move(folder, name, into, new_name, node):
            if entries.setdefault(folder, {}).get(name) is node:
                del entries[folder][name]
            entries.setdefault(into, {})[new_name] = node
