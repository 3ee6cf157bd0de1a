"""Ids, the base and addresses: each way to write them wrong has its own words and its remedy."""

from collections.abc import Callable

import pytest

Refused = Callable[..., list[str]]

WITHOUT_LEVEL = 'has no level; write at least one, better four: "acme/plant1/assembly/line3"'


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "10.0.0.1:1883",
            ('"10.0.0.1:1883" does not say how to talk to it; write "mqtt://10.0.0.1:1883"'),
        ),
        ("", '"" does not say how to talk to it; write "mqtt://HOST:1883"'),
        ("tcp://h", '"tcp://" is not spoken here; write "mqtt://", or mqtts:// for TLS'),
        ("ssl://h", '"ssl://" is not spoken here; write "mqtts://", or mqtts:// for TLS'),
        ("mqtt://h:0", '"0" is not a port; write a number from 1 to 65535, mostly 1883'),
        ("mqtt://h:x", '"x" is not a port; write a number from 1 to 65535, mostly 1883'),
        ("mqtt://h:", '"" is not a port; write a number from 1 to 65535, mostly 1883'),
        (
            "mqtt://h/base",
            (
                '"mqtt://h/base" has more than a host and a port; '
                'write "mqtt://HOST:PORT", with [ ] around an IPv6 address and nothing behind'
            ),
        ),
        (
            "mqtt://fd00::1",
            (
                '"mqtt://fd00::1" has more than a host and a port; '
                'write "mqtt://HOST:PORT", with [ ] around an IPv6 address and nothing behind'
            ),
        ),
        ("mqtt://[fd00::x]", '"fd00::x" is not an IPv6 address; write one as in "[fd00::1]"'),
        ("mqtt://a b", '"a b" is not the name of a host; write its name or IP address'),
        ("mqtt://", '"" is not the name of a host; write its name or IP address'),
        (
            "mqtt://joe:hunter2@h:1",
            (
                "a user or a password has no place in the address; "
                'write "mqtt://h:1", username, password_file'
            ),
        ),
    ],
)
def test_an_address_that_is_none(refused: Refused, good: str, url: str, said: str) -> None:
    text = good.replace("mqtt://127.0.0.1:1883", url)
    assert refused(text) == [f"c.toml:6:1: broker.url: {said}"]


def test_an_address_in_a_list_is_pointed_at(refused: Refused, good: str) -> None:
    text = good.replace('"mqtt://127.0.0.1:1883"', '[\n  "mqtt://h",\n  "h",\n]')
    assert refused(text) == [
        'c.toml:8:3: broker.url: "h" does not say how to talk to it; write "mqtt://h"'
    ]


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("", [WITHOUT_LEVEL]),
        ("//", [WITHOUT_LEVEL]),
        ("/a/b", ['begins with a slash, which makes an empty level; write "a/b"']),
        ("a/b/", ['ends with a slash, which makes an empty level; write "a/b"']),
        ("a//b", ['two slashes with nothing between make an empty level; write "a/b"']),
        ("a/+/b", ['level "+": the wildcard + belongs to those who subscribe; write "a/b"']),
        ("a/#", ['level "#": the wildcard # belongs to those who subscribe; write "a"']),
        (
            "a/b.c",
            [
                (
                    'level "b.c": a dot is rewritten to a slash by some brokers and refused by '
                    'others; write "a/b-c"'
                )
            ],
        ),
        ("$SYS/a", ['level "$SYS": $ begins the topics of the broker itself; write "SYS/a"']),
        (
            "Werk Süd",
            [
                (
                    'level "Werk Süd": a space does not survive every broker and tool; '
                    'write "Werk-Sued"'
                ),
                (
                    'level "Werk Süd": "ü" is not among the letters a to z, digits, _ and -; '
                    'write "Werk-Sued"'
                ),
            ],
        ),
        (
            "a/agent",
            [
                (
                    '"agent" is reserved: it stands for something else in the topics; '
                    'write "a/agent-1"'
                )
            ],
        ),
        ("a/" + "b" * 199, ["has 201 characters; write at most 200"]),
    ],
)
def test_a_base_that_is_none(refused: Refused, good: str, base: str, said: list[str]) -> None:
    text = good.replace("acme/plant1/assembly/line3", base)
    assert refused(text) == [f"c.toml:9:1: site.base: {one}" for one in said]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is empty; write letters a to z, digits, _ and -"),
        (
            "pi.a2",
            (
                '"pi.a2": a dot is rewritten to a slash by some brokers and refused by others; '
                'write "pi-a2"'
            ),
        ),
        ("a/b", '"a/b": a slash begins another level; write "a-b"'),
        (
            "🤖",
            (
                '"🤖": "🤖" is not among the letters a to z, digits, _ and -; '
                "write letters a to z, digits, _, -"
            ),
        ),
        ("a" * 65, "has 65 characters; write at most 64"),
    ],
)
def test_an_id_that_is_none(refused: Refused, good: str, written: str, said: str) -> None:
    assert refused(good.replace('"pi-a2"', f'"{written}"')) == [f"c.toml:2:1: agent.id: {said}"]


@pytest.mark.parametrize("reserved", ["agent", "loop", "segment", "master"])
def test_reserved_words_are_no_stations(refused: Refused, good: str, reserved: str) -> None:
    assert refused(good.replace('"A2"', f'"{reserved}"')) == [
        (
            f'c.toml:12:1: station.id: "{reserved}" is reserved: it stands for something else in '
            f'the topics; write another name, such as "{reserved}-1"'
        ),
        (
            f'c.toml:17:1: device.station: "{reserved}" is reserved: it stands for something else '
            f'in the topics; write another name, such as "{reserved}-1"'
        ),
    ]


def test_two_stations_with_one_id(refused: Refused, good: str) -> None:
    assert refused(good + '[[station]]\nid = "A2"\n') == [
        (
            'c.toml:20:1: station.id: "A2" is the id of another station, at c.toml:12:1; '
            "write an id that no other station has"
        )
    ]
