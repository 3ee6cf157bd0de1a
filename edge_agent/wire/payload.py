"""Event payloads as bytes: what changes is rendered once, the envelope is put around it later.

Rules:
1. A body is what differs from event to event: both times, clock, monotonic time, boot and data. It
   is all that the journal keeps of a row; `recordedtime` is stamped in its place.
2. An envelope is what does not: made once per source, type and lane; it makes a body whole.
3. What may change in a whole payload stands first, at fixed offsets, and is put right by slicing;
   nothing is ever parsed and written again.
4. One rendering makes one `bytearray` and nothing that stays: no dictionary, no list, no model.
5. `edge_agent.wire.models` says in tests what each rendering must mean, whatever was scanned.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

NORMAL: Final = "normal"
"""Lane of what may wait: scans, moves of cards, measures."""

URGENT: Final = "urgent"
"""Lane of what may not: calls, stops, alarms, gaps."""

TRAINING: Final = ",training"
"""Behind the lane of an envelope: its events are made in training, and say so."""

SCAN_READ: Final = "scan.read"
SCAN_REJECTED: Final = "scan.rejected"

SYNCED: Final = b"synced"
UNSYNCED: Final = b"unsynced"
CORRECTED: Final = b"corrected"

STAMP_BYTES: Final = len("2026-11-21T06:12:03.417Z")
"""Every time stamp has this length, whatever the clock says (see `rfc3339`)."""

UNRECORDED: Final = b"0000-00-00T00:00:00.000Z"
"""Stands for `recordedtime` until the commit begins; not a time, so that a test sees it escape."""

EPOCH_LENGTH: Final = 12
"""Hex digits of a journal's epoch."""

SEQUENCE_DIGITS: Final = 12
SEQUENCE_MAX: Final = 10**SEQUENCE_DIGITS - 1
"""Greatest number that an event may have; 31 years at 1,000 events a second."""

ID_AT: Final = len(b'{"specversion":"1.0","id":"')
ID_END: Final = ID_AT + EPOCH_LENGTH + len("-") + SEQUENCE_DIGITS
TIME_AT: Final = ID_END + len(b'","time":"')
TIME_END: Final = TIME_AT + STAMP_BYTES
RECORDED_AT: Final = TIME_END + len(b'","recordedtime":"')
RECORDED_END: Final = RECORDED_AT + STAMP_BYTES
CLOCK_AT: Final = RECORDED_END + len(b'","clock":"')
"""Where the word for the clock begins; the words differ in length, so nothing behind is fixed."""

BODY_RECORDED_AT: Final = STAMP_BYTES
BODY_RECORDED_END: Final = 2 * STAMP_BYTES
"""Where a body has its `recordedtime`; before it stands `time`, behind it the clock's letter."""

_BODY_CLOCK_AT: Final = BODY_RECORDED_END
_BODY_MONONS_AT: Final = _BODY_CLOCK_AT + 1
_WORDS: Final = {word[0]: word for word in (SYNCED, UNSYNCED)}

_WHOLE = (
    b'{"specversion":"1.0","id":"%b-%%012d","time":"%%b","recordedtime":"%%b","clock":"%%b",'
    b'"monons":"%%b","bootid":"%%b",%b,"sequence":"%%012d","streamseq":"%%012d","data":%%b}'
)
_MONONS = b'","monons":"'
_BOOTID = b'","bootid":"'
_QUOTE = b'"'
_READ = b',"format":"plain","fields":{}}'
_SEPARATORS = (",", ":")

_PLAIN = bytes(range(0x20, 0x22)) + bytes(range(0x23, 0x5C)) + bytes(range(0x5D, 0x7F))
"""Bytes that stand for themselves in a JSON string: printable ASCII but quote and backslash."""

RECORDED_WITHIN_NS: Final = 86_400_000_000_000
"""No event waits longer than this for its commit; a greater difference is a step of the clock."""

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_S_PER_DAY: Final = 86_400
_WALL_S_MAX: Final = 7_289_654_399  # 2200-12-31T23:59:59Z
_DAYS_TO_1970: Final = 719_468  # from 0000-03-01: years that begin in March end with their leap day


def rfc3339(wall_ns: int) -> bytes:
    """Give a time stamp in UTC with milliseconds, always `STAMP_BYTES` long.

    `wall_ns` is nanoseconds since 1970; a clock before 1970 or after 2200 shows the nearest of
    the two. Milliseconds are cut, never rounded: a stamp is never later than what it stamps.
    """
    global _second, _latest  # noqa: PLW0603 - one cache for all; replaced whole, so any thread may
    from_ns, below_ns, stamp = _latest
    if from_ns <= wall_ns < below_ns:  # what one read of a port brings was captured together
        return stamp
    ms = wall_ns // _NS_PER_MS
    second, head = _second
    left = ms - second * 1000
    if not 0 <= left < 1000:  # noqa: PLR2004 - milliseconds
        second = min(max(ms // 1000, 0), _WALL_S_MAX)
        head = _stamp_of_second(second)
        _second = (second, head)
        left = min(max(ms - second * 1000, 0), 999)
    stamp = b"%b%03dZ" % (head, left)
    _latest = (ms * _NS_PER_MS, (ms + 1) * _NS_PER_MS, stamp)
    return stamp


def _stamp_of_second(second: int) -> bytes:
    days, left = divmod(second, _S_PER_DAY)
    era, day = divmod(days + _DAYS_TO_1970, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    march = (5 * day + 2) // 153
    month = march + 3 if march < 10 else march - 9  # noqa: PLR2004 - March is 0, January is 10
    return b"%04d-%02d-%02dT%02d:%02d:%02d." % (
        era * 400 + year + (month < 3),  # noqa: PLR2004 - January and February
        month,
        day - (153 * march + 2) // 5 + 1,
        left // 3600,
        left // 60 % 60,
        left % 60,
    )


_second: tuple[int, bytes] = (0, _stamp_of_second(0))
_latest: tuple[int, int, bytes] = (0, _NS_PER_MS, _second[1] + b"000Z")


def wall_ns(stamp: bytes) -> int:
    """Read a stamp made by `rfc3339` back, in nanoseconds since 1970; ValueError for others."""
    year, month, day = int(stamp[0:4]), int(stamp[5:7]), int(stamp[8:10])
    year -= month < 3  # noqa: PLR2004 - January and February belong to the year before
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - _DAYS_TO_1970
    seconds = days * _S_PER_DAY + int(stamp[11:13]) * 3600 + int(stamp[14:16]) * 60
    return ((seconds + int(stamp[17:19])) * 1000 + int(stamp[20:23])) * _NS_PER_MS


class BodyTemplate:
    """What of an event the journal keeps: made once per boot, rendered once per event.

    `boot` is the boot's id. Raises ValueError for one that could not be told from what follows it.
    """

    __slots__ = ("_boot", "_head", "_of")

    def __init__(self, boot: str) -> None:
        if escaped(boot.encode()) != boot.encode() or "{" in boot or "," in boot:
            raise ValueError(f"boot {boot!r}: must be plain text without comma and brace")
        self._boot = boot.encode()
        self._of = (-1, -1, SYNCED)
        self._head = bytearray()

    def render(self, at_wall_ns: int, at_mono_ns: int, clock: bytes, data: bytes) -> bytearray:
        """Give the body of one event; `recordedtime` is still to be stamped, in its place.

        Both times are of the capture; `clock` is `SYNCED` or `UNSYNCED`; `data` is a JSON object.
        """
        wall_ns, mono_ns, word = self._of
        if at_mono_ns != mono_ns or at_wall_ns != wall_ns or clock is not word:
            # what one read of a port brings was captured together
            self._of = (at_wall_ns, at_mono_ns, clock)
            said = (rfc3339(at_wall_ns), UNRECORDED, clock[:1], at_mono_ns, self._boot)
            self._head = bytearray(b"%b%b%b%d,%b" % said)
        return self._head + data


class Envelope:
    """What never changes around the events of one source, type and lane: made once, at start.

    `source` is the station's or the agent's (`Topics.source_of_station`, `source_of_agent`);
    `epoch` the journal's, `EPOCH_LENGTH` hex digits. A new journal needs new envelopes.
    `number` is the journal's, 0 until it was given one. A lane with `TRAINING` behind it marks
    the events; the mark is part of the key, so that the journal keeps it.
    """

    __slots__ = ("_template", "key", "number")

    def __init__(self, *, source: str, kind: str, lane: str, agent: str, epoch: str) -> None:
        if len(epoch) != EPOCH_LENGTH or not epoch.isascii():
            raise ValueError(f"epoch {epoch!r}: must be {EPOCH_LENGTH} hex digits")
        way, training, _ = lane.partition(TRAINING)
        constant = b'"source":%b,"type":%b,"epoch":"%b","lane":"%b","agent":%b%b' % (
            _string(source),
            _string(kind),
            epoch.encode(),
            way.encode(),
            _string(agent),
            b',"training":true' if training else b"",
        )
        self.key = (source, kind, lane, agent)
        self.number = 0
        self._template = _WHOLE % (epoch.encode(), constant.replace(b"%", b"%%"))

    def whole(self, seq: int, streamseq: int, body: bytes | bytearray) -> bytes:
        """Give the payload of the event whose body this is; ValueError for what is no body."""
        comma = body.index(b",", _BODY_MONONS_AT)
        data_at = body.index(b"{", comma)
        clock = _WORDS.get(body[_BODY_CLOCK_AT])
        if clock is None:
            raise ValueError("no body of an event: its clock has no word")
        return self._template % (
            seq,
            body[:BODY_RECORDED_AT],
            body[BODY_RECORDED_AT:BODY_RECORDED_END],
            clock,
            body[_BODY_MONONS_AT:comma],
            body[comma + 1 : data_at],
            seq,
            streamseq,
            body[data_at:],
        )


def stamp_recorded(payload: bytes | bytearray, stamp: bytes) -> bytes:
    """Give the payload with `recordedtime` set to `stamp` (from `rfc3339`: exactly its length)."""
    return b"".join((payload[:RECORDED_AT], stamp, payload[RECORDED_END:]))


def event_id(payload: bytes) -> str:
    """Say the id of an event: epoch and sequence."""
    return payload[ID_AT:ID_END].decode()


def captured(payload: bytes) -> tuple[str, int]:
    """Say when an event was captured: boot id, and nanoseconds of that boot's monotonic clock."""
    start = payload.index(_MONONS, CLOCK_AT) + len(_MONONS)
    end = payload.index(_BOOTID, start)
    boot_at = end + len(_BOOTID)
    boot = payload[boot_at : payload.index(_QUOTE, boot_at)]
    return boot.decode(), int(payload[start:end])


def corrected(payload: bytes, offset_ns: int) -> bytes:
    """Give a payload of an unset clock with its times put right; any other one as it is.

    `offset_ns` is wall minus monotonic of the payload's own boot. `time` becomes `monons` plus
    offset, `recordedtime` moves by as much, `clock` says so. The id stays what it was.
    """
    clock_end = CLOCK_AT + len(UNSYNCED)
    if payload[CLOCK_AT:clock_end] != UNSYNCED:
        return payload
    _, at_mono_ns = captured(payload)
    at_ns = at_mono_ns + offset_ns
    recorded = payload[RECORDED_AT:RECORDED_END]
    if recorded != UNRECORDED:
        waited_ns = wall_ns(recorded) - wall_ns(payload[TIME_AT:TIME_END])
        if not 0 <= waited_ns <= RECORDED_WITHIN_NS:
            waited_ns = 0  # the clock was set between the two: how long it was nobody knows
        recorded = rfc3339(at_ns + waited_ns)
    return b"".join(
        (
            payload[:TIME_AT],
            rfc3339(at_ns),
            payload[TIME_END:RECORDED_AT],
            recorded,
            payload[RECORDED_END:CLOCK_AT],
            CORRECTED,
            payload[clock_end:],
        )
    )


def escaped(raw: bytes) -> bytes:
    r"""Give what stands between the quotes of a JSON string; what is not UTF-8 becomes \ufffd."""
    if not raw.translate(None, _PLAIN):
        return raw
    return json.dumps(raw.decode("utf-8", "replace"), ensure_ascii=False)[1:-1].encode()


def _string(text: str) -> bytes:
    return b'"%b"' % escaped(text.encode())


def labelled(
    kind: str,
    fields: Mapping[str, str | list[str]],
    ids: Mapping[str, str],
    warnings: Sequence[str],
    error: str | None,
) -> bytes:
    """Give the end of a scan's `data`: what its label says; what says nothing is left out."""
    said: dict[str, object] = {"format": kind, "fields": fields}
    if ids:
        said["ids"] = ids
    if warnings:
        said["warnings"] = warnings
    if error is not None:
        said["error"] = error
    return b"," + json.dumps(said, ensure_ascii=False, separators=_SEPARATORS)[1:].encode(
        "utf-8", "replace"
    )


class ScanTemplate:
    """The `data` of one reader's scans: made once per device, rendered once per scan.

    A text of n bytes makes at most 8 n bytes of JSON: six for a control character, two for `hex`;
    what its label says comes to that.
    """

    __slots__ = ("_identified", "_plain", "_start")

    def __init__(self, device: str) -> None:
        self._start = b'{"device":%b,"text":"' % _string(device)
        start = self._start.replace(b"%", b"%%")
        self._plain = start + b'%b"%b'
        self._identified = start + b'%b","symbology":"%b"%b'

    def read(self, text: bytes, symbology: str | None = None, label: bytes = _READ) -> bytes:
        """Say what was read: `text` is exact, `symbology` the AIM identifier (`]d2`) or None.

        `label` is what `labelled` gave; without it the text is plain.
        """
        if text.translate(None, _PLAIN):
            return self._said(text, symbology) + label
        if symbology:
            return self._identified % (text, escaped(symbology.encode()), label)
        return self._plain % (text, label)

    def rejected(self, text: bytes, symbology: str | None, reason: str, message: str) -> bytes:
        """Say what was refused, with the contract's word for it and a sentence for people."""
        said = self._said(text, symbology)
        return b'%b,"reason":%b,"message":%b}' % (said, _string(reason), _string(message))

    def _said(self, text: bytes, symbology: str | None) -> bytes:
        said = b'%b%b"' % (self._start, escaped(text))
        if not _is_utf8(text):
            said += b',"hex":"%b"' % text.hex().encode()
        if symbology:
            said += b',"symbology":"%b"' % escaped(symbology.encode())
        return said


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
