"""A file system of its own, of a few MiB, and how to leave no room on it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.agents import Agent


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Give a folder on a file system of 16 MiB; the test is skipped where none can be mounted."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "small", os.fspath(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("this kernel mounts nothing here")
    yield folder
    subprocess.run(["umount", "-l", os.fspath(folder)], check=True)


def on_disk(agent: Agent, disk: Path) -> None:
    """Have an agent keep its journal there."""
    text = agent.config.read_text("utf-8").replace('data_dir = "data"', f'data_dir = "{disk}/d"')
    agent.config.write_text(text, "utf-8")
    agent.data_dir = disk / "d"


def fill(file: Path) -> None:
    """Write until there is no room."""
    with file.open("wb", buffering=0) as ballast:
        block = b"\0" * 65_536
        try:
            while block:
                ballast.write(block)
        except OSError:
            return
