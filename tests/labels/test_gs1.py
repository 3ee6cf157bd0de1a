"""GS1 element strings: each identifier, each check, each separator; and that nothing raises."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels import gs1, gs1_dictionary
from edge_agent.labels.gs1_checks import CHECKS, CSET82, check_digit, check_pair
from tests.labels import derive_gs1

GS = "\x1d"
FACTS = Path(os.environ.get("FACTS") or Path(__file__).parents[3] / "shared" / "facts")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            f"011231231231233310ABC123{GS}99TESTING",
            {"01": "12312312312333", "10": "ABC123", "99": "TESTING"},
        ),
        (
            f"0108806388269617112302141728021310230214A3263-01{GS}21059{GS}240ARO4808C",
            {
                "01": "08806388269617",
                "11": "230214",
                "17": "280213",
                "10": "230214A3263-01",
                "21": "059",
                "240": "ARO4808C",
            },
        ),
        (
            f"0104150000021126172506302112345ABC{GS}10LOT42X",
            {"01": "04150000021126", "17": "250630", "21": "12345ABC", "10": "LOT42X"},
        ),
        (
            f"012401234567890599COMPOSITE{GS}98XYZ",
            {"01": "24012345678905", "99": "COMPOSITE", "98": "XYZ"},
        ),
        (f"90MPT000341{GS}10R20060043", {"90": "MPT000341", "10": "R20060043"}),
        ("00106141411234567897", {"00": "106141411234567897"}),
        ("3103001750", {"3103": "001750"}),
        ("80030061414112345232a/b", {"8003": "0061414112345232a/b"}),
    ],
)
def test_published_labels_are_read(text: str, fields: dict[str, str]) -> None:
    found = gs1.elements(text)
    assert (found.fields, found.error) == (fields, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing behind"),
        ("42352", "(423) '52' is not 3 to 15 digits"),
        ("811200123456", "(8112) 00123456 is no offer"),
        ("0112312312312334", "(01) the check digit of 12312312312334 should be 3"),
        ("011231231231233", "(01) '1231231231233' is not 14 digits"),
        ("05123", "'0512' at character 1 begins no application identifier"),
        (f"10A{GS}{GS}99B", "two separators in a row, at character 5"),
        (f"{GS}10A", "a separator before the first element"),
        (f"10A{GS}10B", "(10) is there twice, as A and as B"),
        ("10", "(10) has no value, and BATCH/LOT is 1 to 20 characters"),
        ("10" + "A" * 21, "is not 1 to 20 characters"),
        ("10Grün", "is not 1 to 20 characters of plain ASCII"),
        ("10A#B", "'A#B' is not 1 to 20 characters"),
        ("11991301", "(11) 13 is no month"),
        ("11990230", "(11) 30 is no day of month 02"),
        ("7006990100", "(7006) 00 is no day of month 01"),
        ("4324990101 2400", "(4324) '990101 2400' is not 10 digits"),
        ("43249901012400", "(4324) 24 is no hour"),
        ("422999", "(422) 999 is no country"),
        ("7030999A", ""),
        ("391000112", "(3910) 001 is no currency"),
        ("70411ZZ", "(7041) 1ZZ is no package type"),
        ("8006" + "12312312312333" + "0302", "(8006) 03 of 02 is no piece of a total"),
        ("7258" + "3/2", "(7258) 3/2 is no position in a sequence"),
        ("8007GB33BUKB20201555555556", "(8007) GB33BUKB20201555555556 is no IBAN"),
        ("43001%2", "(4300) 1%2 has a % without two hex digits"),
        ("80131987654Ad4X4bL5ttr2310c2L", "(8013) the check characters of"),
        ("4309" + "1800000001" + "0000000000", "(4309) 1800000001 is no latitude"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_given(text: str, words: str) -> None:
    found = gs1.elements(text)
    if not words:
        assert found.error is None
    else:
        assert found.fields == {}
        assert words in (found.error or "")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("csum", ["24012345678905", "02345680"], ["24012345678909", "02345689"]),
        ("csumalpha", ["1987654Ad4X4bL5ttr2310c2K"], ["1987654Ad4X4bL5ttr2310c2J", "AB", "A" * 30]),
        ("gcppos1", ["95200A"], ["952", "95A200"]),
        ("gcppos2", ["12312312312333"], ["1A312"]),
        ("yymmd0", ["990200", "000229"], ["990000", "010229", "990431"]),
        ("yymmdd", ["000229", "991231"], ["990100", "991301"]),
        ("yyyymmdd", ["20000229", "19991231"], ["19000229", "00000101", "20250001"]),
        ("hh", ["00", "23"], ["24"]),
        ("mi", ["59"], ["60"]),
        ("ss", ["59"], ["60"]),
        ("hhmi", ["2359"], ["2400", "2360"]),
        ("iso3166", ["276"], ["999", "000"]),
        ("iso3166999", ["999"], ["998"]),
        ("iso3166alpha2", ["DE"], ["XX"]),
        ("iso4217", ["978"], ["000"]),
        ("iso5218", ["9"], ["3"]),
        ("packagetype", ["201", "ZZ"], ["ZZZ"]),
        ("mediatype", ["01", "10", "80"], ["00", "11", "79"]),
        ("winding", ["9"], ["2"]),
        ("yesno", ["1"], ["2"]),
        ("hyphen", ["-"], ["+"]),
        ("zero", ["0"], ["1"]),
        ("nonzero", ["0010"], ["0000"]),
        ("nozeroprefix", ["0", "10"], ["01"]),
        ("hasnondigit", ["12A"], ["123"]),
        ("importeridx", ["-", "_", "a", "Z", "9"], ["+", "ä"]),
        ("latitude", ["1800000000"], ["1800000001"]),
        ("longitude", ["3600000000"], ["3600000001"]),
        ("pieceoftotal", ["0202"], ["0001", "0201", "0000"]),
        ("posinseqslash", ["1/3", "9/9"], ["0/1", "2/1", "1-3"]),
        ("pcenc", ["a%20b", "ab"], ["a%2", "a%ZZ"]),
        ("iban", ["GB33BUKB20201555555555"], ["XX33BUKB2020", "gb33", "GB33BUKB20201555555556"]),
        (
            "couponcode",
            ["106141416543213500110000310123196000"],
            ["0614141", "106141416543213500110000310133196000"],
        ),
        (
            "couponposoffer",
            ["00614141123456012345" + "6"],
            ["00123456", "20614141123456012345" + "6"],
        ),
    ],
)
def test_each_check_takes_what_is_right_and_names_what_is_not(
    name: str, good: list[str], bad: list[str]
) -> None:
    assert [one for one in good if CHECKS[name](one)] == []
    assert [one for one in bad if not CHECKS[name](one)] == []


def test_every_check_has_its_row_above() -> None:
    marks: Any = test_each_check_takes_what_is_right_and_names_what_is_not
    rows = next(one for one in marks.pytestmark if one.name == "parametrize").args[1]
    assert {row[0] for row in rows} == set(CHECKS)


def test_a_separator_behind_an_element_of_known_length_is_tolerated_and_at_the_end() -> None:
    found = gs1.elements(f"0112312312312333{GS}10A{GS}")
    assert found == gs1.Elements({"01": "12312312312333", "10": "A"}, (), None)


def test_an_element_that_is_there_twice_with_the_same_value_is_one() -> None:
    assert gs1.elements(f"10A{GS}99B{GS}10A").fields == {"10": "A", "99": "B"}


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("0112312312312333" + "3712", "(01) must not be with (37)"),
        ("0212312312312333", "(02) needs (37)"),
        (f"10A{GS}", "(10) needs (01) or (02) or (03) or (8006) or (8026)"),
        (f"0112312312312333250A{GS}", "(250) needs (01) with (21) or (03) with (21)"),
        ("0112312312312333" + "3920" + "12", "(3920) needs (01) with (30) or (01) with (31nn)"),
    ],
)
def test_elements_that_miss_or_bar_one_another_are_a_warning(text: str, warning: str) -> None:
    found = gs1.elements(text)
    assert found.error is None
    assert any(one.startswith(warning) for one in found.warnings), found.warnings


def test_there_is_a_bound_to_elements() -> None:
    many = GS.join(f"{ai}{9:0>6}" for ai in range(3100, 3106)) + GS
    many += GS.join(f"{ai}0" for ai in range(91, 100))
    assert len(gs1.elements(many).fields) == 15
    known = [ai for ai, one in gs1.rules().items() if one.match("0") and not one.checks]
    assert len(known) > gs1.ELEMENTS_MAX
    assert "more than 64" in (gs1.elements(GS.join(f"{ai}0" for ai in known)).error or "")


# -- numbers ---------------------------------------------------------------------------------------


@given(st.text("0123456789", min_size=1, max_size=70))
def test_a_check_digit_is_the_one_of_the_definition(digits: str) -> None:
    weights = [3, 1] * len(digits)
    total = sum(int(one) * weight for one, weight in zip(reversed(digits), weights, strict=False))
    assert check_digit(digits) == str(-total % 10)


@given(st.text(CSET82, min_size=1, max_size=23), st.integers(0, 22), st.sampled_from(CSET82))
def test_one_wrong_character_is_seen_by_a_check_pair(text: str, at: int, other: str) -> None:
    changed = text[: at % len(text)] + other + text[at % len(text) + 1 :]
    assert (check_pair(changed) == check_pair(text)) == (changed == text)


@pytest.mark.parametrize(
    ("digits", "gtin"),
    [
        ("4006381333931", "04006381333931"),
        ("96385074", "00000096385074"),
        ("416000336108", "00416000336108"),
        ("24012345678905", "24012345678905"),
        ("4006381333932", None),
        ("400638133393", None),
        ("40063813339 1", None),
        ("", None),
    ],
)
def test_an_article_number_is_read_with_fourteen_digits(digits: str, gtin: str | None) -> None:
    found = gs1.article(digits)
    assert found.fields.get("01") == gtin
    assert (found.error is None) == (gtin is not None)


# -- any input -------------------------------------------------------------------------------------

WIRE = st.text(st.sampled_from("0123456789ABab-/.+ \x1d\x1eÄ"), max_size=60)


@given(WIRE | st.text(max_size=40))
def test_nothing_raises_and_an_error_leaves_no_half(text: str) -> None:
    found = gs1.elements(text)
    assert (found.error is None) == bool(found.fields)


def _value(rule: gs1.Rule) -> st.SearchStrategy[str]:
    return st.from_regex(rule.match.__self__, fullmatch=True).filter(  # type: ignore[attr-defined] # a pattern's method
        lambda one: not gs1.wrong(rule, one)
    )


PLAIN = [one for one in gs1.rules().values() if not one.checks]


@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    rules = data.draw(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=6, unique=True))
    fields = {one.ai: data.draw(_value(one)) for one in rules}
    assert gs1.elements(gs1.message(fields)).fields == fields


# -- the facts -------------------------------------------------------------------------------------


def test_every_identifier_of_the_dictionary_is_known() -> None:
    assert len(gs1.rules()) == 541
    assert gs1.rules()["01"].title == "GTIN"


@pytest.mark.skipif(not FACTS.is_dir(), reason="the standards' data is not here")
def test_the_table_is_the_dictionary() -> None:
    said = (FACTS / derive_gs1.SOURCE).read_text("utf-8")
    assert derive_gs1.lines(said) == gs1_dictionary.ENTRIES.splitlines()
