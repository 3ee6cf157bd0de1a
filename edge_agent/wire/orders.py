"""What a command to the line asks for: its `data`, checked, as plain values.

Rules:
1. Any `data` gives a `LineOrder` or raises Nonsense; nothing is guessed.
2. What it may not do from afar is not here: no order clears a fault that is still there, releases
   a stop output, starts a line, or silences a restart warning.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.wire.command import Command, Nonsense, Wrong

ACK: Final = "cmd.ack"
CLEAR: Final = "cmd.clear"
CONFIRM_STOP: Final = "cmd.confirm-stop"
RESET_FAULT: Final = "cmd.reset-fault"
MUTE: Final = "cmd.mute"
LAMP_TEST: Final = "cmd.lamp-test"
BYPASS: Final = "cmd.bypass"
TRAINING: Final = "cmd.training"
REASON: Final = "cmd.reason"

LINE_ORDERS: Final = frozenset(
    {ACK, CLEAR, CONFIRM_STOP, RESET_FAULT, MUTE, LAMP_TEST, BYPASS, TRAINING, REASON}
)
"""The commands that the line obeys."""

MUTE_S_MAX: Final = 600.0
"""The longest mute, in seconds; a new call ends every one."""

BYPASS_S_MAX: Final = 8 * 3_600.0
"""The longest bypass, in seconds: a shift."""

_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CALL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LineOrder:
    """What somebody asks of a station; what he did not say is None."""

    kind: str
    station: str
    role: str
    actor: str
    call: str | None = None
    category: str | None = None
    for_s: float | None = None
    on: bool | None = None
    reason: str | None = None


def line_order(command: Command) -> LineOrder:
    """Read what a command asks of the line; raises Nonsense for what cannot be."""
    try:
        return _line_order(command)
    except Nonsense as nonsense:
        nonsense.id, nonsense.kind = command.id, command.kind
        raise


def _line_order(command: Command) -> LineOrder:
    if command.station is None or command.role is None:
        raise Nonsense(Wrong.OUT_OF_PLACE, f"{command.kind} belongs on STATION/cmd/ROLE/NAME")
    order = command.order
    made = LineOrder(
        kind=command.kind,
        station=command.station,
        role=command.role,
        actor=command.actor,
        call=_word(order, "call", _CALL),
        category=_word(order, "category", _WORD),
        for_s=_seconds(order, MUTE_S_MAX if command.kind == MUTE else BYPASS_S_MAX),
        on=_flag(order),
        reason=_word(order, "reason", _WORD),
    )
    if command.kind == BYPASS and made.category is None:
        raise _malformed('category: say whose calls are to stop nothing, like "quality"')
    if command.kind == BYPASS and made.for_s is None and made.on is not False:
        raise _malformed("for_s: say for how long, in seconds; or `on` false to end it")
    if command.kind == TRAINING and made.on is None:
        raise _malformed("on: say true to begin or false to end")
    if command.kind == REASON and made.reason is None:
        raise _malformed("reason: say a reason code")
    return made


def _malformed(why: str) -> Nonsense:
    return Nonsense(Wrong.MALFORMED, f"data: {why}")


def _word(order: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str | None:
    word = order.get(key)
    if word is None:
        return None
    if not isinstance(word, str) or not pattern.fullmatch(word):
        raise _malformed(f"{key}: must be 1 to 64 of A-Z, a-z, 0-9, _ and -")
    return word


def _seconds(order: Mapping[str, Any], most: float) -> float | None:
    for_s = order.get("for_s")
    if for_s is None:
        return None
    if type(for_s) not in (int, float) or not 0 <= for_s <= most:
        raise _malformed(f"for_s: must be 0 to {most:.0f} seconds")
    return float(for_s)


def _flag(order: Mapping[str, Any]) -> bool | None:
    on = order.get("on")
    if on is not None and type(on) is not bool:
        raise _malformed("on: must be true or false")
    return on
