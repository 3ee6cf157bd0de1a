"""The judge itself: each kind of lie is found out, or the tests that rely on it prove nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.agents import BASE, Gun
from tests.kit.arrivals import Arrival, Arrivals, judge

EPOCH = "0123456789ab"


def event(number: int, *, lane: str = "normal", text: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": f"{EPOCH}-{number:012d}",
        "epoch": EPOCH,
        "sequence": f"{number:012d}",
        "streamseq": f"{number:012d}",
        "source": f"/{BASE}/A2",
        "type": "scan.read",
        "clock": "synced",
        "recordedtime": "2026-11-21T06:12:03.431Z",
        "agent": "pi-a2",
        "lane": lane,
        "data": {"device": "gun-1", "text": text or f"T-{number}"},
    } | more


def judged(events: list[dict[str, Any]], *, made: int = 3) -> int:
    """Judge these arrivals against a gun whose scans T-1, T-2 ... were all accepted."""
    gun = Gun("gun-1", "A2", Path("/nowhere"), [f"T-{n + 1}" for n in range(made)])
    gun.answers = [
        {"text": f"T-{n}", "outcome": "accepted", "id": f"{EPOCH}-{n:012d}"}
        for n in range(1, made + 1)
    ]
    arrivals = Arrivals(0)
    arrivals.heard = [
        Arrival(f"{BASE}/A2/scan", json.dumps(one).encode(), retained=False, dup=False)
        for one in events
    ]
    return judge(arrivals, [gun])


def test_what_is_in_order_is_let_pass_and_repeats_are_counted() -> None:
    assert judged([event(1), event(2), event(3)]) == 0
    assert judged([event(1), event(2), event(1), event(2), event(3)]) == 2


LIES = {
    "accepted and lost": [event(1), event(2)],
    "never scanned": [event(1), event(2), event(3), event(4, text="X")],
    "under two ids": [event(1), event(2), event(3), event(4, text="T-1")],
    "no word of": [event(1), event(2), event(3), event(5, type="scan.rejected")],
    "came behind": [event(2), event(1), event(3)],
    "one id, two events": [event(1), event(2), event(3), event(2, source="/elsewhere")],
    "sent before its commit": [event(1, recordedtime="0000-00-00T00:00:00.000Z")],
    "came behind 3": [event(1), event(3), event(2, lane="urgent")],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_out(lie: str) -> None:
    with pytest.raises(AssertionError, match=lie):
        judged(LIES[lie])


def test_a_number_that_is_explained_is_not_missing() -> None:
    gap = {"epoch": EPOCH, "first": "4", "last": "4", "reason": "refused", "streams": []}
    said = event(5, type="outbox.gap", data=gap)
    assert judged([event(1), event(2), event(3), said]) == 0
