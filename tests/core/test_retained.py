"""Retained topics are remembered until the broker has said that they are cleared."""

from collections.abc import Callable

from edge_agent.retained import LEFT_MAX, Retained
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def of(bench: Bench, *ours: str) -> tuple[Retained, list[str]]:
    """Begin as a run that has these topics; gives what it clears as well."""
    cleared: list[str] = []
    made = Retained(bench.outbox, cleared.append)
    made.restore(bench.restored.meta)
    made.now(ours)
    bench.turn()
    return made, cleared


def test_what_is_not_ours_any_more_is_cleared_until_the_broker_has_said_so(
    bench: Bench, keep: Keep
) -> None:
    of(bench, "a", "b")
    for _ in range(2):  # no word of the broker: the next run tries as well
        bench = keep(bench.again())
        made, cleared = of(bench, "a")
        assert cleared == ["b"]
    made.cleared("b")
    bench.turn()
    assert of(keep(bench.again()), "a")[1] == []


def test_what_the_broker_did_not_clear_is_cleared_again(bench: Bench) -> None:
    made, cleared = of(bench, "a", "b")
    made.now(["b"])
    made.retry()
    assert cleared == ["a", "a"]
    made.cleared("a")
    made.retry()
    assert cleared == ["a", "a"]


def test_a_topic_that_is_ours_again_is_not_cleared_nor_forgotten(bench: Bench, keep: Keep) -> None:
    of(bench, "a", "b")
    bench = keep(bench.again())
    made, _ = of(bench, "a")
    made.now(["a", "b"])
    made.cleared("b")  # the acknowledgement of the clearing before
    bench.turn()
    assert of(keep(bench.again()), "a")[1] == ["b"]


def test_nothing_is_written_when_nothing_has_changed(bench: Bench, keep: Keep) -> None:
    of(bench, "a")
    again = keep(bench.again())
    commits = len(again.gate.commits)
    of(again, "a")
    assert len(again.gate.commits) == commits


def test_so_many_topics_wait_to_be_cleared_and_the_oldest_beyond_are_left(
    bench: Bench,
) -> None:
    _, cleared = of(bench, *(f"old-{number}" for number in range(LEFT_MAX + 2)))
    made, cleared = of(bench)
    made.now(f"old-{number}" for number in range(LEFT_MAX + 2))
    made.now([])
    assert cleared == [f"old-{number}" for number in range(2, LEFT_MAX + 2)]
