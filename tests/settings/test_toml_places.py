"""Every key of a TOML text has its place, and what is found is what tomllib reads."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.toml_places import NESTING_MAX, KeyPath, Place, find_places

EVERYTHING = '''\
title = "a = 1" # not a key: b = 2
"quoted key" = 'x'
'lit#eral'."dot.ted" . bare = 1

[table] # [nor this]
  indented = [ 1, [2, 3], # two = 2
    { in-a = "list" },
  ]
long = """
[no] table = 1 \\
"quotes" ""\\"""""
raw = \'\'\'
# no comment = 1
\'\'\'\'\'
inline = { a = 1, b.c = [], "d" = { e = 1979-05-27 07:32:00.5Z } }

[[device]]
name = "one"
[device.more]
x = inf
[[device.more.deep]]
y = 0x1F

[[device]]
name = "two"
[[device.more.deep]]
y = 1
'''


def paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """List every key and every position of a value as tomllib makes it."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for part, one in inner:
        yield (*path, part)
        yield from paths(one, (*path, part))


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("title",), 1, 1),
        (("quoted key",), 2, 1),
        (("lit#eral",), 3, 1),
        (("lit#eral", "dot.ted"), 3, 12),
        (("lit#eral", "dot.ted", "bare"), 3, 24),
        (("table",), 5, 2),
        (("table", "indented"), 6, 3),
        (("table", "indented", 1, 1), 6, 23),
        (("table", "indented", 2), 7, 5),
        (("table", "indented", 2, "in-a"), 7, 7),
        (("table", "long"), 9, 1),
        (("table", "raw"), 12, 1),
        (("table", "inline", "b", "c"), 15, 21),
        (("table", "inline", "d", "e"), 15, 37),
        (("device", 0), 17, 3),
        (("device", 0, "more"), 19, 9),
        (("device", 0, "more", "deep", 0, "y"), 22, 1),
        (("device", 1), 24, 3),
        (("device", 1, "name"), 25, 1),
        (("device", 1, "more", "deep", 0, "y"), 27, 1),
    ],
)
def test_a_key_stands_where_it_stands(path: KeyPath, line: int, column: int) -> None:
    assert find_places(EVERYTHING).keys[path] == Place(line, column)


def test_nothing_is_missed_and_nothing_invented() -> None:
    found = find_places(EVERYTHING)
    assert set(found.keys) == set(paths(tomllib.loads(EVERYTHING)))
    assert (found.stopped, found.twice, found.too_deep) == (None, [], False)


def test_crlf_is_one_line_end() -> None:
    assert find_places(EVERYTHING.replace("\n", "\r\n")).keys == find_places(EVERYTHING).keys


def test_a_table_stands_at_its_own_header_when_another_has_implied_it() -> None:
    assert find_places("[a.b]\n[a]\nc = 1\n").keys["a",] == Place(2, 2)


def test_what_is_said_twice_has_both_places() -> None:
    found = find_places("[a]\nx = 1\nx = 2\n[b]\n[a]\n")
    assert found.keys["a", "x"] == Place(2, 1)
    assert found.twice == [(("a", "x"), Place(3, 1)), (("a",), Place(5, 2))]


def test_a_bracket_that_stays_open_is_named() -> None:
    found = find_places('a = 1\nb = [\n  "x"\n[c]\n')
    assert (found.opened, found.stopped) == (Place(2, 5), Place(4, 1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a" + ".a" * 100_000 + " = 1",
        "a = " + "{a=" * 100_000,
        "[a" + ".a" * 65 + "]",
    ],
)
def test_nesting_is_bounded(text: str) -> None:
    found = find_places("x = " + text if text.startswith("[[") else text)
    assert found.too_deep
    assert max(map(len, found.keys), default=0) <= NESTING_MAX


SCALARS = st.sampled_from(
    [
        *("1", "-0.5e3", "true", "nan", "0b1"),
        *("1979-05-27", "1979-05-27 07:32:00", "07:32:00"),
        *('"x # y"', "'[z]'", '"\\u00e9\\""', '""', "''"),
        *('"""a\n"b" \\\n  c"""', "'''\nd'''''", '""""q"""""'),
    ]
)
NAMES = st.sampled_from(["a", "b", "c-1", '"q k"', "'l.k'", '"\\u0061b"', '""', "1", "true"])
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(" . ".join)
GAPS = st.sampled_from(["", " ", "\n", " # c, ] = [\n", "\t"])


def _lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda gap, some, end: f"[{gap}{f',{gap}'.join(some)}{end}{gap}]",
        GAPS,
        st.lists(values, min_size=1, max_size=3),
        st.sampled_from(["", ","]),
    )


def _tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(KEYS, values), max_size=3)
    return pairs.map(lambda some: "{ " + ", ".join(f"{key} = {one}" for key, one in some) + " }")


VALUES = st.recursive(SCALARS, lambda inner: _lists(inner) | _tables(inner), max_leaves=6)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES),
    KEYS.map("[{}]".format),
    KEYS.map("[[ {} ]]".format),
    st.just("# x = 1"),
)
TEXTS = st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines) + "\n")
PIECES = st.lists(
    st.sampled_from(
        [
            *"ab.=[]{},\"'\\# \n\r\t1",
            "[[",
            "]]",
            '"""',
            "'''",
            "a = 1\n",
            "[a]\n",
            "[[a]]\n",
            "\r\n",
        ]
    ),
    max_size=16,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(TEXTS | PIECES)
@example("a = [{}]\n")
@example("[a.b]\n[a]\nb.c = 1\n")
def test_what_tomllib_reads_is_what_is_found(text: str) -> None:
    found = find_places(text)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert found.stopped is None
    assert found.twice == []
    assert set(found.keys) == set(paths(values))
    lines = text.replace("\r\n", "\n").split("\n")
    for path, place in found.keys.items():
        here = lines[place.line - 1][place.column - 1 :]
        if isinstance(path[-1], str):
            assert here.startswith((path[-1] or '"', '"', "'"))


@settings(deadline=None, max_examples=300)
@given(st.text() | PIECES)
def test_any_text_is_walked_and_every_place_is_in_it(text: str) -> None:
    found = find_places(text)
    lines = text.replace("\r\n", "\n").split("\n")
    for place in [*found.keys.values(), *(place for _, place in found.twice), found.stopped]:
        if place is not None:
            assert 1 <= place.column <= len(lines[place.line - 1]) + 1
