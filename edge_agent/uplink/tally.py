"""The counters of the uplink, over all its connections since start."""

from collections import Counter
from typing import Final

TOPICS_MAX: Final = 1024
"""Acknowledged topics remembered as evidence; any beyond count as never acknowledged."""


class Tally:
    """What has happened; plain numbers, written by whoever sees it happen."""

    __slots__ = (
        "_largest_bytes",
        "_topics",
        "acknowledged",
        "bytes_in",
        "bytes_out",
        "connects",
        "duplicates_sent",
        "ends",
        "messages_in",
        "no_subscriber",
        "oversize",
        "poison",
        "published",
        "refused",
        "replayed",
        "strays",
        "too_large_in",
        "tries",
    )

    def __init__(self) -> None:
        self.tries = 0
        self.connects = 0
        self.ends: Counter[str] = Counter()
        self.published = 0
        self.acknowledged = 0
        self.duplicates_sent = 0
        self.replayed = 0
        self.no_subscriber = 0
        self.refused: Counter[str] = Counter()
        self.oversize = 0
        self.poison = 0
        self.strays = 0
        self.messages_in = 0
        self.too_large_in = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self._largest_bytes = 0
        self._topics: set[bytes] = set()

    def taken(self, topic: bytes, payload: bytes) -> None:
        """Count an acknowledgement and remember it as evidence of what the broker takes."""
        self.acknowledged += 1
        self._largest_bytes = max(self._largest_bytes, len(payload))
        if topic not in self._topics and len(self._topics) < TOPICS_MAX:
            self._topics.add(topic)

    def like_others(self, topic: bytes, payload: bytes) -> bool:
        """Say whether the broker has taken this topic, and something no smaller, before."""
        return topic in self._topics and len(payload) <= self._largest_bytes

    def figures(self) -> dict[str, int]:
        """Give them all by name; what has kinds is one figure for each kind."""
        plain = {
            name: getattr(self, name)
            for name in self.__slots__
            if name not in ("ends", "refused") and not name.startswith("_")
        }
        ends = {f"disconnects_{cause}": count for cause, count in sorted(self.ends.items())}
        refused = {f"refused_{reason}": count for reason, count in sorted(self.refused.items())}
        return plain | ends | refused
