"""What there is to tell of a floor: the types of its events, and what each is about."""

from typing import Final, NamedTuple

from edge_agent.domain.call import Call, Post
from edge_agent.domain.segment import Stop

RAISED: Final = "andon.raised"
FAULT: Final = "andon.fault"
STARTED: Final = "stop.started"
ENDED: Final = "stop.ended"
BYPASSED: Final = "andon.bypassed"
BYPASS_ENDED: Final = "andon.bypass_ended"


class Told(NamedTuple):
    """Something to tell: the type of its event, and what it is about."""

    says: str
    station: str = ""
    category: str = ""
    segment: str = ""
    call: Call | None = None
    post: Post | None = None
    stop: Stop | None = None
    level: int = 0
    actor: str | None = None
    device: str | None = None
    why: str = ""
    until_ns: int | None = None
    warns: str = ""
