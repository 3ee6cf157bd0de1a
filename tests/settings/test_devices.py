"""Devices: the keys of any driver are checked from its dataclass, at their own line and column."""

from collections.abc import Callable
from pathlib import Path

import pytest

import drivers
from edge_agent.configuration import Configuration, from_wire, to_wire
from edge_agent.settings.devices import model_of
from edge_agent.settings.words import listed
from tests.kit.odd_gun import OddGun, Sound

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

ODD = """
[[device]]
name = "odd"
kind = "odd-gun"
station = "A2"
port = "ports/odd"
count = 3
"""


@pytest.fixture(autouse=True)
def odd_gun(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in set(drivers.KINDS) - {"serial-scanner", "simulated-scanner"}:
        monkeypatch.delitem(drivers.KINDS, kind)  # type: ignore[misc]
    monkeypatch.setitem(drivers.KINDS, "odd-gun", ("tests.kit.odd_gun", "OddGun"))  # type: ignore[misc]
    model_of.cache_clear()


def test_keys_that_are_left_out_are_the_drivers_own(
    loaded: Loaded, good: str, folder: Path
) -> None:
    device = loaded(good + ODD).devices[1]
    assert (device.name, device.kind, device.station) == ("odd", "odd-gun", "A2")
    assert device.keys == OddGun.Keys(port=folder / "ports/odd", count=3)


def test_every_type_of_key_is_made_from_toml(loaded: Loaded, good: str, folder: Path) -> None:
    text = """\
log = "/var/log/odd"
ack = "\\u0006\\u00ff\\r"
words = ["a", "b"]
files = ["x", "/y"]
sound = "bell"
bits = 7
loud = true
volume = 1
"""
    keys = loaded(good + ODD + text).devices[1].keys
    assert keys == OddGun.Keys(
        port=folder / "ports/odd",
        count=3,
        log=Path("/var/log/odd"),
        ack=b"\x06\xff\r",
        words=("a", "b"),
        files=(folder / "x", Path("/y")),
        sound=Sound.BELL,
        bits=7,
        loud=True,
        volume=1.0,
    )


def test_every_type_of_key_survives_the_wire(loaded: Loaded, good: str) -> None:
    made = loaded(good + ODD + 'ack = "\\u00ff"\nfiles = ["x"]\nwords = ["a"]\nsound = "bell"\n')
    again = from_wire(to_wire(made))
    assert again == made
    assert isinstance(again.devices[1].keys.sound, Sound), "a driver may ask whether it is BELL"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bits = true", 'bits: "true" is not known here; write 7 or 8'),
        ("bits = 6", "bits: 6 is not known here; write 7 or 8"),
        ('sound = "horn"', 'sound: "horn" is not known here; write "beep" or "bell"'),
        (
            "loud = 1",
            ("loud: must be true or false, not the number 1; write true or false, without quotes"),
        ),
        ("volume = 2", "volume: 2 is out of range; write a number from 0 to 1 bel"),
        ('ack = "€"', 'ack: "€" is not one byte; write bytes from \\u0000 to \\u00FF'),
        ("ack = 6", 'ack: must be text, not the number 6; write it in quotes: "6"'),
        ('words = "a"', 'words: must be a list, not the text "a"; write [...]'),
        ("low = 10", "low: not below high; write less"),
        ("high = 100", "high: far too high; write less than 100"),
        ("cuont = 3", "cuont: is not a key of a odd-gun; did you mean count?"),
    ],
)
def test_a_key_that_is_wrong_is_pointed_at(
    refused: Refused, good: str, line: str, said: str
) -> None:
    assert refused(f"{good}{ODD}  {line}\n") == [f"c.toml:26:3: device.{said}"]


def test_an_element_of_a_list_is_pointed_at(refused: Refused, good: str) -> None:
    assert refused(good + ODD + 'words = [\n  "a",\n  5,\n]\n') == [
        'c.toml:28:3: device.words: must be text, not the number 5; write it in quotes: "5"'
    ]


def test_what_the_driver_says_is_said_all_at_once(refused: Refused, good: str) -> None:
    text = ODD.replace("count = 3", "count = 13").replace("ports", "~")
    said = refused(good + text + 'bits = 6\nlow = 200\nhigh = 150\nzzz = "x"\n')
    assert said == [
        'c.toml:24:1: device.port: "~/odd": ~ means nothing to a service; write the whole path',
        "c.toml:25:1: device.count: 13 is unlucky; write 12; or 14",
        "c.toml:26:1: device.bits: 6 is not known here; write 7 or 8",
        (
            "c.toml:29:1: device.zzz: is not a key of a odd-gun; its keys are name, kind, station, "
            "port, count, log, ack, words, files, sound, bits, loud, volume, low, high"
        ),
    ]
    said = refused(good + ODD + "low = 200\nhigh = 150\nbits = 6\n")
    assert said == [
        "c.toml:26:1: device.low: not below high; write less",
        "c.toml:27:1: device.high: far too high; write less than 100",
        "c.toml:28:1: device.bits: 6 is not known here; write 7 or 8",
    ]


def test_keys_that_are_missing_are_named_at_the_device(refused: Refused, good: str) -> None:
    text = "\n".join(ODD.splitlines()[:4])
    assert refused(f"{good}{text}\n") == [
        'c.toml:20:3: device.station: is missing; write station = "A2"',
        'c.toml:20:3: device.port: is missing; write port = "/dev/odd"',
        "c.toml:20:3: device.count: is missing; write count = NUMBER",
    ]


def test_the_driver_is_heard_even_when_a_key_is_missing(refused: Refused, good: str) -> None:
    text = good.replace("simulated-scanner", "serial-scanner").replace('fifo = "gun"', "baud = 0")
    assert refused(text) == [
        'c.toml:14:3: device.port: is missing; write port = "PATH"',
        "c.toml:18:1: device.baud: 0 is no speed; write 9600 or what the manual says",
    ]


def test_what_stands_in_for_a_missing_key_is_not_spoken_of(refused: Refused, good: str) -> None:
    assert refused(good + ODD.replace('port = "ports/odd"', "")) == [
        'c.toml:20:3: device.port: is missing; write port = "/dev/odd"'
    ]


def test_what_the_driver_refuses_as_a_whole_is_said_of_the_device(
    refused: Refused, good: str
) -> None:
    assert refused(good + ODD.replace("3", "99")) == [
        "c.toml:20:3: device: all of it is odd; write something else"
    ]


def kinds(*, quoted: bool) -> str:
    return listed(f'"{kind}"' if quoted else kind for kind in drivers.kinds())


@pytest.mark.parametrize(
    ("line", "said", "quoted"),
    [
        ("", 'is missing; write kind = "..." with {}', False),
        ("kind = 5", "must be text, not 5; write {}", True),
        (
            'kind = "od-gun"',
            (
                '"od-gun" is not known to this version of edge-agent (0.1.0); '
                'did you mean "odd-gun"? The kinds are {}'
            ),
            True,
        ),
        (
            'kind = "zzz"',
            '"zzz" is not known to this version of edge-agent (0.1.0); write {}',
            True,
        ),
    ],
)
def test_a_kind_that_is_none(
    refused: Refused, good: str, line: str, said: str, *, quoted: bool
) -> None:
    place = "22:1" if line else "20:3"
    assert refused(good + ODD.replace('kind = "odd-gun"', line)) == [
        f"c.toml:{place}: device.kind: {said.format(kinds(quoted=quoted))}"
    ]


def test_a_driver_that_cannot_be_imported(
    refused: Refused, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(drivers.KINDS, "odd-gun", ("no_such_package.gun", "Gun"))  # type: ignore[misc]
    assert refused(good + ODD) == [
        (
            "c.toml:22:1: device.kind: its driver cannot be imported (No module named "
            "'no_such_package'); install no_such_package beside edge-agent"
        )
    ]


def test_a_device_at_a_station_of_somebody_else(refused: Refused, good: str) -> None:
    text = good + ODD.replace('"A2"', '"a2"') + ODD.replace('"odd"', '"b"').replace('"A2"', '"X"')
    said = refused(text.replace("ports/odd", "ports/2", 1))
    assert said == [
        'c.toml:23:1: device.station: "a2" is not a station of this agent; did you mean "A2"?',
        (
            'c.toml:30:1: device.station: "X" is not a station of this agent; '
            'write "A2", or add a [[station]]'
        ),
    ]


def test_two_devices_with_one_name(refused: Refused, good: str) -> None:
    assert refused(good + ODD.replace('"odd"', '"gun-1"')) == [
        (
            'c.toml:21:1: device.name: "gun-1" is the name of another device, at c.toml:15:1; '
            "write a name that no other device of this agent has"
        )
    ]


def test_two_devices_on_one_file(refused: Refused, good: str, folder: Path) -> None:
    (folder / "ports").mkdir()
    (folder / "ports/odd").symlink_to(folder / "gun")
    assert refused(good + ODD + 'log = "./gun"\n') == [
        (
            'c.toml:24:1: device.port: the fifo of device "gun-1" has it already, at c.toml:18:1 '
            f'(both are "{folder}/gun"); '
            "write one that no other device has, or remove one of the two devices"
        ),
        (
            'c.toml:26:1: device.log: the fifo of device "gun-1" has it already, at c.toml:18:1; '
            "write one that no other device has, or remove one of the two devices"
        ),
    ]


def test_a_file_is_compared_even_when_the_device_has_another_fault(
    refused: Refused, good: str
) -> None:
    said = refused(good + ODD.replace("ports/odd", "gun") + "bits = 6\n")
    assert [line.split(":")[1] for line in said] == ["24", "26"]
