"""Payload bytes: what the template renders is what the models say, whatever was scanned."""

import gc
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.labels import aim
from edge_agent.wire import models, payload

EPOCH, BOOT, AGENT = "7f3a9c0d1e2f", "4be1c2d3", "pi-a2"
SOURCE = "/acme/plant1/assembly/line3/A2"
WALL_NS = 1_795_241_523_417_999_999  # 2026-11-21T06:12:03.417999999Z
MONO_NS = 812_345_678_901
DAY_NS = 86_400 * 10**9
LAST_NS = (datetime(2200, 12, 31, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days * DAY_NS

SCAN_READ = payload.Envelope(
    source=SOURCE, kind=payload.SCAN_READ, lane=payload.NORMAL, agent=AGENT, epoch=EPOCH
)
BODY = payload.BodyTemplate(BOOT)
GUN = payload.ScanTemplate("gun-1")

numbers = st.integers(1, payload.SEQUENCE_MAX)
walls = st.integers(0, LAST_NS + DAY_NS - 1)
monos = st.integers(0, 2**62)


def render(text: bytes = b"K-0417", clock: bytes = payload.SYNCED) -> bytes:
    return SCAN_READ.whole(1234, 977, BODY.render(WALL_NS, MONO_NS, clock, GUN.read(text)))


def stamp_of(wall_ns: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=wall_ns // 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- an event ----------------------------------------------------------------------------------


def test_a_scan_reads_as_the_contract_says() -> None:
    raw = payload.stamp_recorded(render(), b"2026-11-21T06:12:03.431Z")
    assert json.loads(raw) == {
        "specversion": "1.0",
        "id": "7f3a9c0d1e2f-000000001234",
        "source": "/acme/plant1/assembly/line3/A2",
        "type": "scan.read",
        "time": "2026-11-21T06:12:03.417Z",
        "recordedtime": "2026-11-21T06:12:03.431Z",
        "epoch": "7f3a9c0d1e2f",
        "sequence": "000000001234",
        "streamseq": "000000000977",
        "lane": "normal",
        "agent": "pi-a2",
        "bootid": "4be1c2d3",
        "monons": "812345678901",
        "clock": "synced",
        "data": {"device": "gun-1", "text": "K-0417", "format": "plain", "fields": {}},
    }


def test_the_offsets_are_where_they_say() -> None:
    raw = render()
    assert raw[payload.ID_AT : payload.ID_END] == b"7f3a9c0d1e2f-000000001234"
    assert raw[payload.TIME_AT : payload.TIME_END] == b"2026-11-21T06:12:03.417Z"
    assert raw[payload.RECORDED_AT : payload.RECORDED_END] == payload.UNRECORDED
    assert raw.startswith(payload.SYNCED, payload.CLOCK_AT)
    assert payload.event_id(raw) == "7f3a9c0d1e2f-000000001234"
    assert payload.captured(raw) == (BOOT, MONO_NS)


def test_what_was_never_stamped_is_no_time() -> None:
    with pytest.raises(ValueError, match="recordedtime"):
        models.ScanRead.model_validate_json(render())


@given(
    st.binary(max_size=60),
    st.sampled_from([None, "]d2", "]C1", "]Y2ab"]),
    numbers,
    numbers,
    walls,
    monos,
    st.sampled_from([payload.SYNCED, payload.UNSYNCED]),
)
@example(b"", None, 1, 1, 0, 0, payload.SYNCED)
@example(b'"\\%s%b', "]C1", 1, 1, 0, 0, payload.SYNCED)
@example("Grüße \u2028\U0001f600\x7f".encode(), None, 1, 1, 0, 0, payload.SYNCED)
@example(b"\xed\xa0\x80\x00\xff", None, 1, 1, 0, 0, payload.SYNCED)
def test_whatever_was_scanned_the_rendering_is_what_the_model_says(
    text: bytes,
    symbology: str | None,
    seq: int,
    streamseq: int,
    wall_ns: int,
    mono_ns: int,
    clock: bytes,
) -> None:
    said = GUN.read(text, symbology)
    raw = SCAN_READ.whole(seq, streamseq, BODY.render(wall_ns, mono_ns, clock, said))
    raw = payload.stamp_recorded(raw, payload.rfc3339(wall_ns))
    expected = models.ScanRead(
        specversion="1.0",
        id=f"{EPOCH}-{seq:012d}",
        time=stamp_of(wall_ns),
        recordedtime=stamp_of(wall_ns),
        clock=clock.decode(),
        monons=str(mono_ns),
        bootid=BOOT,
        source=SOURCE,
        type="scan.read",
        epoch=EPOCH,
        lane="normal",
        agent=AGENT,
        sequence=f"{seq:012d}",
        streamseq=f"{streamseq:012d}",
        data=expected_read(text, symbology, format="plain", fields={}),
    )
    assert json.loads(raw) == json.loads(expected.model_dump_json(exclude_unset=True))
    assert payload.captured(raw) == (BOOT, mono_ns)
    assert len(said) <= 8 * len(text) + 120


def expected_read(text: bytes, symbology: str | None, **more: object) -> dict[str, object]:
    said: dict[str, object] = {"device": "gun-1", "text": text.decode("utf-8", "replace")}
    if said["text"].encode() != text:
        said["hex"] = text.hex()
    if symbology is not None:
        said["symbology"] = symbology
    return said | more


@given(st.binary(max_size=60), st.text(max_size=30))
def test_a_refusal_says_what_was_sent_and_why(text: bytes, message: str) -> None:
    message = message.encode("utf-8", "replace").decode()
    said = json.loads(GUN.rejected(text, None, "unknown", message))
    assert said == expected_read(text, None, reason="unknown", message=message)
    models.ScanRejectedSaid.model_validate(said)


@given(st.binary(max_size=40))
def test_the_exact_bytes_can_always_be_had(raw: bytes) -> None:
    identifier, text = aim.split(raw)
    said = json.loads(GUN.read(text, identifier))
    exact = bytes.fromhex(said["hex"]) if "hex" in said else said["text"].encode()
    assert said.get("symbology", "").encode() + exact == raw


def test_names_cannot_break_the_template() -> None:
    template = payload.ScanTemplate('a%b"\\')
    assert json.loads(template.read(b"%d"))["device"] == 'a%b"\\'
    envelope = payload.Envelope(
        source='/%s"', kind="100%", lane=payload.URGENT, agent="%%", epoch=EPOCH
    )
    body = payload.BodyTemplate("%d").render(3, 4, payload.SYNCED, b"{}")
    said = json.loads(envelope.whole(1, 2, body))
    assert (said["source"], said["type"], said["agent"]) == ('/%s"', "100%", "%%")
    assert (said["lane"], said["bootid"]) == ("urgent", "%d")


@pytest.mark.parametrize("boot", ['b"', "a,b", "{", "a\n"])
def test_a_boot_that_could_be_taken_for_something_else_is_refused(boot: str) -> None:
    with pytest.raises(ValueError, match="boot"):
        payload.BodyTemplate(boot)


@given(st.binary(max_size=120))
@example(b"0" * 48 + b"s1,b{}")
def test_what_is_no_body_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    try:
        whole = SCAN_READ.whole(1, 1, raw)
    except ValueError:
        return
    assert whole.endswith(raw[raw.index(b"{") :] + b"}") or b"{" in raw[:48]


def test_the_body_is_stamped_in_its_place() -> None:
    body = BODY.render(WALL_NS, MONO_NS, payload.SYNCED, b"{}")
    body[payload.BODY_RECORDED_AT : payload.BODY_RECORDED_END] = b"2026-11-21T06:12:03.431Z"
    said = json.loads(SCAN_READ.whole(1, 1, body))
    assert said["recordedtime"] == "2026-11-21T06:12:03.431Z"
    assert said["time"] == "2026-11-21T06:12:03.417Z"
    again = BODY.render(WALL_NS, MONO_NS, payload.SYNCED, b"{}")
    assert payload.UNRECORDED in again, "the stamp of one event shows in the next"


def test_an_epoch_of_another_length_would_move_every_offset() -> None:
    with pytest.raises(ValueError, match="epoch"):
        payload.Envelope(source="/", kind="x", lane="normal", agent="a", epoch="7f3a9c")


# -- training ----------------------------------------------------------------------------------


@given(st.sampled_from([payload.NORMAL, payload.URGENT]), numbers, st.binary(max_size=40))
def test_what_is_made_in_training_says_so_at_the_top_and_nothing_else_changes(
    lane: str, seq: int, text: bytes
) -> None:
    body = BODY.render(WALL_NS, MONO_NS, payload.SYNCED, GUN.read(text))
    meant, trained = (
        payload.Envelope(source=SOURCE, kind="scan.read", lane=way, agent=AGENT, epoch=EPOCH)
        for way in (lane, lane + payload.TRAINING)
    )
    said = json.loads(trained.whole(seq, 1, body))
    assert said.pop("training") is True
    assert said == json.loads(meant.whole(seq, 1, body))
    assert said["lane"] == lane
    assert meant.key != trained.key, "they are two envelopes of the journal"


def test_the_offsets_hold_in_training() -> None:
    envelope = payload.Envelope(
        source=SOURCE,
        kind="scan.read",
        lane=payload.URGENT + payload.TRAINING,
        agent=AGENT,
        epoch=EPOCH,
    )
    raw = envelope.whole(1234, 977, BODY.render(0, MONO_NS, payload.UNSYNCED, b"{}"))
    assert payload.event_id(raw) == f"{EPOCH}-000000001234"
    assert payload.captured(raw) == (BOOT, MONO_NS)
    put_right = json.loads(payload.corrected(raw, WALL_NS - MONO_NS))
    assert (put_right["clock"], put_right["training"]) == ("corrected", True)
    assert put_right["time"] == stamp_of(WALL_NS)


# -- time --------------------------------------------------------------------------------------


@given(walls)
@example(0)
@example(951_782_400_000_000_000)  # 2000-02-29
@example(4_107_542_399_999_999_999)  # 2100-02-28: no leap day
def test_stamps_are_those_of_the_calendar_and_read_back(wall_ns: int) -> None:
    stamp = payload.rfc3339(wall_ns)
    assert stamp.decode() == stamp_of(wall_ns)
    assert payload.wall_ns(stamp) == wall_ns - wall_ns % 10**6


@given(st.lists(walls, max_size=5), st.lists(st.integers(-(10**10), 10**10), max_size=10))
def test_the_kept_second_never_shows(walls_ns: list[int], steps_ns: list[int]) -> None:
    for wall_ns in walls_ns:
        payload.rfc3339(wall_ns)
        for step_ns in steps_ns:
            near_ns = min(max(wall_ns + step_ns, 0), LAST_NS)
            assert payload.rfc3339(near_ns).decode() == stamp_of(near_ns)


@pytest.mark.parametrize(
    ("wall_ns", "shown"),
    [
        (-1, b"1970-01-01T00:00:00.000Z"),
        (-(10**30), b"1970-01-01T00:00:00.000Z"),
        (LAST_NS + DAY_NS, b"2200-12-31T23:59:59.999Z"),
        (10**30, b"2200-12-31T23:59:59.999Z"),
    ],
)
def test_a_clock_out_of_its_mind_shows_the_nearest_time(wall_ns: int, shown: bytes) -> None:
    assert payload.rfc3339(wall_ns) == shown


@given(
    st.binary(max_size=30),
    monos,
    st.integers(0, DAY_NS),
    st.integers(-DAY_NS, LAST_NS - DAY_NS),
    st.integers(DAY_NS, LAST_NS - 2**62),
)
def test_a_clock_put_right_changes_times_and_nothing_else(
    text: bytes, mono_ns: int, waited_ns: int, wrong_ns: int, offset_ns: int
) -> None:
    said = GUN.read(text)
    wrong_wall_ns = max(wrong_ns, 0)
    raw = SCAN_READ.whole(7, 7, BODY.render(wrong_wall_ns, mono_ns, payload.UNSYNCED, said))
    raw = payload.stamp_recorded(raw, payload.rfc3339(wrong_wall_ns + waited_ns))
    right = payload.corrected(raw, offset_ns)
    before, after = json.loads(raw), json.loads(right)
    assert after["clock"] == "corrected"
    assert after["time"] == stamp_of(mono_ns + offset_ns)
    moved = payload.wall_ns(after["recordedtime"].encode())
    ms = 10**6
    waited_ms = (wrong_wall_ns + waited_ns) // ms - wrong_wall_ns // ms
    assert moved == ((mono_ns + offset_ns) // ms + waited_ms) * ms
    changed = {"clock", "time", "recordedtime"}
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }
    assert payload.corrected(right, 5) == right
    assert payload.captured(right) == (BOOT, mono_ns)


@pytest.mark.parametrize("step_ns", [57 * 365 * DAY_NS, -3_600 * 10**9])
def test_a_clock_set_between_capture_and_commit_invents_no_time(step_ns: int) -> None:
    raw = render(clock=payload.UNSYNCED)
    captured_ns = payload.wall_ns(raw[payload.TIME_AT : payload.TIME_END])
    raw = payload.stamp_recorded(raw, payload.rfc3339(captured_ns + step_ns))
    right = json.loads(payload.corrected(raw, 10**18))
    assert right["recordedtime"] == right["time"]


def test_a_clock_that_was_right_stays_untouched() -> None:
    raw = render()
    assert payload.corrected(raw, 5) is raw


def test_a_payload_that_was_never_recorded_is_corrected_all_the_same() -> None:
    raw = payload.corrected(render(clock=payload.UNSYNCED), 10**18)
    assert raw[payload.RECORDED_AT : payload.RECORDED_END] == payload.UNRECORDED


def test_a_text_like_the_head_deceives_nobody() -> None:
    text = b'"clock":"unsynced","monons":"1","bootid":"x' + payload.UNRECORDED
    raw = payload.stamp_recorded(render(text), b"2026-11-21T06:12:03.431Z")
    raw = payload.stamp_recorded(raw, b"2026-11-21T06:12:03.432Z")
    assert json.loads(raw)["data"]["text"].encode() == text
    assert payload.captured(raw) == (BOOT, MONO_NS)
    assert payload.corrected(raw, 5) is raw


# -- the hot path ------------------------------------------------------------------------------


def test_rendering_leaves_nothing_behind() -> None:
    def work() -> int:
        size = 0
        for number in range(1, 10_001):
            said = GUN.read(b"K-0417", "]d2")
            at_ns = WALL_NS + number * 10**7
            raw = SCAN_READ.whole(number, number, BODY.render(at_ns, MONO_NS, payload.SYNCED, said))
            size += len(payload.stamp_recorded(raw, payload.rfc3339(at_ns)))
        return size

    work()
    gc.collect()
    before = sys.getallocatedblocks()
    runs = [stat["collections"] for stat in gc.get_stats()]
    work()
    assert sys.getallocatedblocks() - before <= 100
    assert [stat["collections"] for stat in gc.get_stats()] == runs
