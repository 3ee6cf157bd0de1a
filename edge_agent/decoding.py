"""`edge-agent decode`: what a label or a tag is, for a person or line by line for a program."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from edge_agent.labels import aim, gs1, mh10
from edge_agent.labels.decoder import Decoder
from edge_agent.labels.label import PLAIN, Label


def answers(decoder: Decoder, lines: Iterable[str]) -> Iterator[str]:
    """Give one JSON object for each line of JSON, in order; whatever a line holds."""
    for line in lines:
        yield json.dumps(plain(_answer(decoder, line)), ensure_ascii=False)


def plain(found: Label) -> dict[str, Any]:
    """Give all keys of an answer, also those that say nothing."""
    return found._asdict() | {"warnings": list(found.warnings)}


def described(found: Label) -> Iterator[str]:
    """Tell a person what was found."""
    symbol = found.symbology
    named = f"{symbol} {aim.symbology(symbol).name}: " if symbol else ""
    yield f"{named}{found.format}"
    for key, value in found.fields.items():
        for one in value if isinstance(value, list) else [value]:
            yield f"  {key:<4}  {_title(key):<42}  {one or '(empty)'}"
    for key, value in found.ids.items():
        yield f"  {key}: {value}"
    for warning in found.warnings:
        yield f"  note: {warning}"
    if found.error is not None:
        yield f"  error: {found.error}"


def _title(key: str) -> str:
    rule = gs1.rules().get(key)
    return rule.title if rule is not None else mh10.titles().get(key, "")


def _answer(decoder: Decoder, line: str) -> Label:
    try:
        said = json.loads(line)
    except ValueError as error:
        return _refused(f"the line is no JSON: {error}")
    except RecursionError:
        return _refused("the line is nested too deeply")
    if not isinstance(said, dict):
        return _refused('the line is no object: write {"text": "..."}')
    text, symbol, words, pc = (said.get(key) for key in ("text", "aim", "hex", "pc"))
    if isinstance(words, str) and isinstance(pc, str | None):
        return decoder.tag(words, pc)
    if words is None and isinstance(text, str) and isinstance(symbol, str | None):
        return decoder.text(text, symbol or None)
    return _refused('write {"text": "..."}, with "aim" or without, or {"hex": "...", "pc": "3000"}')


def _refused(error: str) -> Label:
    return Label(PLAIN, None, {}, {}, (), error)
