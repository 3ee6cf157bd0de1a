"""The plan of every segment in the shift that runs: what is due by now, what is expected, pitches.

Rules:
1. A plan begins with its shift and stands until the next one begins: overtime belongs to the shift
   before it, and so do the parts that are counted in it.
2. It is made of the calendar, not of what the agent saw: time that nobody watched is planned too.
3. Where the takt changes, by a reload or another product, what was planned so far stays.
4. A clock that nobody has set has no plan.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.configuration import Segment
from edge_agent.domain.takt import ShiftPlan
from edge_agent.reactor import NEVER

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon


class Planned(NamedTuple):
    """What is planned of a segment at one moment; parts, packs and seconds of the shift so far."""

    parts: int
    expected: int
    whole: int
    down_ns: int
    pitches: int
    pack: int | None
    pitch_ns: int | None


class ShiftPlans:
    """The plans of an `Andon`; moments are of the wall clock (`_ns`)."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon
        self._plans: dict[str, ShiftPlan] = {}
        self._pitches: dict[str, tuple[tuple[object, ...], int]] = {}

    # -- what happens --------------------------------------------------------------------------

    def begin(self, shift: str, said: Segment, at_ns: int) -> None:
        """Begin the plan of a shift, with the shift."""
        shop = self._andon.shop
        span = shop.shift_span(at_ns)
        plan = ShiftPlan(shift, at_ns if span is None else span.start_ns)
        plan.takt_ns = shop.takt_ns(said, at_ns)
        plan.product, plan.pack = shop.making.get(said.id), shop.pack(said)
        self._plans[said.id] = plan

    def follow(self, said: Segment, at_ns: int) -> None:
        """Take the takt, the product and the pack of now; begin a plan where there is none yet."""
        plan, shop = self._plans.get(said.id), self._andon.shop
        if shop.known() is None:
            return
        if plan is None:
            shift = shop.shift(at_ns)
            if shift is not None:
                self.begin(shift, said, at_ns)
            return
        takt_ns, of = shop.takt_ns(said), (shop.making.get(said.id), shop.pack(said))
        if takt_ns == plan.takt_ns and of == (plan.product, plan.pack):
            return
        worked_ns, down_ns = self._worked_ns(plan, at_ns), self._down_ns(said.id, plan, at_ns)
        plan.turn(at_ns, worked_ns, down_ns, takt_ns)
        if of != (plan.product, plan.pack):
            plan.repack(*of)

    def excuse(self, segment: str, since_ns: int, until_ns: int) -> None:
        """Take note of a time in which a segment could not run, for a reason that has a name."""
        plan = self._plans.get(segment)
        if plan is not None:
            plan.down_ns += self._andon.shop.net_ns(max(since_ns, plan.begins_ns), until_ns)

    def close(self, at_ns: int) -> None:
        """End every stretch here, as the calendar said so far: the next one may say otherwise."""
        if self._andon.shop.known() is not None:
            for segment, plan in self._plans.items():
                worked_ns = self._worked_ns(plan, at_ns)
                down_ns = self._down_ns(segment, plan, at_ns)
                plan.turn(at_ns, worked_ns, down_ns, plan.takt_ns)

    def replan(self, segments: set[str]) -> None:
        """Forget those of segments that are not ours any more."""
        self._plans = {name: plan for name, plan in self._plans.items() if name in segments}

    # -- what is planned -----------------------------------------------------------------------

    def takt_ns(self, said: Segment) -> int | None:
        """Say the takt of a segment: that of now or, where nobody knows, that of its plan."""
        plan = self._plans.get(said.id)
        return self._andon.shop.takt_ns(said) or (None if plan is None else plan.takt_ns)

    def planned(self, segment: str, at_ns: int) -> Planned | None:
        """Say what is planned by a moment; None where there is no takt, no calendar, no clock."""
        plan, shop = self._plans.get(segment), self._andon.shop
        if plan is None or not plan.takt_ns or shop.known() is None:
            return None
        worked_ns, down_ns = self._worked_ns(plan, at_ns), self._down_ns(segment, plan, at_ns)
        span = shop.shift_span(at_ns)
        ends_ns = at_ns if span is None else span.end_ns
        return Planned(
            plan.parts(worked_ns),
            plan.parts_expected(worked_ns, down_ns),
            plan.parts(self._worked_ns(plan, ends_ns)),
            plan.down_before_ns + down_ns,
            plan.pitches_due(worked_ns),
            plan.pack,
            plan.takt_ns * plan.pack if plan.pack else None,
        )

    def _worked_ns(self, plan: ShiftPlan, at_ns: int) -> int:
        return self._andon.shop.net_ns(plan.begins_ns, at_ns)

    def _down_ns(self, segment: str, plan: ShiftPlan, at_ns: int) -> int:
        since_ns = self._andon.pacing.flows.down_since(segment)
        if since_ns is None:
            return plan.down_ns
        return plan.down_ns + self._andon.shop.net_ns(max(since_ns, plan.begins_ns), at_ns)

    def pitch_ns(self, segment: str, at_ns: int) -> int:
        """Say when the next pitch of a segment is due; NEVER where there is none."""
        plan, shop = self._plans.get(segment), self._andon.shop
        known = shop.known()
        if plan is None or not plan.pack or known is None:
            return NEVER
        worked_ns = self._worked_ns(plan, at_ns)
        wanted_ns = plan.next_pitch_ns(worked_ns)
        if wanted_ns is None:
            return NEVER
        key = (known, plan.begins_ns, wanted_ns)
        due = self._pitches.get(segment)
        if due is None or due[0] != key:
            due_ns = known.due_ns(plan.begins_ns, wanted_ns)
            due = self._pitches[segment] = key, NEVER if due_ns is None else due_ns
        return due[1]

    # -- over a power cut ------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {segment: plan.plain() for segment, plan in self._plans.items()}

    def restore(self, kept: dict[str, Any]) -> None:
        """Read that back; what is not ours any more is passed over."""
        segments = self._andon.floor.segments
        self._plans = {
            segment: ShiftPlan.of(plan) for segment, plan in kept.items() if segment in segments
        }
