"""No input raises, and what is written is read: for every scheme, whatever is drawn."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.labels.epc import decode
from edge_agent.labels.epc_encoding import encode
from edge_agent.labels.epc_plus import HOSTED, encode_plus
from edge_agent.labels.epc_schemes import CLASSIC, PLUS, UNPARTITIONED
from edge_agent.labels.tag import Tag, check_digit
from tests.kit.epc_uris import CHARACTERS, SCHEMES, identity_uri, tag_uri

HEADERS = sorted({*CLASSIC, *UNPARTITIONED, *PLUS, *HOSTED})
words = st.none() | st.integers(0, 0xFFFF)
draws = st.randoms(use_true_random=False)


def holds(tag: Tag) -> None:
    """Check what the caller may rely on, whatever was read."""
    if tag.error is not None or tag.scheme is None:
        assert (tag.uri, tag.tag_uri, tag.digital_link, tag.fields) == (None, None, None, {})
    else:
        assert (tag.uri is None) == tag.scheme.endswith("+")
        assert (tag.digital_link is None) != tag.scheme.endswith("+")


@given(st.binary(max_size=80) | st.text(max_size=80), words)
def test_nothing_raises(epc: bytes | str, pc: int | None) -> None:
    holds(decode(epc, pc))


@settings(max_examples=400)
@given(st.sampled_from(HEADERS), st.binary(max_size=40), words)
def test_no_body_behind_a_header_raises(header: int, body: bytes, pc: int | None) -> None:
    tag = decode(bytes([header]) + body, pc)
    holds(tag)
    if tag.tag_uri is not None and not tag.warnings:
        assert decode(encode(tag.tag_uri).epc) == tag


@given(st.text(max_size=60), st.none() | st.text(max_size=10), st.integers())
def test_no_uri_raises(uri: str, scheme: str | None, filter_value: int) -> None:
    for start in ("", "urn:epc:id:", "urn:epc:tag:", "urn:epc:tag:sgtin-198:3.0614141.812345."):
        written = encode(start + uri, scheme, filter_value)
        assert (written.error is None) == bool(written.epc)


@given(
    st.sampled_from(["SGTIN+", "CPI+", "SSCC++", "DSGTIN+", ""]),
    st.dictionaries(st.sampled_from(["00", "01", "21", "17", "8010", "8011", "x"]), st.text()),
    st.integers(-1, 8),
    st.none() | st.text(max_size=70),
)
def test_no_fields_raise(
    scheme: str, fields: dict[str, str], filter_value: int, hostname: str | None
) -> None:
    written = encode_plus(scheme, fields, filter_value, hostname)
    assert (written.error is None) == bool(written.epc)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_written_is_read(scheme: str) -> None:
    @settings(max_examples=25)
    @given(draws)
    def holds_for(draw: Random) -> None:
        uri = tag_uri(draw, scheme)
        written = encode(uri)
        assert written.error is None, uri
        assert len(written.epc) == 2 * written.words
        tag = decode(written.epc, written.words << 11)
        assert (tag.tag_uri, tag.uri, tag.warnings) == (uri, identity_uri(uri), ())
        assert tag.scheme is not None
        assert tag.scheme.lower() == scheme

    holds_for()


text20 = st.text(alphabet=CHARACTERS, min_size=1, max_size=16)
hosts = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,20}(\.[a-z0-9]{1,8}){1,3}\Z")


def digits(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet="0123456789", min_size=least, max_size=most or least)


def checked(count: int, lead: str = "") -> st.SearchStrategy[str]:
    body = digits(count - 1 - len(lead)).map(lambda rest: lead + rest)
    return body.map(lambda known: known + check_digit(known))


dates = st.dates().map(lambda day: day.strftime("%y%m%d"))
KEYS: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "SGTIN": {"01": checked(14), "21": text20},
    "DSGTIN": {"01": checked(14), "21": text20, "15": dates},
    "SSCC": {"00": checked(18)},
    "SGLN": {"414": checked(13), "254": text20},
    "GRAI": {"8003": st.builds(str.__add__, checked(14, "0"), text20)},
    "GIAI": {"8004": st.builds(str.__add__, digits(4, 12), text20)},
    "GSRN": {"8018": checked(18)},
    "GSRNP": {"8017": checked(18)},
    "GDTI": {"253": st.builds(str.__add__, checked(13), text20)},
    "SGCN": {"255": st.builds(str.__add__, checked(13), digits(1, 12))},
    "CPI": {"8010": digits(4, 12).map(lambda key: key + "A-7/#B"), "8011": digits(1, 12)},
    "ITIP": {"8006": st.builds(str.__add__, checked(14), digits(4)), "21": text20},
}


@pytest.mark.parametrize("scheme", KEYS)
def test_what_a_plus_tag_is_written_with_is_read(scheme: str) -> None:
    @settings(max_examples=25)
    @given(st.fixed_dictionaries(KEYS[scheme]), st.integers(0, 7), hosts)
    def holds_for(fields: dict[str, str], filter_value: int, hostname: str) -> None:
        for name, host in ((f"{scheme}+", None), (f"{scheme}++", hostname)):
            written = encode_plus(name, fields, filter_value, host)
            assert written.error is None, fields
            tag = decode(written.epc)
            if len(written.epc) > 62:  # longer than a PC word can say
                continue
            assert (tag.scheme, tag.fields, tag.filter, tag.warnings) == (
                name,
                fields,
                filter_value,
                (),
            )
            assert (tag.digital_link or "").startswith(f"https://{host or 'id.gs1.org'}/")

    holds_for()
