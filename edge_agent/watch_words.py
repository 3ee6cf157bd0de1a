"""One line for people per message: when, where, what, and the text."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any, Final

from edge_agent.follower import Gap
from edge_agent.line_words import LINES, STANDINGS
from edge_agent.ports import Clock
from edge_agent.wire.topics import Place, Subject, Topics

TEXT_MAX: Final = 400
"""Characters of text in one line; what is longer is cut and says so."""

AGENTS_MAX: Final = 1024
"""Agents whose last status is remembered, to say only what changed; then all are forgotten."""

STANDINGS_MAX: Final = 4096
"""States that were told once; then all are forgotten, and may be told once more."""

_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOWHERE: Final = Place(Subject.OTHER)


def printable(text: object) -> str:
    """Give a text that a terminal shows as it is: control characters by their number."""
    shown = str(text)
    if not shown.isprintable():
        shown = "".join(
            one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
            for one in shown
        )
    return shown if len(shown) <= TEXT_MAX else f"{shown[:TEXT_MAX]}... ({len(shown)} characters)"


class Words:
    """Turns messages into lines; `message` gives "" for what nobody wants to read each minute."""

    def __init__(self, topics: Topics, clock: Clock) -> None:
        self._topics = topics
        self._clock = clock
        self._states: dict[str, tuple[object, object]] = {}
        self._told: set[str] = set()

    def message(self, topic: str, said: Any) -> str:  # noqa: ANN401 - whatever JSON has
        """Give the line of a message; `said` is its JSON, text if it is none, None if empty."""
        place = self._topics.parse(topic) or _NOWHERE
        if said is None or place.subject in (Subject.HEALTH, Subject.DOCTOR):
            return ""
        if not isinstance(said, dict):
            return self.line("?", "message", f"{topic}: {said}")
        where = place.station or place.segment or place.agent or "?"
        match place.subject:
            case Subject.STATE:
                line = self._standing(topic, where, place, said)
            case Subject.STATUS:
                line = self._status(where, said)
            case Subject.COMMAND:
                role = f" as {place.role}" if place.role else ""
                text = f"{said.get('type')} by {_part(said, 'actor')}{role}"
                line = self.line(where, "asked", text)
            case Subject.RESULT:
                text = f"{said.get('type')} {said.get('outcome')}: {said.get('message')}"
                text = text.removesuffix(": ") + _replayed(said.get("replay"))
                line = self.line(where, "answered", text)
            case _:
                what, text = _event(said)
                mark = " [training]" if said.get("training") is True else ""
                line = self._line(self._when(said.get("time"), said), where, what, text + mark)
        return line

    def gap(self, gap: Gap) -> str:
        """Give the line of a gap."""
        of = f" of {gap.topic}" if gap.topic else ""
        if gap.first == gap.last:
            which, are, have = f"event {gap.first}{of}", "is", "has"
        else:
            which, are, have = f"events {gap.first} to {gap.last}{of}", "are", "have"
        text = {
            "missing": f"{which} {are} missing; asking for what is missing",
            "arrived": f"{which} {have} arrived after all",
            "explained": f"{which} {are} accounted for: {gap.reason}",
            "given_up": f"{which} {are} given up: {gap.reason}",
        }[gap.word]
        return self.line(gap.agent, "gap", text)

    @staticmethod
    def summary(events: int, repeats: int, replays: int, missing: int) -> str:
        """Give the last line."""
        return (
            f"{events} events; {repeats} repeats removed; {replays} replays asked for; "
            f"{missing} numbers missing"
        )

    def line(self, where: str, what: str, text: str) -> str:
        """Give a line about this moment."""
        return self._line(self._local(self._clock.wall_ns()), where, what, text)

    def _line(self, when: str, where: str, what: str, text: str) -> str:
        return f"{when}  {printable(where):<8}  {printable(what):<8}  {printable(text)}"

    def _standing(self, topic: str, where: str, place: Place, said: Mapping[str, Any]) -> str:
        """Tell a state once, when one begins to watch: from then on events tell what changes."""
        tell = STANDINGS.get("segment" if place.segment else place.name or "")
        if tell is None or topic in self._told:
            return ""
        if len(self._told) >= STANDINGS_MAX:
            self._told.clear()
        self._told.add(topic)
        what, text = tell(said)
        return self._line(self._when(said.get("asof"), said), where, what, text) if what else ""

    def _status(self, agent: str, said: Mapping[str, Any]) -> str:
        state, told = said.get("state"), (said.get("state"), said.get("connection"))
        if self._states.get(agent) == told:
            return ""
        if len(self._states) >= AGENTS_MAX:
            self._states.clear()
        self._states[agent] = told
        return self.line(agent, f"{state}", f"version {said.get('version')}")

    def _when(self, stamp: object, said: Mapping[str, Any]) -> str:
        """Give the moment of capture in local time; a clock that was not set is marked."""
        try:
            moment = datetime.fromisoformat(str(stamp))
            shown = self._local((moment - _1970) // timedelta(microseconds=1) * 1000)
        except (ValueError, TypeError, OverflowError):
            return "--:--:--"
        return f"{shown}?" if said.get("clock") == "unsynced" else shown

    def _local(self, wall_ns: int) -> str:
        moment = (_1970 + timedelta(microseconds=wall_ns // 1000)).astimezone()
        today = (_1970 + timedelta(microseconds=self._clock.wall_ns() // 1000)).astimezone()
        shown = "%H:%M:%S" if moment.date() == today.date() else "%Y-%m-%d %H:%M:%S"
        return moment.strftime(shown)


def _part(said: Mapping[str, Any], key: str) -> object:
    inner = said.get("data")
    return inner.get(key) if isinstance(inner, dict) else None


def _event(said: Mapping[str, Any]) -> tuple[str, str]:
    kind, inner = said.get("type"), said.get("data")
    tell = _EVENTS.get(kind) if isinstance(kind, str) else None
    if tell is not None and isinstance(inner, dict):
        return tell(inner)
    return str(kind), dumps(inner, ensure_ascii=False)


def _scan(said: dict[str, Any]) -> tuple[str, str]:
    return "scan", f"{said.get('text')}   ({said.get('device')})"


def _refused(said: dict[str, Any]) -> tuple[str, str]:
    return "refused", f"{said.get('text')}   ({said.get('device')}): {said.get('message')}"


def _raised(said: dict[str, Any]) -> tuple[str, str]:
    return "ALARM", f"{said.get('alarm')}: {said.get('message')}; {said.get('remedy')}"


def _cleared(said: dict[str, Any]) -> tuple[str, str]:
    lasted = f" after {said['lasted_s']} s" if "lasted_s" in said else ""
    return "cleared", f"{said.get('alarm')}: {said.get('message')}{lasted}"


def _gap(said: dict[str, Any]) -> tuple[str, str]:
    numbers = f"{said.get('first')} to {said.get('last')} of {said.get('epoch')}"
    return "gap", f"events {numbers} will never come: {said.get('reason')}"


def _corrected(said: dict[str, Any]) -> tuple[str, str]:
    numbers = f"{said.get('first')} to {said.get('last')}"
    return "clock", f"events {numbers} were captured {said.get('offset_s')} s after `monons`"


def _started(said: dict[str, Any]) -> tuple[str, str]:
    return "started", f"version {said.get('version')}; before: {said.get('previous_end')}"


def _replayed(said: object) -> str:
    """Say how much of a replay came, and how much could not."""
    if not isinstance(said, dict):
        return ""
    missing = said.get("missing")
    gone = len(missing) if isinstance(missing, list) else 0
    return f": {said.get('sent')} sent again" + (f", {gone} stretches missing" if gone else "")


def _reloaded(said: dict[str, Any]) -> tuple[str, str]:
    waits = said.get("after_restart")
    more = f"; waits for a restart: {', '.join(map(str, waits))}" if waits else ""
    return "reloaded", f"{said.get('message')}{more}"


def _quarantined(said: dict[str, Any]) -> tuple[str, str]:
    salvaged = f"{said.get('rows')} events salvaged, {said.get('lost')} known to be lost"
    if "events.db-wal" in str(said.get("why")):
        salvaged += f"; what came after number {said.get('last')} nobody knows"
    return "journal", f"was broken and is now {said.get('folder')}: {salvaged}"


_EVENTS: Final[dict[str, Callable[[dict[str, Any]], tuple[str, str]]]] = {
    "scan.read": _scan,
    "scan.rejected": _refused,
    "alarm.raised": _raised,
    "alarm.cleared": _cleared,
    "outbox.gap": _gap,
    "clock.corrected": _corrected,
    "agent.started": _started,
    "agent.reloaded": _reloaded,
    "journal.quarantined": _quarantined,
    **LINES,
}
