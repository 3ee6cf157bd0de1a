"""What the parts of an andon keep in its snapshot, beside the floor, and take up again."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon


def kept(andon: "Andon") -> dict[str, Any]:
    """Write down what has to survive; JSON values only."""
    return {
        "takts": andon.takts.plain(),
        "unstarted": sorted(andon.unstarted),
        "latched": dict(sorted(andon.feels.latched.items())),
        "shop": andon.shop.plain(),
        "orders": andon.orders.plain(),
        "pacing": andon.pacing.plain(),
        "measuring": andon.measuring.plain(),
    }


def take_up(andon: "Andon", was: dict[str, Any], now_ns: int) -> None:
    """Go on with cycles and takt timers of a run that was cut off a moment ago."""
    andon.feels.restore(was.get("latched", {}))
    andon.unstarted = {one for one in was.get("unstarted", ()) if one in andon.floor.segments}
    if "pacing" in was:
        andon.shop.restore(was.get("shop", {}))
        andon.orders.restore(was.get("orders", {}))
        andon.pacing.restore(was["pacing"], was["shift_ns"])
        andon.measuring.restore(was["measuring"])
        andon.measuring.was_dead(was["cut_wall_ns"], was["begun_ns"], known=was["was_open"])
        andon.takts.replan(andon.segments())  # by what is made, which is known now
        andon.takts.restore(was["takts"], was["shift_ns"], now_ns)
