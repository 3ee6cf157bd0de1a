"""The rounds: checks in lanes beside each other, each with its time limit, and one for them all.

Rules:
1. A check that hangs is left behind at its limit and is a finding itself; its lane goes on.
2. A check that throws is a finding as well: a fault of ours must not hide what the others found.
3. Findings come out in the order in which the checks were given.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.doctor.findings import Check, Finding
from edge_agent.ports import Verdict

WHOLE_S: Final = 90.0
"""After so long the rounds end; what was not reached until then is said to be so."""

_NS: Final = 1_000_000_000


class _Call:
    """One check on its way."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.over = threading.Event()
        self._found: list[Finding] = []
        self._late = False
        self._begun = False

    def walk(self) -> None:
        """Do it, in a thread of its own, and wait until it is done or late."""
        self._begun = True
        thread = threading.Thread(target=self._probe, name="doctor", daemon=True)
        thread.start()
        thread.join(self.check.limit_s)
        self._late = thread.is_alive()
        self.over.set()

    def findings(self) -> list[Finding]:
        """Give what was found so far, and why there is no more of it."""
        found, check = list(self._found), self.check
        if not self._begun:
            what, remedy = "there was no time left for this", "mend what is above, and run it again"
        elif self._late or not self.over.is_set():
            standing, remedy = check.standing()
            what = f"{standing}; given up after {check.limit_s:g} s"
        else:
            return found
        return [*found, Finding(check.name, check.group, Verdict.FAIL, what, remedy)]

    def _probe(self) -> None:
        check = self.check
        try:
            for finding in check.probe():
                self._found.append(finding)
        except Exception as fault:  # noqa: BLE001 - rule 2: it is told, with everything else
            what = f"this check has failed itself: {type(fault).__name__}: {fault}"
            remedy = "report this: it is a fault of the agent's software or of an added driver"
            self._found.append(Finding(check.name, check.group, Verdict.FAIL, what, remedy))


def walked(
    lanes: Sequence[Sequence[Check]], mono_ns: Callable[[], int], whole_s: float = WHOLE_S
) -> list[Finding]:
    """Do all checks: lanes beside each other, those of a lane one after the other."""
    calls = [[_Call(check) for check in lane] for lane in lanes]
    end_ns = mono_ns() + int(whole_s * _NS)
    for lane in calls:
        threading.Thread(target=_walk, args=(lane,), name="doctor-lane", daemon=True).start()
    findings: list[Finding] = []
    for call in [call for lane in calls for call in lane]:
        call.over.wait(max(end_ns - mono_ns(), 0) / _NS)
        findings += call.findings()
    return findings


def _walk(lane: list[_Call]) -> None:
    for call in lane:
        call.walk()
