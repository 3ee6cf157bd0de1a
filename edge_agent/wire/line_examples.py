"""One example of every message of andon, as it would be on the wire."""

from typing import Any, Final

from edge_agent.wire.example_parts import EPOCH, STANDING, event

_CALL: Final = f"{EPOCH}-000000001300"
_STOP: Final = f"{EPOCH}-000000001305"
_RAISED: Final = {
    "call": _CALL,
    "category": "quality",
    "station": "A2",
    "segment": "SEG-A",
    "actor": None,
    "device": "cord-a2",
    "level": 1,
    "stops": True,
    "due": "2026-11-21T06:13:00.000Z",
}
_LATER: Final = _RAISED | {
    "age_s": 12.5,
    "stopped": False,
    "ack_implied": False,
    "repeat_count": 0,
}
_ACKED: Final = _LATER | {"tta_s": 12.5, "actor": "L. Weber"}
_CLEARED: Final = _ACKED | {"age_s": 25.0, "ttr_s": 25.0}
_PLACE: Final = {
    "call": None,
    "category": "quality",
    "station": "A2",
    "segment": "SEG-A",
    "actor": None,
    "device": None,
}
_STOPPED: Final = {
    "stop": _STOP,
    "segment": "SEG-A",
    "calls": [_CALL],
    "primary": _CALL,
    "category": "quality",
    "station": "A2",
    "shift": "early",
}
_ESTOP = {"station": "A3", "segment": "SEG-A", "device": "estop-a3"}
_TRAINING: Final = {"station": "A2", "segment": "SEG-A", "actor": "L. Weber"}


def _andon(kind: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    return event(kind, "urgent", "A2", number, data)


LINE_EVENTS: Final[dict[str, dict[str, Any]]] = {
    "andon.raised": _andon("andon.raised", 1300, _RAISED),
    "andon.taken": _andon("andon.taken", 1301, _LATER | {"actor": "L. Weber"}),
    "andon.acked": _andon("andon.acked", 1302, _ACKED),
    "andon.escalated": _andon(
        "andon.escalated",
        1303,
        _LATER
        | {
            "level": 2,
            "age_s": 60.0,
            "notify": "group-leader",
            "people": ["M. Sato"],
            "after_s": 60.0,
        },
    ),
    "andon.stopped": _andon("andon.stopped", 1304, _LATER | {"stopped": True, "age_s": 40.0}),
    "stop.started": event("stop.started", "urgent", "segment/SEG-A", 1305, _STOPPED),
    "andon.cleared": _andon("andon.cleared", 1306, _CLEARED),
    "andon.closed": _andon("andon.closed", 1307, _CLEARED | {"reason": "FIT", "age_s": 40.0}),
    "stop.ended": event(
        "stop.ended",
        "urgent",
        "segment/SEG-A",
        1308,
        _STOPPED
        | {
            "duration_s": 420.0,
            "unobserved_s": 0.0,
            "by_shift": [
                {"shift": "early", "stop_s": 60.0},
                {"shift": "late", "stop_s": 360.0},
            ],
            "scheduled_s": 420.0,
        },
    ),
    "andon.repeated": _andon("andon.repeated", 1309, _LATER | {"repeat_count": 1}),
    "andon.fault": _andon(
        "andon.fault", 1310, _PLACE | {"device": "cord-a2", "fault": "wire-break"}
    ),
    "andon.fault_cleared": _andon(
        "andon.fault_cleared", 1311, _PLACE | {"actor": "L. Weber", "fault": "wire-break"}
    ),
    "andon.rejected": _andon(
        "andon.rejected",
        1312,
        _PLACE
        | {
            "trigger": "acknowledged at the station",
            "why": "acknowledged at the station: no such call is open here",
        },
    ),
    "andon.bypassed": _andon(
        "andon.bypassed",
        1313,
        _PLACE | {"actor": "L. Weber", "until": "2026-11-21T08:00:00.000Z", "reason": "TOOL"},
    ),
    "andon.bypass_ended": _andon("andon.bypass_ended", 1314, _PLACE),
    "andon.training_started": _andon("andon.training_started", 1315, _TRAINING)
    | {"training": True},
    "andon.training_ended": _andon("andon.training_ended", 1316, _TRAINING),
    "andon.estop_observed": _andon("andon.estop_observed", 1318, _ESTOP),
    "andon.estop_reset_observed": _andon("andon.estop_reset_observed", 1319, _ESTOP),
    "andon.handover": _andon(
        "andon.handover",
        1317,
        _TRAINING | {"shift_from": "early", "shift_to": "late", "calls": [_CALL]},
    ),
}
"""Event type -> example."""

LINE_STATES: Final[dict[str, dict[str, Any]]] = {
    "state.andon": {
        "station": "A2",
        "segment": "SEG-A",
        "calls": [
            {
                "call": _CALL,
                "category": "quality",
                "state": "called",
                "level": 1,
                "raised": "2026-11-21T06:12:03.417Z",
                "due": "2026-11-21T06:13:00.000Z",
                "stops": True,
                "taken_by": None,
                "repeat_count": 0,
                "asked": ["L. Weber"],
            }
        ],
        "faults": [],
        "bypass": [],
        "training": False,
        "showing": ["called", "normal"],
    }
    | STANDING,
    "state.display": {
        "station": "A2",
        "text": "quality called: the line stops at 06:13:00",
        "lines": ["quality called: the line stops at 06:13:00"],
        "severity": "call",
    }
    | STANDING,
    "state.segment": {
        "segment": "SEG-A",
        "state": "stop-pending",
        "scheduled": True,
        "stop": None,
        "due": "2026-11-21T06:13:00.000Z",
        "restart_from": None,
        "training": False,
    }
    | STANDING,
}
"""Name of a state -> example."""


def _command(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"3d9f4f6e-7a4b-4b7e-9a53-{name:0>12.12}",
        "source": "/andon-board",
        "type": f"cmd.{name}",
        "expires": "2026-11-21T06:13:03Z",
        "data": {"actor": "L. Weber"} | data,
    }


LINE_COMMANDS: Final[dict[str, dict[str, Any]]] = {
    "cmd.ack": _command("ack", {"call": _CALL}),
    "cmd.clear": _command("clear", {"category": "material"}),
    "cmd.confirm-stop": _command("confirm-stop", {}),
    "cmd.reset-fault": _command("reset-fault", {"category": "quality"}),
    "cmd.mute": _command("mute", {"for_s": 60}),
    "cmd.lamp-test": _command("lamp-test", {"for_s": 5}),
    "cmd.bypass": _command("bypass", {"category": "quality", "for_s": 3600}),
    "cmd.training": _command("training", {"on": True}),
    "cmd.reason": _command("reason", {"reason": "FIT"}),
    "cmd.count": _command("count", {"count": 2}),
    "cmd.changeover": _command("changeover", {"on": True, "product": "P2"}),
    "cmd.worked": _command("worked", {"until": "2026-11-21T16:00:00Z"}),
    "cmd.handover": _command("handover", {}),
    "cmd.maintained": _command("maintained", {}),
}
"""Command -> example."""
