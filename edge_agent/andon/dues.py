"""When anything is due by itself on the floor of an agent."""

from typing import TYPE_CHECKING

from edge_agent.andon.shop_time import LOOK_NS
from edge_agent.domain.standing import still_warned
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon


def due_ns(andon: "Andon", now_ns: int) -> int:
    """Say when the next thing is due; NEVER while nothing is."""
    moments = [andon.takts.next_ns(), andon.pulses.due_ns()]
    if andon.open:
        moments += [andon.pacing.due_ns(now_ns), andon.measuring.due_ns(now_ns)]
    if andon.shop.has_calendar():
        moments.append(min(now_ns + LOOK_NS, andon.shop.turn_ns(now_ns) or NEVER))
    moments += [
        one.warned_from_ns + one.warning_ns
        for name, one in andon.floor.segments.items()
        if one.warned_from_ns is not None
        and (still_warned(one, now_ns) or not andon.inputs.by_hand(name))
    ]
    wanted = andon.floor.due_ns(), andon.keeping.due_ns(andon.floor)
    moments += [one for one in wanted if one is not None]
    return min(moments, default=NEVER)
