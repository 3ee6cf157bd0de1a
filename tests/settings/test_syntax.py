"""A file that is no TOML: one line that says where, what is wrong and what to write instead."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.settings.files import FILE_BYTES_MAX

Refused = Callable[..., list[str]]

EXAMPLE = 'write KEY = VALUE, with text in double quotes, as in id = "pi-a2"'
LETTERS = "keys have letters a to z, digits, _ and -"
OPEN_LIST = (
    "the list does not go on like this, or does not end{}; "
    'write a comma between two values and ] after the last: ["a", "b"]'
)
OPEN_TEXT = "the text does not end; close it with the quote it began with, on the same line"
NO_ESCAPE = (
    "in double quotes a \\ begins an escape, and this is none; "
    "write the text in single quotes, which keep \\ as it is, or write \\\\"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[agent]\nid = pi-a2\n", '2:6: agent.id: "pi-a2" is text without quotes; write "pi-a2"'),
        ('[agent]\nid = "pi-a2\nx = "y"\n', f"2:12: agent.id: {OPEN_TEXT}"),
        ("[agent]\nid = 'pi-a2", f"2:6: agent.id: {OPEN_TEXT}"),
        ('x = """a\nb\n', f"1:7: x: {OPEN_TEXT}"),
        ('data_dir = "C:\\data"\n', f"1:15: data_dir: {NO_ESCAPE}"),
        ('x = "\\u12"\n', f"1:8: x: {NO_ESCAPE}"),
        (
            "x = C:\\data\n",
            (
                "1:5: x: is text without quotes; "
                "write it in single quotes, which keep \\ as it is: '...'"
            ),
        ),
        ('id: "x"\n', "1:3: id: a colon follows the key; write = in place of the colon"),
        ('data dir = "x"\n', "1:6: data: a key has no spaces; write data_dir"),
        ("id\n", f"1:3: id: no = follows the key; {EXAMPLE}"),
        ("Größe = 1\n", f'1:3: Gr: "ö" cannot stand in a key; {LETTERS}'),
        ("x =\n", f"1:4: x: has no value; {EXAMPLE}"),
        ("= 1\n", f"1:1: syntax: no key stands before the =; {EXAMPLE}"),
        (
            "id = “pi”\n",
            (
                "1:6: id: “ is a typographic quote, as word processors make them; "
                'write the straight quote "'
            ),
        ),
        ("aim = True\n", "1:7: aim: True is not a word of TOML; write true, in small letters"),
        ("aim = off\n", "1:7: aim: off is not a word of TOML; write false, in small letters"),
        ("aim = null\n", "1:7: aim: null is not a word of TOML; leave the key out"),
        ("; x\n", "1:1: syntax: a comment does not begin like this; begin it with #"),
        ("// x\n", "1:1: syntax: a comment does not begin like this; begin it with #"),
        ("d = 2,5\n", "1:6: d: 2,5 has a decimal comma; write a decimal point: 2.5"),
        ("b = 09600\n", '1:6: b: 09600 begins with a zero; write 9600, or "09600" if it is text'),
        (
            "url = 127.0.0.1:1883\n",
            '1:12: url: "127.0.0.1:1883" is not one value; if it is text, write "127.0.0.1:1883"',
        ),
        (
            'x = "a"b"\n',
            (
                '1:8: x: "b\\"" follows the end of the text; '
                'write one " at each end; inside it is written \\"'
            ),
        ),
        (
            "x = 'it's'\n",
            (
                '1:9: x: "s\'" follows the end of the text; '
                "a text with ' inside goes in double quotes"
            ),
        ),
        ('u = ["a" "b"]\n', f"1:10: u: {OPEN_LIST.format('')}"),
        ('u = ["a",\n"b"\nv = 1\n', f"3:1: u: {OPEN_LIST.format(' (it begins on line 1)')}"),
        ("u = [1,\n2\n", f"1:5: u: {OPEN_LIST.format('')}"),
        ("[agent\nx = 1\n", "1:7: agent: the header does not end; write [agent]"),
        ("[[device] # c\n", "1:9: device: the header does not end; write [[device]]"),
        (
            '[agent] id = "x"\n',
            "1:9: agent: something follows the header; write it on a line of its own",
        ),
        ("[]\n", f"1:2: syntax: a key should stand here; {LETTERS}"),
        (
            'x = "\x01"\n',
            "1:6: x: the invisible character U+0001 is not allowed here; write \\u0001",
        ),
        ("x = 0x1ffffffffffffffff\n", "1:1: x: has more than 64 bits; write a smaller number"),
        (f"x = {'9' * 5000}\n", f"1:5: x: is a number that is far too long; {EXAMPLE}"),
        (
            "x = " + "[" * 5000,
            (
                "1:68: syntax: keys and brackets are nested more than 64 deep; "
                "write it flatter; no key of this file is nested more than 3 deep"
            ),
        ),
        (
            'id = "a"\nx = 1\nid = "b"\n',
            "3:1: id: is said already, on line 1; keep one of the two and remove the other",
        ),
        (
            "[agent]\nx = 1\n[site]\n[agent]\n",
            "4:2: agent: this table is there already, on line 1; move its keys there",
        ),
        (
            "[device]\nx = 1\n[device]\n",
            (
                "3:2: device: this table is there already, on line 1; "
                "write [[device]] in double brackets for each of them"
            ),
        ),
    ],
)
def test_one_line_says_it(refused: Refused, text: str, said: str) -> None:
    assert refused(text) == [f"c.toml:{said}"]


def test_a_bad_escape_in_a_long_text_is_pointed_at(refused: Refused) -> None:
    assert refused('x = """a\nb\\qc\n"""\n') == [f"c.toml:2:2: syntax: {NO_ESCAPE}"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "[agent]\n# Straße\n".encode("latin-1"),
            "2:7: file: the byte 0xDF (ß in Latin-1) is not UTF-8 text; save the file as UTF-8",
        ),
        (
            "[agent]\n".encode("utf-16"),
            (
                "1:1: file: the file is UTF-16, as Windows PowerShell and some editors write it; "
                "save it as UTF-8"
            ),
        ),
    ],
)
def test_a_file_in_another_encoding(refused: Refused, content: bytes, said: str) -> None:
    assert refused(content) == [f"c.toml:{said}"]


def test_the_mark_that_notepad_writes_is_no_fault(loaded: Callable[..., object], good: str) -> None:
    assert loaded(b"\xef\xbb\xbf" + good.encode()) == loaded(good)


def test_windows_line_ends_move_nothing(refused: Refused) -> None:
    text = '[agent]\nid = "a"\n\n[broker]\nurl = ?\n'
    assert refused(text) == refused(text.replace("\n", "\r\n"))


def test_a_file_beyond_the_bound_is_refused(refused: Refused, folder: Path) -> None:
    assert refused("#" * (FILE_BYTES_MAX + 1)) == [
        (
            f'c.toml:1:1: file: "{folder}/c.toml" has more than 1048576 bytes, which no '
            "configuration has; write the path of a configuration"
        )
    ]
