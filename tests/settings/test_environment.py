"""The environment overrides the files, and its faults are told by the variable's name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.configuration import Address, Configuration
from edge_agent.settings import load

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]


def test_a_variable_wins_over_the_file(loaded: Loaded, good: str, folder: Path) -> None:
    made = loaded(
        good,
        EDGE_AGENT__AGENT__ID="17",
        EDGE_AGENT__AGENT__DATA_DIR="elsewhere",
        EDGE_AGENT__BROKER__URL="mqtt://h",
        EDGE_AGENT__BROKER__KEEPALIVE_S="30",
        EDGE_AGENT__BROKER__BACKOFF_MAX_S=" 7.5 # seconds",
        EDGE_AGENT__SITE__BASE='"a/b"',
        EDGE_AGENT__JOURNAL__QUOTA_MB="0x40",
        OTHER="x",
    )
    assert made.agent.id == "17"
    assert made.agent.data_dir == folder / "elsewhere"
    assert made.broker.addresses == (Address("h", 1883, tls=False),)
    assert (made.broker.keepalive_s, made.broker.backoff_max_s) == (30, 7.5)
    assert made.site.base == "a/b"
    assert made.journal.quota_mb == 64


def test_a_list_is_written_as_in_the_file(loaded: Loaded, good: str) -> None:
    made = loaded(good, EDGE_AGENT__BROKER__URL='["mqtt://a", "mqtts://b"]')
    assert [one.host for one in made.broker.addresses] == ["a", "b"]


def test_a_variable_makes_what_the_files_leave_out(loaded: Loaded, good: str) -> None:
    text = good.replace('[site]\nbase = "acme/plant1/assembly/line3"\n', "")
    assert loaded(text, EDGE_AGENT__SITE__BASE="a").site.base == "a"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "EDGE_AGENT__BROKER__KEEPALIVE_S",
            "0",
            ("broker.keepalive_s: 0 is out of range; write a number from 1 to 3600 seconds"),
        ),
        (
            "EDGE_AGENT__BROKER__KEEPALIVE_S",
            "x = 1\n[y]",
            (
                "broker.keepalive_s: must be a whole "
                'number, not the text "x = 1\\n[y]"; write a number from 1 to 3600 seconds'
            ),
        ),
        (
            "EDGE_AGENT__BROKER__URL",
            '["mqtt://h", "h"]',
            ('broker.url: "h" does not say how to talk to it; write "mqtt://h"'),
        ),
        (
            "EDGE_AGENT__BROKER__PASSWORD",
            "hunter2",
            (
                "broker.password: a secret has no place in a "
                'configuration, which is copied, mailed and kept; write password_file = "FILE" in '
                "[broker], and the secret into that file (mode 0600)"
            ),
        ),
        (
            "EDGE_AGENT__AGENT__ID",
            "\udcff",
            (
                'agent.id: "\\uDCFF": "\\uDCFF" is not among the '
                "letters a to z, digits, _ and -; write letters a to z, digits, _, -"
            ),
        ),
        ("EDGE_AGENT__SITE__BASIS", "x", "site.basis: is not a key of [site]; did you mean base?"),
        (
            "EDGE_AGENT__BROKR__URL",
            "x",
            (
                "brokr: is not a table that the environment overrides "
                "(agent, broker, site or journal); did you mean EDGE_AGENT__BROKER__URL?"
            ),
        ),
        (
            "EDGE_AGENT__STATION__ID",
            "x",
            (
                "station: is not a table that the environment overrides "
                "(agent, broker, site or journal); "
                "write it like EDGE_AGENT__BROKER__ID, or unset it"
            ),
        ),
        (
            "EDGE_AGENT__",
            "x",
            (
                "variable: is not a table that the environment overrides (agent, "
                "broker, site or journal); write it like EDGE_AGENT__BROKER__KEY, or unset it"
            ),
        ),
        (
            "EDGE_AGENT_BROKER_URL",
            "x",
            (
                "broker.url: is not read from a variable of this name; "
                "write EDGE_AGENT__BROKER__URL, with two underscores"
            ),
        ),
    ],
)
def test_a_variable_that_is_wrong(
    refused: Refused, good: str, variable: str, value: str, said: str
) -> None:
    assert refused(good, **{variable: value}) == [f"{variable}: {said}"]


def test_a_variable_that_is_wrong_is_told_by_its_name_alone(refused: Refused, good: str) -> None:
    text = good.replace('"mqtt://127.0.0.1:1883"', '["mqtt://a", "mqtt://b"]')
    assert refused(text, EDGE_AGENT__BROKER__URL='["mqtt://a", "b"]') == [
        'EDGE_AGENT__BROKER__URL: broker.url: "b" does not say how to talk to it; write "mqtt://b"'
    ]


def test_variables_come_after_files(refused: Refused, good: str) -> None:
    said = refused(good + "x = 1\n", EDGE_AGENT__AGENT__ID="", EDGE_AGENT__SITE__BASE="")
    assert [line.split(": ")[0] for line in said] == [
        "c.toml:19:1",
        "EDGE_AGENT__AGENT__ID",
        "EDGE_AGENT__SITE__BASE",
    ]


def test_a_value_nested_without_end_is_text(loaded: Loaded, good: str) -> None:
    with pytest.raises(Exception, match="does not say how"):
        loaded(good, EDGE_AGENT__BROKER__URL="[" * 100_000)


TLS = '[broker]\nurl = "mqtts://h"\nusername = "joe"\n'


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name in ("mqtt-password", "mqtt-ca", "mqtt-cert", "mqtt-key", "other"):
        (folder / name).touch()
    return folder


def test_credentials_stand_in_for_files(loaded: Loaded, good: str, credentials: Path) -> None:
    text = good.replace('mqtt://127.0.0.1:1883"', 'mqtts://h"\nusername = "joe"')
    broker = loaded(text, CREDENTIALS_DIRECTORY=str(credentials)).broker
    assert broker.password_file == credentials / "mqtt-password"
    assert broker.ca_file == credentials / "mqtt-ca"
    assert broker.cert_file == credentials / "mqtt-cert"
    assert broker.key_file == credentials / "mqtt-key"


def test_a_file_that_is_named_wins_over_a_credential(
    loaded: Loaded, good: str, credentials: Path, folder: Path
) -> None:
    text = good.replace(
        'mqtt://127.0.0.1:1883"', 'mqtts://h"\nusername = "joe"\nca_file = "ca"\ncert_file = "me"'
    )
    broker = loaded(text, CREDENTIALS_DIRECTORY=str(credentials)).broker
    assert (broker.ca_file, broker.cert_file) == (folder / "ca", folder / "me")
    assert broker.key_file == credentials / "mqtt-key"


def test_without_tls_only_the_password_is_taken(
    loaded: Loaded, good: str, credentials: Path
) -> None:
    text = good.replace(':1883"', ':1883"\nusername = "joe"')
    broker = loaded(text, CREDENTIALS_DIRECTORY=str(credentials)).broker
    assert broker.password_file == credentials / "mqtt-password"
    assert (broker.ca_file, broker.cert_file, broker.key_file) == (None, None, None)


def test_a_credential_without_its_other_half(
    refused: Refused, good: str, credentials: Path
) -> None:
    (credentials / "mqtt-key").unlink()
    text = good.replace("mqtt://", "mqtts://")
    assert refused(text, CREDENTIALS_DIRECTORY=str(credentials)) == [
        (
            "c.toml:5:2: broker.key_file: is missing though there is the credential mqtt-cert; "
            'write key_file = "..."'
        ),
        (
            "c.toml:5:2: broker.username: is missing though there is the credential mqtt-password; "
            'write username = "..."'
        ),
    ]


def test_no_folder_of_credentials_is_no_fault(loaded: Loaded, good: str, folder: Path) -> None:
    made = loaded(good, CREDENTIALS_DIRECTORY=str(folder / "none"))
    assert made == load(folder / "c.toml", {"CREDENTIALS_DIRECTORY": ""})
