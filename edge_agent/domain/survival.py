"""The floor over a power cut: written down as plain values, read back, and moved to new clocks.

Rules:
1. What was open is open, with the same id; a stop that stood stands, and is started by a hand.
2. A stop of a segment that is not ours any more is that of the segment to which the station that
   began it belongs now. A segment of which no stop was open is UNKNOWN until its inputs were read
   again; a changeover, which somebody began, goes on until somebody ends it.
3. The monotonic clock begins anew with a boot: every moment is moved by one offset, which keeps its
   distance to now; that may be put right once more when the wall clock was set.
4. While nobody watched nothing was decided: what became due meanwhile is told at the start, and a
   fixed position that was passed unseen is not made up for, for the line is not there any more.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from edge_agent.domain import segment as seg
from edge_agent.domain.call import UNASSIGNED, Call, Category, Post, State
from edge_agent.domain.floor import Floor, Key
from edge_agent.domain.segment import Stop
from edge_agent.domain.told import BYPASS_ENDED, Told

Plain = dict[str, Any]

TAKEN_AWAY: Final = "its station is not in the file any more"

_CALL_MOMENTS = ("raised_ns", "acked_ns", "stopped_ns", "cleared_ns")


def plain(floor: Floor) -> Plain:
    """Write down what has to survive; JSON values only."""
    return {
        "posts": [
            {
                "key": list(key),
                "open": None if post.open is None else asdict(post.open),
                "closing": [asdict(call) for call in post.closing],
                "resting": post.resting_ns,
                "fault": [post.fault, post.fault_id, post.fault_since_ns] if post.faulty else None,
            }
            for key, post in floor.posts.items()
            if post.open is not None or post.closing or post.faulty
        ],
        "segments": {
            name: {
                "state": one.state,
                "flow": one.flow,
                "stop": None if one.stop is None else asdict(one.stop),
            }
            for name, one in floor.segments.items()
        },
        "bypasses": [[*key, until_ns] for key, until_ns in floor.bypasses.items()],
        "training": sorted(floor.training),
    }


def restore(floor: Floor, kept: Plain, now_ns: int) -> list[Told]:
    """Put back what `plain` wrote; gives what is to be told of stations that are ours no more.

    `now_ns` is the moment of which it was written, on the clock of then; `shift` moves it all.
    """
    told: list[Told] = []
    for station, category, until_ns in kept.get("bypasses", ()):
        if station in floor.homes:
            floor.bypasses[station, category] = until_ns
        else:
            told.append(Told(BYPASS_ENDED, station, category, why=TAKEN_AWAY))
    floor.training = set(kept.get("training", ()))
    for one in kept.get("posts", ()):
        station, category = one["key"]
        if station in floor.homes:
            _restore_post(floor.post(station, category), one)
        else:
            told += _taken_away(station, category, one)
    for was, one in kept.get("segments", {}).items():
        stop = one["stop"] or {}
        name = was if was in floor.segments else floor.homes.get(stop.get("station", ""), "")
        if name in floor.segments:
            _restore_segment(floor.segments[name], one)
    for key in [*floor.posts]:
        floor.follow(key, now_ns)
    return told


def _taken_away(station: str, category: str, one: Plain) -> list[Told]:
    """Tell of the calls of a station that is not in the file any more: nobody can answer them."""
    post = Post(Category(category))
    _restore_post(post, one)
    calls = [*post.closing, *([] if post.open is None else [post.open])]
    for call in calls:
        call.state, call.reason = State.CLOSED, UNASSIGNED
    return [
        Told("andon.closed", station, category, "", call, post, level=call.level, why=TAKEN_AWAY)
        for call in calls
    ]


def announce(floor: Floor, now_ns: int) -> None:
    """Begin the restart warning of what was about to start, or may start now, anew."""
    for name, segment in floor.segments.items():
        if segment.state is seg.State.STOPPED and not segment.holding:
            floor.set_free(name, now_ns)


def _restore_post(post: Post, one: Plain) -> None:
    post.open = None if one["open"] is None else _call(one["open"])
    post.closing = [_call(call) for call in one["closing"]]
    post.resting_ns = one.get("resting")
    if one["fault"] is not None:
        post.faulty, post.healthy = True, False
        post.fault, post.fault_id, post.fault_since_ns = one["fault"]


def _call(one: Plain) -> Call:
    known = {field.name for field in fields(Call)}
    call = Call(**{key: what for key, what in one.items() if key in known})
    call.state = State(call.state)
    return call


def _restore_segment(segment: seg.Segment, one: Plain) -> None:
    if one.get("flow", one["state"]) == seg.State.CHANGEOVER:
        segment.flow = seg.State.CHANGEOVER
    if one["stop"] is None:
        if segment.flow is seg.State.CHANGEOVER:
            segment.state = segment.flow
        return
    known = {field.name for field in fields(Stop)}
    segment.stop = Stop(**{key: what for key, what in one["stop"].items() if key in known})
    segment.state = seg.State.STOPPED


def shift(floor: Floor, by_ns: int) -> None:
    """Move every moment, and what is counted from it, by so much."""
    for post in floor.posts.values():
        post.fault_since_ns += by_ns
        if post.resting_ns is not None:
            post.resting_ns += by_ns
        for call in (*post.closing, *([] if post.open is None else [post.open])):
            for name in _CALL_MOMENTS:
                at_ns = getattr(call, name)
                if at_ns is not None:
                    setattr(call, name, at_ns + by_ns)
    for segment in floor.segments.values():
        segment.holding = {name: at_ns + by_ns for name, at_ns in segment.holding.items()}
        if segment.stop is not None:
            segment.stop.began_ns += by_ns
    floor.bypasses = {key: until_ns + by_ns for key, until_ns in floor.bypasses.items()}


def unseen(floor: Floor, for_ns: int) -> None:
    """Note on everything that is open for how much of it nobody watched."""
    for post in floor.posts.values():
        if post.open is not None:
            post.open.unobserved_ns += for_ns
    for segment in floor.segments.values():
        if segment.stop is not None:
            segment.stop.unobserved_ns += for_ns


def lengthen(floor: Floor, by_ns: int, before_ns: int, bypasses: Mapping[Key, int]) -> None:
    """Move what began before a boot further back: the gap was so much longer than assumed.

    `bypasses` are those that were restored: they end so much sooner, if nobody set them anew.
    """
    for key, until_ns in bypasses.items():
        if floor.bypasses.get(key) == until_ns:
            floor.bypasses[key] = until_ns - by_ns
    for post in floor.posts.values():
        for call in (*post.closing, *([] if post.open is None else [post.open])):
            if call.raised_ns >= before_ns:
                continue
            for name in _CALL_MOMENTS:
                at_ns = getattr(call, name)
                if at_ns is not None and at_ns < before_ns:
                    setattr(call, name, at_ns - by_ns)
            call.unobserved_ns += by_ns
    for segment in floor.segments.values():
        segment.holding = {
            name: at_ns - by_ns if at_ns < before_ns else at_ns
            for name, at_ns in segment.holding.items()
        }
        if segment.stop is not None and segment.stop.began_ns < before_ns:
            segment.stop.began_ns -= by_ns
            segment.stop.unobserved_ns += by_ns


def anything_open(floor: Floor) -> bool:
    """Say whether a power cut now would leave something open."""
    return any(post.open or post.closing or post.faulty for post in floor.posts.values()) or any(
        segment.stop is not None for segment in floor.segments.values()
    )
