"""GS1 Digital Link addresses: which are ones, what they hold, what is wrong with the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels.digital_link import link

KEY = "01/09520123456788"


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        (f"https://id.gs1.org/{KEY}/21/12345", {"01": "09520123456788", "21": "12345"}),
        (f"HTTPS://EXAMPLE.ORG/A/STEM/{KEY}", {"01": "09520123456788"}),
        ("http://a/00/006141411234567890", {"00": "006141411234567890"}),
        (f"http://a/{KEY}/22/B/10/A?17=301231&99=x#top", None),
        (f"http://a/{KEY}/10/A/21/1", {"01": "09520123456788", "10": "A", "21": "1"}),
        (f"http://a/{KEY}/235/ab", {"01": "09520123456788", "235": "ab"}),
        (f"http://a/{KEY}/21/a%2Fb+c", {"01": "09520123456788", "21": "a/b+c"}),
        (f"http://a/{KEY}?10=a+b", ()),
        (f"http://a/{KEY}?10=a%20b", ()),
        (f"http://a/{KEY}?name=x;17=301231", {"01": "09520123456788", "17": "301231"}),
        (f"http://a/{KEY}/00/006141411234567890", {"00": "006141411234567890"}),
        ("http://a/8004/952114132a%2Fb", {"8004": "952114132a/b"}),
        (
            "https://id.gs1.org/414/9520123456788/254/32a%2Fb",
            {"414": "9520123456788", "254": "32a/b"},
        ),
    ],
)
def test_an_address_with_a_key_is_read(address: str, fields: dict[str, str] | None) -> None:
    found = link(address)
    assert found is not None
    if fields is None:
        assert found.fields == {
            "01": "09520123456788",
            "22": "B",
            "10": "A",
            "17": "301231",
            "99": "x",
        }
    elif not fields:
        assert "(10) 'a b' is not 1 to 20 characters" in (found.error or ""), "a query has blanks"
    else:
        assert (found.fields, found.error) == (fields, None)


@pytest.mark.parametrize(
    "address",
    [
        "HtTp://a/01/09520123456788",
        "https://example.com/",
        "https://example.com/orders/4711",
        "https://example.com/01",
        "ftp://a/01/09520123456788",
        "09520123456788",
        "",
    ],
)
def test_any_other_address_is_none(address: str) -> None:
    assert link(address) is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://a/stem/00/006141411234567890/", "does it end with a slash?"),
        ("https://a/stem/00/006141411234567891", "the check digit"),
        (f"https://a/{KEY}/10/A/22/B", "not followed by its qualifiers in their order: 10/22"),
        (f"https://a/{KEY}/22/A/235/B", "not followed by its qualifiers"),
        (f"https://a/{KEY}/21/1/21/2", "not followed by its qualifiers"),
        (f"https://a/{KEY}/99/1", "not followed by its qualifiers"),
        ("https://a/00/006141411234567890/10/A", "not followed by its qualifiers"),
        ("https://a/01/9520123456788", "is not 14 digits"),
        (f"https://a/{KEY}?1234=1", "(1234) in the query is no application identifier"),
        (f"https://a/{KEY}?21=5", "(21) may not be in the query"),
        (f"https://a/{KEY}?17=301231&17=301231", "(17) is there twice"),
        (f"https://a/{KEY}/10/A?10=A", "(10) is there twice"),
        (f"https://a/{KEY}?17", "(17) in the query has no value"),
        (f"https://a/{KEY}/21/a%2", "a % without two hex digits"),
        (f"https://a/{KEY}/21/a b", "a character that no address has"),
        (f"https:///{KEY}", "there is no host"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address: str, words: str) -> None:
    found = link(address)
    assert found is not None
    assert words in (found.error or "")
    assert found.fields == {}


PARTS = st.lists(
    st.sampled_from(
        ["http://", "a", "/", "01", "09520123456788", "?", "&", "=", "%", "21", "#", "é"]
    ),
    max_size=14,
).map("".join)


@given(PARTS.map("https://".__add__) | st.text(max_size=30))
def test_nothing_raises(address: str) -> None:
    found = link(address)
    assert found is None or bool(found.fields) == (found.error is None)
