"""One file of a configuration as text, or why it is none; nothing but a plain file is opened."""

import os
import stat
from pathlib import Path
from typing import Final

from edge_agent.settings.words import nearest, shown
from edge_agent.toml_places import Place

FILE_BYTES_MAX: Final = 1 << 20
"""A longer file is refused: it is not one that people write."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Unreadable(Exception):
    """The file gives no text; `place` is in the file, None where the file itself is the trouble."""

    def __init__(self, wrong: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(f"{wrong}; {remedy}")
        self.wrong = wrong
        self.remedy = remedy
        self.place = place


def read_text(path: Path, asked_by: Path | None) -> str:
    """Read a file of UTF-8 text, with or without a mark in front; raises `Unreadable` only.

    `asked_by` is the file that includes it: never what was meant.
    """
    try:
        content = _content(path)
    except _NotThis as lost:
        raise Unreadable(str(lost), _neighbour(path, asked_by)) from None
    if len(content) > FILE_BYTES_MAX:
        raise Unreadable(
            f"{_whole(path)} has more than {FILE_BYTES_MAX} bytes, which no configuration has",
            "write the path of a configuration",
        )
    if content.startswith(_UTF16_MARKS):
        raise Unreadable(
            "the file is UTF-16, as Windows PowerShell and some editors write it",
            "save it as UTF-8",
            Place(1, 1),
        )
    content = content.removeprefix(_UTF8_MARK)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        byte = content[error.start]
        latin = bytes([byte]).decode("latin-1")
        guess = f" ({latin} in Latin-1)" if latin.isprintable() else ""
        raise Unreadable(
            f"the byte 0x{byte:02X}{guess} is not UTF-8 text",
            "save the file as UTF-8",
            Place(before.count("\n") + 1, len(before) - before.rfind("\n")),
        ) from None


def _content(path: Path) -> bytes:
    try:
        # asked first: to open a device, or a pipe, is to do something to it
        if not stat.S_ISREG(path.stat().st_mode):
            raise _NotThis(f"{_whole(path)} is not a file")
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise _NotThis(f"there is no file {_whole(path)}") from None
    except PermissionError:
        raise Unreadable(
            f"{_whole(path)} may not be read by the user with uid {os.geteuid()}",
            "let that user read it (chmod, chgrp), or run as the user who may",
        ) from None
    except OSError as error:
        raise _NotThis(f"{_whole(path)} cannot be read ({error.strerror})") from None


class _NotThis(Exception):
    """Another file must have been meant."""


def _neighbour(path: Path, asked_by: Path | None) -> str:
    """Suggest a file of the same folder, or of the folder that was named."""
    try:
        folder = path if path.is_dir() else path.parent
        names = sorted(
            one.name for one in folder.iterdir() if one.suffix == ".toml" and one != asked_by
        )
    except OSError:
        return "write the path of a .toml file that is there"
    near = nearest(path.name, names) or (names[0] if len(names) == 1 else None)
    if near is None:
        return "write the path of a .toml file that is there"
    return f"did you mean {shown(os.fspath(folder / near))}?"


def _whole(path: Path) -> str:
    # not cut: the folder at its beginning and the name at its end are what one looks for
    return shown(os.fspath(path.absolute()), cut=False)
