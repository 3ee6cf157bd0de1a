"""ISO 15434 envelopes and data identifiers, as labels really have them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels import mh10, mh10_dictionary
from edge_agent.labels.recover import readable
from tests.labels import derive_mh10

GS, RS, EOT = "\x1d", "\x1e", "\x04"
FACTS = Path(os.environ.get("FACTS") or Path(__file__).parents[3] / "shared" / "facts")

TRANSPORT_LABEL = (
    "[)>␞06␝12PGTL3␝9K12␝6JUN449113031000007248␝14D␝16D␝P8613013591␝2P10␝1T2200004739␝Q448␝3QEA"
    "␝K55179602␝4K001␝2S22200203␝15K␝V097201178␝13V449113031␝7Q167.70␝2K22200203␝23P␝30P␝12V␝1P"
    "␝33TN␞␄"
)


def wire(shown: str) -> str:
    return shown.replace("␝", GS).replace("␞", RS).replace("␄", EOT)


def read(shown: str) -> mh10.Message:
    found = mh10.envelope(wire(shown))
    assert found is not None
    return found


def test_a_transport_label_keeps_what_is_empty_and_doubts_a_quantity_without_its_unit() -> None:
    found = read(TRANSPORT_LABEL)
    assert found.error is None
    assert len(found.fields) == 23
    assert found.fields["6J"] == "UN449113031000007248"
    assert (found.fields["P"], found.fields["Q"], found.fields["3Q"]) == ("8613013591", "448", "EA")
    assert [di for di, value in found.fields.items() if value == ""] == [
        *("14D", "16D", "15K", "23P", "30P", "12V", "1P")
    ]
    assert found.warnings == ("7Q has no unit of two characters: '167.70'",)
    assert mh10.ids(found.fields) == {
        "part": "8613013591",
        "quantity": "448",
        "lot": "2200004739",
        "licence_plate": "UN449113031000007248",
        "supplier": "097201178",
    }


GOOD = {"P": "ABC", "Q": "5"}


@pytest.mark.parametrize(
    ("shown", "fields", "warning"),
    [
        ("[)>␞06␝PABC␝Q5␞␄", GOOD, ""),
        (
            "[)>␞06␝VANFC␝P86511BP000T5G␝SBUT5␝E␝TP1PFBUT52604072329␝␞EOT",
            {"V": "ANFC", "P": "86511BP000T5G", "S": "BUT5", "E": "", "T": "P1PFBUT52604072329"},
            "recovered: 'EOT' read as the character EOT",
        ),
        (
            "[)>␞06␝9N111234567842␝1T1A234B5␝D151231␝S1234567890123456␞␄",
            {"9N": "111234567842", "1T": "1A234B5", "D": "151231", "S": "1234567890123456"},
            "",
        ),
        ("[)>06␝PABC␝Q5␞␄", GOOD, "no RS behind [)>"),
        (">[)>06␝PABC␝Q5␞␄", GOOD, "recovered: '>[)>' read as [)>"),
        ("[]>␞06␝PABC␝Q5␞␄", GOOD, "recovered: '[]>' read as [)>"),
        ("[)>␞06␝PABC␝Q5", GOOD, "no trailer"),
        ("[)>␞06␝PABC␝Q5␞", GOOD, "no EOT at its end"),
        ("[)>␞06␝PABC␝Q5␄", GOOD, "no RS before EOT"),
        ("[)>␞06␝PABC␝Q5␞␄\r\n", GOOD, ""),
        ("[)>␞06␝PABC␝Q5␝␞␄", GOOD, "an empty group at the end"),
        ("[)>␞06␝PABC␝␝Q5␞␄", GOOD, "group 2 is empty"),
        ("[)>␞06PABC␝Q5␞␄", GOOD, "no GS behind format 06"),
        ("[)>\x0006␝PABC␝Q5␞␄", GOOD, "recovered: '\\x00' read as RS"),
        ("[)>^06]PABC]Q5^d", GOOD, "recovered: ']' read as GS"),
        ("[)>^06]PABC]q5^d", GOOD, "recovered: 'q' read as Q"),
        ("[)>RS06GSPABCGSQ5RSEOT", GOOD, "recovered: 'GS' read as GS"),
        ("[)>|06|PABC|Q5", GOOD, "recovered: '|' read as GS"),
        ("[)>␞06␝PABC␝Q5␝xyz␞␄", GOOD, "group 3 has no data identifier: 'xyz'"),
        ("[)>␞06␝0PABC␝Q5␞␄", GOOD, "zeros before data identifier P"),
        ("[)>␞06␝PABC␝Q5␞07␝freight␞␄", GOOD, "format 07 is not read"),
        ("[)>␞06␝PABC␝Qfive␞␄", {"P": "ABC", "Q": "five"}, "Q is not a number: 'five'"),
        ("[)>␞06␝14D20261301␞␄", {"14D": "20261301"}, "14D is no date YYYYMMDD"),
        ("[)>␞06␝999ZX␞␄", {"999Z": "X"}, "999Z is no data identifier of MH10.8.2"),
        ("[)>␞06␝SA␝SB␝SC␞␄", {"S": ["A", "B", "C"]}, ""),
        ("[)>␞06␝SA␝SA␞␄", {"S": ["A", "A"]}, ""),
        ("[)>␞06␝7Q10EA␞␄", {"7Q": "10EA"}, ""),
        ("[)>␞05␝0112312312312333␝10A␞␄", {"01": "12312312312333", "10": "A"}, ""),
        ("[)>␞12␝MFR 12345␝SER ab c␞␄", {"MFR": "12345", "SER": "ab c"}, ""),
    ],
)
def test_a_label_is_read_and_each_deviation_is_said(
    shown: str, fields: mh10.Fields, warning: str
) -> None:
    found = read(shown)
    assert (found.fields, found.error) == (fields, None)
    if warning:
        assert any(one.startswith(warning) for one in found.warnings), found.warnings
    else:
        assert found.warnings == ()


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("[)>", "no format of two digits follows"),
        ("[)>␞hello", "no format of two digits follows"),
        ("[)>␞06␝garbage␞␄", "no group has a data identifier"),
        ("[)>␞06␝PA␞xx␝QB␞␄", "begins with no format of two digits"),
        ("[)>␞05␝0112312312312334␞␄", "the check digit"),
        ("[)>␞06" + "␝SA" * 300 + "␞␄", "more than 256 groups"),
    ],
)
def test_what_is_no_label_is_an_error_and_gives_nothing(shown: str, words: str) -> None:
    found = read(shown)
    assert words in (found.error or "")
    assert found.fields == {}


@pytest.mark.parametrize(
    "shown",
    [
        *("[)>{RS}06{GS}PABC{GS}Q5{RS}{EOT}", "[)><RS>06<GS>PABC<GS>Q5<RS><EOT>"),
        *("[)>\\x1e06\\x1dPABC\\x1dQ5\\x1e\\x04", "[)>^^06^]PABC^]Q5^^^D"),
        *("[)>␞06␝PABC␝Q5␞␄", "[)>\\u001e06\\u001dPABC\\u001dQ5\\u001e\\u0004"),
        *("[)>\\03606\\035PABC\\035Q5\\036\\004", "[)>[RS]06[GS]PABC[GS]Q5[RS][EOT]"),
        "[)><0x1E>06<0x1D>PABC<0x1D>Q5<0x1E>␄",
    ],
)
def test_control_characters_that_are_written_out_are_put_back_and_named(shown: str) -> None:
    back = readable(shown)
    found = mh10.envelope(back.text)
    assert found is not None
    assert found.fields == GOOD
    assert len(back.taken) == 3


def test_what_is_no_separator_stays() -> None:
    for text in ("a<b>", "C:\\temp", "2^8", "~d", "\\frac", "{}", "[x]"):
        assert readable(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "fields"),
    [("P8613013591", {"P": "8613013591"}), ("1TA-1", {"1T": "A-1"}), ("12345", None), ("P", None)],
)
def test_a_linear_symbol_has_one_identifier(text: str, fields: mh10.Fields | None) -> None:
    found = mh10.single(text)
    assert (found and found.fields) == fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            "PDG301-5.0-02P-12-00A 1PDG301-5.0 Q20 K17513107/11",
            {"P": "DG301-5.0-02P-12-00A", "1P": "DG301-5.0", "Q": "20", "K": "17513107/11"},
        ),
        (f"PABC{GS}Q5", GOOD),
        ("P and Q then", None),
        ("Q5 K1 S2", None),
        ("PABC Q5", None),
        (f"PABC{GS}hello", None),
        ("hello world again", None),
    ],
)
def test_groups_without_an_envelope_are_read_when_nothing_else_is_left(
    text: str, fields: mh10.Fields | None
) -> None:
    found = mh10.bare(text)
    assert (found and found.fields) == fields


WORDS = st.lists(
    st.sampled_from(
        ["[)>", RS, GS, EOT, "06", "05", "12", "P", "Q5", "xyz", "]", "^", "0", " ", "ü"]
    ),
    max_size=16,
).map("".join)


@given(WORDS | WORDS.map("[)>".__add__) | st.text(max_size=40))
def test_nothing_raises_and_an_error_leaves_no_half(text: str) -> None:
    for found in (mh10.envelope(text), mh10.bare(text), mh10.single(text)):
        assert found is None or found.error is None or found.fields == {}


GROUP = st.tuples(
    st.sampled_from(sorted(mh10.titles())),
    st.text(st.characters(exclude_characters="\x1d\x1e\x04", codec="latin-1"), max_size=12),
)


@given(st.lists(GROUP, min_size=1, max_size=8, unique_by=lambda one: one[0]))
def test_what_an_envelope_holds_is_read(groups: list[tuple[str, str]]) -> None:
    text = "[)>" + RS + "06" + "".join(GS + di + value for di, value in groups) + RS + EOT
    assert mh10.envelope(text) == (dict(groups), mh10.envelope(text).warnings, None)  # type: ignore[union-attr]


@pytest.mark.skipif(not FACTS.is_dir(), reason="the standards' data is not here")
def test_the_table_is_the_list() -> None:
    said = (FACTS / derive_mh10.SOURCE).read_text("utf-8")
    listed = derive_mh10.entries(said)
    assert listed == [one for one in mh10_dictionary.TITLES.replace("\n", "").split(";") if one]
    assert len(mh10.titles()) == len(listed) > 450
