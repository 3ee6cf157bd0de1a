"""The answers of `edge-agent outbox`: what waits, is set aside or is kept, as JSON lines.

The same for the running agent, through its journal thread, and for a journal that nobody runs.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from edge_agent.outbox import Outbox
from edge_agent.records import NORMAL, PAGE_ROWS, SALVAGED, URGENT, Cursor, StoredRow
from edge_agent.wire import payload as wire

_LANES: Final = ("normal", "urgent", "salvaged")

SEQ_LIMIT: Final = (1 << 63) - 1
"""Highest number the journal can be asked for (an integer of SQLite); no event will have it."""

Lines = list[dict[str, object]]
Say = Callable[[Lines, object], None]


def outbox_answers(outbox: Outbox, question: list[str], after: object, say: Say) -> None:
    """Answer `list`, `show SEQ` or `export` of the running agent, a page at a time."""
    cursor = outbox.dispatch.cursor()

    def read(store: Any) -> tuple[Lines, object]:  # noqa: ANN401 - the journal's own
        return answer(store, cursor, question, after)

    outbox.writer.ask(read, lambda answered: say(*answered))


def answer(
    store: Any,  # noqa: ANN401 - the journal's own
    cursor: Cursor,
    question: list[str],
    after: object,
) -> tuple[Lines, object]:
    """Give one page of an answer, and where to go on: None when this was all.

    `list` gives what is waiting or set aside, a line each; `show SEQ` one event whole; `export`
    every event that is kept, whole. What was salvaged comes first, by the number that it had.
    """
    reasons: dict[tuple[int, int], str] = store.reasons()
    match question:
        case ["show", number] if number.isdecimal():
            seq = min(int(number), SEQ_LIMIT)
            rows = store.all_after(seq - 1, 1)
            found = [_salvaged(row, cursor, reasons) for row in store.salvaged(seq)]
            found += [_whole(row, cursor, reasons) for row in rows if row.seq == seq]
            nothing: dict[str, object] = {
                "error": f"no event {number} is kept",
                "remedy": "`outbox CONFIG export` shows what is",
            }
            return found or [nothing], None
        case ["list" | "export" as what]:
            lane, rows, onward = _page(store, after)
            known = cursor, reasons
            lines = [
                _salvaged(row, *known) if lane == SALVAGED else _whole(row, *known) for row in rows
            ]
            if what == "list":
                lines = [line for line in lines if line["state"] != "kept"]
                for line in lines:
                    del line["event"]
            return lines, onward
    wrong: dict[str, object] = {
        "error": f"{' '.join(question)!r} is no question",
        "remedy": "ask list, show SEQ or export",
    }
    return [wrong], None


def _page(store: Any, after: object) -> tuple[int, list[StoredRow], object]:  # noqa: ANN401
    lane, seq = after if isinstance(after, tuple) else (SALVAGED, 0)
    if lane == SALVAGED:
        rows: list[StoredRow] = store.page(SALVAGED, seq, PAGE_ROWS, aside_too=True)
        return lane, rows, (SALVAGED, rows[-1].seq) if rows else (NORMAL, 0)
    rows = store.all_after(seq, PAGE_ROWS)
    return lane, rows, (NORMAL, rows[-1].seq) if len(rows) == PAGE_ROWS else None


def _salvaged(
    row: StoredRow, cursor: Cursor, reasons: dict[tuple[int, int], str]
) -> dict[str, object]:
    """Show a salvaged row, which waits by a number of its own, by the epoch and number it had."""
    line = _whole(row._replace(lane=SALVAGED), cursor, reasons)
    if row.sound:
        epoch, _, number = wire.event_id(row.payload).partition("-")
        line = {"epoch": epoch} | line | {"seq": int(number)}
    return line


def _whole(
    row: StoredRow, cursor: Cursor, reasons: dict[tuple[int, int], str]
) -> dict[str, object]:
    reason = reasons.get((row.lane, row.seq))
    upto = {NORMAL: cursor.normal, URGENT: cursor.urgent, SALVAGED: cursor.salvaged}[row.lane]
    state = "set_aside" if reason else "kept" if row.seq <= upto else "waiting"
    line: dict[str, object] = {
        "seq": row.seq,
        "lane": _LANES[row.lane],
        "topic": row.topic,
        "streamseq": row.n,
        "state": state,
        "bytes": len(row.payload),
    }
    if reason:
        line["reason"] = reason
    if not row.sound:
        line["sound"] = False
    line["event"] = json.loads(row.payload) if row.sound else row.payload.hex()
    return line
