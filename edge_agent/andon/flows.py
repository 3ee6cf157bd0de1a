"""What every segment does, and since when: starved, blocked and changed over are told as events.

Rules:
1. The first good part ends a changeover, unless an input of the line says that it goes on.
2. The measure of a changeover is last good part to first good part. It is told once: by the event
   that ends the changeover, where that part ended it, or else by the part's own.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from edge_agent.andon.telling import seconds
from edge_agent.domain.pace import Changeover
from edge_agent.domain.segment import Segment, State, Trigger
from edge_agent.ports import Purpose
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

_TOLD: Final = {
    State.STARVED: ("takt.starved", "takt.flowing"),
    State.BLOCKED: ("takt.blocked", "takt.flowing"),
    State.CHANGEOVER: ("takt.changeover_started", "takt.changeover_ended"),
}

_STANDS: Final = frozenset({State.STOPPED, State.RESTARTING})


class Flows:
    """The flow of every segment of an `Andon`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._flows: dict[str, tuple[State, int]] = {}
        self._down: dict[str, int] = {}  # segment -> since when it cannot run
        self._changes: dict[str, Changeover] = {}
        self._first_good_ns: dict[str, int] = {}
        self.next_product: dict[str, str] = {}
        """Segment -> the product that the changeover is for, where somebody has said it."""

    def down_since(self, segment: str) -> int | None:
        """Say since when (wall clock) a segment stands, waits or is changed over; None: it runs."""
        since_ns = self._down.get(segment)
        return None if since_ns is None else self._andon.shop.wall_of(since_ns)

    # -- good parts ----------------------------------------------------------------------------

    def good(self, segment: str, at_ns: int) -> tuple[int | None, bool]:
        """Take a good part of a segment, before it is counted.

        Gives last good to first good, in ns, where it is the first after a changeover, and whether
        it was told already.
        """
        one = self._andon.floor.segments.get(segment)
        if one is None:
            return None, False
        held = one.flow is State.CHANGEOVER and self._held(segment)
        first_ns = self._change(segment).good(at_ns, changing=held)
        if one.flow is not State.CHANGEOVER or held:
            return first_ns, False
        if first_ns is not None:
            self._first_good_ns[segment] = first_ns
        told = self._andon.floor.flow(segment, Trigger.GOOD, at_ns)
        self._andon.settle(told + self._andon.inputs.flows(segment, at_ns), at_ns)
        return first_ns, True

    def _held(self, segment: str) -> bool:
        """Say whether an input of the line says that a segment is changed over."""
        return any(
            contact.purpose is Purpose.CHANGEOVER
            and bool(contact.on)
            and self._andon.inputs.segment_of(contact) == segment
            for contact in self._andon.contacts.values()
        )

    def _change(self, segment: str) -> Changeover:
        return self._changes.setdefault(segment, Changeover())

    # -- what segments do ------------------------------------------------------------------------

    def follow(self, segment: str, one: Segment, now_ns: int) -> None:
        """Take note of what a segment does now, and tell what has changed of its flow."""
        if one.state is State.UNKNOWN:
            return  # it is what it was until it is known to be something else
        self._follow_down(segment, now_ns, down=one.state in _STANDS or one.flow in _TOLD)
        before, since_ns = self._flows.get(segment, (one.flow, now_ns))
        if before is one.flow:
            self._flows[segment] = before, since_ns
            return
        self._flows[segment] = one.flow, now_ns
        if before in _TOLD:
            self._tell(segment, _TOLD[before][1], now_ns, {"lasted_s": seconds(now_ns - since_ns)})
        if one.flow in _TOLD:
            self._tell(segment, _TOLD[one.flow][0], now_ns, {})

    def _follow_down(self, segment: str, now_ns: int, *, down: bool) -> None:
        since_ns = self._down.get(segment)
        if down and since_ns is None:
            self._down[segment] = now_ns
        elif not down and since_ns is not None:
            del self._down[segment]
            wall_of = self._andon.shop.wall_of
            self._andon.pacing.plans.excuse(segment, wall_of(since_ns), wall_of(now_ns))

    def _tell(self, segment: str, kind: str, now_ns: int, lasted: dict[str, float]) -> None:
        stations = self._andon.floor.stations_of(segment)
        if kind.startswith("takt.changeover"):
            more = self._changed_over(segment, lasted)
        else:
            more = {"cause": self._cause(segment, kind)} | lasted
        if stations:
            self._andon.pacing.write(stations[0], kind, more, now_ns)

    def _cause(self, segment: str, kind: str) -> str | None:
        """Name the stop, of a segment of ours, that this one waits for."""
        said = next((one for one in self._andon.segments() if one.id == segment), None)
        if said is None:
            return None
        other = said.upstream if kind.startswith("takt.starved") else said.downstream
        one = self._andon.floor.segments.get(other or "")
        return None if one is None or one.stop is None else one.stop.id or None

    def _changed_over(self, segment: str, lasted: dict[str, float]) -> dict[str, Any]:
        making, after = self._andon.shop.making, self.next_product.get(segment)
        plain: dict[str, Any] = {"from": making.get(segment), "to": after}
        if not lasted:
            self._change(segment).begins()
            return plain
        plain["duration_s"] = lasted["lasted_s"]
        first_ns = self._first_good_ns.pop(segment, None)
        if first_ns is not None:
            plain["last_good_s"] = seconds(first_ns)
        if after is not None:
            making[segment] = self.next_product.pop(segment)
            self._andon.takts.replan(self._andon.pacing.segments())  # another product's takt
        return plain

    def replan(self) -> None:
        """Forget those of segments that are not ours any more."""
        segments = self._andon.floor.segments
        self._flows = {name: flow for name, flow in self._flows.items() if name in segments}
        self._down = {name: since_ns for name, since_ns in self._down.items() if name in segments}
        self._changes = {name: one for name, one in self._changes.items() if name in segments}

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {
            "flows": {name: list(flow) for name, flow in self._flows.items()},
            "down": dict(self._down),
            "changes": {name: asdict(one) for name, one in self._changes.items()},
            "next_product": dict(self.next_product),
        }

    def restore(self, kept: dict[str, Any], shift_ns: int) -> None:
        """Read that back, moved to this boot's clock."""
        self._flows = {
            name: (State(state), since_ns + shift_ns)
            for name, (state, since_ns) in kept.get("flows", {}).items()
        }
        self._down = {name: at_ns + shift_ns for name, at_ns in kept.get("down", {}).items()}
        self._changes = {name: Changeover(**one) for name, one in kept.get("changes", {}).items()}
        for one in self._changes.values():
            one.moved(shift_ns, NEVER)
        self.next_product = dict(kept.get("next_product", {}))
        self.replan()

    def lengthen(self, by_ns: int, before_ns: int) -> None:
        """Move what began before a boot further back: the gap was so much longer than assumed."""
        for one in self._changes.values():
            one.moved(-by_ns, before_ns)
        self._flows = {
            name: (state, since_ns - by_ns if since_ns <= before_ns else since_ns)
            for name, (state, since_ns) in self._flows.items()
        }
        self._down = {
            name: since_ns - by_ns if since_ns <= before_ns else since_ns
            for name, since_ns in self._down.items()
        }
