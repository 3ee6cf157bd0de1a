"""What a broker says to a publish that it does not take, and the topics it says so of."""

from typing import Final

NO_SUBSCRIBER: Final = 0x10
QUOTA_EXCEEDED: Final = 0x97
FINAL: Final = {
    0x83: "implementation_specific_error",
    0x87: "not_authorized",
    0x90: "topic_name_invalid",
    0x95: "packet_too_large",
    0x99: "payload_format_invalid",
}
"""Reason codes that would be the same next time: the row is set aside."""

PASSING: Final = {
    0x80: "unspecified_error",
    0x91: "packet_id_in_use",
    QUOTA_EXCEEDED: "quota_exceeded",
}
"""Reason codes that may pass: the row is kept."""

OF_ONE_MESSAGE: Final = {
    "oversize",
    "packet_too_large",
    "payload_format_invalid",
    "ends_connections",
}
"""Reasons that lie in a message: that another one of its topic is taken mends nothing."""

REFUSED_TOPICS_MAX: Final = 64
"""Refused topics of a connection that are remembered; one beyond them is counted, not told."""


def reason_of(code: int) -> str:
    """Give the word for a reason code."""
    return FINAL.get(code) or PASSING.get(code) or f"reason_{code:02x}"
