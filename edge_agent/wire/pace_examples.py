"""One example of every message of pace, as it would be on the wire."""

from typing import Any, Final

from edge_agent.wire.example_parts import EPOCH, STANDING, event

_PLACE: Final = {"station": "A2", "segment": "SEG-A"}
_MEASURES: Final = _PLACE | {
    "shift": "early",
    "day": "2026-11-21",
    "from": "2026-11-21T05:00:00.000Z",
    "to": "2026-11-21T06:00:00.000Z",
    "pulls": 3,
    "tta_s": {"mean": 18.0, "p50": 14.5, "p90": 31.0, "n": 3, "never": 0},
    "tta_acked_s": {"mean": 22.75, "p50": 22.75, "p90": 31.0, "n": 2, "never": 0},
    "ttr_s": {"mean": 95.0, "p50": 41.0, "p90": 210.0, "n": 3, "never": 0},
    "stop_s": 170.0,
    "stopping": 2,
    "without_stop": 1,
    "escalated": 1,
    "by_level": {"1": 2, "2": 1},
    "actual": 52,
    "plan": 55,
    "expected": 52,
    "cycles": {"down": 1, "normal": 50, "small_stop": 1},
    "changeovers": 1,
    "last_good_s": 702.5,
    "repeats": 1,
    "test_pulls": 0,
    "unobserved_s": 0.0,
    "calendar": "two-shift@1b2c3d4e",
}


def _takt(name: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    return event(f"takt.{name}", "normal", "A2", number, _PLACE | data)


PACE_EVENTS: Final[dict[str, dict[str, Any]]] = {
    "takt.cycle": _takt(
        "cycle",
        1401,
        {"count": 1, "cycle_s": 58.4, "takt_s": 60.0, "class": "normal", "product": None},
    ),
    "takt.overrun": _takt(
        "overrun", 1402, {"elapsed_s": 63.0, "takt_s": 60.0, "suggest_call": False}
    ),
    "takt.changeover_started": _takt(
        "changeover_started", 1403, {"from": "P1", "to": "P2", "actor": "L. Weber"}
    ),
    "takt.changeover_ended": _takt(
        "changeover_ended",
        1404,
        {"from": "P1", "to": "P2", "duration_s": 610.0, "last_good_s": 702.5, "actor": "L. Weber"},
    ),
    "takt.pm_due": _takt("pm_due", 1405, {"cycles": 5000, "limit": 5000}),
    "takt.pm_done": _takt("pm_done", 1412, {"cycles": 5012, "limit": 5000, "actor": "K. Ito"}),
    "takt.pitch_overdue": _takt(
        "pitch_overdue",
        1413,
        {
            "pitch_s": 600.0,
            "pack_quantity": 10,
            "pitch_due": 6,
            "pitch_done": 5,
            "pitches_behind": 1,
            "product": "P2",
        },
    ),
    "takt.worked": _takt(
        "worked", 1414, {"until": "2026-11-21T14:00:00.000Z", "actor": "L. Weber"}
    ),
    "takt.starved": _takt("starved", 1406, {"cause": f"{EPOCH}-000000001305"}),
    "takt.blocked": _takt("blocked", 1407, {"cause": None}),
    "takt.flowing": _takt("flowing", 1408, {"cause": None, "lasted_s": 85.5}),
    "takt.no_pulse": _takt("no_pulse", 1409, {"device": "pulse-a", "silent_s": 90.0}),
    "kpi.hour": event("kpi.hour", "normal", "A2", 1410, _MEASURES),
    "kpi.shift": event(
        "kpi.shift", "normal", "A2", 1411, _MEASURES | {"to": "2026-11-21T13:00:00.000Z"}
    ),
}
"""Event type -> example."""

PACE_STATES: Final[dict[str, dict[str, Any]]] = {
    "state.takt": _PLACE
    | {
        "takt_s": 60.0,
        "plan_now": 55,
        "expected_now": 52,
        "plan_shift": 440,
        "actual": 52,
        "difference": -3,
        "efficiency": 0.945,
        "down_s": 170.0,
        "cycle_elapsed_s": 12.5,
        "cycle_takt_s": 60.0,
        "cycle_runs": True,
        "last_cycle_s": 58.4,
        "late": False,
        "suggest_call": False,
        "pack_quantity": 10,
        "pitch_s": 600.0,
        "pitch_due": 5,
        "pitch_done": 5,
        "pitches_behind": 0,
        "shift": "early",
        "product": None,
        "pm_in": 412,
    }
    | STANDING,
}
"""Name of a state -> example."""
