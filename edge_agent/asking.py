"""`edge-agent status` and `edge-agent outbox`: ask the running agent, or look at its journal."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from edge_agent import possession
from edge_agent.configuration import BadConfiguration, Configuration
from edge_agent.desk import Hidden, Unanswered, asked
from edge_agent.gaps import Losses
from edge_agent.records import DiskTrouble, NewerJournal

OK: Final = 0
NOT_RUNNING: Final = 3
BAD_CONFIGURATION: Final = 78

ASK_TIMEOUT_S: Final = 10.0
"""How long to wait for the running agent's answer."""


def loaded(config: Path, environ: Mapping[str, str]) -> Configuration | None:
    """Load a configuration; None, with every problem on stderr, when it is bad."""
    from edge_agent.settings import load

    try:
        return load(config, environ)
    except BadConfiguration as bad:
        for problem in bad.problems:
            sys.stderr.write(f"{problem}\n")
        return None


def status(config: Path, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print how the agent is; 3 when it is not running: then how its journal is."""
    configuration = loaded(config, environ)
    if configuration is None:
        return BAD_CONFIGURATION
    code = OK
    try:
        answer = _asked(configuration.agent.data_dir, "status")
        document = answer[0] if answer else _resting_status(configuration)
        code = OK if answer else NOT_RUNNING
    except Unanswered as trouble:
        document = {
            "agent": configuration.agent.id,
            "running": True,
            "condition": "trouble",
            "why": trouble.why,
            "remedy": trouble.remedy,
        }
    except Hidden as trouble:
        code = NOT_RUNNING
        document = {
            "agent": configuration.agent.id,
            "running": None,
            "condition": "trouble",
            "why": trouble.why,
            "remedy": trouble.remedy,
        }
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        for line in _readable(document):
            print(line)
    return code


def outbox(config: Path, environ: Mapping[str, str], question: str) -> int:
    """Print what waits, is set aside or is kept, as JSON lines.

    The journal itself is only read when no agent runs on it: a copy of a live one may be torn.
    """
    configuration = loaded(config, environ)
    if configuration is None:
        return BAD_CONFIGURATION
    data_dir = configuration.agent.data_dir
    try:
        answer = _asked(data_dir, f"outbox {question}")
    except Unanswered as trouble:
        answer = trouble.lines or [{"error": trouble.why, "remedy": trouble.remedy}]
        if trouble.lines:
            sys.stderr.write(f"edge-agent outbox: {trouble}\n")
    except Hidden as trouble:
        answer = [{"error": trouble.why, "remedy": trouble.remedy}]
    for line in _resting_outbox(data_dir, question) if answer is None else answer:
        print(json.dumps(line, ensure_ascii=False))
    return OK


def _asked(data_dir: Path, question: str) -> list[dict[str, object]] | None:
    """Ask the agent that runs on `data_dir`; None when none does, also by its lock."""
    answer = asked(data_dir, question, ASK_TIMEOUT_S)
    if answer is None and (owner := possession.owner(data_dir)):
        raise Unanswered(
            f"process {owner} runs, and its socket is not there",
            "see its log; a card that is full or read-only takes no socket, which is tried again",
            [],
        )
    return answer


def _resting_outbox(data_dir: Path, question: str) -> Iterator[dict[str, object]]:
    from edge_agent.inspection import resting_journal
    from edge_agent.outbox_words import answer

    try:
        with resting_journal(data_dir) as resting:
            if resting is None:
                return
            store = resting.store
            cursor = store.restore().cursor
            after: object = None
            while True:
                lines, after = answer(store, cursor, question.split(), after)
                yield from lines
                if after is None:
                    return
    except (DiskTrouble, NewerJournal, OSError) as trouble:
        yield {"error": str(trouble)}


def _resting_status(configuration: Configuration) -> dict[str, Any]:
    """Give the status of an agent that does not run: its journal's, as far as it can be read."""
    from edge_agent.inspection import resting_journal

    document: dict[str, Any] = {"agent": configuration.agent.id, "running": False}
    try:
        with resting_journal(configuration.agent.data_dir) as resting:
            if resting is None:
                journal: dict[str, Any] = {"condition": "none", "why": "no journal yet"}
                return document | {"journal": journal, "counters": None}
            found = resting.store.restore()
    except (DiskTrouble, NewerJournal, OSError) as trouble:
        return document | {
            "journal": {"condition": "trouble", "why": str(trouble)},
            "counters": None,
        }
    waiting = found.waiting[0] + found.waiting[1]
    if resting.broken:
        return document | {
            "journal": {"condition": "trouble", "why": resting.broken, "remedy": resting.remedy},
            "counters": {
                "salvaged_waiting": found.waiting[2],
                "journal_bytes": found.kept.used_bytes,
            },
        }
    dropped = Losses.of(found).total
    return document | {
        "journal": {"condition": "ok", "epoch": found.epoch, "last_seq": found.high},
        "counters": {
            "events": {
                "stored": found.high,
                "acknowledged": found.high - waiting - found.set_aside - dropped,
                "waiting": waiting,
                "set_aside": found.set_aside,
                "dropped": dropped,
            },
            "salvaged_waiting": found.waiting[2],
            "journal_bytes": found.kept.used_bytes,
        },
    }


def _readable(document: dict[str, Any]) -> Iterator[str]:
    running = document.get("running", True)
    pid = document.get("pid")
    process = "" if pid is None else f", process {pid}"
    word = {True: "running", False: "not running"}.get(running, "running or not, who knows")
    yield f"{document['agent']}: {word}{process}"
    if "condition" in document:
        yield _condition("agent", document)
    for part in ("journal", "broker", "configuration"):
        if part in document:
            yield _condition(part, document[part])
    for device in document.get("devices", ()):
        where = f" ({device['station']})" if device["station"] else ""
        yield _condition(f"{device['name']}{where}", device)
    yield from _line(document.get("stations") or {})
    counters = document.get("counters") or {}
    for name, value in counters.items():
        if isinstance(value, dict):
            balance = ", ".join(f"{word} {count}" for word, count in value.items())
            yield f"  {name}: {balance}"
        elif value is not None:
            yield f"  {name}: {value}"


def _line(said: dict[str, Any]) -> Iterator[str]:
    """Say what segments do, and what is open at stations."""
    for segment in said.get("segments", ()):
        stop = segment["stop"]
        since = f" since {stop['since']}, for {stop['primary']}" if stop else ""
        yield f"  {segment['segment']}: {segment['state']}{since}"
    for station in said.get("stations", ()):
        shown = station["showing"][0] if station["showing"] else "nothing"
        calls = ", ".join(f"{call['category']} {call['state']}" for call in station["calls"])
        yield f"  {station['station']}: {shown}" + (f"; open: {calls}" if calls else "")


def _condition(name: str, said: dict[str, Any]) -> str:
    line = f"  {name}: {said.get('condition', '?')}"
    if said.get("why"):
        line += f": {said['why']}"
    if said.get("remedy"):
        line += f"; {said['remedy']}"
    return line
