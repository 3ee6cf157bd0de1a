"""A backlog behind a slow disk, and the power cut in it: what is told and what is known agree."""

from pathlib import Path

import pytest

from edge_agent.outbox import BATCH_EVENTS_MAX
from tests.kit.floor_bench import FloorBench


def commit_one(bench: FloorBench) -> None:
    """Let the disk finish the commit it is at."""
    for job in bench.gate.waiting():
        job()
    bench.reactor.turn(wait=False)


def backlog(bench: FloorBench, events: int) -> None:
    for number in range(events):
        bench.scan(b"K-%d" % number)


@pytest.mark.parametrize("before", [0, 3, BATCH_EVENTS_MAX - 2, BATCH_EVENTS_MAX + 7])
@pytest.mark.parametrize("commits", [1, 2, 3])
def test_a_pull_in_a_backlog_is_told_and_known_or_neither(
    tmp_path: Path, before: int, commits: int
) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(10.0)
    bench.gate.shut = True
    bench.scan(b"the commit that hangs")
    bench.turn()
    backlog(bench, before)
    bench.pull("cord-A2", 11.0)
    backlog(bench, BATCH_EVENTS_MAX + 50)
    bench.at(12.0)
    for _ in range(commits):
        commit_one(bench)
    after = bench.again(boot="feedbeef").start()
    after.at(14.0)
    told = [one["call"] for one in after.told("andon.raised")]
    assert told == [one.id for _, one in after.andon.floor.open_calls("A2")]
    assert (after.tower("A2") == "yellow flash-2hz") is bool(told)


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_a_start_in_a_backlog_is_told_and_known_or_neither(tmp_path: Path, commits: int) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 5.0)
    bench.pulse(8.0)
    bench.at(10.0)
    bench.gate.shut = True
    bench.scan(b"the commit that hangs")
    bench.turn()
    bench.press("clear-A2", 11.0)
    bench.press("start-a", 17.5)
    backlog(bench, BATCH_EVENTS_MAX + 50)
    bench.at(19.0)
    for _ in range(commits):
        commit_one(bench)
    after = bench.again(boot="feedbeef").start()
    after.at(22.0)
    told = after.stories()
    assert ("stop.ended" in told) is not after.stop_output.on
    assert ("andon.cleared" in told) is not bool(after.andon.floor.open_calls("A2"))
