"""What people at the line can reach: who may clear, acknowledge and be heard there; pure.

`check` refuses what nothing could release. What is told here works, and leaves somebody standing in
front of a line with no button to press.
"""

from collections.abc import Iterator
from typing import Final

import drivers
from edge_agent.configuration import Andon, Configuration, Segment
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Part, Purpose, Verdict

GROUP: Final = "line"

_EVERYWHERE: Final = "*"


def judged(configuration: Configuration) -> Iterator[Finding]:
    """Say what people would miss at each station and segment; nothing where no call is."""
    found = list(_missed(configuration))
    if configuration.andons and not found:
        found = [Finding("reach", GROUP, Verdict.OK, "each call can be answered where it is made")]
    yield from found


def _missed(configuration: Configuration) -> Iterator[Finding]:
    at_hand = _at_hand(configuration)
    for station in configuration.stations:
        here = at_hand.get(station.id, set()) | at_hand.get(None, set())
        calls = [one for one in configuration.andons if one.station in (station.id, _EVERYWHERE)]
        stopping = [one.category for one in calls if one.stops and station.segment]
        if stopping and not here & {Purpose.CLEAR, Part.SOURCE}:
            yield _warned(
                station.id,
                f"may stop {station.segment}, and nothing there clears a call: without the broker "
                "it stays open",
                'add a button with purpose = "clear", or a scanner that reads badges and X:CLEAR',
            )
        for one in calls:
            if _deaf(one, here):
                yield _warned(
                    station.id,
                    f"a leader has to come before a second pull clears {one.category}, and nothing "
                    "there shows that one came",
                    'add a button with purpose = "ack", or a scanner that reads badges',
                )
    for segment in configuration.segments:
        yield from _silent(segment, configuration, at_hand)


def _deaf(one: Andon, here: set[str]) -> bool:
    return one.cancel == "leader" and not here & {Purpose.ACK, Part.SOURCE}


def _silent(
    segment: Segment, configuration: Configuration, at_hand: dict[str | None, set[str]]
) -> Iterator[Finding]:
    if segment.stop_output is None:
        return
    if not segment.restart_warning_s:
        yield _warned(
            segment.id,
            "restart_warning_s is 0: the line moves as soon as the button is pressed",
            "write the seconds that people need to step back, or leave it to the PLC to warn",
        )
    stations = [one.id for one in configuration.stations if one.segment == segment.id]
    if not any(Part.HORN in at_hand.get(one, set()) for one in (*stations, None)):
        yield _warned(
            segment.id,
            "has no horn: a call, and the warning before a start, are seen and not heard",
            "add a horn at one of its stations",
        )


def _at_hand(configuration: Configuration) -> dict[str | None, set[str]]:
    """Gather what there is at each station: parts of devices, and purposes of contacts."""
    found: dict[str | None, set[str]] = {}
    for device in configuration.devices:
        here = found.setdefault(device.station, set())
        here.add(drivers.part_of(drivers.load(device.kind)))
        here.add(getattr(device.keys, "purpose", ""))
    return found


def _warned(name: str, what: str, remedy: str) -> Finding:
    return Finding(name, GROUP, Verdict.WARN, what, remedy)
