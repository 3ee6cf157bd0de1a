"""One example of every message, as it would be on the wire; each is what its model allows."""

from typing import Any, Final

from edge_agent.wire.example_parts import BASE, EPOCH, STANDING, event
from edge_agent.wire.line_examples import LINE_COMMANDS, LINE_EVENTS, LINE_STATES
from edge_agent.wire.pace_examples import PACE_EVENTS, PACE_STATES

_EVENTS: Final[dict[str, dict[str, Any]]] = {
    "scan.read": event(
        "scan.read",
        "normal",
        "A2",
        1234,
        {"device": "gun-1", "text": "K-0417", "format": "plain", "fields": {}},
    ),
    "scan.rejected": event(
        "scan.rejected",
        "normal",
        "A2",
        1235,
        {
            "device": "gun-1",
            "text": "K-04\ufffd7",
            "hex": "4b2d3034ff37",
            "symbology": "]C0",
            "reason": "unknown",
            "message": "K-04\ufffd7 is no card, container, badge or place of this site",
        },
    ),
    "alarm.raised": event(
        "alarm.raised",
        "urgent",
        "A2",
        1236,
        {
            "alarm": "device:gun-1",
            "kind": "device",
            "device": "gun-1",
            "message": "/dev/serial/by-id/usb-Zebra_DS3678-if00 is not there",
            "remedy": "plug the scanner in, or correct `port`",
        },
    ),
    "alarm.cleared": event(
        "alarm.cleared",
        "urgent",
        "A2",
        1237,
        {
            "alarm": "device:gun-1",
            "kind": "device",
            "device": "gun-1",
            "message": "working again",
            "lasted_s": 12.5,
        },
    ),
    "outbox.gap": event(
        "outbox.gap",
        "urgent",
        "agent/pi-a2",
        1238,
        {
            "epoch": EPOCH,
            "first": 1230,
            "last": 1230,
            "reason": "too_large",
            "streams": [{"topic": f"{BASE}/A2/scan", "first": 973, "last": 973}],
        },
    ),
    "clock.corrected": event(
        "clock.corrected",
        "urgent",
        "agent/pi-a2",
        1239,
        {
            "epoch": EPOCH,
            "boot": "4be1c2d3",
            "offset_s": 1795240711.071321,
            "first": 1,
            "last": 12,
        },
    ),
    "agent.started": event(
        "agent.started",
        "urgent",
        "agent/pi-a2",
        1240,
        {"version": "0.1.0", "previous_end": "cut", "unobserved_s": 3.25},
    ),
    "agent.reloaded": event(
        "agent.reloaded",
        "urgent",
        "agent/pi-a2",
        1242,
        {"message": "1 device added, the rules of the line changed", "after_restart": []},
    ),
    "journal.quarantined": event(
        "journal.quarantined",
        "urgent",
        "agent/pi-a2",
        1241,
        {
            "folder": "corrupt-1",
            "epoch": "51d0c8a9e7b3",
            "rows": 1502,
            "waiting": 3,
            "last": 1504,
            "lost": 2,
            "unread_bytes": 4096,
            "why": "Tree 5 page 17: btreeInitPage() returns error code 11",
        },
    ),
}

EVENTS: Final = _EVENTS | LINE_EVENTS | PACE_EVENTS
"""Event type -> example."""

PLAIN: Final[dict[str, dict[str, Any]]] = {
    "status": {
        "state": "online",
        "connection": 3,
        "boot": "4be1c2d3",
        "nonce": "9b1f5c0e7d2a4c68",
        "version": "0.1.0",
    }
    | STANDING,
    "health": {
        "boot": "4be1c2d3",
        "version": "0.1.0",
        "last_seq": {EPOCH: {"sequence": 1240, "topics": {f"{BASE}/A2/scan": 977}}},
        "counters": {
            "reads": {
                "received": 980,
                "accepted": 975,
                "rejected": 2,
                "suppressed": 3,
                "pending": 0,
            },
            "events": {
                "stored": 1240,
                "acknowledged": 1239,
                "waiting": 0,
                "set_aside": 1,
                "dropped": 0,
            },
            "oldest_waiting_s": 0.0,
            "journal_bytes": 5242880,
            "days_of_autonomy": 311.5,
            "commit_ms_p50": 1.4,
            "commit_ms_p99": 9.8,
            "press_to_light_ms_max": None,
        },
        "conditions": {"journal": "ok", "broker": "ok", "clock": "ok", "device:gun-1": "trouble"},
        "temperature_c": 48.3,
    }
    | STANDING,
    "state.info": {"station": "A2", "segment": "SEG-A", "parts": [], "loops": []} | STANDING,
    "cmd.replay": {
        "specversion": "1.0",
        "id": "0d9f4f6e-7a4b-4b7e-9a53-1f0f2f3a4b5c",
        "source": "/mes",
        "type": "cmd.replay",
        "nonce": "9b1f5c0e7d2a4c68",
        "data": {"actor": "mes", "epoch": EPOCH, "first": 1200, "last": 1210},
    },
    "doctor": {"doctor": "9f3c1b7a5e0d2846"},
    "result": {
        "id": "0d9f4f6e-7a4b-4b7e-9a53-1f0f2f3a4b5c",
        "type": "cmd.replay",
        "outcome": "done",
        "reason": None,
        "message": "10 events sent again",
        "agent": "pi-a2",
        "asof": "2026-11-21T06:12:05.000Z",
        "replay": {
            "epoch": EPOCH,
            "topic": None,
            "first": 1200,
            "last": 1210,
            "sent": 10,
            "missing": [{"first": 1207, "last": 1207, "reason": "expired"}],
        },
    },
}
"""Name of a message without envelope -> example."""

EXAMPLES: Final = EVENTS | PLAIN | LINE_STATES | PACE_STATES | LINE_COMMANDS
"""Every message that this version sends or takes."""
