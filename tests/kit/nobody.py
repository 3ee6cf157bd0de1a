"""Being nobody for a while: a mode keeps root out of nothing."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def as_nobody() -> Iterator[None]:
    if os.geteuid():
        pytest.skip("only root becomes somebody else")
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
