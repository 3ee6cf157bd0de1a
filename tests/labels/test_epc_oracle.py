"""An independent decoder, epcpy 0.1.8, reads the same tags; each difference is decided here.

The tags are written by our encoder from drawn URIs, so that it is examined too. Set SEED to have a
run again.
"""

import os
import re
import warnings
from collections.abc import Callable
from random import Random, SystemRandom
from types import ModuleType

import pytest

from edge_agent.labels.epc import decode
from edge_agent.labels.epc_encoding import encode
from tests.kit.epc_uris import SCHEMES, identity_uri, tag_uri

TAGS = 150
SEED = int(os.environ.get("SEED", "0")) or SystemRandom().randrange(1, 1 << 32)

SERIAL_MAX = {"grai-170": 16, "gdti-174": 17}
KEY_MAX = 30
COMPANY_BITS = {12: 40, 11: 37, 10: 34, 9: 30, 8: 27, 7: 24, 6: 20}


@pytest.fixture(scope="module")
def epcpy() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its patterns have invalid escapes
        found: ModuleType = pytest.importorskip("epcpy")
        return found


def parts_of(uri: str) -> list[str]:
    """Give the components of a tag URI without its filter, unescaped."""
    body = uri.rpartition("var:")[2]
    unescaped = body.replace("%2F", "/").replace("%23", "#")
    return unescaped.split(".")[1:]


def exact_bits(uri: str, epc: bytes) -> str:
    """Give the bits of a code without the padding to words: epcpy would read that as part of it.

    Decided: memory is written in words, so that zero bits behind a code are normal.
    """
    bits = f"{int.from_bytes(epc):0{len(epc) * 8}b}"
    if ":cpi-var:" in uri:
        company, part, _ = parts_of(uri)
        return bits[: 14 + COMPANY_BITS[len(company)] + 6 * (len(part) + 1) + 40]
    if ":adi-var:" in uri:
        _, part, serial = parts_of(uri)
        return bits[: 8 + 6 + 36 + 6 * (len(part) + 1) + 6 * (len(serial) + 1)]
    return bits


def has_no_gdti_113(uri: str, _bits: str) -> bool:
    """Decided: GS1 has withdrawn it, tags that have it are still out there."""
    return ":gdti-113:" in uri


def splits_at_a_colon(uri: str, _bits: str) -> bool:
    """Decided: a colon may stand in a serial as it is (TDS annex A, no escape)."""
    return uri.count(":") > len(["urn", "epc", "tag", "sgtin-198", ""]) - 1


def counts_escapes(uri: str, _bits: str) -> bool:
    """Decided: %2F is one character of the sixteen, seventeen or thirty that there may be."""
    scheme, _, body = uri.removeprefix("urn:epc:tag:").partition(":")
    parts = body.split(".", 2 if scheme == "giai-202" else 3)
    if scheme in ("giai-202", "cpi-var"):
        return len(parts[1] + parts[2]) > KEY_MAX
    return len(parts[-1]) > SERIAL_MAX.get(scheme, len(parts[-1]))


def stumbles_over_an_escape(uri: str, _bits: str) -> bool:
    """Decided: %2F is a slash wherever it stands; epcpy takes two digits for an escape only."""
    return re.search(r"(?:\.|%\d\d)%(?:2F|3[CEF])", uri) is not None


def finds_zeros_across_characters(uri: str, bits: str) -> bool:
    """Decided: the six zero bits of ADI begin where a character begins (TDS 14.4.8)."""
    return ":adi-var:" in uri and bits[50:].find("000000") != 6 * len(parts_of(uri)[1])


Excuse = Callable[[str, str], bool]
EXCUSES: tuple[Excuse, ...] = (
    has_no_gdti_113,
    splits_at_a_colon,
    counts_escapes,
    stumbles_over_an_escape,
    finds_zeros_across_characters,
)


def excused(uri: str, bits: str) -> bool:
    return any(excuse(uri, bits) for excuse in EXCUSES)


def theirs(epcpy: ModuleType, bits: str) -> tuple[str, str | None]:
    """Give URI and GS1 element string, or what it fails with."""
    try:
        read = epcpy.binary_to_tag_encodable(bits)
        element = read.gs1_element_string() if hasattr(read, "gs1_element_string") else None
    except Exception as error:  # noqa: BLE001 (of any kind, so it seems)
        return f"{type(error).__name__}: {getattr(error, 'message', error)}", None
    return read.epc_uri, element


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_read_the_same(epcpy: ModuleType, scheme: str) -> None:
    print(f"SEED={SEED}")
    draw = Random(f"{SEED} {scheme}")
    compared = 0
    for _ in range(TAGS):
        uri = tag_uri(draw, scheme)
        written = encode(uri)
        assert written.error is None, uri
        tag = decode(written.epc)
        assert (tag.tag_uri, tag.uri) == (uri, identity_uri(uri))
        bits = exact_bits(uri, written.epc)
        if excused(uri, bits):
            continue
        compared += 1
        element = "".join(f"({ai}){value}" for ai, value in tag.fields.items()) or None
        assert theirs(epcpy, bits) == (tag.uri, element), uri
    assert compared > TAGS // 10 or scheme == "gdti-113"


@pytest.mark.parametrize(
    ("uri", "excuse"),
    [
        ("urn:epc:tag:gdti-113:1.0123456789.01.3445678", has_no_gdti_113),
        ("urn:epc:tag:giai-202:4.000000001.A:B", splits_at_a_colon),
        ("urn:epc:tag:grai-170:3.08688949.6276.ABCDEFGHIJKLMN%26O", counts_escapes),
        ("urn:epc:tag:gdti-174:3.00000000001.1.ABCDEFGHIJKLMNO%26P", counts_escapes),
        ("urn:epc:tag:giai-202:5.00000000.ABCDEFGHIJKLMNOPQRST%26", counts_escapes),
        ("urn:epc:tag:cpi-var:2.999999999999.ABCDEFGHIJKLMNOP%23.0", counts_escapes),
        ("urn:epc:tag:sgtin-198:3.95060001343.05.%2Fb", stumbles_over_an_escape),
        ("urn:epc:tag:sgtin-198:3.95060001343.05.a%25%2Fb", stumbles_over_an_escape),
        ("urn:epc:tag:adi-var:59.H10X0Q.P0A.F", finds_zeros_across_characters),
    ],
)
def test_each_difference_is_there(
    epcpy: ModuleType, uri: str, excuse: Callable[[str, str], bool]
) -> None:
    """An excuse that is none any more is struck: the newer epcpy is then compared with."""
    written = encode(uri)
    tag = decode(written.epc)
    bits = exact_bits(uri, written.epc)
    assert excuse(uri, bits)
    assert tag.tag_uri == uri
    element = "".join(f"({ai}){value}" for ai, value in tag.fields.items()) or None
    assert theirs(epcpy, bits) != (tag.uri, element)


def test_a_reference_without_digits_that_is_not_zero_is_refused(epcpy: ModuleType) -> None:
    """Decided: no number of no digits is 1 (TDS 14.4.3); epcpy does not look at the bit."""
    epc = "2C00000000000A0000000001"
    assert decode(epc).error is not None
    assert theirs(epcpy, f"{int(epc, 16):096b}")[0].startswith("urn:epc:id:gdti:")
