"""The tables of every agent: what is taken, what is refused, and in which words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.configuration import Address, Broker, Configuration, Journal, Site, Station

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]


def test_a_small_file_is_enough(loaded: Loaded, good: str, folder: Path) -> None:
    made = loaded(good)
    assert made.agent.id == "pi-a2"
    assert made.agent.data_dir == folder / "data"
    assert made.broker == Broker((Address("127.0.0.1", 1883, tls=False),))
    assert made.site == Site("acme/plant1/assembly/line3")
    assert made.stations == (Station("A2"),)
    assert made.journal == Journal()
    assert made.folder == folder
    assert [device.name for device in made.devices] == ["gun-1"]


def test_an_empty_file_is_told_what_it_needs(refused: Refused) -> None:
    assert refused("") == [
        'c.toml:1:1: agent: is missing; write [agent], below it id = "pi-a2" and data_dir = "data"',
        'c.toml:1:1: broker: is missing; write [broker], below it url = "mqtt://127.0.0.1:1883"',
        'c.toml:1:1: site: is missing; write [site], below it base = "acme/plant1/assembly/line3"',
        'c.toml:1:1: station: is missing; write [[station]], below it id = "A2"',
    ]


def test_everything_that_can_be_said(loaded: Loaded, good: str, folder: Path) -> None:
    text = good.replace(
        'url = "mqtt://127.0.0.1:1883"',
        """\
url = ["mqtts://a.example", "MQTT://[fd00::1]:1884/", "mqtts://10.0.0.1:9999"]
username = "pi a2"
password_file = "secret/mqtt"
ca_file = "/etc/ca.pem"
cert_file = "../cert.pem"
key_file = "key.pem"
backoff_min_s = 1
backoff_max_s = 1.0
connect_timeout_s = 2.5
connack_timeout_s = 3
puback_timeout_s = 4
keepalive_s = 30
inflight_max = 5
[journal]
quota_mb = 16
reserve_mb = 2
replay_days = 0.5
replay_mb = 0""",
    )
    made = loaded(text)
    assert made.broker == Broker(
        addresses=(
            Address("a.example", 8883, tls=True),
            Address("fd00::1", 1884, tls=False),
            Address("10.0.0.1", 9999, tls=True),
        ),
        username="pi a2",
        password_file=folder / "secret/mqtt",
        ca_file=Path("/etc/ca.pem"),
        cert_file=folder / "../cert.pem",
        key_file=folder / "key.pem",
        backoff_min_s=1,
        backoff_max_s=1,
        connect_timeout_s=2.5,
        connack_timeout_s=3,
        puback_timeout_s=4,
        keepalive_s=30,
        inflight_max=5,
    )
    assert made.journal == Journal(16, 2, 0.5, 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keepalive_s = 0", "0 is out of range; write a number from 1 to 3600 seconds"),
        (
            "keepalive_s = 2.5",
            ("must be a whole number, not the number 2.5; write a number from 1 to 3600 seconds"),
        ),
        (
            'keepalive_s = "15"',
            ('must be a whole number, not the text "15"; write it without quotes: 15'),
        ),
        (
            "keepalive_s = true",
            ("must be a whole number, not true; write a number from 1 to 3600 seconds"),
        ),
        ("backoff_max_s = nan", "nan is out of range; write a number from 0.01 to 600 seconds"),
        (
            "backoff_max_s = [1]",
            ("must be a number, not a list; write a number from 0.01 to 600 seconds"),
        ),
        ("inflight_max = 0", "0 is out of range; write a number from 1 to 100 events"),
        ("inflight_max = 1000", "1000 is out of range; write a number from 1 to 100 events"),
        ("username = 5", 'must be text, not the number 5; write it in quotes: "5"'),
        ('username = ""', '"" is empty or has an invisible character; write a name'),
        (
            "ca_file = 2026-12-24",
            ('must be text, not the date or time 2026-12-24; write it in quotes: "2026-12-24"'),
        ),
        ('ca_file = ""', "is empty; write the path of a file, or leave the key out"),
        ('ca_file = "~/ca"', '"~/ca": ~ means nothing to a service; write the whole path'),
        (
            'ca_file = "a\\u0000"',
            ('"a\\u0000" holds an invisible character; write a path without it'),
        ),
    ],
)
def test_a_value_that_is_none(refused: Refused, good: str, line: str, said: str) -> None:
    text = good.replace("mqtt://127", "mqtts://127").replace("\n[site]", f"{line}\n[site]")
    assert refused(text) == [f"c.toml:7:1: broker.{line.partition(' ')[0]}: {said}"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "backoff_min_s = 10",
            (
                "backoff_min_s: the first wait of 10 seconds is longer than the "
                "longest of 5 (the default); write backoff_min_s at most as large as backoff_max_s"
            ),
        ),
        (
            "backoff_max_s = 0.1",
            (
                "backoff_max_s: the first wait of 0.2 seconds (the default) is "
                "longer than the longest of 0.1; "
                "write backoff_min_s at most as large as backoff_max_s"
            ),
        ),
        (
            'cert_file = "c"',
            ('key_file: is missing though there is cert_file; write key_file = "..."'),
        ),
        (
            'key_file = "c"',
            ('cert_file: is missing though there is key_file; write cert_file = "..."'),
        ),
        (
            'password_file = "p"',
            ('username: is missing though there is password_file; write username = "..."'),
        ),
    ],
)
def test_keys_that_contradict_each_other(refused: Refused, good: str, line: str, said: str) -> None:
    text = good.replace("mqtt://127", "mqtts://127").replace("\n[site]", f"{line}\n[site]")
    assert refused(text) == [f"c.toml:7:1: broker.{said}"]


def test_certificates_without_tls(refused: Refused, good: str) -> None:
    assert refused(good.replace("\n[site]", 'ca_file = "ca"\n[site]')) == [
        (
            "c.toml:7:1: broker.ca_file: is only used with TLS, "
            "and no address begins with mqtts://; "
            'write url = "mqtts://HOST:8883", or remove it'
        )
    ]


def test_a_large_bound_is_written_as_people_write_it(refused: Refused, good: str) -> None:
    assert refused(f"{good}[journal]\nquota_mb = 2\n") == [
        (
            "c.toml:20:1: journal.quota_mb: 2 is out of range; "
            "write a number from 4 to 1048576 megabytes"
        )
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "quota_mb = 8",
            (
                "20:1: journal.quota_mb: the reserve of 8 megabytes (the default) is not "
                "smaller than the quota of 8"
            ),
        ),
        (
            "reserve_mb = 256",
            (
                "20:1: journal.reserve_mb: the reserve of 256 megabytes is not "
                "smaller than the quota of 256 (the default)"
            ),
        ),
        (
            "quota_mb = 9\nreserve_mb = 10",
            (
                "21:1: journal.reserve_mb: the reserve of 10 megabytes "
                "is not smaller than the quota of 9"
            ),
        ),
    ],
)
def test_a_reserve_that_leaves_nothing(refused: Refused, good: str, lines: str, said: str) -> None:
    quota = said.split("quota of ")[1].split(" ", maxsplit=1)[0]
    assert refused(f"{good}[journal]\n{lines}\n") == [
        f"c.toml:{said}; write reserve_mb below {quota}, or a larger quota_mb"
    ]


@pytest.mark.parametrize(
    "text",
    [
        '[broker]\npassword = "hunter2"\n',
        '[broker]\nmqtt_password = "hunter2"\n',
        '[agent]\nsecret = "hunter2"\n',
        'api_token = "hunter2"\n',
        '[broker]\nurl = "mqtt://joe:hunter2@broker"\n',
    ],
)
def test_a_secret_is_refused_and_not_repeated(refused: Refused, text: str) -> None:
    said = "\n".join(refused(text))
    assert "hunter2" not in said
    assert "has no place" in said
    assert "password_file" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[brokr]\n", "brokr: is not known; did you mean [broker]?"),
        ("[stations]\n", "stations: is not known; did you mean [[station]]?"),
        ("[[devices]]\n", "devices: is not known; did you mean [[device]]?"),
        (
            "[mqtt]\n",
            (
                "mqtt: is not known; the tables are agent, broker, site, journal, station, device, "
                "calendar, segment, andon, person, reason, look or layout"
            ),
        ),
        ("[agent.broker]\n", "agent.broker: is not a key of [agent]; its keys are id, data_dir"),
        (
            "[[agent]]\n",
            ("agent: is a list of tables, not one table; write [agent] in single brackets, once"),
        ),
        (
            "[station]\n",
            (
                "station: is one table, not a list; write [[station]] in double brackets "
                "for each of them"
            ),
        ),
        (
            'station = ["A2"]\n',
            ("station: is no table; write [[station]] in double brackets for each of them"),
        ),
        ("base = 1\n", "base: stands in no table; write it below [site]"),
        ("includes = 1\n", "includes: is not known; did you mean include?"),
    ],
)
def test_a_table_that_is_not_known(refused: Refused, text: str, said: str) -> None:
    found = [line for line in refused(text) if " is missing; write " not in line]
    assert [line.split(": ", 1)[1] for line in found] == [said]


@pytest.mark.parametrize(
    ("after", "line", "said"),
    [
        ("id", "datadir = 1", "agent.datadir: is not a key of [agent]; did you mean data_dir?"),
        (
            "url",
            "Keepalive = 1",
            ("broker.Keepalive: is not a key of [broker]; did you mean keepalive_s?"),
        ),
        ("url", "user = 1", "broker.user: is not a key of [broker]; did you mean username?"),
        (
            "url",
            "quota_mb = 1",
            ("broker.quota_mb: is not a key of [broker]; it belongs below [journal]"),
        ),
        (
            "base",
            "zzz = 1",
            "site.zzz: is not a key of [site]; its keys are base, time_zone, calendar",
        ),
    ],
)
def test_a_key_that_is_not_known(
    refused: Refused, good: str, after: str, line: str, said: str
) -> None:
    lines = good.splitlines()
    at = next(number for number, one in enumerate(lines) if one.startswith(f"{after} ="))
    lines.insert(at + 1, line)
    assert refused("\n".join(lines)) == [f"c.toml:{at + 2}:1: {said}"]


def test_what_a_later_version_knows_is_said_so(refused: Refused, good: str) -> None:
    text = good + '[[station]]\nid = "A3"\npass_unknown = true\n'
    later = "is not known to this version of edge-agent (0.1.0); "
    later += "remove it, or install the version that has it"
    assert refused(f'{text}[[loop]]\nid = "L"\n') == [
        f"c.toml:21:1: station.pass_unknown: {later}",
        f"c.toml:22:3: loop: {later}",
    ]


def test_two_stations_with_one_id(refused: Refused, good: str) -> None:
    assert refused(f'{good}[[station]]\nid = "A2"\n') == [
        (
            'c.toml:20:1: station.id: "A2" is the id of another station, at c.toml:12:1; '
            "write an id that no other station has"
        )
    ]
