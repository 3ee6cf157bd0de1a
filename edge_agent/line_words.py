"""Events of the line in the words of the floor: who called, who came, what stopped, how long.

What is told here came over the network: any value may stand under any key, and makes a line.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

MINUTES_FROM_S: Final = 120.0
"""A longer duration is told in minutes."""

DURATION_S_MAX: Final = 1e9
"""A duration that is no shorter is shown as it came: no arithmetic on what may be any number."""

Said = Mapping[str, Any]


def _by(said: Said) -> str:
    """Say who did it; the device is only who pulled."""
    who = said.get("actor")
    return f" ({who})" if who else ""


def _where(said: Said) -> str:
    device = said.get("device")
    return f" ({device})" if device else ""


def _lasted(duration_s: object) -> str:
    if not isinstance(duration_s, int | float) or not abs(duration_s) < DURATION_S_MAX:
        return f"{duration_s} s"
    if duration_s < MINUTES_FROM_S:
        return f"{duration_s:g} s"
    return f"{duration_s / 60:.1f} min"


def _after(said: Said, key: str) -> str:
    return f" after {_lasted(said[key])}" if said.get(key) is not None else ""


def _local(stamp: object) -> str:
    try:
        return datetime.fromisoformat(str(stamp)).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError):
        return str(stamp)


def _names(said: Said, key: str) -> str:
    named = said.get(key)
    return ", ".join(str(one) for one in named) if isinstance(named, list) else ""


def _raised(said: Said) -> tuple[str, str]:
    due = f"; the line stops at {_local(said['due'])}" if _stops(said) else ""
    return "CALL", f"{said.get('category')}{_where(said)}{due}"


def _stops(said: Said) -> bool:
    return bool(said.get("stops") and said.get("due"))


def _taken(said: Said) -> tuple[str, str]:
    return "taken", f"{said.get('category')}: somebody is on the way{_by(said)}"


def _acked(said: Said) -> tuple[str, str]:
    return "acked", f"{said.get('category')}{_after(said, 'tta_s')}{_by(said)}"


def _escalated(said: Said) -> tuple[str, str]:
    people = _names(said, "people") or "nobody is on shift"
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
    return "FAULT", f"{said.get('category')} input: {said.get('fault')}{_where(said)}"


def _fault_cleared(said: Said) -> tuple[str, str]:
    return "reset", f"{said.get('category')} input works again{_by(said)}"


def _rejected(said: Said) -> tuple[str, str]:
    return "not done", f"{said.get('why')}"


def _why(said: Said) -> str:
    return f": {said['reason']}" if said.get("reason") else ""


def _bypassed(said: Said) -> tuple[str, str]:
    until = f"{_local(said.get('until'))}{_by(said)}{_why(said)}"
    return "BYPASS", f"{said.get('category')} stops nothing until {until}"


def _bypass_ended(said: Said) -> tuple[str, str]:
    return "bypass", f"{said.get('category')} stops the line again{_by(said)}"


def _training(said: Said) -> tuple[str, str]:
    return "TRAINING", f"begins{_by(said)}: outputs stay still"


def _training_ended(said: Said) -> tuple[str, str]:
    return "training", f"is over{_by(said)}: what happens now is meant"


def _estop(said: Said) -> tuple[str, str]:
    return "E-STOP", f"was seen to be actuated at {said.get('device')}: nothing here acts on it"


def _estop_reset(said: Said) -> tuple[str, str]:
    return "E-STOP", f"was seen to be reset at {said.get('device')}"


def _handover(said: Said) -> tuple[str, str]:
    calls = said.get("calls")
    count = len(calls) if isinstance(calls, list) else 0
    still = {0: "nothing open", 1: "1 call is open"}.get(count, f"{count} calls are open")
    return "handover", f"{said.get('shift_from')} to {said.get('shift_to')}: {still}{_by(said)}"


def _stop_started(said: Said) -> tuple[str, str]:
    return "STOP", f"{said.get('segment')}: {said.get('category')} at {said.get('station')}"


def _stop_ended(said: Said) -> tuple[str, str]:
    return "runs", f"{said.get('segment')} again{_after(said, 'duration_s')}"


def _cycle(said: Said) -> tuple[str, str]:
    if said.get("cycle_s") is None:
        return "cycle", f"the first of a run{_good(said)}"
    long = {"small_stop": ", a small stop", "down": ", it was down"}.get(str(said.get("class")), "")
    return (
        "cycle",
        f"{_lasted(said['cycle_s'])} of {_lasted(said.get('takt_s'))}{long}{_good(said)}",
    )


def _overrun(said: Said) -> tuple[str, str]:
    call = "; better call" if said.get("suggest_call") else ""
    return "LATE", f"{_lasted(said.get('elapsed_s'))} of {_lasted(said.get('takt_s'))}{call}"


def _changeover(said: Said) -> tuple[str, str]:
    return "change", f"from {_product(said, 'from')} to {_product(said, 'to')} begins{_by(said)}"


def _changeover_ended(said: Said) -> tuple[str, str]:
    done = f"to {_product(said, 'to')} is done{_after(said, 'duration_s')}"
    return "change", f"{done}{_good(said)}"


def _good(said: Said) -> str:
    lasted_s = said.get("last_good_s")
    return "" if lasted_s is None else f", last good to first good {_lasted(lasted_s)}"


def _product(said: Said, key: str) -> str:
    return "no product" if said.get(key) is None else str(said[key])


def _pm_due(said: Said) -> tuple[str, str]:
    return "PM DUE", f"{said.get('cycles')} cycles of {said.get('limit')}: maintenance is due"


def _pm_done(said: Said) -> tuple[str, str]:
    return "PM done", f"after {said.get('cycles')} cycles{_by(said)}"


def _pitch(said: Said) -> tuple[str, str]:
    packs = f"{said.get('pitch_done')} of {said.get('pitch_due')} packs"
    return "BEHIND", f"{packs}, one every {_lasted(said.get('pitch_s'))}"


def _worked(said: Said) -> tuple[str, str]:
    until = said.get("until")
    if until is None:
        return "work", f"ends with the shift again{_by(said)}"
    return "work", f"goes on until {_local(until)}{_by(said)}"


def _starved(said: Said) -> tuple[str, str]:
    return "starved", f"nothing comes from upstream{_because(said)}"


def _blocked(said: Said) -> tuple[str, str]:
    return "blocked", f"nothing can be handed on{_because(said)}"


def _because(said: Said) -> str:
    return f" (stop {said['cause']})" if said.get("cause") else ""


def _flowing(said: Said) -> tuple[str, str]:
    return "flows", f"again{_after(said, 'lasted_s')}"


def _no_pulse(said: Said) -> tuple[str, str]:
    silent = f"no pulse from {said.get('device')} for {_lasted(said.get('silent_s'))}"
    return "SILENT", f"{said.get('segment')}: {silent}; nothing stops"


def _measures(said: Said) -> tuple[str, str]:
    when = f"{_local(said.get('from'))} to {_local(said.get('to'))}"
    made = "" if said.get("actual") is None else f", {said['actual']} of {said.get('plan')} parts"
    stopped = _lasted(said.get("stop_s"))
    return "measures", f"{when}: {said.get('pulls')} pulls, stopped {stopped}{made}"


# -- what is true when one begins to watch -------------------------------------------------------


def _display(said: Said) -> tuple[str, str]:
    if said.get("severity") == "ok":
        return "", ""
    lines = said.get("lines")
    told = "; ".join(str(line) for line in lines) if isinstance(lines, list) else ""
    return "now", told or str(said.get("text"))


def _segment(said: Said) -> tuple[str, str]:
    state, stop = said.get("state"), said.get("stop")
    if state == "running":
        return "", ""
    since = f" since {_local(stop.get('since'))}" if isinstance(stop, dict) else ""
    return "now", f"{said.get('segment')} is {state}{since}"


STANDINGS: Final[dict[str, Callable[[Said], tuple[str, str]]]] = {
    "display": _display,
    "segment": _segment,
}
"""Name of a state -> what is to be said of it to who begins to watch; "" of what is well."""

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
    "andon.handover": _handover,
    "andon.estop_observed": _estop,
    "andon.estop_reset_observed": _estop_reset,
    "stop.started": _stop_started,
    "stop.ended": _stop_ended,
    "takt.cycle": _cycle,
    "takt.overrun": _overrun,
    "takt.changeover_started": _changeover,
    "takt.changeover_ended": _changeover_ended,
    "takt.pm_due": _pm_due,
    "takt.pm_done": _pm_done,
    "takt.pitch_overdue": _pitch,
    "takt.worked": _worked,
    "takt.starved": _starved,
    "takt.blocked": _blocked,
    "takt.flowing": _flowing,
    "takt.no_pulse": _no_pulse,
    "kpi.hour": _measures,
    "kpi.shift": _measures,
}
"""Event type -> what happened and the text, from its `data`."""
