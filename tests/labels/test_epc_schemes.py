"""The table of facts is what GS1 has published."""

import os
from importlib import import_module
from pathlib import Path

import pytest

from edge_agent.labels import epc_schemes
from edge_agent.labels.epc_layout import headers, layout
from tests.kit.epc_uris import SCHEMES

ROOT = Path(__file__).resolve().parents[2]
FACTS = Path(os.environ.get("FACTS") or ROOT.parent / "shared" / "facts")


def test_the_table_is_derived_from_the_published_files() -> None:
    if not (FACTS / "tdt").is_dir():
        pytest.skip(f"{FACTS} is not there; FACTS names the folder")
    derive = import_module("tests.labels.derive_epc")
    written = Path(epc_schemes.__file__).read_text("utf-8")
    assert derive.module(FACTS) == written, f"run python -m tests.labels.derive_epc {FACTS}"


def test_every_scheme_of_the_standard_is_there() -> None:
    assert sorted(headers()) == sorted(SCHEMES)
    assert sorted(epc_schemes.PLUS) == list(range(0xF0, 0xFC))


@pytest.mark.parametrize("header", epc_schemes.CLASSIC)
def test_the_fields_of_a_scheme_fill_its_bits(header: int) -> None:
    scheme = layout(header)
    assert scheme is not None
    for row in scheme.partitions[:7]:
        assert row is not None
        if scheme.bits:
            pieces = 14 if scheme.pieces else 0
            company = row.company_mask.bit_length()
            used = 14 + company + row.reference_bits + pieces + scheme.serial_bits
            assert used == scheme.bits
    assert scheme.partitions[7] is None
