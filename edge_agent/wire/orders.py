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

from edge_agent.wire.command import Command, Nonsense, Wrong, moment_ns

ACK: Final = "cmd.ack"
CLEAR: Final = "cmd.clear"
CONFIRM_STOP: Final = "cmd.confirm-stop"
RESET_FAULT: Final = "cmd.reset-fault"
MUTE: Final = "cmd.mute"
LAMP_TEST: Final = "cmd.lamp-test"
BYPASS: Final = "cmd.bypass"
TRAINING: Final = "cmd.training"
REASON: Final = "cmd.reason"
COUNT: Final = "cmd.count"
CHANGEOVER: Final = "cmd.changeover"
WORKED: Final = "cmd.worked"
HANDOVER: Final = "cmd.handover"
MAINTAINED: Final = "cmd.maintained"

LINE_ORDERS: Final = frozenset(
    {
        *(ACK, CLEAR, CONFIRM_STOP, RESET_FAULT, MUTE, LAMP_TEST, BYPASS, TRAINING, REASON),
        *(COUNT, CHANGEOVER, WORKED, HANDOVER, MAINTAINED),
    }
)
"""The commands that are for the line."""

MUTE_S_MAX: Final = 600.0
"""The longest mute, in seconds; a new call ends every one."""

BYPASS_S_MAX: Final = 8 * 3_600.0
"""The longest bypass, in seconds: a shift."""

LAMP_TEST_S_MAX: Final = 60.0
"""The longest lamp test, in seconds: for so long the lamps do not tell the truth."""

COUNT_MAX: Final = 1_000
"""The most parts that one `cmd.count` counts."""

PRODUCT_MAX: Final = 64
"""Characters of a product."""

_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_FOR_S_MAX: Final = {MUTE: MUTE_S_MAX, LAMP_TEST: LAMP_TEST_S_MAX}
_NEEDED: Final = {
    TRAINING: {"on": "say true to begin or false to end"},
    CHANGEOVER: {"on": "say true when it begins, false when the next product runs"},
    REASON: {"reason": "say a reason code"},
    BYPASS: {"category": 'say whose calls are to stop nothing, like "quality"'},
}
"""What a command makes no sense without."""


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
    count: int | None = None
    product: str | None = None
    until_ns: int | None = None
    """Wall clock, nanoseconds since 1970; it may have passed: whoever obeys compares."""


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
        call=_word(order, "call"),
        category=_word(order, "category"),
        for_s=_seconds(order, _FOR_S_MAX.get(command.kind, BYPASS_S_MAX)),
        on=_flag(order),
        reason=_word(order, "reason"),
        count=_count(order),
        product=_product(order),
        until_ns=_until(order),
    )
    for key, say in _NEEDED.get(command.kind, {}).items():
        if getattr(made, key) is None:
            raise _malformed(f"{key}: {say}")
    if command.kind == BYPASS and made.for_s is None and made.on is not False:
        raise _malformed("for_s: say for how long, in seconds; or `on` false to end it")
    if command.kind == WORKED and made.until_ns is None and made.on is not False:
        raise _malformed("until: say until when work goes on; or `on` false to end it")
    return made


def _malformed(why: str) -> Nonsense:
    return Nonsense(Wrong.MALFORMED, f"data: {why}")


def _word(order: Mapping[str, Any], key: str) -> str | None:
    word = order.get(key)
    if word is None:
        return None
    if not isinstance(word, str) or not _WORD.fullmatch(word):
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


def _count(order: Mapping[str, Any]) -> int | None:
    count = order.get("count")
    if count is not None and (type(count) is not int or not 1 <= count <= COUNT_MAX):
        raise _malformed(f"count: must be a whole number from 1 to {COUNT_MAX}")
    return count


def _product(order: Mapping[str, Any]) -> str | None:
    product = order.get("product")
    if product is None:
        return None
    # part numbers have dots, slashes and spaces; they are shown and told, never made a topic
    if not isinstance(product, str) or not 0 < len(product) <= PRODUCT_MAX:
        raise _malformed(f"product: must be a text of 1 to {PRODUCT_MAX} characters")
    if not product.isprintable():
        raise _malformed("product: must be printable")
    return product


def _until(order: Mapping[str, Any]) -> int | None:
    until = order.get("until")
    if until is None:
        return None
    if not isinstance(until, str):
        raise _malformed("until: must be RFC 3339, like 2026-11-21T14:00:00Z")
    return moment_ns(until, "data: until")
