"""What is said of a journal that was found broken and set apart.

Rules:
1. Each is told once by `journal.quarantined`, which is a fact and stays true, and by an alarm.
2. The alarm ends when the broker has taken all that was salvaged, be it in a later run: then
   nothing is left to wait for. Its folder stays until a person removes it.
3. Nothing counts as told before it is in the journal: after a cut it is said again. When the new
   journal breaks as well, what it knew is gone with it: the folders before it are told once more.
"""

import json
import logging
from collections.abc import Callable
from typing import Any, Final

from edge_agent.outbox import Outbox
from edge_agent.reactor import NEVER
from edge_agent.records import Restored
from edge_agent.urgent import Urgent
from edge_agent.wire import messages
from edge_agent.wire.messages import AlarmKind

LOOK_NS: Final = 1_000_000_000
"""How often it is looked whether an alarm is written, or what was salvaged has arrived."""

_WAL_GONE: Final = "events.db-wal"
"""Named by the reasons of a journal whose latest commits are not in its file."""

_OPEN, _OVER = "raised", "cleared"

_log = logging.getLogger(__name__)


class Quarantines:
    """Tells what was set apart; `gap` is called with epoch, first and last of what is lost."""

    def __init__(
        self, outbox: Outbox, urgent: Urgent, gap: Callable[[str, int, int], None]
    ) -> None:
        self._outbox = outbox
        self._urgent = urgent
        self._gap = gap
        self._unwritten: list[str] = []
        self._open: dict[str, int | None] = {}  # folder -> since when; None: an earlier run's
        self._look = outbox.reactor.timer(self._on_look)

    def opened(self, restored: Restored) -> None:
        """Tell what no run before this one has told."""
        for text in restored.quarantined:
            report = json.loads(text)
            folder = report["folder"]
            if f"explained {folder}" not in restored.meta:
                for first, last in report["missing"] if report["epoch"] else ():
                    self._gap(report["epoch"], first, last)
                self._outbox.note_meta(f"explained {folder}", "yes")
            word = restored.meta.get(_key(folder))
            if word is None:
                self._tell(report)
            elif word == _OPEN:
                self._open[folder] = None
        if self._open:
            self._look.due_ns = self._on_look(self._outbox.clock.mono_ns())

    @staticmethod
    def untold(restored: Restored) -> bool:
        """Say whether a journal was set apart by this very start."""
        folders = [json.loads(text)["folder"] for text in restored.quarantined]
        return any(_key(folder) not in restored.meta for folder in folders)

    def _tell(self, report: dict[str, Any]) -> None:
        folder, epoch = report["folder"], report["epoch"]
        missing = report["missing"] if epoch else []
        said = messages.Quarantined(
            folder=folder,
            epoch=epoch,
            rows=report["rows"],
            waiting=report["waiting"],
            last=max(report["high"], *(last for _, last in missing), 0),
            lost=sum(last - first + 1 for first, last in missing),
            unread_bytes=report.get("unread_bytes", 0),
            why=report["why"],
        )
        message, remedy = words(said)
        _log.error("%s; %s", message, remedy)
        self._urgent.of_agent(messages.JOURNAL_QUARANTINED, messages.journal_quarantined(said))
        alarm = _alarm(folder)
        data = messages.alarm_raised(alarm, AlarmKind.STORAGE, message, remedy)
        self._urgent.of_agent(messages.ALARM_RAISED, data, alarm)
        self._unwritten.append(folder)
        self._open[folder] = self._outbox.clock.mono_ns()

    def _on_look(self, now_ns: int) -> int:
        if self._urgent.waits():
            return now_ns + LOOK_NS
        while self._unwritten:
            self._outbox.note_meta(_key(self._unwritten.pop()), _OPEN)
        if self._outbox.dispatch.salvaged_waiting():
            return now_ns + LOOK_NS
        for folder, since_ns in self._open.items():
            lasted_s = None if since_ns is None else (now_ns - since_ns) / 1e9
            data = messages.alarm_cleared(
                _alarm(folder),
                AlarmKind.STORAGE,
                f"the broker has all that could be salvaged from {folder}",
                lasted_s,
            )
            self._urgent.of_agent(messages.ALARM_CLEARED, data, _alarm(folder))
            self._outbox.note_meta(_key(folder), _OVER)
        self._open.clear()
        return NEVER


def words(said: messages.Quarantined) -> tuple[str, str]:
    """Say for people what was set apart, and what to do about it."""
    of_epoch = f" (epoch {said.epoch}, highest known number {said.last})" if said.epoch else ""
    lost = f", {said.lost} are lost" if said.lost else ""
    if _WAL_GONE in said.why:
        lost += f"; what was accepted after number {said.last} may be lost: how much nobody knows"
    message = (
        f"the journal was found broken and set apart as {said.folder}{of_epoch}:"
        f" {said.why or 'it is not known why'}; {said.rows} events were salvaged,"
        f" {said.waiting} of them are still to be sent{lost}"
    )
    remedy = (
        f"keep {said.folder} in data_dir for whoever examines it, or remove it;"
        " when this happens again, replace the card"
    )
    return message, remedy


def _key(folder: str) -> str:
    return f"told {folder}"


def _alarm(folder: str) -> str:
    return f"quarantine:{folder}"
