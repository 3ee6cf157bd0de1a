"""Pages of a lane always lead on, whatever is in them."""

from collections.abc import Callable

from edge_agent.records import NORMAL, PAGE_ROWS, Entry
from tests.kit.journals import spoilt
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def test_a_page_with_nothing_to_publish_leads_to_the_next(bench: Bench, keep: Keep) -> None:
    for number in range(PAGE_ROWS + 3):
        assert bench.scan(b"K-%06d" % number)
    bench.turn()
    into = bench.data_dir
    bench.close()
    spoilt(into, f"UPDATE event SET crc = 0 WHERE lane = {NORMAL} AND seq <= {PAGE_ROWS + 1}")
    again = keep(Bench(into, bench.clock))
    given: list[tuple[list[Entry], bool]] = []
    again.outbox.dispatch.page(NORMAL, 0, lambda entries, at_tip: given.append((entries, at_tip)))
    for _ in range(4):
        again.turn()
    ((entries, at_tip),) = given
    assert at_tip
    assert [entry.seq for entry in entries] == [PAGE_ROWS + 2, PAGE_ROWS + 3, PAGE_ROWS + 4]
