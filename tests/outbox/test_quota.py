"""The quota, its reserve, and what a broken journal left: all of it is counted, none of it lost."""

import json
from collections.abc import Callable
from pathlib import Path

from edge_agent.ports import Lane
from edge_agent.records import NORMAL, SALVAGED
from edge_agent.storage import Limits, Room
from tests.kit.journals import spoilt
from tests.kit.line_bench import MB, Bench

Keep = Callable[[Bench], Bench]


def scans(bench: Bench, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        assert bench.scan(b"K-%06d" % number)


# -- the quota ---------------------------------------------------------------------------------

SMALL = Limits(quota_bytes=3 * MB, reserve_bytes=1 * MB, replay_bytes=2 * MB, replay_ns=10**18)


def filled_to_the_reserve(bench: Bench) -> int:
    taken = 0
    while bench.scan(b"%06d" % taken + b"x" * 4000):
        if bench.line.refused_storage:
            break
        taken += 1
        bench.turn()
        assert taken < 2000, "the quota is never reached"
    return taken


def test_normal_events_are_refused_at_the_reserve_and_urgent_ones_are_not(
    tmp_path: Path, keep: Keep
) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    taken = filled_to_the_reserve(bench)
    assert taken > 100
    used = bench.outbox.storage.used_bytes
    assert used <= SMALL.quota_bytes - SMALL.reserve_bytes + 20_000
    assert bench.gun.answers[-1][1:] == ("rejected", None, "storage")
    for _ in range(50):
        bench.line.agent_event("alarm.raised", b'{"x":"%b"}' % (b"y" * 1000))
        bench.turn()
    assert bench.kinds().count("alarm.raised") == 50
    while bench.outbox.room(Lane.URGENT, 2000) is Room.YES:
        bench.line.agent_event("alarm.raised", b'{"x":"%b"}' % (b"y" * 1500))
        bench.turn()
    assert bench.outbox.storage.used_bytes <= SMALL.quota_bytes + 20_000
    assert bench.outbox.trouble is None, "the quota was left to SQLite"


def test_a_trim_without_fruit_is_not_asked_for_again(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    filled_to_the_reserve(bench)
    bench.turn()
    commits = len(bench.gate.commits)
    for number in range(50):
        assert bench.scan(b"refused %d" % number + b"x" * 4000)
        bench.turn()
    assert len(bench.gate.commits) <= commits + 1
    assert bench.line.refused_storage >= 50


def test_acknowledged_rows_go_first_when_the_quota_is_reached(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    held: list[bytes] = []

    def offer() -> None:
        while held and bench.scan(held[0]):
            held.pop(0)

    bench.gun.on_resume = offer
    bench.connect()
    for number in range(1500):  # three times the quota
        text = b"%06d" % number + b"x" * 4000
        if held or not bench.scan(text):
            held.append(text)
        bench.turn(4)
        bench.acknowledge_all()
    assert bench.line.refused_storage == 0
    assert held == []
    assert bench.line.accepted == 1500
    assert bench.outbox.storage.used_bytes <= SMALL.quota_bytes


def test_room_comes_back_when_the_broker_comes_back(tmp_path: Path, keep: Keep) -> None:
    bench = keep(Bench(tmp_path / "data", limits=SMALL))
    filled_to_the_reserve(bench)
    bench.connect()
    bench.gate.shut = True  # the last words of the broker come while a commit is running
    bench.outbox.note_meta("k", "v")
    bench.outbox.storage.trim_wanted = True
    bench.turn()
    bench.acknowledge_all()
    bench.gate.open()
    bench.turn()
    for number in range(5):
        if bench.scan(b"after %d" % number + b"x" * 4000):
            bench.turn()
            if bench.gun.outcomes[-1] == "accepted":
                break
        bench.turn()
    assert bench.gun.outcomes[-1] == "accepted", "everything is acknowledged and still no room"


# -- what is salvaged --------------------------------------------------------------------------


def test_salvaged_events_go_out_with_their_own_numbers_and_are_settled_apart(
    bench: Bench, keep: Keep
) -> None:
    scans(bench, 10)
    bench.turn()
    epoch = bench.outbox.epoch
    ids = [event["id"] for event in bench.events()]
    assert bench.store is not None
    bench.store.checkpoint()
    into = bench.data_dir
    bench.close()
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, bench.clock))
    assert found.outbox.epoch != epoch
    assert found.outbox.dispatch.salvaged_waiting() == 11
    found.connect()
    handed = found.carrier.handed[SALVAGED]
    assert [json.loads(entry.payload)["id"] for entry in handed] == ids
    for entry in handed[:4]:
        found.outbox.dispatch.acknowledged(SALVAGED, entry.seq)
    found.outbox.dispatch.set_aside(SALVAGED, handed[4].seq, "oversize")
    found.turn()
    gap = next(event for event in found.events() if event["type"] == "outbox.gap")
    assert gap["data"]["epoch"] == epoch
    assert gap["data"]["first"] == gap["data"]["last"] == 5
    found.scan(b"carries the cursor")
    found.turn()
    again = keep(found.again())
    assert again.outbox.dispatch.salvaged_waiting() == 6
    again.connect()
    assert [json.loads(entry.payload)["id"] for entry in again.carrier.handed[SALVAGED]] == ids[5:]


def test_what_a_broken_journal_took_with_it_is_explained_once(bench: Bench, keep: Keep) -> None:
    scans(bench, 10)
    bench.turn()
    epoch = bench.outbox.epoch
    into = bench.data_dir
    bench.close()
    spoilt(into, "DELETE FROM event WHERE seq IN (4, 5, 9)")
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, bench.clock))
    gaps = [event["data"] for event in found.events() if event["type"] == "outbox.gap"]
    assert [(gap["epoch"], gap["first"], gap["last"]) for gap in gaps] == [
        (epoch, 4, 5),
        (epoch, 9, 9),
    ]
    again = keep(found.again())
    assert again.kinds().count("outbox.gap") == 2, "told once, not at every start"


def test_scans_during_a_commit_without_events_wait_for_their_own(bench: Bench) -> None:
    bench.connect()
    bench.acknowledge_all()
    bench.gate.shut = True
    bench.outbox.note_meta("k", "v")
    bench.turn()
    scans(bench, 3)
    bench.turn()
    bench.gate.shut = False
    jobs = bench.gate.waiting()
    jobs[0]()  # the commit without events, and no more
    bench.gate.shut = True
    bench.turn()
    assert bench.gun.answers == []
    assert bench.carrier.handed[NORMAL] == []
    bench.gate.open()
    bench.turn()
    assert bench.gun.outcomes == ["accepted"] * 3
