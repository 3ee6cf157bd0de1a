"""What the examples of messages are made of: an envelope, and what every state says."""

from typing import Any, Final

EPOCH: Final = "7f3a9c0d1e2f"
BASE: Final = "acme/plant1/assembly/line3"
ASOF: Final = "2026-11-21T06:12:05.000Z"
STANDING: Final = {"agent": "pi-a2", "asof": ASOF, "valid_s": 60}


def event(kind: str, lane: str, source: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    """Give an event with this number; `source` is a station, `agent/A` or `segment/S`."""
    return {
        "specversion": "1.0",
        "id": f"{EPOCH}-{number:012d}",
        "time": "2026-11-21T06:12:03.417Z",
        "recordedtime": "2026-11-21T06:12:03.431Z",
        "clock": "synced",
        "monons": "812345678901",
        "bootid": "4be1c2d3",
        "source": f"/{BASE}/{source}",
        "type": kind,
        "epoch": EPOCH,
        "lane": lane,
        "agent": "pi-a2",
        "sequence": f"{number:012d}",
        "streamseq": f"{number - 257:012d}",
        "data": data,
    }
