"""Whether an agent runs, and what it says of itself: then its word is taken, and nothing opened."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge_agent import __version__
from edge_agent.desk import Hidden, Unanswered, asked
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Condition, Verdict
from edge_agent.possession import owner

ASK_S: Final = 5.0
"""How long the running agent may take for its answer."""

GROUP: Final = "agent"

_HOUR_S: Final = 3600


class State(StrEnum):
    """How an agent is met."""

    RESTING = "resting"
    RUNNING = "running"
    MUTE = "mute"
    HIDDEN = "hidden"


class Presence(NamedTuple):
    """An agent as it is met; `said` is its status document, empty unless it is RUNNING."""

    state: State
    said: dict[str, Any]
    why: str = ""
    remedy: str = ""

    @property
    def running(self) -> bool | None:
        """Say whether it runs; None where that cannot be seen."""
        return None if self.state is State.HIDDEN else self.state is not State.RESTING


def presence(data_dir: Path) -> Presence:
    """Meet the agent of a `data_dir`, without taking anything from it."""
    try:
        answer = asked(data_dir, "status", ASK_S)
    except Unanswered as trouble:
        return Presence(State.MUTE, {}, trouble.why, trouble.remedy)
    except Hidden as trouble:
        return Presence(State.HIDDEN, {}, trouble.why, trouble.remedy)
    if answer:
        return Presence(State.RUNNING, answer[0])
    if pid := owner(data_dir):
        why = f"process {pid} has {data_dir} and cannot be asked: its socket is not there"
        return Presence(State.MUTE, {}, why, "wait if it is just starting; else see its log")
    return Presence(State.RESTING, {})


def judged(met: Presence) -> Iterator[Finding]:
    """Say how the agent was met, and what follows from that for all that comes."""
    if met.state is State.RESTING:
        what = "not running: devices, journal and disk are looked at themselves"
        yield Finding("process", GROUP, Verdict.OK, what)
        return
    if met.state is not State.RUNNING:
        what = f"{met.why}; its devices, journal and disk are left alone"
        yield Finding("process", GROUP, Verdict.FAIL, what, met.remedy)
        return
    said = met.said
    since = f"process {said.get('pid', '?')}, for {_long(said.get('running_s', 0))}"
    if said.get("ready", True):
        what = f"running ({since}): what it says is taken, nothing of it is touched"
        yield Finding("process", GROUP, Verdict.OK, what)
    else:
        what = f"running ({since}) and not ready: it waits for its journal"
        yield Finding("process", GROUP, Verdict.FAIL, what, "see the journal below, and its log")
    version = said.get("version", __version__)
    if version != __version__:
        what = f"version {version} runs, version {__version__} is installed"
        yield Finding("version", GROUP, Verdict.WARN, what, "restart the agent")
    if refused := said.get("reloads_refused"):
        what = f"{refused} reloads were refused: it runs with an older configuration"
        yield Finding(
            "reload", GROUP, Verdict.WARN, what, "see `edge-agent check`, mend it, reload again"
        )


def condition(said: dict[str, Any]) -> tuple[Verdict, str, str]:
    """Turn a condition of the status document into a verdict, what, and the remedy."""
    why, remedy = str(said.get("why") or ""), str(said.get("remedy") or "")
    known = said.get("condition")
    if known == Condition.OK:
        # advice on what works today and may not tomorrow
        return (Verdict.WARN if remedy else Verdict.OK), why or "the agent says ok", remedy
    if known == Condition.STARTING:
        return Verdict.WARN, why or "the agent is just trying it", remedy or "ask again"
    return Verdict.FAIL, why or f"the agent says {known}", remedy or "see the agent's log"


def _long(running_s: object) -> str:
    if not isinstance(running_s, int | float):
        return "unknown"
    if running_s < _HOUR_S:
        return f"{running_s / 60:.0f} min"
    return f"{running_s / _HOUR_S:.0f} h"
