"""Scenario 11: the broker is away from Friday evening to Monday morning, and nobody notices."""

import json
from pathlib import Path

from edge_agent.records import NORMAL, URGENT
from tests.kit.floor_bench import FloorBench
from tests.kit.line_bench import TOPICS, Gun

S = 1_000_000_000
HOURS = 60
SCANS_AN_HOUR = 250
CALLS = 90


def passes(bench: FloorBench, seconds: float) -> None:
    bench.clock.now_ns += round(seconds * S)
    bench.turn(3)


def call_and_answer(bench: FloorBench) -> None:
    """Pull, acknowledge, clear, say nothing: five events with the level that is reached."""
    for name, after_s in (("cord-A2", 61.0), ("ack-A2", 20.0), ("clear-A2", 301.0)):
        wire = bench.wires[name]
        wire.move(False)
        passes(bench, 0.1)
        if name == "cord-A2":
            assert bench.tower("A2") == "yellow flash-2hz", "lights need no broker"
        wire.move(True)
        passes(bench, after_s)
    assert bench.tower("A2") == "green steady"


def test_11_the_broker_is_away_for_a_weekend(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    handler = Gun("gun-9", "A3")
    bench.line.add(handler)
    commits = len(bench.gate.commits)
    scans = calls = 0
    for hour in range(HOURS):
        for _ in range(SCANS_AN_HOUR // 25):
            for _ in range(25):
                scans += 1
                assert bench.scan(b"K-%06d" % scans, gun=handler)
            passes(bench, 60.0)
        while calls < CALLS * (hour + 1) // HOURS:
            calls += 1
            call_and_answer(bench)
        until_ns = bench.began_ns + (hour + 1) * 3_600 * S
        passes(bench, max(until_ns - bench.clock.now_ns, 0) / S)
    assert handler.outcomes == ["accepted"] * scans, "every scan had its light"
    waiting = bench.outbox.dispatch.waiting()
    assert waiting >= HOURS * SCANS_AN_HOUR + CALLS * 5
    used = sum(file.stat().st_size for file in bench.data_dir.rglob("*") if file.is_file())
    assert used < 20_000_000
    assert len(bench.gate.commits) - commits < HOURS * 3_600, "the card is not worn out"

    bench.connect()
    bench.turn(100)  # page by page
    urgent, normal = (bench.carrier.handed[lane] for lane in (URGENT, NORMAL))
    assert len(urgent) + len(normal) == waiting
    before = len(urgent)
    bench.wires["cord-A3"].move(False)
    passes(bench, 0.1)
    assert [json.loads(one.payload)["type"] for one in urgent[before:]] == ["andon.raised"], (
        "a pull in the middle of the drain is handed over at once, in front of what has waited"
    )
    told = [json.loads(one.payload) for one in (*urgent, *normal)]
    numbers = sorted(int(one["sequence"]) for one in told)
    assert numbers == [*range(numbers[0], numbers[-1] + 1)], "no number is missing"
    assert len({one["id"] for one in told}) == len(told)
    for handed in (urgent, normal):
        assert [one.seq for one in handed] == sorted(one.seq for one in handed)
    assert bench.state("A2/state/andon")["calls"] == [], "what was closed long ago lights nothing"
    assert len(bench.state("A3/state/andon")["calls"]) == 1
    true_now = dict(bench.andon.states.true_now(bench.andon.floor, bench.clock.now_ns))
    assert f"{TOPICS.base}/segment/SEG-A/state" in true_now
    bench.acknowledge_all()
    assert bench.outbox.dispatch.waiting() == 0
