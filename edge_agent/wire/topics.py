"""Topic names: made from the base of the site, and read back."""

import re
from enum import StrEnum
from typing import Final, NamedTuple

LEVEL: Final = r"[A-Za-z0-9_-]+"
"""What a level of a topic may be: some brokers rewrite a dot, others hang up on it."""

RESERVED: Final = frozenset({"agent", "loop", "segment", "master"})
"""Levels of our own beside the stations; no station may be called so."""

_LEVELS = re.compile(rf"{LEVEL}(?:/{LEVEL})*", re.ASCII)
_AGENT_SAYS = frozenset({"alarm", "status", "health", "doctor"})
_STATION_SAYS = frozenset({"scan", "alarm", "andon", "takt", "kpi"})


class Subject(StrEnum):
    """What a topic carries."""

    SCAN = "scan"
    ALARM = "alarm"
    ANDON = "andon"
    TAKT = "takt"
    KPI = "kpi"
    STOP = "stop"
    STATUS = "status"
    HEALTH = "health"
    DOCTOR = "doctor"
    STATE = "state"
    COMMAND = "cmd"
    RESULT = "result"
    OTHER = "other"


class Place(NamedTuple):
    """A topic read back; `role` and `name` of a command and of its result, `name` of a state."""

    subject: Subject
    station: str | None = None
    agent: str | None = None
    role: str | None = None
    name: str | None = None
    segment: str | None = None


class Topics:
    """The topics under one base (enterprise/site/area/line); raises ValueError for a bad base.

    Ids are taken as they are: the configuration has refused what is not a `LEVEL`.
    """

    __slots__ = ("_under", "base")

    def __init__(self, base: str) -> None:
        if not _LEVELS.fullmatch(base):
            raise ValueError(f"base {base!r}: write levels of [A-Za-z0-9_-] with / between them")
        self.base = base
        self._under = base + "/"

    # -- events --------------------------------------------------------------------------------

    def scan(self, station: str) -> str:
        return f"{self.base}/{station}/scan"

    def alarm(self, station: str) -> str:
        return f"{self.base}/{station}/alarm"

    def agent_alarm(self, agent: str) -> str:
        return f"{self.base}/agent/{agent}/alarm"

    def andon(self, station: str) -> str:
        return f"{self.base}/{station}/andon"

    def takt(self, station: str) -> str:
        return f"{self.base}/{station}/takt"

    def kpi(self, station: str) -> str:
        return f"{self.base}/{station}/kpi"

    def stop(self, segment: str) -> str:
        return f"{self.base}/segment/{segment}/stop"

    def source_of_segment(self, segment: str) -> str:
        """Give the CloudEvents `source` of what happens to a segment."""
        return f"/{self.base}/segment/{segment}"

    def source_of_station(self, station: str) -> str:
        """Give the CloudEvents `source` of what happens at a station."""
        return f"/{self.base}/{station}"

    def source_of_agent(self, agent: str) -> str:
        """Give the CloudEvents `source` of what happens to an agent."""
        return f"/{self.base}/agent/{agent}"

    # -- what is true now ----------------------------------------------------------------------

    def status(self, agent: str) -> str:
        return f"{self.base}/agent/{agent}/status"

    def health(self, agent: str) -> str:
        return f"{self.base}/agent/{agent}/health"

    def doctor(self, agent: str) -> str:
        """Give the topic on which `edge-agent doctor` tries its right to publish; not retained."""
        return f"{self.base}/agent/{agent}/doctor"

    def state(self, station: str, what: str) -> str:
        return f"{self.base}/{station}/state/{what}"

    def segment_state(self, segment: str) -> str:
        return f"{self.base}/segment/{segment}/state"

    # -- commands and what became of them ------------------------------------------------------

    def replay(self, agent: str) -> str:
        return f"{self.base}/agent/{agent}/cmd/replay"

    def agent_command(self, agent: str, role: str, name: str) -> str:
        return f"{self.base}/agent/{agent}/cmd/{role}/{name}"

    def station_command(self, station: str, role: str, name: str) -> str:
        return f"{self.base}/{station}/cmd/{role}/{name}"

    def agent_commands(self, agent: str) -> tuple[str, str]:
        """Give the filters that hear an agent's commands.

        The second hears the results of replays as well, being as deep: `parse` tells them apart.
        """
        return (self.replay(agent), f"{self.base}/agent/{agent}/cmd/+/+")

    def station_commands(self, station: str) -> str:
        """Give the filter that hears a station's commands and no result of one."""
        return f"{self.base}/{station}/cmd/+/+"

    @staticmethod
    def result(command_topic: str) -> str:
        """Give the topic where it is said what became of a command heard on `command_topic`."""
        return command_topic + "/result"

    def everything(self) -> str:
        return f"{self.base}/#"

    # -- back ----------------------------------------------------------------------------------

    def parse(self, topic: str) -> Place | None:
        """Say what a topic under this base is; None for one of another base.

        A topic that a later version, or somebody else, made under our base is `OTHER`.
        """
        if not topic.startswith(self._under):
            return None
        first, *rest = topic[len(self._under) :].split("/")
        if first == "agent":
            return _of_agent(rest[0], rest[1:]) if rest else Place(Subject.OTHER)
        if first == "segment":
            return _of_segment(rest)
        if first in RESERVED:
            return Place(Subject.OTHER)
        return _of_station(first, rest)


def _of_agent(agent: str, rest: list[str]) -> Place:
    match rest:
        case [subject] if subject in _AGENT_SAYS:
            return Place(Subject(subject), agent=agent)
        case ["state", name]:
            return Place(Subject.STATE, agent=agent, name=name)
        case ["cmd", "replay"]:
            return Place(Subject.COMMAND, agent=agent, name="replay")
        case ["cmd", "replay", "result"]:
            return Place(Subject.RESULT, agent=agent, name="replay")
        case ["cmd", *order]:
            return _of_command(order)._replace(agent=agent)
    return Place(Subject.OTHER, agent=agent)


def _of_segment(rest: list[str]) -> Place:
    match rest:
        case [segment, "stop"]:
            return Place(Subject.STOP, segment=segment)
        case [segment, "state"]:
            return Place(Subject.STATE, segment=segment)
    return Place(Subject.OTHER)


def _of_station(station: str, rest: list[str]) -> Place:
    match rest:
        case [subject] if subject in _STATION_SAYS:
            return Place(Subject(subject), station=station)
        case ["state", name]:
            return Place(Subject.STATE, station=station, name=name)
        case ["cmd", *order]:
            return _of_command(order)._replace(station=station)
    return Place(Subject.OTHER, station=station)


def _of_command(order: list[str]) -> Place:
    match order:
        case [role, name]:
            return Place(Subject.COMMAND, role=role, name=name)
        case [role, name, "result"]:
            return Place(Subject.RESULT, role=role, name=name)
    return Place(Subject.OTHER)
