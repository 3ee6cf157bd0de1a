"""Six-bit identifiers: published tags, padding, PC words, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels.iso1736x import CHARACTERS, could_be_text, decode, encode
from edge_agent.labels.pc_word import ProtocolControl, split_pc

EXAMPLES = [
    (
        "cb54d5381083c1420138bc193d5c063d2c12141109387c142094f182",
        0x71A2,
        "25SUNABC0THANK0YOU0FOR0READING0THIS1",
    ),
    (
        "cb54d53b0d33cf2d77c71348e30cf1cb0c30c30c30c30c31",
        None,
        "25SUN043325711MH8031200000000001",
    ),
    (
        "cb54cf10324ec70c30c30c30494241c42c83cc43d33b1cb3d358",
        None,
        "25SODCIN10000000RTIA1B2C3DOSN12345",
    ),
    ("dc20420d5c72cf4d76c2", 0x29A9, "7BABCU1234560"),
    ("dc20d3455cf0d74cf8ce", 0x29A9, "7BCSQU3054383"),
    ("c4a301c70d36cb32920b1d31c2dc3482", 0x41A2, "1JLA104623JRB1410-04"),
]


@pytest.mark.parametrize(("uii", "pc", "text"), EXAMPLES)
def test_a_published_tag(uii: str, pc: int | None, text: str) -> None:
    raw = bytes.fromhex(uii)
    read = decode(raw, pc)
    assert (read.text, read.warnings, read.error) == (text, (), None)
    assert decode(uii, pc) == read
    assert could_be_text(raw)
    assert could_be_text(uii)
    written = encode(text, 0xA2 if pc is None else pc & 0xFF)
    assert written.uii == raw
    assert pc is None or written.pc == pc


def test_the_afi_says_what_the_tag_is_on() -> None:
    read = decode(bytes.fromhex("dc20420d5c72cf4d76c2"), 0x29A9)
    assert (read.afi, read.meaning) == (0xA9, "freight container (ISO 17363)")
    other = decode(bytes.fromhex("dc20420d5c72cf4d76c2"), 0x29B0)
    assert (other.text, other.meaning) == ("7BABCU1234560", None)
    assert other.warnings == ("AFI B0 is not one of ISO 17363 to 17367",)


def test_the_pc_word_says_how_long_it_is() -> None:
    raw = bytes.fromhex("dc20420d5c72cf4d76c2")
    assert decode(raw + b"\x12\x34", 0x29A9) == decode(raw, 0x29A9)
    assert decode(raw, 0x31A9).warnings == ("the PC word counts 12 bytes, 10 were read",)
    assert decode(raw, 0x01A9).error == "empty: there are no characters"
    assert decode(raw, 0x2800).warnings == (
        "the PC word has no toggle bit: it says that this is an EPC",
    )


@pytest.mark.parametrize(
    ("bits", "text", "warning"),
    [
        ("110001 001010 110000 100000 100000 10", "1J0", ""),
        ("110001 001010 110000 100001 100000 10", "1J0", ""),  # with an end of transmission
        ("110001 001010 110000 000000 000000 00", "1J0", "padded with zeros"),
        ("110001 001010 110000 110000 110000 11", "1J000", "the last 2 bits are no padding"),
        ("110001 001010 011110 100000 100000 10", "1J^", "in ISO 17364's table ^ for GS"),
    ],
)
def test_padding_is_taken_off(bits: str, text: str, warning: str) -> None:
    plain = bits.replace(" ", "")
    read = decode(int(plain, 2).to_bytes(-(-len(plain) // 8)))
    assert read.text == text
    assert [kept.startswith(warning) for kept in read.warnings] == [True] * bool(warning)


@pytest.mark.parametrize(
    "uii",
    [
        "",
        "00",
        "000000000000000000001234",
        "E28011606000020711223344",
        "E2801190A503006589A2C1B0",
        "FFFFFFFFFFFFFFFFFFFFFFFF",
        b"CARD-0001  ".hex(),
        b"Q12".hex(),
        b"MAT-4711-A".hex(),
        "c4a3",
        "0102030405060708090a0b0c",
    ],
)
def test_other_numbers_are_no_text(uii: str) -> None:
    assert not could_be_text(bytes.fromhex(uii))


@pytest.mark.parametrize(
    ("text", "can"),
    [("JUN1234567", True), ("25SUN1234567", True), ("QABCDEFGH", False), ("1234567ABC", False)],
)
def test_a_text_begins_with_a_data_identifier(text: str, can: bool) -> None:
    assert could_be_text(encode(text, 0xA2).uii) is can


@pytest.mark.parametrize(
    ("text", "afi", "error"),
    [
        ("", 0xA2, "is empty"),
        ("1Ja", 0xA2, "more than capitals"),
        ("1J0 ", 0xA2, "read as padding"),
        ("1J0!", 0xA2, "read as padding"),
        ("1J0@", 0xA2, "read as padding"),
        ("1J0", 256, "is not one byte"),
        ("1J" + "0" * 82, 0xA2, "takes 32 words"),
    ],
)
def test_what_cannot_be_written_is_said(text: str, afi: int, error: str) -> None:
    written = encode(text, afi)
    assert (written.uii, written.pc) == (b"", 0)
    assert error in (written.error or "")


@given(st.binary(max_size=80) | st.text(max_size=80), st.none() | st.integers())
def test_nothing_raises(uii: bytes | str, pc: int | None) -> None:
    read = decode(uii, pc)
    assert (read.error is None) == bool(read.text)
    assert could_be_text(uii) in (True, False)


@given(
    st.text(alphabet=sorted(CHARACTERS), min_size=1, max_size=82).filter(
        lambda text: text[-1] not in " !@"
    ),
    st.integers(0, 255),
)
def test_what_is_written_is_read(text: str, afi: int) -> None:
    written = encode(text, afi)
    assert written.error is None
    control = split_pc(written.pc)
    assert control == ProtocolControl(len(written.uii) // 2, False, False, True, afi)
    assert decode(written.uii, written.pc).text == text


@pytest.mark.parametrize(
    ("pc", "control"),
    [
        (0x3000, ProtocolControl(6, False, False, False, 0)),
        (0x71A2, ProtocolControl(14, False, False, True, 0xA2)),
        (0x3600, ProtocolControl(6, True, True, False, 0)),
        (0xFFFF, ProtocolControl(31, True, True, True, 0xFF)),
        (0x3008, ProtocolControl(6, False, False, False, 8)),
    ],
)
def test_a_pc_word_is_parted(pc: int, control: ProtocolControl) -> None:
    assert split_pc(pc) == control
