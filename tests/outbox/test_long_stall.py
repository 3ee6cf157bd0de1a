"""What gathers while the disk stalls is written in bounded commits, and its numbers are right."""

from collections.abc import Callable

from edge_agent.outbox import BATCH_EVENTS_MAX
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def stalled(bench: Bench) -> Bench:
    bench.gate.shut = True
    for number in range(2 * BATCH_EVENTS_MAX + 300):
        assert bench.scan(b"K-%06d" % number)
    bench.turn()
    return bench


def test_a_long_stall_is_written_in_bounded_commits(bench: Bench) -> None:
    stalled(bench).gate.open()
    for _ in range(8):
        bench.turn()
    sizes = [len(batch.rows) for batch in bench.gate.commits]
    assert max(sizes) == BATCH_EVENTS_MAX
    assert bench.outbox.committed_upto == bench.outbox.high


def test_a_cut_between_two_of_them_leaves_no_hole_in_the_numbers(bench: Bench, keep: Keep) -> None:
    stalled(bench)
    for job in bench.gate.waiting():
        job()
    bench.turn()  # the first is on the disk, the second waits for it, and then the power goes
    assert bench.outbox.committed_upto < bench.outbox.high
    again = keep(bench.again())
    again.scan(b"after the cut")
    again.turn()
    numbers = [int(event["streamseq"]) for event in again.events() if "text" in event["data"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_note_waits_for_the_commit_that_has_the_event_it_belongs_to(bench: Bench) -> None:
    stalled(bench)
    bench.outbox.put_aside(0, 3, "too long")
    bench.outbox.explain("", 3, "too long", None)
    for job in bench.gate.waiting():
        job()
    bench.turn()
    bench.gate.open()
    for _ in range(8):
        bench.turn()
    aside = next(batch for batch in bench.gate.commits if batch.aside)
    assert aside.rows[-1][0] == bench.outbox.high  # where its explanation is
