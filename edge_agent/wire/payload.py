"""Event payloads as bytes: a template per envelope, one per device, and time put right later.

Rules:
1. What may change after rendering stands first, at fixed offsets: `time`, `recordedtime`, `clock`,
   `monons`, `bootid`. It is put right by slicing; nothing is ever parsed and written again.
2. One rendering makes one `bytearray` and nothing that stays: no dictionary, no list, no model.
3. `edge_agent.wire.models` says in tests what each rendering must mean, whatever was scanned.
"""

import json
from typing import Final

NORMAL: Final = "normal"
"""Lane of what may wait: scans, moves of cards, measures."""

URGENT: Final = "urgent"
"""Lane of what may not: calls, stops, alarms, gaps."""

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

_HEAD = b'{"specversion":"1.0","id":"%b-'
_AFTER_ID = (
    b'","time":"%b","recordedtime":"' + UNRECORDED + b'","clock":"%b","monons":"%b","bootid":"'
)
_MONONS = b'","monons":"'
_BOOTID = b'","bootid":"'
_QUOTE = b'"'
_READ = b',"format":"plain","fields":{}}'

_PLAIN = bytes(range(0x20, 0x22)) + bytes(range(0x23, 0x5C)) + bytes(range(0x5D, 0x7F))
"""Bytes that stand for themselves in a JSON string: printable ASCII but quote and backslash."""

_ENDS: Final = 100
_DIGITS: Final = tuple(b"%02d" % end for end in range(_ENDS))

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


class Envelope:
    """What never changes around the events of one source, type and lane: made once, at start.

    `source` is the station's or the agent's (`Topics.source_of_station`, `source_of_agent`);
    `epoch` the journal's, `EPOCH_LENGTH` hex digits. A new journal needs new envelopes.
    """

    __slots__ = ("_mono", "_mono_ns", "_n_base", "_parts", "_seq_base", "_template")

    def __init__(
        self, *, source: str, kind: str, lane: str, agent: str, epoch: str, boot: str
    ) -> None:
        if len(epoch) != EPOCH_LENGTH or not epoch.isascii():
            raise ValueError(f"epoch {epoch!r}: must be {EPOCH_LENGTH} hex digits")
        constant = b'%b","source":%b,"type":%b,"epoch":"%b","lane":"%b","agent":%b' % (
            escaped(boot.encode()),
            _string(source),
            _string(kind),
            epoch.encode(),
            lane.encode(),
            _string(agent),
        )
        self._parts = (
            (_HEAD % epoch.encode()).replace(b"%", b"%%"),
            _AFTER_ID + constant.replace(b"%", b"%%") + b',"sequence":"',
            b'","streamseq":"',
            b'","data":%b}',
        )
        self._mono_ns, self._mono = 0, b"0"
        self._fit(0, 0)

    def render(
        self, seq: int, streamseq: int, at_wall_ns: int, at_mono_ns: int, clock: bytes, data: bytes
    ) -> bytearray:
        """Give the payload of one event; `recordedtime` is still to be stamped, in its place.

        Both times are of the capture; `clock` is `SYNCED` or `UNSYNCED`; `data` is a JSON object.
        """
        seq_end, n_end = seq - self._seq_base, streamseq - self._n_base
        if not (0 <= seq_end < _ENDS and 0 <= n_end < _ENDS):
            seq_end, n_end = seq % _ENDS, streamseq % _ENDS
            self._fit(seq - seq_end, streamseq - n_end)
        if at_mono_ns != self._mono_ns:
            self._mono_ns, self._mono = at_mono_ns, b"%d" % at_mono_ns
        digits = _DIGITS[seq_end]
        said = (digits, rfc3339(at_wall_ns), clock, self._mono, digits, _DIGITS[n_end], data)
        return self._template % said  # type: ignore[return-value]  # typeshed: it makes its own kind

    def _fit(self, seq_base: int, n_base: int) -> None:
        """Put all but the last two digits of both numbers into the template.

        They change with every hundredth event; a number written out each time is garbage thrice.
        """
        self._seq_base, self._n_base = seq_base, n_base
        of_seq = b"%010d%%b" % (seq_base // _ENDS)
        of_n = b"%010d%%b" % (n_base // _ENDS)
        before, between, behind, end = self._parts
        self._template = bytearray().join((before, of_seq, between, of_seq, behind, of_n, end))


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


class ScanTemplate:
    """The `data` of one reader's scans: made once per device, rendered once per scan.

    A text of n bytes makes at most 8 n bytes of JSON: six for a control character, two for `hex`.
    """

    __slots__ = ("_identified", "_plain", "_start")

    def __init__(self, device: str) -> None:
        self._start = b'{"device":%b,"text":"' % _string(device)
        start = self._start.replace(b"%", b"%%")
        self._plain = start + b'%b"' + _READ
        self._identified = start + b'%b","symbology":"%b"' + _READ

    def read(self, text: bytes, symbology: str | None = None) -> bytes:
        """Say what was read: `text` is exact, `symbology` the AIM identifier (`]d2`) or None."""
        if text.translate(None, _PLAIN):
            return self._said(text, symbology) + _READ
        if symbology:
            return self._identified % (text, escaped(symbology.encode()))
        return self._plain % text

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
