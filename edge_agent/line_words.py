"""Andon events in the words of the floor: who called, who came, what stopped and for how long."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Said = Mapping[str, Any]


def _by(said: Said) -> str:
    who = said.get("actor") or said.get("device")
    return f" ({who})" if who else ""


def _after(said: Said, key: str) -> str:
    return f" after {said[key]} s" if said.get(key) is not None else ""


def _raised(said: Said) -> tuple[str, str]:
    due = f"; the line stops at {said['due']}" if said.get("stops") and said.get("due") else ""
    return "CALL", f"{said.get('category')}{_by(said)}{due}"


def _taken(said: Said) -> tuple[str, str]:
    return "taken", f"{said.get('category')}: somebody is on the way{_by(said)}"


def _acked(said: Said) -> tuple[str, str]:
    return "acked", f"{said.get('category')}{_after(said, 'tta_s')}{_by(said)}"


def _escalated(said: Said) -> tuple[str, str]:
    people = ", ".join(said.get("people") or ()) or "nobody is on shift"
    asked = f"{said.get('notify')}: {people}" if said.get("notify") else people
    return "LEVEL " + str(said.get("level")), f"{said.get('category')}: {asked}"


def _stopped(said: Said) -> tuple[str, str]:
    return "STOPPED", f"{said.get('category')}{_after(said, 'age_s')}"


def _cleared(said: Said) -> tuple[str, str]:
    how = ", the line had stopped" if said.get("stopped") else ""
    return "cleared", f"{said.get('category')}{_after(said, 'ttr_s')}{how}{_by(said)}"


def _closed(said: Said) -> tuple[str, str]:
    return "closed", f"{said.get('category')}: {said.get('reason')}"


def _repeated(said: Said) -> tuple[str, str]:
    return "again", f"{said.get('category')}: pulled {said.get('repeat_count')} more times"


def _fault(said: Said) -> tuple[str, str]:
    return "FAULT", f"{said.get('category')} input: {said.get('fault')}{_by(said)}"


def _fault_cleared(said: Said) -> tuple[str, str]:
    return "reset", f"{said.get('category')} input works again{_by(said)}"


def _rejected(said: Said) -> tuple[str, str]:
    return "not done", f"{said.get('why')}"


def _bypassed(said: Said) -> tuple[str, str]:
    return "BYPASS", f"{said.get('category')} stops nothing until {said.get('until')}{_by(said)}"


def _bypass_ended(said: Said) -> tuple[str, str]:
    return "bypass", f"{said.get('category')} stops the line again{_by(said)}"


def _training(said: Said) -> tuple[str, str]:
    return "TRAINING", f"begins{_by(said)}: outputs stay still"


def _training_ended(said: Said) -> tuple[str, str]:
    return "training", f"is over{_by(said)}: what happens now is meant"


def _stop_started(said: Said) -> tuple[str, str]:
    return "STOP", f"{said.get('segment')}: {said.get('category')} at {said.get('station')}"


def _stop_ended(said: Said) -> tuple[str, str]:
    return "runs", f"{said.get('segment')} again{_after(said, 'duration_s')}"


LINES: Final[dict[str, Callable[[Said], tuple[str, str]]]] = {
    "andon.raised": _raised,
    "andon.taken": _taken,
    "andon.acked": _acked,
    "andon.escalated": _escalated,
    "andon.stopped": _stopped,
    "andon.cleared": _cleared,
    "andon.closed": _closed,
    "andon.repeated": _repeated,
    "andon.fault": _fault,
    "andon.fault_cleared": _fault_cleared,
    "andon.rejected": _rejected,
    "andon.bypassed": _bypassed,
    "andon.bypass_ended": _bypass_ended,
    "andon.training_started": _training,
    "andon.training_ended": _training_ended,
    "stop.started": _stop_started,
    "stop.ended": _stop_ended,
}
"""Event type -> what happened and the text, from its `data`."""
