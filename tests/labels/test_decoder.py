"""Every kind of label and tag through the one door: what it is, and what it is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decoding import answers, described, plain
from edge_agent.labels.decoder import TEXT_MAX, Decoder
from edge_agent.labels.layout import Field, Layout, Mark

GS, RS, EOT = "\x1d", "\x1e", "\x04"
DECODER = Decoder()
GTIN = {"01": "12312312312333"}
GOOD = {"P": "ABC", "Q": "5"}


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        (
            f"]C1011231231231233310ABC123{GS}99TESTING",
            "gs1",
            GTIN | {"10": "ABC123", "99": "TESTING"},
        ),
        ("]e0012401234567890599COMPOSITE", "gs1", {"01": "24012345678905", "99": "COMPOSITE"}),
        (f"]C190MPT000341{GS}10R20060043", "gs1", {"90": "MPT000341", "10": "R20060043"}),
        ("]E04006381333931", "gs1", {"01": "04006381333931"}),
        ("]E496385074", "gs1", {"01": "00000096385074"}),
        ("]E3400638133393112345", "gs1", {"01": "04006381333931"}),
        ("]E3400638133393112", "gs1", {"01": "04006381333931"}),
        (f"]E04006381333931|]e010A{GS}21B", "gs1", {"01": "04006381333931", "10": "A", "21": "B"}),
        ("]I124012345678905", "gs1", {"01": "24012345678905"}),
        ("]I124012345678906", "plain", {}),
        ("]Q1https://id.gs1.org/01/09520123456788", "digital-link", {"01": "09520123456788"}),
        ("http://a/01/09520123456788", "digital-link", {"01": "09520123456788"}),
        ("]d1HTTPS://EXAMPLE.COM/ORDERS/1", "plain", {}),
        (f"]d1[)>{RS}06{GS}PABC{GS}Q5{RS}{EOT}", "iso15434", GOOD),
        (f"[)>{RS}06{GS}PABC{GS}Q5{RS}{EOT}\r\n", "iso15434", GOOD),
        ("]A0P8613013591", "di", {"P": "8613013591"}),
        ("]A0Q12", "di", {"Q": "12"}),
        ("]C0Q12", "plain", {}),
        ("Q12", "plain", {}),
        (f"PABC{GS}Q5", "di", GOOD),
        (f"0112312312312333{GS}10A", "gs1", GTIN | {"10": "A"}),
        ("0112312312312333", "gs1", GTIN),
        ("0112312312312334", "plain", {}),
        (f"{GS}0112312312312333", "gs1", GTIN),
        (f"]d2{GS}0112312312312333", "gs1", GTIN),
        ("(01)12312312312333(10)AB", "gs1", GTIN | {"10": "AB"}),
        ("(hello)", "plain", {}),
        ("]Q2\\000026[)>" + f"{RS}06{GS}PA\\\\B{RS}{EOT}", "iso15434", {"P": "A\\B"}),
        ("K-0417", "plain", {}),
        ("]", "plain", {}),
        ("", "plain", {}),
    ],
)
def test_a_text_is_what_it_shows(text: str, kind: str, fields: dict[str, str]) -> None:
    found = DECODER.text(text)
    assert (found.format, found.fields, found.error) == (kind, fields, None)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("]C10112312312312333" + "10AB]99C", "']'"),
        ("]C10112312312312333" + "10AB|99C", "'|'"),
        ("]C10112312312312333" + "10AB^99C", "'^'"),
        ("]C10112312312312333" + "10AB<GS>99C", "'<GS>'"),
        ("]C10112312312312333" + "10AB{GS}99C", "'{GS}'"),
        ("]C10112312312312333" + "10AB\\x1d99C", "'\\\\x1d'"),
        ("]C10112312312312333" + "10AB␝99C", "'␝'"),
        ("^0112312312312333" + "10AB^99C", "'^'"),
        ("<FNC1>0112312312312333" + "10AB<FNC1>99C", "'<FNC1>'"),
    ],
)
def test_a_mangled_separator_is_put_back_and_said(text: str, taken: str) -> None:
    found = DECODER.text(text)
    assert found.fields == GTIN | {"10": "AB", "99": "C"}
    assert found.warnings[0].startswith(f"recovered: {taken} read as")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("^42352", "gs1", "(423) '52' is not 3 to 15 digits"),
        ("(8112)00123456", "gs1", "(8112) 00123456 is no offer"),
        ("]C1", "gs1", "nothing behind the symbology identifier"),
        ("]C10112312312312334", "gs1", "the check digit of 12312312312334 should be 3"),
        (f"]d210A{GS}{GS}21B", "gs1", "two separators in a row"),
        ("]E04006381333932", "gs1", "the check digit"),
        ("]E0ABC", "gs1", "is not 8, 12, 13 or 14 digits"),
        ("https://a/stem/00/006141411234567890/", "digital-link", "end with a slash"),
        ("[)>", "iso15434", "no format of two digits"),
        ("A" * (TEXT_MAX + 1), "plain", "no symbol holds more than"),
    ],
)
def test_what_claims_to_be_something_and_is_not_is_an_error(
    text: str, kind: str, words: str
) -> None:
    found = DECODER.text(text)
    assert found.format == kind
    assert words in (found.error or "")
    assert found.fields == {}


def test_an_identifier_may_be_given_apart() -> None:
    assert DECODER.text("0112312312312333", "]C1").symbology == "]C1"
    assert DECODER.text("]A0P1", "]C0").format == "plain", "what stands in front is data then"


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [("K:", "card"), ("C:", "container"), ("E:", "badge"), ("R:", "reason"), ("X:", "command")],
)
def test_a_plants_own_text_is_known_by_how_it_begins(prefix: str, kind: str) -> None:
    assert DECODER.text(f"{prefix}0417").ids == {kind: f"{prefix}0417"}


def test_a_plant_says_which_of_its_linear_codes_are_data_identifiers() -> None:
    assert Decoder(di_symbols=frozenset({"]C0"})).text("]C0Q12").fields == {"Q": "12"}


# -- layouts ---------------------------------------------------------------------------------------

CARD = Layout("card", (Mark(0, "K-"),), (Field("card", 0, 6), Field("bin", 6, 4, type="digits")))
SKID = Layout("skid", (), (Field("dock", 10, 2), Field("skid", 40, 4)), 44, 44, "]C0")
PLANT = Decoder((CARD, SKID))


def test_a_layout_reads_columns_and_never_trims_the_text() -> None:
    found = PLANT.text("K-0417  12tail")
    assert (found.format, found.fields) == ("layout:card", {"card": "K-0417", "bin": "12"})
    skid = "02TMI02806V82023080205  IDVV01      LB05001B"
    assert PLANT.text("]C0" + skid).fields == {"dock": "V8", "skid": "001B"}
    assert PLANT.text(skid).format == "plain", "it comes in its symbol"
    assert PLANT.text("]C0" + skid + " ").format == "plain", "and is no longer than that"


@pytest.mark.parametrize(
    ("text", "words"),
    [("K-0417", "has 6 characters, and card needs 10"), ("K-0417 1x2", "which is not digits")],
)
def test_a_label_that_has_the_mark_and_not_the_rest_is_an_error(text: str, words: str) -> None:
    found = PLANT.text(text)
    assert words in (found.error or "")
    assert found.fields == {}


# -- tags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "pc", "kind", "some"),
    [
        ("3074257BF7194E4000001A85", None, "epc", ("uri", "urn:epc:id:sgtin:0614141.812345.6789")),
        ("3074257BF7194E4000001A85", "3000", "epc", ("gtin", "80614141123458")),
        (
            "F73795211411234538566CB0AFC4",
            None,
            "epc",
            ("digital_link", "https://id.gs1.org/01/79521141123453/21/32a%2Fb"),
        ),
        ("dc20420d5c72cf4d76c2", "29a9", "iso1736x", ("text", "7BABCU1234560")),
        (
            "cb54d5381083c1420138bc193d5c063d2c12141109387c142094f182",
            None,
            "iso1736x",
            ("text", "25SUNABC0THANK0YOU0FOR0READING0THIS1"),
        ),
        ("E2801170000002105A3D1234", None, "plain", ("epc", "E2801170000002105A3D1234")),
    ],
)
def test_a_tag_is_what_its_header_or_its_pc_word_says(
    words: str, pc: str | None, kind: str, some: tuple[str, str]
) -> None:
    found = DECODER.tag(words, pc)
    assert (found.format, found.error) == (kind, None)
    assert some in found.ids.items()


@pytest.mark.parametrize(
    ("words", "pc", "said"),
    [
        ("zz", None, "not hexadecimal"),
        ("", None, "there is no header"),
        ("3074257BF7194E4000001A85", "xx", "is not four hex digits"),
        ("307F", None, ""),
    ],
)
def test_a_tag_that_cannot_be_is_an_error(words: str, pc: str | None, said: str) -> None:
    found = DECODER.tag(words, pc)
    assert said in (found.error or "")
    assert found.error is not None
    assert found.fields == {}


# -- any input -------------------------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from(
        [
            *("]C1", "]d2", "]A0", "]E0", "]", GS, RS, EOT, "[)>", "06", "01", "12312312312333"),
            *("10", "A", "(", ")", "<GS>", "^", "https://", "a/", "P", "Q5", " ", "K:", "\\", "ü"),
        ]
    ),
    max_size=14,
).map("".join)


@given(PIECES | st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    found = PLANT.text(text)
    assert found.error is None or found.fields == {}
    assert list(described(found))


@given(
    st.binary(max_size=40).map(bytes.hex) | st.text(max_size=20), st.none() | st.text(max_size=5)
)
def test_no_tag_raises(words: str, pc: str | None) -> None:
    found = DECODER.tag(words, pc)
    assert found.error is None or found.fields == {}


KEYS = ["format", "symbology", "ids", "fields", "warnings", "error"]


@given(
    st.lists(
        st.text(max_size=30)
        | st.builds(
            json.dumps,
            st.dictionaries(
                st.sampled_from(["text", "aim", "hex", "pc"]),
                st.text(max_size=20) | st.integers() | st.none(),
            ),
        ),
        max_size=6,
    )
)
def test_each_line_has_its_answer_in_order(lines: list[str]) -> None:
    said = [json.loads(one) for one in answers(DECODER, lines)]
    assert len(said) == len(lines)
    assert all(list(one) == KEYS for one in said)


def test_an_answer_has_all_keys_also_those_that_say_nothing() -> None:
    expected: dict[str, Any] = {"format": "plain", "symbology": None, "ids": {}, "fields": {}}
    assert plain(DECODER.text("ABC")) == expected | {"warnings": [], "error": None}


def test_a_line_that_is_nested_for_ever_is_answered() -> None:
    (said,) = answers(DECODER, ["[" * 100_000])
    assert json.loads(said)["error"]
