"""The inputs of the lines: which segment each speaks of, and what they say at a start."""

from typing import TYPE_CHECKING, Final

from edge_agent.domain import segment as seg
from edge_agent.domain.told import Told
from edge_agent.ports import Contact, Purpose

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon

MAINTENANCE: Final = "maintenance"
"""The category that is called for an input that is silent, or not to be trusted."""


FLOWS: Final = {
    Purpose.CHANGEOVER: (seg.State.CHANGEOVER, seg.Trigger.CHANGE),
    Purpose.BLOCKED: (seg.State.BLOCKED, seg.Trigger.BLOCK),
    Purpose.STARVED: (seg.State.STARVED, seg.Trigger.STARVE),
}
"""What says how a segment flows, the strongest first: what it is then, and by which trigger."""


class Inputs:
    """Looks at the contacts of an `Andon`."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon

    def segment_of(self, contact: Contact) -> str:
        """Say which segment an input speaks of: that which names it, or that of its station."""
        for one in self._andon.segments():
            if contact.name in (one.start_input, one.fixed_device):
                return one.id
        return self._andon.floor.homes.get(contact.station or "", "")

    def positioned(self, contact: Contact) -> list[str]:
        """List the segments whose fixed position an input tells."""
        return [one.id for one in self._andon.segments() if one.fixed_device == contact.name]

    def well(self, station: str, category: str) -> bool:
        """Say whether every input of a post that there is can be trusted, and none is out."""
        return all(
            one.on is False and not one.fault
            for one in self._andon.contacts.values()
            if one.purpose is Purpose.CALL and (one.station, one.category) == (station, category)
        )

    def by_hand(self, segment: str) -> bool:
        """Say whether a line is started by a hand: it can be stopped, or something can start it."""
        said = next((one for one in self._andon.segments() if one.id == segment), None)
        starts = (Purpose.START, Purpose.LINE_MOVING)
        return (
            said is None
            or said.stop_output is not None
            or said.start_input is not None
            or any(
                contact.purpose in starts and self.segment_of(contact) == segment
                for contact in self._andon.contacts.values()
            )
        )

    def moving(self) -> bool:
        """Say whether an input sees the line move."""
        return any(
            contact.purpose is Purpose.LINE_MOVING and contact.on
            for contact in self._andon.contacts.values()
        )

    def see(self, now_ns: int) -> list[Told]:
        """Begin with what the inputs are of segments of which nothing was known."""
        told: list[Told] = []
        for name, one in self._andon.floor.segments.items():
            if one.state is seg.State.UNKNOWN and not self.unknown(name):
                told += self._andon.floor.seen(name, now_ns)
        return told

    def flows(self, segment: str, at_ns: int, *, ended: bool = False) -> list[Told]:
        """Have a segment flow as its inputs say now: a level is a state, whenever it is read.

        One that cannot be read says what it said. A changeover goes on until it has `ended`: by a
        good part, an order, or the end of its input.
        """
        floor, one = self._andon.floor, self._andon.floor.segments.get(segment)
        if one is None or one.state is seg.State.UNKNOWN:
            return []
        wanted, trigger = seg.State.RUNNING, None
        for purpose, (state, comes) in FLOWS.items():
            if trigger is None and self._says(purpose, segment, before=one.flow is state):
                wanted, trigger = state, comes
        if one.flow is wanted or (one.flow is seg.State.CHANGEOVER and not ended):
            return []
        goes = seg.Trigger.GOOD if one.flow is seg.State.CHANGEOVER else seg.Trigger.FLOW
        told = floor.flow(segment, goes, at_ns)
        return told if trigger is None else told + floor.flow(segment, trigger, at_ns)

    def all_flows(self, now_ns: int) -> list[Told]:
        """Do so for every segment: devices came, went, or were read anew."""
        return [one for name in self._andon.floor.segments for one in self.flows(name, now_ns)]

    def _says(self, purpose: Purpose, segment: str, *, before: bool) -> bool:
        """Say whether an input of a segment is on; one that cannot be read is what it was."""
        return any(
            before if contact.on is None else contact.on
            for contact in self._andon.contacts.values()
            if contact.purpose is purpose and self.segment_of(contact) == segment
        )

    def unknown(self, segment: str) -> bool:
        """Say whether an input of a segment has not been read yet, and is not in trouble."""
        stations = set(self._andon.floor.stations_of(segment))
        return any(
            contact.on is None and not contact.fault
            for contact in self._andon.contacts.values()
            if contact.station in stations
        )

    def go_on(self, now_ns: int) -> list[Told]:
        """Let a line of lamps only go on when its warning is over: nothing here could start it.

        An input that sees a line move is an edge after the warning, never a level: one that is
        stuck, or was on before the stop, starts nothing.
        """
        told: list[Told] = []
        for name, it in self._andon.floor.segments.items():
            if it.state is seg.State.RESTARTING and not self.by_hand(name):
                told += self._andon.floor.start(name, now_ns, moves=True)
        return told

    # -- inputs that are not to be trusted ---------------------------------------------------------

    def reset_fault(
        self, station: str, at_ns: int, *, category: str | None = None, actor: str | None = None
    ) -> list[Told]:
        """Trust the inputs of a station again that are well now; one that is not is refused.

        Those of which the file knows nothing any more are well: a fault must not outlive its input.
        """
        for key, post in self._andon.floor.posts_at((station,)):
            if post.faulty and self.well(*key):
                self._andon.floor.healed(*key)
        return self._andon.floor.reset_fault(station, at_ns, category=category, actor=actor)

    def call_maintenance(
        self, station: str, device: str | None, at_ns: int, *, behind: int = 0
    ) -> list[Told]:
        """Call maintenance for an input, unless somebody has: a second pull might clear that.

        `behind`: it is told behind so many other happenings.
        """
        if self._andon.floor.post(station, MAINTENANCE).open is not None:
            return []
        call_id = self._andon.telling.next_id(behind)
        return self._andon.floor.pull(station, MAINTENANCE, call_id, at_ns, device)
