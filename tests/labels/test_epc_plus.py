"""What tags of TDS 2 say, "+" and "++": the worked examples, further AIs, and what is none."""

import pytest

from edge_agent.labels.epc import decode
from edge_agent.labels.epc_elements import read_value, write_value
from edge_agent.labels.epc_hostname import (
    LONG,
    SHORT,
    read_hostname,
    write_hostname,
    write_hostname40,
)
from edge_agent.labels.epc_plus import encode_plus
from edge_agent.labels.epc_values import Bits, Cursor
from edge_agent.labels.tag import Impossible, Tag, padded

EXAMPLES = [
    # TDS 2.3, annex E.3, and identification.md A.5
    ("F73795211411234538566CB0AFC4", "SGTIN+", "/01/79521141123453/21/32a%2Fb"),
    ("FB342CDE795211411234538566CB0AFC4", "DSGTIN+", "/01/79521141123453/21/32a%2Fb?17=220630"),
    ("F90095201234567891235", "SSCC+", "/00/095201234567891235"),
    ("F2395211411234548566CB0AFC4", "SGLN+", "/414/9521141123454/254/32a%2Fb"),
    ("F13095211411234548566CB0AFC4", "GRAI+", "/8003/0952114112345432a%2Fb"),
    ("FA3952114132E83C2BF10", "GIAI+", "/8004/952114132a%2Fb"),
    ("F43952114112345678906", "GSRN+", "/8018/952114112345678906"),
    ("F53952114112345678906", "GSRNP+", "/8017/952114112345678906"),
    ("F6395211411234540458B8", "GDTI+", "/253/95211411234545678"),
    ("F0395211415E87A145BAFB4D19A8C0E4", "CPI+", "/8010/95211415PQ7%2FZ43/8011/12345"),
    ("F839521141678909509338", "SGCN+", "/255/952114167890904711"),
    ("F3309521141123454010266AE27FDF35", "ITIP+", "/8006/095211411234540102/21/rif981"),
    (
        "FD3795211411234538566CB0AFC525065F1876F0D996D800",
        "SGTIN++",
        "/01/79521141123453/21/32a%2Fb",
    ),
    (
        "FC342CDE795211411234538566CB0AFC525065F1876F0D996D80",
        "DSGTIN++",
        "/01/79521141123453/21/32a%2Fb?17=220630",
    ),
    (
        "E9395211411234548566CB0AFC525065F1876F0D996D8000",
        "SGLN++",
        "/414/9521141123454/254/32a%2Fb",
    ),
    ("EB3095211411234548566CB0AFC525065F1876F0D996D800", "GRAI++", "/8003/0952114112345432a%2Fb"),
    ("EE3952114132E83C2BF1494197C61DBC3665B600", "GIAI++", "/8004/952114132a%2Fb"),
    ("E7395211411234567890692832F8C3B786CCB6C0", "GSRN++", "/8018/952114112345678906"),
    ("E8395211411234567890692832F8C3B786CCB6C0", "GSRNP++", "/8017/952114112345678906"),
    ("EA395211411234540458BA4A0CBE30EDE1B32DB0", "GDTI++", "/253/95211411234545678"),
    (
        "E6395211415E87A145BAFB4D19A8C0E64A0CBE30EDE1B32DB000",
        "CPI++",
        "/8010/95211415PQ7%2FZ43/8011/12345",
    ),
    ("EC3952114167890950933C94197C61DBC3665B60", "SGCN++", "/255/952114167890904711"),
    # printed in TDS 2.3 with the headers of SSCC+ and ITIP+, F9 and F3
    ("EF009520123456789123592832F8C3B786CCB6C0", "SSCC++", "/00/095201234567891235"),
    (
        "ED309521141123454010266AE27FDF3592832F8C3B786CCB6C00",
        "ITIP++",
        "/8006/095211411234540102/21/rif981",
    ),
]
GTIN = "09506000134352"


def host(scheme: str) -> str | None:
    return "id.example.com" if scheme.endswith("++") else None


@pytest.mark.parametrize(("epc", "scheme", "link"), EXAMPLES)
def test_a_worked_example(epc: str, scheme: str, link: str) -> None:
    tag = decode(epc)
    assert (tag.scheme, tag.error, tag.warnings, tag.uri) == (scheme, None, (), None)
    assert tag.digital_link == f"https://{host(scheme) or 'id.gs1.org'}{link}"
    assert tag.filter == int(epc[2], 16) & 7
    padding = "0" * (len(epc) % 2) + "00000000"
    assert decode(epc + padding) == tag


@pytest.mark.parametrize(("epc", "scheme", "link"), EXAMPLES)
def test_a_worked_example_is_written_as_it_was(epc: str, scheme: str, link: str) -> None:
    tag = decode(epc)
    written = encode_plus(scheme, tag.fields, tag.filter or 0, host(scheme))
    assert written.error is None
    assert written.epc.hex().upper().rstrip("0") == epc.rstrip("0"), link


def test_the_fields_have_their_check_digits() -> None:
    assert decode("FB342CDE795211411234538566CB0AFC4").fields == {
        "01": "79521141123453",
        "21": "32a/b",
        "17": "220630",
    }


def test_the_example_printed_with_a_wrong_header_has_something_behind() -> None:
    tag = decode("F9009520123456789123592832F8C3B786CCB6C0")
    assert tag.digital_link == "https://id.gs1.org/00/095201234567891235"
    assert tag.warnings == ("bits after the end of the code are not zero",)


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"10": "ABC123", "17": "261231"}, f"/01/{GTIN}/10/ABC123/21/S1?17=261231"),
        ({"10": "L1", "22": "V1"}, f"/01/{GTIN}/22/V1/10/L1/21/S1"),
        ({"10": "A/B"}, f"/01/{GTIN}/10/A%2FB/21/S1"),
        ({"10": "00123"}, f"/01/{GTIN}/10/00123/21/S1"),
        ({"8008": "2601151430"}, f"/01/{GTIN}/21/S1?8008=2601151430"),
        ({"7007": "260101260131"}, f"/01/{GTIN}/21/S1?7007=260101260131"),
        ({"3103": "001250"}, f"/01/{GTIN}/21/S1?3103=001250"),
        ({"4330": "001850-"}, f"/01/{GTIN}/21/S1?4330=001850-"),
        ({"4307": "BR"}, f"/01/{GTIN}/21/S1?4307=BR"),
        ({"00": "095201234567891235"}, f"/01/{GTIN}/21/S1?00=095201234567891235"),
        ({"7258": "2/3", "4321": "1"}, f"/01/{GTIN}/21/S1?7258=2%2F3&4321=1"),
    ],
)
def test_further_identifiers_follow_when_the_toggle_says_so(
    more: dict[str, str], link: str
) -> None:
    fields = {"01": GTIN, "21": "S1"} | more
    written = encode_plus("SGTIN+", fields, 3)
    assert written.error is None
    tag = decode(written.epc)
    assert tag.fields == fields
    assert tag.warnings == ()
    assert tag.digital_link == f"https://id.gs1.org{link}"


def test_further_data_that_cannot_be_read_is_left_out() -> None:
    written = encode_plus("SGTIN+", {"01": GTIN, "21": "S1", "17": "261231"}, 3).epc
    cut = written[:-3] + b"\xff\xff\xff"
    tag = decode(cut)
    assert tag.fields == {"01": GTIN, "21": "S1"}
    assert tag.warnings[0].startswith("further data was left out")


VALUES = [
    ("253", "952114112345432a/b"),
    ("8003", "09521141123454"),
    ("7003", "2601151430"),
    ("7006", "260100"),
    ("7007", "260101"),
    ("7011", "260115"),
    ("7011", "26011514"),
    ("8008", "260115143059"),
    ("3910", "9781234"),
    ("7030", "076ABC-1"),
    ("20", "07"),
    ("421", "076A1"),
    ("8004", "12345678"),
    ("21", "DEADBEEF"),
    ("21", "deadbeef"),
    ("21", "A.B:C-9"),
    ("21", "a_B-9"),
    ("21", 'a"%9'),
    ("8011", "000000000001"),
]


@pytest.mark.parametrize(("ai", "value"), VALUES)
def test_a_value_is_written_and_read(ai: str, value: str) -> None:
    bits = Bits()
    if ai == "8003":  # a GRAI without serial is no instance: there are no bits for no characters
        with pytest.raises(Impossible):
            write_value(ai, value, bits)
        return
    write_value(ai, value, bits)
    cursor = Cursor(padded(bits.number, bits.count))
    assert read_value(ai, cursor) == value


@pytest.mark.parametrize(
    ("epc", "scheme", "error"),
    [
        ("F7", "SGTIN+", "too short"),
        ("F73795211411234538566C", "SGTIN+", "too short"),
        ("F7379521141123A538566CB0AFC4", "SGTIN+", "has a letter where digits belong"),
        ("F73795211411234638566CB0AFC4", "SGTIN+", "its check digit should be 0"),
        ("F73795211411234532000000000000", "SGTIN+", "0 characters, of 1 to 20"),
        ("F737952114112345300000000000", "SGTIN+", "0 characters, of 1 to 20"),
        ("F7379521141123453E5000000000", "SGTIN+", "encoding indicator 7 is not assigned"),
        ("F73795211411234538201000000000", "SGTIN+", "is not in GS1's character sets"),
        ("F7379521141123453A100000000000", "SGTIN+", "not URN Code 40"),
        ("FB3F2CDE795211411234538566CB0AFC4", "DSGTIN+", "15 is no kind of date"),
        ("FB342DFE795211411234538566CB0AFC4", "DSGTIN+", "is no date"),
        ("F13195211411234548566CB0AFC4", "GRAI+", "its check digit should be"),
        ("F90095201234567891230", "SSCC+", "its check digit should be 5"),
        ("FA3A", "GIAI+", "A where a digit or the end of digits belongs"),
        ("FA3F", "GIAI+", "0 characters, of 1 to 30"),
        ("F839521141678909F00000", "SGCN+", "15 digits, of 1 to 12"),
    ],
)
def test_what_cannot_be_is_said(epc: str, scheme: str, error: str) -> None:
    tag = decode(epc)
    assert error in (tag.error or ""), tag.error
    assert tag == Tag(scheme, None, None, None, {}, None, (), tag.error)


@pytest.mark.parametrize(
    "epc",
    [
        "E60000000000000000000001",
        "EF1234567890123456789012",
        "FD",
        "FDFFFFFFFFFFFFFFFFFFFFFF",
        "FD3795211411234638566CB0AFC525065F1876F0D996D800",  # another check digit
        "FD3795211411234538566CB0AFC525065F1876F0D996D801",  # something behind
        "FD3795211411234538566CB0AFC400000000000000000000",  # no hostname
        "E2801160600002071122334455667788",
    ],
)
def test_a_raw_number_is_not_taken_for_a_hostname_scheme(epc: str) -> None:
    assert decode(epc) == Tag(None, None, None, None, {}, None, (), None)


@pytest.mark.parametrize(
    ("scheme", "fields", "hostname", "error"),
    [
        ("SGTIN-96", {}, None, "no scheme of TDS 2"),
        ("SGTIN+", {"01": GTIN}, None, "(21) is missing"),
        ("SGTIN+", {"01": GTIN, "21": "S1"}, "a.b", "has no hostname"),
        ("SGTIN++", {"01": GTIN, "21": "S1"}, None, "has a hostname"),
        ("SGTIN++", {"01": GTIN, "21": "S1"}, "nothing", "is no hostname"),
        ("SGTIN++", {"01": GTIN, "21": "S1"}, "a b.de", "is no hostname"),
        ("SGTIN++", {"01": GTIN, "21": "S1"}, "q" * 62 + ".x", "is too long"),
        ("SGTIN+", {"01": GTIN[:-1] + "3", "21": "S1"}, None, "its check digit should be 2"),
        ("SGTIN+", {"01": GTIN, "21": "S" * 21}, None, "of 1 to 20"),
        ("SGTIN+", {"01": GTIN, "21": "\ud800"}, None, "of 1 to 20"),
        ("SGTIN+", {"01": GTIN, "21": "S1", "14": "1"}, None, "(14) is no AI"),
        ("SGTIN+", {"01": GTIN, "21": "S1", "17": "260230"}, None, "is no date"),
        ("DSGTIN+", {"01": GTIN, "21": "S1"}, None, "the date is missing"),
        ("CPI+", {"8010": "95211415#", "8011": "x"}, None, "is not of 12 digits"),
    ],
)
def test_what_cannot_be_written_is_said(
    scheme: str, fields: dict[str, str], hostname: str | None, error: str
) -> None:
    written = encode_plus(scheme, fields, 0, hostname)
    assert written.epc == b""
    assert error in (written.error or ""), written.error


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("id.example.com", 9),
        ("example.com", 8),
        ("qr.loja.com.br", 7),
        ("www.abc.de", 6),
        ("x.tech", 3),
        ("a-b.c_d", 7),
        ("www.com", 4),
        ("x.id.org", 5),
        *((f"h{text}", 2) for text in SHORT.values() if text.startswith(".")),
        *((f"h.{text}", 3) for table in LONG for text in table.split()),
    ],
)
def test_a_hostname_is_written_short_and_read(name: str, codes: int) -> None:
    bits = Bits()
    write_hostname(name, bits)
    assert bits.count == 7 + 7 * codes
    assert read_hostname(Cursor(padded(bits.number, bits.count))) == name


def test_a_hostname_in_urn_code_40_is_read_in_small_letters() -> None:
    bits = Bits()
    write_hostname40("ID.EXAMPLE.ORG", bits)
    assert bits.count == 7 + 16 * 5
    assert read_hostname(Cursor(padded(bits.number, bits.count))) == "id.example.org"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80",
        bytes([0b1_000010_0, 0b000000_1, 0xFF, 0xFF]),  # an ending that no table has
        0b1_000010_1100001_0000000_0000000_0000.to_bytes(4),  # an "a" and half an ending
        bytes([0b1_000001_0, 0b100001_0, 0, 0]),  # an exclamation mark
        bytes([0b0_000000_0, 0]),
    ],
)
def test_what_is_no_hostname_is_refused(raw: bytes) -> None:
    with pytest.raises(Impossible):
        read_hostname(Cursor(raw))
