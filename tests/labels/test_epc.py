"""What classic tags say: every worked example, the edges of every partition, and bad input."""

import pytest

from edge_agent.labels.epc import OCTETS_MAX, decode
from edge_agent.labels.epc_encoding import encode
from edge_agent.labels.epc_layout import headers, layout
from edge_agent.labels.tag import Tag, check_digit
from tests.kit.epc_uris import PADDED

EXAMPLES = [
    # TDS 1.11 and 2.3, annex E.3, and identification.md A.5
    ("3074257BF7194E4000001A85", "sgtin:0614141.812345.6789", "01=80614141123458 21=6789"),
    (
        "3066C4409047E140075BCD15",
        "sgtin:95060001343.05.123456789",
        "01=09506000134352 21=123456789",
    ),
    (
        "3666C4409047E159B2C2BF100000000000000000000000000000",
        "sgtin:95060001343.05.32a%2Fb",
        "01=09506000134352 21=32a/b",
    ),
    ("3174257BF4499602D2000000", "sscc:0614141.1234567890", "00=106141412345678908"),
    ("311BA1B300CE0A6A83000000", "sscc:952012.03456789123", "00=095201234567891235"),
    ("3276451FD46072000000162E", "sgln:9521141.12345.5678", "414=9521141123454 254=5678"),
    (
        "3976451FD46072CD9615F8800000000000000000000000000000",
        "sgln:9521141.12345.32a%2Fb",
        "414=9521141123454 254=32a/b",
    ),
    ("3376451FD40C0E400000162E", "grai:9521141.12345.5678", "8003=095211411234545678"),
    (
        "3776451FD40C0E59B2C2BF1000000000000000000000",
        "grai:9521141.12345.32a%2Fb",
        "8003=0952114112345432a/b",
    ),
    ("3476451FD40000000000162E", "giai:9521141.5678", "8004=95211415678"),
    (
        "3876451FD59B2C2BF10000000000000000000000000000000000",
        "giai:9521141.32a%2Fb",
        "8004=952114132a/b",
    ),
    ("2D76451FD4499602D2000000", "gsrn:9521141.1234567890", "8018=952114112345678906"),
    ("2E76451FD4499602D2000000", "gsrnp:9521141.1234567890", "8017=952114112345678906"),
    ("2C76451FD46072000000162E", "gdti:9521141.12345.5678", "253=95211411234545678"),
    (
        "3E76451FD7039B061438997367D0C18B266D1AB66EE0",
        "gdti:9521141.98765.ABCDefgh012345678",
        "253=9521141987650ABCDefgh012345678",
    ),
    ("3C76451FD400C0E680003039", "cpi:9521141.98765.12345", "8010=952114198765 8011=12345"),
    (
        "3D76451FD75411DEF6B4CC00000003039000",
        "cpi:9521141.5PQ7%2FZ43.12345",
        "8010=95211415PQ7/Z43 8011=12345",
    ),
    ("3F76451FD612640000019907", "sgcn:9521141.67890.04711", "255=952114167890904711"),
    (
        "4076451FD40C0E40820000000F54",
        "itip:9521141.012345.01.02.981",
        "8006=095211411234540102 21=981",
    ),
    (
        "4176451FD40C0E4082DBDD8B36600000000000000000000000000000",
        "itip:9521141.012345.01.02.mw133",
        "8006=095211411234540102 21=mw133",
    ),
    ("3500E86F8000A9E000000586", "gid:952056.2718.1414", ""),
    ("2F320434147455900000162E", "usdod:CAGEY.5678", ""),
    ("3B0E0CF5E76C9047759AD00373DC7602E7200", "adi:35962.PQ7VZ4.M37GXB92", ""),
    # published by others; the 1 in front of a GDTI-113 serial keeps its zeros
    ("3A28075BCD1502000000006695170000", "gdti:0123456789.01.3445678", "253=01234567890123445678"),
    ("3A28499602D218000000004C75290000", "gdti:1234567890.12.0021458", "253=12345678901280021458"),
    ("3A28499602D218000000000000050000", "gdti:1234567890.12.0", "253=12345678901280"),
    ("3A14257BF46072000000000020E780", "gdti:0614141.12345.6847", "253=06141411234526847"),
    (
        "3A74F4E4E7039AC790E65D7AA5C38000",
        "gdti:4012345.98765.12345678901234567",
        "253=401234598765212345678901234567",
    ),
    ("30340242201D8840009EFDF7", "sgtin:0037000.030241.10419703", "01=00037000302414 21=10419703"),
]


def elements(tag: Tag) -> str:
    return " ".join(f"{ai}={value}" for ai, value in tag.fields.items())


@pytest.mark.parametrize(("epc", "uri", "fields"), EXAMPLES)
def test_a_worked_example(epc: str, uri: str, fields: str) -> None:
    tag = decode(epc)
    assert (tag.error, tag.warnings, tag.digital_link) == (None, (), None)
    assert tag.uri == f"urn:epc:id:{uri}"
    assert elements(tag) == fields
    assert tag.tag_uri is not None
    assert tag.tag_uri.endswith(uri.partition(":")[2])
    if len(epc) % 2 == 0:
        assert decode(bytes.fromhex(epc)) == tag


@pytest.mark.parametrize(("epc", "uri", "fields"), EXAMPLES)
def test_a_worked_example_is_written_as_it_was(epc: str, uri: str, fields: str) -> None:
    tag = decode(epc)
    assert tag.tag_uri is not None
    assert tag.scheme is not None
    written = encode(tag.tag_uri)
    assert written.error is None
    assert written.epc.hex().upper().rstrip("0") == epc.rstrip("0")
    assert encode(f"urn:epc:id:{uri}", tag.scheme, tag.filter or 0) == written
    assert fields == elements(decode(written.epc, written.words << 11))


def test_a_tag_says_scheme_filter_and_both_uris() -> None:
    assert decode("3074257BF7194E4000001A85") == Tag(
        scheme="SGTIN-96",
        uri="urn:epc:id:sgtin:0614141.812345.6789",
        tag_uri="urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        digital_link=None,
        fields={"01": "80614141123458", "21": "6789"},
        filter=3,
        warnings=(),
        error=None,
    )


@pytest.mark.parametrize(
    ("digits", "check"),
    [("8061414112345", "8"), ("10614141234567890", "8"), ("952114112345", "4"), ("", "0")],
)
def test_a_check_digit(digits: str, check: str) -> None:
    assert check_digit(digits) == check


KEYED = [name for name, header in headers().items() if layout(header)]


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("value", range(7))
def test_the_edges_of_each_partition(name: str, value: int) -> None:
    """The largest company prefix and reference are read; one more of either is refused."""
    scheme = layout(headers()[name])
    assert scheme is not None
    row = scheme.partitions[value]
    assert row is not None
    company, company_bits = 12 - value, row.company_mask.bit_length()
    reference = {
        "padded": "9" * row.reference_digits,
        "integer": str(row.reference_limit - 1),
        "text": "z" * (30 - company),
        "six": "Z" * (30 - company),
    }[scheme.reference]
    serial = {"text": ".z", "prefixed": ".9", "integer": ".9", "zero": "", "": ""}[scheme.serial]
    pieces = ".99.99" if scheme.pieces else ""
    uri = f"{scheme.tag}7.{'9' * company}.{reference}{pieces}{serial}"
    written = encode(uri)
    assert written.error is None, uri
    assert decode(written.epc).tag_uri == uri
    number, bits = int.from_bytes(written.epc), len(written.epc) * 8
    assert number >> (bits - 14) & 7 == value
    high = bits - 14 - company_bits
    refused = decode((number + (1 << high)).to_bytes(bits // 8))
    assert (refused.error or "").startswith("no company prefix"), uri
    assert refused.fields == {}
    if scheme.reference in ("padded", "integer") and row.reference_limit <= row.reference_mask:
        above = decode((number + (1 << high - row.reference_bits)).to_bytes(bits // 8))
        assert (above.error or "").startswith("no reference"), uri
    unassigned = decode((number | 7 << (bits - 14)).to_bytes(bits // 8))
    assert unassigned.error == "partition value 7 is not assigned"


@pytest.mark.parametrize(
    "epc",
    [
        "E28011606000020711223344",  # the chip's own number
        "E2801190",
        "000000000000000000001234",
        "FF" * 12,
        "0102030405060708090A0B0C",
        "42" * 12,
        "CB54D5381083C1420138BC193D5C063D2C12141109387C142094F182",
        "00",
        "2A",
    ],
)
def test_what_claims_nothing_is_unknown(epc: str) -> None:
    assert decode(epc) == Tag(None, None, None, None, {}, None, (), None)


@pytest.mark.parametrize(
    ("epc", "scheme", "error"),
    [
        ("", None, "empty: there is no header"),
        ("30742", "SGTIN-96", "too short: SGTIN-96 has 96 bits, there are 24"),
        ("30", "SGTIN-96", "too short: SGTIN-96 has 96 bits, there are 8"),
        ("hello", None, "not hexadecimal"),
        ("30\N{ARABIC-INDIC DIGIT ONE}0", None, "not hexadecimal"),
        ("3666C4409047E159B2C2BF10", "SGTIN-198", "too short: SGTIN-198 has 198 bits"),
        ("307C257BF7194E4000001A85", "SGTIN-96", "partition value 7 is not assigned"),
        (
            "3666C4409047E10000000000000000000000000000000000000000",
            "SGTIN-198",
            "serial or reference is empty",
        ),
        (
            "3666C4409047E1013200000000000000000000000000000000000000",
            "SGTIN-198",
            "character '\\x02' is not in GS1's character set",
        ),
        ("3F76451FD612640000000000", "SGCN-96", "serial has not the digit 1 in front"),
        ("3F76451FD612640000000001", "SGCN-96", "serial has not the digit 1 in front"),
        ("3C600000000015F400000001", "CPI-96", "no reference: it has more than 3 digits"),
        ("4076451FD40C0E40FF0000000F54", "ITIP-110", "piece or total is 127"),
        ("3D76451FD7", "CPI-var", "too short"),
        ("3D7645", "CPI-var", "too short"),
        ("3D76451FD75411DEF6B4CC000000", "CPI-var", "too short"),
        ("3D", "CPI-var", "too short"),
        ("3D76451FD4000000000003039000", "CPI-var", "reference is empty"),
        ("3D76451FD76EFFFFFFFFFFFFFFFF", "CPI-var", "character ';' is not one of a part number"),
        ("3B", "ADI-var", "too short"),
        ("3B0E0CF5E76C9047759AD00373DC", "ADI-var", "too short: the six zero bits"),
        ("3B" + "00" * 16, "ADI-var", "'@@@@@@' is no CAGE code or DoDAAC"),
        ("2F3FFFFFFFFFFFF00000162E", "USDOD-96", "'ÿÿÿÿÿÿ' is no CAGE code or DoDAAC"),
        ("2F320204147455900000162E", "USDOD-96", "' AGEY' is no CAGE code"),
        ("35", "GID-96", "too short: GID-96 has 96 bits"),
    ],
)
def test_what_cannot_be_is_said(epc: str, scheme: str | None, error: str) -> None:
    tag = decode(epc)
    assert tag.scheme == scheme
    assert (tag.error or "").startswith(error), tag.error
    assert tag == Tag(scheme, None, None, None, {}, None, (), tag.error)


CPI_LEAD = f"{0x3D76451FD4:040b}"[:38]
ADI_LEAD = f"{0x3B0E0CF5E76C80:056b}"[:50]
ONE_A = "000001000000"


@pytest.mark.parametrize(
    ("lead", "most", "behind"),
    [
        (CPI_LEAD, 23, "0" * 40),  # 30, less the digits of the company prefix
        (ADI_LEAD, 32, ONE_A),  # part number
        (ADI_LEAD + ONE_A, 30, ""),  # serial
    ],
)
def test_a_text_has_no_more_characters_than_there_may_be(lead: str, most: int, behind: str) -> None:
    for count, error in ((most, None), (most + 1, f"a text has more than {most} characters")):
        bits = lead + "000001" * count + "000000" + behind
        raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
        assert decode(raw).error == error


@pytest.mark.parametrize("name", [*PADDED, "cpi-96"])
def test_company_and_reference_have_their_digits_together(name: str) -> None:
    scheme = layout(headers()[name])
    assert scheme is not None
    for row in scheme.partitions[:7]:
        assert row is not None
        assert row.company_digits + row.reference_digits == PADDED.get(name, 15)


@pytest.mark.parametrize(("epc", "uri", "_fields"), EXAMPLES)
def test_zero_bits_behind_a_code_are_padding(epc: str, uri: str, _fields: str) -> None:
    tag = decode(epc + "0" * (len(epc) % 2) + "0000")
    assert tag == decode(epc)
    assert tag.uri == f"urn:epc:id:{uri}"


@pytest.mark.parametrize(
    "epc",
    [
        "3074257BF7194E4000001A850001",
        "311BA1B300CE0A6A83000001",
        "3666C4409047E159B2C2BF100000000000000000000000000001",
        "3666C4409047E159B2C2BF100000000000000000010000000000",
        "3876451FD59B2C2BF10000000000000000000000000000000200",
        "3500E86F8000A9E00000058601",
        "3B0E0CF5E76C9047759AD00373DC7602E7201",
        "3D76451FD75411DEF6B4CC00000003039001",
    ],
)
def test_other_bits_behind_a_code_are_a_warning(epc: str) -> None:
    tag = decode(epc)
    assert tag.warnings == ("bits after the end of the code are not zero",)
    assert tag.error is None
    assert tag.uri is not None


SGTIN, LONG = "3074257BF7194E4000001A85", "3666C4409047E159B2C2BF100000000000000000000000000000"


@pytest.mark.parametrize(
    ("epc", "pc", "scheme", "warnings"),
    [
        (SGTIN, 0x3000, "SGTIN-96", ()),
        (SGTIN + "1234", 0x3000, "SGTIN-96", ()),  # the reader gave a word more than there is
        (SGTIN, 0x3400, "SGTIN-96", ()),  # user memory
        (SGTIN, 0x3100, None, ()),  # an ISO identifier
        (SGTIN, 0x4000, "SGTIN-96", ("the PC word counts 16 bytes, 12 were read",)),
        (LONG, 0x6800, "SGTIN-198", ()),
        (LONG, 0x3000, "SGTIN-198", ("the PC word counts only 12 bytes",)),
        (SGTIN, 0x0000, "SGTIN-96", ("the PC word counts only 0 bytes",)),
        (SGTIN, -1, None, ()),
        (SGTIN, 1 << 40, "SGTIN-96", ("the PC word counts only 0 bytes",)),
    ],
)
def test_the_pc_word_says_how_much_is_read(
    epc: str, pc: int, scheme: str | None, warnings: tuple[str, ...]
) -> None:
    tag = decode(epc, pc)
    assert (tag.scheme, tag.warnings) == (scheme, warnings)


def test_a_reader_that_dumps_its_memory_is_understood() -> None:
    assert decode(SGTIN + "00" * 10_000).warnings == ()
    assert decode(SGTIN + "00" * 100 + "01").warnings == (
        f"more than {OCTETS_MAX} bytes: what is behind them was left out",
    )


def test_hexadecimal_as_readers_print_it() -> None:
    assert decode("30 74 25 7b f7 19 4e 40 00 00 1a 85\r\n") == decode(SGTIN)


@pytest.mark.parametrize(
    ("uri", "scheme", "error"),
    [
        ("", None, "no EPC URI"),
        ("urn:epc:id:sgtin:0614141.812345.6789", None, "scheme None does not write 'sgtin'"),
        ("urn:epc:id:sgtin:0614141.812345.6789", "SSCC-96", "does not write"),
        ("urn:epc:tag:sgtin-64:3.0614141.812345.6789", None, "no classic EPC scheme"),
        ("urn:epc:tag:sgtin-96:8.0614141.812345.6789", None, "filter 8"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345.06789", None, "leading zeros"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345.274877906944", None, "not below"),
        ("urn:epc:tag:sgtin-96:3.0614141.81234.6789", None, "not of 6 digits"),
        ("urn:epc:tag:sgtin-96:3.06141.81234567.6789", None, "not of 12 digits"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345", None, "not 3 components"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345.", None, "is empty"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345.a%zz", None, "no escaped character"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345.a%2", None, "no escaped character"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345.\N{EURO SIGN}", None, "not of GS1"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345.\ud800", None, "not of GS1"),
        ("urn:epc:tag:sgtin-198:3.0614141.812345." + "1" * 21, None, "more than 20"),
        ("urn:epc:tag:gdti-96:3.123456789012.1.5", None, "no reference"),
        ("urn:epc:tag:giai-202:3.9521141." + "A" * 24, None, "more than 23"),
        ("urn:epc:tag:cpi-var:3.9521141..5", None, "reference is empty"),
        ("urn:epc:tag:cpi-var:3.9521141.a.5", None, "characters of a part number"),
        ("urn:epc:tag:adi-var:3.35962.A%23.B", None, "# stands where it may not"),
        ("urn:epc:tag:adi-var:3.35O62.A.B", None, "no CAGE code"),
        ("urn:epc:tag:adi-var:3.35962.A.", None, "serial is empty"),
        ("urn:epc:tag:usdod-96:16.35962.5", None, "filter 16"),
        ("urn:epc:tag:gid-96:1.2", None, "not 3 components"),
    ],
)
def test_what_cannot_be_written_is_said(uri: str, scheme: str | None, error: str) -> None:
    written = encode(uri, scheme)
    assert written.epc == b""
    assert error in (written.error or ""), written.error
