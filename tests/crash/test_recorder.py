"""The recorder and the forgetful disk themselves: what they must notice, on a file or two."""

import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.kit.disk import Platter
from tests.kit.disk_faults import blast, prefix, sectors
from tests.kit.ears import listening
from tests.kit.recording_vfs import recording
from tests.kit.steps import Picture, Resize, SyncFolder, Write
from tests.kit.tape import SYNC, Tape, Trouble


def put(path: Path, content: bytes, *, flush: bool = True) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(fd, content)
        if flush:
            os.fsync(fd)
    finally:
        os.close(fd)


def flush_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def platter_of(tape: Tape) -> Platter:
    return tape.trace.cut_after(len(tape.trace.steps))


def survived(tape: Tape) -> Picture:
    """Give what is left when nothing that waited was kept."""
    return platter_of(tape).picture([])


def test_bytes_need_a_flush_and_so_does_the_name(scratch: Path) -> None:
    with listening(scratch) as tape:
        put(scratch / "named", b"kept")
        flush_folder(scratch)
        put(scratch / "nameless", b"kept")
        put(scratch / "empty", b"lost", flush=False)
        flush_folder(scratch)
        put(scratch / "late", b"kept")
    tape.faithful()
    assert survived(tape) == {"named": b"kept", "nameless": b"kept", "empty": b""}


def test_a_rename_needs_a_flush_of_its_folder(scratch: Path) -> None:
    (scratch / "journal").mkdir()
    (scratch / "journal" / "file").write_bytes(b"old")
    with listening(scratch) as tape:
        (scratch / "journal").rename(scratch / "corrupt-1")
        assert survived(tape) == {"journal": None, "journal/file": b"old"}
        flush_folder(scratch)
    tape.faithful()
    assert survived(tape) == {"corrupt-1": None, "corrupt-1/file": b"old"}


def test_a_move_between_folders_needs_both(scratch: Path) -> None:
    (scratch / "a").mkdir()
    (scratch / "b").mkdir()
    (scratch / "a" / "file").write_bytes(b"x")
    with listening(scratch) as tape:
        (scratch / "a" / "file").replace(scratch / "b" / "file")
        flush_folder(scratch / "b")
        assert "a/file" in survived(tape)
        flush_folder(scratch / "a")
    assert survived(tape) == {"a": None, "b": None, "b/file": b"x"}


def test_what_waited_for_a_failed_flush_is_gone_unless_its_page_is_written_again(
    scratch: Path,
) -> None:
    (scratch / "file").write_bytes(bytes(8192))
    with listening(scratch, Trouble((SYNC,), 1, forever=False)) as tape:
        fd = os.open(scratch / "file", os.O_RDWR)
        os.write(fd, b"a" * 8192)
        with pytest.raises(OSError, match="Input/output"):
            os.fsync(fd)
        os.fsync(fd)
        assert survived(tape)["file"] == bytes(8192)
        os.lseek(fd, 10, os.SEEK_SET)
        os.write(fd, b"b")
        os.fsync(fd)
        os.close(fd)
    assert survived(tape)["file"] == b"a" * 10 + b"b" + b"a" * 4085 + bytes(4096)


def test_a_way_of_writing_that_is_not_heard_is_found_out(scratch: Path) -> None:
    (scratch / "file").write_bytes(b"old")
    fd = os.open(scratch / "file", os.O_WRONLY)
    with listening(scratch) as tape:
        os.pwrite(fd, b"new", 0)
    os.close(fd)
    with pytest.raises(AssertionError, match="file"):
        tape.faithful()


@pytest.mark.parametrize("seed", range(20))
def test_sectors_are_kept_whole_and_a_prefix_in_order(scratch: Path, seed: int) -> None:
    with listening(scratch) as tape:
        put(scratch / "file", b"")
        flush_folder(scratch)
        put(scratch / "file", b"x" * 2048, flush=False)
    platter = platter_of(tape)
    kept = sectors(platter, random.Random(seed))
    assert all(isinstance(step, Write) and len(step.payload) == 512 for step in kept)
    held = prefix(platter, random.Random(seed))
    assert held == platter.pending[: len(held)]


@pytest.mark.parametrize("seed", range(20))
def test_a_blast_stays_within_the_blocks_of_the_write_in_flight(scratch: Path, seed: int) -> None:
    (scratch / "file").write_bytes(b"o" * 16_384)
    with listening(scratch) as tape:
        fd = os.open(scratch / "file", os.O_RDWR)
        os.lseek(fd, 4000, os.SEEK_SET)
        os.write(fd, b"n" * 200)
        os.close(fd)
    platter = platter_of(tape)
    found = platter.picture(blast(platter, random.Random(seed)))["file"]
    assert found is not None
    assert found[8192:] == b"o" * 8192
    assert len(found) == 16_384


def test_sqlite_is_heard_and_flushes_the_folder_of_a_new_log(scratch: Path) -> None:
    with recording(scratch) as tape:
        sql = sqlite3.connect(scratch / "x.db", isolation_level=None)
        sql.execute("PRAGMA journal_mode=WAL")
        sql.execute("CREATE TABLE t (a)")
        sql.close()
    tape.faithful()
    steps = tape.trace.steps
    assert any(isinstance(step, SyncFolder) for step in steps)
    assert any(isinstance(step, Resize | Write) for step in steps)
    untouched = len(steps)
    sql = sqlite3.connect(scratch / "x.db")
    sql.execute("INSERT INTO t VALUES (1)")
    sql.commit()
    sql.close()
    assert len(steps) == untouched


def left_open(scratch: Path, kept: list[sqlite3.Connection]) -> None:
    with recording(scratch):
        kept.append(sqlite3.connect(scratch / "x.db"))
        kept[0].execute("CREATE TABLE t (a)")


def test_a_connection_left_open_is_named(scratch: Path) -> None:
    kept: list[sqlite3.Connection] = []
    with pytest.raises(AssertionError, match=r"x\.db"):
        left_open(scratch, kept)
    kept[0].close()
