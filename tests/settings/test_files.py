"""Several files as one: what is joined, what is refused, and whose line is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.configuration import BadConfiguration, Configuration
from edge_agent.settings import load
from edge_agent.settings.reading import FILES_MAX, PROBLEMS_MAX

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

GUN_2 = """\
[[station]]
id = "A3"
[[device]]
name = "gun-2"
kind = "simulated-scanner"
station = "A3"
fifo = "gun"
"""


def test_lists_grow_and_tables_are_joined(loaded: Loaded, good: str, folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more/two.toml").write_text(GUN_2 + '[broker]\nca_file = "ca"\n')
    made = loaded('include = ["more/two.toml"]\n' + good.replace("mqtt://", "mqtts://"))
    assert [one.id for one in made.stations] == ["A2", "A3"]
    assert [one.keys.fifo for one in made.devices] == [folder / "gun", folder / "more/gun"]
    assert made.broker.ca_file == folder / "more/ca"
    assert made.folder == folder


def test_an_include_may_include(loaded: Loaded, good: str, folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/one.toml").write_text('include = ["two.toml"]\n[journal]\nquota_mb = 99\n')
    (folder / "a/two.toml").write_text(GUN_2)
    made = loaded('include = ["a/one.toml"]\n' + good)
    assert (len(made.stations), made.journal.quota_mb) == (2, 99)


def test_a_fault_is_told_with_the_file_that_has_it(
    refused: Refused, good: str, folder: Path
) -> None:
    (folder / "two.toml").write_text(GUN_2 + "x = 1\n" + GUN_2.replace("A3", "A4"))
    said = refused('include = ["two.toml"]\n' + good + "y = 1\n")
    assert [line.split(" ")[0] for line in said] == [
        "c.toml:20:1:",
        "two.toml:7:1:",
        "two.toml:8:1:",
        "two.toml:12:1:",
        "two.toml:15:1:",
    ]
    assert "has it already, at c.toml:19:1" in said[1]
    assert "is the name of another device, at two.toml:4:1" in said[3]


def test_what_a_joined_table_lacks_is_told_where_it_is_first_said(
    refused: Refused, good: str, folder: Path
) -> None:
    (folder / "two.toml").write_text("[agent]\n")
    assert refused('include = ["two.toml"]\n' + good.replace('data_dir = "data"', "")) == [
        'c.toml:2:2: agent.data_dir: is missing; write data_dir = "data"'
    ]


def test_a_value_is_said_once(refused: Refused, good: str, folder: Path) -> None:
    (folder / "two.toml").write_text('station = 1\n[broker]\nurl = ["mqtt://h"]\n[agent.id]\n')
    keep = "keep one of the two and remove the other"
    assert refused('include = ["two.toml"]\n' + good) == [
        f"two.toml:1:1: station: is said already, at c.toml:12:3; {keep}",
        f"two.toml:3:1: broker.url: is said already, at c.toml:7:1; {keep}",
        f"two.toml:4:8: agent.id: is said already, at c.toml:3:1; {keep}",
    ]


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ('"two.toml"', "1:1: include: must be a list of file names"),
        ("[5]", "1:12: include: must be a list of file names"),
        ('[""]', "1:12: include: must be a list of file names"),
        ('["a\\u0000"]', "1:12: include: must be a list of file names"),
    ],
)
def test_an_include_that_is_none(refused: Refused, good: str, include: str, said: str) -> None:
    assert refused(f"include = {include}\n" + good) == [f'c.toml:{said}; write ["loops.toml"]']


def test_all_includes_that_fail_are_named(refused: Refused, good: str, folder: Path) -> None:
    (folder / "loops.toml").write_text("[[loop]\n")
    (folder / "back.toml").write_text('\ninclude = [ "./c.toml" ]\n')
    os.mkfifo(folder / "pipe")
    names = '"lops.toml", "loops.toml", "back.toml", "back.toml", ".", "pipe"'
    assert refused(f"include = [{names}]\n" + good) == [
        f'c.toml:1:12: include: there is no file "{folder}/lops.toml"; did you mean "loops.toml"?',
        (
            'c.toml:1:52: include: "back.toml" is included already, at c.toml:1:39; '
            "remove one of the two"
        ),
        (
            f'c.toml:1:65: include: "{folder}" is not a file; '
            "write the path of a .toml file that is there"
        ),
        (
            f'c.toml:1:70: include: "{folder}/pipe" is not a file; '
            "write the path of a .toml file that is there"
        ),
        "loops.toml:1:7: loop: the header does not end; write [[loop]]",
        (
            "back.toml:2:13: include: goes in a circle: c.toml -> back.toml -> c.toml; "
            "remove one of these includes"
        ),
    ]


def test_a_file_that_may_not_be_read(refused: Refused, good: str, folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "two.toml").touch(0o000)
    assert refused('include = ["two.toml"]\n' + good) == [
        (
            f'c.toml:1:12: include: "{folder}/two.toml" may not be read by the user with uid '
            f"{os.geteuid()}; let that user read it (chmod, chgrp), or run as the user who may"
        )
    ]


def test_one_file_more_than_the_bound_is_refused(refused: Refused, good: str, folder: Path) -> None:
    names = [f"{number}.toml" for number in range(FILES_MAX)]
    for name in names:
        (folder / name).touch()
    said = refused(f"include = {names}\n" + good)
    assert [line.split(": ", 1)[1] for line in said] == [
        f"include: more than {FILES_MAX} files are included; join some of them"
    ]


@pytest.mark.parametrize("name", ["nothing.toml", ".", "no/folder.toml", "x" * 300])
def test_a_file_that_is_not_there(folder: Path, name: str) -> None:
    (folder / "other.toml").touch()
    with pytest.raises(BadConfiguration) as bad:
        load(Path(name), {})
    assert str(bad.value).startswith(f"{name}:1:1: file: ")


def test_the_name_that_was_meant_is_found(folder: Path) -> None:
    (folder / "station.toml").touch()
    with pytest.raises(BadConfiguration) as bad:
        load(Path("staton.toml"), {})
    assert str(bad.value) == (
        f'staton.toml:1:1: file: there is no file "{folder}/staton.toml"; '
        'did you mean "station.toml"?'
    )


def test_so_many_faults_are_told_and_the_rest_is_counted(refused: Refused, good: str) -> None:
    said = refused(good + "".join(f"x{number} = 1\n" for number in range(PROBLEMS_MAX + 7)))
    assert len(said) == PROBLEMS_MAX + 1
    assert said[-1] == (
        f"c.toml:{19 + PROBLEMS_MAX}:1: device.x{PROBLEMS_MAX}: "
        "7 more problems are not shown; put these right first"
    )
