"""What was scanned says what it is: its format, its fields, and what was odd about it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels.decoder import Decoder
from edge_agent.labels.layout import Field, Layout, Mark
from edge_agent.wire import payload
from tests.kit.line_bench import Bench
from tests.kit.oracle import checked

CARD = Layout("plant-card", (Mark(0, "K-"),), (Field("card", 0, 6),))


def scanned(bench: Bench, raw: bytes) -> dict[str, object]:
    bench.scan(raw)
    bench.turn()
    assert bench.store is not None
    row = bench.store.all_after(0, 1_000)[-1]
    said: dict[str, object] = checked(row.payload)["data"]
    return {key: what for key, what in said.items() if key not in ("device", "text", "hex")}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"hello", {"format": "plain", "fields": {}}),
        (b"K-0417", {"format": "layout:plant-card", "fields": {"card": "K-0417"}}),
        (
            b"]C1011231231231233310ABC",
            {
                "symbology": "]C1",
                "format": "gs1",
                "fields": {"01": "12312312312333", "10": "ABC"},
                "ids": {"gtin": "12312312312333", "lot": "ABC"},
            },
        ),
        (
            b"]C10112312312312334",
            {
                "symbology": "]C1",
                "format": "gs1",
                "fields": {},
                "error": "(01) the check digit of 12312312312334 should be 3",
            },
        ),
        (
            b"[)>\x1e06\x1dPA\x1dSB\x1dSC",
            {
                "format": "iso15434",
                "fields": {"P": "A", "S": ["B", "C"]},
                "ids": {"part": "A"},
                "warnings": ["no trailer"],
            },
        ),
        (b"E:1007", {"format": "plain", "fields": {}, "ids": {"badge": "E:1007"}}),
        (b"\xff\xfe", {"format": "plain", "fields": {}}),
    ],
)
def test_a_scan_says_what_it_is(bench: Bench, raw: bytes, said: dict[str, object]) -> None:
    bench.line.decoder = Decoder((CARD,))
    assert scanned(bench, raw) == said


def test_a_restart_and_a_reload_decode_by_what_is_written_now(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data").start()
    assert scanned(bench, b"K-0417")["format"] == "plain"
    bench.line.decoder = Decoder((CARD,))
    assert scanned(bench, b"K-0418")["format"] == "layout:plant-card"
    bench.close()


@given(st.binary(max_size=80))
def test_what_a_label_says_is_bounded_by_its_text(raw: bytes) -> None:
    words = raw.decode("utf-8", "replace")
    kind, _, ids, fields, warnings, error = Decoder().text(words)
    label = payload.labelled(kind, fields, ids, warnings, error)
    said = json.loads(payload.ScanTemplate("gun-1").read(raw, None, label))
    assert said["format"] == kind
    assert len(label) <= 40 * len(raw) + 400
