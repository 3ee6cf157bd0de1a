"""Numbered messages by hand, and short words for what a follower answers."""

from collections.abc import Sequence

from edge_agent.follower import Ask, Follower, Gap

Message = dict[str, object]

S = 1_000_000_000
AGENT, EPOCH, TOPIC = "pi-a2", "7f3a9c0d1e2f", "acme/p/a/l/A2/scan"
ALARM = "acme/p/a/l/agent/pi-a2/alarm"
STATUS, HEALTH = "acme/p/a/l/agent/pi-a2/status", "acme/p/a/l/agent/pi-a2/health"
RESULT = "acme/p/a/l/agent/pi-a2/cmd/replay/result"


def event(
    number: int,
    *,
    lane: str = "normal",
    streamseq: int | None = None,
    epoch: str = EPOCH,
    agent: str = AGENT,
    **more: object,
) -> Message:
    return {
        "id": f"{epoch}-{number:012d}",
        "agent": agent,
        "epoch": epoch,
        "sequence": f"{number:012d}",
        "streamseq": f"{streamseq or number:012d}",
        "lane": lane,
        "type": "scan.read",
    } | more


def gap_event(number: int, first: int, last: int, **more: object) -> Message:
    explained = {"epoch": EPOCH, "first": first, "last": last, "reason": "too_large"} | more
    return event(number, lane="urgent", type="outbox.gap", data=explained)


def health(**last_seq: object) -> Message:
    return {"agent": AGENT, "last_seq": last_seq}


def status(state: str, connection: int = 1, boot: str = "4be1") -> Message:
    return {"agent": AGENT, "state": state, "boot": boot, "connection": connection}


def hear(follower: Follower, *numbers: int, at_s: int = 0, lane: str = "normal") -> list[bool]:
    return [follower.hear(TOPIC, event(n, lane=lane), at_s * S) for n in numbers]


def words(notices: Sequence[Gap | Ask]) -> list[tuple[str, int, int]]:
    return [(n.word, n.first, n.last) for n in notices if isinstance(n, Gap)]


def asks(notices: Sequence[Gap | Ask]) -> list[tuple[int, int]]:
    return [(n.first, n.last) for n in notices if isinstance(n, Ask)]
