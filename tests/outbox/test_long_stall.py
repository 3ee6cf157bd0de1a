"""What gathers while the disk stalls is written in bounded commits, and its numbers are right."""

from collections.abc import Callable

from edge_agent.outbox import BATCH_EVENTS_MAX
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def test_a_long_stall_is_written_in_bounded_commits_with_right_numbers(
    bench: Bench, keep: Keep
) -> None:
    bench.gate.shut = True
    for number in range(2 * BATCH_EVENTS_MAX + 300):
        assert bench.scan(b"K-%06d" % number)
    bench.turn()
    bench.gate.open()
    for _ in range(8):
        bench.turn()
    sizes = [len(batch.rows) for batch in bench.gate.commits]
    assert max(sizes) == BATCH_EVENTS_MAX
    told = [(name, upto) for batch in bench.gate.commits for name, upto, _ in batch.snapshots]
    assert ("streams", bench.outbox.high) in told  # never of numbers that a later batch brings
    again = keep(bench.again())
    again.scan(b"after the cut")
    again.turn()
    numbers = [int(event["streamseq"]) for event in again.events() if "text" in event["data"]]
    assert numbers == list(range(1, len(numbers) + 1))
