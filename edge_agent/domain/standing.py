"""What is true of a station, in the words of its tower: made from the floor, never from events."""

from edge_agent.domain import segment as seg
from edge_agent.domain.call import State
from edge_agent.domain.floor import Floor
from edge_agent.domain.looks import Showing, of_call

_FLOWS = {
    seg.State.STARVED: Showing.STARVED,
    seg.State.BLOCKED: Showing.BLOCKED,
    seg.State.CHANGEOVER: Showing.CHANGEOVER,
}


def showing(floor: Floor, station: str, now_ns: int) -> set[Showing]:
    """Say every condition of a station that its calls and its segment make."""
    found = {Showing.NORMAL}
    for key, post in floor.posts_at((station,)):
        if post.faulty and key not in floor.bypasses:
            found.add(Showing.FAULT)
        call = post.open
        if call is None:
            continue
        acked = call.state in (State.ACKED, State.STOPPED_ACKED)
        if call.state in (State.STOPPED, State.STOPPED_ACKED):
            found.add(Showing.STOPPED_ACKED if acked else Showing.STOPPED)
        else:
            found.add(of_call(key[1], acked=acked))
    if any(key[0] == station for key in floor.bypasses):
        found.add(Showing.BYPASS)
    if floor.in_training(station):
        found.add(Showing.TRAINING)
    return found | _of_segment(floor, station, now_ns)


def _of_segment(floor: Floor, station: str, now_ns: int) -> set[Showing]:
    one = floor.segment_of(station)
    if one is None:
        return set()
    if one.state is seg.State.RESTARTING:
        if still_warned(one, now_ns):
            return {Showing.RESTART_WARNING}
        primary = one.stop is not None and one.stop.station == station
        return {Showing.STOPPED_ACKED} if primary else set()
    if one.state is seg.State.STOPPED and one.stop is not None and one.stop.station == station:
        return {Showing.STOPPED_ACKED}
    found = None if one.state is seg.State.STOPPED else _FLOWS.get(one.flow)
    return set() if found is None else {found}


def still_warned(one: seg.Segment, now_ns: int) -> bool:
    """Say whether a restart is being announced at this moment."""
    return one.warned_from_ns is not None and now_ns < one.warned_from_ns + one.warning_ns


def loud(floor: Floor, station: str) -> bool:
    """Say whether a call of a station has waited too long, or reached a higher level."""
    return any(
        call.level > 1 or (call.overdue and call.acked_ns is None)
        for _, call in floor.open_calls(station)
    )
