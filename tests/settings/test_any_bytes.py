"""No file, whatever is in it, brings down the validator; every fault is told within the file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.configuration import (
    BadConfiguration,
    Configuration,
    Problem,
    from_wire,
    to_wire,
)
from edge_agent.settings import load

WORDS = [
    *("agent", "broker", "site", "station", "device", "journal", "include", "segment", "x"),
    *("id", "data_dir", "url", "base", "name", "kind", "port", "fifo", "suffix", "baud"),
    *("keepalive_s", "backoff_min_s", "quota_mb", "reserve_mb", "password", "ca_file", "bits"),
    *("calendar", "shift", "days", "start", "end", "breaks", "days_off", "time_zone", "andon"),
    *("takt_s", "demand_per_shift", "fixed_position", "stop_output", "stops", "category", "look"),
    *("escalate", "level", "after_s", "person", "badge", "shifts", "reason", "lights", "roles"),
    *("line_bytes_max", "repeat_window_s", "good_read", "answers", "flow", "idle_ms", "prefix"),
]
VALUES = [
    *('"A2"', '"a/b"', '"mqtts://h"', '"serial-scanner"', '"simulated-scanner"', '"../g"', "''"),
    *('"\\u0000"', '"é"', '"\\r"', "0", "-1", "9600", "0.5", "nan", "-inf", "1e999", "true"),
    *("[]", '["mqtt://h", 5]', "{}", "[{}]", "2026-12-24", "07:32:00", "9223372036854775807"),
    *("9223372036854775808", '["c.toml"]', '["/dev/null"]', '"~"', '"""\n\n"""', "[[[]]]"),
    *('"06:00"', '"06:00-05:00"', '["mon"]', '"*"', '"pulse:x"', "{ red = 1 }", "[{ level = 2 }]"),
]
LENGTH_MAX = 3_200

LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(WORDS), st.sampled_from(VALUES)),
    st.builds(
        "{}.{} = {}".format,
        st.sampled_from(WORDS),
        st.sampled_from(WORDS),
        st.sampled_from(VALUES),
    ),
    st.sampled_from(WORDS).map("[{}]".format),
    st.sampled_from(WORDS).map("[[{}]]".format),
    st.sampled_from(["[[calendar.shift]]", '[[look]]\ncondition = "called"', "[calendar.shift]"]),
    st.sampled_from(['"', "'''", "[", "\x00", "\u2028", "\x85", "\x0c", "\r", "#", "é = 1"]),
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(LINES, max_size=25).map(lambda lines: "\n".join(lines).encode()),
)


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "c.toml"


def outcome(path: Path) -> tuple[Configuration | None, list[Problem]]:
    try:
        return load(path, {}), []
    except BadConfiguration as bad:
        return None, bad.problems


@settings(deadline=None, max_examples=400)
@given(content=FILES)
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"[0\x00")
@example(b"[" + b"x" * 5_000)
@example(b"\xff\xfe[\x00")
@example(b"a = " + b"[" * 20_000)
@example(b"a" + b".a" * 20_000 + b" = 1")
@example(b"a = " + b"9" * 5_000)
@example(b"a = 0x" + b"f" * 5_000)
@example(b'a = "' + b"x" * 5_000)
@example(b'[[device]]\nkind = "serial-scanner"\nport = "/x"\nbaud = ' + b"9" * 18)
def test_nothing_but_a_bad_configuration(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    made, problems = outcome(path)
    assert (made is None) == bool(problems)
    lines = content.split(b"\n")
    for problem in problems:
        assert problem.file == str(path)
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.key
        assert problem.wrong
        assert problem.remedy
        assert str(problem).isprintable()
        assert len(str(problem)) <= LENGTH_MAX
    if made is not None:
        assert from_wire(to_wire(made)) == made


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(["AGENT__ID", "BROKER__URL", "BROKER__KEEPALIVE_S", "X", "__", "SITE__"]),
    value=st.text(max_size=50) | st.sampled_from(VALUES),
)
def test_no_variable_brings_it_down(path: Path, name: str, value: str) -> None:
    path.write_bytes(b"")
    variable = f"EDGE_AGENT__{name}"
    with pytest.raises(BadConfiguration) as bad:
        load(path, {variable: value})
    for problem in bad.value.problems:
        assert str(problem).startswith((f"{variable}: ", f"{path}:1:1: "))
