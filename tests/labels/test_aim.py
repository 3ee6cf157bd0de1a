"""AIM identifiers are split off a read, and nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.labels.aim import SYMBOLOGIES, UNLISTED, Decode, is_one_of_a_kind, split, symbology


@pytest.mark.parametrize(
    ("read", "identifier", "text"),
    [
        (b"]d2010541234500001310ABC123", "]d2", b"010541234500001310ABC123"),
        (b"]C1\x1d00", "]C1", b"\x1d00"),
        (
            b"]Q1https://id.gs1.org/01/05412345000013",
            "]Q1",
            b"https://id.gs1.org/01/05412345000013",
        ),
        (b"]d1", "]d1", b""),
        (b"]A0Q12", "]A0", b"Q12"),
        (b"]LaX", "]La", b"X"),
        (b"]Y0K-1", "]Y0", b"K-1"),
        (b"]Y2abK-1", "]Y2ab", b"K-1"),
    ],
)
def test_an_identifier_is_split_off(read: bytes, identifier: str, text: bytes) -> None:
    assert split(read) == (identifier, text)


@pytest.mark.parametrize(
    "read",
    [
        b"",
        b"]",
        b"]d",
        b"K-0417",
        b"K]d2",
        b"]]d2",
        b"]b1K",  # no symbology has this letter
        b"]W0K",
        b"]d-K",
        b"]d\xff",
        b"]\x00\x00",
        b"]Y3ab",  # promises three and has two
        b"]YaK-1",
        b"]Y2a-K",
        b"[)>\x1e06",
    ],
)
def test_what_has_no_identifier_is_left_as_it_is(read: bytes) -> None:
    assert split(read) == (None, read)


@settings(deadline=None)
@given(st.binary(max_size=8).map(lambda rest: b"]" + rest) | st.binary(max_size=8))
def test_no_byte_is_lost_or_invented(read: bytes) -> None:
    identifier, text = split(read)
    assert (identifier or "").encode("ascii") + text == read


def test_every_identifier_of_the_table_is_one() -> None:
    for identifier in SYMBOLOGIES:
        assert split(identifier.encode() + b"x") == (identifier, b"x")


@pytest.mark.parametrize(
    ("identifier", "decode"),
    [
        ("]C1", Decode.GS1),
        ("]e0", Decode.GS1),
        ("]d2", Decode.GS1),
        ("]Q3", Decode.GS1),
        ("]J1", Decode.GS1),
        ("]E0", Decode.GTIN),
        ("]E4", Decode.GTIN),
        ("]A0", Decode.DI),
        ("]d1", Decode.INSPECT),
        ("]Q1", Decode.INSPECT),
        ("]C0", Decode.INSPECT),
        ("]L2", Decode.INSPECT),
    ],
)
def test_the_identifier_says_how_to_decode(identifier: str, decode: Decode) -> None:
    assert symbology(identifier).decode is decode


def test_what_is_not_in_the_table_is_looked_at() -> None:
    assert symbology("]X0") is UNLISTED
    assert UNLISTED.decode is Decode.INSPECT


GS = "\x1d"


@pytest.mark.parametrize(
    "read",
    [
        "K-0417",
        "Q12",  # without an identifier nothing says that it is a quantity
        "4006381333931",
        "]C0K-0417",
        "]d1K-0417",
        "]X0K-0417",
        "]A0K-0417",
        "]A0S4711",
        "]C100340123450000000018",
        f"]d20104150000021126172506302112345ABC{GS}10LOT42X",
        f"]d201041500000211261010{GS}2112345",
        f"]Q38004ABC{GS}10LOT",
        "]d28003004012345600015ABC",
        "https://id.gs1.org/01/09520123456788/21/12345",
        "https://id.gs1.org/00/006141411234567890",
        "]Q1https://plant.example/K-0417",
        f"[)>\x1e06{GS}P4711{GS}Q20{GS}1JUN449113031000007248\x1e\x04",
        f"]d1[)>\x1e06{GS}P4711{GS}S123\x1e\x04",
        f"[)>\x1e05{GS}0104150000021126{GS}21ABC\x1e\x04",
    ],
)
def test_what_names_one_thing_is_one_of_a_kind(read: str) -> None:
    assert is_one_of_a_kind(*split(read.encode()))


@pytest.mark.parametrize(
    "read",
    [
        "]E04006381333931",
        "]E490311017",
        f"]C1011231231231233310ABC123{GS}99TESTING",
        "]C10112312312312333",
        "]d20104150000021126172506301021ABC",  # a lot that begins with 21 is a lot
        "]d280030040123456000",
        "]e00124012345678905",
        "]C1",
        "]Q3garbage",
        "]A0P4711",
        "]A0Q20",
        "]A11T0815",
        "https://id.gs1.org/01/09520123456788/10/LOT",
        "]d1HTTPS://ID.GS1.ORG/01/09520123456788",
        f"[)>\x1e06{GS}P4711{GS}Q20{GS}1T0815{GS}S{GS}2S22\x1e\x04",
        f"[)>\x1e05{GS}0104150000021126{GS}10ABC\x1e\x04",
    ],
)
def test_what_names_a_sort_of_things_is_not(read: str) -> None:
    assert not is_one_of_a_kind(*split(read.encode()))


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from([*SYMBOLOGIES, None]))
def test_any_text_is_one_of_a_kind_or_not(text: bytes, identifier: str | None) -> None:
    assert is_one_of_a_kind(identifier, text) in {True, False}
